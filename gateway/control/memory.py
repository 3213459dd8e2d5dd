"""What control remembers between ticks beside what it shows: samples, timers, places. Only `decide` makes new ones.

`SocketMemory` and `Memory` are copied at the start of a tick and changed only in that tick's draft, so a
`ControlState` that has been handed out never changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from gateway.clock import Instant
from gateway.control.phase_evidence import PhaseLearning
from gateway.control.rises import Rises
from gateway.control.telegram_delay import DelayLearning
from gateway.control.tree import FuseTree
from gateway.ids import SessionId, SocketId, Token
from gateway.meters.readings import GridReading
from gateway.quantities import MaybePerPhase, PerPhase
from gateway.site.because import Because
from gateway.site.requests import NO_PLAN, ChargePlan, Source
from gateway.site.snapshot import Position


@dataclass(frozen=True, slots=True)
class Sample:
    """Magnitudes of a socket's currents (A, own phases, 0 where it has none) at one reading of its meter."""

    at_s: float
    current_a: PerPhase


@dataclass(frozen=True, slots=True)
class Successor:
    """The session that takes the place of one that is being ended (restart, start reading too old)."""

    id: SessionId
    token: Token | None
    source: Source
    asked_at: Instant
    continues: SessionId | None
    armed: bool


@dataclass(frozen=True, slots=True)
class RegisterWatch:
    """A register since its last step. owed_wh: what has flowed since; seen_s: of the newest reading."""

    kwh: Decimal
    moved_s: float
    seen_s: float
    owed_wh: float = 0.0


@dataclass
class SocketMemory:
    """One socket's timers (monotonic seconds; None: not running) and counters.

    unpowered: why an idle box behind a contactor gets no power, None if it has it or may have it; unproven_since_s: its
    box, never seen to obey, has no power; room_kept_since_s: others make way for it; yielded: asleep and
    out of the line's way; sliced: its turn is over, it waits at the end of the line for the next; turn_used_s:
    how long it has charged in its turn; returned: it charges
    again after a pause; has_drawn: its car has charged in this session; start_after_s: no session begins before.

    used: which phases its car is counted on, None for all; presumed: not shown yet; wide: it drew on another;
    taught_phases: how many the last car used; turned_away: paused for that, not because its turn was over; used_by_box:
    the box offers one phase; phases_told: what it shall offer; phases_astray_since_s: it says that it offers others;
    phases_stuck: it does not do what it was told; phases_lied: its meter showed other phases than it says;
    phases_right_since_s: stuck, it says again what it was told.

    held_down_s: when it drew about as much as it was granted, or was not charging, for the last time;
    plan: of its session, or of the next; grid_until_s: under the solar policy it may draw from the grid.
    """

    samples: tuple[Sample, ...] = ()
    steady_a: PerPhase | None = None
    steady_since_s: float = 0.0
    held_down_s: float = 0.0
    settled_a: PerPhase | None = None
    drawn_on: tuple[bool, bool, bool] | None = None
    drawn_on_since_s: float = 0.0
    used: tuple[bool, bool, bool] | None = None
    presumed: bool = False
    shown_since_s: float | None = None
    wide: bool = False
    taught_phases: int | None = None
    turned_away: bool = False
    plan: ChargePlan = NO_PLAN
    waits_since_s: float | None = None
    grid_until_s: float | None = None
    used_by_box: bool = False
    phases_told: int | None = None
    phases_told_s: float = 0.0
    phase_switchings_s: tuple[float, ...] = ()
    phases_astray_since_s: float | None = None
    phases_stuck: bool = False
    phases_lied: bool = False
    phases_right_since_s: float | None = None
    three_fit_since_s: float | None = None
    previous_granted_a: float = 0.0
    room: tuple[tuple[float, float], ...] = ()
    raised_at_telegram: int = -1
    obeying_since_s: float | None = None
    disobeying_since_s: float | None = None
    over_rating_since_s: float | None = None
    overloads: int = 0
    overloaded_s: float = 0.0
    not_closed: int = 0
    let_go: bool = False
    drop_outs: int = 0
    dropped_out_s: float = 0.0
    auxiliary_lies: bool = False
    disobeyed: int = 0
    disobeyed_s: float = 0.0
    obeyed_before: bool = False
    commanded: Position = Position.UNKNOWN
    commanded_since_s: float = 0.0
    coil_since_s: float | None = None
    coil: Position = Position.UNKNOWN
    carrying_since_s: float | None = None
    dark_since_s: float | None = None
    breaker_dark_since_s: float | None = None
    breaker_open: bool = False
    register: RegisterWatch | None = None
    open_kwh: Decimal | None = None
    creeps: bool = False
    stands_still: bool = False
    held_open: Because | None = None
    held_since_s: float = 0.0
    held_trip: bool = False
    unpowered: Because | None = None
    unproven_since_s: float | None = None
    room_kept_since_s: float | None = None
    switchings: int = 0
    switchings_hot: int = 0
    place: int = 0
    overtaken: int = 0
    claimed: bool = False
    yielded: bool = False
    sliced: bool = False
    turn_used_s: float = 0.0
    has_drawn: bool = False
    resting_car_since_s: float | None = None
    returned: bool = False
    woken: bool = False
    told_asleep: bool = False
    start_after_s: float = 0.0
    pauses: int = 0
    return_after_s: float = 0.0
    fits_since_s: float | None = None
    resting_since_s: float | None = None
    plugged: bool = False
    unplugged_since_s: float | None = None
    waits_for_unplug: bool = False
    job: str | None = None
    job_since_s: float = 0.0
    job_retry_s: float = 0.0
    successor: Successor | None = None
    noted: Because | None = None

    def copy(self) -> Self:
        """A copy for the next draft (all values in it are immutable)."""
        twin = object.__new__(type(self))
        twin.__dict__ = self.__dict__.copy()
        return twin


