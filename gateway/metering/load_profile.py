"""The load profile: registers as shown at every quarter hour, each period signed twice.

The first signature proves the energy: device, place, meter, page, seconds index, register, status. The second proves
the time: the first part's hash, UTC, its state, and the row before. So energy stands where time cannot be proven. Only
registers are kept, never differences: they survive every gap.

Tolerances: a boundary error of 9 s is 1 % of a quarter hour (PTB-A 50.8); a reading that comes 2 s late says so.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final, Generic, Protocol, TypeVar

from gateway.clock import Instant, UtcTrust
from gateway.metering.ocmf import number_text
from gateway.quantities import EnergyRegister

QUARTER: Final = timedelta(minutes=15)
ASYNC_OVER: Final = timedelta(seconds=9)
LATE_FROM: Final = timedelta(seconds=2)
NO_ROW_BEFORE: Final = "0" * 64
SITE: Final = "(site)"
"""The place of the grid meter; no socket can bear that name."""
INDEX_STEP_S: Final = Decimal("0.001")
HELD_BACK_S: Final = 60
"""A bridge or USB buffer may hold a telegram back so long; what was shown may be so much younger or older."""
STEPS_SLACK: Final = 2
_NOTHING: Final = Decimal(0)
_REST_S: Final = 60.0
_REMEMBERED: Final = 192
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RegisterStatus(StrEnum):
    """G: goes on from the row before; X: the first of a meter, or another meter, or below the row before, or above it
    by more than can have flowed since: a meter that tells no number is exchanged unseen, and its register may stand
    anywhere. So the difference of a G row is energy, never that of two meters' registers."""

    GOOD = "G"
    EXCHANGED = "X"


def quarter_of(utc: datetime) -> datetime:
    """The boundary at or before that moment. All offsets in use are whole quarters, so it is one in local time too."""
    return utc - (utc - _EPOCH) % QUARTER


def seconds_index(at: Instant, base_s: Decimal) -> Decimal:
    """The device's seconds at that moment, to the millisecond. base_s: what the machine's boot began with."""
    return base_s + Decimal(at.monotonic_s).quantize(INDEX_STEP_S)


