"""The bodies of makers' pushes as registers.

- Aidon (HAN interface description 1.1), L+G E350, Kaifa MA309, Sagemcom T210: each value after its OBIS code, with
  scaler and unit.
- Kamstrup (HAN-NVE interface description 3.1): version text, then pairs of OBIS code and value; 0.01 A, 1 V, W, and
  10 Wh or Wh.
- Kaifa in Sweden: pairs of OBIS code and value; mA, 0.1 V, W, Wh.
- Kaifa elsewhere (HAN OBIS codes KFM_001): by position; mA, 0.1 V, W, Wh.
- L+G E450: a list of objects and then their values, or 11 or 14 bare values; 1 V, 0.01 A, W, Wh (no unit is sent; on
  real frames of both shapes power and current agree with these).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from gateway.wire import obis
from gateway.wire.axdr import Value
from gateway.wire.telegram import Item

_UNITS: Final = {27: "W", 28: "VA", 29: "var", 30: "Wh", 31: "VAh", 32: "varh", 33: "A", 35: "V"}
"""IEC 62056-6-2, table of units."""

_TIME_BYTES: Final = 12
_SCALER_MAX: Final = 9
"""A scaler beyond this is no scaler of an electricity meter."""

_TOTALS: Final = ("1-0:1.7.0", "1-0:2.7.0", "1-0:3.7.0", "1-0:4.7.0")
_ENERGIES: Final = ("1-0:1.8.0", "1-0:2.8.0", "1-0:3.8.0", "1-0:4.8.0")
_TEXTS: Final = ("", "", "")
_THREE_PHASES: Final = (*_TEXTS, *_TOTALS, *obis.CURRENT_BY_PHASE, *obis.VOLTAGE_BY_PHASE)
_ONE_PHASE: Final = (*_TEXTS, *_TOTALS, obis.CURRENT_BY_PHASE[0], obis.VOLTAGE_BY_PHASE[0])
_KAIFA_POSITIONS: Final = {
    1: ("1-0:1.7.0",),
    9: _ONE_PHASE,
    13: _THREE_PHASES,
    14: (*_ONE_PHASE, obis.CLOCK, *_ENERGIES),
    18: (*_THREE_PHASES, obis.CLOCK, *_ENERGIES),
}

_E450_VALUES: Final = (*obis.VOLTAGE_BY_PHASE, *obis.CURRENT_BY_PHASE, *_TOTALS[:2], *_ENERGIES[:2])
_E450_POSITIONS: Final = {11: (*_E450_VALUES, ""), 14: (*_E450_VALUES, *_TEXTS, "")}


@dataclass(slots=True)
class Registers:
    """What one body said. ident and meter_id: the meter's type and number; clock: 12 octets; twice: electricity codes
    that came more than once (the greatest is in items)."""

    ident: str = ""
    meter_id: str = ""
    items: dict[str, Item] = field(default_factory=dict)
    clock: bytes | None = None
    twice: tuple[str, ...] = ()

    def put(self, code: str, number: Decimal, unit: str) -> None:
        if code in self.items and code.startswith(obis.ELECTRICITY):
            if code not in self.twice:
                self.twice = (*self.twice, code)
            if abs(number) < abs(self.items[code][0]):
                return
        self.items[code] = (number, unit)


@dataclass(frozen=True, slots=True)
class Scaling:
    """Powers of ten of a maker that sends none, towards W, A, V and Wh."""

    current: int
    voltage: int
    energy: int

    def item(self, code: str, value: int) -> Item:
        group_c, group_d = code.removeprefix("1-0:").split(".")[:2]
        reactive = int(group_c) % 20 in (3, 4)
        if group_d == "8":
            return Decimal(value).scaleb(self.energy), "varh" if reactive else "Wh"
        if code in obis.CURRENT_BY_PHASE:
            return Decimal(value).scaleb(self.current), "A"
        if code in obis.VOLTAGE_BY_PHASE:
            return Decimal(value).scaleb(self.voltage), "V"
        return Decimal(value), "var" if reactive else "W"


_KAIFA: Final = Scaling(current=-3, voltage=-1, energy=0)
_E450: Final = Scaling(current=-2, voltage=0, energy=0)


def registers_of(body: Value, kamstrup_energy_wh: int | None = None) -> Registers | None:
    """The registers of a body, None where its shape is not known. kamstrup_energy_wh: overrides the type number."""
    if not isinstance(body, list) or not body:
        return None
    if isinstance(body[0], list) and _is_object_list(body[0]):
        return _by_object_list(body)
    if not any(isinstance(value, list) or _is_code(value) for value in body):
        return _by_position(body)
    return _by_code(body, kamstrup_energy_wh)


def _by_position(body: Sequence[Value]) -> Registers | None:
    """Flat lists without any OBIS code: Kaifa's of 1, 9, 13, 14 or 18, and Landis+Gyr E450's of 11 or 14."""
    if len(body) == 1 or _text(body[0]).startswith("KFM"):
        codes, scaling = _KAIFA_POSITIONS.get(len(body)), _KAIFA
        meter_id, ident = body[1:3] if len(body) > 2 else (None, None)
    else:
        codes, scaling, meter_id, ident = _E450_POSITIONS.get(len(body)), _E450, body[-1], None
    if codes is None:
        return None
    registers = Registers(ident=_text(ident), meter_id=_text(meter_id))
    for code, value in zip(codes, body, strict=True):
        if value is None:
            continue
        if code == obis.CLOCK and isinstance(value, bytes) and len(value) == _TIME_BYTES:
            registers.clock = value
        elif code.startswith(obis.ELECTRICITY) and isinstance(value, int):
            registers.put(code, *scaling.item(code, value))
        elif code:
            return None
    return registers


def _by_code(body: Sequence[Value], kamstrup_energy_wh: int | None) -> Registers | None:
    """Values that follow their OBIS code, with or without scaler and unit, however they are nested."""
    registers = Registers()
    flat = list(_flattened(body))
    texts = [value for value in flat if isinstance(value, bytes) and not _is_code(value)]
    scaling = _scaling_of(texts, kamstrup_energy_wh)
    code = ""
    for position, value in enumerate(flat):
        if isinstance(value, bytes) and _is_code(value):
            code = _code(value)
            continue
        if isinstance(value, bytes):
            if code.endswith((":96.1.7", ":96.1.1")):
                registers.ident = _text(value)
            elif code.endswith((":96.1.0", ":0.0.5")):
                registers.meter_id = _text(value)
            elif len(value) == _TIME_BYTES and (code.endswith(":1.0.0") or position == 0):
                registers.clock = value
        elif isinstance(value, int) and code:
            item = _item(code, value, flat[position + 1] if position + 1 < len(flat) else None, scaling)
            if item is None:
                return None
            registers.put(code, *item)
        if not isinstance(value, tuple):
            code = ""
    return registers


def _item(code: str, value: int, following: object, scaling: Scaling | None) -> Item | None:
    """A number with what follows it, its scaler and unit, or with its maker's scaling; None for a mad scaler."""
    match following:
        case (int(scaler), int(unit)):
            return (Decimal(value).scaleb(scaler), _UNITS.get(unit, "")) if abs(scaler) <= _SCALER_MAX else None
        case _ if scaling is not None and code.startswith(obis.ELECTRICITY):
            return scaling.item(code, value)
        case _:
            return Decimal(value), ""


