"""Public keys and signatures: ECDSA over SHA-256, DER, as OCMF names the curves (OCMF 1.3 table 22)."""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""n of secp256r1 (FIPS 186-4, D.1.2.3)."""
POINT_BYTES: Final = 65
"""04, x and y of a P-256 point (SEC 1, 2.3.3). No SubjectPublicKeyInfo is so short."""

_METHOD_OF_CURVE: Final = {
    "secp192r1": "ECDSA-secp192r1-SHA256",
    "secp256k1": "ECDSA-secp256k1-SHA256",
    "secp256r1": "ECDSA-secp256r1-SHA256",
    "secp384r1": "ECDSA-secp384r1-SHA256",
    "brainpoolP256r1": "ECDSA-brainpool256r1-SHA256",
    "brainpoolP384r1": "ECDSA-brainpool384r1-SHA256",
}


class NotAKey(ValueError):  # noqa: N818 - names what the text is
    """The text holds no public key of a curve that OCMF knows."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that somebody vouches for. method: the only `SA` that its records may name."""

    spki: bytes
    method: str
    _key: ec.EllipticCurvePublicKey

    @property
    def hex(self) -> str:
        return self.spki.hex().upper()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo in lower-case hex."""
        return sha256(self.spki).hexdigest()

    @property
    def serial(self) -> str:
        """GS of the gateway that signs with it: the first 16 hex digits of the fingerprint."""
        return self.fingerprint[:16].upper()

    @property
    def pem(self) -> str:
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def verifies(self, payload: bytes, signature: bytes) -> bool:
        """True if the DER signature is this key's over exactly these bytes."""
        try:
            self._key.verify(signature, payload, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def public_key(text: str) -> PublicKey:
    """Reads a SubjectPublicKeyInfo from PEM, or from DER in hex or base64; or a point of P-256 as a label shows it: 130
    hex digits, blanks between them or none. Raises NotAKey."""
    try:
        if "-----BEGIN" in text:
            key = load_pem_public_key(text.strip().encode("ascii"))
        else:
            octets = _der("".join(text.split()))
            key = _point(octets) if len(octets) == POINT_BYTES else load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise NotAKey(f"no public key: {problem}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _METHOD_OF_CURVE:
        raise NotAKey("no public key of a curve that OCMF knows")
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(spki, _METHOD_OF_CURVE[key.curve.name], key)


def _point(octets: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)


def _der(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise NotAKey("neither PEM, nor hex, nor base64") from None


def with_low_s(signature: bytes) -> bytes:
    """The same P-256 signature with s in the lower half, so that nobody can make a second one from it."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, min(s, P256_ORDER - s))


def has_low_s(signature: bytes) -> bool:
    """False if s of a P-256 signature lies in the upper half. Raises ValueError if it is not DER."""
    return decode_dss_signature(signature)[1] <= P256_ORDER // 2
