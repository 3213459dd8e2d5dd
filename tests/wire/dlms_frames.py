"""DLMS pushes made for tests: A-XDR values, makers' lists, HDLC and M-Bus frames, ciphering. An own bitwise FCS."""

import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

A_TIME = bytes.fromhex("07ea0b1506160a00ff800000")
"""2026-11-21, Saturday, 22:10:00, no deviation."""
A_TIME_TEXT = "2026-11-21 22:10:00 dev=n/a status=00"
SYSTEM_TITLE = b"TST\x00\x01\x02\x03\x04"
COUNTER = bytes.fromhex("00000201")


def x25(octets: bytes) -> int:
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register ^ 0xFFFF


def octets_of(value: bytes) -> bytes:
    return bytes((0x09, len(value))) + value


def code_of(*groups: int) -> bytes:
    return octets_of(bytes((*groups, 0xFF)))


def u32(value: int) -> bytes:
    return b"\x06" + struct.pack(">I", value)


def u16(value: int) -> bytes:
    return b"\x12" + struct.pack(">H", value)


def i16(value: int) -> bytes:
    return b"\x10" + struct.pack(">h", value)


def structure(*values: bytes) -> bytes:
    return bytes((0x02, len(values))) + b"".join(values)


def array(*values: bytes) -> bytes:
    return bytes((0x01, len(values))) + b"".join(values)


def scaled(code: bytes, value: bytes, scaler: int, unit: int) -> bytes:
    return structure(code, value, structure(b"\x0f" + struct.pack(">b", scaler), bytes((0x16, unit))))


def notification(body: bytes, time: bytes = b"\x00") -> bytes:
    return b"\x0f\x40\x00\x00\x00" + time + body


AIDON = array(
    structure(code_of(0, 0, 1, 0, 0), octets_of(A_TIME)),
    scaled(code_of(1, 0, 1, 7, 0), u32(2415), 0, 27),
    scaled(code_of(1, 0, 2, 7, 0), u32(0), 0, 27),
    scaled(code_of(1, 0, 31, 7, 0), i16(-50), -1, 33),
    scaled(code_of(1, 0, 51, 7, 0), i16(30), -1, 33),
    scaled(code_of(1, 0, 71, 7, 0), i16(35), -1, 33),
    scaled(code_of(1, 0, 32, 7, 0), u16(2301), -1, 35),
    scaled(code_of(1, 0, 52, 7, 0), u16(2298), -1, 35),
    scaled(code_of(1, 0, 72, 7, 0), u16(2314), -1, 35),
    scaled(code_of(1, 0, 1, 8, 0), u32(1234567), 0, 30),
)

KAIFA_VALUES = (
    octets_of(b"KFM_001"),
    octets_of(b"1234567890123456"),
    octets_of(b"MA304H4"),
    *(u32(value) for value in (2415, 0, 0, 17, 5012, 3012, 2512, 2301, 2298, 2314)),
)
KAIFA_18 = structure(*KAIFA_VALUES, octets_of(A_TIME), *(u32(value) for value in (1234567, 89010, 4, 5)))


def kamstrup(type_number: bytes) -> bytes:
    pairs = [
        (code_of(1, 1, 0, 0, 5), octets_of(b"1234567890123456")),
        (code_of(1, 1, 96, 1, 1), octets_of(type_number)),
        (code_of(1, 1, 1, 7, 0), u32(2415)),
        (code_of(1, 1, 2, 7, 0), u32(0)),
        (code_of(1, 1, 31, 7, 0), u32(512)),
        (code_of(1, 1, 51, 7, 0), u32(301)),
        (code_of(1, 1, 71, 7, 0), u32(260)),
        (code_of(1, 1, 32, 7, 0), u16(230)),
        (code_of(1, 1, 52, 7, 0), u16(229)),
        (code_of(1, 1, 72, 7, 0), u16(231)),
        (code_of(1, 1, 1, 8, 0), u32(1234567)),
    ]
    return structure(octets_of(b"Kamstrup_V0001"), *(part for pair in pairs for part in pair))


def hdlc(information: bytes, *, llc: bool = True, segmented: bool = False, control: int = 0x13) -> bytes:
    """One frame with both flags."""
    content = (b"\xe6\xe7\x00" if llc else b"") + information
    length = 2 + 1 + 2 + 1 + 2 + len(content) + 2
    head = bytes((0xA0 | (0x08 if segmented else 0) | length >> 8, length & 0xFF, 0x41, 0x08, 0x83, control))
    checked = head + x25(head).to_bytes(2, "little") + content
    return b"\x7e" + checked + x25(checked).to_bytes(2, "little") + b"\x7e"


def block(number: int, data: bytes, *, last: bool) -> bytes:
    length = bytes((len(data),)) if len(data) < 0x80 else bytes((0x81, len(data)))
    return bytes((0xE0, 0xC0 if last else 0x40)) + struct.pack(">HH", number, 0) + length + data


def mbus(data: bytes, *, segment: int = 0, last: bool = True) -> bytes:
    content = bytes((0x53, 0xFF, segment | (0x10 if last else 0), 0x01, 0x67)) + data
    length = len(content) & 0xFF
    return bytes((0x68, length, length, 0x68)) + content + bytes((sum(content) & 0xFF, 0x16))


def ciphered(message: bytes, ek: bytes, ak: bytes | None) -> bytes:
    """General-glo-ciphering, with a tag if there is an authentication key."""
    security = b"\x30" if ak is not None else b"\x20"
    sealed = AESGCM(ek).encrypt(SYSTEM_TITLE + COUNTER, message, security + ak if ak is not None else None)
    content = security + COUNTER + (sealed[:-4] if ak is not None else sealed[:-16])
    return b"\xdb\x08" + SYSTEM_TITLE + b"\x82" + struct.pack(">H", len(content)) + content
