"""General-glo-ciphered DLMS messages: AES-128-GCM (IEC 62056-5-3, 5.7 and 9.2.7; DLMS UA 1000-2).

    DB | length, system title | length | security control | frame counter (4) | ciphertext [| tag (12)]

IV = system title, frame counter; additional data = security control, authentication key. Not met in Sweden so far;
Danish Kamstrup, Austrian, Swiss and Polish meters send it.
"""

from dataclasses import dataclass
from typing import Final

from gateway.wire.axdr import AxdrReader
from gateway.wire.telegram import DiscardReason

GENERAL_GLO_CIPHERING: Final = 0xDB
_SYSTEM_TITLE_BYTES: Final = 8
_TAG_BYTES: Final = 12
_AUTHENTICATED: Final = 0x10
_ENCRYPTED: Final = 0x20
_FIRST_COUNTER: Final = (2).to_bytes(4, "big")
"""GCM encrypts its first block with counter 2 (NIST SP 800-38D, 7.1)."""


@dataclass(frozen=True, slots=True, repr=False)
class MeterKeys:
    """The keys that the grid company gives out: 16 bytes each. Never shown or logged."""

    encryption: bytes
    authentication: bytes | None = None


def deciphered(apdu: bytes, keys: MeterKeys | None) -> bytes | DiscardReason:
    """The message inside, or why it cannot be had. May raise NotAxdr if lengths do not fit."""
    reader = AxdrReader(apdu, 1)
    system_title = reader.take(reader.length())
    content = AxdrReader(reader.take(reader.length()))
    security = content.take(1)
    counter = content.take(4)
    rest = content.rest()
    if not security[0] & _ENCRYPTED or len(system_title) != _SYSTEM_TITLE_BYTES or not reader.at_end:
        return DiscardReason.UNKNOWN_LAYOUT
    authenticated = bool(security[0] & _AUTHENTICATED)
    if keys is None or (authenticated and keys.authentication is None):
        return DiscardReason.NO_KEY
    return _opened(security, system_title + counter, rest, keys)


def _opened(security: bytes, iv: bytes, rest: bytes, keys: MeterKeys) -> bytes | DiscardReason:
    """Deciphers. The library is loaded with the first encrypted message: most meters never send one."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CTR, GCM

    if not security[0] & _AUTHENTICATED:
        decryptor = Cipher(AES(keys.encryption), CTR(iv + _FIRST_COUNTER)).decryptor()
        return decryptor.update(rest) + decryptor.finalize()
    if len(rest) < _TAG_BYTES or keys.authentication is None:
        return DiscardReason.UNKNOWN_LAYOUT
    mode = GCM(iv, rest[-_TAG_BYTES:], min_tag_length=_TAG_BYTES)
    opener = Cipher(AES(keys.encryption), mode).decryptor()
    opener.authenticate_additional_data(security + keys.authentication)
    try:
        return opener.update(rest[:-_TAG_BYTES]) + opener.finalize()
    except InvalidTag:
        return DiscardReason.WRONG_KEY
