"""The machine's clocks. The kernel's own synchronisation flag decides how far UTC is trusted."""

import ctypes
import time
from datetime import UTC, datetime
from typing import Final

from gateway.clock import Instant, UtcTrust

EARLIEST_PLAUSIBLE_YEAR: Final = 2026
"""A Pi without a battery clock boots in 1970, or at the build time of its image."""
TRUST_KEPT_S: Final = 5.0
_TIMEX_BYTES: Final = 208
_TIMEX_STATUS_OFFSET: Final = 40 if ctypes.sizeof(ctypes.c_long) == 8 else 20
_TIME_ERROR: Final = 5
_STA_UNSYNC: Final = 0x0040


class SystemClock:
    """`Clock` on CLOCK_MONOTONIC and the wall clock."""

    def __init__(self) -> None:
        self._trust = UtcTrust.UNKNOWN
        self._trust_until_s = 0.0

    def now(self) -> Instant:
        monotonic_s = time.monotonic()
        utc = datetime.now(UTC)
        if monotonic_s >= self._trust_until_s:
            self._trust = _utc_trust(utc)
            self._trust_until_s = monotonic_s + TRUST_KEPT_S
        return Instant(monotonic_s, utc, self._trust)


def _utc_trust(utc: datetime) -> UtcTrust:
    """S only while the kernel says that chrony, timesyncd or ntpd disciplines it (adjtimex(2), STA_UNSYNC)."""
    if utc.year < EARLIEST_PLAUSIBLE_YEAR:
        return UtcTrust.UNKNOWN
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = ctypes.CDLL(None).adjtimex(timex)
    (status,) = (ctypes.c_int.from_buffer(timex, _TIMEX_STATUS_OFFSET).value,)
    if 0 <= state < _TIME_ERROR and not status & _STA_UNSYNC:
        return UtcTrust.SYNCHRONISED
    return UtcTrust.INFORMATIVE
