"""Words of one poll to a `SocketReading`, with what is implausible in it named but not hidden.

A refused reading keeps its currents and power, since they may show an overload; it loses its energy registers, since
nothing may be booked or signed from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from gateway.clock import Instant
from gateway.meters.readings import SocketReading
from gateway.meters.register_map import (
    MeterModel,
    Quantity,
    SerialForm,
    SerialRegister,
    field_step,
    field_value,
    field_words,
)
from gateway.quantities import EnergyRegister, MaybePerPhase

DEAD_PHASE_V_MAX: Final = 10.0
"""A phase that is switched off or not connected shows a few volts; that is a fact, not a fault."""
LIVE_VOLTAGE_V: Final = (80.0, 300.0)
FREQUENCY_HZ: Final = (45.0, 65.0)
POWER_KW_MAX: Final = 150.0
"""More than any direct-connected three-phase meter carries (3 x 253 V x 125 A = 95 kW, with margin)."""
STEPS_OF_TOLERANCE: Final = 2
REFRESH_S: Final = 1.0
"""Meters renew their registers about once a second and document it nowhere: two polls may see that much more."""


def decode(
    model: MeterModel, words_by_block: Mapping[str, Sequence[int]], at: Instant, serial: str | None = None
) -> SocketReading:
    """One poll as a reading. words_by_block holds every block of the model, whole; at: when its last byte came."""
    words = {field.quantity: field_words(field, words_by_block) for field in model.fields}
    fields = {field.quantity: field for field in model.fields}
    values = {quantity: field_value(field, words[quantity]) for quantity, field in fields.items()}

    def control(quantity: Quantity) -> float | None:
        value = values.get(quantity)
        return None if value is None else float(value)

    def energy(quantity: Quantity) -> EnergyRegister | None:
        value = values.get(quantity)
        if value is None:
            return None
        return EnergyRegister(value, field_step(fields[quantity], words[quantity]), words[quantity])

    voltage_v = (control(Quantity.VOLTAGE_L1_V), control(Quantity.VOLTAGE_L2_V), control(Quantity.VOLTAGE_L3_V))
    refused = _implausible(voltage_v, control(Quantity.FREQUENCY_HZ))
    return SocketReading(
        at=at,
        voltage_v=voltage_v,
        current_a=(control(Quantity.CURRENT_L1_A), control(Quantity.CURRENT_L2_A), control(Quantity.CURRENT_L3_A)),
        power_w=control(Quantity.POWER_W),
        energy_import=None if refused else energy(Quantity.ENERGY_IMPORT_KWH),
        energy_export=None if refused else energy(Quantity.ENERGY_EXPORT_KWH),
        serial=serial,
        refused=refused,
    )


def against_last(reading: SocketReading, last: SocketReading | None) -> SocketReading:
    """The reading, refused if its import register fell or rose faster than any such meter can since `last`."""
    if last is None or last.energy_import is None or reading.energy_import is None:
        return reading
    rise_kwh = reading.energy_import.kwh - last.energy_import.kwh
    since_s = reading.at.monotonic_s - last.at.monotonic_s
    rise_kwh_max = (
        Decimal(POWER_KW_MAX * (max(since_s, 0.0) + REFRESH_S) / 3600.0)
        + STEPS_OF_TOLERANCE * reading.energy_import.step_kwh
    )
    if rise_kwh < 0:
        broken = "energy_import_fell"
    elif rise_kwh > rise_kwh_max:
        broken = "energy_import_leapt"
    else:
        return reading
    return replace(reading, energy_import=None, energy_export=None, refused=(*reading.refused, broken))


def polls_agree(first: SocketReading, second: SocketReading) -> bool:
    """Two polls in a row that may be billed: the import register stood still, or rose by no more than the measured
    power allows in that time (a tenth, one refresh and two steps of tolerance). Refused readings never agree."""
    if first.energy_import is None or second.energy_import is None:
        return False
    rise_kwh = second.energy_import.kwh - first.energy_import.kwh
    if rise_kwh == 0:
        return True
    powers_w = [abs(power_w) for power_w in (first.power_w, second.power_w) if power_w is not None]
    if rise_kwh < 0 or not powers_w:
        return False
    since_s = max(second.at.monotonic_s - first.at.monotonic_s, 0.0)
    expected_kwh = Decimal(max(powers_w) * (since_s + REFRESH_S) * 1.1 / 3_600_000.0)
    return rise_kwh <= expected_kwh + STEPS_OF_TOLERANCE * second.energy_import.step_kwh


def serial_text(register: SerialRegister, words: Sequence[int]) -> str | None:
    """The meter's own number as text; None if the register is empty."""
    packed = b"".join(word.to_bytes(2, "big") for word in words)
    if register.form is SerialForm.U32:
        number = int.from_bytes(packed, "big")
        return None if number in (0, 0xFFFFFFFF) else str(number)
    letters = "".join(chr(byte) for byte in packed if 0x21 <= byte <= 0x7E)
    return letters or None


def _implausible(voltage_v: MaybePerPhase, frequency_hz: float | None) -> tuple[str, ...]:
    low_v, high_v = LIVE_VOLTAGE_V
    broken = []
    if any(v is not None and v > DEAD_PHASE_V_MAX and not low_v <= v <= high_v for v in voltage_v):
        broken.append("voltage_out_of_range")
    if any(v is not None and v < 0 for v in voltage_v):
        broken.append("voltage_negative")
    low_hz, high_hz = FREQUENCY_HZ
    if frequency_hz is not None and frequency_hz != 0 and not low_hz <= frequency_hz <= high_hz:
        broken.append("frequency_out_of_range")
    return tuple(broken)
