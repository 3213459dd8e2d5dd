"""Everything that one decision may know of the world, taken at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from gateway.ids import SocketId
from gateway.meters.readings import GridReading, SocketReading
from gateway.site.freshness import GridSight
from gateway.site.outcomes import Outcome
from gateway.site.outside import OutsideSight
from gateway.site.requests import Request
from gateway.site.topology import Site


class Position(StrEnum):
    """Where a contactor stands."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Evidence(IntEnum):
    """How well we know it; reading a coil back is not feedback."""

    NONE = 0
    COMMANDED = 1
    COIL = 2
    METER = 3
    AUXILIARY = 4


@dataclass(frozen=True, slots=True)
class ContactorSight:
    """The contactor as last seen by its driver: coil read back and, if wired, the auxiliary contact."""

    coil: Position
    auxiliary: Position | None
    seen_s: float


class Pilot(StrEnum):
    """IEC 61851-1 state: A no car, B plugged, C charging, D ventilated, E/F fault."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


@dataclass(frozen=True, slots=True)
class WallboxSight:
    """The wallbox as last heard. applied_a: the current that it says it offers (A); phases: on how many (1 or 3), None
    if it does not say."""

    pilot: Pilot | None
    applied_a: float | None
    heard_s: float
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class SocketSight:
    """One socket. `reading` is the newest good one; the shell keeps it however old, ages are control's business."""

    reading: SocketReading | None
    contactor: ContactorSight | None
    wallbox: WallboxSight | None


@dataclass(frozen=True, slots=True)
class SiteSnapshot:
    """The world at one tick. `grid_readings`: telegrams since the last tick, oldest first (refused ones too)."""

    site: Site
    grid: GridSight
    grid_readings: tuple[GridReading, ...]
    sockets: Mapping[SocketId, SocketSight]
    requests: tuple[Request, ...]
    outcomes: tuple[Outcome, ...]
    journal_accepts: bool
    outside: OutsideSight = field(default_factory=OutsideSight)
