"""Facts of the load profile: registers at quarter hours, and which calendar time the device's seconds have."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from gateway.clock import Instant
from gateway.metering.clock_watch import Cause


@dataclass(frozen=True, slots=True)
class TimeReferenced:
    """Calendar time and the device's seconds at one moment, signed (DER in hex). at: when it was written; boot: whose
    seconds they are, the machine's own id; uncertainty_s: as the clock's discipline bounds it; by: whoever entered it.
    """

    at: Instant
    key: str
    cause: Cause
    boot: str
    si_s: Decimal
    utc: datetime
    state: str
    source: str
    uncertainty_s: Decimal | None
    by: str | None
    signature: str


@dataclass(frozen=True, slots=True)
class SignedPeriod:
    """The end of a registration period at one place. Device and the row before follow from the rows before it."""

    place: str
    serial: str
    page: int
    si_s: Decimal
    register_wh: Decimal
    step_wh: Decimal
    status: str
    utc: datetime
    state: str
    signature_register: str
    signature_time: str


@dataclass(frozen=True, slots=True)
class PeriodsSigned:
    """The registers of some places at a quarter hour, each signed twice (DER in hex)."""

    at: Instant
    boot: str
    key: str
    periods: tuple[SignedPeriod, ...]


@dataclass(frozen=True, slots=True)
class SavedPeriod:
    """The newest row of one place's load profile."""

    place: str
    key: str
    page: int
    hash: str
    serial: str
    register_wh: Decimal
    utc: datetime


@dataclass(frozen=True, slots=True)
class SavedSeconds:
    """The newest boot, what its seconds began with, and the newest second that was written."""

    boot: str
    base_s: Decimal
    newest_s: Decimal
