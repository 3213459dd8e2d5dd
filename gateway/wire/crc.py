"""The two checksums of the HAN port, without any loop over bytes.

CRC-16/ARC (P1 companion standard 5.0.2, 6.2: x16+x15+x2+1, start 0, least significant bit first) guards P1 telegrams.
Its polynomial is (x+1)(x15+x+1), and squaring gives x^(15k) = x^k + 1 modulo the second factor for every power of two
k. So the whole telegram, taken as one polynomial in a Python integer, folds to 15 bits in a dozen shifts, and its
parity gives the remainder modulo x+1; the two join by the Chinese remainder theorem.

CRC-16/X-25 (ISO/IEC 13239, 4.2.5: x16+x12+x5+1, start and end inverted, least significant bit first) guards HDLC
frames. It is the mirror image of the CRC of `binascii`.
"""

import binascii
from typing import Final

_MIRROR: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in opposite order."""

_TRINOMIAL: Final = 0b1000_0000_0000_0011
"""x15 + x + 1."""

_FOLDS: Final = tuple((15 << k, 1 << k, (1 << (15 << k)) - 1) for k in range(12, -1, -1))
"""(where the upper part begins, how far its second copy is shifted, mask of the lower part), widest first."""


def _mirror_16(word: int) -> int:
    return _MIRROR[word & 0xFF] << 8 | _MIRROR[word >> 8]


def crc16_arc(octets: bytes | bytearray) -> int:
    """CRC-16/ARC of the octets, 0..65535. `crc16_arc(b"123456789") == 0xBB3D`. Linear up to about 8 kB."""
    polynomial = int.from_bytes(octets.translate(_MIRROR), "big")
    odd = polynomial.bit_count() & 1
    polynomial <<= 16
    for begin, shift, lower in _FOLDS:
        while polynomial > lower:
            upper = polynomial >> begin
            polynomial = (polynomial & lower) ^ upper ^ (upper << shift)
    if polynomial.bit_count() & 1 != odd:
        polynomial ^= _TRINOMIAL
    return _mirror_16(polynomial)


def crc16_x25(octets: bytes | bytearray) -> int:
    """CRC-16/X-25 of the octets, 0..65535; sent low byte first. `crc16_x25(b"123456789") == 0x906E`."""
    return _mirror_16(binascii.crc_hqx(octets.translate(_MIRROR), 0xFFFF)) ^ 0xFFFF
