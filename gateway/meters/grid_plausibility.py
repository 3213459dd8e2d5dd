"""What one telegram cannot show by itself: registers that fall, run ahead or are lost, another meter, too much current.

`GridTrace` is fed reading after reading. A reading that breaks a rule is refused for raising, keeps its currents (a
fault current must lower and open), and loses its energies, so that nobody counts with them. A meter that was changed
proves itself: three readings in a row that fit each other but not the meter before are a new start, told once as a
`GridMeterChange`. One reading that fits the meter before, and not the new one, ends the doubt.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from gateway.clock import Instant
from gateway.meters.grid import POWER_SLACK, Rule
from gateway.meters.readings import GridReading

READINGS_TO_PROVE: Final = 3
"""As many good telegrams as trust wants after a silence."""
FUSE_MULTIPLE_MAX: Final = 3.0
"""Three times its rating melts a gG link within a minute (IEC 60269-1, time-current gates); meters average seconds."""
DIRECT_CURRENT_A_MAX: Final = 100.0
"""The most that a meter without transformers carries (EN 50470-3, I_max), where no main fuse is handed in."""
PHASE_VOLTAGE_V_MAX: Final = 253.0
POWER_MULTIPLE_MAX: Final = 4.0
"""Between two telegrams more may have flowed than either shows (transformer meters: no current bound is known)."""
ARRIVAL_SLACK_S: Final = 60.0
"""A bridge or USB buffer holds telegrams back; energy is judged by when they came."""
STEPS_SLACK: Final = 2


@dataclass(frozen=True, slots=True)
class GridMeterChange:
    """Another meter, or one whose registers start elsewhere. Texts and energies as told, "" and None if never told."""

    at: Instant
    because: tuple[Rule, ...]
    ident_before: str
    ident: str
    meter_id_before: str
    meter_id: str
    import_kwh_before: Decimal | None
    import_kwh: Decimal | None
    export_kwh_before: Decimal | None
    export_kwh: Decimal | None


Known = tuple[tuple[bool, ...], ...]
_POWERS: Final = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one meter. counted_s: when its energies were read; highest_w: most power since then; known:
    what it tells of currents, voltages and powers by phase, and of power and energy by direction; a list that tells
    nothing of one of these says nothing about it."""

    ident: str = ""
    meter_id: str = ""
    import_kwh: Decimal | None = None
    export_kwh: Decimal | None = None
    counted_s: float = 0.0
    highest_w: float = 0.0
    known: Known = ((),) * 5

    def after(self, reading: GridReading) -> "Standing":
        counted = reading.import_kwh is not None or reading.export_kwh is not None
        shown_w = _shown_w(reading)
        return Standing(
            reading.ident or self.ident,
            reading.meter_id or self.meter_id,
            self.import_kwh if reading.import_kwh is None else reading.import_kwh,
            self.export_kwh if reading.export_kwh is None else reading.export_kwh,
            reading.at.monotonic_s if counted else self.counted_s,
            shown_w if counted else max(shown_w, self.highest_w),
            _merged(self.known, _known(reading)),
        )

    def lacks(self, reading: GridReading) -> bool:
        """Whether one phase or direction lost a quantity that this meter told of it, while others still have it; or
        whether both powers are lost beside currents."""
        before, now = self.known, _known(reading)
        return (any(before[_POWERS]) and bool(now[_POWERS]) and not any(now[_POWERS])) or any(
            any(have) and any(was and not has for was, has in zip(had, have, strict=True))
            for had, have in zip(before, now, strict=True)
            if had
        )


