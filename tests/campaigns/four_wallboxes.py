"""Four three-phase wallboxes behind a 20 A main fuse with 13 A to spare: two charge, two wait, all get their energy.

The judge is the cabinet: its boxes, cars and fuses. The journal is asked whether every session was signed, and whether
the signed energy is that which flowed.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from tests.campaigns._cabinet_process import BrokerProcess, CabinetProcess, gateway_command
from tests.campaigns._gateway_process import GatewayProcess
from tests.campaigns.kills import Rows, verify

AT_A_TIME = 2
DRAWS_A = 1.0
METER_SLACK_KWH = 0.002
"""One step of the meter's register at each end (SDM630 float of Wh)."""
ORDERLY_S_MAX = 40.0
TOGETHER_S = 1.0


def charging_at_a_time(events: list[dict[str, object]]) -> tuple[int, int]:
    """The most boxes that offered a current to a car at one moment, and the most sockets that drew one at a sample."""
    offering: dict[object, bool] = {}
    offered = drew = 0
    for line in events:
        if line["kind"] == "box":
            offering[line["socket"]] = line["state"] == "C" and float(str(line["offered_a"])) > 0.0
            offered = max(offered, sum(offering.values()))
        elif line["kind"] == "sample":
            currents = line["socket_a"]
            assert isinstance(currents, dict)
            drew = max(drew, sum(max(phases) > DRAWS_A for phases in currents.values()))
    return offered, drew


def judge_cars(cars: list[Mapping[str, object]]) -> list[str]:
    """Served in order of arrival, and full. Two that find room at the same moment start within `TOGETHER_S`."""
    wrong = [f"{car['car']} got {car['energy_kwh']} of {car['wish_kwh']} kWh" for car in cars if not car["full"]]
    line = sorted(cars, key=lambda car: float(str(car["arrived_s"])))
    for ahead, behind in pairwise(line):
        if behind["started_s"] is None:
            continue
        if ahead["started_s"] is None or float(str(ahead["started_s"])) > float(str(behind["started_s"])) + TOGETHER_S:
            wrong.append(f"{behind['car']} was served before {ahead['car']}")
    return wrong


def judge_journal(state_dir: Path, folder: Path, cars: list[Mapping[str, object]]) -> list[str]:
    """One signed session a car, its energy that of the car to within the meter's register; exports that verify."""
    facts: dict[str, list[dict[str, object]]] = {}
    for kind, fact in Rows(state_dir).facts():
        facts.setdefault(kind, []).append(fact)
    ended = facts.get("SessionEnded", [])
    wrong = []
    if len(ended) != len(cars) or len(facts.get("SessionBegun", [])) != len(cars):
        wrong.append(f"{len(facts.get('SessionBegun', []))} sessions begun, {len(ended)} ended, {len(cars)} cars")
    if len(facts.get("PageSigned", [])) != 2 * len(cars):
        wrong.append(f"{len(facts.get('PageSigned', []))} pages signed instead of {2 * len(cars)}")
    arrived = [car["socket"] for car in sorted(cars, key=lambda car: float(str(car["arrived_s"])))]
    served = [fact["socket"] for fact in facts.get("SessionBegun", [])]
    if served != arrived:
        wrong.append(f"arrived at {arrived}, begun at {served}")
    signed = {str(fact["socket"]): float(str(fact["energy_kwh"])) for fact in ended}
    for car in cars:
        flowed_kwh = float(str(car["energy_kwh"]))
        signed_kwh = signed.get(str(car["socket"]))
        if signed_kwh is None or abs(signed_kwh - flowed_kwh) > METER_SLACK_KWH:
            wrong.append(f"{car['car']}: {flowed_kwh:.4f} kWh flowed, {signed_kwh} kWh signed")
    wrong += verify(folder, state_dir)
    return wrong + judge_xml(state_dir, folder, len(cars))


