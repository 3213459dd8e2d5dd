"""What becomes of every relay and box when the gateway dies or hangs, with the shipped unit's keeper and without any.

A cabinet with one socket of every kind charges; one fault is injected at a random moment; the cabinet's own log says
when each device became safe: a relay open, a box offering no more than its failsafe current. Without a keeper a relay
that stays as it was told is safe only in that `laddvakt check-config` names its socket.
"""

import argparse
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.campaigns._cabinet_process import BrokerProcess, CabinetProcess, gateway_command
from tests.campaigns._service_keeper import ServiceKeeper

SCENARIO: Final = "dead-man"
ARMED: Final = ("p1", "p2")
FAILSAFE_A: Final = 0.0
CHARGING_A: Final = 5.0
CHARGES_WITHIN_S: Final = 60.0
WATCHED_S: Final = 40.0
"""Without a keeper; with one until everything is safe and the daemon back, or so long that it is not to be expected."""
KEPT_WATCHED_S: Final = 90.0
OPENING_S: Final = 20.0
"""For open-all, well inside the unit's TimeoutStopSec."""
STOPPED_S: Final = 20.0
"""SIGSTOP for so long before SIGCONT."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to die. wound: what `_sabotage` opens at SIGUSR1, None where a signal to the product itself does it."""

    name: str
    signal: signal.Signals
    wound: str | None = None
    continued: bool = False
    hears_s: float = 0.0
    """How long keeper or daemon need to notice it."""
    dies: bool = False
    """Whether the daemon itself opens everything, without a keeper."""


WATCHDOG_S: Final = 10.0
JOURNAL_S: Final = 8.0
FAULTS: Final = (
    Fault("SIGKILL", signal.SIGKILL),
    Fault("SIGSTOP", signal.SIGSTOP, hears_s=WATCHDOG_S),
    Fault("stuck tick", signal.SIGUSR1, "stuck", hears_s=WATCHDOG_S),
    Fault("hung journal", signal.SIGUSR1, "journal", hears_s=JOURNAL_S, dies=True),
    Fault("exception", signal.SIGUSR1, "raises", dies=True),
    Fault("SIGSTOP, SIGCONT", signal.SIGSTOP, continued=True, hears_s=STOPPED_S, dies=True),
)
DEVICES: Final = ("p1 relay", "p2 timed relay", "p3 box", "p4 MQTT box", "p5 relay", "p5 box")
BY_THEMSELVES_S: Final = {"p2 timed relay": 30.0, "p3 box": 15.0, "p4 MQTT box": 30.0, "p5 box": 15.0}
"""What each device needs without us: timed close, box watchdog, validity of a setpoint."""
SLACK_S: Final = 6.0
"""Ticks, wire and physics, on a busy machine; what open-all itself took, its start included, comes on top."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run. safe_s: seconds from the fault until each device was safe, None: not while it was watched."""

    fault: Fault
    kept: bool
    safe_s: Mapping[str, float | None]
    unsafe_at_end: tuple[str, ...]
    back_s: float | None
    stop_post: tuple[int, float] | None


class Person:
    """Arms the plain sockets until they draw."""

    def __init__(self, port: int, gateway: str) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._base = f"laddvakt/{gateway}/socket"

    def arm(self) -> None:
        for name in ARMED:
            self._client.publish(f"{self._base}/{name}/arm/set", "ON", qos=1)

    def leave(self) -> None:
        self._client.loop_stop()
        self._client.disconnect()


class Devices:
    """The cabinet's own record of its relays and boxes."""

    def __init__(self, cabinet: CabinetProcess) -> None:
        self._cabinet = cabinet

    def turns(self) -> Iterator[tuple[float, str, bool]]:
        """Monotonic second, device, and whether it is safe from then on."""
        for event in self._cabinet.events():
            at_s = float(str(event["t_ns"])) / 1e9
            socket = str(event.get("socket"))
            if event["kind"] == "contactor":
                name = f"{socket} timed relay" if socket == "p2" else f"{socket} relay"
                yield at_s, name, not event["closed"]
            elif event["kind"] == "box":
                name = f"{socket} MQTT box" if socket == "p4" else f"{socket} box"
                yield at_s, name, float(str(event["offered_a"])) <= FAILSAFE_A

    def safe_after(self, from_s: float) -> dict[str, float | None]:
        """For each device the seconds from then until it was first safe; 0 if it was safe already."""
        safe_s: dict[str, float | None] = dict.fromkeys(DEVICES, None)
        for at_s, device, safe in self.turns():
            if at_s <= from_s:
                safe_s[device] = 0.0 if safe else None
            elif safe and safe_s[device] is None:
                safe_s[device] = at_s - from_s
        return safe_s

    def unsafe_now(self) -> tuple[str, ...]:
        now = dict.fromkeys(DEVICES, True)
        for _, device, safe in self.turns():
            now[device] = safe
        return tuple(device for device, safe in now.items() if not safe)

    def charging(self) -> bool:
        """Every socket draws."""
        drawn: object = None
        for event in self._cabinet.events():
            if event["kind"] == "sample":
                drawn = event["socket_a"]
        return isinstance(drawn, dict) and all(max(amperes) >= CHARGING_A for amperes in drawn.values())


