"""A stretch of dropped bytes while it grows: counted whole, remembered only by its first bytes."""

from typing import Final

from gateway.wire.telegram import EXCERPT_BYTES, Discarded, DiscardReason, Event

STRETCH_BYTES_MAX: Final = 1024
"""Endless noise is reported at least this often (0.1 s at 115200 baud, 4 s at 2400)."""


class Stretch:
    """Bytes dropped for one reason. A stretch of noise is cut at fixed lengths, so that cutting follows content."""

    def __init__(self, reason: DiscardReason) -> None:
        self._reason = reason
        self._count = 0
        self._excerpt = bytearray()

    def add(self, octets: bytes | bytearray) -> None:
        self._count += len(octets)
        missing = EXCERPT_BYTES - len(self._excerpt)
        if missing > 0:
            self._excerpt += octets[:missing]

    def add_and_cut(self, octets: bytes | bytearray, events: list[Event]) -> None:
        """Adds, and reports each time that the stretch has its greatest length."""
        while octets:
            room = STRETCH_BYTES_MAX - self._count
            self.add(octets[:room])
            octets = octets[room:]
            if self._count == STRETCH_BYTES_MAX:
                self.close(events)

    def close(self, events: list[Event]) -> None:
        """Reports the stretch if it holds anything, and begins a new one."""
        if self._count:
            events.append(Discarded(self._count, self._reason, bytes(self._excerpt)))
            self._count = 0
            self._excerpt = bytearray()
