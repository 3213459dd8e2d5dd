"""A-XDR: the data of a DLMS message as nested Python values (IEC 62056-6-2; IEC 61334-6).

Integers and enumerations become `int`, octet strings, visible strings and times `bytes`, arrays and structures
`list`, null `None`, floats `float`.
"""

import struct
from typing import Final

DEPTH_MAX: Final = 8
"""The deepest list seen in a meter's push is 4 (array of structures with a structure of scaler and unit)."""

Value = int | float | bytes | None | list["Value"]

_NUMBERS: Final = {
    0x03: ">B",  # boolean
    0x05: ">i",
    0x06: ">I",
    0x0F: ">b",
    0x10: ">h",
    0x11: ">B",
    0x12: ">H",
    0x14: ">q",
    0x15: ">Q",
    0x16: ">B",  # enum
    0x17: ">f",
    0x18: ">d",
}
_TEXTS: Final = frozenset((0x09, 0x0A, 0x0C))
_TIMES: Final = {0x19: 12, 0x1A: 5, 0x1B: 4}


class NotAxdr(Exception):  # noqa: N818 - it says what the octets are not
    """The octets are no A-XDR data: an unknown tag, or more announced than there is."""


class AxdrReader:
    """Reads values from octets, one after the other."""

    def __init__(self, octets: bytes, position: int = 0) -> None:
        self._octets = octets
        self.position = position

    def take(self, count: int) -> bytes:
        """The next octets as they are."""
        end = self.position + count
        if end > len(self._octets):
            raise NotAxdr("ends early")
        taken = self._octets[self.position : end]
        self.position = end
        return taken

    def rest(self) -> bytes:
        """All octets that are left."""
        return self.take(len(self._octets) - self.position)

    def length(self) -> int:
        """A length: one octet below 0x80, else 0x80 plus the number of octets that hold it."""
        first = self.take(1)[0]
        return first if first < 0x80 else int.from_bytes(self.take(first & 0x7F), "big")

    def value(self, depth: int = 0) -> Value:
        """The next value with its tag."""
        tag = self.take(1)[0]
        if tag in _NUMBERS:
            form = _NUMBERS[tag]
            number: int | float = struct.unpack(form, self.take(struct.calcsize(form)))[0]
            return number
        if tag in _TEXTS:
            return self.take(self.length())
        if tag in (0x01, 0x02):
            count = self.length()
            if depth == DEPTH_MAX or count > len(self._octets) - self.position:
                raise NotAxdr("too deep or too long")
            return [self.value(depth + 1) for _ in range(count)]
        if tag == 0x00:
            return None
        if tag in _TIMES:
            return self.take(_TIMES[tag])
        if tag == 0x04:
            return self.take((self.length() + 7) // 8)
        raise NotAxdr(f"tag {tag:02X}")

    @property
    def at_end(self) -> bool:
        return self.position == len(self._octets)
