"""What is worth a time-reference record: the boot, every step of the wall clock, every change of its trust, every day.

The seconds index is the machine's monotonic seconds, which never step; between two references calendar time is the
reference's plus the seconds since. So a reference is wanted wherever that would stop being true.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.clock import Instant, UtcTrust

STEP_MIN: Final = timedelta(seconds=0.5)
"""Both clocks run at one rate and differ by steps alone; a step of a second must not be lost in rounding."""
DAY_S: Final = 86_400.0
REST_S: Final = 10.0
"""A clock that is stepped again and again does not fill the journal: the newest step stands for those before."""


class Cause(StrEnum):
    """Why a time reference was written."""

    BOOT = "boot"
    STEP = "step"
    TRUST = "trust"
    DAILY = "daily"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Discipline:
    """What is known of the wall clock's discipline. source: who keeps it; uncertainty_s: its own bound, None: none."""

    source: str
    uncertainty_s: float | None


def undisciplined() -> Discipline:
    """What is known where nobody was asked."""
    return Discipline("unknown", None)


class ClockWatch:
    """Fed the clock about once a second. `wanted` names the cause until `written` is told."""

    def __init__(self, begin: Instant) -> None:
        self._base = _base(begin)  # as of the newest reference, so that small steps add up
        self._trust = begin.utc_trust
        self._written_s = begin.monotonic_s
        self._wanted: Cause | None = None

    def wanted(self, now: Instant) -> Cause | None:
        """Why a reference is due at this moment; None: it is not. A step goes before a change of trust."""
        base = _base(now)
        if abs(base - self._base) >= STEP_MIN:
            self._wanted = Cause.STEP
        elif now.utc_trust is not self._trust and self._wanted is None:
            self._wanted = Cause.TRUST
        self._trust = now.utc_trust
        since_s = now.monotonic_s - self._written_s
        if self._wanted is None:
            return Cause.DAILY if since_s >= DAY_S else None
        return self._wanted if since_s >= REST_S else None

    def written(self, at: Instant) -> None:
        """A reference of that moment is durable."""
        self._base = _base(at)
        self._written_s = at.monotonic_s
        self._wanted = None


def _base(now: Instant) -> datetime:
    """The calendar time at which the monotonic clock would have stood at zero: it moves only when the clock steps."""
    return now.utc - timedelta(seconds=now.monotonic_s)


def is_doubt(cause: Cause, trust: UtcTrust) -> bool:
    """True if such a reference means that the wall clock was not trusted throughout, whatever it is worth now."""
    return cause in {Cause.STEP, Cause.TRUST} or not trust.is_proven
