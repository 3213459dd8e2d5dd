"""What each contactor is seen to be, and whether it shall be open or closed."""

from typing import Final

from gateway.control.contactor_machine import ContactorEvent, next_state
from gateway.control.draft import ENDING, Draft, SocketDraft
from gateway.control.powering import power_obstacle
from gateway.control.reservation import all_reserved
from gateway.control.state import ContactorState, SessionPhase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.snapshot import Evidence, Position
from gateway.site.wishes import Close, Open

SIGHT_LOST_S: Final = 15.0
CARRIES_A: Final = 0.5
STUCK_S: Final = 5.0
AUXILIARY_FOLLOWS_S: Final = 0.5
DEAD_S: Final = 5.0
DEAD_V: Final = 50.0
REST_A: Final = 1.0
REST_S: Final = 6.0
"""IEC 61851-1: after 6 s the station may open under load."""


_MUST_BE_SEEN_OPEN: Final = frozenset({ContactorState.OPENING, ContactorState.WELDED, ContactorState.NOT_CLOSED})


def watch_contactors(draft: Draft) -> None:
    """Position, its evidence, and the state that follows."""
    for it in draft.each():
        if it.socket.contactor:
            _watch(draft, it)


def _watch(draft: Draft, it: SocketDraft) -> None:
    memory = it.memory
    sight = it.sight.contactor
    lost = sight is None or draft.now_s - sight.seen_s > SIGHT_LOST_S
    carries = it.highest_draw_a is not None and it.highest_draw_a > CARRIES_A
    coil = Position.UNKNOWN if sight is None or lost else sight.coil
    auxiliary = None if sight is None or lost else sight.auxiliary
    if auxiliary is Position.UNKNOWN:
        auxiliary = None
    was_closed = memory.coil is Position.CLOSED and memory.commanded is Position.CLOSED
    memory.let_go = was_closed and coil is Position.OPEN
    if coil is not memory.coil:
        memory.coil = coil
        memory.coil_since_s = draft.now_s if sight is None else sight.seen_s
    memory.carrying_since_s = since(memory.carrying_since_s, carries, draft.now_s)
    dark = not carries and (auxiliary is Position.OPEN or is_dark(it))
    memory.dark_since_s = since(memory.dark_since_s, dark, draft.now_s)
    memory.auxiliary_lies = carries and auxiliary is Position.OPEN
    if carries and memory.commanded is Position.CLOSED:
        memory.not_closed = 0
    if auxiliary is not None and not memory.auxiliary_lies:
        it.contactor_position, it.contactor_evidence = auxiliary, Evidence.AUXILIARY
    elif carries:
        it.contactor_position, it.contactor_evidence = Position.CLOSED, Evidence.METER
    elif coil is not Position.UNKNOWN:
        it.contactor_position, it.contactor_evidence = coil, Evidence.COIL
    else:
        it.contactor_position, it.contactor_evidence = Position.UNKNOWN, Evidence.NONE
    for event in _events(draft, it, coil, auxiliary, lost=lost):
        move(draft, it, event)


def since(before_s: float | None, holds: bool, now_s: float) -> float | None:
    if not holds:
        return None
    return now_s if before_s is None else before_s


def is_dark(it: SocketDraft) -> bool:
    """Whether its meter shows no voltage on any phase."""
    reading = it.sight.reading
    if reading is None or it.draw_a is None:
        return False
    known = [volts for volts in reading.voltage_v[: len(it.places)] if volts is not None]
    return bool(known) and max(known) < DEAD_V


def _events(
    draft: Draft, it: SocketDraft, coil: Position, auxiliary: Position | None, *, lost: bool
) -> list[ContactorEvent]:
    memory = it.memory
    now_s = draft.now_s
    sight = it.sight.contactor
    coil_since_s = memory.coil_since_s if memory.coil_since_s is not None else now_s
    told_s = max(memory.commanded_since_s, coil_since_s)
    if memory.commanded is Position.OPEN and coil is Position.OPEN and sight is not None:
        reading = it.sight.reading
        shown = memory.carrying_since_s is not None and reading is not None
        if shown and reading is not None and reading.at.monotonic_s - told_s >= STUCK_S:
            return [ContactorEvent.STUCK]
        if auxiliary is Position.CLOSED and sight.seen_s - told_s > AUXILIARY_FOLLOWS_S:
            return [ContactorEvent.STUCK]
    if memory.commanded is Position.CLOSED and coil is Position.CLOSED and it.contactor is not ContactorState.UNKNOWN:
        dark = memory.dark_since_s
        if dark is not None and not memory.breaker_open and now_s - max(dark, told_s) >= DEAD_S:
            return [ContactorEvent.DEAD]
    if lost:
        return [ContactorEvent.LOST]
    if sight is None or sight.seen_s < memory.commanded_since_s:
        return []
    if it.contactor_position is Position.OPEN:
        return [ContactorEvent.SEEN_OPEN]
    return [ContactorEvent.SEEN_CLOSED] if it.contactor_position is Position.CLOSED else []


