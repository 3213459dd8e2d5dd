"""What is lost on the way from the optimum to a real rule, cause by cause.

Each rung is a rule that sees everything of the present minute and nothing of the future, acts at once, and is bound by
one thing more than the rung above: *share* (fair parts now instead of the best for the whole day), *queue* (6 A or
nothing, first come first served), *steps* (whole steps of the boxes). What a real controller loses below the last rung
is *lag*: old telegrams, ramps, waiting before a raise, tapering cars.
"""

from dataclasses import dataclass
from math import floor

from hil.bench.filling import Spot, Wish, fill
from hil.bench.optimum import presence_s, rooms
from hil.bench.site_plan import SitePlan, read_site
from hil.bench.traces import VOLTS, Trace
from hil.world.cars import MINIMUM_A


@dataclass(frozen=True, slots=True)
class Rungs:
    """Energy delivered on each rung (kWh)."""

    share_kwh: float
    queue_kwh: float
    steps_kwh: float


def climb(trace: Trace) -> Rungs:
    """All rungs of the trace."""
    site = read_site(trace.site_text)
    slots = rooms(trace, site)
    return Rungs(
        _rung(trace, site, slots, floor_a=0.0, whole=False),
        _rung(trace, site, slots, floor_a=MINIMUM_A, whole=False),
        _rung(trace, site, slots, floor_a=MINIMUM_A, whole=True),
    )


def _rung(
    trace: Trace, site: SitePlan, slots: list[dict[tuple[str, int], float]], *, floor_a: float, whole: bool
) -> float:
    left_kwh = [visit.energy_kwh for visit in trace.visits]
    line = sorted(range(len(trace.visits)), key=lambda number: trace.visits[number].arrive_s)
    running: set[int] = set()
    for slot, room in enumerate(slots):
        there = [n for n in line if presence_s(trace, n, slot) > 0.0 and left_kwh[n] > 1e-6]
        there.sort(key=lambda n: n not in running)
        free: dict[Spot, float] = dict(room)
        served, wishes = [], []
        for n in there:
            visit = trace.visits[n]
            places = site.places(visit.socket, visit.phases)
            if all(free[place] >= floor_a - 1e-9 for place in places):
                for place in places:
                    free[place] -= floor_a
                served.append(n)
                wishes.append(Wish(places, floor_a, min(visit.limit_a, site.sockets[visit.socket].rating_a)))
        running = set(served)
        shares = fill(wishes, room)
        if whole:
            steps = [site.sockets[trace.visits[n].socket].step_a for n in served]
            shares = _whole(shares, steps, wishes, room)
        for n, amperes in zip(served, shares, strict=True):
            kwh = amperes * VOLTS * trace.visits[n].phases * presence_s(trace, n, slot) / 3.6e6
            left_kwh[n] -= min(kwh, left_kwh[n])
    return sum(visit.energy_kwh for visit in trace.visits) - sum(left_kwh)


def _whole(
    shares: list[float], steps: list[float], wishes: list[Wish], room: dict[tuple[str, int], float]
) -> list[float]:
    """Whole steps downwards, and what that leaves given out again a step at a time, smallest share first."""
    whole = [floor(share / step + 1e-9) * step for share, step in zip(shares, steps, strict=True)]
    left: dict[Spot, float] = dict(room)
    for share, wish in zip(whole, wishes, strict=True):
        for place in wish.places:
            left[place] -= share
    for n in sorted(range(len(whole)), key=lambda each: whole[each]):
        wish, step = wishes[n], steps[n]
        if whole[n] + step <= wish.most_a + 1e-9 and all(left[place] >= step - 1e-9 for place in wish.places):
            whole[n] += step
            for place in wish.places:
                left[place] -= step
    return whole
