"""The draft of one decision: what a tick writes on, opened from the last state and closed into the next.

A draft lives inside one call of `decide`; nothing outside ever holds one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.clock import Instant
from gateway.control.memory import Memory, SocketMemory, Successor
from gateway.control.restraint_state import RestraintState
from gateway.control.session_machine import SessionEvent, next_phase
from gateway.control.state import ContactorState, ControlState, Session, SessionPhase, SocketState
from gateway.control.tree import FuseTree
from gateway.ids import SessionId, SocketId
from gateway.quantities import ZERO_PER_PHASE, MaybePerPhase, PerPhase
from gateway.site.because import Because
from gateway.site.freshness import Freshness
from gateway.site.requests import NO_PLAN
from gateway.site.snapshot import Evidence, Pilot, Position, SiteSnapshot, SocketSight
from gateway.site.topology import Socket, WallboxTraits
from gateway.site.wishes import NoteEvent, NoteQueued, Wish

WAITING = frozenset({SessionPhase.QUEUED})
STARTING = frozenset({SessionPhase.READING_BEGIN, SessionPhase.SIGNING_BEGIN, SessionPhase.READY})
ENDING = frozenset({SessionPhase.LOWERING, SessionPhase.OPENING, SessionPhase.READING_END, SessionPhase.SIGNING_END})

ALL_PHASES: Final = (True, True, True)
"""Which of its phases a car uses, where it uses all."""


@dataclass(slots=True)
class SocketDraft:
    """One socket in this tick. Currents are in the socket's own phases, 0 where it has none.

    draw_a: what its meter shows now (None: unknown), highest_draw_a: on the highest of its phases; reserved_a: what is
    counted for it now; soon_a: what it will count once it has obeyed what it was told; used: which of its phases its
    car uses; widened: it uses more; one_phase: its box says that it offers the first alone; places, all_places, taps:
    see `FuseTree`; phase: of its session, which `take` changes with it.
    """

    socket: Socket
    sight: SocketSight
    places: tuple[tuple[int, ...], ...]
    all_places: tuple[int, ...]
    taps: tuple[int, int, int]
    memory: SocketMemory
    session: Session | None
    phase: SessionPhase | None
    last_ended: Session | None
    granted_a: float
    granted_since_s: float
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
    settled: bool
    problem: Because | None
    draw_a: PerPhase | None = None
    highest_draw_a: float | None = None
    meter_age_s: float = 0.0
    heard: bool = True
    pilot: Pilot | None = None
    reserved_a: PerPhase = ZERO_PER_PHASE
    last_reserved_a: PerPhase = ZERO_PER_PHASE
    soon_a: PerPhase = ZERO_PER_PHASE
    used: tuple[bool, bool, bool] = ALL_PHASES
    energised_now: bool = False
    touched: bool = False
    widened: bool = False
    restraint: Because | None = None
    """Why it may not charge now, however much room there is."""
    one_phase: bool = False

    def take(self, session: Session | None) -> None:
        """From now on this is its session, None: it has none."""
        self.session = session
        self.phase = None if session is None else session.phase

    @property
    def plain(self) -> bool:
        """A contactor and nothing else: on or off."""
        return self.socket.contactor and self.socket.wallbox is None

    @property
    def shared(self) -> bool:
        """A wallbox with a running session that obeys: its current is ours to share out."""
        return self.socket.wallbox is not None and self.phase is SessionPhase.CHARGING and self.obeys and self.heard

    @property
    def cap_a(self) -> float:
        """The most that it may be granted (A): rating or the limit by command, on trial the least."""
        limit = self.limit_by_command_a
        cap_a = self.socket.rating_a if limit is None else min(self.socket.rating_a, limit)
        return min(cap_a, self.need_a) if self.memory.presumed else cap_a

    @property
    def need_a(self) -> float:
        """The least that a session on it needs (A): the wallbox's minimum, a plain socket's rating."""
        box = self.socket.wallbox
        return self.socket.rating_a if box is None else box.minimum_a

    @property
    def places_used(self) -> tuple[int, ...]:
        """The fuse phases that its car loads."""
        if self.used == ALL_PHASES:
            return self.all_places
        return tuple(i for own, used in zip(self.places, self.used, strict=False) if used for i in own)


@dataclass(slots=True)
class Draft:
    """The whole decision in the making. Lists are indexed by `FuseTree`; base_a is house or unmetered load;
    load_a counts what is not seen as full, seen_a only what meters show (seen_whole: nothing is hidden)."""

    snapshot: SiteSnapshot
    now: Instant
    now_s: float
    elapsed_s: float
    tree: FuseTree
    memory: Memory
    sockets: dict[SocketId, SocketDraft]
    freshness: Freshness
    house_a: MaybePerPhase
    heat: list[float]
    limit_a: list[float]
    base_a: list[float]
    load_a: list[float | None]
    seen_a: list[float | None]
    seen_whole: list[bool]
    shutting_down: bool
    previous: ControlState
    wishes: list[Wish]
    restraints: RestraintState
    lowered_by: dict[int, Because]
    """Fuse phases whose limit somebody has lowered below what the fuse bears, and why."""
    bound_by: dict[int, Because] = field(default_factory=dict)
    """What is said of a fuse phase that binds, once for all its sockets."""
    limit_before_proof_a: dict[int, float] = field(default_factory=dict)
    """The limits of the fuse phases where room is kept for a box to be proven."""
    unrest_a: list[float] = field(default_factory=list)
    """By how much each fuse phase's base load usually rises from telegram to telegram; infinite: not known yet."""

    def each(self) -> Iterator[SocketDraft]:
        """The sockets in the order of the config."""
        return iter(self.sockets.values())

    def lower(self, place: int, limit_a: float, because: Because) -> None:
        """Lowers what a fuse phase may carry; never raises it."""
        if limit_a < self.limit_a[place]:
            self.limit_a[place] = max(0.0, limit_a)
            self.lowered_by[place] = because

    def lowering(self, place: int) -> Because | None:
        """Why a fuse phase bears less than its fuse allows, with phase and limit; None: the fuse itself binds."""
        because = self.lowered_by.get(place)
        if because is None:
            return None
        fuse, phase = self.tree.name(place)
        return replace(because, fuse=fuse, phase=phase, current_a=self.limit_a[place])

    def grant(self, it: SocketDraft, current_a: float) -> None:
        """Changes what a socket is told; remembers what it was told before."""
        if current_a != it.granted_a:
            if current_a > it.granted_a:
                it.settled = False
                it.memory.settled_a = None
            if it.granted_since_s != self.now_s:
                it.memory.previous_granted_a = it.granted_a
            it.granted_a = current_a
            it.touched = True
            it.granted_since_s = self.now_s

    def note(self, it: SocketDraft | None, because: Because) -> None:
        """People must know this; said once."""
        self.wishes.append(NoteEvent(None if it is None else it.socket.id, because))

    def hold_open(self, it: SocketDraft, because: Because, *, trip: bool) -> None:
        """Keeps a contactor open until it has been seen open, rested, and the cause is gone."""
        if not it.socket.contactor:
            return
        if it.memory.held_open is None:
            it.memory.held_since_s = self.now_s
        it.touched = True
        it.memory.held_open = because
        it.memory.held_trip = it.memory.held_trip or trip

    def step(self, it: SocketDraft, event: SessionEvent) -> None:
        """Moves the socket's session by its table; when it has ended, its successor takes its place."""
        session = it.session
        if session is None:
            return
        phase = next_phase(session.phase, event)
        if phase is session.phase:
            return
        it.touched = True
        memory = it.memory
        memory.job = None
        memory.job_retry_s = 0.0
        it.take(replace(session, phase=phase, phase_since_s=self.now_s))
        if phase is SessionPhase.ENDED:
            self._ended(it)

    def _ended(self, it: SocketDraft) -> None:
        memory = it.memory
        it.last_ended = it.session
        it.take(None)
        it.settled = False
        self.grant(it, 0.0)
        memory.claimed = False
        memory.yielded = False
        memory.sliced = False
        memory.has_drawn = memory.returned = memory.woken = memory.told_asleep = False
        memory.resting_car_since_s = None
        memory.settled_a = None
        memory.used = None
        memory.presumed = memory.wide = memory.turned_away = memory.used_by_box = False
        memory.shown_since_s = None
        memory.fits_since_s = None
        memory.resting_since_s = None
        memory.pauses = 0
        if memory.successor is not None:
            self.succeed(it, memory.successor)
        else:
            it.armed = False
            memory.overtaken = 0
            memory.turn_used_s = 0.0
            memory.plan = NO_PLAN
            memory.waits_since_s = memory.grid_until_s = None

    def succeed(self, it: SocketDraft, successor: Successor) -> None:
        """Lets the successor wait in the place of the session that has ended."""
        it.memory.successor = None
        it.armed = successor.armed
        it.take(waiting_session(successor, it.socket.id, self.now_s))
        self.wishes.append(
            NoteQueued(it.socket.id, successor.id, successor.token, successor.continues, it.because, successor.source)
        )


