"""Whether an idle box behind an open contactor may have its power back: room for what it might draw by itself."""

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
    box = it.socket.wallbox
    failsafe_a = None if box is None else box.failsafe_a
    proven = it.memory.obeyed_before or failsafe_a is not None
    if not proven and any(_being_proven(other) for other in draft.each()):
        return Because(Why.QUEUED_BEHIND)
    alone_a = 0.0 if it.memory.obeyed_before else it.socket.rating_a if failsafe_a is None else failsafe_a
    tree = draft.tree
    missing_a, short = -1.0, it.all_places[0]
    for own, path in enumerate(it.places):
        for place in path:
            fuse_above = tree.fuses[place // 3]
            multiple = 1.0 if proven else PROOF_MULTIPLE[fuse_above.kind]
            bound_a = max(draft.limit_a[place], fuse_above.rating_a * part_now(draft, fuse_above) * multiple)
            more_a = max(0.0, alone_a - it.reserved_a[own])
            missing_a, short = max((missing_a, short), (reserved_a[place] + more_a - bound_a, place))
    if missing_a > 0.0:
        fuse, phase = tree.name(short)
        return Because(Why.POWER_WAITS, fuse, phase, missing_a)
    for own, path in enumerate(it.places):
        for place in path:
            reserved_a[place] += max(0.0, alone_a - it.reserved_a[own])
    it.obeys = it.memory.obeyed_before or it.obeys
    return None


def _being_proven(it: SocketDraft) -> bool:
    return (
        it.socket.wallbox is not None
        and it.contactor in (ContactorState.CLOSED, ContactorState.CLOSING)
        and not it.obeys
    )
