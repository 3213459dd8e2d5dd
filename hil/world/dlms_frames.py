"""Frames around a DLMS message: HDLC (ISO/IEC 13239, frame format type 3), segments, general block transfer, wired
M-Bus long frames (EN 13757-2), and general-glo-ciphering (DLMS UA 1000-2; IEC 62056-5-3)."""

import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hil.world.crc import crc16_x25

LLC = b"\xe6\xe7\x00"
SYSTEM_TITLE = b"LVK\x67\x00\x00\x00\x01"
ENCRYPTION_KEY = bytes.fromhex("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
AUTHENTICATION_KEY = bytes.fromhex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf")
_BLOCK_LAST = 0x80
_BLOCK_STREAMING = 0x40


def hdlc(
    information: bytes, *, address: bytes = b"\x41\x08\x83", control: int = 0x13, llc: bool = True, more: bool = False
) -> bytes:
    """One frame with both flags. address: destination and source; more: further segments follow."""
    content = (LLC if llc else b"") + information
    length = 2 + len(address) + 1 + 2 + len(content) + 2
    if length > 0x7FF:
        raise ValueError(f"an HDLC frame of {length} bytes does not exist")
    head = bytes((0xA0 | (0x08 if more else 0) | length >> 8, length & 0xFF)) + address + bytes((control,))
    checked = head + crc16_x25(head).to_bytes(2, "little") + content
    return b"\x7e" + checked + crc16_x25(checked).to_bytes(2, "little") + b"\x7e"


def hdlc_segments(message: bytes, size: int) -> bytes:
    """The message in frames of at most so many bytes of it; all but the last say that more follow."""
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(hdlc(part, llc=at == 0, more=at < len(parts) - 1) for at, part in enumerate(parts))


def hdlc_blocks(message: bytes, size: int) -> bytes:
    """The message by general block transfer, as Landis+Gyr E450 sends it."""
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    frames = []
    for at, part in enumerate(parts):
        mark = _BLOCK_LAST if at == len(parts) - 1 else 0
        head = bytes((0xE0, _BLOCK_STREAMING | mark)) + struct.pack(">HH", at + 1, 0) + length_octets(len(part))
        frames.append(hdlc(head + part, address=b"\xce\xff\x03", llc=at == 0))
    return b"".join(frames)


def mbus_segments(message: bytes, size: int) -> bytes:
    """The message in long frames; CI counts the segments, 10 marks the last. Lengths from 256 are written less 256."""
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    frames = []
    for at, part in enumerate(parts):
        content = bytes((0x53, 0xFF, at & 0x0F | (0x10 if at == len(parts) - 1 else 0), 0x01, 0x67)) + part
        length = len(content) & 0xFF
        frames.append(bytes((0x68, length, length, 0x68)) + content + bytes((sum(content) & 0xFF, 0x16)))
    return b"".join(frames)


def length_octets(length: int) -> bytes:
    """A length as A-XDR writes it."""
    if length < 0x80:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def ciphered(message: bytes, counter: int, *, authenticated: bool) -> bytes:
    """General-glo-ciphering with the keys of this world; with its 12-byte tag if authenticated."""
    security = b"\x30" if authenticated else b"\x21"
    frame_counter = struct.pack(">I", counter)
    additional = security + AUTHENTICATION_KEY if authenticated else None
    sealed = AESGCM(ENCRYPTION_KEY).encrypt(SYSTEM_TITLE + frame_counter, message, additional)
    content = security + frame_counter + (sealed[:-4] if authenticated else sealed[:-16])
    return b"\xdb\x08" + SYSTEM_TITLE + length_octets(len(content)) + content
