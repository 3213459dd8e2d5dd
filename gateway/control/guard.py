"""What ends or pauses a session whatever the shares say: a socket above its rating, a box that does not obey, a meter
that is silent, a fuse phase whose heat is used up, a grid meter that has been silent for too long."""

from typing import Final

from gateway.control.contactors import CARRIES_A
from gateway.control.draft import ENDING, Draft, SocketDraft
from gateway.control.heat import HEAT_OPEN, HEAT_REDUCE, heat_after
from gateway.control.reservation import OBEYING_TIME_S
from gateway.control.session_machine import SessionEvent
from gateway.control.sessions import end_session
from gateway.control.state import ContactorState, SessionPhase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.wishes import EndKind

OVERLOAD_MULTIPLE: Final = 1.1
OVERLOAD_MARGIN_A: Final = 0.5
OVERLOAD_S: Final = 5.0
OVERLOAD_WARNED_S: Final = 2.0
"""Warned after this, closed after the other: an automat carries 1.13 times its rating for an hour and 2.55 times for a
second at least (IEC 60898-1, table 7), so a socket whose rating is its breaker's is closed before that trips."""
OVERLOAD_AT_ONCE_MULTIPLE: Final = 1.5
STRIKES: Final = 3
"""So many overloads, disobediences or closings that did not close lock a socket until a person has looked."""
DROP_OUTS_FORGOTTEN_S: Final = 3600.0
STRIKES_FORGOTTEN_S: Final = 86_400.0
"""An overload counts with the one before if no more than a day lies between them."""
METER_LOST_S: Final = 60.0
HEAT_LIMIT: Final = 0.9
"""While a fuse phase is warm it may carry this part of its rating at most."""
PAUSE_S_MIN: Final = 60.0
PAUSE_S_MAX: Final = 600.0
"""A paused session stays away for 1 to 10 min, so that no load swings around the limit: twice as long as the last time
if it had to go again soon after it came back."""
CAME_BACK_FOR_GOOD_S: Final = 300.0


def pause(draft: Draft, it: SocketDraft, because: Because) -> None:
    """Setpoint 0 or contactor open; the session lives on and comes back when there is room again."""
    memory = it.memory
    session = it.session
    charged_s = 0.0 if session is None else draft.now_s - session.phase_since_s
    if it.phase is SessionPhase.CHARGING and charged_s >= CAME_BACK_FOR_GOOD_S:
        memory.pauses = 0
    draft.grant(it, 0.0)
    draft.step(it, SessionEvent.ROOM_GONE)
    memory.return_after_s = draft.now_s + min(PAUSE_S_MAX, PAUSE_S_MIN * 2.0**memory.pauses)
    memory.pauses += 1
    memory.fits_since_s = None
    memory.claimed = False
    it.because = because


def guard_sockets(draft: Draft) -> None:
    """Overload of a socket, disobedience of a box, silence of a meter."""
    for it in draft.each():
        _guard_breaker(draft, it)
        _guard_closing(draft, it)
        _guard_rating(draft, it)
        _guard_obedience(draft, it)
        if it.phase is SessionPhase.CHARGING and it.meter_age_s > METER_LOST_S:
            because = Because(Why.SOCKET_METER_SILENT)
            pause(draft, it, because)
            draft.hold_open(it, because, trip=False)


def _guard_breaker(draft: Draft, it: SocketDraft) -> None:
    """Behind a breaker that has tripped nothing is left closed: who puts it on again must not do so under load."""
    if not it.memory.breaker_open:
        return
    because = Because(Why.BREAKER_OPEN)
    if it.phase is SessionPhase.CHARGING:
        pause(draft, it, because)
    draft.hold_open(it, because, trip=False)


def _guard_closing(draft: Draft, it: SocketDraft) -> None:
    """A contactor that was told to close and did not, or that let go by itself (its board lost power, or cannot renew a
    timed close), rests like any other before it is tried again, so that it is not worn out by trying; after three times
    a person has to look."""
    memory = it.memory
    let_go = memory.let_go
    if memory.held_open is not None or not (let_go or it.contactor is ContactorState.NOT_CLOSED):
        return
    because = Because(Why.CONTACTOR_NOT_CLOSED)
    if let_go:
        memory.drop_outs = 1 if draft.now_s - memory.dropped_out_s > DROP_OUTS_FORGOTTEN_S else memory.drop_outs + 1
        memory.dropped_out_s = draft.now_s
        draft.note(it, because)
    else:
        memory.not_closed += 1
    if max(memory.not_closed, memory.drop_outs) >= STRIKES:
        it.locked = because
        end_session(draft, it, EndKind.COMPLETED, because)
    elif it.phase is SessionPhase.CHARGING:
        pause(draft, it, because)
    draft.hold_open(it, because, trip=False)


