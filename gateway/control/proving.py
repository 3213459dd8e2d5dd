"""Room for a box to be proven: behind an open contactor, never seen to obey, it counts for much and has no session,
since nobody sees its plug before it has power. It waits no longer than the first in the line; then others make way.
"""

from typing import Final

from gateway.control.draft import Draft, SocketDraft
from gateway.control.grants import can_yield
from gateway.control.powering import alone_a, power_limit_a, turn_to_be_powered_s
from gateway.control.state import ContactorState
from gateway.quantities import ZERO_PER_PHASE
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness

KEPT_S_MAX: Final = 120.0
"""Others are kept down for no longer at a time; a box that could not be powered by then waits anew."""
MARGIN_A: Final = 0.5
"""Cars draw a few tenths more than they are told."""


def keep_room_for_proof(draft: Draft) -> None:
    """Lowers the limits of all others above the box that has waited longest, of those whose turn has come."""
    due: list[tuple[float, int, SocketDraft]] = []
    for it in draft.each():
        _follow(draft, it)
        if _is_due(draft, it):
            due.append((it.memory.unproven_since_s or 0.0, len(due), it))
    if not due or draft.freshness is not Freshness.FRESH or draft.shutting_down:
        return
    fixed_a = draft.tree.summed(
        draft.base_a, ((one.taps, ZERO_PER_PHASE if can_yield(one) else one.soon_a) for one in draft.each())
    )
    for _, _, it in sorted(due):
        left_a = {place: power_limit_a(draft, it, place) - alone_a(it) for place in it.all_places}
        if all(fixed_a[place] <= amps for place, amps in left_a.items()):
            _keep(draft, it, left_a)
            return


def _follow(draft: Draft, it: SocketDraft) -> None:
    memory = it.memory
    box = it.socket.contactor and it.socket.wallbox is not None and it.locked is None
    if not box or memory.obeyed_before or it.contactor is not ContactorState.OPEN:
        memory.unproven_since_s = memory.room_kept_since_s = None
    elif memory.unproven_since_s is None:
        memory.unproven_since_s = draft.now_s
    elif memory.room_kept_since_s is not None and draft.now_s - memory.room_kept_since_s >= KEPT_S_MAX:
        memory.unproven_since_s, memory.room_kept_since_s = draft.now_s, None


def _is_due(draft: Draft, it: SocketDraft) -> bool:
    unpowered = it.memory.unpowered
    return unpowered is not None and unpowered.why is Why.POWER_WAITS and draft.now_s >= turn_to_be_powered_s(draft, it)


def _keep(draft: Draft, it: SocketDraft, left_a: dict[int, float]) -> None:
    if it.memory.room_kept_since_s is None:
        it.memory.room_kept_since_s = draft.now_s
    for place, amps in left_a.items():
        draft.limit_before_proof_a[place] = draft.limit_a[place]
        draft.lower(place, amps - MARGIN_A, Because(Why.ROOM_FOR_PROOF))


def give_back_limits(draft: Draft) -> None:
    """What a fuse bears is shown as it is: only those that share it were to keep below."""
    for place, limit_a in draft.limit_before_proof_a.items():
        draft.limit_a[place] = limit_a
