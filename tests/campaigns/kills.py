"""SIGKILL again and again during sessions that come and go: nothing is lost, nothing is counted twice.

Half of the kills fall within 300 ms of a row that begins, ends or signs something, some within the start of the
daemon itself (recovery), the rest anywhere. The judge reads the journal, the exports and what was announced on MQTT.
"""

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.campaigns._cabinet_process import BrokerProcess, CabinetProcess, gateway_command

NEAR_S = 0.3
CRITICAL = frozenset({"SessionBegun", "PageMade", "PageSigned", "SessionEnded", "EnergyOutside", "SessionQueued"})
GATEWAY = "hil-1"
ARMED = ("p1", "p2")
REGISTER_STEP_KWH = Decimal("0.01")
UNBOOKED_KWH_MAX = Decimal("0.05")
"""What may have flowed since the last booking: the tail of the last session."""

Facts = list[tuple[str, dict[str, object]]]
"""Kind and content of each fact of the journal, in order."""


class Witness:
    """Arms the plain sockets like a person would, and remembers every session that was ever announced."""

    def __init__(self, port: int) -> None:
        self.announced: set[str] = set()
        self.finished: Counter[str] = Counter()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(f"laddvakt/{GATEWAY}/#", qos=1)
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._arm)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._client.loop_stop()
        self._client.disconnect()

    def _arm(self) -> None:
        while not self._stop.wait(1.5):
            for name in ARMED:
                self._client.publish(f"laddvakt/{GATEWAY}/socket/{name}/arm/set", "ON", qos=1)

    def _heard(self, _client: mqtt.Client, _told: object, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/state") and "/socket/" in message.topic:
            said = json.loads(message.payload)
            if said["session_id"] is not None and said["session_phase"] is not None:
                self.announced.add(said["session_id"])
        elif message.topic.endswith("/session/last") and not message.retain:
            self.finished[json.loads(message.payload)["session"]] += 1


class Rows:
    """The journal as it lies on disk, read beside the daemon."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "journal.sqlite3"
        self._seen = 0

    def new_kinds(self) -> list[str]:
        """Kinds of the rows since the last look."""
        kinds = []
        for seq, row in self._rows(self._seen):
            self._seen = seq
            kinds.append(json.loads(row)["kind"])
        return kinds

    def facts(self) -> Iterator[tuple[str, dict[str, object]]]:
        for _, row in self._rows(0):
            said = json.loads(row)
            yield said["kind"], said["fact"]

    def _rows(self, after: int) -> list[tuple[int, str]]:
        if not self._path.exists():
            return []
        try:
            connection = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, timeout=2)
            try:
                return connection.execute(
                    "SELECT seq, row FROM journal WHERE seq > ? ORDER BY seq", (after,)
                ).fetchall()
            finally:
                connection.close()
        except sqlite3.OperationalError:
            return []


def journal_state(rows: Rows) -> str:
    """What the journal was in the middle of, at a kill."""
    begun, ended, made, signed, queued = set(), set(), {}, set(), set()
    started = 0
    for kind, fact in rows.facts():
        match kind:
            case "DaemonStarted":
                started += 1
            case "SessionQueued":
                queued.add(fact["session"])
            case "SessionWithdrawn":
                queued.discard(fact["session"])
            case "SessionBegun":
                begun.add(fact["session"])
                queued.discard(fact["session"])
            case "SessionEnded":
                ended.add(fact["session"])
            case "PageMade":
                made[fact["page"]] = fact["edge"]
            case "PageSigned":
                signed.add(fact["page"])
    if not started:
        return "before the first row"
    unsigned = [edge for page, edge in made.items() if page not in signed]
    if unsigned:
        return f"{unsigned[0]} page durable, not signed"
    running = len(begun - ended)
    return f"{running} running, {len(queued)} queued"


def kill_once(config: Path, log: Path, rows: Rows, chance: random.Random) -> str:
    """Starts the daemon, kills it at a moment of one of three kinds, gives that kind."""
    rows.new_kinds()
    with log.open("ab") as out:
        process = subprocess.Popen(
            gateway_command("run", str(config)), stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
    began_s = time.monotonic()
    dice = chance.random()
    if dice < 0.15:
        how = "during start"
        time.sleep(chance.uniform(0.0, 2.0))
    elif dice < 0.8:
        how = "near a critical row"
        wanted = chance.randint(1, 6)
        while wanted and time.monotonic() - began_s < 25.0 and process.poll() is None:
            wanted -= min(wanted, sum(kind in CRITICAL for kind in rows.new_kinds()))
            time.sleep(0.004)
        if wanted:
            how = "anywhere"
        time.sleep(chance.uniform(0.0, NEAR_S))
    else:
        how = "anywhere"
        time.sleep(chance.uniform(2.0, 12.0))
    if process.poll() is not None:
        raise RuntimeError(f"the daemon ended by itself with {process.returncode}; see {log}")
    process.send_signal(signal.SIGKILL)
    process.wait()
    return how


def judge(rows: Rows, witness: Witness, report: Mapping[str, object]) -> list[str]:
    """Everything that is wrong; empty when all holds. report: the cabinet's own, with its meters' registers."""
    facts = list(rows.facts())
    return [*_sessions_wrong(facts, witness), *_pages_wrong(facts), *_energy_wrong(facts, report)]


def _sessions_wrong(facts: Facts, witness: Witness) -> list[str]:
    """A session queues, begins and ends once, and none that was announced is lost."""
    wrong: list[str] = []
    queued: Counter[str] = Counter()
    begun: dict[str, dict[str, object]] = {}
    ended: set[str] = set()
    for kind, fact in facts:
        name = str(fact.get("session"))
        match kind:
            case "SessionQueued":
                queued[name] += 1
            case "SessionBegun":
                if name in begun:
                    wrong.append(f"session {name} begins twice")
                begun[name] = fact
            case "SessionEnded":
                if name in ended or name not in begun:
                    wrong.append(f"session {name} ends twice or without a begin")
                ended.add(name)
                used = _used_kwh(begun[name], fact)
                if used != Decimal(str(fact["energy_kwh"])):
                    wrong.append(f"session {name}: {fact['energy_kwh']} kWh is not the register difference {used}")
    wrong += [f"session {name} never ended" for name in begun if name not in ended]
    wrong += [f"session {name} queued {count} times" for name, count in queued.items() if count > 1]
    wrong += [f"session {name} was announced and is lost" for name in witness.announced - set(queued) - set(begun)]
    wrong += [f"session {name}: announced {n} times" for name, n in witness.finished.items() if name not in ended]
    return wrong


def _pages_wrong(facts: Facts) -> list[str]:
    """The pages of the key have no gap, and each is signed once."""
    wrong: list[str] = []
    pages = [int(str(fact["page"])) for kind, fact in facts if kind == "PageMade"]
    signed = Counter(int(str(fact["page"])) for kind, fact in facts if kind == "PageSigned")
    if pages != list(range(1, len(pages) + 1)):
        wrong.append("pages have a gap or a repetition")
    if signed != Counter(pages):
        wrong.append(f"pages not signed exactly once: {sorted(set(pages) ^ set(signed))}")
    return wrong


def _energy_wrong(facts: Facts, report: Mapping[str, object]) -> list[str]:
    """What sessions and T0 of a socket add up to is what its register rose by, and its register is the cabinet's."""
    wrong: list[str] = []
    begun: dict[str, dict[str, object]] = {}
    first: dict[str, Decimal] = {}
    last: dict[str, Decimal] = {}
    total: dict[str, Decimal] = {}
    for kind, fact in facts:
        name, socket = str(fact.get("session")), str(fact.get("socket"))
        match kind:
            case "SessionBegun":
                begun[name] = fact
            case "SessionEnded":
                total[socket] = total.get(socket, Decimal(0)) + _used_kwh(begun[name], fact)
                last[socket] = Decimal(str(fact["kwh"]))
            case "MeterSeen":
                first[socket] = last[socket] = Decimal(str(fact["kwh"]))
            case "EnergyOutside":
                from_kwh, to_kwh = Decimal(str(fact["from_kwh"])), Decimal(str(fact["to_kwh"]))
                total[socket] = total.get(socket, Decimal(0)) + to_kwh - from_kwh
                last[socket] = to_kwh
            case "MeterExchanged":
                wrong.append(f"socket {socket}: a meter exchange that never was")
    for socket, meter_kwh in _registers_kwh(report).items():
        if socket in last and not meter_kwh - UNBOOKED_KWH_MAX <= last[socket] <= meter_kwh + REGISTER_STEP_KWH:
            wrong.append(f"socket {socket}: booked to {last[socket]}, the cabinet's own register is {meter_kwh}")
    for socket, start_kwh in first.items():
        if total.get(socket, Decimal(0)) != last[socket] - start_kwh:
            wrong.append(f"socket {socket}: sessions + T0 = {total.get(socket)}, register {last[socket] - start_kwh}")
    return wrong


def _used_kwh(begun: Mapping[str, object], ended: Mapping[str, object]) -> Decimal:
    return Decimal(str(ended["kwh"])) - Decimal(str(begun["kwh"]))


def _registers_kwh(report: Mapping[str, object]) -> dict[str, Decimal]:
    sockets = report["sockets"]
    assert isinstance(sockets, dict)
    return {name: Decimal(str(said["meter_import_kwh"])) for name, said in sockets.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--sample", action="store_true", help="a short run")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    kills = args.kills or (8 if args.sample else 220)
    chance = random.Random(args.seed)
    hows: Counter[str] = Counter()
    states: Counter[str] = Counter()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="laddvakt-kills-") as name:
        folder = Path(name)
        with (
            BrokerProcess(folder) as broker,
            CabinetProcess("three-sessions", folder, mqtt_port=broker.port, paced=False) as cabinet,
        ):
            witness = Witness(broker.port)
            rows = Rows(cabinet.state_dir)
            log = folder / "gateway.log"
            try:
                for _ in range(kills):
                    hows[kill_once(cabinet.config, log, Rows(cabinet.state_dir), chance)] += 1
                    states[journal_state(rows)] += 1
                with log.open("ab") as out:
                    last = subprocess.Popen(gateway_command("run", str(cabinet.config)), stdout=out, stderr=out)
                time.sleep(15)
            finally:
                witness.stop()
            last.terminate()
            code = last.wait(40)
            wrong = judge(rows, witness, cabinet.report())
            if code != 0:
                wrong.append(f"the last stop ended with {code}")
            wrong += verify(folder, cabinet.state_dir)
            if wrong:
                sys.stderr.write("".join(log.read_text().splitlines(keepends=True)[-30:]))
            facts = Counter(kind for kind, _ in rows.facts())
    for problem in wrong:
        print(f"WRONG: {problem}")
    print(f"kills: {sum(hows.values())} ({', '.join(f'{n} {how}' for how, n in hows.most_common())})")
    print("journal at the kill: " + ", ".join(f"{n} x {state}" for state, n in states.most_common()))
    print(
        f"sessions: {facts['SessionBegun']} begun, {facts['SessionEnded']} ended, {facts['SessionQueued']} queued, "
        f"{facts['PageSigned']} pages signed; {len(witness.announced)} announced; {len(wrong)} wrong"
    )
    print(f"seed {args.seed}, {time.monotonic() - began_s:.0f} s")
    return 1 if wrong else 0


def verify(folder: Path, state_dir: Path) -> list[str]:
    """The journal's chain, and every exported record against the gateway's key, by the product's own commands."""
    wrong = []
    checked = subprocess.run(
        gateway_command("journal", "verify", "--state-dir", str(state_dir)), capture_output=True, check=False
    )
    if checked.returncode != 0:
        wrong.append(f"journal verify: {checked.stdout.decode()} {checked.stderr.decode()}")
    out = folder / "records.ocmf"
    state = ("--state-dir", str(state_dir))
    subprocess.run(gateway_command("export", *state, "--format", "ocmf", "-o", str(out)), check=True)
    shown = subprocess.run(gateway_command("key", "show", *state), capture_output=True, check=True).stdout.decode()
    key = next(line.removeprefix("hex: ") for line in shown.splitlines() if line.startswith("hex: "))
    verdict = subprocess.run(
        gateway_command("verify", str(out), "--whole-key", "--key", key, "--language", "en"),
        capture_output=True,
        check=False,
    )
    if verdict.returncode not in (0, 1):
        wrong.append(f"verify: {verdict.stdout.decode()[-2000:]}")
    print(f"verify: {verdict.stdout.decode().strip().splitlines()[-1]}")
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