def _guard_rating(draft: Draft, it: SocketDraft) -> None:
    memory = it.memory
    draw_a = it.highest_draw_a
    rating_a = it.socket.rating_a
    if draw_a is None or draw_a <= rating_a * OVERLOAD_MULTIPLE + OVERLOAD_MARGIN_A:
        memory.over_rating_since_s = None
        return
    if memory.over_rating_since_s is None:
        memory.over_rating_since_s = draft.now_s
    long = draft.now_s - memory.over_rating_since_s > OVERLOAD_S
    if (not long and draw_a <= rating_a * OVERLOAD_AT_ONCE_MULTIPLE) or _going(it):
        return
    because = Because(Why.SOCKET_OVERLOAD, current_a=draw_a)
    memory.overloads = 1 if draft.now_s - memory.overloaded_s > STRIKES_FORGOTTEN_S else memory.overloads + 1
    memory.overloaded_s = draft.now_s
    if memory.overloads >= STRIKES:
        it.locked = because
    draft.note(it, because)
    _throw_off(draft, it, because)


def _guard_obedience(draft: Draft, it: SocketDraft) -> None:
    if it.memory.disobeying_since_s is None or not it.socket.contactor or _going(it):
        return
    because = Because(Why.WALLBOX_DISOBEYS, current_a=it.highest_draw_a)
    if it.memory.disobeyed >= STRIKES:
        it.locked = because
    _throw_off(draft, it, because)


def _going(it: SocketDraft) -> bool:
    if it.socket.contactor:
        closed = it.contactor in (ContactorState.CLOSED, ContactorState.CLOSING)
        return it.memory.held_trip or not closed
    return it.phase is None or it.phase in ENDING


def _throw_off(draft: Draft, it: SocketDraft, because: Because) -> None:
    end_session(draft, it, EndKind.COMPLETED, because, trip=True)
    draft.grant(it, 0.0)
    draft.hold_open(it, because, trip=True)


def warm_fuses(draft: Draft) -> None:
    """Heat of every fuse phase since the last tick, and what it does to the limit.

    What no meter shows does not warm a fuse (its reservation fits), but nothing cools while something is hidden.
    """
    tree = draft.tree
    for place, load in enumerate(draft.seen_a):
        fuse = tree.fuses[place // 3]
        before = draft.heat[place]
        unseen = draft.freshness is not Freshness.FRESH and fuse.id == tree.site.main
        cools = load is not None and load <= fuse.rating_a
        heat = (
            before
            if (unseen or not draft.seen_whole[place]) and cools
            else heat_after(fuse, before, load, draft.elapsed_s)
        )
        draft.heat[place] = heat
        if heat >= HEAT_REDUCE:
            draft.limit_a[place] = min(draft.limit_a[place], HEAT_LIMIT * fuse.rating_a)
            if before < HEAT_REDUCE or before < HEAT_OPEN <= heat:
                fuse_id, phase = tree.name(place)
                draft.note(None, Because(Why.HEAT, fuse_id, phase, load))


def guard_fuses(draft: Draft) -> None:
    """Opens contactors below a fuse phase whose heat is used up, the latest session first, until it is cured."""
    for place, heat in enumerate(draft.heat):
        load = draft.load_a[place]
        if heat < HEAT_OPEN or load is None or load <= draft.tree.rating_a[place]:
            continue
        fuse_id, phase = draft.tree.name(place)
        because = Because(Why.HEAT, fuse_id, phase, load)
        excess_a = load - draft.limit_a[place]
        below = [it for it in draft.each() if _carried(it, place) > CARRIES_A]
        for it in below:
            if it.phase is not SessionPhase.CHARGING and draft.now_s - it.granted_since_s < OBEYING_TIME_S:
                excess_a -= _carried(it, place)
        for it in sorted(below, key=lambda one: -one.memory.place):
            if excess_a <= 0.0:
                break
            if it.phase is SessionPhase.CHARGING or (it.socket.contactor and not _going(it)):
                excess_a -= _carried(it, place)
                if it.phase is SessionPhase.CHARGING:
                    pause(draft, it, because)
                draft.hold_open(it, because, trip=True)


def _carried(it: SocketDraft, place: int) -> float:
    carried = it.reserved_a if it.draw_a is None else it.draw_a
    return sum(carried[own] for own, path in enumerate(it.places) if place in path)


def guard_blindness(draft: Draft) -> None:
    """The grid meter has been silent for 5 min: setpoints 0, contactors open."""
    if draft.freshness is not Freshness.BLIND:
        return
    because = Because(Why.GRID_BLIND)
    for it in draft.each():
        if it.phase is SessionPhase.CHARGING:
            pause(draft, it, because)
        draft.hold_open(it, because, trip=False)
