"""The load profile as a table: each row in its quarter hour, what could not be placed said so, nothing made up.

A row that was read under a trusted clock stands in its own quarter. Others are placed by the time references around
them, as far as those agree. A quarter hour has one row at most; one that nobody read is a row without a register.
Energy is the difference to the row before of the same meter, so that all rows add up to last minus first register,
whatever the clock did; a difference over more than its own quarter is marked, and is in no quarter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final

from gateway.metering.load_profile import (
    ASYNC_OVER,
    LATE_FROM,
    QUARTER,
    PeriodRow,
    RegisterStatus,
    is_proven,
    quarter_of,
)
from gateway.metering.time_references import MapState, TimeMap

OUTAGE_MAX: Final = timedelta(days=400)
"""A longer jump between two quarters is a clock that was wrong, not a cabinet without power."""
_MEAN_STEP_W: Final = Decimal("0.1")


class Flaw(StrEnum):
    """What a row must be read with care for."""

    LATE = "LATE"
    ASYNC = "ASYNC"
    GAP = "GAP"
    EXCHANGED = "EXCHANGED"
    REPEATED = "REPEATED"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class RegisteredRow:
    """A row as it was signed (DER in hex). boot: the machine's boot that its second belongs to."""

    row: PeriodRow
    boot: str
    signature_register: str
    signature_time: str


@dataclass(frozen=True, slots=True)
class TableLine:
    """One registration period at one place. quarter: its end, None where that is not known; registered: None where
    nothing was read; energy_wh: since the line with a register before, None at a meter's first."""

    place: str
    quarter: datetime | None
    registered: RegisteredRow | None
    map_state: MapState
    energy_wh: Decimal | None
    mean_w: Decimal | None
    flaws: tuple[Flaw, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    registered: RegisteredRow
    quarter: datetime | None
    error: timedelta
    map_state: MapState
    repeated: bool = False


def table_of(
    rows: Sequence[RegisteredRow], times: TimeMap, since: datetime | None = None, until: datetime | None = None
) -> list[TableLine]:
    """The lines of one place, whose rows come in the journal's order. since, until: only quarters in [since, until),
    and rows without one by their own clock's word."""
    placed = [one for one in _placed(rows, times) if _is_within(one.quarter or one.registered.row.utc, since, until)]
    missing = _missing({one.quarter for one in placed if one.quarter is not None})
    lines: list[TableLine] = []
    before: _Placed | None = None
    for one in placed:
        place = one.registered.row.place
        unread = missing.get(one.quarter, ()) if one.quarter is not None else ()
        lines += [TableLine(place, at, None, MapState.UNMAPPED, None, None, (Flaw.MISSING,)) for at in unread]
        lines.append(_line(one, before))
        before = one
    return lines


def _placed(rows: Sequence[RegisteredRow], times: TimeMap) -> list[_Placed]:
    """A trusted row's quarter is its own; of the others, those come to theirs that nobody else stands in."""
    taken: set[datetime] = set()
    found: dict[int, _Placed] = {}
    for trusted in (True, False):
        for index, one in enumerate(rows):
            if is_proven(one.row.state) is not trusted:
                continue
            utc = one.row.utc if trusted else times.utc(one.boot, one.row.si_s)
            if utc is None:
                found[index] = _Placed(one, None, timedelta(0), MapState.UNMAPPED)
                continue
            quarter = quarter_of(utc) if trusted else nearest_quarter(utc)
            if quarter in taken:
                found[index] = _Placed(one, None, timedelta(0), MapState.UNMAPPED, repeated=True)
                continue
            taken.add(quarter)
            found[index] = _Placed(one, quarter, utc - quarter, MapState.OK if trusted else MapState.INTERPOLATED)
    return [found[index] for index in range(len(rows))]


def nearest_quarter(utc: datetime) -> datetime:
    """The boundary that a reading of that moment stands for: the next one if it comes within the tolerance."""
    following = quarter_of(utc) + QUARTER
    return following if following - utc <= ASYNC_OVER else following - QUARTER


def _missing(quarters: Iterable[datetime]) -> dict[datetime, list[datetime]]:
    """By quarter: those before it that nobody read, after the one that somebody did."""
    gaps = {}
    for first, last in pairwise(sorted(quarters)):
        if QUARTER < last - first <= OUTAGE_MAX:
            gaps[last] = [first + QUARTER * count for count in range(1, (last - first) // QUARTER)]
    return gaps


def _line(one: _Placed, before: _Placed | None) -> TableLine:
    row = one.registered.row
    flaws = list(_time_flaws(one))
    energy_wh = mean_w = None
    if before is not None and row.status == RegisterStatus.EXCHANGED.value:
        flaws.append(Flaw.EXCHANGED)
    elif before is not None:
        energy_wh = row.register_wh - before.registered.row.register_wh
        if one.quarter is None or before.quarter is None or one.quarter - before.quarter != QUARTER:
            flaws.append(Flaw.GAP)
        elif one.registered.boot == before.registered.boot:
            mean_w = mean_power_w(energy_wh, row.si_s - before.registered.row.si_s)
    return TableLine(row.place, one.quarter, one.registered, one.map_state, energy_wh, mean_w, tuple(flaws))


def mean_power_w(energy_wh: Decimal, seconds: Decimal) -> Decimal | None:
    """The mean over that time, by the device's own seconds, to a tenth of a watt."""
    if seconds <= 0:
        return None
    return (energy_wh * 3600 / seconds).quantize(_MEAN_STEP_W, ROUND_HALF_EVEN)


def _time_flaws(one: _Placed) -> Iterable[Flaw]:
    if one.repeated:
        yield Flaw.REPEATED
    if abs(one.error) > ASYNC_OVER:
        yield Flaw.ASYNC
    elif one.error >= LATE_FROM:
        yield Flaw.LATE


def _is_within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)
