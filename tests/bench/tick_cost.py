"""Prints what one tick of `decide` costs at 4 to 1024 charging sockets, hot and at 1 Hz, in CPU time.

Run it as a script; it judges nothing. At 1 Hz each tick comes after a second of sleep, as in the daemon: caches are
cold then and the clock of the processor low.

python tests/bench/tick_cost.py [SECONDS [SECONDS AT 1 HZ]]
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.control.decide import decide
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, instant, site, wallbox

SIZES = (4, 16, 64, 256, 1024)
TURNS = 5
"""The sizes take turns, so that what else runs on the machine costs all of them alike: beside a busy neighbour a tick
takes twice the CPU time. p5 is near what it takes without one."""


def busy_cabinet(sockets: int) -> Cabinet:
    """As many charging cars as asked for, under sub-fuses of eight, on a main fuse that binds."""
    groups = (sockets + 7) // 8
    fuses = (fuse("main", 10.0 * sockets), *(fuse(f"g{n}", 80.0, parent="main") for n in range(groups)))
    cabinet = Cabinet(site(*(wallbox(f"s{n}", f"g{n // 8}") for n in range(sockets)), fuses=fuses))
    for n in range(sockets):
        cabinet.plug(f"s{n}", Car(limit_a=6.0 + n % 11))
    cabinet.run(max(70, min(300, 20_000 // sockets)))
    return cabinet


def costs_s(cabinet: Cabinet, seconds: float, wait_s: float) -> list[float]:
    """CPU seconds of each tick, shortest first, of as many as fit into the time (at least three)."""
    costs: list[float] = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends or len(costs) < 3:
        cabinet.at_s += 1.0
        for place in cabinet.places.values():
            place.flow()
        cabinet._see()
        snapshot = cabinet._snapshot(cabinet._telegrams())
        now = instant(cabinet.at_s)
        time.sleep(wait_s)
        begun = time.process_time()
        decision = decide(snapshot, cabinet.state, now)
        costs.append(time.process_time() - begun)
        cabinet.state = decision.state
        for wish in decision.wishes:
            cabinet._obey(wish)
    return sorted(costs)


def main(seconds: float, slow_seconds: float) -> None:
    """Measures the sizes in turns, each for its share of the time given."""
    cabinets = {sockets: busy_cabinet(sockets) for sockets in SIZES}
    hot: dict[int, list[float]] = {sockets: [] for sockets in SIZES}
    for _ in range(TURNS):
        for sockets, cabinet in cabinets.items():
            hot[sockets] += costs_s(cabinet, seconds / len(SIZES) / TURNS, 0.0)
    print(
        f"{'sockets':>8} {'hot: median us':>15} {'p5 us':>8} {'p99 us':>8} {'us a socket':>12} {'1 Hz: median us':>16}"
    )
    for sockets, cabinet in cabinets.items():
        costs = sorted(hot[sockets])
        slow = costs_s(cabinet, slow_seconds / len(SIZES), 1.0) if slow_seconds else [float("nan")]
        median_us = costs[len(costs) // 2] * 1e6
        print(
            f"{sockets:>8} {median_us:>15.0f} {costs[len(costs) // 20] * 1e6:>8.0f} "
            f"{costs[int(len(costs) * 0.99)] * 1e6:>8.0f} {median_us / sockets:>12.1f} "
            f"{slow[len(slow) // 2] * 1e6:>16.0f}",
            flush=True,
        )


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:3]]
    main(given[0] if given else 10.0, given[1] if len(given) > 1 else 20.0)