def waiting_session(asked: Successor, socket: SocketId, now_s: float) -> Session:
    """A session at the start of its life."""
    return Session(
        id=asked.id,
        socket=socket,
        token=asked.token,
        source=asked.source,
        phase=SessionPhase.QUEUED,
        phase_since_s=now_s,
        asked_at=asked.asked_at,
        continues=asked.continues,
        begin=None,
        begin_durable=False,
        end=None,
        end_kind=None,
        end_because=None,
    )


def repeated_id(session: SessionId) -> SessionId:
    """The id of a session that is started again under the same place: `…-r2`, then `…-r3`."""
    stem, dash, number = session.rpartition("-r")
    if dash and number.isdigit():
        return SessionId(f"{stem}-r{int(number) + 1}")
    return SessionId(f"{session}-r2")


def traits(it: SocketDraft) -> WallboxTraits:
    """The traits of a socket that is known to have a wallbox."""
    if it.socket.wallbox is None:
        raise ValueError(f"socket {it.socket.id} has no wallbox")
    return it.socket.wallbox


def open_draft(snapshot: SiteSnapshot, state: ControlState, now: Instant) -> Draft:
    """A draft that starts from the last state."""
    memory = state.memory.copy()
    tree = state.memory.tree
    if tree is None or tree.site is not snapshot.site:
        tree = memory.tree = FuseTree.of(snapshot.site)
    sockets = {}
    nothing = SocketSight(None, None, None)
    for socket_id, socket in snapshot.site.sockets.items():
        was: SocketState = state.sockets[socket_id]
        own = state.memory.sockets.get(socket_id, _FRESH).copy()
        memory.sockets[socket_id] = own
        session = was.session
        sockets[socket_id] = SocketDraft(
            socket,
            snapshot.sockets.get(socket_id, nothing),
            tree.places[socket_id],
            tree.all_places[socket_id],
            tree.taps[socket_id],
            own,
            session,
            None if session is None else session.phase,
            was.last_ended,
            was.granted_a,
            was.granted_since_s,
            was.because,
            was.limit_by_command_a,
            was.armed,
            was.contactor,
            was.contactor_since_s,
            was.contactor_position,
            was.contactor_evidence,
            was.opened_s,
            was.locked,
            was.obeys,
            was.settled,
            was.problem,
            last_reserved_a=was.reserved_a,
        )
    return Draft(
        snapshot=snapshot,
        now=now,
        now_s=now.monotonic_s,
        elapsed_s=max(0.0, now.monotonic_s - state.at.monotonic_s),
        tree=tree,
        memory=memory,
        sockets=sockets,
        freshness=snapshot.grid.freshness,
        house_a=state.house_a,
        heat=[heat for fuse in tree.fuses for heat in state.fuses[fuse.id].heat],
        limit_a=list(tree.steady_a_max),
        base_a=list(tree.unmetered_a),
        load_a=[],
        seen_a=[],
        seen_whole=[],
        shutting_down=state.shutting_down,
        previous=state,
        wishes=[],
        restraints=state.restraints,
        lowered_by={},
    )


_FRESH = SocketMemory()
