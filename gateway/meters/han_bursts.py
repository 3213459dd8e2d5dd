"""The HAN port's octets cut into bursts: what comes between two pauses of the line.

Meters send a burst each 1 to 10 s and are quiet between. What no telegram took of a burst is kept, up to a bound, so
that it can be looked at as a whole.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

PAUSE_S: Final = 0.4
"""A pause ends a burst. Landis+Gyr E360 makes pauses inside a telegram, shorter than this."""
KEPT_BYTES_MAX: Final = 2048
UNENDING_S: Final = 12.0
"""Longer than any telegram takes: 1.2 kB at 2400 baud take 5.4 s."""
_MARKS_MAX: Final = 8192


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst. octets: those that no telegram took, at most 2048; begins, ends: places in the stream; telegrams:
    how many it held; whole: the line was seen quiet before it, or it went on for so long that it need not have been;
    unending: octets came for 12 s without a pause and without a telegram; lasted_s: first octets to last."""

    octets: bytes
    begins: int
    ends: int
    telegrams: int
    whole: bool
    unending: bool = False
    lasted_s: float = 0.0


class Bursts:
    """Fed with octets and the seconds at which they came; gives each burst when it has ended."""

    def __init__(self) -> None:
        self.place = 0
        self._begins = 0
        self._telegrams = 0
        self._kept = bytearray()
        self._begun_s = 0.0
        self._taken_s = 0.0
        self._last_s: float | None = None
        self._opened_s = 0.0
        self._whole = False
        self._marks: deque[tuple[int, float]] = deque(maxlen=_MARKS_MAX)

    @property
    def begins(self) -> int:
        """Where the burst that comes just now begins."""
        return self._begins

    @property
    def telegrams(self) -> int:
        """How many telegrams the burst that comes just now has held so far."""
        return self._telegrams

    @property
    def kept(self) -> bytearray:
        """What no telegram has taken so far of the burst that comes just now. To look at only."""
        return self._kept

    def opened(self, now_s: float) -> None:
        """The line was opened; what came before it is no burst. Octets that come at once are a burst joined midway."""
        self._forget()
        self._last_s = None
        self._opened_s = now_s

    def came(self, octets: bytes, now_s: float) -> Burst | None:
        """Takes octets in. Gives the burst before them if a pause ended it, or this one if it went on too long."""
        ended = self.look(now_s)
        if not self._kept and not self._telegrams:
            quiet_since_s = self._opened_s if self._last_s is None else self._last_s
            self._whole = now_s - quiet_since_s >= PAUSE_S
            self._begun_s = self._taken_s = now_s
        self._kept += octets
        self.place += len(octets)
        self._last_s = now_s
        self._marks.append((self.place, now_s))
        return ended

    def look(self, now_s: float) -> Burst | None:
        """The burst that has ended by now, if one has."""
        if self._last_s is None or not (self._kept or self._telegrams):
            return None
        if now_s - self._last_s >= PAUSE_S:
            return self._end(whole=self._whole)
        unending = bool(self._kept) and now_s - self._taken_s >= UNENDING_S
        if unending or len(self._kept) >= KEPT_BYTES_MAX:
            return self._end(whole=True, unending=unending)
        return None

    def taken(self, begin: int, end: int) -> float:
        """A telegram took the octets up to that place. Gives when its first octet came (s)."""
        self._telegrams += 1
        self._taken_s = self._last_s or 0.0
        left = self.place - end
        del self._kept[: max(0, len(self._kept) - left)]
        while len(self._marks) > 1 and self._marks[0][0] <= begin:
            self._marks.popleft()
        return self._marks[0][1] if self._marks else self._taken_s

    def conclude(self) -> Burst | None:
        """No more octets will come: the burst that was coming, ended."""
        return self._end(whole=True) if self._kept or self._telegrams else None

    def _end(self, *, whole: bool, unending: bool = False) -> Burst:
        octets = bytes(self._kept[:KEPT_BYTES_MAX])
        lasted_s = 0.0 if self._last_s is None else self._last_s - self._begun_s
        burst = Burst(octets, self._begins, self.place, self._telegrams, whole, unending, lasted_s)
        self._forget()
        return burst

    def _forget(self) -> None:
        self._kept.clear()
        self._telegrams = 0
        self._begins = self.place
