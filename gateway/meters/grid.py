"""The grid meter's telegram as a reading: units made one, tariff registers summed, plausibility judged.

The rules here need no memory (those that do are in `grid_plausibility`). A 16-bit checksum passes about one in 65 000
corrupted telegrams, and what must never get through is a current that is too low, or one that claims to be exported.
A refused reading may still lower or open; it never raises.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from gateway.clock import Instant
from gateway.meters.readings import GridReading
from gateway.quantities import MaybePerPhase
from gateway.wire import obis
from gateway.wire.telegram import Item, Telegram

POWER_SLACK: Final = 1.1
"""Power and current are not taken at the same moment, and the meter's classes add up (IEC 62053-21 class 1)."""

VOLTAGE_V_MAX: Final = 300.0
"""SS-EN 50160 allows 253 V; more than this is a lost neutral or a wrong digit, and both forbid raising."""

VOLTAGE_V_MIN: Final = 100.0
"""Below this a phase is fed through something broken, or a digit is wrong. 0 V is a phase that is not there."""

SLACK_W: Final = 50.0
"""Aidon takes its total up to 15 W away from its phases, and small currents are metered badly (IEC 62053-21, 8.1)."""

CURRENT_STEP_A_MAX: Final = 1.0
POWER_STEP_W_MAX: Final = 1000.0
"""No meter tells currents and powers coarser than so; a last digit worth more is damaged, and excuses no more."""


class Rule(StrEnum):
    """Plausibility rules, as they are named in `GridReading.refused`."""

    OBIS_TWICE = "obis_twice"  # one electricity register on two lines
    UNIT_UNKNOWN = "unit_unknown"  # a register without the unit of its kind
    NEGATIVE_REGISTER = "negative_register"  # import and export registers count up from zero
    VOLTAGE_TOO_HIGH = "voltage_too_high"
    VOLTAGE_TOO_LOW = "voltage_too_low"
    POWER_ABOVE_CURRENTS = "power_above_currents"  # |P| > 1.1 * sum(U * I) plus rounding
    PHASE_ABOVE_CURRENT = "phase_above_current"  # a phase's |P| > 1.1 * U * I plus rounding
    PHASES_AGAINST_TOTAL = "phases_against_total"  # the phases' powers do not add up to the total
    CURRENT_TOO_HIGH = "current_too_high"  # above three times the main fuse
    INCOMPLETE = "incomplete"  # one phase or direction lost a register that the others still have
    REGISTER_FELL = "register_fell"
    ENERGY_TOO_FAST = "energy_too_fast"  # more energy than the main fuse passes in that time
    METER_UNPROVEN = "meter_unproven"  # another type or number, seen fewer than three times


_KILO: Final = Decimal(1000)
_POWER_FACTOR: Final = {"kw": _KILO, "w": Decimal(1)}
_CURRENT_FACTOR: Final = {"a": Decimal(1)}
_VOLTAGE_FACTOR: Final = {"v": Decimal(1)}
_ENERGY_SHIFT: Final = {"kwh": 0, "wh": -3}
"""Letter case differs between makers; Austrian Sagemcom and transformer meters send W and Wh."""


class _Registers:
    """One telegram's registers in base units; collects what is wrong with their units."""

    def __init__(self, telegram: Telegram) -> None:
        self._items = telegram.items
        self.refused: list[Rule] = [Rule.OBIS_TWICE] if telegram.twice else []

    def _refuse(self, rule: Rule) -> None:
        if rule not in self.refused:
            self.refused.append(rule)

    def number(self, code: str, factors: dict[str, Decimal]) -> float | None:
        item = self._items.get(code)
        if item is None:
            return None
        factor = factors.get(item[1].lower())
        if factor is None:
            self._refuse(Rule.UNIT_UNKNOWN)
            return None
        return float(item[0] * factor)

    def phases(self, codes: tuple[str, ...], factors: dict[str, Decimal]) -> MaybePerPhase:
        return self.number(codes[0], factors), self.number(codes[1], factors), self.number(codes[2], factors)

    def power_w(self, code: str) -> float | None:
        """A power register, import or export: never below zero."""
        power_w = self.number(code, _POWER_FACTOR)
        if power_w is not None and power_w < 0:
            self._refuse(Rule.NEGATIVE_REGISTER)
            return None
        return power_w

    def energy_kwh(self, code: str, tariffs: tuple[str, ...]) -> Decimal | None:
        """The total register, else the sum of the tariff registers (Dutch and Belgian meters send no total)."""
        total = self._items.get(code)
        if total is not None:
            return self._kwh(total)
        parts = [self._kwh(self._items[tariff]) for tariff in tariffs if tariff in self._items]
        known = [part for part in parts if part is not None]
        return sum(known[1:], known[0]) if len(known) >= 2 and len(known) == len(parts) else None

    def _kwh(self, item: Item) -> Decimal | None:
        shift = _ENERGY_SHIFT.get(item[1].lower())
        if shift is None:
            self._refuse(Rule.UNIT_UNKNOWN)
            return None
        if item[0] < 0:
            self._refuse(Rule.NEGATIVE_REGISTER)
            return None
        return item[0].scaleb(shift)

    def net_power_w(self) -> MaybePerPhase:
        pairs = zip(obis.IMPORT_POWER_BY_PHASE, obis.EXPORT_POWER_BY_PHASE, strict=True)
        l1, l2, l3 = (_difference(self.power_w(import_), self.power_w(export)) for import_, export in pairs)
        return l1, l2, l3

    def current_step_a(self, current_a: MaybePerPhase) -> float:
        """What a current may be short of: 1 A where all show whole amperes (Dutch `003`, Iskraemeco AM550 `9.0`)."""
        known = [current for current in current_a if current is not None]
        if known and all(current.is_integer() for current in known):
            return CURRENT_STEP_A_MAX
        return min(CURRENT_STEP_A_MAX, max(self.step(code, _CURRENT_FACTOR) for code in obis.CURRENT_BY_PHASE))

    def step(self, code: str, factors: dict[str, Decimal]) -> float:
        """The value of the register's last digit in base units; 0 if it is unknown."""
        item = self._items.get(code)
        factor = None if item is None else factors.get(item[1].lower())
        if item is None or factor is None:
            return 0.0
        exponent = item[0].as_tuple().exponent
        return float(factor.scaleb(exponent)) if isinstance(exponent, int) else 0.0