def judge_xml(state_dir: Path, folder: Path, sessions: int) -> list[str]:
    """One S.A.F.E. XML a session, and each verifies with the gateway's key, named from outside."""
    safe = folder / "safe-xml"
    safe.mkdir()
    shown = subprocess.run(
        gateway_command("key", "show", "--state-dir", str(state_dir)), capture_output=True, check=True
    )
    lines = shown.stdout.decode().splitlines()
    key = next(line.removeprefix("hex: ") for line in lines if line.startswith("hex: "))
    subprocess.run(
        gateway_command("export", "--state-dir", str(state_dir), "--format", "safe-xml", "-o", str(safe)), check=True
    )
    files = sorted(safe.iterdir())
    wrong = [] if len(files) == sessions else [f"{len(files)} XML files for {sessions} sessions"]
    checked = subprocess.run(
        gateway_command("verify", *map(str, files), "--key", key), capture_output=True, check=False
    )
    said = (checked.stdout + checked.stderr).decode().strip().splitlines()
    if checked.returncode not in (0, 1):
        wrong.append(f"the XML files do not verify: {' '.join(said)[-300:]}")
    print(f"{len(files)} S.A.F.E. XML files, verified together: {said[-1]}")
    return wrong


def wait_for_four(cabinet: CabinetProcess, gateway: GatewayProcess, until_s: float) -> None:
    """Until all cars have gone and all sessions are signed, the time is up (monotonic), or the gateway has ended."""
    while time.monotonic() <= until_s and gateway.process.poll() is None:
        threading.Event().wait(1.0)
        cars = cabinet.report()["cars"]
        assert isinstance(cars, list)
        gone = sum(car["left_s"] is not None for car in cars)
        ended = sum(kind == "SessionEnded" for kind, _ in Rows(cabinet.state_dir).facts())
        if gone == 4 and ended == 4:
            return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="a telegram a second and small wishes: under a minute")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    scenario = "four-wallboxes-short" if args.sample else "four-wallboxes"
    limit_s = 75.0 if args.sample else 1200.0
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="laddvakt-four-") as name:
        folder = Path(name)
        seed = ("--seed", str(args.seed))
        with (
            BrokerProcess(folder) as broker,
            CabinetProcess(scenario, folder, mqtt_port=broker.port, more=seed) as cabinet,
        ):
            with GatewayProcess(cabinet.config, folder / "gateway.log") as gateway:
                wait_for_four(cabinet, gateway, began_s + limit_s)
                code = gateway.stop(ORDERLY_S_MAX)
            report = cabinet.report()
            cars = report["cars"]
            fuses = report["fuses"]
            assert isinstance(cars, list)
            assert isinstance(fuses, dict)
            offered, drew = charging_at_a_time(list(cabinet.events()))
            wrong = judge_cars(cars) + judge_journal(cabinet.state_dir, folder, cars)
            if len(cars) != 4:
                wrong.append(f"{len(cars)} of 4 cars came within {limit_s:.0f} s")
            if offered != AT_A_TIME or drew != AT_A_TIME:
                wrong.append(f"{offered} boxes offered a current at once, {drew} drew one, not {AT_A_TIME}")
            if report["melted"]:
                wrong.append(f"melted: {report['melted']}")
            if code != 0:
                wrong.append(f"the orderly stop ended with {code}")
            if wrong:
                sys.stderr.write("".join((folder / "gateway.log").read_text().splitlines(keepends=True)[-40:]))
    for problem in wrong:
        print(f"WRONG: {problem}")
    for car in sorted(cars, key=lambda car: float(str(car["arrived_s"]))):
        print(
            f"{car['car']}: came at {car['arrived_s']} s, waited {car['waited_s']} s, started {car['started_s']} s, "
            f"full {car['full_s']} s, {car['energy_kwh']} of {car['wish_kwh']} kWh"
        )
    main_fuse = fuses["main"]
    print(f"at a time: {offered} boxes offered a current, {drew} sockets drew one (room for {AT_A_TIME})")
    melted = report["melted"]
    assert isinstance(melted, list)
    print(
        f"melted: {len(melted)}; longest above the rating {main_fuse['over_s_longest']} s, "
        f"in all {main_fuse['over_s_total']} s; worst heat {main_fuse['heat_worst']} of 1; "
        f"worst current {main_fuse['current_a_worst']} A of {main_fuse['rating_a']:.0f} A"
    )
    print(f"{scenario}, seed {args.seed}, {time.monotonic() - began_s:.0f} s; {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