def _scaling_of(texts: Sequence[bytes], kamstrup_energy_wh: int | None) -> Scaling | None:
    """The scaling of a maker that sends none, by the version text that it sends first."""
    if texts and texts[0].startswith(b"Kamstrup"):
        return _kamstrup(texts, kamstrup_energy_wh)
    return _KAIFA if texts and texts[0].startswith(b"KFM") else None


def _by_object_list(body: Sequence[Value]) -> Registers | None:
    """A list of objects (class, OBIS code, attribute, index) and then the value of each; the first is the list."""
    objects = body[0]
    if not isinstance(objects, list) or len(objects) != len(body):
        return None
    registers = Registers()
    for described, value in zip(objects[1:], body[1:], strict=True):
        if not isinstance(described, list) or not isinstance(described[1], bytes):
            return None
        code = _code(described[1])
        if isinstance(value, int) and code.startswith(obis.ELECTRICITY):
            registers.put(code, *_E450.item(code, value))
        elif isinstance(value, bytes) and code.startswith("0-0:96.1"):
            registers.meter_id = _text(value)
    return registers


def _kamstrup(texts: Sequence[bytes], energy_wh: int | None) -> Scaling:
    """Kamstrup sends no scaler. Currents of transformer meters (type 685) have 3 decimals.

    Norwegian meters (type ..040) count in 10 Wh (interface description 3.1), Swedish and Danish ones in Wh; the type
    number is the only thing in the message that tells them apart. energy_wh: 1 or 10 where a person knows better.
    """
    type_number = texts[2] if len(texts) > 2 else b""
    tens = type_number.endswith(b"040") if energy_wh is None else energy_wh == 10
    return Scaling(
        current=-3 if type_number.startswith(b"685") else -2,
        voltage=0,
        energy=1 if tens else 0,
    )


def _flattened(values: Sequence[Value]) -> Iterator[int | float | bytes | tuple[int, int] | None]:
    for value in values:
        if isinstance(value, list):
            match value:
                case [int(scaler), int(unit)]:
                    yield (scaler, unit)
                case _:
                    yield from _flattened(value)
        else:
            yield value


def _is_code(value: Value) -> bool:
    return isinstance(value, bytes) and len(value) == 6 and value[5] == 0xFF


def _is_object_list(values: Sequence[Value]) -> bool:
    return bool(values) and all(
        isinstance(value, list) and len(value) == 4 and isinstance(value[0], int) and _is_code(value[1])
        for value in values
    )


def _code(octets: bytes) -> str:
    """`A-B:C.D.E`; the channel B of the electricity meter itself is written 0 (Kamstrup sends 1)."""
    group_a, group_b, group_c, group_d, group_e = octets[:5]
    channel = 0 if group_a == 1 else group_b
    return f"{group_a}-{channel}:{group_c}.{group_d}.{group_e}"


def _text(value: Value) -> str:
    return value.rstrip(b"\x00").decode("latin-1") if isinstance(value, bytes) else ""
