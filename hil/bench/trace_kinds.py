"""Invented traces with a seed: a villa, a housing society, a car park. Same seed, same trace, on any machine."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from hil.bench.site_plan import SitePlan, read_site
from hil.bench.site_texts import car_park, society, villa
from hil.bench.traces import VOLTS, Trace, Visit
from hil.world.house import Appliance, House, HousePlan, LoadStep
from hil.world.phases import Triple
from hil.world.table_reader import ScenarioMistake

HOUR_S: Final = 3600.0
ROW_S: Final = 5
TIGHT_WISH: Final = 1.45
"""Wishes of a tight trace add up to so many times the energy that the main fuse has left for cars."""
LOOSE_WISH: Final = 0.55
STEPS_A: Final = (1.0, 0.1)
"""Boxes that take whole amperes, and boxes that take tenths (one sort at a site)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of site. visits: how many, from and to; stay_h: shortest and longest."""

    site: Callable[[Random], tuple[str, HousePlan]]
    hours: float
    visits: tuple[int, int]
    arrive_part: float
    stay_h: tuple[float, float]
    limits_a: tuple[float, ...]


def _evening(random: Random, base_a: Triple, swell_a: float, hours: float) -> tuple[LoadStep, ...]:
    """The base load of some evening hours: up, a plateau, down, each phase by its own."""
    steps = []
    for quarter in range(int(hours * 4)):
        part = quarter / (hours * 4)
        hump = swell_a * max(0.0, 1.0 - abs(part - 0.4) / 0.4)
        load = [amperes + hump * random.uniform(0.6, 1.2) for amperes in base_a]
        steps.append(LoadStep(quarter * 900.0, (load[0], load[1], load[2])))
    return tuple(steps)


def _villa(random: Random) -> tuple[str, HousePlan]:
    rating_a = random.choice((20.0, 25.0, 25.0))
    base_a = (random.uniform(1.0, 3.0), random.uniform(0.5, 3.0), random.uniform(0.5, 2.5))
    appliances = (
        Appliance(0, random.uniform(7.0, 10.0), (60.0, 240.0), (900.0, 3600.0)),  # kettle, iron
        Appliance(1, random.uniform(6.0, 9.0), (120.0, 900.0), (600.0, 2400.0)),  # oven
        Appliance(2, random.uniform(5.0, 9.0), (600.0, 1800.0), (900.0, 2700.0)),  # washing machine, heater
        *(Appliance(phase, 3.0, (600.0, 1500.0), (600.0, 1500.0)) for phase in range(3)),  # heat pump
    )
    house = HousePlan(base_a, _evening(random, base_a, 2.0, 4.0), None, 0.3, 20.0, appliances)
    return villa(rating_a, (16.0, 16.0, 16.0), random.choice(STEPS_A)), house


def _society(random: Random) -> tuple[str, HousePlan]:
    base_a = (random.uniform(8.0, 14.0), random.uniform(8.0, 14.0), random.uniform(8.0, 14.0))
    appliances = tuple(
        Appliance(phase, load, on, off)
        for phase in range(3)
        for load, on, off in (
            (12.0, (15.0, 40.0), (60.0, 400.0)),  # a lift
            (10.0, (600.0, 2400.0), (600.0, 2400.0)),  # laundry
            (6.0, (300.0, 900.0), (300.0, 1500.0)),  # ventilation
        )
    )
    house = HousePlan(base_a, _evening(random, base_a, 5.0, 4.0), None, 0.6, 20.0, appliances)
    return society((45.0, 45.0, 45.0), random.choice(STEPS_A)), house


def _car_park(random: Random) -> tuple[str, HousePlan]:
    base_a = (random.uniform(20.0, 30.0), random.uniform(20.0, 30.0), random.uniform(20.0, 30.0))
    appliances = tuple(
        Appliance(phase, load, on, off)
        for phase in range(3)
        for load, on, off in ((15.0, (15.0, 60.0), (60.0, 300.0)), (25.0, (600.0, 1800.0), (600.0, 1800.0)))
    )
    house = HousePlan(base_a, _evening(random, base_a, 5.0, 2.0), None, 1.0, 20.0, appliances)
    return car_park((80.0, 80.0, 80.0), random.choice(STEPS_A)), house


KINDS: Final[dict[str, Kind]] = {
    "villa": Kind(_villa, 4.0, (5, 8), 0.45, (1.2, 3.0), (10.0, 16.0, 16.0, 32.0)),
    "society": Kind(_society, 4.0, (24, 34), 0.5, (1.5, 3.5), (16.0, 16.0, 16.0, 32.0)),
    "car-park": Kind(_car_park, 2.0, (170, 220), 0.5, (0.7, 1.8), (16.0, 16.0, 32.0)),
}


def _house(plan: HousePlan, random: Random, seconds: float) -> tuple[tuple[float, ...], tuple[Triple, ...]]:
    house = House(plan, random)
    times, loads = [], []
    for at_s in range(int(seconds) + 1):
        load = house.step(float(at_s), 1.0)
        if at_s % ROW_S == 0:
            times.append(float(at_s))
            loads.append((round(load[0], 2), round(load[1], 2), round(load[2], 2)))
    return tuple(times), tuple(loads)


def _visits(kind: Kind, site: SitePlan, random: Random) -> list[Visit]:
    """Arrivals one after the other at free sockets; wishes of 1 kWh yet."""
    count = random.randint(*kind.visits)
    free_s = dict.fromkeys(site.sockets, 90.0)
    visits = []
    for arrive_s in sorted(random.uniform(90.0, kind.hours * HOUR_S * kind.arrive_part) for _ in range(count)):
        free = [name for name, free_at_s in free_s.items() if free_at_s <= arrive_s]
        if not free:
            continue
        socket = random.choice(free)
        depart_s = min(arrive_s + random.uniform(*kind.stay_h) * HOUR_S, kind.hours * HOUR_S)
        free_s[socket] = depart_s + 120.0
        phases = min(len(site.sockets[socket].phases), random.choice((1, 3, 3, 3)))
        sort = random.choices(("car", "slow", "tapering", "sleeper"), (80, 8, 8, 4))[0]
        visits.append(Visit(socket, round(arrive_s), round(depart_s), 1.0, phases, random.choice(kind.limits_a), sort))
    return visits


def make_trace(kind_name: str, seed: int, *, tight: bool | None = None) -> Trace:
    """The trace of that seed. tight: None makes every third seed (3, 6, 9 …) a loose one."""
    if kind_name not in KINDS:
        raise ScenarioMistake(f"{kind_name}: one of {', '.join(KINDS)}")
    kind = KINDS[kind_name]
    random = Random(f"{kind_name}-{seed}")
    text, plan = kind.site(random)
    site = read_site(text)
    seconds = kind.hours * HOUR_S
    times, loads = _house(plan, random, seconds)
    visits = _visits(kind, site, random)
    limit_a = site.limit_a[site.main]
    first_s = min(visit.arrive_s for visit in visits)
    room_kwh = sum(
        max(0.0, limit_a - amperes) * VOLTS / 1000.0 * ROW_S / HOUR_S
        for at_s, load in zip(times, loads, strict=True)
        if at_s >= first_s
        for amperes in load
    )
    is_tight = seed % 3 != 0 if tight is None else tight
    wish_kwh = room_kwh * (TIGHT_WISH if is_tight else LOOSE_WISH)
    parts = [random.uniform(0.5, 1.5) * visit.phases * (visit.depart_s - visit.arrive_s) for visit in visits]
    wished = []
    for visit, part in zip(visits, parts, strict=True):
        alone_kwh = min(visit.limit_a, site.sockets[visit.socket].rating_a) * visit.phases * VOLTS / 1000.0
        most_kwh = 0.92 * alone_kwh * (visit.depart_s - visit.arrive_s) / HOUR_S
        energy_kwh = round(max(0.3, min(most_kwh, wish_kwh * part / sum(parts))), 3)
        v = visit
        wished.append(Visit(v.socket, v.arrive_s, v.depart_s, energy_kwh, v.phases, v.limit_a, v.kind))
    return Trace(f"{kind_name}-{seed}", times, loads, tuple(wished), text)
