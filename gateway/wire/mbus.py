"""Wired M-Bus long frames that carry a meter's DLMS push (EN 13757-2; EN 13757-3, CI 00 to 1F).

    68 L L 68 | C | A | CI | STSAP DTSAP data | checksum | 16

The low nibble of CI numbers the segments, its bit 10 marks the last. Austrian meters write lengths of 256 and more
as L - 256 (`68 01 01 68` announces 257).
"""

from collections.abc import Sequence
from typing import Final

from gateway.wire.dlms import DlmsReader
from gateway.wire.scan import MESSAGE_BYTES_MAX, Drop, Held, Keep, Resync, Step, Take
from gateway.wire.telegram import DiscardReason, Form

_SEND_USER_DATA: Final = (0x53, 0x73)
_STOP: Final = 0x16
_LAST: Final = 0x10
_OVERHEAD_BYTES: Final = 6
_HEADER_BYTES: Final = 5
"""C, A, CI, STSAP, DTSAP."""


class MbusGrammar:
    """DLMS over wired M-Bus as one form of the stream."""

    opening = rb"(?:\x68(?P<mbus_length>[\x00-\xff])(?P=mbus_length)\x68)"
    begun = rb"\x68[\x00-\xff]{0,2}"

    def __init__(self, reader: DlmsReader) -> None:
        self._reader = reader
        self._frames = bytearray()
        self._data = bytearray()
        self._segment = 0

    def look(self, held: Held) -> Sequence[Step]:
        """Cuts one frame by its length. See `Grammar`."""
        octets = held.octets
        if len(octets) < 4 + _HEADER_BYTES:
            return (Resync(1, DiscardReason.NOISE),) if held.ended else ()
        length = octets[1] if octets[1] >= _HEADER_BYTES else 0x100 + octets[1]
        if octets[4] not in _SEND_USER_DATA:
            return (Resync(1, DiscardReason.NOISE),)
        size = length + _OVERHEAD_BYTES
        if len(octets) < size:
            return (Resync(len(octets), DiscardReason.TRUNCATED),) if held.ended else ()
        if octets[size - 1] != _STOP or sum(octets[4 : size - 2]) & 0xFF != octets[size - 2]:
            return (Drop(0, DiscardReason.TRUNCATED, self.abandon()), Resync(size, DiscardReason.BAD_CRC))
        return self._frame(octets[:size])

    def abandon(self) -> bytes:
        """Frames of a message whose rest never came."""
        frames = bytes(self._frames)
        self._frames.clear()
        self._data.clear()
        self._segment = 0
        return frames

    def _frame(self, frame: bytearray) -> Sequence[Step]:
        control = frame[6]
        number = control & 0x0F
        steps: list[Step] = []
        if number != self._segment & 0x0F or len(self._frames) + len(frame) > MESSAGE_BYTES_MAX:
            steps.append(Drop(0, DiscardReason.TRUNCATED, self.abandon()))
            if number != 0:
                return [*steps, Drop(len(frame), DiscardReason.TRUNCATED)]
        self._data += frame[4 + _HEADER_BYTES : -2]
        self._segment += 1
        if not control & _LAST:
            self._frames += frame
            return [*steps, Keep(len(frame))]
        message = bytes(self._data)
        kept = self.abandon()
        telegram = self._reader.telegram_of(message, Form.MBUS)
        if isinstance(telegram, DiscardReason):
            return [*steps, Drop(len(frame), telegram, kept)]
        return [*steps, Take(len(frame), telegram, len(kept))]
