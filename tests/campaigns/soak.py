"""The demo cabinet for an hour: memory, share of a core, time from start to the first command, threads, files."""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.campaigns._cabinet_process import BrokerProcess, CabinetProcess, cpu_s, gateway_command, resident_mib

EVERY_S = 10.0
WARM_S = 60.0
GROWTH_MIB_MAX = 4.0


def first_write_s(cabinet: CabinetProcess, started_ns: int) -> float:
    """From the start of the daemon's process to the first command on a wire, on the machine's monotonic clock."""
    for event in cabinet.events():
        if event["kind"] == "write":
            return (int(str(event["t_ns"])) - started_ns) / 1e9
    raise LookupError("the gateway wrote nothing")


def open_files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def threads(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--sample", action="store_true", help="half a minute")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    for_s = 60.0 * (args.minutes or (0.5 if args.sample else 60.0))
    warm_s = min(WARM_S, for_s / 3)
    with tempfile.TemporaryDirectory(prefix="laddvakt-soak-") as name:
        folder = Path(name)
        with (
            BrokerProcess(folder) as broker,
            CabinetProcess("demo", folder, mqtt_port=broker.port, more=("--seed", str(args.seed))) as cabinet,
            (folder / "gateway.log").open("ab") as log,
        ):
            started_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            process = subprocess.Popen(gateway_command("run", str(cabinet.config)), stdout=log, stderr=log)
            try:
                time.sleep(warm_s)
                warm_mib, warm_cpu_s, began_s = resident_mib(process.pid), cpu_s(process.pid), time.monotonic()
                resident = [warm_mib]
                files = open_files(process.pid)
                while time.monotonic() - began_s < for_s - warm_s:
                    time.sleep(min(EVERY_S, for_s / 10))
                    resident.append(resident_mib(process.pid))
                share = (cpu_s(process.pid) - warm_cpu_s) / (time.monotonic() - began_s)
                grown_files = open_files(process.pid) - files
                thread_count = threads(process.pid)
                report = cabinet.report()
                decided_s = first_write_s(cabinet, started_ns)
            finally:
                process.terminate()
                code = process.wait(40)
            lines = (folder / "gateway.log").read_text().count("\n")
    cars = report["cars"]
    assert isinstance(cars, list)
    print(f"start to first command on a wire: {decided_s:.2f} s")
    print(
        f"RSS: {warm_mib:.1f} MiB after {warm_s:.0f} s, {resident[-1]:.1f} MiB after {for_s / 60:.0f} min, "
        f"median {median(resident):.1f}, most {max(resident):.1f}"
    )
    print(
        f"CPU: {100 * share:.2f} % of one core; {thread_count} threads; open files {grown_files:+d}; {lines} log lines"
    )
    print(f"cabinet: {len(cars)} cars, {report['cars_full']} full, melted {report['melted']}, fuses {report['fuses']}")
    print(f"seed {args.seed}, stopped with {code}")
    good = code == 0 and not report["melted"] and grown_files <= 2 and resident[-1] - warm_mib <= GROWTH_MIB_MAX
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
