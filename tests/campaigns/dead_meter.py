"""One of four socket meters on one bus dies: what that costs the others, what becomes of its socket, and its return.

A round of a meter is the time from one poll of it to the next, seen by the cabinet. The delay is how much longer than
the longest round before the death a round is while the meter is dead. One timeout costs the wire three things: the
request and the room for its answer, the time that an answer may take, and the rest that follows, so that a late answer
belongs to nobody.
"""

import argparse
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from tests.campaigns._cabinet_process import BrokerProcess, CabinetProcess
from tests.campaigns._gateway_process import Ear, GatewayProcess, setpoints, wait_until, without_faults

DEAD = "p1"
OTHERS = ("p2", "p3", "p4")
TIMEOUT_S = 0.6
"""What the scenario's config gives the bus; Carlo Gavazzi meters may take 0.5 s."""
REST_S = 0.3
WIRE_S = (8 + 157) * 10 / 38400
"""Request and answer of one poll at 38400 8N1."""
ONE_TIMEOUT_S = WIRE_S + TIMEOUT_S + REST_S
SILENT_AFTER_S = 10.0
PAUSED_AFTER_S = 60.0
RULE_SLACK_S = 3.0
ASKED_AGAIN_S_MAX = 64.0
"""A silent unit is asked again after 1, 2, 4 ... 60 s at the latest."""
METER_READ = 76
"""Registers of the one block that a poll of an SDM630 takes."""


def rounds_s(cabinet: CabinetProcess, begun_ns: int, ended_ns: int, sockets: tuple[str, ...]) -> list[float]:
    """Every round of these sockets' meters within a span."""
    polls: dict[str, list[int]] = {name: [] for name in sockets}
    for line in cabinet.events():
        t_ns = int(str(line["t_ns"]))
        polled = line["kind"] == "read" and line["count"] == METER_READ and line["owner"] in polls
        if polled and begun_ns <= t_ns <= ended_ns:
            polls[str(line["owner"])].append(t_ns)
    return [(after - before) / 1e9 for moments in polls.values() for before, after in pairwise(moments)]


def asked(cabinet: CabinetProcess, begun_ns: int, ended_ns: int) -> list[int]:
    """When the dead meter was asked."""
    return [
        int(str(line["t_ns"]))
        for line in cabinet.events()
        if line["kind"] == "read" and line["owner"] == DEAD and line["bus"] == "meters"
        if begun_ns <= int(str(line["t_ns"])) <= ended_ns
    ]


def judge_rounds(cabinet: CabinetProcess, since_ns: int, dead_ns: int, back_ns: int) -> list[str]:
    """Prints both and holds the difference to one timeout."""
    before = rounds_s(cabinet, since_ns, dead_ns, OTHERS)
    during = rounds_s(cabinet, dead_ns, back_ns, OTHERS)
    tries = asked(cabinet, dead_ns, back_ns)
    delay_s = max(during) - max(before)
    print(
        f"rounds of the others before: median {median(before):.3f} s, longest {max(before):.3f} s, {len(before)} rounds"
    )
    print(
        f"rounds while it is dead:     median {median(during):.3f} s, longest {max(during):.3f} s, {len(during)} rounds"
    )
    print(
        f"longest delay {delay_s:.3f} s; one timeout: {TIMEOUT_S} s for an answer + {WIRE_S:.3f} s on the wire + "
        f"{REST_S} s rest = {ONE_TIMEOUT_S:.3f} s; the dead meter was asked {len(tries)} times meanwhile"
    )
    wrong = []
    if delay_s > ONE_TIMEOUT_S:
        wrong.append(f"a round was delayed by {delay_s:.3f} s, more than one timeout of {ONE_TIMEOUT_S:.3f} s")
    if len(before) < 9 or len(during) < 9:
        wrong.append(f"only {len(before)} rounds before and {len(during)} during")
    if len(tries) < 2:
        wrong.append("the dead meter was not asked again")
    return wrong


