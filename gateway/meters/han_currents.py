"""Whether a stream of telegrams tells currents at all: fuses see nothing else.

DSMR 2.2, some Austrian profiles and Norwegian list 1 tell power and energy alone. List meters tell currents less often
than power: in each fourth or fifth telegram, or only once an hour.
"""

from typing import Final

from gateway.wire import obis
from gateway.wire.telegram import Form, Telegram

NEVER_S: Final = 30.0
"""Whole telegrams for so long, and none of them told a current."""
P1_TELEGRAMS: Final = 3
"""P1 text knows no lists: each telegram tells the same registers."""
LIST_TELEGRAMS: Final = 10
"""Twice the slowest rhythm of list meters: currents each fifth time (2 s and 10 s, NVE's Norwegian lists)."""
SINCE_TOLD_S: Final = 7200.0
"""Two hour lists, where currents did come once: the grid company may have chosen another list meanwhile."""
HOLE_S: Final = 12.0
"""The slowest meter's interval, and a little: in a longer hole the telegram with currents may have been lost."""
HOLE_INTERVALS: Final = 1.5


class CurrentsWatch:
    """Fed with whole telegrams; says since when they have lacked currents."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._count = 0
        self._enough = LIST_TELEGRAMS
        self._last_s = 0.0
        self._told_s: float | None = None
        self._lacking_s: float | None = None

    def telegram(self, telegram: Telegram, begun_s: float, interval_s: float | None) -> None:
        """A telegram was taken that began then. interval_s: usual between telegrams, None if not known."""
        if any(code in telegram.items for code in obis.CURRENT_BY_PHASE):
            self._told_s = begun_s
            self._lacking_s = None
            self.missed()
            return
        if begun_s - self._last_s > max(HOLE_S, HOLE_INTERVALS * (interval_s or 0.0)):
            self.missed()
        if self._since_s is None:
            self._since_s = begun_s
        self._last_s = begun_s
        self._count += 1
        self._enough = P1_TELEGRAMS if telegram.form is Form.P1 else LIST_TELEGRAMS

    def missed(self) -> None:
        """Something was damaged or lost that may have told currents: the wait begins anew. What is named stays so."""
        self._since_s = None
        self._count = 0

    def ended(self) -> None:
        """A file has ended, whose bytes need not have times: enough telegrams are judged without them."""
        if self._told_s is None and self._count >= self._enough:
            self._lacking_s = self._since_s

    def lacking_s(self, now_s: float) -> float | None:
        """Since when whole telegrams have come without currents; None while they tell some, or may yet."""
        if self._lacking_s is None and self._since_s is not None and self._count >= self._enough:
            long_enough = now_s - self._since_s >= NEVER_S
            if long_enough and (self._told_s is None or now_s - self._told_s >= SINCE_TOLD_S):
                self._lacking_s = self._since_s
        return self._lacking_s
