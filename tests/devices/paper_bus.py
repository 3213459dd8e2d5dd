"""A bus on paper: units are tables of words and bits, faults are said out loud, every request is written down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gateway.clock import Instant, UtcTrust
from gateway.devices.modbus_faults import refused
from gateway.errors import DeviceError


@dataclass
class PaperUnit:
    """One unit's memory. registers: by (function, address); a register that is absent is refused with exception 2."""

    registers: dict[tuple[int, int], int] = field(default_factory=dict)
    bits: dict[tuple[int, int], bool] = field(default_factory=dict)
    deaf_registers: frozenset[int] = frozenset()
    dead: bool = False


@dataclass
class PaperBus:
    """A `ModbusBus`."""

    units: dict[int, PaperUnit]
    log: list[tuple[object, ...]] = field(default_factory=list)
    rest_s: dict[int, float] = field(default_factory=dict)

    def rests(self, unit: int, silence_s: float) -> None:
        self.rest_s[unit] = silence_s

    def _unit(self, unit: int) -> PaperUnit:
        if unit not in self.units or self.units[unit].dead:
            raise DeviceError(f"paper: unit {unit} did not answer")
        return self.units[unit]

    async def read_registers(
        self, unit: int, function: int, address: int, count: int, *, urgent: bool = False
    ) -> tuple[int, ...]:
        self.log.append(("read", function, address, count, urgent))
        memory = self._unit(unit).registers
        if any((function, address + n) not in memory for n in range(count)):
            raise refused("paper", unit, "a read", 2)
        return tuple(memory[function, address + n] for n in range(count))

    async def read_bits(self, unit: int, function: int, address: int, count: int) -> tuple[bool, ...]:
        self.log.append(("bits", function, address, count))
        bits = self._unit(unit).bits
        return tuple(bits.get((function, address + n), False) for n in range(count))

    async def write_register(self, unit: int, address: int, value: int) -> None:
        await self.write_registers(unit, address, (value,))

    async def write_registers(self, unit: int, address: int, values: Sequence[int]) -> None:
        self.log.append(("write", address, *values))
        memory = self._unit(unit)
        for n, value in enumerate(values):
            if address + n not in memory.deaf_registers:
                memory.registers[3, address + n] = value

    async def write_coil(self, unit: int, address: int, on: bool) -> None:
        await self.write_coil_raw(unit, address, 0xFF00 if on else 0)

    async def write_coil_raw(self, unit: int, address: int, value: int) -> None:
        self.log.append(("coil", address, value))
        self._unit(unit).bits[1, address & 0xFF] = value > 0


class StepClock:
    """A `Clock` that moves by itself, `step_s` at every look."""

    def __init__(self, step_s: float = 1.0) -> None:
        self._moments: Iterator[Instant] = iter(
            Instant(n * step_s, datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=n * step_s), UtcTrust.UNKNOWN)
            for n in range(1_000_000)
        )

    def now(self) -> Instant:
        return next(self._moments)
