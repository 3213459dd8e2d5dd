"""How long a receipt takes from the stop reading: `python -m tests.bench.receipt_time [--sessions N]`.

A real journal on a real disk with N sessions in it; then, for 20 more, the time from the stop reading until the signed
end is durable, and until the receipt's text is printed by a process of its own, as a person would have it.
"""

import argparse
import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.devices.journal_store import JournalStore
from tests.ledger.ledger_bench import HandClock, begin, end, reading, station

MEASURED = 20
GOAL_S = 2.0


async def measure(folder: Path, sessions: int) -> tuple[list[float], list[float]]:
    """Seconds until durable, and until the receipt is there."""
    clock = HandClock()
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, station())
    durable_s, printed_s = [], []
    kwh = Decimal("100.00")
    for number in range(sessions + MEASURED):
        await ledger.record_begin(begin(f"s{number}", reading(clock, kwh)))
        clock.pass_s(600)
        kwh += Decimal("1.23")
        began_s = time.perf_counter()
        await ledger.record_end(end(f"s{number}", reading(clock, kwh)))
        if number >= sessions:
            durable_s.append(time.perf_counter() - began_s)
            command = [sys.executable, "-m", "gateway.cli.main", "receipt", f"s{number}", "--state-dir", str(folder)]
            await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
            printed_s.append(time.perf_counter() - began_s)
    await ledger.shut_down()
    return durable_s, printed_s


def main() -> int:
    """Prints both, and fails where the slowest receipt is over its goal."""
    parser = argparse.ArgumentParser(description="times receipts from the stop reading on")
    parser.add_argument("--sessions", type=int, default=500, help="how many stand in the journal before")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        durable_s, printed_s = asyncio.run(measure(Path(folder) / "state", args.sessions))
    for name, times_s in (("end durable", durable_s), ("receipt printed", printed_s)):
        print(f"{name}: median {statistics.median(times_s):.3f} s, worst of {len(times_s)} {max(times_s):.3f} s")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"processor time of one receipt's process: {(used.ru_utime + used.ru_stime) / MEASURED:.3f} s")
    return 0 if max(printed_s) <= GOAL_S else 1


if __name__ == "__main__":
    sys.exit(main())
