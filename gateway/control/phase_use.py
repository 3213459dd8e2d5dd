"""How many phases a car uses, where that decides whether it can charge.

A car that nobody knows counts on all phases of its socket. Where only its first phase has room (a single-phase cable
uses L1: IEC 61851-1, 6.3), it may charge on trial: at its least current, counted on that phase alone, until its meter
shows what it uses. On the other phases a trial needs proof: what is reserved there, what all trials might draw, and its
own least current stay below what the fuse carries for an hour (`PROOF_MULTIPLE`), and its heat budget lasts. If another
phase carries current, the session is paused at once and waits for room on all of them.
"""

from typing import Final

from gateway.control.derating import part_now
from gateway.control.draft import ALL_PHASES, STARTING, Draft, SocketDraft, traits
from gateway.control.grants import EXCESS_A, ORDERS, all_at_least
from gateway.control.guard import pause
from gateway.control.heat import HEAT_REDUCE, allowed_s
from gateway.control.phase_switching import FIRST_PHASE, switching
from gateway.control.powering import PROOF_MULTIPLE
from gateway.control.reservation import UNUSED_PHASE_A, USED_PHASE_A, all_reserved, draws_beyond
from gateway.control.state import SessionPhase
from gateway.site.because import Because, Why

TRIAL_S: Final = 20.0
"""So long a trial may take at most from the first ampere on another phase: read, told, obeyed (IEC 61851-1: 5 s)."""
TRIAL_SHOWN_S: Final = 10.0
"""A car that has drawn on its first phase alone for so long is a single-phase one."""
TRIAL_METER_AGE_S_MAX: Final = 5.0
FAILED_TRIALS_MAX: Final = 6
FAILED_TRIALS_REMEMBERED_S: Final = 86_400.0
"""Fuses age by overload, however short: so many failed trials a day at most."""
TRIAL_DOUBT_S: Final = 600.0
"""Where the last car used more phases the next one probably does: it is tried only after this wait."""


def watch_phases(draft: Draft) -> None:
    """What meters show of the cars' phases; to be called before anything is reserved."""
    for it in draft.each():
        if it.socket.wallbox is not None and len(it.places) > 1:
            _learn(draft, it)


def _learn(draft: Draft, it: SocketDraft) -> None:
    memory, draw = it.memory, it.draw_a
    used = memory.used
    if used is not None and draw is not None and draws_beyond(draw, used):
        it.widened = memory.wide = True
        memory.used = None
        it.used = ALL_PHASES
        if it.one_phase:
            it.one_phase = memory.used_by_box = False
            memory.phases_stuck = memory.phases_lied = True
    if draw is not None and it.phase is SessionPhase.CHARGING and max(draw[1], draw[2]) >= UNUSED_PHASE_A:
        memory.wide = True
    if memory.presumed and it.phase is not SessionPhase.CHARGING and it.phase not in STARTING:
        memory.presumed = False
        memory.used = None
    if it.phase is SessionPhase.PAUSED and memory.used is not None:
        it.used = memory.used
    if memory.presumed:
        _try(draft, it)
    elif it.settled and memory.used is not None and not memory.used_by_box:
        _teach(draft, it, sum(memory.used))


def _try(draft: Draft, it: SocketDraft) -> None:
    memory, draw = it.memory, it.draw_a
    if it.phase in STARTING and memory.used is not None:
        it.used = memory.used
    shows = draw is not None and draw[0] >= USED_PHASE_A and max(draw[1:]) < UNUSED_PHASE_A
    if it.phase is not SessionPhase.CHARGING or not shows:
        memory.shown_since_s = None
    elif memory.shown_since_s is None:
        memory.shown_since_s = draft.now_s
    elif draft.now_s - memory.shown_since_s >= TRIAL_SHOWN_S:
        memory.presumed = False
        _teach(draft, it, 1)


def _teach(draft: Draft, it: SocketDraft, phases: int) -> None:
    it.memory.taught_phases = phases
    token = None if it.session is None else it.session.token
    if token is not None and draft.memory.phases_by_token.get(token) != phases:
        draft.memory.phases_by_token = {**draft.memory.phases_by_token, token: phases}


