"""The power guard (effektvakt): charging is lowered so that no interval of a power tariff raises its fee.

What the interval has used so far, and what is left of it, say what the site may draw from now on. Only the mean counts,
so the house is taken smoothed until the interval's last minutes. The fuses bind all the same. It pauses while nobody
knows what time it is; a part of an interval that nobody saw is taken to have drawn the target.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from gateway.clock import UtcTrust
from gateway.control.draft import Draft
from gateway.control.power_room import SUPPLY_V, grid_power_w, lower_to_power
from gateway.control.restraint_state import GridPower, Meanwhile, TariffState
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.power_tariffs import PeakBook, PowerTariff

AIM: Final = 0.99
"""A car follows seconds late, and whole amperes are coarse: the guard aims a hundredth below its target."""
LAST_S: Final = 600.0
"""In the last minutes of an interval the house counts as it is now, since no time is left to make good for it."""
HORIZON_S: Final = 60.0
"""What is left of an interval's energy is never dealt out faster than over this time."""
REGISTER_S_MAX: Final = 15.0
"""A register older than this at the turn of an interval does not tell what it showed then."""
REGISTER_SLACK: Final = 0.25
REGISTER_SLACK_WH: Final = 250.0
"""A register that moves further from what the telegrams add up to is another meter's, or starts elsewhere."""
OVERLOAD_MULTIPLE: Final = 1.6
"""No more than this times the main fuse's rating is believed of the seconds that nobody saw (IEC 60269-1: it melts)."""
W_STEP: Final = Decimal("0.1")


def keep_power_targets(draft: Draft) -> None:
    """Counts on, closes intervals that have ended, and lowers the main fuse to what each tariff allows."""
    tariffs = draft.tree.site.restraints.tariffs
    if not tariffs:
        return
    before = draft.restraints.grid
    _take_grid(draft)
    heard = before is not None and draft.freshness <= Freshness.STALE
    power_w = before.import_w if before is not None and heard else None
    shown = {tariff.id: _kept(draft, tariff, power_w) for tariff in tariffs}
    draft.restraints = replace(draft.restraints, tariffs=shown)


def _take_grid(draft: Draft) -> None:
    grid = draft.restraints.grid
    for reading in draft.snapshot.grid_readings:
        power_w = grid_power_w(reading)
        if power_w is None or (reading.refused and grid is not None and power_w < grid.import_w):
            continue
        register_wh, register_s = (None, 0.0) if grid is None else (grid.register_wh, grid.register_s)
        if reading.import_kwh is not None and not reading.refused:
            register_wh, register_s = float(reading.import_kwh) * 1000.0, reading.at.monotonic_s
        grid = GridPower(max(0.0, power_w), register_wh, register_s)
    draft.restraints = replace(draft.restraints, grid=grid)


def _kept(draft: Draft, tariff: PowerTariff, power_w: float | None) -> TariffState:
    """The tariff's state after this tick; lowers the fuse on the way. power_w: what was imported since the last tick,
    None if nobody knows."""
    was = draft.restraints.tariffs.get(tariff.id) or TariffState(PeakBook(""))
    interval, book = was.interval, was.book
    if draft.now.utc_trust is not UtcTrust.SYNCHRONISED:
        if interval is not None:
            interval = replace(_counted_on(interval, power_w, draft.elapsed_s), doubtful=True)
        return TariffState(book, interval)
    begin = interval_begin(draft.now.utc, tariff.interval_min)
    passed_s = (draft.now.utc - begin).total_seconds()
    if interval is None:
        interval = Meanwhile(begin)
    elif interval.begin == begin:
        interval = _counted_on(replace(interval, doubtful=False), power_w, draft.elapsed_s)
        interval = _by_register(draft, interval, passed_s)
    else:
        late_s = min(passed_s, draft.elapsed_s)
        if not interval.doubtful:
            book = _closed(draft, tariff, book, _counted_on(interval, power_w, draft.elapsed_s - late_s))
        interval = _counted_on(Meanwhile(begin, register_wh=_register_at(draft, passed_s)), power_w, late_s)
    return _aimed(draft, tariff, TariffState(book, interval), passed_s)


def interval_begin(utc: datetime, interval_min: int) -> datetime:
    """When the interval of that moment began. Swedish time is whole hours from UTC, so its intervals are UTC's."""
    seconds = int(utc.timestamp())
    return datetime.fromtimestamp(seconds - seconds % (interval_min * 60), UTC)


