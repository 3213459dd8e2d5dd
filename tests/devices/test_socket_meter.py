"""A socket's meter: all blocks in one reading, its number once, and two agreeing polls for a bill."""

import asyncio
from decimal import Decimal
from importlib import resources

import pytest

from gateway.devices.socket_meter import ModbusSocketMeter
from gateway.errors import DeviceError
from gateway.meters.catalogue import parse_meter_model
from tests.devices.paper_bus import PaperBus, PaperUnit, StepClock

ABB = parse_meter_model(
    (resources.files("gateway.meters") / "models" / "abb-b23.toml")
    .read_text(encoding="utf-8")
    .replace("silence_s = 0.1 ", "silence_s = 0.0 ")
)


def abb(energies: list[int], *, serial: int | None = 1234567, power_w: int = 0) -> PaperBus:
    """A bus with an ABB meter as unit 11 whose import register shows the next of `energies` (10 Wh) at every poll."""
    registers = {(3, 0x5B00 + n): 0 for n in range(45)} | {(3, 0x5000 + n): 0 for n in range(8)}
    registers[3, 0x5B15] = power_w * 100
    registers[3, 0x5B01] = 2300
    if serial is not None:
        registers |= {(3, 0x8900): serial >> 16, (3, 0x8901): serial & 0xFFFF}

    class Counting(PaperBus):
        async def read_registers(
            self, unit: int, function: int, address: int, count: int, *, urgent: bool = False
        ) -> tuple[int, ...]:
            if address == 0x5000 and energies:
                registers[3, 0x5003] = energies.pop(0)
            return await super().read_registers(unit, function, address, count, urgent=urgent)

    return Counting({11: PaperUnit(registers)})


def meter(bus: PaperBus, step_s: float = 1.0) -> ModbusSocketMeter:
    return ModbusSocketMeter(bus, 11, ABB, StepClock(step_s), retry_s=0.0)


def test_one_poll_reads_every_block_and_the_meters_number_once() -> None:
    async def play() -> None:
        bus = abb([])
        device = meter(bus)
        first = await device.read()
        second = await device.read()
        assert (first.serial, second.serial) == ("1234567", "1234567")
        assert first.voltage_v[0] == 230.0
        assert [entry[2] for entry in bus.log] == [0x8900, 0x5B00, 0x5000, 0x5B00, 0x5000]

    asyncio.run(play())


def test_a_meter_without_a_number_is_asked_for_it_once() -> None:
    async def play() -> None:
        bus = abb([], serial=None)
        device = meter(bus)
        assert (await device.read()).serial is None
        assert (await device.read()).serial is None
        assert sum(entry[2] == 0x8900 for entry in bus.log) == 1

    asyncio.run(play())


def test_a_dead_meter_is_one_failed_request_not_one_per_block() -> None:
    async def play() -> None:
        bus = abb([])
        bus.units[11].dead = True
        with pytest.raises(DeviceError):
            await meter(bus).read()
        assert len(bus.log) == 1

    asyncio.run(play())


def test_a_billing_reading_is_the_second_of_two_urgent_polls_that_agree() -> None:
    async def play() -> None:
        bus = abb([1000, 1001])
        reading = await meter(bus).read_for_billing()
        assert reading.energy_import is not None
        assert reading.energy_import.kwh == Decimal("10.01")
        assert reading.energy_import.raw_words == (0, 0, 0, 1001)
        assert all(entry[4] for entry in bus.log)

    asyncio.run(play())


def test_polls_that_disagree_are_tried_again_three_times_at_most() -> None:
    async def play() -> None:
        bus = abb([1000, 1005, 1010, 1010])
        reading = await meter(bus, step_s=60.0).read_for_billing()
        assert reading.energy_import is not None
        assert reading.energy_import.kwh == Decimal("10.10")
        with pytest.raises(DeviceError, match="3 tries"):
            await meter(abb([1000, 1005, 1010, 1015, 1020, 1025]), step_s=60.0).read_for_billing()

    asyncio.run(play())


def test_a_register_that_goes_backwards_is_never_billed() -> None:
    async def play() -> None:
        device = meter(abb([1000, 990, 990, 990, 990, 990, 990]))
        assert (await device.read()).energy_import is not None
        fallen = await device.read()
        assert fallen.refused == ("energy_import_fell",)
        with pytest.raises(DeviceError, match="energy_import_fell"):
            await device.read_for_billing()

    asyncio.run(play())


def test_a_meter_that_misses_one_poll_is_still_billed_from_the_next_two() -> None:
    async def play() -> None:
        bus = abb([])
        bus.units[11].dead = True
        asked = asyncio.create_task(ModbusSocketMeter(bus, 11, ABB, StepClock(), retry_s=0.01).read_for_billing())
        await asyncio.sleep(0)
        bus.units[11].dead = False
        assert (await asked).energy_import is not None

    asyncio.run(play())
