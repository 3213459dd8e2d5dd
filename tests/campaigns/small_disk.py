"""The disk runs full under the whole daemon: who charges charges on and is signed, who waits waits until there is room.

Four cars come to a cabinet with room for two. The state folder lies on a small file system of its own; when two charge,
a neighbour takes every block that is left, and again each second. Both are stopped then and must end signed, nobody
else may begin, and the broker must be told; with the neighbour gone the other two begin. The journal's rows go to the
broker all the while: what a keeper took makes the same journal again, bit for bit.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.devices.journal_file import opened_for_reading, rows_after
from gateway.devices.journal_reserve import HELD_BYTES, RESERVE_FILE
from gateway.devices.journal_store import RESERVE_BYTES
from gateway.ids import GatewayId, SocketId
from gateway.publish import topic_names
from tests.campaigns._cabinet_process import BrokerProcess, CabinetProcess, gateway_command
from tests.campaigns._gateway_process import GATEWAY, SCENARIOS, Ear, GatewayProcess, wait_until
from tests.campaigns.kills import Rows, verify

DISK_BYTES = RESERVE_BYTES + HELD_BYTES + 8 * 1024 * 1024
WISHES_KWH = iter(("0.5", "0.5", "0.012", "0.012"))
STAYS_FULL_S = 6.0
WITHIN_S = 120.0


def scenario_in(folder: Path) -> Path:
    """Four wallboxes; the first two cars wish for more than they will get."""
    lines = (SCENARIOS / "four-wallboxes-short.toml").read_text("utf-8").splitlines()
    lines = [f"energy_kwh = {next(WISHES_KWH)}" if line.startswith("energy_kwh") else line for line in lines]
    path = folder / "small-disk.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


class Neighbour:
    """Takes every block of a file system that is free, and looks for more each second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._gone = threading.Event()
        self._thread = threading.Thread(target=self._take)

    def come(self) -> None:
        self._take_all()
        self._thread.start()

    def go(self) -> None:
        self._gone.set()
        self._thread.join()
        self._file.unlink()

    def _take(self) -> None:
        while not self._gone.wait(1.0):
            self._take_all()

    def _take_all(self) -> None:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(descriptor, bytes(4096))
        except OSError:
            os.close(descriptor)


class Keeper:
    """Keeps every page of rows that the gateway publishes, a line each."""

    def __init__(self, port: int, file: Path) -> None:
        self._file = file
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(f"laddvakt/{GATEWAY}/journal/rows", qos=1)
        self._client.on_message = self._keep
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _keep(self, _client: mqtt.Client, _told: object, message: mqtt.MQTTMessage) -> None:
        with self._file.open("ab") as kept:
            kept.write(message.payload + b"\n")