def _counted_on(interval: Meanwhile, power_w: float | None, seconds: float) -> Meanwhile:
    """The interval with so many seconds more at that power; seconds of unknown power are not seen."""
    if power_w is None:
        return interval
    return replace(interval, seen_wh=interval.seen_wh + power_w * seconds / 3600.0, seen_s=interval.seen_s + seconds)


def _by_register(draft: Draft, interval: Meanwhile, passed_s: float) -> Meanwhile:
    """The same as the meter's own register says, if it was read just now and is no other meter's."""
    grid = draft.restraints.grid
    if interval.register_wh is None or grid is None or grid.register_wh is None:
        return interval
    age_s = draft.now_s - grid.register_s
    if age_s > REGISTER_S_MAX:
        return interval
    used_wh = grid.register_wh - interval.register_wh + grid.import_w * age_s / 3600.0
    fuse_w = 3.0 * SUPPLY_V * draft.tree.rating_a[draft.tree.main] * OVERLOAD_MULTIPLE
    unseen_wh = max(0.0, passed_s - interval.seen_s) * fuse_w / 3600.0
    slack_wh = REGISTER_SLACK_WH + REGISTER_SLACK * interval.seen_wh
    if not interval.seen_wh - slack_wh <= used_wh <= interval.seen_wh + slack_wh + unseen_wh:
        return replace(interval, register_wh=None)
    return replace(interval, seen_wh=max(0.0, used_wh), seen_s=passed_s)


def _register_at(draft: Draft, passed_s: float) -> float | None:
    """What the import register showed when the interval began, if it was read close to that moment."""
    grid = draft.restraints.grid
    if grid is None or grid.register_wh is None:
        return None
    apart_s = draft.now_s - passed_s - grid.register_s
    return None if abs(apart_s) > REGISTER_S_MAX else grid.register_wh + grid.import_w * apart_s / 3600.0


def _closed(draft: Draft, tariff: PowerTariff, book: PeakBook, interval: Meanwhile) -> PeakBook:
    """The book with the interval that has ended; told if it came above its target. One that was not seen whole counts
    with what was seen: its peak was at least that."""
    local = interval.begin.astimezone(draft.tree.site.restraints.time_zone)
    if tariff.weight(local) == 0:
        return book
    mean_w = interval.seen_wh * 60.0 / tariff.interval_min
    if mean_w > _target_w(tariff, book, local):
        draft.note(None, Because(Why.POWER_TARGET_MISSED, power_w=mean_w))
    return book.with_interval(tariff, local, Decimal(str(mean_w)).quantize(W_STEP))


def _target_w(tariff: PowerTariff, book: PeakBook, local: datetime) -> float:
    """What the mean of an interval that begins then shall stay below (W), its weight taken into account."""
    weighted_w = tariff.target_w
    if tariff.follows_peaks and book.scope == tariff.scope_of(local):
        weighted_w = max(weighted_w, float(book.free_w(tariff, local.date())))
    return weighted_w / float(tariff.weight(local))


def _aimed(draft: Draft, tariff: PowerTariff, state: TariffState, passed_s: float) -> TariffState:
    """Expectation, target and what is allowed; the main fuse is lowered to it."""
    interval, grid = state.interval, draft.restraints.grid
    if interval is None:
        return state
    local = interval.begin.astimezone(draft.tree.site.restraints.time_zone)
    if tariff.weight(local) == 0:
        return state
    length_s = tariff.interval_min * 60.0
    left_s = length_s - passed_s
    target_w = _target_w(tariff, state.book, local)
    aim_w = AIM * target_w
    used_ws = 3600.0 * interval.seen_wh + aim_w * max(0.0, passed_s - interval.seen_s)
    allowed_w = max(0.0, aim_w * length_s - used_ws) / max(HORIZON_S, left_s)
    expected_w = None if grid is None else (used_ws + grid.import_w * left_s) / length_s
    because = Because(Why.POWER_TARGET, until_s=draft.now_s + left_s, power_w=target_w)
    lower_to_power(draft, allowed_w, because, smooth=left_s > LAST_S)
    return replace(state, counts=True, target_w=target_w, allowed_w=allowed_w, expected_w=expected_w)