def end_trials(draft: Draft) -> None:
    """Pauses cars that draw on a phase where they were not counted and have no room, and trials without proof."""
    trials = [it for it in draft.each() if it.phase is SessionPhase.CHARGING and (it.widened or it.memory.presumed)]
    for it in trials:
        memory = it.memory
        if it.widened:
            if memory.presumed:
                _failed(draft, it)
            least = all_at_least(draft)
            excess, place = max((least[place] - draft.limit_a[place], place) for place in it.all_places)
            if excess > EXCESS_A:
                fuse, phase = draft.tree.name(place)
                _wait(draft, it, Because(Why.PHASES_SHOWN, fuse, phase, excess))
        elif not trial_holds(draft, it):
            fuse, phase = draft.tree.name(it.all_places[-1])
            _wait(draft, it, Because(Why.ROOM_LOST, fuse, phase))


def _failed(draft: Draft, it: SocketDraft) -> None:
    memory = draft.memory
    it.memory.presumed = False
    memory.failed_trials_s = (*memory.failed_trials_s, draft.now_s)[-FAILED_TRIALS_MAX:]
    _teach(draft, it, len(it.places))
    draft.note(it, Because(Why.PHASES_SHOWN))


def _wait(draft: Draft, it: SocketDraft, because: Because) -> None:
    """Back to its place in the line."""
    pause(draft, it, because)
    it.memory.sliced = True
    it.memory.turned_away = True


def begin_trial(draft: Draft, it: SocketDraft) -> bool:
    """Counts a waiting car on its first phase from now on, if that is proven to be safe; whether it does."""
    memory = it.memory
    box = it.socket.wallbox
    if (
        box is None
        or len(it.places) < 2
        or switching(it) is not None
        or not draft.tree.site.rules.phase_trials
        or memory.wide
        or not it.obeys
    ):
        return False
    token = None if it.session is None else it.session.token
    by_token = None if token is None else draft.memory.phases_by_token.get(token)
    taught = by_token or memory.taught_phases or 1
    waited_s = 0.0 if it.session is None else draft.now_s - it.session.phase_since_s
    if taught > 1 and (by_token is not None or waited_s < TRIAL_DOUBT_S):
        return False
    failed = [at_s for at_s in draft.memory.failed_trials_s if draft.now_s - at_s < FAILED_TRIALS_REMEMBERED_S]
    if len(failed) >= FAILED_TRIALS_MAX or not trial_holds(draft, it):
        return False
    memory.presumed = True
    memory.used = it.used = FIRST_PHASE
    return True


def trial_holds(draft: Draft, it: SocketDraft) -> bool:
    """Whether the phases on which a trial is not counted could carry it for as long as it takes to see it."""
    if it.meter_age_s > TRIAL_METER_AGE_S_MAX:
        return False
    total = all_reserved(draft)
    for other in draft.each():
        if other is not it and other.memory.presumed:
            _add_hidden(total, other)
    _add_hidden(total, it)
    for path in it.places[1:]:
        for place in path:
            fuse = draft.tree.fuses[place // 3]
            if _is_ordered(draft, place) and total[place] > draft.limit_a[place] + EXCESS_A:
                return False
            multiple = total[place] / (fuse.rating_a * part_now(draft, fuse))
            if multiple > PROOF_MULTIPLE[fuse.kind]:
                return False
            if draft.heat[place] + TRIAL_S / allowed_s(fuse, multiple) >= HEAT_REDUCE:
                return False
    return True


def _is_ordered(draft: Draft, place: int) -> bool:
    """Whether somebody outside has ordered what this fuse phase may carry: that is not tried out, however briefly."""
    because = draft.lowered_by.get(place)
    return because is not None and because.why in ORDERS


def _add_hidden(total: list[float], it: SocketDraft) -> None:
    for path in it.places[1:]:
        for place in path:
            total[place] += traits(it).minimum_a
