"""Time slices: where not all fit at their least current, each charges for a slice and then goes to the end of the line.

Nobody makes way before its slice is over, and one whose slice is over waits as long as a slice before it may end
another's: so a contactor switches at most once per slice, and everybody's turn comes. A slice is time charged: pauses
for want of room neither use it up nor begin it anew, but one of which little is left is not come back for.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gateway.control.draft import Draft, SocketDraft
from gateway.control.grants import EXCESS_A, least
from gateway.control.guard import CAME_BACK_FOR_GOOD_S, pause
from gateway.control.ranking import standing, stands_aside
from gateway.control.reservation import add, reserve_again
from gateway.control.state import SessionPhase
from gateway.ids import FuseId
from gateway.site.because import Because, Why

OUTRANKED: Final = frozenset({Why.QUEUED_MINIMUM, Why.QUEUED_EQUAL, Why.QUEUED_PRIORITY, Why.QUEUED_DEPARTURE})
"""Who waits for one of these waits for the end of its patience, and for no slice."""


TELLS_TURN: Final = OUTRANKED | {Why.QUEUED, Why.SESSIONS_MAX}
"""Where `until_s` is when one's turn comes at the latest."""


def waits_for_turn(it: SocketDraft) -> bool:
    """Whether its session stands in the line: never begun, or begun and its slice over."""
    return it.phase is SessionPhase.QUEUED or (it.phase is SessionPhase.PAUSED and it.memory.sliced)


def count_turns(draft: Draft) -> None:
    """How long each has charged in this turn of its own."""
    for it in draft.each():
        if it.phase is SessionPhase.CHARGING:
            it.memory.turn_used_s += draft.elapsed_s


def end_broken_turns(draft: Draft, waiting: Iterable[SocketDraft]) -> None:
    """Those who were paused near the end of their slice go to the end of the line, if one waits there whom they would
    keep waiting. waiting: who waits for whatever reason, but for such as could not begin."""
    slice_s = draft.tree.site.rules.slice_s
    line = [it for it in waiting if waits_for_turn(it)]
    for it in draft.each() if line else ():
        used_up = it.memory.turn_used_s > slice_s - CAME_BACK_FOR_GOOD_S
        if it.phase is not SessionPhase.PAUSED or it.memory.sliced or it.memory.yielded or not used_up:
            continue
        own = standing(draft, it)
        if any(standing(draft, one) <= own and _compete(draft, one, it) for one in line):
            _stand_at_the_end(draft, it)


def _compete(draft: Draft, one: SocketDraft, other: SocketDraft) -> bool:
    """Whether they share a fuse phase, or a fuse that bears only so many sessions."""
    if set(one.places_used).intersection(other.places_used):
        return True
    above = draft.tree.site.fuses_above
    fewest = {fuse.id for fuse in above(one.socket.id) if fuse.sessions_max is not None}
    return any(fuse.id in fewest for fuse in above(other.socket.id))


def end_slices(
    draft: Draft, lacking: Sequence[SocketDraft], least_a: Sequence[float], sessions: Mapping[FuseId, int]
) -> None:
    """Ends the slices of those who charged longest, for the first in the line who can be let in by it. Nobody makes way
    for one that it goes before by the site's policy.

    least_a: what all count for at least, per fuse phase; sessions: how many run below each fuse.
    """
    over = [it for it in draft.each() if _slice_is_over(draft, it)]
    if not over:
        return
    over.sort(key=lambda one: -one.memory.turn_used_s)
    stands = {one.socket.id: standing(draft, one) for one in over}
    over.sort(key=lambda one: stands[one.socket.id], reverse=True)
    for it in lacking:
        if not _may_end_a_slice(draft, it):
            continue
        own = standing(draft, it)
        leave = _who_leaves(draft, it, [one for one in over if own <= stands[one.socket.id]], least_a, sessions)
        for one in leave:
            _goes_to_the_end(draft, one)
        if leave:
            return


