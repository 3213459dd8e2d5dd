"""What becomes of sessions from tick to tick: outcomes of slow wishes, ends, and the wishes that each phase needs.

A begin reading that is older than 5 s when its session could be energised is not used: the session ends as cancelled
(its page is signed with an end reading, nothing flowed), and a session with the id `<id>-r2` takes the same place.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.control.contactors import REST_A, REST_S
from gateway.control.draft import STARTING, Draft, SocketDraft, repeated_id
from gateway.control.memory import Successor
from gateway.control.reservation import plugged
from gateway.control.session_machine import SessionEvent
from gateway.control.state import ContactorState, Session, SessionPhase
from gateway.site.because import Because, Why
from gateway.site.outcomes import Edge, Outcome, ReadingFailed, ReadingTaken, RecordDurable, RecordFailed
from gateway.site.snapshot import Pilot
from gateway.site.wishes import EndKind, NoteWithdrawn, RecordBegin, RecordEnd, TakeReading, Wish

BEGIN_READING_AGE_S_MAX: Final = 5.0
JOB_RETRY_S: Final = 5.0
JOB_LOST_S: Final = 60.0
"""An outcome that has not come after this is asked for again (the shell knows session and edge)."""
UNPLUGGED_S: Final = 2.0
IDLE_A: Final = 0.5


def take_outcomes(draft: Draft) -> None:
    """Readings taken and records stored since the last tick; what belongs to no waiting phase is let go."""
    if not draft.snapshot.outcomes:
        return
    by_session = {it.session.id: it for it in draft.each() if it.session is not None}
    for outcome in draft.snapshot.outcomes:
        it = by_session.get(outcome.session)
        if it is not None and it.session is not None and it.session.id == outcome.session:
            _take(draft, it, it.session, outcome)


def _take(draft: Draft, it: SocketDraft, session: Session, outcome: Outcome) -> None:
    match outcome, session.phase:
        case ReadingTaken(edge=Edge.BEGIN, reading=reading), SessionPhase.READING_BEGIN:
            it.take(replace(session, begin=reading))
            draft.step(it, SessionEvent.BEGIN_READ)
        case ReadingTaken(edge=Edge.END, reading=reading), SessionPhase.READING_END:
            it.take(replace(session, end=reading))
            draft.step(it, SessionEvent.END_READ)
        case RecordDurable(edge=Edge.BEGIN), SessionPhase.SIGNING_BEGIN:
            it.take(replace(session, begin_durable=True))
            draft.step(it, SessionEvent.BEGIN_DURABLE)
            if session.end_kind is not None:
                draft.step(it, SessionEvent.END_ASKED)
        case RecordDurable(edge=Edge.END), SessionPhase.SIGNING_END:
            draft.step(it, SessionEvent.END_DURABLE)
        case RecordFailed(edge=Edge.BEGIN), SessionPhase.SIGNING_BEGIN if session.end_kind is not None:
            _withdraw(draft, it, session, SessionEvent.BEGIN_REFUSED)
        case (
            (ReadingFailed(edge=Edge.BEGIN), SessionPhase.READING_BEGIN)
            | (ReadingFailed(edge=Edge.END), SessionPhase.READING_END)
            | (RecordFailed(edge=Edge.BEGIN), SessionPhase.SIGNING_BEGIN)
            | (RecordFailed(edge=Edge.END), SessionPhase.SIGNING_END)
        ):
            it.memory.job = None
            it.memory.job_retry_s = draft.now_s + JOB_RETRY_S
        case _:
            return


def end_session(draft: Draft, it: SocketDraft, kind: EndKind, because: Because, *, trip: bool = False) -> None:
    """Ends whatever session the socket has, by the shortest honest way from where it stands."""
    session = it.session
    if session is None:
        return
    if because.why is not Why.SHUTDOWN and because.why is not Why.START_TOO_OLD and because.why is not Why.ROOM_LOST:
        it.memory.waits_for_unplug = it.memory.plugged
    if session.phase in (SessionPhase.QUEUED, SessionPhase.READING_BEGIN):
        it.because = because
        _withdraw(draft, it, replace(session, end_kind=EndKind.CANCELLED, end_because=because), SessionEvent.END_ASKED)
        return
    if session.end_kind is None:
        cancelled = session.phase in STARTING
        it.take(replace(session, end_kind=EndKind.CANCELLED if cancelled else kind, end_because=because))
    it.memory.claimed = False
    draft.grant(it, 0.0)
    trips = session.phase in (SessionPhase.CHARGING, SessionPhase.PAUSED, SessionPhase.LOWERING, SessionPhase.OPENING)
    if trip and it.socket.contactor and trips:
        draft.hold_open(it, because, trip=True)
        draft.step(it, SessionEvent.TRIPPED)
    else:
        draft.step(it, SessionEvent.END_ASKED)


def _withdraw(draft: Draft, it: SocketDraft, session: Session, event: SessionEvent) -> None:
    because = session.end_because or it.because
    draft.wishes.append(NoteWithdrawn(it.socket.id, session.id, because))
    it.take(session)
    draft.step(it, event)


def begin_again(draft: Draft, it: SocketDraft, because: Because) -> None:
    """Cancels a session that was never energised; another takes its place under a derived id."""
    keep_place(it)
    it.memory.return_after_s = draft.now_s + JOB_LOST_S
    end_session(draft, it, EndKind.CANCELLED, because)


def keep_place(it: SocketDraft) -> None:
    """Lets a session that is to be cancelled be followed by one with a derived id in the same place."""
    ends = it.session
    if ends is not None and it.memory.successor is None:
        it.memory.successor = Successor(
            repeated_id(ends.id), ends.token, ends.source, ends.asked_at, ends.continues, it.armed
        )


def follow_cars(draft: Draft) -> None:
    """A session ends when its car is unplugged, and an armed socket's when nothing has flowed for long."""
    for it in draft.each():
        _follow_pilot(draft, it)
        if it.armed and it.phase is SessionPhase.CHARGING:
            idle = it.highest_draw_a is not None and it.highest_draw_a < IDLE_A
            memory = it.memory
            if not idle:
                memory.resting_since_s = None
            elif memory.resting_since_s is None:
                memory.resting_since_s = draft.now_s
            elif draft.now_s - memory.resting_since_s >= it.socket.idle_release_s:
                end_session(draft, it, EndKind.COMPLETED, Because(Why.IDLE_RELEASE))


