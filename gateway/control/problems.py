"""What people must know: the one thing that is wrong with a socket, and a house that is above its fuse by itself."""

from typing import Final

from gateway.control.contactors import SIGHT_LOST_S
from gateway.control.draft import Draft, SocketDraft
from gateway.control.estimate import SOCKET_METER_QUIET_S
from gateway.control.guard import OVERLOAD_WARNED_S
from gateway.control.reservation import WALLBOX_QUIET_S
from gateway.control.state import ContactorState
from gateway.quantities import PHASES
from gateway.site.because import Because, Why
from gateway.site.snapshot import Position

HOUSE_CALM: Final = 0.95
"""A house that was above its fuse is calm again below this part of the rating."""


def find_problems(draft: Draft) -> None:
    """The problem of every socket, said once when it begins."""
    for it in draft.each():
        problem = _problem(draft, it)
        before = it.memory.noted
        if problem is not None and (before is None or before.why is not problem.why):
            draft.note(it, problem)
        it.problem = it.memory.noted = problem


def _problem(draft: Draft, it: SocketDraft) -> Because | None:
    """A device is called silent only after it has had its quiet time since it could first be heard: since the start,
    and behind a contactor since that closed. Until then it is unknown, and counted as full all the same."""
    memory = it.memory
    if it.contactor is ContactorState.WELDED:
        return Because(Why.CONTACTOR_WELDED)
    held = memory.held_open
    if memory.breaker_open or (held is not None and held.why is Why.BREAKER_OPEN):
        return Because(Why.BREAKER_OPEN)
    if memory.creeps or memory.stands_still:
        return Because(Why.REGISTER_CREEPS if memory.creeps else Why.METER_STANDS_STILL)
    if it.contactor is ContactorState.NOT_CLOSED or memory.not_closed:
        return Because(Why.CONTACTOR_NOT_CLOSED)
    over_s = memory.over_rating_since_s
    if over_s is not None and draft.now_s - over_s >= OVERLOAD_WARNED_S:
        return Because(Why.SOCKET_OVERLOAD_SOON, current_a=it.highest_draw_a)
    if memory.auxiliary_lies:
        return Because(Why.AUXILIARY_DISAGREES, current_a=it.highest_draw_a)
    box = it.socket.wallbox
    if box is not None and memory.disobeyed and not it.obeys:
        return Because(Why.WALLBOX_DISOBEYS, current_a=it.highest_draw_a)
    running_s = draft.now_s - draft.memory.started_s
    powered_s = running_s
    if it.socket.contactor and box is not None:
        powered_s = min(running_s, draft.now_s - memory.commanded_since_s)
    if box is not None and not it.heard and it.contactor_position is not Position.OPEN and powered_s >= WALLBOX_QUIET_S:
        return Because(Why.WALLBOX_SILENT)
    if it.socket.metered and it.draw_a is None and powered_s >= SOCKET_METER_QUIET_S:
        return Because(Why.SOCKET_METER_SILENT)
    if it.socket.contactor and it.contactor is ContactorState.UNKNOWN and running_s >= SIGHT_LOST_S:
        return Because(Why.CONTACTOR_UNKNOWN)
    return Because(Why.PHASES_STUCK) if memory.phases_stuck else _crossed(draft, it)


def _crossed(draft: Draft, it: SocketDraft) -> Because | None:
    """A socket that lies on other phases than the config says."""
    evidence = draft.memory.phases.evidence.get(it.socket.id)
    if evidence is None or not evidence.named:
        return None
    return Because(Why.PHASES_CROSSED, draft.tree.site.main, evidence.wrong_phase(it.socket.phases))


def watch_house(draft: Draft) -> None:
    """A house that is above the main fuse without any socket: nothing is left to shed, so people are told at once."""
    memory = draft.memory
    over = []
    for p in PHASES:
        house_a = memory.house_weighed_a[p]
        rating_a = draft.tree.rating_a[draft.tree.main + p]
        was = memory.house_over[p]
        is_over = was if house_a is None else house_a > rating_a * (HOUSE_CALM if was else 1.0)
        if is_over and not was:
            draft.note(None, Because(Why.HOUSE_OVERLOAD, draft.tree.site.main, p, house_a))
        over.append(is_over)
    memory.house_over = (over[0], over[1], over[2])