def signed_current_a(telegram: Telegram) -> MaybePerPhase:
    """Currents of L1, L2, L3 (A) with the sign that the wire gives them; P1 sends none."""
    return _Registers(telegram).phases(obis.CURRENT_BY_PHASE, _CURRENT_FACTOR)


def grid_reading(telegram: Telegram, at: Instant) -> GridReading:
    """The telegram in W, A, V and kWh. `at`: when its last byte was read. What the meter does not say is None."""
    registers = _Registers(telegram)
    signed_a = registers.phases(obis.CURRENT_BY_PHASE, _CURRENT_FACTOR)
    l1, l2, l3 = (None if current is None else abs(current) for current in signed_a)
    voltage_v = registers.phases(obis.VOLTAGE_BY_PHASE, _VOLTAGE_FACTOR)
    import_w = registers.power_w(obis.IMPORT_POWER)
    export_w = registers.power_w(obis.EXPORT_POWER)
    import_kwh = registers.energy_kwh(obis.IMPORT_ENERGY, obis.IMPORT_TARIFFS)
    export_kwh = registers.energy_kwh(obis.EXPORT_ENERGY, obis.EXPORT_TARIFFS)
    net_power_w = registers.net_power_w()
    refused = registers.refused
    refused += _voltage_rules(voltage_v)
    refused += _power_rules(registers, _Flow(import_w, export_w, net_power_w, (l1, l2, l3), voltage_v))
    return GridReading(
        at=at,
        form=telegram.form,
        meter_time=telegram.clock,
        import_w=import_w,
        export_w=export_w,
        current_a=(l1, l2, l3),
        voltage_v=voltage_v,
        net_power_w=net_power_w,
        import_kwh=import_kwh,
        export_kwh=export_kwh,
        refused=tuple(refused),
        ident=telegram.ident,
        meter_id=telegram.meter_id,
    )


def _difference(import_w: float | None, export_w: float | None) -> float | None:
    return None if import_w is None or export_w is None else import_w - export_w


def _voltage_rules(voltage_v: MaybePerPhase) -> Iterator[Rule]:
    known = [voltage for voltage in voltage_v if voltage is not None]
    if any(voltage > VOLTAGE_V_MAX for voltage in known):
        yield Rule.VOLTAGE_TOO_HIGH
    if any(0 < voltage < VOLTAGE_V_MIN for voltage in known):
        yield Rule.VOLTAGE_TOO_LOW


@dataclass(frozen=True, slots=True)
class _Flow:
    """What powers are judged by."""

    import_w: float | None
    export_w: float | None
    net_power_w: MaybePerPhase
    current_a: MaybePerPhase
    voltage_v: MaybePerPhase


def _power_rules(registers: _Registers, flow: _Flow) -> list[Rule]:
    """Whether more power flows than the currents can carry, each taken one step of its last digit higher.

    The steps are looked at only if something is wrong without them: they can but excuse.
    """
    if not any(_exceeded(flow, 0.0, 0.0)):
        return []
    told = obis.IMPORT_POWER if (flow.import_w or 0.0) >= (flow.export_w or 0.0) else obis.EXPORT_POWER
    power_step_w = min(POWER_STEP_W_MAX, registers.step(told, _POWER_FACTOR))
    return list(_exceeded(flow, registers.current_step_a(flow.current_a), power_step_w))


def _exceeded(flow: _Flow, step_a: float, power_step_w: float) -> Iterator[Rule]:
    """A live phase without voltage (Dutch meters send none, 3-wire IT nets show 0 V on L2) is taken at the highest one;
    a phase without current is not judged, and then the sum is not judged either."""
    carried_w: list[float] = []
    judged = any(current is not None for current in flow.current_a)
    phase_above = False
    for current, voltage, net_w in zip(flow.current_a, flow.voltage_v, flow.net_power_w, strict=True):
        if current is None and voltage is None:
            continue
        if current is None:
            judged = False
            continue
        unknown = voltage is None or (voltage == 0 and current > 0)
        carried_w.append(POWER_SLACK * (VOLTAGE_V_MAX if unknown else voltage or 0.0) * (current + step_a))
        phase_above = phase_above or (net_w is not None and abs(net_w) > carried_w[-1] + SLACK_W)
    if phase_above:
        yield Rule.PHASE_ABOVE_CURRENT
    if not judged:
        return
    if max(flow.import_w or 0.0, flow.export_w or 0.0) > sum(carried_w) + power_step_w:
        yield Rule.POWER_ABOVE_CURRENTS
    by_phase_w = [net_w for net_w in flow.net_power_w if net_w is not None]
    if flow.import_w is None or flow.export_w is None or len(by_phase_w) != len(carried_w):
        return
    if abs(flow.import_w - flow.export_w - sum(by_phase_w)) > (POWER_SLACK - 1.0) * sum(carried_w) + SLACK_W:
        yield Rule.PHASES_AGAINST_TOTAL
