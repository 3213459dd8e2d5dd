"""Whether an idle box behind an open contactor may have its power back: room for what it might draw by itself."""

from math import inf
from typing import Final

from gateway.control.derating import part_now
from gateway.control.draft import Draft, SocketDraft
from gateway.control.state import ContactorState
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.topology import FuseKind

PROOF_MULTIPLE: Final = {FuseKind.GG: 1.25, FuseKind.B: 1.13, FuseKind.C: 1.13}
"""A box that never obeyed may be powered to show whether it does, if even its rating stays below this multiple: a fuse
carries it for an hour (IEC 60269-1, IEC 60898-1), and the box is tripped after 6 s."""


def power_obstacle(draft: Draft, it: SocketDraft, reserved_a: list[float]) -> Because | None:
    """Why it may not, with the fuse phase and the amperes that are missing; None: it may.

    reserved_a: what is counted now, per fuse phase; what the box might draw alone is added to it.
    """
    grid = draft.snapshot.grid.why
    if draft.freshness is not Freshness.FRESH:
        return Because(grid or Why.GRID_STALE)
    if not draft.snapshot.journal_accepts:
        return Because(Why.JOURNAL_STOPPED)
    if it.draw_a is None:
        return Because(Why.SOCKET_METER_SILENT)
    rested_s = (it.opened_s or 0.0) + it.socket.minimum_off_s
    if it.opened_s is not None and draft.now_s < rested_s:
        return Because(Why.MINIMUM_OFF, until_s=rested_s)
    if not _is_bounded(it) and any(_being_proven(other) for other in draft.each()):
        return Because(Why.QUEUED_BEHIND)
    needs_a = alone_a(it)
    tree = draft.tree
    missing_a, short = -1.0, it.all_places[0]
    for own, path in enumerate(it.places):
        for place in path:
            more_a = max(0.0, needs_a - it.reserved_a[own])
            over_a = reserved_a[place] + more_a - power_limit_a(draft, it, place)
            missing_a, short = max((missing_a, short), (over_a, place))
    if missing_a > 0.0:
        fuse, phase = tree.name(short)
        turn_s = turn_to_be_powered_s(draft, it)
        return Because(Why.POWER_WAITS, fuse, phase, missing_a, turn_s if draft.now_s < turn_s < inf else None)
    for own, path in enumerate(it.places):
        for place in path:
            reserved_a[place] += max(0.0, needs_a - it.reserved_a[own])
    it.obeys = it.memory.obeyed_before or it.obeys
    return None


def alone_a(it: SocketDraft) -> float:
    """What its box might draw by itself once it has power (A)."""
    if it.memory.obeyed_before:
        return 0.0
    box = it.socket.wallbox
    return it.socket.rating_a if box is None or box.failsafe_a is None else box.failsafe_a


def power_limit_a(draft: Draft, it: SocketDraft, place: int) -> float:
    """What a fuse phase above it may be counted for when it gets its power (A)."""
    fuse = draft.tree.fuses[place // 3]
    multiple = 1.0 if _is_bounded(it) else PROOF_MULTIPLE[fuse.kind]
    return max(draft.limit_a[place], fuse.rating_a * part_now(draft, fuse) * multiple)


def turn_to_be_powered_s(draft: Draft, it: SocketDraft) -> float:
    """When others make way for a box that was never seen to obey: as it would for the first in the line, after a slice;
    infinite for one that was."""
    since_s = it.memory.unproven_since_s
    rules = draft.tree.site.rules
    return inf if since_s is None else since_s + min(rules.slice_s, rules.patience_s)


def _is_bounded(it: SocketDraft) -> bool:
    """Whether its box is known to keep to something by itself: it obeyed before, or has a failsafe current."""
    box = it.socket.wallbox
    return it.memory.obeyed_before or (box is not None and box.failsafe_a is not None)


def _being_proven(it: SocketDraft) -> bool:
    return (
        it.socket.wallbox is not None
        and it.contactor in (ContactorState.CLOSED, ContactorState.CLOSING)
        and not it.obeys
    )
