"""What control remembers from tick to tick, as plain values. Other rooms read it; only `decide` makes a new one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.clock import Instant
from gateway.control.memory import Memory
from gateway.control.phase_evidence import PhaseEvidence
from gateway.control.restraint_state import RestraintState
from gateway.ids import FuseId, SessionId, SocketId, Token
from gateway.meters.readings import SocketReading
from gateway.quantities import MaybePerPhase, PerPhase
from gateway.site.because import Because
from gateway.site.freshness import Freshness
from gateway.site.requests import Source
from gateway.site.snapshot import Evidence, Position
from gateway.site.wishes import EndKind, Wish


class SessionPhase(StrEnum):
    """Where a session stands. The table of `session_machine` says what leads where."""

    QUEUED = "queued"
    READING_BEGIN = "reading_begin"
    SIGNING_BEGIN = "signing_begin"
    READY = "ready"  # begin record durable, waits to be energised
    CHARGING = "charging"  # energised, or may be at once
    PAUSED = "paused"  # no room: setpoint 0 or contactor open, the session lives on
    LOWERING = "lowering"  # setpoint 0, waiting for < 1 A
    OPENING = "opening"
    READING_END = "reading_end"
    SIGNING_END = "signing_end"
    ENDED = "ended"


class ContactorState(StrEnum):
    """What control believes of a contactor. The table of `contactor_machine` says what leads where."""

    UNKNOWN = "unknown"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    OPENING = "opening"
    WELDED = "welded"
    NOT_CLOSED = "not_closed"


@dataclass(frozen=True, slots=True)
class Session:
    """One session. begin: the reading that the begin record signed; end_kind/end_because are set when it is to end."""

    id: SessionId
    socket: SocketId
    token: Token | None
    source: Source
    phase: SessionPhase
    phase_since_s: float
    asked_at: Instant
    continues: SessionId | None
    begin: SocketReading | None
    begin_durable: bool
    end: SocketReading | None
    end_kind: EndKind | None
    end_because: Because | None


@dataclass(frozen=True, slots=True)
class SocketState:
    """One socket. granted_a: what it is told it may draw; reserved_a: what its fuse phases count for it (A, in the
    socket's own phases); locked: no new session until a person unlocks it (welded, overload)."""

    session: Session | None
    last_ended: Session | None
    granted_a: float
    granted_since_s: float
    reserved_a: PerPhase
    settled: bool
    because: Because
    limit_by_command_a: float | None
    armed: bool
    contactor: ContactorState
    contactor_since_s: float
    contactor_position: Position
    contactor_evidence: Evidence
    opened_s: float | None
    locked: Because | None
    obeys: bool
    problem: Because | None


@dataclass(frozen=True, slots=True)
class FuseState:
    """One fuse. load_a: what it is taken to carry now (upper bound; None unknown = full); heat: 0 cold .. 1 must open;
    allocated_a: house or unmetered load plus all reservations below it."""

    load_a: MaybePerPhase
    allocated_a: PerPhase
    limit_a: PerPhase
    heat: PerPhase


@dataclass(frozen=True, slots=True)
class ControlState:
    """All of control's memory. queue: waiting sessions, first come first; phases: what is known of the phases that
    sockets lie on, those of whom nothing is known left out; grid_delay_s: how old a telegram's currents are when its
    last byte comes, at least and at most, None until it is learned; memory: control's own timers and samples, of no
    meaning to other rooms."""

    tick: int
    at: Instant
    grid: Freshness
    grid_because: Because | None
    house_a: MaybePerPhase
    sockets: Mapping[SocketId, SocketState]
    fuses: Mapping[FuseId, FuseState]
    queue: tuple[SessionId, ...]
    queue_position: Mapping[SocketId, int]
    shutting_down: bool
    phases: Mapping[SocketId, PhaseEvidence] = field(default_factory=dict)
    restraints: RestraintState = field(default_factory=RestraintState)
    grid_delay_s: tuple[float, float] | None = None
    memory: Memory = field(default_factory=Memory, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one tick decided."""

    state: ControlState
    wishes: tuple[Wish, ...]
