"""Runs a cabinet: physics in steps, wires as tasks, commands from standard input, until it is told to stop."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hil.commands import CommandMistake, obey
from hil.config_writer import Ports, gateway_config
from hil.faults import Faults
from hil.wires.event_log import EventLog
from hil.wires.lines import BroadcastLine, Line, serial_or_pty
from hil.wires.modbus_wire import Desk, RtuWire, TcpWire
from hil.wires.mqtt_wire import MqttWire
from hil.wires.p1_wire import P1Wire, line_settings
from hil.world.cabinet import Cabinet
from hil.world.plans import Scenario
from hil.world.table_reader import ScenarioMistake
from hil.world.wallboxes import MqttBox

LOOPBACK = "127.0.0.1"
_SAMPLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asked for."""

    scenario: Scenario
    config_out: Path | None
    state_dir: Path
    log: Path | None
    log_reads: bool
    seconds: float | None
    paced: bool
    p1: str | None
    buses: dict[str, str]
    tcp: bool
    mqtt: tuple[str, int] | None


class Run:
    """One run of one cabinet."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.cabinet = Cabinet(order.scenario)
        self.faults = Faults(order.scenario.faults, self.cabinet)
        self.log = EventLog(order.log)
        self.stop = asyncio.Event()
        self._lines: list[Line | TcpWire] = []
        self._tasks: list[Callable[[], Awaitable[None]]] = []
        self._unread = b""
        boxes = {name: s.box for name, s in self.cabinet.sockets.items() if isinstance(s.box, MqttBox)}
        if boxes and order.mqtt is None:
            raise ScenarioMistake(f"sockets {', '.join(boxes)} have boxes on MQTT: give --mqtt HOST:PORT")
        if order.mqtt is not None:
            gateway_id = str(order.scenario.gateway.get("id", "hil-1"))
            wire = MqttWire(order.mqtt, gateway_id, boxes, cabinet=self.cabinet, faults=self.faults, log=self.log)
            self._tasks.append(wire.run)

    async def _open_p1(self) -> str:
        line: Line
        if self.order.tcp and self.order.p1 is None:
            bridge = BroadcastLine()
            await bridge.open(LOOPBACK)
            line = bridge
        else:
            line = serial_or_pty(self.order.p1, *line_settings(self.order.scenario), 1, held=False)
        self._lines.append(line)
        self._tasks.append(P1Wire(line, self.cabinet, self.faults, self.log, paced=self.order.paced).run)
        return line.name

    async def _open_bus(self, name: str) -> str:
        plan = next(bus for bus in self.order.scenario.buses if bus.name == name)
        slaves = {place.unit: slave for place, slave in self.cabinet.slaves().items() if place.bus == name}
        paced = self.order.paced
        desk = Desk(name, slaves, self.cabinet, self.faults, self.log, paced=paced)
        desk.log_reads = self.order.log_reads
        port = self.order.buses.get(name)
        if self.order.tcp and port is None:
            wire = TcpWire(desk)
            self._lines.append(wire)
            return await wire.open(LOOPBACK)
        line = serial_or_pty(port, plan.baud, plan.parity, plan.stop_bits, held=True)
        rtu = RtuWire(line, plan, desk, self.log, paced=paced)
        rtu.start()
        self._lines.append(line)
        self._tasks.append(rtu.run)
        return line.name

    async def _open(self) -> Ports:
        p1 = await self._open_p1()
        buses = {plan.name: await self._open_bus(plan.name) for plan in self.order.scenario.buses}
        return Ports(p1, buses, self.order.mqtt)

    def _step(self, dt_s: float) -> None:
        self.faults.step()
        self.cabinet.step(dt_s)
        for event in self.cabinet.take_events():
            self.log.write(str(event.pop("kind")), event)

    async def _physics(self) -> None:
        step_s = self.order.scenario.step_s
        then_s = time.monotonic()
        sampled_s = then_s - _SAMPLE_S
        while True:
            await asyncio.sleep(step_s)
            now_s = time.monotonic()
            left_s, then_s = now_s - then_s, now_s
            while left_s > 0.0:
                self._step(min(left_s, 2 * step_s))
                left_s -= 2 * step_s
            if now_s - sampled_s >= _SAMPLE_S:
                sampled_s += _SAMPLE_S * int((now_s - sampled_s) / _SAMPLE_S)
                self.log.write("sample", {"at_s": round(self.cabinet.at_s, 2), **self.cabinet.sample()})

    def _hear(self) -> None:
        octets = os.read(sys.stdin.fileno(), 65536)
        if not octets:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            return
        *lines, self._unread = (self._unread + octets).split(b"\n")
        for line in lines:
            if line.strip():
                self._command(line.decode("utf-8", "replace"))

    def _command(self, text: str) -> None:
        try:
            wanted = obey(text, self.cabinet, self.faults)
        except (CommandMistake, ScenarioMistake) as mistake:
            say({"error": str(mistake), "command": text})
            return
        if wanted == "report":
            say({"kind": "report", **self.cabinet.report()})
        elif wanted == "stop":
            self.stop.set()

    async def play(self) -> None:
        """Opens the wires, says where they are, plays until stopped, and reports into the log."""
        self._step(self.order.scenario.step_s)
        ports = await self._open()
        if self.order.config_out is not None:
            self.order.config_out.write_text(
                gateway_config(self.order.scenario, ports, str(self.order.state_dir)), encoding="utf-8"
            )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        with suppress(PermissionError, ValueError):  # standard input is a file or closed: no commands then
            loop.add_reader(sys.stdin.fileno(), self._hear)
        say(
            {
                "p1": ports.p1,
                "buses": ports.buses,
                "mqtt": None if ports.mqtt is None else f"{ports.mqtt[0]}:{ports.mqtt[1]}",
                "config": None if self.order.config_out is None else str(self.order.config_out),
                "log": None if self.order.log is None else str(self.order.log),
                "pid": os.getpid(),
            }
        )
        self.log.write("begin", {"scenario": self.order.scenario.name, "seed": self.order.scenario.seed})
        seconds = self.order.seconds if self.order.seconds is not None else self.order.scenario.seconds
        if seconds is not None:
            loop.call_later(seconds, self.stop.set)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_forever(run)) for run in (*self._tasks, self._physics)]
                await self.stop.wait()
                for task in tasks:
                    task.cancel()
        finally:
            self.log.write("report", self.cabinet.report())
            self.log.close()
            for line in self._lines:
                line.close()


async def _forever(run: Callable[[], Awaitable[None]]) -> None:
    await run()


def say(words: dict[str, object]) -> None:
    """One JSON line on standard output."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()
