"""The cabinet in software with grid meters that are late: the delay is learned, and no fuse pays for it."""

import random

import pytest

from hil.bench.cabinet import Wires
from hil.bench.course import run_course
from hil.bench.ours import OurPolicy
from hil.bench.site_texts import FuseText
from hil.bench.traces import Trace
from hil.world.phases import Triple
from tests.bench_hil.stages import car, trace

RUN_S = 1600
RATING_A = 40.0


def comings(seed: int) -> Trace:
    """Two sockets whose cars come and go, and a house that is never still."""
    chance = random.Random(seed)
    visits = []
    for name in ("p1", "p2"):
        at_s = chance.uniform(60.0, 120.0)
        while at_s < RUN_S - 200.0:
            stays_s = chance.uniform(80.0, 160.0)
            visits.append(
                car(name, at_s, at_s + stays_s, phases=chance.choice((1, 3)), limit_a=chance.choice((10, 16)))
            )
            at_s += stays_s + chance.uniform(30.0, 60.0)
    house: list[tuple[float, Triple]] = [
        (float(at_s), (5.0 + chance.random(), 7.0 + chance.random(), 4.0 + chance.random()))
        for at_s in range(0, RUN_S, 4)
    ]
    visits.sort(key=lambda visit: visit.arrive_s)
    return trace(visits, house, fuses=(FuseText("main", RATING_A),))


@pytest.mark.parametrize("every_s", [1, 10])
@pytest.mark.parametrize("delay_s", [0, 2, 6, 10])
def test_the_delay_of_a_late_meter_is_learned_from_the_cars_and_no_fuse_is_overloaded(
    every_s: int, delay_s: int
) -> None:
    played = comings(delay_s)
    policy = OurPolicy(played.site_text)
    wires = Wires(telegram_every_s=every_s, telegram_delay_s=delay_s)
    verdict = run_course(played, policy, wires)
    learned = policy.state.grid_delay_s
    assert learned is not None
    least_s, most_s = learned
    assert least_s <= delay_s <= most_s
    assert most_s - least_s <= 6.0
    assert (verdict.over_s, verdict.never) == (0, 0)