@dataclass
class Memory:
    """Memory of the whole site.

    pending: telegrams, oldest first, that some live socket has not been read after; telegrams: how many came;
    house_weighed_a: the house by the newest telegram that is no longer pending, house_weighed_s: when that came;
    house_seen_s: when the newest of all did, by phase; house_over: above its fuse by itself; excess_doubted: the
    newest telegram is above the limit, and cars that came down may explain it; grid_trusted: has been since the start.
    """

    tree: FuseTree | None = None
    sockets: dict[SocketId, SocketMemory] = field(default_factory=dict)
    pending: tuple[GridReading, ...] = ()
    telegrams: int = 0
    house_weighed_a: MaybePerPhase = (None, None, None)
    house_weighed_s: PerPhase = (0.0, 0.0, 0.0)
    house_seen_s: PerPhase = (0.0, 0.0, 0.0)
    house_highest_a: MaybePerPhase = (None, None, None)
    house_rises: tuple[Rises, Rises, Rises] = (Rises(), Rises(), Rises())
    tight_since_s: dict[int, float] = field(default_factory=dict)
    phases_by_token: Mapping[Token, int] = field(default_factory=dict)
    failed_trials_s: tuple[float, ...] = ()
    house_over: tuple[bool, bool, bool] = (False, False, False)
    excess_doubted: tuple[bool, bool, bool] = (False, False, False)
    started_s: float = 0.0
    grid_trusted: bool = False
    next_place: int = 0
    saved_facts: tuple[object, ...] = ()
    saved_highest_a: tuple[int | None, ...] = ()
    saved_heat: tuple[float, ...] = ()
    saved_heat_s: float = 0.0
    phases: PhaseLearning = field(default_factory=PhaseLearning)
    delay: DelayLearning = field(default_factory=DelayLearning)

    @property
    def telegrams_weighed(self) -> int:
        """How many telegrams are weighed for good: every live socket was read after them."""
        return self.telegrams - len(self.pending)

    def copy(self) -> Self:
        """A copy for the next draft; the maps in it are fresh, the sockets' memories are copied by the draft."""
        twin = object.__new__(type(self))
        twin.__dict__ = self.__dict__.copy()
        twin.sockets = {}
        twin.tight_since_s = dict(self.tight_since_s)
        return twin