def _who_leaves(
    draft: Draft,
    it: SocketDraft,
    over: Iterable[SocketDraft],
    least_a: Sequence[float],
    sessions: Mapping[FuseId, int],
) -> list[SocketDraft]:
    """As few as let this one in, of those who share a fuse phase with it or a fuse with no session to spare; nobody if
    it would not fit without all of them."""
    left_a = list(least_a)
    count = dict(sessions)
    above = draft.tree.site.fuses_above
    crowded = {
        fuse.id
        for fuse in above(it.socket.id)
        if fuse.sessions_max is not None and count.get(fuse.id, 0) >= fuse.sessions_max
    }
    leave: list[SocketDraft] = []
    for one in over:
        in_the_way = crowded.intersection(fuse.id for fuse in above(one.socket.id))
        if not in_the_way and not set(one.places_used).intersection(it.places_used):
            continue
        leave.append(one)
        own = least(draft, one)
        add(left_a, one, (-own[0], -own[1], -own[2]))
        for fuse in above(one.socket.id):
            count[fuse.id] -= 1
        if _fits(draft, it, left_a, count):
            return leave
    return []


def _fits(draft: Draft, it: SocketDraft, least_a: Sequence[float], sessions: Mapping[FuseId, int]) -> bool:
    fuses = draft.tree.site.fuses_above(it.socket.id)
    return all(fuse.sessions_max is None or sessions.get(fuse.id, 0) < fuse.sessions_max for fuse in fuses) and all(
        least_a[place] + it.need_a <= draft.limit_a[place] + EXCESS_A for place in it.places_used
    )


def _slice_is_over(draft: Draft, it: SocketDraft) -> bool:
    return it.phase is SessionPhase.CHARGING and it.memory.turn_used_s >= draft.tree.site.rules.slice_s


def _may_end_a_slice(draft: Draft, it: SocketDraft) -> bool:
    if it.phase is SessionPhase.QUEUED or it.memory.turned_away:
        return True
    return not stands_aside(draft, it) and draft.now_s - _phase_since_s(it) >= draft.tree.site.rules.slice_s


def _phase_since_s(it: SocketDraft) -> float:
    return 0.0 if it.session is None else it.session.phase_since_s


def _goes_to_the_end(draft: Draft, it: SocketDraft) -> None:
    pause(draft, it, Because(Why.SLICE_OVER))
    _stand_at_the_end(draft, it)
    reserve_again(draft, it)


def _stand_at_the_end(draft: Draft, it: SocketDraft) -> None:
    memory = it.memory
    memory.pauses = 0
    memory.return_after_s = memory.turn_used_s = 0.0
    memory.sliced = True
    memory.place = draft.memory.next_place
    draft.memory.next_place += 1


def tell_turns(draft: Draft, lacking: Sequence[SocketDraft]) -> None:
    """When each that waits for room will be let in at the latest, if nobody leaves and the house stays as it is."""
    slice_s = draft.tree.site.rules.slice_s
    if slice_s == float("inf"):
        return
    ends: dict[int, list[float]] = {}
    for it in lacking:
        place = it.places_used[-1]
        if place not in ends:
            ends[place] = [
                draft.now_s + max(0.0, slice_s - one.memory.turn_used_s)
                for one in draft.each()
                if one.phase is SessionPhase.CHARGING and place in one.places_used
            ]
            heapq.heapify(ends[place])
        if not ends[place]:
            continue
        turn_s = heapq.heappop(ends[place])
        if it.because.why in OUTRANKED:
            turn_s = max(turn_s, (it.memory.waits_since_s or draft.now_s) + draft.tree.site.rules.patience_s)
        if it.phase is SessionPhase.PAUSED:
            turn_s = max(turn_s, _phase_since_s(it) + slice_s)
        heapq.heappush(ends[place], turn_s + slice_s)
        if turn_s > draft.now_s:
            it.because = replace(it.because, until_s=turn_s)
