"""What a scenario consists of, as values; made from a file, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hil.world.cars import CarPlan
from hil.world.fuses import FusePlan
from hil.world.house import HousePlan


@dataclass(frozen=True, slots=True)
class BusPlan:
    name: str
    baud: int
    parity: str
    stop_bits: int
    timeout_s: float

    @property
    def octet_s(self) -> float:
        """Seconds that one byte takes on the wire."""
        return (9 + self.stop_bits + (self.parity != "N")) / self.baud


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slave sits."""

    bus: str
    unit: int


@dataclass(frozen=True, slots=True)
class BoardPlan:
    """renews: a timed close that comes again extends the time. dead_man: for the gateway's config."""

    name: str
    place: Place
    dead_man: str
    renews: bool = True


@dataclass(frozen=True, slots=True)
class MeterPlan:
    model: str
    place: Place
    side: str
    start_kwh: float | None


@dataclass(frozen=True, slots=True)
class BoxPlan:
    """place: None for a box on MQTT; phase_pause_s: it can connect one phase or three, and takes so long for it."""

    place: Place | None
    failsafe_a: float
    hardware_a_max: float
    phase_pause_s: float | None = None


@dataclass(frozen=True, slots=True)
class ContactorPlan:
    board: str
    channel: int
    auxiliary_input: int | None


@dataclass(frozen=True, slots=True)
class SocketPlan:
    """phases[i]: the fuse phase (0-2) on which the socket's own phase i lies. settings: for the gateway's config."""

    name: str
    fuse: str
    phases: tuple[int, ...]
    rating_a: float
    meter: MeterPlan | None
    contactor: ContactorPlan | None
    box: BoxPlan | None
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ArrivalsPlan:
    """Random visitors of one socket: bounds for the gap, the wish, the limit, and the choices of phases."""

    socket: str
    gap_s: tuple[float, float]
    energy_kwh: tuple[float, float]
    limit_a: tuple[float, ...]
    phases: tuple[int, ...]
    pilot: bool
    leave_after_full_s: float
    ramp_s: float
    press: str | None


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """One fault by script; for_s None: for ever. values: what else the fault needs."""

    at_s: float
    kind: str
    target: str | None
    for_s: float | None
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """starts: "gateway" lets the scenario's seconds begin with the first request on any bus, "cabinet" at once.

    p1_form: a name of `grid_forms.FORMS`; p1_baud: None for the one that belongs to the form.
    """

    name: str
    seed: int
    seconds: float | None
    step_s: float
    starts: str
    p1_interval_s: float
    p1_form: str
    p1_baud: int | None
    volts: float
    house: HousePlan
    fuses: tuple[FusePlan, ...]
    buses: tuple[BusPlan, ...]
    boards: tuple[BoardPlan, ...]
    sockets: tuple[SocketPlan, ...]
    cars: tuple[CarPlan, ...]
    arrivals: tuple[ArrivalsPlan, ...]
    faults: tuple[FaultPlan, ...]
    gateway: Mapping[str, object]
    grid_meter: Mapping[str, object]
    control: Mapping[str, object]