class Daemon:
    """The gateway, kept as systemd would or left alone; both are told of a fault by the same word."""

    def __init__(self, fault: Fault, cabinet: CabinetProcess, kept: bool) -> None:
        self.log = cabinet.folder / "gateway.log"
        command = gateway_command("run", str(cabinet.config))
        if fault.wound is not None:
            command = [sys.executable, "-m", "tests.campaigns._sabotage", fault.wound, str(cabinet.config)]
        self.keeper = ServiceKeeper(cabinet.config, self.log, command=command) if kept else None
        self._alone: subprocess.Popen[bytes] | None = None
        if self.keeper is not None:
            self.keeper.start()
        else:
            with self.log.open("ab") as out:
                self._alone = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    def signal(self, number: signal.Signals) -> None:
        if self.keeper is not None:
            self.keeper.signal(number)
        elif self._alone is not None and self._alone.poll() is None:
            self._alone.send_signal(number)

    def back_s(self, from_s: float) -> float | None:
        """Seconds until the restarted daemon was ready."""
        ready_s = [] if self.keeper is None else self.keeper.ready_s
        return next((at_s - from_s for at_s in ready_s if at_s > from_s), None)

    def end(self) -> None:
        if self.keeper is not None:
            self.keeper.stop()
        elif self._alone is not None:
            self._alone.kill()
            self._alone.wait()


def run_once(fault: Fault, kept: bool, delay_s: float, seed: int) -> Outcome:
    """Starts a cabinet and a daemon, lets everything charge, injects the fault, watches."""
    with tempfile.TemporaryDirectory(prefix="laddvakt-dead-man-") as room:
        folder = Path(room)
        with (
            BrokerProcess(folder) as broker,
            CabinetProcess(SCENARIO, folder, mqtt_port=broker.port, more=("--seed", str(seed))) as cabinet,
        ):
            devices = Devices(cabinet)
            daemon = Daemon(fault, cabinet, kept)
            try:
                _let_charge(devices, broker.port, daemon.log)
                time.sleep(delay_s)
                began_s = time.monotonic()
                daemon.signal(fault.signal)
                if fault.continued:
                    threading.Timer(STOPPED_S, daemon.signal, (signal.SIGCONT,)).start()
                while time.monotonic() - began_s < (KEPT_WATCHED_S if kept else WATCHED_S):
                    time.sleep(0.25)
                    safe = all(at_s is not None for at_s in devices.safe_after(began_s).values())
                    if safe and kept and daemon.back_s(began_s) is not None:
                        break
                stop_posts = [] if daemon.keeper is None else daemon.keeper.stop_posts
                return Outcome(
                    fault,
                    kept,
                    devices.safe_after(began_s),
                    () if kept else devices.unsafe_now(),
                    daemon.back_s(began_s),
                    stop_posts[0] if stop_posts else None,
                )
            finally:
                daemon.end()


def _let_charge(devices: Devices, port: int, log: Path) -> None:
    limit_s = time.monotonic() + CHARGES_WITHIN_S
    person = Person(port, "hil-1")
    try:
        while not devices.charging():
            if time.monotonic() > limit_s:
                raise TimeoutError(f"not all sockets charge after {CHARGES_WITHIN_S:.0f} s: {log.read_text()[-3000:]}")
            person.arm()
            time.sleep(0.5)
    finally:
        person.leave()


def named_by_check_config() -> set[str]:
    """Sockets of the scenario for which check-config says that nothing opens them without us."""
    with (
        tempfile.TemporaryDirectory(prefix="laddvakt-dead-man-") as room,
        CabinetProcess(SCENARIO, Path(room), mqtt_port=1883) as cabinet,
    ):
        check = gateway_command("check-config", str(cabinet.config))
        said = subprocess.run(check, capture_output=True, text=True, check=True)
    return set(re.findall(r"socket\[(\w+)\]\.dead_man: nothing opens", said.stdout + said.stderr))


