"""Random cabinets for the campaigns of control: a tree of fuses, sockets of every kind, meters fast or slow."""

import random
from dataclasses import replace

from gateway.quantities import PHASES
from gateway.site.topology import FuseKind, PhaseSwitching, Policy, QueueRules, Socket
from tests.control.cabinet_world import Cabinet
from tests.control.planned_site import fuse, plain, site, wallbox
from tests.control.test_laws import ROTATIONS

SLICE_S = 120.0
PATIENCE_OVER_S = 300.0
SERVING = (Policy.FIFO, Policy.EQUAL, Policy.PRIORITY)
"""Policies under which everybody is served whatever the sun does."""
CLOCKLESS = (*SERVING, Policy.SOLAR)
"""Those that do not look at the wall clock."""


def cabinet_of(chance: random.Random, sockets_max: int, policies: tuple[Policy, ...] = CLOCKLESS) -> Cabinet:
    """A tree of up to eight fuses, sockets of every kind anywhere in it, meters fast or slow."""
    number = chance.choice([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64])
    number = min(number, sockets_max)
    rating_a = chance.choice([16.0, 20.0, 25.0, 35.0, 63.0]) * max(1.0, number / chance.choice([3.0, 6.0, 12.0]))
    fuses = [fuse("main", rating_a, chance.choice(list(FuseKind)), share=0.95)]
    for n in range(chance.randint(0, min(7, number))):
        kind, parent = chance.choice(list(FuseKind)), chance.choice(fuses).id
        most = chance.choice([None, None, 2])
        fuses.append(fuse(f"g{n}", chance.choice([16.0, 25.0, 40.0]), kind, parent, 0.9, sessions_max=most))
    sockets: list[Socket] = []
    for n in range(number):
        on, phases = chance.choice(fuses).id, chance.choice(ROTATIONS)
        if chance.random() < 0.2:
            sockets.append(plain(f"s{n}", on, phases[:1], chance.choice([6.0, 10.0]), chance.random() < 0.9))
        else:
            step_a, opens = chance.choice([0.1, 1.0]), chance.random() < 0.3
            failsafe_a, way = chance.choice([None, 0.0]), chance.choice([None, None, PhaseSwitching(10.0)])
            box = wallbox(f"s{n}", on, phases, 16.0, opens, step_a=step_a, failsafe_a=failsafe_a, switching=way)
            minimum_kwh = chance.choice([0.0, 0.0, 0.2])
            weight = chance.choice([1.0, 1.0, 3.0])
            sockets.append(replace(box, priority=chance.randint(0, 2), weight=weight, minimum_kwh=minimum_kwh))
    declared = chance.choice([None, (8.0, 8.0, 8.0)])
    rules = QueueRules(slice_s=SLICE_S, policy=chance.choice(policies), patience_s=PATIENCE_OVER_S)
    built = site(*sockets, fuses=tuple(fuses), house_load_a_max=declared, rules=rules)
    cabinet = Cabinet(built, house_a=[chance.uniform(0.0, 8.0) for _ in PHASES])
    cabinet.telegram_every_s = chance.choice([1, 2, 5, 10])
    cabinet.telegram_lag_s = chance.choice([0, 0, 1, 2])
    cabinet.poll_every_s = chance.choice([1, 1, 2, 3])
    return cabinet
