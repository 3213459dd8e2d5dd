"""What every fuse phase carries now.

House load = the last telegram minus what the sockets drew when it was measured (how long before it came is learned:
`telegram_delay`); the main fuse now = house plus the
sockets' newest readings. A car may have been ramping while the telegram was taken, so what the sockets drew is a band:
least and most of the readings around that moment. The old house estimate is moved into the resulting band and no
further, so a ramp makes neither false room nor a false overload. Until every live socket has been read after the
telegram the estimate may only rise; a refused telegram may only raise it. A telegram above the limit that nobody who
came down, or draws beyond its grant, explains is a true excess, since all grants fit: then the band's upper part is
believed. One that may be explained so lets nobody start on its phase before the next telegram.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Final

from gateway.control.draft import Draft
from gateway.control.memory import Sample
from gateway.control.rises import risen_a
from gateway.meters.readings import GridReading
from gateway.quantities import PHASES, MaybePerPhase, PerPhase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness

SOCKET_METER_QUIET_S: Final = 10.0
"""Older than this a socket's reading says nothing about now."""
TELEGRAM_SETTLES_S: Final = 4.0
"""After this a telegram is taken as it is, though a socket has not been read since."""
RAMP_S: Final = 8.0
"""After a change of its setpoint a car is taken to be ramping for this long (IEC 61851-1: 5 s to obey)."""
PHASE_FORGOTTEN_S: Final = 25.0
"""A phase that telegrams no longer tell of is unknown after this."""
VOLTAGE_HIGHEST_V: Final = 253.0
"""Upper bound of a Swedish supply (SS-EN 50160: 230 V + 10 %); makes the least of an exported current."""
FALL_A: Final = 0.5
SHOWN_A: Final = 0.1
"""A HAN port shows tenths of an ampere (HAN.md 3)."""
MOMENT_S: Final = 0.5
"""Between the moments of a telegram's span that are looked at."""
SLOPE_A: Final = 4.0
SLOPE_S: Final = 1.3
"""Two samples closer to each other are taken for a car's slope; one that leaves stops with more (IEC 61851-1: 6 A)."""
FAST_TELEGRAMS_S: Final = 5.0
"""A meter that sends more often than this tells of a rise again within seconds: there a car on its way leaves the whole
band open, since a slope that is off by half a second would stop a car that just fits."""
DOUBT_A: Final = 6.0
"""A fall by less than a car's least current (IEC 61851-1) hides no overload where the next telegram is far: at worst
somebody is lowered by as much until then. Only a car that stopped makes a greater doubt."""
GAP_INTERVALS: Final = 1.5
"""Telegrams further apart than so many intervals have one missing between them."""
SAMPLES_KEPT: Final = 24
"""Of a socket that is read each second enough for the longest delay and the time in which a telegram settles."""
PENDING_KEPT: Final = 8
"""More telegrams than a meter sends while one settles (HAN P1 companion 5.0.2: at most once a second)."""


def take_samples(draft: Draft) -> None:
    """Keeps a short history of every socket's currents and how old the newest is."""
    for it in draft.each():
        reading = it.sight.reading
        it.meter_age_s = inf
        if reading is None or not it.socket.metered:
            continue
        current_a = _magnitudes(reading.current_a, len(it.places))
        if current_a is None:
            continue
        at_s, samples = reading.at.monotonic_s, it.memory.samples
        if not samples or samples[-1].at_s < at_s:
            it.memory.samples = (*samples[1 - SAMPLES_KEPT :], Sample(at_s, current_a))
        it.meter_age_s = draft.now_s - at_s
        if it.meter_age_s <= SOCKET_METER_QUIET_S:
            it.draw_a = current_a
            it.highest_draw_a = max(current_a)


def _magnitudes(current_a: MaybePerPhase, phases: int) -> PerPhase | None:
    out = [0.0, 0.0, 0.0]
    for own in range(phases):
        value = current_a[own]
        if value is None:
            return None
        out[own] = abs(value)
    return out[0], out[1], out[2]


