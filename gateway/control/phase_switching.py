"""Boxes that offer one phase or three: one where only the first phase has room, three again where that stays good.

A session is stopped first (setpoint 0, less than 1 A seen), the box is told, it must say that it has switched and gets
the rest that its maker asks for; then the session goes on from its least current, counted by the phases that the box
says. Relays wear: after a switching the box rests, and so many a day are the most.
"""

from typing import Final

from gateway.control.contactors import since
from gateway.control.draft import Draft, SocketDraft
from gateway.control.guard import pause
from gateway.control.reservation import all_reserved
from gateway.control.state import SessionPhase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.topology import PhaseSwitching
from gateway.site.wishes import SetPhases

FIRST_PHASE: Final = (True, False, False)
SWITCH_REST_S: Final = 600.0
"""Between two switchings of a box."""
SWITCHINGS_MAX: Final = 20
SWITCHINGS_REMEMBERED_S: Final = 86_400.0
WIDENS_AFTER_S: Final = 600.0
"""Three phases must have had room for so long before a car is stopped for them."""
WIDENS_GAIN: Final = 1.2
"""And must promise so many times the power."""
WIDENS_MARGIN_A: Final = 1.0
SAYS_S: Final = 60.0
"""After its rest, so long a box may take to say that it has switched, and to come back to what it was told if it has
forgotten that: it may have been started again, or say its phases seldom."""
STILL_A: Final = 1.0


def switching(it: SocketDraft) -> PhaseSwitching | None:
    """How its box switches; None: it cannot, or it has not done what it was told."""
    box = it.socket.wallbox
    if box is None or len(it.places) < 3 or it.memory.phases_stuck:
        return None
    return box.switching


def watch_switching(draft: Draft) -> None:
    """What the boxes say of the phases that they offer; to be called before `watch_phases`."""
    for it in draft.each():
        if it.socket.wallbox is not None and it.socket.wallbox.switching is not None and len(it.places) == 3:
            _watch(draft, it)


def _watch(draft: Draft, it: SocketDraft) -> None:
    memory = it.memory
    way = switching(it)
    said = _said(it)
    if way is not None and memory.phases_told is None:
        memory.phases_told = said
        memory.phases_told_s = draft.now_s - way.pause_s
    astray = it.heard and memory.phases_told is not None and said != memory.phases_told
    memory.phases_astray_since_s = since(memory.phases_astray_since_s, astray, draft.now_s)
    astray_s = memory.phases_astray_since_s
    if way is not None and astray_s is not None:
        late_s = max(astray_s, memory.phases_told_s) + way.pause_s + SAYS_S
        memory.phases_stuck = memory.phases_stuck or draft.now_s >= late_s
    _watch_return(draft, it, said)
    it.one_phase = said == 1 and memory.phases_told == 1 and not memory.phases_stuck
    if it.one_phase:
        it.used = FIRST_PHASE
        if it.session is not None and (memory.used != FIRST_PHASE or memory.presumed):
            memory.used = FIRST_PHASE
            memory.used_by_box = True
            memory.presumed = False
    elif memory.used_by_box:
        memory.used = None
        memory.used_by_box = False
        it.widened = it.phase is SessionPhase.CHARGING


def _watch_return(draft: Draft, it: SocketDraft, said: int | None) -> None:
    """A box that was late is trusted again when it has said for a while what it was told, with nothing flowing. One
    whose meter showed that it says what is not so may have a relay that has welded: a person has to look."""
    memory = it.memory
    returns = memory.phases_stuck and not memory.phases_lied and it.heard and said is not None
    returns = returns and said == memory.phases_told and _stands_still(it)
    memory.phases_right_since_s = since(memory.phases_right_since_s, returns, draft.now_s)
    if memory.phases_right_since_s is not None and draft.now_s - memory.phases_right_since_s >= SAYS_S:
        free_switching(it)
        draft.note(it, Because(Why.OBEYS_AGAIN))


def free_switching(it: SocketDraft) -> bool:
    """A box that was stuck is told phases again, from those that it says now; whether it was stuck."""
    memory = it.memory
    was_stuck = memory.phases_stuck
    if was_stuck:
        memory.phases_stuck = memory.phases_lied = False
        memory.phases_told = memory.phases_astray_since_s = memory.phases_right_since_s = None
    return was_stuck


