"""Who is next. First come, first served among those that compete for the same fuse phase.

A later session may overtake only one that could not start anyway, and only so often; then room is saved for the one
that was overtaken. Room is claimed first (others are lowered for it, no sooner than they need to obey), the begin
reading is taken when it is free.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway.control.draft import Draft, SocketDraft
from gateway.control.grants import EXCESS_A, all_at_least
from gateway.control.guard import PAUSE_S_MAX, pause
from gateway.control.phase_switching import switch, switching_obstacle
from gateway.control.phase_use import begin_trial, trial_holds
from gateway.control.ranking import last_charging, out_of_patience, rank, stands_aside, why_it_waits
from gateway.control.reservation import OBEYING_TIME_S, all_reserved, reserve_again
from gateway.control.session_machine import SessionEvent
from gateway.control.sessions import BEGIN_READING_AGE_S_MAX, begin_again
from gateway.control.sleepers import SLEEPS_BELOW_A
from gateway.control.state import ContactorState, SessionPhase
from gateway.control.turns import count_turns, end_broken_turns, end_slices, tell_turns, waits_for_turn
from gateway.ids import FuseId
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.topology import Policy

OVERTAKEN_TIMES_MAX: Final = 3
RETURN_MARGIN_A: Final = 0.5

_RUNS = frozenset(SessionPhase) - {SessionPhase.QUEUED, SessionPhase.ENDED}


@dataclass(slots=True)
class _Line:
    """The line as it is walked from its head."""

    least_a: list[float]
    sessions: dict[FuseId, int]
    saved: set[int] = field(default_factory=set)
    passed: list[SocketDraft] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)
    lacking: list[SocketDraft] = field(default_factory=list)
    last: dict[int, tuple[int, float]] = field(default_factory=dict)


def drop_claims(draft: Draft) -> None:
    """Claims are made anew each tick."""
    for it in draft.each():
        it.memory.claimed = False


def hide_claims(draft: Draft) -> None:
    """A claim is not a reservation yet: what is shown counts those that were admitted."""
    for it in draft.each():
        if it.memory.claimed and it.phase in (SessionPhase.QUEUED, SessionPhase.PAUSED):
            it.memory.claimed = False
            reserve_again(draft, it)


def admit(draft: Draft) -> None:
    """Walks the line: those out of patience, paused sessions, then those that wait for a turn, then those whose cars
    sleep; each in order of their place."""
    count_turns(draft)
    waiting = [it for it in draft.each() if it.phase in (SessionPhase.QUEUED, SessionPhase.PAUSED)]
    if not waiting:
        return
    end_broken_turns(draft, (it for it in waiting if _obstacle(draft, it) is None))
    fifo = draft.tree.site.rules.policy is Policy.FIFO
    waiting.sort(key=lambda it: (stands_aside(draft, it), fifo and _comes_after(draft, it), rank(draft, it)))
    line = _Line(all_at_least(draft), _sessions(draft), last=last_charging(draft))
    for it in waiting:
        _call(draft, it, line)
    if line.lacking and not _let_sleepers_yield(draft, set(line.wanted)):
        end_slices(draft, line.lacking, line.least_a, line.sessions)
    tell_turns(draft, line.lacking)


def _comes_after(draft: Draft, it: SocketDraft) -> bool:
    """Whether one that waits for its turn comes after those that are in the middle of theirs."""
    return waits_for_turn(it) and not out_of_patience(draft, it)


def _sessions(draft: Draft) -> dict[FuseId, int]:
    count: dict[FuseId, int] = {}
    for it in draft.each():
        if it.phase in _RUNS and not it.memory.yielded and not it.memory.sliced:
            for fuse in draft.tree.site.fuses_above(it.socket.id):
                count[fuse.id] = count.get(fuse.id, 0) + 1
    return count


def _call(draft: Draft, it: SocketDraft, line: _Line) -> None:
    memory = it.memory
    obstacle = _obstacle(draft, it)
    if obstacle is not None:
        it.because = _told(draft, it, line, obstacle)
        memory.fits_since_s = None
        return
    returns = it.phase is SessionPhase.PAUSED and not memory.sliced
    counts = not returns or memory.yielded
    for fuse in draft.tree.site.fuses_above(it.socket.id) if counts else ():
        if fuse.sessions_max is not None and line.sessions.get(fuse.id, 0) >= fuse.sessions_max:
            it.because = Because(Why.SESSIONS_MAX, fuse.id)
            line.lacking.append(it)
            return
    need_a = it.need_a + (RETURN_MARGIN_A if returns and _is_shy(draft, it) else 0.0)
    if _other_phases(draft, it, line, need_a):
        return
    missing, short = _missing(draft, it, line, need_a)
    places = it.places_used
    if missing > EXCESS_A:
        memory.fits_since_s = None
        fuse_id, phase = draft.tree.name(short)
        it.because = draft.lowering(short) or Because(
            why_it_waits(draft, it, line.last.get(short)), fuse_id, phase, missing
        )
        if not stands_aside(draft, it):
            line.wanted.append(short)
            line.lacking.append(it)
        if _could_ever_start(draft, it):
            line.passed.append(it)
            if memory.overtaken >= OVERTAKEN_TIMES_MAX:
                line.saved.update(places)
        return
    behind = line.saved.intersection(places)
    if behind:
        fuse_id, phase = draft.tree.name(min(behind))
        it.because = Because(Why.QUEUED_BEHIND, fuse_id, phase)
        return
    _claim(draft, it, line)


def _told(draft: Draft, it: SocketDraft, line: _Line, obstacle: Because) -> Because:
    """The obstacle; one that rests after a pause, or whose contactor rests, is told what has no room for it, if that is
    so still."""
    if obstacle.why not in (Why.RAISE_WAITS, Why.MINIMUM_OFF):
        return obstacle
    missing, short = _missing(draft, it, line, it.need_a)
    if missing <= EXCESS_A:
        return obstacle
    fuse_id, phase = draft.tree.name(short)
    return draft.lowering(short) or Because(Why.QUEUED, fuse_id, phase, missing)


def _other_phases(draft: Draft, it: SocketDraft, line: _Line, need_a: float) -> bool:
    """Whether it is held up while its box switches: to one phase if only that has room, to three if all have. Where a
    box cannot, the car may be let in on trial."""
    if it.one_phase:
        single = not it.memory.used_by_box or it.memory.taught_phases == 1
        return not single and _missing(draft, it, line, need_a, it.all_places)[0] <= EXCESS_A and switch(draft, it, 3)
    if _missing(draft, it, line, need_a)[0] <= EXCESS_A:
        return False
    if _missing(draft, it, line, need_a, it.places[0])[0] > EXCESS_A:
        return False
    if switch(draft, it, 1):
        return True
    begin_trial(draft, it)
    return False


def _missing(
    draft: Draft, it: SocketDraft, line: _Line, need_a: float, places: tuple[int, ...] | None = None
) -> tuple[float, int]:
    """How many amperes its tightest fuse phase lacks, and which that is; of those that its car uses, or of `places`."""
    places = it.places_used if places is None else places
    return max((line.least_a[place] + need_a - draft.limit_a[place], place) for place in places)


def _claim(draft: Draft, it: SocketDraft, line: _Line) -> None:
    memory = it.memory
    places = it.places_used
    for place in places:
        line.least_a[place] += it.need_a
    for fuse in draft.tree.site.fuses_above(it.socket.id):
        line.sessions[fuse.id] = line.sessions.get(fuse.id, 0) + 1
    it.because = Because(Why.RESERVED)
    if memory.fits_since_s is None:
        memory.fits_since_s = draft.now_s
    returns = it.phase is SessionPhase.PAUSED and not memory.sliced
    until_s = memory.fits_since_s + draft.tree.site.raise_after_s if returns else draft.now_s
    if draft.now_s >= until_s - OBEYING_TIME_S:
        memory.claimed = True
        reserve_again(draft, it)
    if draft.now_s < until_s:
        it.because = Because(Why.RAISE_WAITS, until_s=until_s)
        return
    if not _free_now(draft, it):
        return
    for passed in line.passed:
        if set(places).intersection(passed.places_used):
            passed.memory.overtaken += 1
    if it.phase is SessionPhase.PAUSED:
        memory.yielded = memory.sliced = memory.turned_away = False
        memory.returned = True
        _energise(draft, it, SessionEvent.ROOM_BACK)
    else:
        memory.overtaken = 0
        draft.step(it, SessionEvent.ADMITTED)


def _is_shy(draft: Draft, it: SocketDraft) -> bool:
    """One that was paused for want of room comes back only with a little to spare; not for ever, though."""
    session = it.session
    long = session is not None and draft.now_s - session.phase_since_s >= PAUSE_S_MAX
    return it.memory.fits_since_s is None and not long


def _free_now(draft: Draft, it: SocketDraft) -> bool:
    """Whether the reservations of all, its own among them, fit on every fuse phase above it; not where the newest
    telegram may show an overload."""
    if any(draft.memory.excess_doubted[phase] for phase in it.socket.phases):
        return False
    total = all_reserved(draft)
    return all(total[place] <= draft.limit_a[place] + EXCESS_A for place in it.places_used)


def _obstacle(draft: Draft, it: SocketDraft) -> Because | None:
    """Why a session cannot start now however much room there is; such a one holds up nobody."""
    grid = draft.snapshot.grid.why
    if draft.shutting_down:
        return Because(Why.SHUTDOWN)
    if draft.freshness is not Freshness.FRESH:
        return Because(grid or Why.GRID_STALE)
    if not draft.snapshot.journal_accepts:
        return Because(Why.JOURNAL_STOPPED)
    if it.locked is not None:
        return it.locked
    if it.draw_a is None:
        return Because(Why.SOCKET_METER_SILENT)
    if it.restraint is not None:
        return it.restraint
    if it.cap_a < it.need_a:
        return Because(Why.LIMIT_BY_COMMAND, current_a=it.cap_a)
    if draft.now_s < it.memory.start_after_s:
        return Because(Why.RESTART_WAITS, until_s=it.memory.start_after_s)
    actuator = _contactor_obstacle(draft, it) or _wallbox_obstacle(it) or switching_obstacle(draft, it)
    if actuator is None and draft.now_s < it.memory.return_after_s:
        return Because(Why.RAISE_WAITS, until_s=it.memory.return_after_s)
    return actuator


def _contactor_obstacle(draft: Draft, it: SocketDraft) -> Because | None:
    if not it.socket.contactor:
        return None
    ready = it.contactor is (ContactorState.OPEN if it.plain else ContactorState.CLOSED)
    rested_s = (it.opened_s or 0.0) + it.socket.minimum_off_s
    if it.opened_s is not None and draft.now_s < rested_s and (it.plain or not ready):
        return Because(Why.MINIMUM_OFF, until_s=rested_s)
    if it.memory.held_open is not None:
        return it.memory.held_open
    return None if ready else it.memory.unpowered or Because(Why.CONTACTOR_UNKNOWN)


def _wallbox_obstacle(it: SocketDraft) -> Because | None:
    if it.socket.wallbox is None:
        return None
    if not it.heard:
        return Because(Why.WALLBOX_SILENT)
    return None if it.obeys else Because(Why.WALLBOX_DISOBEYS)


def _could_ever_start(draft: Draft, it: SocketDraft) -> bool:
    return all(draft.base_a[place] + it.need_a <= draft.limit_a[place] + EXCESS_A for place in it.places_used)


def _let_sleepers_yield(draft: Draft, wanted: set[int]) -> bool:
    for it in draft.each():
        settled_a, draw_a = it.memory.settled_a, it.highest_draw_a
        asleep = it.shared and settled_a is not None and max(settled_a) < SLEEPS_BELOW_A
        asleep = asleep and draw_a is not None and draw_a < SLEEPS_BELOW_A
        shared = wanted.intersection(it.places_used)
        if asleep and shared:
            fuse_id, phase = draft.tree.name(min(shared))
            pause(draft, it, Because(Why.QUEUED, fuse_id, phase, it.need_a))
            it.memory.yielded = True
            it.memory.turn_used_s = 0.0
            reserve_again(draft, it)
            return True
    return False


def energise(draft: Draft) -> None:
    """Sessions whose begin record is durable: energised if their room is still there and the reading is young."""
    ready = [it for it in draft.each() if it.phase is SessionPhase.READY]
    for it in sorted(ready, key=lambda one: one.memory.place):
        session = it.session
        if session is None:
            continue
        age_s = float("inf") if session.begin is None else draft.now_s - session.begin.at.monotonic_s
        if age_s > BEGIN_READING_AGE_S_MAX:
            begin_again(draft, it, Because(Why.START_TOO_OLD))
            reserve_again(draft, it)
        elif it.memory.presumed and not trial_holds(draft, it):
            continue
        elif session.begin_durable and _obstacle(draft, it) is None and _free_now(draft, it):
            _energise(draft, it, SessionEvent.ENERGISED)


def _energise(draft: Draft, it: SocketDraft, event: SessionEvent) -> None:
    draft.step(it, event)
    it.memory.claimed = False
    it.energised_now = True
    draft.grant(it, it.need_a)
    if it.socket.wallbox is None:
        it.because = Because(Why.FULL_SPEED)
    reserve_again(draft, it)


def places_in_line(draft: Draft) -> list[SocketDraft]:
    """The sockets whose sessions wait for a turn, or will when the one before has been signed off; first first."""
    waiting = [it for it in draft.each() if waits_for_turn(it) or it.memory.successor is not None]
    waiting.sort(key=lambda it: rank(draft, it))
    return waiting
