"""The cabinet as it is built: a tree of fuses and the sockets that hang on it. Made from the config, never changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from gateway.ids import FuseId, GatewayId, SocketId
from gateway.quantities import PerPhase, Phase
from gateway.site.restraints import Restraints


class FuseKind(StrEnum):
    """gG link (IEC 60269) or miniature circuit breaker of curve B or C (IEC 60898)."""

    GG = "gG"
    B = "B"
    C = "C"


class Purpose(StrEnum):
    """What the socket's energy is used for; `billing` requires a meter on the supply side."""

    INFO = "info"
    INTERNAL = "internal"
    BILLING = "billing"


class Access(StrEnum):
    """How a session starts: by anybody's command, by itself when the box shows a car, armed (plain sockets), or by
    users on the list alone."""

    COMMAND = "command"
    OPEN = "open"
    ARMED = "armed"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Fuse:
    """One fuse of three equal poles. share: fraction of the rating that steady load may use (0 < share <= 1). curve:
    the maker's shortest melting or tripping times, pairs (I/In, s) that rise and fall; empty: what its kind allows."""

    id: FuseId
    rating_a: float
    kind: FuseKind
    parent: FuseId | None
    share: float
    unmetered_load_a: float
    sessions_max: int | None
    curve: tuple[tuple[float, float], ...] = ()

    @property
    def steady_a_max(self) -> float:
        return self.rating_a * self.share


@dataclass(frozen=True, slots=True)
class PhaseSwitching:
    """A box that can offer its first phase alone or all three. pause_s: so long it stands still around a switching."""

    pause_s: float


@dataclass(frozen=True, slots=True)
class WallboxTraits:
    """What a wallbox can be told. failsafe_a: what it falls to when we fall silent; None: not known."""

    minimum_a: float
    step_a: float
    failsafe_a: float | None
    failsafe_after_s: float | None
    switching: PhaseSwitching | None = None


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket. phases[i] is the fuse phase that the socket's own phase i lies on (1 or 3 of them, all different).

    contactor/wallbox: which actuators it has: four kinds. dead_man: something opens it or lowers it to a
    safe current without us. idle_release_s: armed sockets let go after this long below 0.5 A. priority: the higher goes
    first; weight: its part when shared; minimum_kwh: every session on it gets so much before others get more;
    meter_on_supply: its meter lies before the contactor: it shows a voltage for as long as the breaker is on.
    """

    id: SocketId
    label: str
    fuse: FuseId
    phases: tuple[Phase, ...]
    rating_a: float
    contactor: bool
    wallbox: WallboxTraits | None
    metered: bool
    purpose: Purpose
    access: Access
    dead_man: bool
    minimum_off_s: float
    idle_release_s: float
    priority: int = 0
    weight: float = 1.0
    minimum_kwh: float = 0.0
    meter_on_supply: bool = False


class Policy(StrEnum):
    """By what those are ordered that cannot all charge at once; those that charge share what there is.

    FIFO: who came first. EQUAL: who has got the least energy. PRIORITY: the higher number, socket's or session's.
    DEPARTURE: who has the least time to spare before leaving with its energy. SOLAR: who came first, and only what the
    roof gives beyond the house.
    """

    FIFO = "fifo"
    EQUAL = "equal"
    PRIORITY = "priority"
    DEPARTURE = "departure"
    SOLAR = "solar"


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How the line moves. slice_s: a session that has charged for this long makes way for one that waits, infinite:
    never (at least 15 min, so that a contactor switches at most four times an hour for it).

    full_end_s: a car that charged and has drawn less than 1 A for this long is full, its session ends; standby_end_s:
    the same for one that never drew more; infinite: never. restart_spread_s: after an outage sessions begin spread over
    this time, since every cabinet of a street gets its power back in the same second. phase_trials: a car whose number
    of phases decides whether it fits may show it at its least current, where the fuses are proven to bear it.

    patience_s: who has waited for this long goes before all others whatever the policy (with slices; without them none
    is sent away). solar_import_w: so much the site may draw from the grid under the solar policy.
    """

    slice_s: float = 900.0
    full_end_s: float = 1800.0
    standby_end_s: float = inf
    restart_spread_s: float = 120.0
    phase_trials: bool = True
    policy: Policy = Policy.FIFO
    patience_s: float = 7200.0
    solar_import_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """The whole cabinet. `main` is the fuse behind the grid meter; house_load_a_max is declared per phase or None.

    raise_after_s: room must be there so long before a setpoint is raised, but for what the house's usual unrest leaves.
    """

    gateway_id: GatewayId
    main: FuseId
    fuses: Mapping[FuseId, Fuse]
    sockets: Mapping[SocketId, Socket]
    house_load_a_max: PerPhase | None
    raise_after_s: float
    rules: QueueRules = QueueRules()
    restraints: Restraints = field(default_factory=Restraints)

    def fuses_above(self, socket: SocketId) -> tuple[Fuse, ...]:
        """From the socket's own fuse up to the main fuse."""
        path = []
        at: FuseId | None = self.sockets[socket].fuse
        while at is not None:
            fuse = self.fuses[at]
            path.append(fuse)
            at = fuse.parent
        return tuple(path)
