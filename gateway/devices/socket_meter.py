"""One socket's energy meter on a Modbus bus, read by its register map."""

import asyncio
import logging
from typing import Final

from gateway.devices.modbus_faults import ILLEGAL_ADDRESS, UnitRefused
from gateway.devices.protocols import Clock, ModbusBus
from gateway.errors import DeviceError
from gateway.meters.readings import SocketReading
from gateway.meters.register_map import MeterModel
from gateway.meters.socket_decode import against_last, decode, polls_agree, serial_text

log = logging.getLogger(__name__)

BILLING_TRIES: Final = 3
BILLING_RETRY_S: Final = 1.1
"""After a failed try: just longer than the first pause of a silent unit, so that the next try is sent at all."""


class ModbusSocketMeter:
    """A `SocketMeter`. Its number is read once; a meter without that register is asked once only."""

    def __init__(
        self, bus: ModbusBus, unit: int, model: MeterModel, clock: Clock, *, retry_s: float = BILLING_RETRY_S
    ) -> None:
        self._bus: Final = bus
        self._unit: Final = unit
        self._model: Final = model
        self._clock: Final = clock
        self._retry_s: Final = retry_s
        bus.rests(unit, model.silence_s)
        self._turn: Final = asyncio.Lock()
        self._serial: str | None = None
        self._serial_asked = model.serial is None
        self._last: SocketReading | None = None

    async def read(self) -> SocketReading:
        """One poll of all blocks. Raises `DeviceError` at the first block that fails, so a dead meter costs one
        timeout. An implausible reading comes back with its refusals named, see `SocketReading`."""
        async with self._turn:
            return await self._poll(urgent=False)

    async def read_for_billing(self) -> SocketReading:
        """The later of two polls in a row that agree, asked before all other reads; at most three tries."""
        problem = ""
        for attempt in range(BILLING_TRIES):
            if attempt:
                await asyncio.sleep(self._retry_s)
            try:
                async with self._turn:
                    first = await self._poll(urgent=True)
                    second = await self._poll(urgent=True)
            except DeviceError as error:
                problem = str(error)
                continue
            if polls_agree(first, second):
                return second
            problem = f"two polls in a row disagree: {_shown(first)}, then {_shown(second)}"
        raise DeviceError(
            f"The meter {self._model.vendor} {self._model.name}, unit {self._unit}, gave no reading fit for billing in "
            f"{BILLING_TRIES} tries: {problem}"
        )

    async def _poll(self, *, urgent: bool) -> SocketReading:
        if not self._serial_asked:
            await self._ask_serial(urgent=urgent)
        words_by_block = {}
        for block in self._model.blocks:
            words_by_block[block.name] = await self._words(block.function, block.address, block.count, urgent=urgent)
        reading = decode(self._model, words_by_block, self._clock.now(), self._serial)
        judged = against_last(reading, self._last)
        if judged.energy_import is not None:
            self._last = judged
        return judged

    async def _ask_serial(self, *, urgent: bool) -> None:
        register = self._model.serial
        if register is None:
            return
        try:
            words = await self._words(register.function, register.address, register.count, urgent=urgent)
        except UnitRefused as refusal:
            if refusal.code != ILLEGAL_ADDRESS:
                raise
            log.info("unit %d has no register for its serial number", self._unit)
        else:
            self._serial = serial_text(register, words)
        self._serial_asked = True

    async def _words(self, function: int, address: int, count: int, *, urgent: bool) -> tuple[int, ...]:
        return await self._bus.read_registers(self._unit, function, address, count, urgent=urgent)


def _shown(reading: SocketReading) -> str:
    if reading.energy_import is None:
        return f"no import register ({', '.join(reading.refused) or 'unknown'})"
    return f"{reading.energy_import.kwh} kWh"