def estimate_house(draft: Draft) -> None:
    """Weighs the telegrams that all sockets have been read after for good, later ones for now.

    With a telegram each second and polls 1 to 2 s apart several are pending at any time; each gets its turn.
    """
    memory = draft.memory
    for reading in draft.snapshot.grid_readings:
        if any(current is not None for current in reading.current_a):
            memory.pending = (*memory.pending, reading)[-PENDING_KEPT:]
            memory.telegrams += 1
    house = memory.house_weighed_a
    still_pending: list[GridReading] = []
    for reading in memory.pending:
        drawn = _drawn_at(draft, reading.at.monotonic_s)
        if drawn.complete or draft.now_s - reading.at.monotonic_s >= TELEGRAM_SETTLES_S:
            before = memory.house_weighed_a
            house = memory.house_weighed_a = _weigh(draft, reading, drawn, house, may_fall=not reading.refused)
            if not reading.refused:
                _remember_highest(draft, reading)
                _remember_rises(draft, reading, before)
        else:
            still_pending.append(reading)
            house = _weigh(draft, reading, drawn, house, may_fall=False)
    memory.pending = tuple(still_pending)
    if draft.freshness is Freshness.FRESH:
        memory.house_weighed_a = _without_forgotten(draft, memory.house_weighed_a)
        house = _without_forgotten(draft, house)
    draft.house_a = house
    _base(draft)


def _weigh(
    draft: Draft, reading: GridReading, drawn: "_Drawn", house_a: MaybePerPhase, *, may_fall: bool
) -> MaybePerPhase:
    """The house after one telegram, by what it was before."""
    memory = draft.memory
    house = list(house_a)
    seen = list(memory.house_seen_s)
    doubted = list(memory.excess_doubted)
    for p in PHASES:
        grid_a = signed_current_a(reading, p)
        if grid_a is None:
            continue
        seen[p] = reading.at.monotonic_s
        before = house_a[p]
        top = max(0.0, grid_a - drawn.least[p])
        bottom = max(0.0, grid_a - drawn.most[p])
        value = top if before is None else min(max(before, bottom), top)
        excess_a = grid_a - drawn.beyond[p] - draft.limit_a[draft.tree.main + p]
        doubted[p] = 0.0 < excess_a <= drawn.fallen[p]
        if excess_a > drawn.fallen[p]:
            value = min(top, max(value, grid_a - drawn.likely[p]))
        house[p] = value if may_fall or before is None else max(value, before)
    memory.house_seen_s = (seen[0], seen[1], seen[2])
    memory.excess_doubted = (doubted[0], doubted[1], doubted[2])
    return _triple(house)


def _remember_highest(draft: Draft, reading: GridReading) -> None:
    memory = draft.memory
    memory.house_highest_a = _triple(
        [
            highest if house is None or reading.current_a[p] is None else max(house, highest or 0.0)
            for p, house, highest in zip(PHASES, memory.house_weighed_a, memory.house_highest_a, strict=True)
        ]
    )


def _remember_rises(draft: Draft, reading: GridReading, before_a: MaybePerPhase) -> None:
    """How each phase changed since the telegram before; over a gap in the stream nothing is learned."""
    memory = draft.memory
    rises, weighed_s = list(memory.house_rises), list(memory.house_weighed_s)
    for p in PHASES:
        before, now = before_a[p], memory.house_weighed_a[p]
        if now is None or reading.current_a[p] is None:
            continue
        passed_s = reading.at.monotonic_s - weighed_s[p]
        weighed_s[p] = reading.at.monotonic_s
        if before is not None and 0.0 < passed_s < GAP_INTERVALS * draft.snapshot.grid.interval_s:
            rises[p] = rises[p].with_rise(now - before)
    memory.house_rises = (rises[0], rises[1], rises[2])
    memory.house_weighed_s = (weighed_s[0], weighed_s[1], weighed_s[2])


def _without_forgotten(draft: Draft, house_a: MaybePerPhase) -> MaybePerPhase:
    seen_s = draft.memory.house_seen_s
    return _triple([None if draft.now_s - seen_s[p] > PHASE_FORGOTTEN_S else house_a[p] for p in PHASES])


