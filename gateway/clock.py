"""Time as a value: the shell reads the clocks, everything below is handed an `Instant`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class UtcTrust(StrEnum):
    """How far the wall clock can be trusted; the letters are OCMF's time states (OCMF 1.3, TM)."""

    SYNCHRONISED = "S"
    INFORMATIVE = "I"
    UNKNOWN = "U"

    @property
    def is_proven(self) -> bool:
        """Only a clock that its discipline vouches for says when something was."""
        return self is UtcTrust.SYNCHRONISED


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks.

    `monotonic_s` is what control decides by (seconds, never steps back, restarts with the machine);
    `utc` is aware and is only for people, tariffs and records.
    """

    monotonic_s: float
    utc: datetime
    utc_trust: UtcTrust