def _follow_pilot(draft: Draft, it: SocketDraft) -> None:
    memory = it.memory
    if plugged(it.pilot):
        memory.plugged = True
        memory.unplugged_since_s = None
    elif it.pilot is not Pilot.A:
        memory.unplugged_since_s = None
    elif memory.unplugged_since_s is None:
        memory.unplugged_since_s = draft.now_s
    elif draft.now_s - memory.unplugged_since_s >= UNPLUGGED_S:
        if memory.plugged and it.session is not None and it.session.end_kind is None:
            memory.successor = None
            end_session(draft, it, EndKind.COMPLETED, Because(Why.UNPLUGGED))
        memory.plugged = False
        memory.waits_for_unplug = False


def bring_to_rest(draft: Draft) -> None:
    """Ending sessions: setpoint 0 until less than 1 A flows, at most 6 s; then open what has to open."""
    for it in draft.each():
        session = it.session
        if session is None:
            continue
        if session.phase is SessionPhase.LOWERING:
            draft.grant(it, 0.0)
            reading = it.sight.reading
            fresh = reading is not None and reading.at.monotonic_s >= session.phase_since_s
            at_rest = fresh and it.highest_draw_a is not None and it.highest_draw_a < REST_A
            opens = it.socket.contactor and (it.plain or it.memory.held_open is not None or not at_rest)
            if it.plain or at_rest or draft.now_s - session.phase_since_s >= REST_S:
                if opens:
                    draft.hold_open(it, session.end_because or it.because, trip=False)
                draft.step(it, SessionEvent.MUST_OPEN if opens else SessionEvent.AT_REST)
        if it.phase is SessionPhase.OPENING and it.contactor in (ContactorState.OPEN, ContactorState.WELDED):
            draft.step(it, SessionEvent.OPENED)


def wish_jobs(draft: Draft) -> None:
    """`TakeReading`, `RecordBegin` and `RecordEnd`: once per phase, again only after a failure or a lost outcome."""
    for it in draft.each():
        session = it.session
        if session is None or session.phase not in _JOBS:
            continue
        memory = it.memory
        job = f"{session.id} {session.phase}"
        if memory.job == job and draft.now_s - memory.job_since_s < JOB_LOST_S:
            continue
        if memory.job != job and draft.now_s < memory.job_retry_s:
            continue
        wish = _JOBS[session.phase](it, session)
        if wish is not None:
            memory.job = job
            memory.job_since_s = draft.now_s
            draft.wishes.append(wish)


def _take_begin(it: SocketDraft, session: Session) -> Wish | None:
    return TakeReading(it.socket.id, session.id, Edge.BEGIN, it.because)


def _record_begin(it: SocketDraft, session: Session) -> Wish | None:
    if session.begin is None:
        return None
    return RecordBegin(
        it.socket.id, session.id, session.token, session.continues, session.begin, it.because, session.source
    )


def _take_end(it: SocketDraft, session: Session) -> Wish | None:
    return TakeReading(it.socket.id, session.id, Edge.END, session.end_because or it.because)


def _record_end(it: SocketDraft, session: Session) -> Wish | None:
    if session.end is None or session.end_kind is None:
        return None
    because = session.end_because or it.because
    successor = it.memory.successor
    follows = None if successor is None else successor.id
    return RecordEnd(it.socket.id, session.id, session.end_kind, session.end, because, follows)


_JOBS: Final[dict[SessionPhase, Callable[[SocketDraft, Session], Wish | None]]] = {
    SessionPhase.READING_BEGIN: _take_begin,
    SessionPhase.SIGNING_BEGIN: _record_begin,
    SessionPhase.READING_END: _take_end,
    SessionPhase.SIGNING_END: _record_end,
}