def signed_current_a(reading: GridReading, phase: int) -> float | None:
    """The current of a grid phase (A), import positive. An exported current is credited only as far as its power
    proves it, since P1 currents carry no sign and may be mostly reactive (DSMR P1 5.0.2, 31.7.0 and 22.7.0)."""
    current = reading.current_a[phase]
    if current is None:
        return None
    power_w = reading.net_power_w[phase]
    if power_w is None or power_w >= 0.0:
        return abs(current)
    return -min(abs(current), -power_w / max(VOLTAGE_HIGHEST_V, reading.voltage_v[phase] or 0.0))


@dataclass(slots=True)
class _Drawn:
    """What all sockets together drew around a telegram, per main fuse phase (A).

    least and most: the band of their sum, moment by moment (one that comes up while another goes down leaves the sum as
    it is); likely: the least sum at the likely moments (of a meter that sends fast: the former current of those that
    came down since, which the telegram may still show, and the least of all others); fallen: the highest sum at the
    likely moments less what they draw now, at least 0; beyond: what cars draw now above their grants, those that are
    coming down above the grant before; complete: every live socket was read since.
    """

    least: list[float] = field(default_factory=lambda: [inf, inf, inf])
    most: list[float] = field(default_factory=lambda: [-inf, -inf, -inf])
    likely: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    fallen: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    beyond: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    complete: bool = True


def _drawn_at(draft: Draft, at_s: float) -> _Drawn:
    """A socket whose meter is silent gives 0 as its least: what it draws stays in the house, and is counted again as
    its reservation."""
    drawn = _Drawn()
    now_sum = [0.0] * len(PHASES)
    least_s, most_s = draft.memory.delay.span_s
    latest_s, earliest_s = at_s - least_s, at_s - most_s
    moments_s = [latest_s - MOMENT_S * k for k in range(int((most_s - least_s) / MOMENT_S) + 1)]
    first, last = (round((delay_s - least_s) / MOMENT_S) for delay_s in draft.memory.delay.likely_s)
    likely = slice(first, last + 1)
    low = [[0.0] * len(PHASES) for _ in moments_s]
    high = [[0.0] * len(PHASES) for _ in moments_s]
    slow_telegrams = draft.snapshot.grid.interval_s >= FAST_TELEGRAMS_S
    for it in draft.each():
        samples = it.memory.samples
        if not it.socket.metered or not samples or it.meter_age_s > SOCKET_METER_QUIET_S:
            continue
        around, read_since = _around(samples, latest_s, earliest_s)
        drawn.complete = drawn.complete and read_since
        follows = latest_s - it.granted_since_s < RAMP_S
        ramping = not read_since and follows
        allowed_a = max(it.granted_a, it.memory.previous_granted_a) if follows else it.granted_a
        for own, path in enumerate(it.places):
            values = [sample.current_a[own] for sample in around]
            now = samples[-1].current_a[own]
            possible = list(values)
            if ramping:
                possible.append(it.granted_a)
                if samples[-1].at_s <= it.granted_since_s:
                    possible.append(it.memory.previous_granted_a)
                now = min(now, it.granted_a)
            lowest, highest = min(possible), max(possible)
            falls = highest - now > FALL_A and not (ramping and it.granted_a >= highest - FALL_A)
            phase = path[-1] - draft.tree.main
            drawn.likely[phase] += highest if falls else lowest
            now_sum[phase] += now
            if it.socket.wallbox is not None and now > allowed_a:
                drawn.beyond[phase] += now - allowed_a + SHOWN_A
            for moment, moment_s in enumerate(moments_s):
                least, most = lowest, highest
                if slow_telegrams and highest > lowest and not ramping:
                    least, most = at_moment(around, values, moment_s)
                low[moment][phase] += least
                high[moment][phase] += most
    for p in PHASES:
        drawn.least[p] = min(moment[p] for moment in low)
        drawn.most[p] = max(moment[p] for moment in high)
        if slow_telegrams:
            drawn.likely[p] = min(moment[p] for moment in low[likely])
        drawn.likely[p] = min(max(drawn.likely[p], drawn.least[p]), drawn.most[p])
        fallen_a = max(moment[p] for moment in high[likely]) - now_sum[p]
        drawn.fallen[p] = fallen_a if fallen_a > (DOUBT_A if slow_telegrams else 0.0) else 0.0
    return drawn