def told(cabinet: CabinetProcess) -> dict[str, float]:
    """The current that each box was told last."""
    return {write.owner: write.current_a for write in setpoints(cabinet.events())}


def play(folder: Path, seed: int, dead_s: float) -> list[str]:
    """The whole story."""
    scenario = without_faults("dead-meter", folder, interval_s=1, arrive_s=0.2, raise_after_s=2)
    more = ("--seed", str(seed), "--log-reads")
    wrong: list[str] = []
    with (
        BrokerProcess(folder) as broker,
        Ear(broker.port) as ear,
        CabinetProcess(str(scenario), folder, mqtt_port=broker.port, more=more) as cabinet,
        GatewayProcess(cabinet.config, folder / "gateway.log") as gateway,
    ):

        def problem() -> object:
            return ear.last(f"socket/{DEAD}/state").get("problem_code")

        def rule(expected: str, since_s: float, due_s: float) -> None:
            late_s = time.monotonic() - since_s - due_s
            print(f"{expected}: {due_s + late_s:.1f} s after the death (due {due_s:.0f})")
            if not -RULE_SLACK_S <= late_s <= RULE_SLACK_S:
                wrong.append(f"{expected} came {late_s:+.1f} s from its time")

        try:
            wait_until(lambda: told(cabinet).get(DEAD, 0.0) >= 6.0, 40.0, f"{DEAD} charges")
            running_ns = time.monotonic_ns()
            time.sleep(8.0)
            dead_s_from = time.monotonic()
            dead_ns = time.monotonic_ns()
            before_a = told(cabinet)[DEAD]
            cabinet.tell(fault="meter_dead", target=DEAD)
            wait_until(lambda: problem() == "socket_meter_silent", 20.0, "the gateway says so")
            rule("said to be silent", dead_s_from, SILENT_AFTER_S)
            if dead_s > PAUSED_AFTER_S:
                wait_until(lambda: told(cabinet)[DEAD] == 0.0, PAUSED_AFTER_S + 10.0, "its session pauses")
                rule("setpoint 0", dead_s_from, PAUSED_AFTER_S)
            time.sleep(max(0.0, dead_s - (time.monotonic() - dead_s_from)))
            after = [write for write in setpoints(cabinet.events()) if write.t_ns > dead_ns]
            if raised := [write.current_a for write in after if write.owner == DEAD and write.current_a > before_a]:
                wrong.append(f"{DEAD} was raised to {raised} A while nobody saw its current")
            charged = sorted({write.owner for write in after if write.owner != DEAD and write.current_a >= 6.0})
            print(f"{DEAD} had {before_a} A; setpoints above 0 meanwhile: {', '.join(charged) or 'none'} of the others")
            back_ns = time.monotonic_ns()
            cabinet.tell(end="meter_dead")
            wait_until(lambda: problem() is None, ASKED_AGAIN_S_MAX + 5.0, "its meter is heard again")
            heard_s = (time.monotonic_ns() - back_ns) / 1e9
            print(f"heard again {heard_s:.1f} s after its return (due {ASKED_AGAIN_S_MAX:.0f})")
            wrong += judge_rounds(cabinet, running_ns, dead_ns, back_ns)
        except TimeoutError as late:
            wrong.append(str(late))
        if melted := cabinet.report()["melted"]:
            wrong.append(f"melted: {melted}")
        if (code := gateway.stop()) != 0:
            wrong.append(f"the orderly stop ended with {code}")
        if wrong:
            sys.stderr.write("".join(gateway.log.read_text().splitlines(keepends=True)[-40:]))
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="dead for 14 s in place of 90 s: no pause of its session")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="laddvakt-dead-meter-") as name:
        wrong = play(Path(name), args.seed, 14.0 if args.sample else 90.0)
    for each in wrong:
        print(f"WRONG: {each}")
    print(f"seed {args.seed}, {time.monotonic() - began_s:.0f} s; {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
