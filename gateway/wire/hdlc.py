"""HDLC frames that carry a meter's DLMS push (ISO/IEC 13239, 4.9 frame format type 3; IEC 62056-46).

    7E | A LLL | destination | source | control | HCS | [E6 E7 00] message | FCS | 7E

LLL counts the bytes between the flags; bit 08 of the first says that more segments follow. There is no octet
stuffing: 7E occurs inside, so a frame is cut by its length. One flag may close a frame and open the next. Messages
may come in segments, or as general block transfer (tag E0; Landis+Gyr E450).
"""

from collections.abc import Sequence
from typing import Final

from gateway.wire.crc import crc16_x25
from gateway.wire.dlms import DlmsReader
from gateway.wire.scan import MESSAGE_BYTES_MAX, Drop, Held, Keep, Resync, Step, Take
from gateway.wire.telegram import DiscardReason, Form

FLAG: Final = 0x7E
_SEGMENTED: Final = 0x08
_LLC: Final = b"\xe6\xe7\x00"
_ADDRESS_BYTES_MAX: Final = 4
_BLOCK_TRANSFER: Final = 0xE0
_LAST_BLOCK: Final = 0x80
_BLOCK_HEADER_BYTES: Final = 6
_LENGTH_MIN: Final = 9
"""Format 2, addresses 1 and 1, control 1, HCS 2, FCS 2."""


class HdlcGrammar:
    """DLMS over HDLC as one form of the stream."""

    opening = rb"\x7e[\xa0-\xaf]"
    begun = rb"\x7e"

    def __init__(self, reader: DlmsReader) -> None:
        self._reader = reader
        self._frames = bytearray()
        self._segments = bytearray()
        self._blocks = bytearray()
        self._block_number = 0

    def look(self, held: Held) -> Sequence[Step]:
        """Cuts one frame by its length. See `Grammar`."""
        octets = held.octets
        if len(octets) < 3:
            return (Resync(len(octets), DiscardReason.NOISE),) if held.ended else ()
        length = (octets[1] & 0x07) << 8 | octets[2]
        header_end = _header_end(octets)
        if length < _LENGTH_MIN or header_end is None or header_end + 2 > length - 1:
            return (Resync(1, DiscardReason.NOISE),)
        if header_end == 0 or len(octets) < header_end + 2:
            return (Resync(len(octets), DiscardReason.TRUNCATED),) if held.ended else ()
        if crc16_x25(octets[1:header_end]) != int.from_bytes(octets[header_end : header_end + 2], "little"):
            return (Resync(1, DiscardReason.NOISE),)
        if len(octets) < length + 2:
            if not held.ended:
                return ()
            reason = DiscardReason.TEXT_MODE if _was_in_text_mode(octets) else DiscardReason.TRUNCATED
            return (Resync(len(octets), reason),)
        fcs = int.from_bytes(octets[length - 1 : length + 1], "little")
        if octets[length + 1] != FLAG or crc16_x25(octets[1 : length - 1]) != fcs:
            frame = octets[: length + 2]
            reason = DiscardReason.TEXT_MODE if _was_in_text_mode(frame) else DiscardReason.BAD_CRC
            return (*self._given_up(), Resync(length + 2, reason))
        return self._frame(octets[: length + 1], bytes(octets[header_end + 2 : length - 1]))

    def abandon(self) -> bytes:
        """Frames of a message whose rest never came."""
        frames = bytes(self._frames)
        self._forget()
        return frames

    def _given_up(self) -> Sequence[Step]:
        """A frame was lost: what came before it must never be joined to the rest of another message."""
        frames = self.abandon()
        return (Drop(0, DiscardReason.TRUNCATED, frames),) if frames else ()

    def _forget(self) -> None:
        self._frames.clear()
        self._segments.clear()
        self._blocks.clear()
        self._block_number = 0

    def _frame(self, frame: bytearray, information: bytes) -> Sequence[Step]:
        """A whole frame with a right checksum: a message, or one piece of one."""
        size = len(frame)
        steps: list[Step] = []
        if self._segments and information.startswith(_LLC):
            steps += self._given_up()
        self._segments += information
        if frame[1] & _SEGMENTED:
            return [*steps, *self._keep(frame)]
        message = bytes(self._segments).removeprefix(_LLC)
        self._segments.clear()
        if message[:1] == bytes((_BLOCK_TRANSFER,)):
            return [*steps, *self._block(frame, message)]
        if self._block_number:
            steps += self._given_up()
        return [*steps, self._message(size, message)]

    def _block(self, frame: bytearray, message: bytes) -> Sequence[Step]:
        """One block of a general block transfer: tag, control, number (2), acknowledged (2), length, data."""
        number = int.from_bytes(message[2:4], "big")
        steps: list[Step] = []
        if number != self._block_number + 1:
            steps += self._given_up()
            if number != 1:
                return [*steps, Drop(len(frame), DiscardReason.TRUNCATED, shared=True)]
        data = _block_data(message)
        if data is None:
            return [*steps, Drop(len(frame), DiscardReason.UNKNOWN_LAYOUT, self.abandon(), shared=True)]
        self._block_number = number
        self._blocks += data
        if message[1] & _LAST_BLOCK:
            return [*steps, self._message(len(frame), bytes(self._blocks))]
        return [*steps, *self._keep(frame)]

    def _keep(self, frame: bytearray) -> Sequence[Step]:
        if len(self._frames) + len(frame) > MESSAGE_BYTES_MAX:
            return (Drop(len(frame), DiscardReason.OVERLONG, self.abandon(), shared=True),)
        self._frames += frame
        self._frames.append(FLAG)
        return (Keep(len(frame), shared=True),)

    def _message(self, size: int, message: bytes) -> Step:
        kept = self.abandon()
        telegram = self._reader.telegram_of(message, Form.HDLC)
        if isinstance(telegram, DiscardReason):
            return Drop(size, telegram, kept, shared=True)
        return Take(size, telegram, len(kept), shared=True)


def _header_end(held: bytearray) -> int | None:
    """Where the header check sequence begins; 0 if more bytes are needed, None if the addresses are too long."""
    position = 3
    for _ in range(2):
        for octets in range(_ADDRESS_BYTES_MAX + 1):
            if octets == _ADDRESS_BYTES_MAX:
                return None
            if position >= len(held):
                return 0
            position += 1
            if held[position - 1] & 1:
                break
    return position + 1


def _block_data(message: bytes) -> bytes | None:
    """The data of a block, None if its announced length does not fit."""
    if len(message) <= _BLOCK_HEADER_BYTES:
        return None
    length = message[_BLOCK_HEADER_BYTES]
    begin = _BLOCK_HEADER_BYTES + 1
    if length & 0x80:
        octets = length & 0x7F
        length = int.from_bytes(message[begin : begin + octets], "big")
        begin += octets
    data = message[begin:]
    return data if len(data) == length else None


def _was_in_text_mode(frame: bytearray) -> bool:
    """Whether a bridge turned every 0A into 0D 0A: then no 0A stands without its 0D."""
    pairs = frame.count(b"\r\n")
    return pairs >= 2 and pairs == frame.count(b"\n")