class Story:
    """One run, and what is wrong with it."""

    def __init__(self, room: Path, cabinet: CabinetProcess, ear: Ear, port: int) -> None:
        self.wrong: list[str] = []
        self._room = room
        self._cabinet = cabinet
        self._ear = ear
        self._port = port
        self._state = cabinet.state_dir

    def run(self) -> None:
        with GatewayProcess(self._cabinet.config, self._room / "gateway.log") as gateway:
            wait_until(lambda: self._count("SessionBegun") == 2, WITHIN_S, "two sessions")
            neighbour = Neighbour(self._state / "neighbour")
            neighbour.come()
            began_s = time.monotonic()
            try:
                wait_until(lambda: self._problem() == "ON", 10.0, "the broker hears that the disk is full")
                threading.Event().wait(STAYS_FULL_S)
                self._stop_both()
                wait_until(lambda: self._count("SessionEnded") == 2, WITHIN_S, "both sessions end on a full disk")
                wait_until(lambda: self._count("PageSigned") == 4, 10.0, "both ends are signed")
                ended_s = time.monotonic() - began_s
                threading.Event().wait(STAYS_FULL_S)
                if self._count("SessionBegun") != 2:
                    self.wrong.append("a session began on a full disk")
                held = (self._state / RESERVE_FILE).stat().st_size
                print(f"full for {time.monotonic() - began_s:.0f} s; both ended and signed after {ended_s:.0f} s")
                print(f"{(HELD_BYTES - held) // 1024} KiB of the reserve were given up")
                if held == HELD_BYTES:
                    self.wrong.append("the reserve was not needed, so this proved nothing")
            finally:
                neighbour.go()
            wait_until(lambda: self._problem() == "OFF", 10.0, "the broker hears that there is room again")
            wait_until(lambda: self._count("SessionBegun") == 4, WITHIN_S, "the other two begin")
            wait_until(self._streamed, 60.0, "the broker has taken what lies in the journal")
            if gateway.process.poll() is not None:
                self.wrong.append("the daemon has ended by itself")
            code = gateway.stop()
        if self._count("SessionEnded") != 4 or self._count("PageSigned") != 8:
            self.wrong.append("not every session ended signed")
        if code != 0:
            self.wrong.append(f"the orderly stop ended with {code}")
        self.wrong += verify(self._room, self._state)

    def restored(self, kept: Path) -> int:
        """Makes a journal of what was kept; how many rows it has."""
        again = self._room / "again"
        words = ("journal", "restore", "--copy", str(kept), "--state-dir", str(again))
        done = subprocess.run(gateway_command(*words), capture_output=True, check=False)
        if done.returncode != 0:
            self.wrong.append(f"the kept pages make no journal: {done.stdout.decode()}{done.stderr.decode()}")
            return 0
        journals = []
        for folder in (self._state, again):
            with opened_for_reading(folder) as connection:
                journals.append(list(rows_after(connection, 0)))
        whole, rows = journals
        if rows != whole[: len(rows)] or len(whole) - len(rows) > 80:
            self.wrong.append(f"{len(rows)} rows were kept of {len(whole)}, or others")
        return len(rows)

    def _stop_both(self) -> None:
        """The owners of both cars stop them."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        for fact in [fact for kind, fact in Rows(self._state).facts() if kind == "SessionBegun"]:
            topic = topic_names.socket_command(GatewayId(GATEWAY), SocketId(str(fact["socket"])), "charge")
            client.publish(topic, "OFF", qos=1).wait_for_publish(5.0)
        client.disconnect()
        client.loop_stop()

    def _count(self, kind: str) -> int:
        return Counter(one for one, _ in Rows(self._state).facts())[kind]

    def _problem(self) -> object:
        return self._ear.last("state").get("journal_problem")

    def _streamed(self) -> bool:
        with opened_for_reading(self._state) as connection:
            behind = "SELECT (SELECT max(seq) FROM journal) - seq FROM streamed"
            return int(connection.execute(behind).fetchone()[0]) < 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="the same: it takes a minute or two")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="laddvakt-small-") as name:
        room = Path(name)
        state = room / "state"
        state.mkdir(0o700)
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(state)]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            print(f"SKIPPED: no small file system: {mounted.stderr.strip()}")
            return 0
        try:
            wrong = played(room, args.seed)
        finally:
            subprocess.run(["umount", str(state)], check=True)
    for problem in wrong:
        print(f"WRONG: {problem}")
    print(f"{len(wrong)} wrong; seed {args.seed}, {time.monotonic() - began_s:.0f} s")
    return 1 if wrong else 0


def played(room: Path, seed: int) -> list[str]:
    """The whole story; what is wrong."""
    kept = room / "rows.jsonl"
    more = ("--seed", str(seed))
    with (
        BrokerProcess(room) as broker,
        CabinetProcess(str(scenario_in(room)), room, mqtt_port=broker.port, more=more) as cabinet,
        Ear(broker.port) as ear,
    ):
        config = cabinet.config.read_text("utf-8")
        cabinet.config.write_text(config.replace("[mqtt]\n", "[mqtt]\njournal_rows = true\n"), "utf-8")
        keeper = Keeper(broker.port, kept)
        story = Story(room, cabinet, ear, broker.port)
        try:
            story.run()
        except TimeoutError as late:
            story.wrong.append(str(late))
        keeper.stop()
        print(f"{story.restored(kept)} rows were kept from the broker and make the same journal again")
        if story.wrong:
            sys.stderr.write("".join((room / "gateway.log").read_text().splitlines(keepends=True)[-40:]))
    return story.wrong


if __name__ == "__main__":
    raise SystemExit(main())
