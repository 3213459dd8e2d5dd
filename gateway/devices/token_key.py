"""A signing key that was made on a PKCS#11 token (a security module, a smart card, a TPM) and cannot leave it.

This file alone touches python-pkcs11 (extra `pkcs11`), and imports it only where a key lies on a token. PKCS#11 2.40:
CKM_EC_KEY_PAIR_GEN makes the pair, CKM_ECDSA (current mechanisms, 2.3.6) signs a digest and gives r and s.
"""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gateway.errors import ConfigMistake, DeviceError, Mistake
from gateway.metering.keys import POINT_BYTES, NotAKey, PublicKey, public_key, with_low_s

if TYPE_CHECKING:
    from pkcs11 import Session, SignMixin, Token

P256_PARAMETERS: Final = bytes.fromhex("06082A8648CE3D030107")
"""DER of the curve's name, prime256v1 (RFC 5480, 2.1.1.1)."""
POINT_HEADER: Final = bytes.fromhex("0441")
"""A point of 65 bytes as DER octet string; a few tokens leave it out."""
COORDINATE_BYTES: Final = 32
ID_BYTES: Final = 16


class PinRefused(ConfigMistake):
    """The token does not take this PIN; each further try may be the one that locks it."""


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where a key lies. module: the vendor's library; token, label: as the token names itself and the key; pin_file:
    one line, mode 0600."""

    module: Path
    token: str
    pin_file: Path
    label: str


class TokenKey:
    """A P-256 key that signs (`SignerKey`); one signature takes 10 to 500 ms. key_id: CKA_ID of the pair."""

    def __init__(self, private: "SignMixin", public: PublicKey, place: TokenPlace, key_id: bytes) -> None:
        self._private = private
        self._public = public
        self._place = place
        self.key_id = key_id

    @property
    def public_key_hex(self) -> str:
        return self._public.hex

    def sign(self, payload: bytes) -> bytes:
        """As `SignerKey`. Raises DeviceError if the token is gone, or gives what its public key does not prove."""
        from pkcs11 import Mechanism, PKCS11Error

        try:
            pair = bytes(self._private.sign(sha256(payload).digest(), mechanism=Mechanism.ECDSA))
        except PKCS11Error as problem:
            raise DeviceError(f"token {self._place.token} does not sign: {_words(problem)}") from None
        r, s = (int.from_bytes(half) for half in (pair[:COORDINATE_BYTES], pair[COORDINATE_BYTES:]))
        signature = with_low_s(encode_dss_signature(r, s))
        if not self._public.verifies(payload, signature):
            raise DeviceError(f"token {self._place.token} gave a signature that its public key does not prove")
        return signature

    @classmethod
    def make(cls, place: TokenPlace, pin: str) -> "TokenKey":
        """Makes a new pair on the token, beside those that bear the label. Raises ConfigMistake, DeviceError."""
        token = _token(place)
        from pkcs11 import Attribute, KeyType, MechanismFlag, PKCS11Error

        session, key_id = _session(token, place, pin, writes=True), os.urandom(ID_BYTES)
        try:
            curve = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: P256_PARAMETERS}, local=True)
            curve.generate_keypair(
                id=key_id,
                label=place.label,
                store=True,
                capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
                private_template={
                    Attribute.PRIVATE: True,
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                },
            )
        except PKCS11Error as problem:
            raise DeviceError(f"token {place.token} makes no P-256 key: {_words(problem)}") from None
        return _key_in(session, place, key_id)

    @classmethod
    def load(cls, place: TokenPlace, pin: str, key_id: bytes) -> "TokenKey":
        """The pair that bears the id, its public part as the token has it. Raises ConfigMistake, DeviceError."""
        return _key_in(_session(_token(place), place, pin), place, key_id)

    @staticmethod
    def destroy(place: TokenPlace, pin: str, key_id: bytes) -> None:
        """Takes the pair from the token for good. Raises ConfigMistake, DeviceError."""
        token = _token(place)
        from pkcs11 import Attribute, PKCS11Error

        session = _session(token, place, pin, writes=True)
        try:
            for found in list(session.get_objects({Attribute.ID: key_id, Attribute.LABEL: place.label})):
                found.destroy()
        except PKCS11Error as problem:
            raise DeviceError(f"token {place.token} keeps the key before: {_words(problem)}") from None


def _token(place: TokenPlace) -> "Token":
    try:
        import pkcs11
    except ImportError:
        remedy = "Run: pip install 'laddvakt[pkcs11]'"
        raise _mistake("module", str(place.module), "The extra pkcs11 is not installed.", remedy) from None
    if not place.module.is_file():
        raise _mistake("module", str(place.module), "There is no such file.", "Install the token's PKCS#11 library.")
    try:
        found = list(pkcs11.lib(str(place.module)).get_tokens(token_label=place.token))
    except pkcs11.PKCS11Error as problem:
        remedy = "Name the token's PKCS#11 library, and see that the daemon may reach the token."
        raise _mistake("module", str(place.module), f"It does not start: {_words(problem)}.", remedy) from None
    if len(found) != 1:
        seen = "No token bears" if not found else f"{len(found)} tokens bear"
        raise _mistake("token", place.token, f"{seen} this label.", "Plug in the one that holds the key.")
    return found[0]


def _session(token: "Token", place: TokenPlace, pin: str, *, writes: bool = False) -> "Session":
    """Logged in. A process is logged in to a token once, for all its sessions; they live as long as it does."""
    import pkcs11

    locked = pkcs11.TokenFlag.USER_PIN_LOCKED | pkcs11.TokenFlag.USER_PIN_FINAL_TRY
    if token.flags & locked:
        raise _mistake("pin_file", str(place.pin_file), "The next wrong PIN locks it, or one did.", "Log in by hand.")
    try:
        return token.open(rw=writes, user_pin=pin)
    except pkcs11.UserAlreadyLoggedIn:
        return token.open(rw=writes)
    except (pkcs11.PinIncorrect, pkcs11.PinLenRange, pkcs11.PinInvalid, pkcs11.PinLocked, pkcs11.PinExpired) as problem:
        told = _mistake("pin_file", str(place.pin_file), f"The token refuses it: {_words(problem)}.", "Correct it.")
        raise PinRefused(told.file, told.mistakes) from None
    except pkcs11.PKCS11Error as problem:
        raise DeviceError(f"token {place.token} cannot be opened: {_words(problem)}") from None


def _key_in(session: "Session", place: TokenPlace, key_id: bytes) -> TokenKey:
    from pkcs11 import Attribute, NoSuchKey, ObjectClass, PKCS11Error

    try:
        private = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=place.label, id=key_id)
        shown = session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=place.label, id=key_id)
        point = bytes(shown[Attribute.EC_POINT])
        is_safe = private[Attribute.SENSITIVE] and not private[Attribute.EXTRACTABLE]
    except NoSuchKey:
        remedy = "Plug in the token that it was made on; a key that is lost needs a new journal."
        raise _mistake("label", place.label, f"Token {place.token} does not hold the journal's key.", remedy) from None
    except PKCS11Error as problem:
        raise DeviceError(f"token {place.token} cannot be read: {_words(problem)}") from None
    if not is_safe:
        raise _mistake("label", place.label, "This key can leave the token.", "Use a token that keeps its keys.")
    try:
        public = public_key(bare_point(point).hex())
    except NotAKey:
        raise DeviceError(f"token {place.token} shows no point of P-256 for key {place.label}") from None
    return TokenKey(cast("SignMixin", private), public, place, key_id)


def bare_point(shown: bytes) -> bytes:
    """04, x and y: known by its length, since x of a point without header may begin as the header ends."""
    return shown.removeprefix(POINT_HEADER) if len(shown) == len(POINT_HEADER) + POINT_BYTES else shown


def _words(problem: Exception) -> str:
    return f"{type(problem).__name__} {problem}".strip()


def _mistake(path: str, value: str, problem: str, remedy: str) -> ConfigMistake:
    return ConfigMistake("config", (Mistake(f"signing_token.{path}", value, problem, remedy),))
