"""What a meter said, as values. `None` is unknown, never zero."""

from dataclasses import dataclass
from decimal import Decimal

from gateway.clock import Instant
from gateway.quantities import EnergyRegister, MaybePerPhase


@dataclass(frozen=True, slots=True)
class GridReading:
    """One telegram of the grid meter's HAN port.

    at: when its last byte was read; meter_time: the meter's own time as raw text; powers in W (import and export,
    both >= 0); current_a and voltage_v per fuse phase, RMS, currents unsigned as P1 sends them; net_power_w per phase
    signed, import positive, None where the meter does not say; energies in kWh with the wire's decimals.
    ident and meter_id: type and number that the meter gives itself, "" where the form carries none.
    refused: names of the plausibility rules that it broke; a refused reading may lower or open, never raise.
    """

    at: Instant
    form: str
    meter_time: str | None
    import_w: float | None
    export_w: float | None
    current_a: MaybePerPhase
    voltage_v: MaybePerPhase
    net_power_w: MaybePerPhase
    import_kwh: Decimal | None
    export_kwh: Decimal | None
    refused: tuple[str, ...] = ()
    ident: str = ""
    meter_id: str = ""


@dataclass(frozen=True, slots=True)
class SocketReading:
    """One poll of a socket's energy meter, in the socket's own phases (its L1 is index 0).

    power_w and current_a are signed as the meter gives them, import positive; serial is the meter's own number
    as text, None where the model has no register for it. refused: names of the plausibility rules that it broke; a
    refused reading has no energies, and may lower or open, never raise.
    """

    at: Instant
    voltage_v: MaybePerPhase
    current_a: MaybePerPhase
    power_w: float | None
    energy_import: EnergyRegister | None
    energy_export: EnergyRegister | None
    serial: str | None
    refused: tuple[str, ...] = ()