@dataclass(frozen=True, slots=True)
class GridTrace:
    """The memory of plausibility. main_fuse_a: rating of the main fuse (A), None if it is not known."""

    main_fuse_a: float | None = None
    standing: Standing = Standing()
    newcomer: Standing | None = None
    newcomer_seen: int = 0

    def heard(self, reading: GridReading) -> tuple["GridTrace", GridReading, GridMeterChange | None]:
        """The trace after this reading, the reading as judged, and a change of meter that it proves."""
        too_high = tuple(self._current_rules(reading))
        if reading.refused or too_high:
            return self, _refused(reading, too_high), None
        broken = tuple(self._rules(self.standing, reading))
        fits = self.newcomer is not None and not any(self._rules(self.newcomer, reading))
        if not broken:
            trace = replace(self, standing=self.standing.after(reading))
            return (trace if fits else replace(trace, newcomer=None, newcomer_seen=0)), reading, None
        known = self.newcomer if fits and self.newcomer is not None else Standing()
        newcomer = known.after(reading)
        seen = self.newcomer_seen + 1 if fits else 1
        if seen < READINGS_TO_PROVE:
            trace = replace(self, newcomer=newcomer, newcomer_seen=seen)
            return trace, _refused(reading, broken), None
        change = _change(reading.at, broken, self.standing, newcomer)
        return GridTrace(self.main_fuse_a, newcomer), reading, change

    def _current_rules(self, reading: GridReading) -> Iterator[Rule]:
        if self.main_fuse_a is None:
            return
        bound_a = FUSE_MULTIPLE_MAX * self.main_fuse_a
        if any(current is not None and current > bound_a for current in reading.current_a):
            yield Rule.CURRENT_TOO_HIGH

    def _rules(self, standing: Standing, reading: GridReading) -> Iterator[Rule]:
        """What of this reading does not fit that meter."""
        if _differs(standing.ident, reading.ident) or _differs(standing.meter_id, reading.meter_id):
            yield Rule.METER_UNPROVEN
        pairs = ((standing.import_kwh, reading.import_kwh), (standing.export_kwh, reading.export_kwh))
        risen = [(now - before, now) for before, now in pairs if before is not None and now is not None]
        if standing.lacks(reading):
            yield Rule.INCOMPLETE
        if any(kwh < 0 for kwh, _ in risen):
            yield Rule.REGISTER_FELL
        bound_kwh = self._energy_kwh_max(standing, reading)
        if any(float(kwh) > bound_kwh + STEPS_SLACK * _step_kwh(now) for kwh, now in risen):
            yield Rule.ENERGY_TOO_FAST

    def _energy_kwh_max(self, standing: Standing, reading: GridReading) -> float:
        """The most that can have flowed since that meter's energies were read."""
        current_a = DIRECT_CURRENT_A_MAX if self.main_fuse_a is None else FUSE_MULTIPLE_MAX * self.main_fuse_a
        bound_w = _carried_w_max(current_a)
        if self.main_fuse_a is None:
            bound_w = max(bound_w, POWER_MULTIPLE_MAX * max(standing.highest_w, _shown_w(reading)))
        return bound_w * (reading.at.monotonic_s - standing.counted_s + ARRIVAL_SLACK_S) / 3.6e6


def fused_w_max(rating_a: float) -> float:
    """The most that three phases can bring for longer than a moment behind a fuse of that rating (A), in W."""
    return _carried_w_max(FUSE_MULTIPLE_MAX * rating_a)


def _carried_w_max(current_a: float) -> float:
    return POWER_SLACK * 3 * PHASE_VOLTAGE_V_MAX * current_a


def _known(reading: GridReading) -> Known:
    """Nothing of a list without currents: list 1 of Norwegian meters tells the import alone."""
    if all(current is None for current in reading.current_a):
        return ((),) * 5
    by_direction = ((reading.import_w, reading.export_w), (reading.import_kwh, reading.export_kwh))
    told = (reading.current_a, reading.voltage_v, reading.net_power_w, *by_direction)
    return tuple(tuple(value is not None for value in values) for values in told)


def _merged(before: Known, now: Known) -> Known:
    return tuple(new if any(new) else old for old, new in zip(before, now, strict=True))


def _differs(before: str, now: str) -> bool:
    return bool(before) and bool(now) and before != now


def _shown_w(reading: GridReading) -> float:
    return max(reading.import_w or 0.0, reading.export_w or 0.0)


def _step_kwh(register: Decimal) -> float:
    exponent = register.as_tuple().exponent
    return 10.0**exponent if isinstance(exponent, int) else 0.0


def _refused(reading: GridReading, broken: tuple[Rule, ...]) -> GridReading:
    """The reading with these rules named too, without its energies."""
    return replace(reading, refused=(*reading.refused, *broken), import_kwh=None, export_kwh=None)


def _change(at: Instant, because: tuple[Rule, ...], before: Standing, now: Standing) -> GridMeterChange:
    return GridMeterChange(
        at,
        because,
        before.ident,
        now.ident,
        before.meter_id,
        now.meter_id,
        before.import_kwh,
        now.import_kwh,
        before.export_kwh,
        now.export_kwh,
    )