def at_moment(around: list[Sample], values: list[float], moment_s: float) -> tuple[float, float]:
    """Least and most of one phase at a moment: on the slope between the samples on both sides, or, where they are too
    far apart to tell when it changed, both. `around` has the newest first."""
    after_s, after_a = around[0].at_s, values[0]
    for sample, current_a in zip(around, values, strict=True):
        if sample.at_s <= moment_s:
            if after_s - sample.at_s > SLOPE_S or abs(after_a - current_a) > SLOPE_A:
                return min(current_a, after_a), max(current_a, after_a)
            passed = 0.0 if after_s <= sample.at_s else min(1.0, (moment_s - sample.at_s) / (after_s - sample.at_s))
            there_a = current_a + passed * (after_a - current_a)
            return there_a, there_a
        after_s, after_a = sample.at_s, current_a
    return after_a, after_a


def _around(samples: tuple[Sample, ...], latest_s: float, earliest_s: float) -> tuple[list[Sample], bool]:
    """The samples from the last before the telegram's span to the first after it, the newest first."""
    around: list[Sample] = []
    for sample in reversed(samples):
        if sample.at_s >= latest_s:
            around = [sample]
            continue
        around.append(sample)
        if sample.at_s <= earliest_s:
            break
    return around, samples[-1].at_s >= latest_s


def _base(draft: Draft) -> None:
    """House load on the main fuse, unmetered load on the others; unknown is full. While a telegram is overdue the
    house counts for what it may have risen to since the last one, until the fallback takes its declared maximum."""
    tree = draft.tree
    draft.unrest_a = [0.0] * len(draft.base_a)
    declared = draft.tree.site.house_load_a_max
    blindish = draft.freshness >= Freshness.FALLBACK
    for p in PHASES:
        house = draft.house_a[p]
        if blindish:
            highest = draft.memory.house_highest_a[p]
            house = max(declared[p], 0.0) if declared is not None else highest
        place = tree.main + p
        usual_a = draft.memory.house_rises[p].usual_a
        draft.unrest_a[place] = inf if usual_a is None else usual_a
        if house is not None and draft.freshness is Freshness.STALE:
            age_s = draft.now_s - draft.memory.house_seen_s[p]
            most_a = tree.rating_a[place] if declared is None else max(declared[p], 0.0)
            house = risen_a(house, draft.memory.house_rises[p], age_s / draft.snapshot.grid.interval_s, most_a)
        draft.base_a[place] = tree.rating_a[place] if house is None else house
        if house is None and not blindish:
            draft.lowered_by[place] = Because(Why.GRID_PHASE_UNKNOWN)


def estimate_loads(draft: Draft) -> None:
    """What each fuse phase is taken to carry now (upper bound); None where the house is unknown."""
    summed = draft.tree.summed
    seen = summed(draft.base_a, ((it.taps, it.draw_a) for it in draft.each() if it.draw_a is not None))
    hidden = [it for it in draft.each() if it.draw_a is None]
    load = summed(seen, ((it.taps, it.reserved_a) for it in hidden))
    whole = [True] * len(load)
    for it in hidden:
        for place in it.all_places:
            whole[place] = False
    draft.load_a, draft.seen_a = [*load], [*seen]
    draft.seen_whole = whole
    for p in PHASES:
        place = draft.tree.main + p
        house = draft.house_a[p]
        if house is None:
            draft.load_a[place] = draft.seen_a[place] = None
        else:
            seen[place] += house - draft.base_a[place]
            draft.seen_a[place] = seen[place]


def _triple(values: list[float | None]) -> MaybePerPhase:
    return values[0], values[1], values[2]