def move(draft: Draft, it: SocketDraft, event: ContactorEvent) -> None:
    """One step of the contactor's table; a weld locks the socket until a person has looked."""
    state = next_state(it.contactor, event)
    if state is it.contactor:
        return
    if state is ContactorState.OPEN and it.contactor is ContactorState.UNKNOWN:
        it.opened_s = draft.now_s  # its board was silent: nobody knows when it opened, or whether it had before
    it.contactor = state
    it.contactor_since_s = draft.now_s
    if state is ContactorState.WELDED:
        it.locked = Because(Why.CONTACTOR_WELDED)


def command_contactors(draft: Draft) -> None:
    """Wishes every contactor open or closed, each tick, with its reason."""
    switched = [it for it in draft.each() if it.socket.contactor]
    reserved_a = all_reserved(draft) if switched else []
    for it in switched:
        _release(draft, it)
        shall_close = _shall_close(draft, it, reserved_a)
        _command(draft, it, Position.CLOSED if shall_close else Position.OPEN)


def _release(draft: Draft, it: SocketDraft) -> None:
    """What held a contactor open lets go once it has been seen open and has rested."""
    memory = it.memory
    if memory.held_open is None or it.contactor is not ContactorState.OPEN or it.locked is not None:
        return
    if memory.breaker_open:
        return
    if it.opened_s is not None and draft.now_s - it.opened_s < it.socket.minimum_off_s:
        return
    if draft.freshness is Freshness.BLIND or draft.shutting_down:
        return
    memory.held_open = None
    memory.held_trip = False


def _shall_close(draft: Draft, it: SocketDraft, reserved_a: list[float]) -> bool:
    memory = it.memory
    memory.unpowered = None
    if memory.held_open is not None:
        return _waits_for_rest(draft, it)
    if it.locked is not None or it.contactor in _MUST_BE_SEEN_OPEN:
        return False
    if it.plain:
        return it.phase is SessionPhase.CHARGING
    if it.phase is SessionPhase.OPENING:
        return False
    if it.phase is SessionPhase.CHARGING or it.contactor in (ContactorState.CLOSED, ContactorState.CLOSING):
        return True
    if it.contactor is not ContactorState.OPEN or it.phase in ENDING:
        return False
    memory.unpowered = power_obstacle(draft, it, reserved_a)
    return memory.unpowered is None


def _waits_for_rest(draft: Draft, it: SocketDraft) -> bool:
    """A box is let down to below 1 A first, for at most 6 s, unless it is tripped."""
    memory = it.memory
    if memory.held_trip or it.plain or it.contactor is not ContactorState.CLOSED:
        return False
    draw_a = it.highest_draw_a
    return draw_a is not None and draw_a >= REST_A and draft.now_s - memory.held_since_s < REST_S


def _command(draft: Draft, it: SocketDraft, wanted: Position) -> None:
    memory = it.memory
    hot = it.highest_draw_a is None or it.highest_draw_a >= REST_A
    if memory.commanded is not wanted:
        if wanted is Position.OPEN:
            it.opened_s = draft.now_s
            memory.switchings += memory.commanded is Position.CLOSED
            memory.switchings_hot += memory.commanded is Position.CLOSED and hot
        memory.commanded = wanted
        memory.commanded_since_s = draft.now_s
    closes = wanted is Position.CLOSED
    move(draft, it, ContactorEvent.COMMANDED_CLOSED if closes else ContactorEvent.COMMANDED_OPEN)
    if wanted is Position.CLOSED:
        draft.wishes.append(Close(it.socket.id, it.because))
    else:
        draft.wishes.append(Open(it.socket.id, memory.held_open or it.because, trip=memory.held_trip))