def _said(it: SocketDraft) -> int | None:
    sight = it.sight.wallbox
    return None if sight is None or not it.heard else sight.phases


def switching_obstacle(draft: Draft, it: SocketDraft) -> Because | None:
    """A box that is being switched starts nothing."""
    way = switching(it)
    told = it.memory.phases_told
    if way is None or told is None:
        return None
    until_s = it.memory.phases_told_s + way.pause_s
    if _said(it) == told and draft.now_s >= until_s:
        return None
    return _switched(told, max(until_s, draft.now_s))


def _switched(phases: int, until_s: float | None = None) -> Because:
    return Because(Why.PHASES_TO_ONE if phases == 1 else Why.PHASES_TO_THREE, until_s=until_s)


def switch(draft: Draft, it: SocketDraft, phases: int) -> bool:
    """Lets a waiting session's box offer so many phases, when it has rested and nothing flows; whether it is held up
    for that. `False`: it may not be switched now."""
    memory = it.memory
    if not _may_switch(draft, it, phases):
        return False
    it.because = _switched(phases)
    if _stands_still(it):
        memory.phases_told = phases
        memory.phases_told_s = draft.now_s
        memory.phase_switchings_s = (*memory.phase_switchings_s, draft.now_s)[-SWITCHINGS_MAX:]
        memory.fits_since_s = None
    return True


def _stands_still(it: SocketDraft) -> bool:
    draw_a = it.highest_draw_a
    return it.granted_a == 0.0 and draw_a is not None and draw_a < STILL_A


def _may_switch(draft: Draft, it: SocketDraft, phases: int) -> bool:
    memory = it.memory
    if switching(it) is None or memory.phases_told is None or memory.phases_told == phases:
        return False
    lately = memory.phase_switchings_s
    if lately and draft.now_s - lately[-1] < SWITCH_REST_S:
        return False
    return len(lately) < SWITCHINGS_MAX or draft.now_s - lately[0] >= SWITCHINGS_REMEMBERED_S


def widen(draft: Draft) -> None:
    """Stops a car that charges on one phase when three have had room for long; it comes back on three."""
    reserved: list[float] | None = None
    for it in draft.each():
        memory = it.memory
        single = not memory.used_by_box or memory.taught_phases == 1
        if (
            not it.one_phase
            or single
            or it.phase is not SessionPhase.CHARGING
            or draft.freshness is not Freshness.FRESH
        ):
            memory.three_fit_since_s = None
            continue
        reserved = reserved or all_reserved(draft)
        if not _promises(draft, it, reserved):
            memory.three_fit_since_s = None
        elif memory.three_fit_since_s is None:
            memory.three_fit_since_s = draft.now_s
        elif draft.now_s - memory.three_fit_since_s >= WIDENS_AFTER_S and _may_switch(draft, it, 3):
            memory.three_fit_since_s = None
            pause(draft, it, _switched(3))
            memory.pauses = 0
            memory.return_after_s = 0.0


def _promises(draft: Draft, it: SocketDraft, reserved: list[float]) -> bool:
    """Whether what is free gives three phases clearly more than one, and more than the least."""
    own_a = it.reserved_a[0]
    free_a = [min(draft.limit_a[place] - reserved[place] for place in path) for path in it.places]
    one_a = min(it.cap_a, free_a[0] + own_a)
    three_a = min(it.cap_a, free_a[0] + own_a, free_a[1], free_a[2])
    return three_a >= it.need_a + WIDENS_MARGIN_A and 3.0 * three_a >= WIDENS_GAIN * one_a


def wish_phases(draft: Draft) -> None:
    """What every box that can switch shall offer, each tick in which nothing flows: one that has forgotten what it was
    told must not switch under load either. One that is stuck is left as it is."""
    for it in draft.each():
        told = it.memory.phases_told
        if told is not None and switching(it) is not None and _stands_still(it):
            draft.wishes.append(SetPhases(it.socket.id, told, it.because))
