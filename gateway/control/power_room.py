"""How a limit in watts for the whole site becomes limits per phase of the main fuse.

The watts that are left beside the house are dealt out to the sockets by one filling over all three phases at once, so
that one car on one phase may take all of them, and three cars on three phases share them. What a phase's sockets were
dealt is that phase's limit; who gets how much of it is the fuses' business as ever.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import exp
from typing import Final

from gateway.control.allocation import Asker, share_out
from gateway.control.dead_phases import LIVE_V
from gateway.control.draft import ENDING, STARTING, Draft, SocketDraft
from gateway.control.estimate import SOCKET_METER_QUIET_S
from gateway.control.ranking import rank, served_first
from gateway.control.restraint_state import HousePower
from gateway.control.state import SessionPhase
from gateway.meters.readings import GridReading
from gateway.quantities import PHASES
from gateway.site.because import Because
from gateway.site.freshness import Freshness

SUPPLY_V: Final = 230.0
SMOOTH_S: Final = 60.0
"""Time constant of the smoothed house: a kettle is no reason to move every car."""
SAMPLED_BEFORE_S: Final = 0.5
"""A telegram's power was measured about so long before its last byte."""
DEALT_STEP_A: Final = 0.01
_SUM: Final = len(PHASES)
"""The place of the common room beside those of the three phases."""


def grid_power_w(reading: GridReading) -> float | None:
    """Net power of the site (W, import positive): as told, by phase, or from the currents; None if it tells nothing.
    Currents carry no sign (DSMR P1 5.0.2, 31.7.0): by them alone all counts as import."""
    if reading.import_w is not None:
        return reading.import_w - (reading.export_w or 0.0)
    by_phase = [power_w for power_w in reading.net_power_w if power_w is not None]
    if len(by_phase) == len(PHASES):
        return sum(by_phase)
    apparent_va = [
        abs(current_a) * (volts or SUPPLY_V)
        for current_a, volts in zip(reading.current_a, reading.voltage_v, strict=True)
        if current_a is not None
    ]
    return sum(apparent_va) if apparent_va else None


def watch_house_power(draft: Draft) -> None:
    """The house by itself: each telegram's power less what the sockets drew at that moment."""
    house = draft.restraints.house
    for reading in draft.snapshot.grid_readings:
        power_w = grid_power_w(reading)
        if power_w is None:
            continue
        known = [volts for volts in reading.voltage_v if volts is not None and volts >= LIVE_V]
        volts = sum(known) / len(known) if known else SUPPLY_V
        at_s = reading.at.monotonic_s
        now_w = power_w - volts * _drawn_a(draft, at_s - SAMPLED_BEFORE_S)
        if house is None:
            house = HousePower(now_w, now_w, volts, at_s)
            continue
        if reading.refused:
            now_w = max(now_w, house.now_w)
        part = 1.0 - exp(-max(0.0, at_s - house.at_s) / SMOOTH_S)
        house = HousePower(now_w, house.smooth_w + part * (now_w - house.smooth_w), volts, at_s)
    draft.restraints = replace(draft.restraints, house=house)


def _drawn_a(draft: Draft, at_s: float) -> float:
    """What all sockets drew then, phases added up. A silent one stays in the house, and is reserved again."""
    total_a = 0.0
    for it in draft.each():
        samples = it.memory.samples
        if samples and it.meter_age_s <= SOCKET_METER_QUIET_S:
            then = next((sample for sample in reversed(samples) if sample.at_s <= at_s), samples[0])
            total_a += sum(then.current_a)
    return total_a


def lower_to_power(draft: Draft, power_w: float, because: Because, *, smooth: bool) -> None:
    """Lowers the main fuse's phases so that house and sockets together draw at most that power (W).

    smooth: by the smoothed house, where only a mean counts. What is not known of the house counts as full.
    """
    main = draft.tree.main
    house = draft.restraints.house
    volts = SUPPLY_V if house is None else house.volts
    if house is None or draft.freshness >= Freshness.FALLBACK:
        house_w = volts * sum(draft.base_a[main + phase] for phase in PHASES)
    else:
        house_w = house.smooth_w if smooth else house.now_w
    dealt = _deal(draft, (power_w - house_w) / volts)
    for phase in PHASES:
        draft.lower(main + phase, max(0.0, draft.base_a[main + phase]) + dealt[phase], because)


def _deal(draft: Draft, room_a: float) -> list[float]:
    """What the sockets of each main fuse phase may draw (A), all together at most `room_a`."""
    main = draft.tree.main
    dealt = [0.0, 0.0, 0.0]
    free = [draft.limit_a[main + phase] - draft.base_a[main + phase] for phase in PHASES]
    free.append(room_a)
    running, waiting = [], []
    for it in draft.each():
        if it.phase is SessionPhase.CHARGING or it.phase in STARTING:
            running.append(it)
        elif _may_come_soon(draft, it):
            waiting.append(it)
        elif it.phase is None or it.phase in ENDING:
            for own, phase in enumerate(_phases(draft, it)):
                dealt[phase] += it.soon_a[own]
                free[phase] -= it.soon_a[own]
                free[_SUM] -= it.soon_a[own]
    left = list(free)
    line = [*sorted(running, key=partial(rank, draft)), *sorted(waiting, key=partial(rank, draft))]
    line.sort(key=lambda it: not served_first(draft, it))
    askers = [_asker(draft, it, left) for it in line]
    for asker, share in zip(askers, share_out(askers, free), strict=True):
        for phase in asker.places:
            if phase != _SUM:
                dealt[phase] += share.current_a
    return _trimmed(dealt, room_a)


def _asker(draft: Draft, it: SocketDraft, left_a: list[float]) -> Asker:
    """From its least, if that is still there for it in its turn, to what it wants."""
    phases = _phases(draft, it, used=it.phase is SessionPhase.CHARGING)
    places = tuple(place for phase in phases for place in (phase, _SUM))
    fits = left_a[_SUM] >= it.need_a * len(phases) and all(left_a[phase] >= it.need_a for phase in phases)
    if not fits:
        return Asker(0.0, 0.0, DEALT_STEP_A, places)
    for place in places:
        left_a[place] -= it.need_a
    wants_a = it.cap_a
    if it.settled and it.highest_draw_a is not None:
        wants_a = min(wants_a, it.highest_draw_a * 1.15 + 1.0)
    return Asker(it.need_a, max(it.need_a, wants_a), DEALT_STEP_A, places)


def _phases(draft: Draft, it: SocketDraft, *, used: bool = False) -> list[int]:
    """The main fuse phases of its own phases, or of those that its car uses."""
    own = (path[-1] - draft.tree.main for path in it.places)
    return [phase for phase, uses in zip(own, it.used, strict=False) if uses or not used]


def _may_come_soon(draft: Draft, it: SocketDraft) -> bool:
    return (
        it.phase in (SessionPhase.QUEUED, SessionPhase.PAUSED)
        and it.restraint is None
        and it.locked is None
        and it.cap_a >= it.need_a
        and draft.now_s >= max(it.memory.return_after_s, it.memory.start_after_s)
    )


def _trimmed(dealt_a: Sequence[float], room_a: float) -> list[float]:
    """The filling's last crumbs may be dealt once per phase; never more than there is."""
    total_a = sum(dealt_a)
    if total_a <= room_a or total_a <= 0.0:
        return list(dealt_a)
    return [current_a * max(0.0, room_a) / total_a for current_a in dealt_a]
