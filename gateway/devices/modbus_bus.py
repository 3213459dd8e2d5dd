"""One Modbus wire, serial or TCP, with one task that owns it: pymodbus underneath, its traps closed.

pymodbus 3.16 hands a late reply out as the answer to the next request of the same unit, does not compare lengths, takes
an echo for an answer, and a cancelled call leaves its reply on the wire. So: requests wait in a bounded queue, one task
sends them and never lets go of one in flight; no retries; the wire rests after any trouble; every answer is compared
with its request; a silent unit is paused. Callers get their value or a `DeviceError`, always within `CALL_S_MAX`.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from pymodbus import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.exceptionresponse import ExceptionResponse

from gateway.devices import modbus_faults as faults
from gateway.devices import modbus_requests as requests
from gateway.devices.modbus_port import Client, ModbusPort
from gateway.devices.modbus_requests import Request
from gateway.devices.modbus_timing import PAUSE_S_FIRST, QUIET_S, LineTiming, UnitPauses, UnitRests
from gateway.errors import DeviceError

CALL_S_MAX: Final = 10.0
QUEUE_MAX: Final = 128
RECEIVED_BYTES_KEPT: Final = 512
WAKES_LATE_S: Final = 0.0005
"""The event loop wakes at whole milliseconds and sees a byte after its end, so gaps come out longer than asked."""
ANSWERS_WITHIN_S: Final = 0.06
"""What units take from a request to its answer, as a rule; for keeping the wire clear only."""
CLEAR_LOOK_S: Final = 0.01
"""How soon it is seen that the wire need not be kept clear any more."""
COIL_ON: Final = 0xFF00
COIL_OFF: Final = 0x0000

# pymodbus logs every timeout as an error; a silent meter would fill the journal. Faults are told by our callers, once.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


class Urgency(IntEnum):
    """Lower goes first; within one urgency first come, first served."""

    WRITE = 0
    URGENT_READ = 1
    READ = 2

    @property
    def presses(self) -> bool:
        """Whether it is worth asking a unit that was silent a moment ago."""
        return self is not Urgency.READ


@dataclass(order=True, slots=True)
class _Call:
    urgency: Urgency
    number: int
    request: Request = field(compare=False)
    answer: "asyncio.Future[ModbusPDU]" = field(compare=False)

    def fail(self, error: DeviceError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class PymodbusBus:
    """A `ModbusBus` on a serial path, or on `tcp://host:port`. Nothing is served until `run()` is a task.

    timeout_s: how long a reply may take, beside the time that request and reply need on the wire. quiet_s and pause_s:
    see `QUIET_S` and `PAUSE_S_FIRST` in `modbus_timing`.
    """

    def __init__(
        self,
        name: str,
        port: str,
        *,
        baud: int = 9600,
        parity: str = "N",
        stop_bits: int = 1,
        timeout_s: float = 0.6,
        local_echo: bool = False,
        quiet_s: float = QUIET_S,
        pause_s: float = PAUSE_S_FIRST,
    ) -> None:
        self.name: Final = name
        self._port: Final = ModbusPort(
            name,
            port,
            baud=baud,
            parity=parity,
            stop_bits=stop_bits,
            timeout_s=timeout_s,
            local_echo=local_echo,
        )
        self._timeout_s: Final = timeout_s
        self._timing: Final = LineTiming(None if self._port.is_tcp else baud, parity, stop_bits, quiet_s)
        self._pauses: Final = UnitPauses(pause_s)
        self._rests: Final = UnitRests()
        self._clear_s: Callable[[float, float], float] | None = None
        self._written: Final[set[int]] = set()
        self._calls: list[_Call] = []
        self._numbers = 0
        self._arrived: Final = asyncio.Event()
        self._sent = b""
        self._received = b""
        self._hears_itself = False

    def keep_clear(self, wait_s: Callable[[float, float], float]) -> None:
        """From now on no read begins while `wait_s(now_s, takes_s)` says to wait, so that a write that is to be
        expected finds the wire free, and its unit rested. Writes never wait for it."""
        self._clear_s = wait_s

    def rests(self, unit: int, silence_s: float) -> None:
        """From now on this unit rests so long between two requests."""
        self._rests.needs(unit, silence_s)

    async def read_registers(
        self, unit: int, function: int, address: int, count: int, *, urgent: bool = False
    ) -> tuple[int, ...]:
        """Function 3 or 4: exactly `count` words."""
        urgency = Urgency.URGENT_READ if urgent else Urgency.READ
        reply = await self._ask(requests.read_registers(unit, function, address, count), urgency)
        return tuple(reply.registers)

    async def read_bits(self, unit: int, function: int, address: int, count: int) -> tuple[bool, ...]:
        """Function 1 or 2: exactly `count` bits, lowest address first."""
        reply = await self._ask(requests.read_bits(unit, function, address, count), Urgency.READ)
        return tuple(reply.bits[:count])

    async def write_register(self, unit: int, address: int, value: int) -> None:
        """Function 6, confirmed by the unit."""
        await self._ask(requests.write_register(unit, address, value), Urgency.WRITE)

    async def write_registers(self, unit: int, address: int, values: Sequence[int]) -> None:
        """Function 16, confirmed by the unit."""
        await self._ask(requests.write_registers(unit, address, values), Urgency.WRITE)

    async def write_coil(self, unit: int, address: int, on: bool) -> None:
        """Function 5, confirmed by the unit."""
        await self.write_coil_raw(unit, address, COIL_ON if on else COIL_OFF)

    async def write_coil_raw(self, unit: int, address: int, value: int) -> None:
        """Function 5 with any value, confirmed by the unit with that value."""
        await self._ask(requests.write_coil(unit, address, value), Urgency.WRITE)

    async def run(self) -> None:
        """Owns the wire until cancelled; a request in flight is then still finished, the waiting ones fail."""
        client = self._port.client(self._watch)
        try:
            while True:
                call = await self._next_call()
                served = asyncio.create_task(self._serve(client, call), name=f"{self.name} request")
                try:
                    await asyncio.shield(served)
                    self._rests.ended(call.request.unit, asyncio.get_running_loop().time())
                except asyncio.CancelledError:
                    await asyncio.wait({served}, timeout=CALL_S_MAX)
                    raise
        finally:
            client.close()
            for call in self._calls:
                call.fail(DeviceError(f"{self.name}: closed, so {call.request.what} was not sent."))
            self._calls.clear()

    async def _ask(self, request: Request, urgency: Urgency) -> ModbusPDU:
        """Queues one request and waits for its fate. A caller that gives up early loses only its own interest."""
        loop = asyncio.get_running_loop()
        paused_s = self._pauses.remaining_s(request.unit, loop.time(), presses=urgency.presses)
        if paused_s > 0:
            raise faults.paused(self.name, request.unit, request.what, paused_s)
        self._make_room(urgency)
        if request.writes:
            self._written.add(request.unit)
        self._numbers += 1
        call = _Call(urgency, self._numbers, request, loop.create_future())
        self._calls.append(call)
        self._arrived.set()
        try:
            async with asyncio.timeout(CALL_S_MAX):
                return await call.answer
        except TimeoutError as error:
            raise faults.too_late(self.name, request.unit, request.what, CALL_S_MAX) from error

    def _make_room(self, urgency: Urgency) -> None:
        """A full queue costs the least urgent call, so that an opening is never the one that is dropped."""
        if len(self._calls) < QUEUE_MAX:
            return
        last = max(self._calls)
        if last.urgency <= urgency:
            raise DeviceError(f"{self.name}: {QUEUE_MAX} requests wait already; poll less, or use a second bus.")
        last.fail(faults.too_late(self.name, last.request.unit, last.request.what, CALL_S_MAX))
        self._calls.remove(last)

    async def _next_call(self) -> _Call:
        """The next call, once wire and unit have rested; a more urgent one that comes meanwhile goes first."""
        loop = asyncio.get_running_loop()
        while True:
            self._arrived.clear()
            self._calls = [call for call in self._calls if not call.answer.done()]
            if not self._calls:
                await self._arrived.wait()
                continue
            wait_s, call = self._choice(loop.time())
            if wait_s <= WAKES_LATE_S:
                self._calls.remove(call)
                return call
            try:
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
            except TimeoutError:
                continue

    def _choice(self, now_s: float) -> tuple[float, _Call]:
        """The most urgent call of a unit that has rested, and how long it must still wait. While a write waits for its
        unit's rest no read begins, since it could be longer than that rest."""
        writes = [call for call in self._calls if call.urgency is Urgency.WRITE]
        rest_s, call = min((self._rests.wait_s(call.request.unit, now_s), call) for call in writes or self._calls)
        wait_s = max(rest_s, self._timing.wait_s(now_s))
        if self._clear_s is not None and not writes:
            takes_s = (8 + call.request.reply_bytes) * self._timing.char_s + ANSWERS_WITHIN_S
            if call.request.unit in self._written:
                takes_s += self._rests.silence_s(call.request.unit)
            wait_s = max(wait_s, min(self._clear_s(now_s, takes_s), CLEAR_LOOK_S))
        return wait_s, call

    async def _serve(self, client: Client, call: _Call) -> None:
        """One transaction, from the open port to the answered call. Never raises."""
        loop = asyncio.get_running_loop()
        request = call.request
        paused_s = self._pauses.remaining_s(request.unit, loop.time(), presses=call.urgency.presses)
        if paused_s > 0:
            call.fail(faults.paused(self.name, request.unit, request.what, paused_s))
            return
        if not client.connected and not await self._port.opened(client, request.writes):
            call.fail(faults.no_port(self.name, self._port.path, request.what))
            return
        wire_s = (8 + request.reply_bytes) * self._timing.char_s
        client.ctx.comm_params.timeout_connect = self._timeout_s + wire_s
        client.ctx.sent_buffer = b""  # an echo that never came must not swallow the next one
        self._sent = self._received = b""
        try:
            reply = await client.execute(False, request.pdu)
        except (ModbusException, OSError):
            self._timing.ended(loop.time())
            self._timing.trouble(loop.time())
            self._listen_for_echo(request)
            if self._hears_itself:
                call.fail(faults.own_words(self.name, request.unit, request.what))
            elif client.connected:
                self._pauses.silent(request.unit, loop.time(), presses=call.urgency.presses)
                call.fail(faults.silent(self.name, request.unit, request.what, self._timeout_s, self._received))
            else:
                call.fail(faults.no_port(self.name, self._port.path, request.what))
            return
        self._judge(call, reply, loop.time())

    def _judge(self, call: _Call, reply: ModbusPDU, now_s: float) -> None:
        """Whether that was the answer to this request."""
        self._timing.ended(now_s)
        request = call.request
        self._listen_for_echo(request)
        if self._hears_itself:
            self._timing.trouble(now_s)
            call.fail(faults.own_words(self.name, request.unit, request.what))
        elif isinstance(reply, ExceptionResponse) and reply.function_code & 0x7F == request.pdu.function_code:
            if reply.exception_code in faults.GATEWAY_FAULTS:
                self._pauses.silent(request.unit, now_s, presses=call.urgency.presses)
            else:
                self._pauses.heard(request.unit)
            call.fail(faults.refused(self.name, request.unit, request.what, reply.exception_code))
        elif reply.function_code != request.pdu.function_code or not request.fits(reply):
            self._timing.trouble(now_s)
            call.fail(faults.misfit(self.name, request.unit, request.what, self._received))
        else:
            self._pauses.heard(request.unit)
            if not call.answer.done():
                call.answer.set_result(reply)

    def _listen_for_echo(self, request: Request) -> None:
        """A read's own words can never be its answer. The echo of a write can: so what reads show counts for both."""
        if not request.writes and self._received:
            self._hears_itself = self._received.startswith(self._sent)

    def _watch(self, sending: bool, packet: bytes) -> bytes:
        """pymodbus shows every packet that it sends, and all that it holds of the packet that it receives."""
        now_s = asyncio.get_running_loop().time()
        if sending:
            self._sent = packet
            self._timing.sent(len(packet), now_s)
        else:
            grown = packet if packet.startswith(self._received) else self._received + packet
            self._received = grown[:RECEIVED_BYTES_KEPT]
            self._timing.heard(now_s)
        return packet
