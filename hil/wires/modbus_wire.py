"""Modbus wires: RTU with its framing, silences and pace, and Modbus TCP. Many units on one wire."""

import asyncio
from collections.abc import Mapping
from struct import unpack

from hil.faults import Faults
from hil.wires.event_log import EventLog, stamp_ns
from hil.wires.lines import Line
from hil.world.cabinet import Cabinet, Slave
from hil.world.modbus import answer, parse_write, rtu_frame, rtu_intact, rtu_length
from hil.world.plans import BusPlan

UNPACED_LATENCY_S = 0.001
_GAP_S_LEAST = 0.02
_PIECE_S = 0.01
_LATE_S = 0.9


class Desk:
    """Answers for the units of one bus and notes what was asked. Shared by RTU and TCP."""

    def __init__(
        self, bus: str, slaves: Mapping[int, Slave], cabinet: Cabinet, faults: Faults, log: EventLog, *, paced: bool
    ) -> None:
        self.bus = bus
        self.slaves = slaves
        self._cabinet = cabinet
        self._faults = faults
        self._log = log
        self._paced = paced
        self.log_reads = False

    def fault(self, slave: Slave, how: str) -> bool:
        return self._faults.active(f"{slave.role}_{how}", slave.owner) is not None

    def latency_s(self, slave: Slave) -> float:
        late = self._faults.active(f"{slave.role}_late", slave.owner)
        if late is not None:
            return float(str(late.values.get("late_s", _LATE_S)))
        return slave.unit.latency_s if self._paced else UNPACED_LATENCY_S

    def note(self, unit: int, pdu: bytes, first_ns: int) -> None:
        """Logs a request that arrived whole; first_ns: when its first byte came."""
        self._cabinet.started = True
        write = parse_write(pdu)
        slave = self.slaves.get(unit)
        owner = None if slave is None else slave.owner
        if write is not None:
            words = {"function": write.function, "address": write.address, "values": write.values}
            self._log.write("write", {"bus": self.bus, "unit": unit, "owner": owner, **words}, first_ns)
        elif self.log_reads and len(pdu) == 5:
            address, count = unpack(">HH", pdu[1:])
            asked = {"bus": self.bus, "unit": unit, "owner": owner, "address": address, "count": count}
            self._log.write("read", asked, first_ns)

    def serve(self, slave: Slave, pdu: bytes) -> bytes | None:
        """The answer, or None from a unit that is dead or without power."""
        if not slave.unit.answers or self.fault(slave, "dead"):
            return None
        slave.unit.heard()
        return answer(slave.unit, pdu)


class RtuWire:
    """One serial line. A frame ends where its function says so; bytes that make no frame are dropped."""

    def __init__(self, line: Line, plan: BusPlan, desk: Desk, log: EventLog, *, paced: bool) -> None:
        self._line = line
        self._plan = plan
        self._desk = desk
        self._log = log
        self._paced = paced and not line.paces_itself
        self._gap_s = max(3.5 * plan.octet_s, _GAP_S_LEAST)
        self._received = b""
        self._first_ns = 0
        self._last_ns = 0
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(64)

    def start(self) -> None:
        self._line.listen(self._hear)

    def _drop(self, why: str) -> None:
        self._log.write("garbage", {"bus": self._plan.name, "octets": self._received[:64].hex(), "why": why})
        self._received = b""

    def _hear(self, octets: bytes) -> None:
        now_ns = stamp_ns()
        if self._received and now_ns - self._last_ns > self._gap_s * 1e9:
            self._drop("gap inside a frame")
        if not self._received:
            self._first_ns = now_ns
        self._last_ns = now_ns
        self._received += octets
        while self._received:
            length = rtu_length(self._received)
            if length == 0:
                self._drop("unknown function")
            elif length is None or len(self._received) < length:
                return
            elif not rtu_intact(self._received[:length]):
                self._drop("wrong check sum")
            else:
                frame, self._received = self._received[:length], self._received[length:]
                self._request(frame)

    def _request(self, frame: bytes) -> None:
        unit, pdu = frame[0], frame[1:-2]
        self._desk.note(unit, pdu, self._first_ns)
        if unit == 0:
            for each in self._desk.slaves.values():
                self._desk.serve(each, pdu)
            return
        slave = self._desk.slaves.get(unit)
        if slave is None:
            return
        on_wire_s = (len(frame) + 3.5) * self._plan.octet_s if self._paced else 0.0
        delay_s = on_wire_s + self._desk.latency_s(slave)
        asyncio.get_running_loop().call_later(delay_s, self._reply, unit, slave, pdu)

    def _reply(self, unit: int, slave: Slave, pdu: bytes) -> None:
        reply = self._desk.serve(slave, pdu)
        if reply is None:
            return
        frame = rtu_frame(unit, reply)
        if self._desk.fault(slave, "bad_crc"):
            frame = frame[:-1] + bytes((frame[-1] ^ 0x01,))
        if not self._paced:
            self._line.send(frame)
        elif not self._outgoing.full():
            self._outgoing.put_nowait(frame)

    async def run(self) -> None:
        """Sends paced replies until it is cancelled."""
        size = max(1, int(_PIECE_S / self._plan.octet_s))
        while True:
            frame = await self._outgoing.get()
            for at in range(0, len(frame), size):
                piece = frame[at : at + size]
                await asyncio.sleep(len(piece) * self._plan.octet_s)
                self._line.send(piece)


class TcpWire:
    """Modbus TCP: each request with its transaction number, answered in order."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._server: asyncio.Server | None = None

    async def open(self, host: str) -> str:
        """Listens on a free port; returns its name."""
        self._server = await asyncio.start_server(self._serve, host, 0)
        return f"tcp://{host}:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(7)
                first_ns = stamp_ns()
                transaction, _, length, unit = unpack(">HHHB", head)
                pdu = await reader.readexactly(max(length - 1, 1))
                self._desk.note(unit, pdu, first_ns)
                slave = self._desk.slaves.get(unit)
                if slave is None:
                    continue
                await asyncio.sleep(self._desk.latency_s(slave))
                reply = self._desk.serve(slave, pdu)
                if reply is not None:
                    header = transaction.to_bytes(2, "big") + b"\0\0" + (len(reply) + 1).to_bytes(2, "big")
                    writer.write(header + bytes((unit,)) + reply)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