def utc_text(utc: datetime) -> str:
    """UTC with milliseconds, as it is signed."""
    return utc.astimezone(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """The end of one registration period at one place, before or after it is signed.

    device: the key's serial; page: counts the rows of this key and place from 1; si_s: seconds index of the reading,
    utc and state: when that was by the wall clock; previous: hash of the row before.
    """

    device: str
    place: str
    serial: str
    page: int
    si_s: Decimal
    register_wh: Decimal
    step_wh: Decimal
    status: str
    utc: datetime
    state: str
    previous: str

    @property
    def register_text(self) -> bytes:
        """What the first signature is over."""
        said: dict[str, str | int] = {
            "device": self.device,
            "place": self.place,
            "meter": self.serial,
            "page": self.page,
            "si": number_text(self.si_s),
            "register_wh": number_text(self.register_wh),
            "step_wh": number_text(self.step_wh),
            "status": self.status,
        }
        return f"laddvakt load profile register {_canonical(said)}".encode("ascii")

    @property
    def time_text(self) -> bytes:
        """What the second signature is over."""
        said = {
            "register": sha256(self.register_text).hexdigest(),
            "utc": utc_text(self.utc),
            "state": self.state,
            "previous": self.previous,
        }
        return f"laddvakt load profile time {_canonical(said)}".encode("ascii")

    @property
    def hash(self) -> str:
        """What the next row of this place names; it covers both parts, and no signature, since those are malleable."""
        return sha256(self.time_text).hexdigest()


def watt_hours(kwh: Decimal) -> Decimal:
    """The same register in Wh: its own digits, no exponent, no digit lost or won."""
    return Decimal(number_text(kwh.scaleb(3)))


def _canonical(said: Mapping[str, str | int]) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """A register as a meter showed it at that moment. place: the socket, or the site; most_w: what its fuse lets
    through at most (W), None: it is not known, and no rise is too high."""

    place: str
    serial: str
    at: Instant
    register: EnergyRegister
    most_w: Decimal | None = None


class Dated(Protocol):
    """A reading of any meter."""

    @property
    def at(self) -> Instant: ...


_Reading = TypeVar("_Reading", bound=Dated)


class QuarterWatch(Generic[_Reading]):
    """Fed every reading of one place; gives the first of each quarter hour once a second one agrees with it.

    Each boundary gives one reading, however the wall clock is stepped: the same hour and minute are taken again only
    where they are another moment of the device, and one that was stepped over is not made up. taken: the newest that
    an earlier life took, None: none. agree: whether two readings in a row may be believed.
    """

    def __init__(self, agree: Callable[[_Reading, _Reading], bool], taken: datetime | None = None) -> None:
        self._agree = agree
        self._before: Final = taken
        self._taken: dict[datetime, float] = {}  # by boundary: the device's second of it
        self._taken_s: float | None = None
        self._heard: datetime | None = None
        self._first: _Reading | None = None

    def heard(self, shown: _Reading) -> _Reading | None:
        """The reading that this one confirms, if there is one."""
        quarter = quarter_of(shown.at.utc)
        if self._heard is None and quarter == self._before:
            self._heard, self._taken[quarter] = quarter, _boundary_s(shown.at)
        crossed, self._heard = quarter != self._heard, quarter
        first, self._first = self._first, None
        confirmed = first if first is not None and self._agree(first, shown) else None
        if confirmed is not None:
            self._take(confirmed)
        if (crossed and self._is_due(quarter, shown.at)) or (not crossed and first is not None and confirmed is None):
            self._first = shown
        return confirmed

    def _take(self, shown: _Reading) -> None:
        self._taken[quarter_of(shown.at.utc)] = _boundary_s(shown.at)
        self._taken_s = shown.at.monotonic_s
        while len(self._taken) > _REMEMBERED:
            del self._taken[next(iter(self._taken))]

    def _is_due(self, quarter: datetime, at: Instant) -> bool:
        """A clock that nobody vouches for, and that jumps about, does not fill the journal."""
        if not at.utc_trust.is_proven and self._taken_s is not None and at.monotonic_s - self._taken_s < _REST_S:
            return False
        taken_s = self._taken.get(quarter)
        return taken_s is None or abs(_boundary_s(at) - taken_s) > ASYNC_OVER.total_seconds()


def _boundary_s(at: Instant) -> float:
    """The device's second at which the boundary before that moment lay."""
    return at.monotonic_s - (at.utc - quarter_of(at.utc)).total_seconds()


def period_row(
    shown: Shown,
    *,
    device: str,
    base_s: Decimal,
    page: int,
    previous: str,
    before: tuple[str, Decimal] | None,
    since_s: Decimal = _NOTHING,
) -> PeriodRow:
    """The row that this reading becomes. before: serial and register (Wh) of the row before, None: the first; since_s:
    how long ago that was (s), 0 or less: nobody knows, so next to nothing can have flowed.

    Its status is G if the same meter shows as much as in the row before or more, by no more than `most_w` can have
    brought since then (and while a telegram may be held back, and `STEPS_SLACK` steps of the register); else X. A clock
    that is not trusted is told by the row's state, as the reading's own moment had it.
    """
    register_wh = watt_hours(shown.register.kwh)
    step_wh = watt_hours(shown.register.step_kwh)
    most_wh = None if shown.most_w is None else shown.most_w * (max(since_s, _NOTHING) + HELD_BACK_S) / 3600
    follows = before is not None and before[0] == shown.serial and before[1] <= register_wh
    if before is not None and most_wh is not None and register_wh - before[1] > most_wh + STEPS_SLACK * step_wh:
        follows = False
    return PeriodRow(
        device=device,
        place=shown.place,
        serial=shown.serial,
        page=page,
        si_s=seconds_index(shown.at, base_s),
        register_wh=register_wh,
        step_wh=step_wh,
        status=(RegisterStatus.GOOD if follows else RegisterStatus.EXCHANGED).value,
        utc=shown.at.utc.replace(microsecond=shown.at.utc.microsecond // 1000 * 1000),
        state=shown.at.utc_trust.value,
        previous=previous,
    )


def is_proven(state: str) -> bool:
    """True if a row's time was trusted when it was read."""
    return state == UtcTrust.SYNCHRONISED.value
