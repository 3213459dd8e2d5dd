"""Prints what one tick of `decide` costs at 4, 16 and 64 charging sockets, hot, in CPU time.

Run it as a script; it judges nothing:

python tests/bench/tick_cost.py [SECONDS]
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.control.decide import decide
from tests.control.cabinet_world import Cabinet, Car, fuse, instant, site, wallbox


def busy_cabinet(sockets: int) -> Cabinet:
    """As many charging cars as asked for, under sub-fuses of eight, on a main fuse that binds."""
    groups = (sockets + 7) // 8
    fuses = (fuse("main", 10.0 * sockets), *(fuse(f"g{n}", 80.0, parent="main") for n in range(groups)))
    cabinet = Cabinet(site(*(wallbox(f"s{n}", f"g{n // 8}") for n in range(sockets)), fuses=fuses))
    for n in range(sockets):
        cabinet.plug(f"s{n}", Car(limit_a=6.0 + n % 11))
    cabinet.run(300)
    return cabinet


def main(seconds: float) -> None:
    """Measures each size for a share of the time given."""
    print(f"{'sockets':>8} {'median us':>10} {'p99 us':>8}")
    for sockets in (4, 16, 64):
        cabinet = busy_cabinet(sockets)
        costs = []
        ends = time.perf_counter() + seconds / 3
        while time.perf_counter() < ends:
            cabinet.at_s += 1.0
            for place in cabinet.places.values():
                place.flow()
            cabinet._see()
            snapshot = cabinet._snapshot(cabinet._telegrams())
            now = instant(cabinet.at_s)
            begun = time.process_time()
            decision = decide(snapshot, cabinet.state, now)
            costs.append(time.process_time() - begun)
            cabinet.state = decision.state
            for wish in decision.wishes:
                cabinet._obey(wish)
        costs.sort()
        print(f"{sockets:>8} {costs[len(costs) // 2] * 1e6:>10.0f} {costs[int(len(costs) * 0.99)] * 1e6:>8.0f}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0)
