"""The clairvoyant optimum: the most energy that any rule could have delivered, knowing all arrivals and loads before.

A linear programme in slots of a minute (scipy's HiGHS, an extra of development): one current per visit and slot, from 0
on (no 6 A floor, no steps, no delays, no tapering), every fuse phase at or below rating times share less the house.
"""

from dataclasses import dataclass
from typing import Final

from hil.bench.site_plan import SitePlan, read_site
from hil.bench.traces import VOLTS, Trace

SLOT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Optimum:
    """energy_kwh in all, and per visit."""

    energy_kwh: float
    got_kwh: tuple[float, ...]


def rooms(trace: Trace, site: SitePlan) -> list[dict[tuple[str, int], float]]:
    """Per slot: what each fuse phase has for cars on the average (A), never below 0."""
    slots = []
    for start_s in range(0, trace.seconds, SLOT_S):
        room = {}
        for fuse, limit_a in site.limit_a.items():
            for phase in range(3):
                left_a = limit_a - site.fuses[fuse].unmetered_load_a
                if fuse == site.main:
                    loads = [trace.house_at(start_s + second)[phase] for second in range(0, SLOT_S, 5)]
                    room[fuse, phase] = sum(max(0.0, left_a - load) for load in loads) / len(loads)
                else:
                    room[fuse, phase] = left_a
        slots.append(room)
    return slots


def presence_s(trace: Trace, visit: int, slot: int) -> float:
    """Seconds of the slot that the visit is there."""
    each = trace.visits[visit]
    start_s = slot * SLOT_S
    return max(0.0, min(each.depart_s, start_s + SLOT_S) - max(each.arrive_s, start_s))


def clairvoyant(trace: Trace) -> Optimum:
    """The optimum of the trace."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_matrix

    site = read_site(trace.site_text)
    slots = rooms(trace, site)
    variables: list[tuple[int, float]] = []
    bounds: list[tuple[float, float]] = []
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    limits: list[float] = []
    row_of: dict[tuple[int, str, int], int] = {}
    for number, visit in enumerate(trace.visits):
        limits.append(visit.energy_kwh)
        places = site.places(visit.socket, visit.phases)
        most_a = min(visit.limit_a, site.sockets[visit.socket].rating_a)
        for slot in range(int(visit.arrive_s) // SLOT_S, min(int(visit.depart_s) // SLOT_S + 1, len(slots))):
            there_s = presence_s(trace, number, slot)
            if there_s <= 0.0:
                continue
            column = len(variables)
            kwh_per_a = VOLTS * visit.phases * SLOT_S / 3.6e6
            variables.append((number, kwh_per_a))
            bounds.append((0.0, most_a * there_s / SLOT_S))
            rows.append(number)
            columns.append(column)
            values.append(kwh_per_a)
            for fuse, phase in places:
                row = row_of.setdefault((slot, fuse, phase), len(trace.visits) + len(row_of))
                rows.append(row)
                columns.append(column)
                values.append(1.0)
    limits += [0.0] * len(row_of)
    for (slot, fuse, phase), row in row_of.items():
        limits[row] = slots[slot][fuse, phase]
    if not variables:
        return Optimum(0.0, (0.0,) * len(trace.visits))
    matrix = coo_matrix((values, (rows, columns)), shape=(len(limits), len(variables))).tocsr()
    solved = linprog([-kwh for _, kwh in variables], A_ub=matrix, b_ub=limits, bounds=bounds, method="highs")
    if solved.status != 0:
        raise ArithmeticError(f"{trace.name}: the solver gave up: {solved.message}")
    got = [0.0] * len(trace.visits)
    for (number, kwh_per_a), amperes in zip(variables, solved.x, strict=True):
        got[number] += kwh_per_a * float(amperes)
    return Optimum(-float(solved.fun), tuple(got))
