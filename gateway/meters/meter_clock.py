"""The grid meter's own clock against the host's.

P1 tells `YYMMDDhhmmssX`; X should be W for standard time and S for summer time, but Swedish meters stay at UTC+1 with
either letter, or follow summer time with W (seen on Kamstrup and Sagemcom). DLMS tells a deviation from UTC, or none.
So a difference of one whole hour is a convention of the meter; only what remains is a difference of clocks.
"""

import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

from gateway.clock import Instant, UtcTrust

DIFFERENCE_S_MAX: Final = 30.0
"""More than this is worth a warning: telegrams come at most 10 s after the moment that they tell."""
HOUR_S: Final = 3600.0
REMEMBERED: Final = 5

_P1: Final = re.compile(r"(?:20)?(\d\d)(\d\d)(\d\d) ?(\d\d):?(\d\d):?(\d\d)([SWsw]?)")
"""Echelon meters (ident NES) write `20240111 09:35:00`."""
_COSEM: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d) dev=(-?\d+|n/a) status=[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class ClockSight:
    """difference_s: meter minus host, without the convention; convention_h: -1, 0 or 1 hours that are taken for the
    meter's convention; trusted: the host's own clock is synchronised."""

    difference_s: float
    convention_h: int
    trusted: bool

    @property
    def warns(self) -> bool:
        """Whether one of the clocks is wrong by more than 30 s, and it is not the host's."""
        return self.trusted and abs(self.difference_s) > DIFFERENCE_S_MAX


def meter_utc(text: str) -> datetime | None:
    """The meter's time in UTC, by what it says of its zone, else UTC+1; None if the text is no time."""
    p1 = _P1.fullmatch(text)
    if p1 is not None:
        year, month, day, hour, minute, second = (int(part) for part in p1.groups()[:6])
        return _utc(2000 + year, month, day, hour, minute, second, minutes_east=120 if p1[7] in ("S", "s") else 60)
    cosem = _COSEM.fullmatch(text)
    if cosem is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in cosem.groups()[:6])
    return _utc(year, month, day, hour, minute, second, minutes_east=60 if cosem[7] == "n/a" else -int(cosem[7]))


def _utc(*parts: int, minutes_east: int) -> datetime | None:
    year, month, day, hour, minute, second = parts
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC) - timedelta(minutes=minutes_east)
    except (ValueError, OverflowError):
        return None


class MeterClock:
    """Watches the difference. Fed with the text of each telegram and the moment at which it came."""

    def __init__(self) -> None:
        self._differences_s: deque[float] = deque(maxlen=REMEMBERED)
        self._told: tuple[str, Instant] | None = None
        self._trust = UtcTrust.UNKNOWN

    def told(self, text: str, at: Instant) -> None:
        """One telegram's time. Cheap: it is looked at when somebody asks, at most once a tick."""
        self._told = text, at

    def sight(self) -> ClockSight | None:
        """The difference, median of the last five looks; None if the meter tells no time or the host knows none."""
        if self._told is not None:
            text, at = self._told
            self._told = None
            utc = meter_utc(text)
            if utc is not None:
                self._differences_s.append((utc - at.utc).total_seconds())
            self._trust = at.utc_trust
        if not self._differences_s or self._trust is UtcTrust.UNKNOWN:
            return None
        difference_s = median(self._differences_s)
        convention_h = next(
            (hours for hours in (0, 1, -1) if abs(difference_s - hours * HOUR_S) <= DIFFERENCE_S_MAX), 0
        )
        return ClockSight(difference_s - convention_h * HOUR_S, convention_h, self._trust is UtcTrust.SYNCHRONISED)
