"""The gateway as a process of its own, what it says on MQTT with the moment of each word, and scenarios cut to size.

All moments are nanoseconds of CLOCK_MONOTONIC, the clock of the cabinet's log.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.campaigns._cabinet_process import gateway_command

SCENARIOS = Path(__file__).resolve().parents[2] / "hil" / "scenarios"
GATEWAY = "hil-1"
SETPOINT_REGISTER = 261
"""Heidelberg Energy Control, holding register with the current in 0.1 A (Amperfied Modbus register table)."""


class GatewayProcess:
    """`laddvakt run CONFIG`, ended in order by `stop`."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                gateway_command("run", str(config)), stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )

    def stop(self, within_s: float = 40.0) -> int:
        """SIGTERM; gives the exit code, or that of SIGKILL after `within_s`."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the gateway."""

    t_ns: int
    topic: str
    words: Mapping[str, object]


class Ear:
    """Hears all that the gateway says below its own topic. `topic` is told without `laddvakt/<gateway>/`."""

    def __init__(self, port: int) -> None:
        self.heard: list[Said] = []
        self._root = f"laddvakt/{GATEWAY}/"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{self._root}#", qos=1)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def of(self, topic: str) -> list[Said]:
        return [said for said in list(self.heard) if said.topic == topic]

    def last(self, topic: str) -> Mapping[str, object]:
        """What was said last on a topic; empty if nothing was."""
        said = self.of(topic)
        return said[-1].words if said else {}

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: mqtt.Client, _told: object, message: mqtt.MQTTMessage) -> None:
        t_ns = time.monotonic_ns()
        try:
            words = json.loads(message.payload)
        except ValueError:
            words = message.payload.decode("utf-8", "replace")
        if not isinstance(words, dict):
            words = {"text": words}
        self.heard.append(Said(t_ns, message.topic.removeprefix(self._root), words))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wait_until(true: Callable[[], bool], within_s: float, what: str) -> None:
    """Returns when `true()` is; raises TimeoutError with `what` if it is not within the time."""
    limit_s = time.monotonic() + within_s
    while not true():
        if time.monotonic() > limit_s:
            raise TimeoutError(f"not within {within_s:.0f} s: {what}")
        threading.Event().wait(0.05)


def without_faults(
    scenario: str, folder: Path, *, interval_s: float, arrive_s: float | None = None, raise_after_s: float | None = None
) -> Path:
    """A scenario of ours with no faults of its own and another meter interval; arrive_s: when the first car comes, the
    others half a second apart. Gives the file."""
    text = (SCENARIOS / f"{scenario}.toml").read_text("utf-8").partition("[[fault]]")[0]
    lines = []
    for line in text.splitlines():
        key = line.partition(" = ")[0]
        if key == "interval_s":
            lines.append(f"interval_s = {interval_s}")
        elif key == "raise_after_s" and raise_after_s is not None:
            lines.append(f"raise_after_s = {raise_after_s}")
        elif key == "arrive_s" and arrive_s is not None:
            lines.append(f"arrive_s = {arrive_s}")
            arrive_s += 0.5
        else:
            lines.append(line)
    path = folder / f"{scenario}.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


@dataclass(frozen=True, slots=True)
class Setpoint:
    """One write of a current to a box."""

    t_ns: int
    owner: str
    current_a: float


def setpoints(events: Iterable[Mapping[str, object]]) -> Iterator[Setpoint]:
    """Every write of a current, from the lines of the cabinet's log."""
    for line in events:
        values = line.get("values")
        if line["kind"] == "write" and line["address"] == SETPOINT_REGISTER and isinstance(values, list):
            yield Setpoint(int(str(line["t_ns"])), str(line["owner"]), values[0] / 10)


class LogWatch:
    """What boxes were told and what the last telegram showed, from a log that grows; reads every line once."""

    def __init__(self, log: Path) -> None:
        self.told_a: dict[str, float] = {}
        self.changed_ns: dict[str, int] = {}
        self.telegram_ns = 0
        self.telegram_a: tuple[float, ...] = ()
        self._log = log
        self._read_to = 0

    def look(self) -> None:
        """Takes in what was written since the last look."""
        with self._log.open("rb") as log:
            log.seek(self._read_to)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read_to += len(whole)
        lines = whole.splitlines()
        for write in setpoints(json.loads(line) for line in lines if b'"kind":"write"' in line):
            if self.told_a.get(write.owner) != write.current_a:
                self.changed_ns[write.owner] = write.t_ns
            self.told_a[write.owner] = write.current_a
        for line in lines:
            if b'"kind":"telegram"' in line:
                said = json.loads(line)
                self.telegram_ns, self.telegram_a = int(said["t_ns"]), tuple(said["current_a"])
