"""Who goes before whom: the policy of the site, the plan of each session, and what keeps everybody's wait bounded.

Three classes. First those who have waited longer than the site's patience, whoever they are; then those who lack their
minimum energy; then all others by the policy. Within a class the earlier place goes first. So nobody waits for longer
than the patience, one slice of whoever charges, and the slices of those whose patience was over before; the time in
which a price held it back does not count.
"""

from math import inf
from typing import Final

from gateway.control.draft import ENDING, Draft, SocketDraft
from gateway.control.state import SessionPhase
from gateway.site.because import Why
from gateway.site.topology import Policy

Rank = tuple[int, float, int]
"""Class, what the policy goes by, place; the smaller is earlier."""

OUT_OF_PATIENCE: Final = 0
LACKS_MINIMUM: Final = 1
BY_POLICY: Final = 2
VOLTS: Final = 230.0
DEPARTED_S: Final = 3600.0
"""A car that is still there so long after its departure is in no hurry any more."""
ENERGY_STEP_KWH: Final = 0.5
"""Differences below this are none: nobody is sent away for a tenth of a kilowatt hour."""
REASONS: Final = {
    Policy.FIFO: Why.QUEUED,
    Policy.EQUAL: Why.QUEUED_EQUAL,
    Policy.PRIORITY: Why.QUEUED_PRIORITY,
    Policy.DEPARTURE: Why.QUEUED_DEPARTURE,
    Policy.SOLAR: Why.QUEUED,
}
"""What one is told who waits because another goes before it by the policy."""


def follow_waits(draft: Draft) -> None:
    """Since when each session has waited to charge. A car that sleeps and made way waits too: it may have woken since,
    and only a turn can show that."""
    for it in draft.each():
        memory = it.memory
        if it.session is None or it.phase is SessionPhase.CHARGING:
            memory.waits_since_s = None
        elif memory.waits_since_s is None:
            memory.waits_since_s = draft.now_s


def wait_outside_the_line(draft: Draft, it: SocketDraft) -> None:
    """What it waits for now is not its turn: the time since the last tick takes nothing of its patience."""
    since_s = it.memory.waits_since_s
    if since_s is not None:
        it.memory.waits_since_s = min(draft.now_s, since_s + draft.elapsed_s)


def rank(draft: Draft, it: SocketDraft) -> Rank:
    """Where it stands among all, whether it waits or charges."""
    stands, by_policy = standing(draft, it)
    return stands, by_policy, it.memory.place


def standing(draft: Draft, it: SocketDraft) -> tuple[int, float]:
    """Its rank without its place: those that are equal in it take turns."""
    if out_of_patience(draft, it):
        return OUT_OF_PATIENCE, 0.0
    if lacks_minimum(it):
        return LACKS_MINIMUM, 0.0
    return BY_POLICY, _by_policy(draft, it)


def out_of_patience(draft: Draft, it: SocketDraft) -> bool:
    """Whether it has waited for as long as anybody may have to."""
    since_s = it.memory.waits_since_s
    return since_s is not None and draft.now_s - since_s >= draft.tree.site.rules.patience_s


def stands_aside(draft: Draft, it: SocketDraft) -> bool:
    """Whether its car sleeps and leaves the room to all others, until its patience is over too."""
    return it.memory.yielded and not out_of_patience(draft, it)


def lacks_minimum(it: SocketDraft) -> bool:
    """Whether it has not got the energy that everybody on this socket, or by its own plan, gets first."""
    return missing_kwh(it) > 0.0


def missing_kwh(it: SocketDraft) -> float:
    """What it still lacks of that energy, 0 if nothing."""
    said = it.memory.plan.minimum_kwh
    minimum_kwh = it.socket.minimum_kwh if said is None else said
    return max(0.0, minimum_kwh - energy_kwh(it)) if minimum_kwh > 0.0 else 0.0


def served_first(draft: Draft, it: SocketDraft) -> bool:
    """Whether it gets what it needs from the grid under the solar policy, before the surplus is dealt out."""
    if draft.tree.site.rules.policy is not Policy.SOLAR or it.phase is None or it.phase in ENDING:
        return False
    turn_until_s = it.memory.grid_until_s
    return lacks_minimum(it) or (turn_until_s is not None and draft.now_s < turn_until_s)


def energy_kwh(it: SocketDraft) -> float:
    """What its session has drawn by its meter, 0 while that is not known."""
    begin = None if it.session is None else it.session.begin
    now = it.sight.reading
    if begin is None or now is None or begin.energy_import is None or now.energy_import is None:
        return 0.0
    return max(0.0, float(now.energy_import.kwh - begin.energy_import.kwh))


def _by_policy(draft: Draft, it: SocketDraft) -> float:
    match draft.tree.site.rules.policy:
        case Policy.EQUAL:
            return energy_kwh(it) // ENERGY_STEP_KWH
        case Policy.PRIORITY:
            said = it.memory.plan.priority
            return -float(it.socket.priority if said is None else said)
        case Policy.DEPARTURE:
            return _slack_s(draft, it)
    return 0.0


def _slack_s(draft: Draft, it: SocketDraft) -> float:
    """How long it could still wait and leave with its energy; infinite where that is not known or our clock is not
    trusted."""
    plan = it.memory.plan
    if plan.departs_at is None or not draft.now.utc_trust.is_proven:
        return inf
    left_s = (plan.departs_at - draft.now.utc).total_seconds()
    if left_s < -DEPARTED_S:
        return inf
    wants_kwh = 0.0 if plan.energy_kwh is None else max(0.0, plan.energy_kwh - energy_kwh(it))
    power_kw = it.socket.rating_a * len(it.places) * VOLTS / 1000.0
    return left_s - 3600.0 * wants_kwh / power_kw


def weight(it: SocketDraft) -> float:
    """Its part of what is shared, beside the others'."""
    said = it.memory.plan.weight
    return it.socket.weight if said is None else said


def last_charging(draft: Draft) -> dict[int, tuple[int, float]]:
    """Per fuse phase, how the last of those stands that charge there."""
    last: dict[int, tuple[int, float]] = {}
    for it in draft.each():
        if it.phase is SessionPhase.CHARGING:
            own = standing(draft, it)
            for place in it.places_used:
                last[place] = max(own, last.get(place, own))
    return last


def why_it_waits(draft: Draft, it: SocketDraft, last: tuple[int, float] | None) -> Why:
    """For want of room by itself, or because all that charge on that fuse phase go before it, by what."""
    own = standing(draft, it)
    if last is None or last >= own:
        return Why.QUEUED
    return Why.QUEUED_MINIMUM if last[0] == LACKS_MINIMUM < own[0] else REASONS[draft.tree.site.rules.policy]
