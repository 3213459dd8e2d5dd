"""How old the grid meter's currents are, and what that allows.

`GridWatch` is fed every telegram and asked once a tick. It learns the interval from the stream, sees a frozen meter
(its own time repeated, or six identical telegrams from a meter without a clock), and after any silence, also at boot,
trusts the port again only after three good telegrams in a row. Telegrams that plausibility refuses hold what is given
for a minute; a meter that says nothing else is then worth no more than a silent one. Telegrams without currents do not
count: list meters send them less often than power, and it is currents that fuses see.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from statistics import median
from typing import Final

from gateway.meters.readings import GridReading
from gateway.site.because import Why

INTERVAL_S_ASSUMED: Final = 10.0
"""Swedish recommendation (HAN.md 3, "Interval"), used until the stream has shown its own."""
INTERVALS_REMEMBERED: Final = 9
STALE_S_MIN: Final = 3.0
STALE_S_MAX: Final = 25.0
STALE_INTERVALS: Final = 2.5
FALLBACK_AFTER_STALE_S: Final = 5.0
IMPLAUSIBLE_HELD_S: Final = 60.0
"""Twice as long as a changed meter needs to prove itself with three telegrams."""
BLIND_AFTER_S: Final = 300.0
GOOD_TELEGRAMS_TO_TRUST: Final = 3
IDENTICAL_TELEGRAMS_FROZEN: Final = 6
BURST_S_MAX: Final = 0.5
"""No meter speaks so often (1 s is the shortest interval seen): telegrams closer than this waited in some buffer."""


class Freshness(IntEnum):
    """FRESH: all allowed. STALE: no raise, no admission. FALLBACK: safe currents. BLIND: open."""

    FRESH = 0
    STALE = 1
    FALLBACK = 2
    BLIND = 3


@dataclass(frozen=True, slots=True)
class GridSight:
    """The grid meter at one moment. age_s: since the last moving telegram, infinite if there was none."""

    freshness: Freshness
    why: Why | None
    age_s: float
    interval_s: float
    reading: GridReading | None


@dataclass(frozen=True, slots=True)
class GridWatch:
    """What is remembered of the stream. Start with `GridWatch.at_boot(now_s)`. last_moving_s, last_good_s: the newest
    telegram that was not a repeated one, and the newest of those that no rule refused."""

    quiet_since_s: float
    intervals_s: tuple[float, ...] = ()
    newest: GridReading | None = None
    last_moving_s: float | None = None
    last_good_s: float | None = None
    identical: int = 0
    trust_wants: int = GOOD_TELEGRAMS_TO_TRUST
    distrust: Freshness = Freshness.FALLBACK
    frozen: bool = False

    @classmethod
    def at_boot(cls, now_s: float) -> "GridWatch":
        return cls(quiet_since_s=now_s)

    @property
    def interval_s(self) -> float:
        return median(self.intervals_s) if self.intervals_s else INTERVAL_S_ASSUMED

    @property
    def stale_s(self) -> float:
        return max(STALE_S_MIN, min(STALE_INTERVALS * self.interval_s, STALE_S_MAX))

    @property
    def due_s(self) -> float | None:
        """When the next telegram is expected; None while no interval is known."""
        if self.last_moving_s is None or not self.intervals_s:
            return None
        return self.last_moving_s + self.interval_s

    def heard(self, reading: GridReading) -> "GridWatch":
        """Takes in one telegram. A refused one is remembered as newest but builds no trust, nor does one of a burst."""
        if all(current is None for current in reading.current_a):
            return self
        now_s = reading.at.monotonic_s
        watch = self._aged(now_s)
        identical = watch.identical + 1 if watch.newest is not None and _same(watch.newest, reading) else 0
        frozen = identical > 0 and (reading.meter_time is not None or identical + 1 >= IDENTICAL_TELEGRAMS_FROZEN)
        watch = replace(watch, newest=reading, identical=identical, frozen=frozen)
        if frozen:
            return replace(watch, trust_wants=GOOD_TELEGRAMS_TO_TRUST if watch.trust_wants else 0)
        if reading.refused:
            return replace(watch, last_moving_s=now_s, trust_wants=GOOD_TELEGRAMS_TO_TRUST if watch.trust_wants else 0)
        if watch.last_moving_s is not None and now_s - watch.last_moving_s < BURST_S_MAX:
            return watch
        intervals = watch.intervals_s
        if watch.last_moving_s is not None and 0 < now_s - watch.last_moving_s < BLIND_AFTER_S:
            intervals = (*intervals, now_s - watch.last_moving_s)[-INTERVALS_REMEMBERED:]
        trust_wants = max(0, watch.trust_wants - 1)
        return replace(watch, last_moving_s=now_s, last_good_s=now_s, intervals_s=intervals, trust_wants=trust_wants)

    def sight(self, now_s: float) -> GridSight:
        """What the port is worth at this moment."""
        watch = self._aged(now_s)
        by_age = watch._by_age(now_s)
        freshness = max(by_age, watch.distrust) if watch.trust_wants else by_age
        if by_age is Freshness.FRESH and freshness is Freshness.BLIND:
            freshness = Freshness.FALLBACK
        why: Why | None = None
        if freshness is Freshness.FRESH:
            if watch.newest is not None and watch.newest.refused:
                freshness, why = Freshness.STALE, Why.GRID_IMPLAUSIBLE
        elif watch.frozen:
            why = Why.GRID_FROZEN
        elif watch.newest is not None and watch.newest.refused and watch._silent_s(now_s) < watch.stale_s:
            why = Why.GRID_IMPLAUSIBLE
        else:
            why = {
                Freshness.STALE: Why.GRID_STALE,
                Freshness.FALLBACK: Why.GRID_FALLBACK,
                Freshness.BLIND: Why.GRID_BLIND,
            }[freshness]
        age_s = float("inf") if watch.last_moving_s is None else now_s - watch.last_moving_s
        return GridSight(freshness, why, age_s, watch.interval_s, watch.newest)

    def aged(self, now_s: float) -> "GridWatch":
        """The watch with any silence up to now written down; call once a tick so that no gap is forgotten."""
        return self._aged(now_s)

    def _by_age(self, now_s: float) -> Freshness:
        silent_s = self._silent_s(now_s)
        doubted_s = now_s - (self.last_good_s if self.last_good_s is not None else self.quiet_since_s)
        if doubted_s >= BLIND_AFTER_S:
            return Freshness.BLIND
        fallback_s = self.stale_s + FALLBACK_AFTER_STALE_S
        if self.last_good_s is None or silent_s >= fallback_s or doubted_s >= max(fallback_s, IMPLAUSIBLE_HELD_S):
            return Freshness.FALLBACK
        return Freshness.STALE if silent_s >= self.stale_s else Freshness.FRESH

    def _silent_s(self, now_s: float) -> float:
        return now_s - (self.last_moving_s if self.last_moving_s is not None else self.quiet_since_s)

    def _aged(self, now_s: float) -> "GridWatch":
        by_age = self._by_age(now_s)
        if by_age is Freshness.FRESH:
            return self
        worst = max(by_age, self.distrust) if self.trust_wants else by_age
        return replace(self, trust_wants=GOOD_TELEGRAMS_TO_TRUST, distrust=worst)


def _same(before: GridReading, now: GridReading) -> bool:
    if before.meter_time is not None or now.meter_time is not None:
        return before.meter_time == now.meter_time
    return (
        before.current_a == now.current_a
        and before.voltage_v == now.voltage_v
        and before.import_w == now.import_w
        and before.export_w == now.export_w
        and before.import_kwh == now.import_kwh
        and before.export_kwh == now.export_kwh
    )
