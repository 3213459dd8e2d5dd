"""What people and programs ask for, turned into sessions, limits and locks.

Sessions need a meter and an actuator: on a socket without either a request is answered with an event and nothing else.
"""

from dataclasses import replace

from gateway.control.contactor_machine import ContactorEvent
from gateway.control.contactors import move
from gateway.control.draft import STARTING, Draft, SocketDraft, waiting_session
from gateway.control.memory import Successor
from gateway.control.phase_learning import forget_phases
from gateway.control.phase_switching import free_switching
from gateway.control.reservation import UNUSED_PHASE_A, WALLBOX_QUIET_S, plugged
from gateway.control.session_machine import SessionEvent
from gateway.control.sessions import end_session, keep_place
from gateway.control.state import ControlState, SessionPhase
from gateway.ids import SocketId
from gateway.site.because import Because, Why
from gateway.site.requests import (
    NO_PLAN,
    Arm,
    ChargeNow,
    ChargePlan,
    ForgetPhases,
    LimitCurrent,
    PlanCharge,
    ShutDown,
    StartSession,
    StopSession,
    Unlock,
)
from gateway.site.snapshot import SiteSnapshot
from gateway.site.topology import Access
from gateway.site.wishes import EndKind, NoteQueued


def take_requests(draft: Draft) -> None:
    """Every request since the last tick, in the order in which they came."""
    for request in draft.snapshot.requests:
        if isinstance(request, ShutDown):
            _shut_down(draft)
            continue
        it = draft.sockets.get(request.socket)
        if it is None:
            draft.note(None, Because(Why.COMMAND))
            continue
        match request:
            case StartSession() | Arm():
                _start(draft, it, request)
            case StopSession():
                it.armed = False
                it.memory.successor = None
                end_session(draft, it, EndKind.COMPLETED, Because(Why.COMMAND))
            case LimitCurrent(current_a_max=limit_a):
                it.limit_by_command_a = limit_a
            case PlanCharge(plan=plan):
                it.memory.plan = plan
            case ChargeNow(on=on):
                asked = draft.restraints.charge_now - {it.socket.id}
                named = frozenset({it.socket.id}) if on else frozenset[SocketId]()
                draft.restraints = replace(draft.restraints, charge_now=asked | named)
            case Unlock():
                _unlock(draft, it)
            case ForgetPhases():
                forget_phases(draft, it)


def _start(draft: Draft, it: SocketDraft, request: StartSession | Arm) -> None:
    refusal = _refusal(draft, it)
    if refusal is not None:
        draft.note(it, refusal)
        return
    if it.session is not None:
        return
    asked = Successor(request.session, request.token, request.source, draft.now, None, isinstance(request, Arm))
    memory = it.memory
    memory.place = draft.memory.next_place
    draft.memory.next_place += 1
    memory.waits_for_unplug = False
    memory.return_after_s = 0.0
    memory.plan = _merged(memory.plan, request.plan)
    it.armed = asked.armed
    it.take(waiting_session(asked, it.socket.id, draft.now_s))
    it.because = Because(Why.QUEUED)
    draft.wishes.append(NoteQueued(it.socket.id, asked.id, asked.token, None, it.because, asked.source))


def _merged(before: ChargePlan, said: ChargePlan) -> ChargePlan:
    """What was said before the session holds where its start says nothing."""
    return said if said != NO_PLAN else before


def _refusal(draft: Draft, it: SocketDraft) -> Because | None:
    """Why no session can even wait here; None: it can."""
    if draft.shutting_down:
        return Because(Why.SHUTDOWN)
    if it.locked is not None:
        return it.locked
    if not it.socket.metered:
        return Because(Why.SOCKET_METER_SILENT)
    if not it.socket.contactor and it.socket.wallbox is None:
        return Because(Why.IDLE)
    if not draft.snapshot.journal_accepts:
        return Because(Why.JOURNAL_STOPPED)
    return None


def _unlock(draft: Draft, it: SocketDraft) -> None:
    """Frees what is locked, and a box that did not do what it was told: that one only while it draws nothing at
    setpoint 0."""
    freed = free_switching(it) or it.locked is not None
    rests = it.granted_a == 0.0 and it.highest_draw_a is not None and it.highest_draw_a < UNUSED_PHASE_A
    if it.socket.wallbox is not None and it.memory.disobeyed and rests and not it.obeys:
        freed = it.obeys = True
        it.memory.disobeyed = 0
    if not freed:
        return
    was_locked, it.locked = it.locked is not None, None
    it.memory.overloads = 0
    it.memory.disobeyed = 0
    it.memory.not_closed = 0
    it.memory.drop_outs = 0
    if it.socket.contactor and was_locked:
        move(draft, it, ContactorEvent.FREED)
    draft.note(it, Because(Why.COMMAND))


def _shut_down(draft: Draft) -> None:
    if draft.shutting_down:
        return
    draft.shutting_down = True
    because = Because(Why.SHUTDOWN)
    for it in draft.each():
        it.memory.claimed = False
        session = it.session
        if session is not None:
            if session.phase is SessionPhase.READING_BEGIN:
                draft.step(it, SessionEvent.ROOM_GONE)
            elif session.phase in STARTING and session.end_kind is None:
                keep_place(it)
                end_session(draft, it, EndKind.CANCELLED, because)
            elif session.phase is not SessionPhase.QUEUED:
                end_session(draft, it, EndKind.COMPLETED, because)
        draft.grant(it, 0.0)
        draft.hold_open(it, because, trip=False)


def automatic_starts(snapshot: SiteSnapshot, state: ControlState) -> tuple[SocketId, ...]:
    """The sockets that want a session now by themselves: access is open and the box shows a car.

    The shell draws an id for each and adds `StartSession(…, Source.AUTOMATIC)` to the same snapshot. A car that was
    stopped has to be unplugged first.
    """
    if state.shutting_down or not snapshot.journal_accepts:
        return ()
    wanting = []
    for socket in snapshot.site.sockets.values():
        if socket.access is not Access.OPEN or socket.wallbox is None or not socket.metered:
            continue
        own = state.sockets[socket.id]
        memory = state.memory.sockets.get(socket.id)
        waits = memory is not None and (memory.waits_for_unplug or memory.successor is not None)
        sight = snapshot.sockets.get(socket.id)
        box = None if sight is None else sight.wallbox
        heard = box is not None and state.at.monotonic_s - box.heard_s <= WALLBOX_QUIET_S
        arrived = box is not None and heard and plugged(box.pilot)
        if arrived and own.session is None and own.locked is None and not waits:
            wanting.append(socket.id)
    return tuple(wanting)