def limit_s(outcome: Outcome, device: str) -> float | None:
    """How long this device may take; None: it has nothing that could open it, and must be named."""
    own_s = BY_THEMSELVES_S.get(device)
    if outcome.kept or outcome.fault.dies:
        opening_s = 0.0 if outcome.stop_post is None else outcome.stop_post[1]
        opened_s = outcome.fault.hears_s + opening_s + SLACK_S
        if device == "p4 MQTT box":  # open-all leaves it to its setpoint's end, or to the restarted daemon
            return BY_THEMSELVES_S[device] + SLACK_S
        return opened_s
    return None if own_s is None else own_s + SLACK_S


def judge(outcome: Outcome, named: set[str]) -> list[str]:
    """Everything that is wrong with one run; empty when all holds."""
    wrong = []
    where = f"{outcome.fault.name}, {'kept' if outcome.kept else 'alone'}"
    for device, safe_s in outcome.safe_s.items():
        socket = device.split()[0]
        within_s = limit_s(outcome, device)
        if within_s is None:
            box_s = outcome.safe_s.get(f"{socket} box")
            if safe_s is None and socket not in named and box_s is None:
                wrong.append(f"{where}: {device} stayed unsafe and check-config does not name {socket}")
        elif safe_s is None or safe_s > within_s:
            wrong.append(f"{where}: {device} safe after {safe_s} s, allowed are {within_s} s")
        elif safe_s == 0.0:
            wrong.append(f"{where}: {device} was safe before the fault, so this shows nothing")
        elif device in outcome.unsafe_at_end:
            wrong.append(f"{where}: {device} was safe and did not stay so")
    if outcome.kept and (outcome.stop_post is None or outcome.stop_post[0] != 0 or outcome.stop_post[1] > OPENING_S):
        wrong.append(f"{where}: open-all ended with {outcome.stop_post}")
    if outcome.kept and outcome.back_s is None:
        wrong.append(f"{where}: the daemon did not come back")
    return wrong


def table(outcomes: list[Outcome], named: set[str]) -> Iterator[str]:
    """One line for each run: seconds until each device was safe."""
    yield f"{'fault':17} {'keeper':7} " + " ".join(f"{device:>14}" for device in DEVICES) + "   open-all   back"
    for it in outcomes:
        cells = []
        for device in DEVICES:
            safe_s, socket = it.safe_s[device], device.split()[0]
            if safe_s is not None:
                cells.append(f"{safe_s:.2f}")
            else:
                cells.append("named" if socket in named else "its box" if f"{socket} box" in it.safe_s else "NEVER")
        opened = "" if it.stop_post is None else f"{it.stop_post[1]:.2f}"
        back = "" if it.back_s is None else f"{it.back_s:.2f}"
        keeper = "systemd" if it.kept else "none"
        yield f"{it.fault.name:17} {keeper:7} " + " ".join(f"{cell:>14}" for cell in cells) + f" {opened:>10} {back:>6}"


def main() -> int:
    """0 if every device of every run was safe in time or named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--sample", action="store_true", help="SIGKILL and a stuck tick, each with the keeper only")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each fault, each at another moment")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    args = parser.parse_args()
    began_s = time.monotonic()
    chance = random.Random(args.seed)
    named = named_by_check_config()
    runs = [(fault, kept) for fault in FAULTS for kept in (True, False) if not (fault.continued and kept)]
    if args.sample:
        runs = [(fault, True) for fault in FAULTS if fault.name in ("SIGKILL", "stuck tick")]
    runs = [run for run in runs for _ in range(args.rounds)]
    delays_s = [chance.uniform(0.0, 2.0 if args.sample else 12.0) for _ in runs]
    with ThreadPoolExecutor(args.jobs) as pool:
        made = [
            pool.submit(run_once, fault, kept, delay_s, args.seed)
            for (fault, kept), delay_s in zip(runs, delays_s, strict=True)
        ]
        outcomes = [each.result() for each in made]
    wrong = [problem for outcome in outcomes for problem in judge(outcome, named)]
    unsafe = {
        device.split()[0]
        for it in outcomes
        for device, safe_s in it.safe_s.items()
        if safe_s is None and it.safe_s.get(f"{device.split()[0]} box") is None
    }
    if not args.sample and named != unsafe | {"p4"}:
        wrong.append(f"check-config names {sorted(named)}, but {sorted(unsafe)} and the box on MQTT had to be named")
    for line in table(outcomes, named):
        print(line)
    print(f"seconds from the fault; named: check-config says that nothing opens {', '.join(sorted(named))} without us")
    for problem in wrong:
        print(f"WRONG: {problem}")
    print(f"seed {args.seed}, {len(outcomes)} runs, {len(wrong)} wrong, {time.monotonic() - began_s:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
