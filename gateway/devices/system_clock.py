"""The machine's clocks. The kernel's own bound of the wall clock's error decides how far UTC is trusted.

chrony, systemd-timesyncd and ntpd all tell the kernel (adjtimex(2)) how far the clock may be wrong at most; the kernel
lets that bound grow by 500 ppm from then on, and forgets it whenever anybody else sets the clock. STA_UNSYNC is not
asked, since chrony leaves it set wherever it does not also keep the hardware clock (chrony.conf, rtcsync).
"""

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.clock import Instant, UtcTrust
from gateway.metering.clock_watch import STEP_MIN, Discipline

EARLIEST_PLAUSIBLE_YEAR: Final = 2026
"""A Pi without a battery clock boots in 1970, or at the build time of its image."""
TRUST_KEPT_S: Final = 5.0
UNCERTAINTY_S_MAX: Final = 2.0
"""timesyncd asks every 2048 s at most, after which the bound stands at about a second; an hour without an answer ends
the trust."""
DISTRUST_S: Final = 900.0
"""A clock that was vouched for and stepped all the same was wrong before or is wrong now; it earns its trust anew."""
PAIR_S_MAX: Final = 0.01
SOURCES: Final = (
    ("chrony", ("/run/chrony/chronyd.pid", "/run/chronyd.pid", "/var/run/chrony/chronyd.pid")),
    ("systemd-timesyncd", ("/run/systemd/timesync/synchronized",)),
    ("ntpd", ("/run/ntpd.pid", "/run/ntp.pid")),
)
_TIMEX_BYTES: Final = 208
_LONG: Final = ctypes.c_long
_MAXERROR_OFFSET: Final = 3 * ctypes.sizeof(_LONG)
_UNBOUND_US: Final = 16_000_000
"""NTP_PHASE_LIMIT: what the kernel says when it knows nothing."""
_EVER_S: Final = float("-inf")


class SystemClock:
    """`Clock` on CLOCK_MONOTONIC and the wall clock. pair: both at one moment; bound_s: the kernel's bound."""

    def __init__(
        self,
        pair: Callable[[], tuple[float, datetime]] | None = None,
        bound_s: Callable[[], float | None] | None = None,
    ) -> None:
        self._pair: Final = pair or _pair
        self._bound_s: Final = bound_s or KernelBound().uncertainty_s
        self._trust = UtcTrust.UNKNOWN
        self._trust_until_s = _EVER_S
        self._distrust_until_s = _EVER_S
        self._base: float | None = None

    def now(self) -> Instant:
        monotonic_s, utc = self._pair()
        base = utc.timestamp() - monotonic_s
        stepped = self._base is not None and abs(base - self._base) >= STEP_MIN.total_seconds()
        self._base = base
        if stepped or monotonic_s >= self._trust_until_s:
            before, self._trust = self._trust, self._asked(utc)
            self._trust_until_s = monotonic_s + TRUST_KEPT_S
            if stepped and before.is_proven and self._trust.is_proven:
                self._distrust_until_s = monotonic_s + DISTRUST_S
        doubted = self._trust.is_proven and monotonic_s < self._distrust_until_s
        return Instant(monotonic_s, utc, UtcTrust.INFORMATIVE if doubted else self._trust)

    def discipline(self) -> Discipline:
        """Who keeps the wall clock, as far as can be seen, and how far it may be wrong at most."""
        uncertainty_s = self._bound_s()
        if uncertainty_s is None:
            return Discipline("none", None)
        keepers = (name for name, signs in SOURCES if any(Path(sign).exists() for sign in signs))
        return Discipline(next(keepers, "kernel"), uncertainty_s)

    def _asked(self, utc: datetime) -> UtcTrust:
        if utc.year < EARLIEST_PLAUSIBLE_YEAR:
            return UtcTrust.UNKNOWN
        uncertainty_s = self._bound_s()
        proven = uncertainty_s is not None and uncertainty_s <= UNCERTAINTY_S_MAX
        return UtcTrust.SYNCHRONISED if proven else UtcTrust.INFORMATIVE


class KernelBound:
    """adjtimex(2), which only looks when it is handed no modes."""

    def __init__(self) -> None:
        self._libc: Final = ctypes.CDLL(None)

    def uncertainty_s(self) -> float | None:
        """The kernel's bound of the wall clock's error; None if it has none: nobody disciplines the clock."""
        timex = ctypes.create_string_buffer(_TIMEX_BYTES)
        state = self._libc.adjtimex(timex)
        bound_us: int = _LONG.from_buffer(timex, _MAXERROR_OFFSET).value
        if state < 0 or bound_us >= _UNBOUND_US:
            return None
        return bound_us / 1e6


def _pair() -> tuple[float, datetime]:
    """Both clocks at one moment: a process that is held up between the two looks would see a step that is none."""
    for _ in range(3):
        before_s = time.monotonic()
        utc = datetime.now(UTC)
        after_s = time.monotonic()
        if after_s - before_s <= PAIR_S_MAX:
            break
    return (before_s + after_s) / 2, utc
