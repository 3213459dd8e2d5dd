"""Cars that draw nothing: full ones end, sleeping ones are woken once and then named.

A sleeping car keeps its least current while there is room for it (some never wake from 0 A), and makes way for one that
waits (`queue`). One that does not charge again after a pause gets its setpoint taken away and given back once.
"""

from typing import Final

from gateway.control.draft import Draft, SocketDraft
from gateway.control.guard import pause
from gateway.control.sessions import end_session
from gateway.control.state import SessionPhase
from gateway.site.because import Because, Why
from gateway.site.wishes import EndKind

SLEEPS_BELOW_A: Final = 1.0
"""A car that draws less is full, asleep, or waits for its own clock; it makes way for one that waits."""
WAKES_AFTER_S: Final = 120.0
"""So long a car may take to charge again after a pause."""
WAKE_PAUSE_S: Final = 10.0


def follow_sleepers(draft: Draft) -> None:
    """Ends full cars' sessions, wakes sleepers and names those that do not wake."""
    for it in draft.each():
        if it.socket.wallbox is not None and it.highest_draw_a is not None:
            _follow(draft, it, it.highest_draw_a)


def _follow(draft: Draft, it: SocketDraft, draw_a: float) -> None:
    memory = it.memory
    stands_by = it.phase is SessionPhase.CHARGING or (it.phase is SessionPhase.PAUSED and memory.yielded)
    if not stands_by:
        memory.resting_car_since_s = None
        return
    if draw_a >= SLEEPS_BELOW_A:
        memory.has_drawn = True
        memory.resting_car_since_s = None
        memory.returned = memory.woken = memory.told_asleep = False
        return
    if memory.resting_car_since_s is None:
        memory.resting_car_since_s = draft.now_s
    rests_s = draft.now_s - memory.resting_car_since_s
    rules = draft.tree.site.rules
    if rests_s >= (rules.full_end_s if memory.has_drawn else rules.standby_end_s):
        why = Why.CAR_FULL if memory.has_drawn else Why.CAR_STANDBY
        end_session(draft, it, EndKind.COMPLETED, Because(why))
    elif it.phase is SessionPhase.CHARGING and memory.returned and memory.has_drawn and rests_s >= WAKES_AFTER_S:
        _wake(draft, it)


def _wake(draft: Draft, it: SocketDraft) -> None:
    memory = it.memory
    if not memory.woken:
        memory.woken = True
        pause(draft, it, Because(Why.CAR_WAKES))
        memory.pauses = 0
        memory.return_after_s = draft.now_s + WAKE_PAUSE_S
    elif not memory.told_asleep:
        memory.told_asleep = True
        draft.note(it, Because(Why.CAR_ASLEEP))
