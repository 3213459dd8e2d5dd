"""A phase that is dead while others live: one link of three has blown, and nobody sees it but the meters.

The grid meter shows the main fuse, sockets' meters show the fuses below. It is named at the highest fuse below which
every meter that can tell shows the same phase dead. No session begins on it; a car that charges decides for itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from gateway.control.draft import Draft, SocketDraft
from gateway.control.estimate import SOCKET_METER_QUIET_S
from gateway.control.state import SessionPhase
from gateway.ids import SocketId
from gateway.quantities import PHASES, MaybePerPhase
from gateway.site.because import Because, Why

DEAD_V: Final = 100.0
"""A motor may feed some tens of volts back into a dead phase."""
LIVE_V: Final = 180.0
DEAD_A: Final = 0.5
TELEGRAMS: Final = 2
CERTAIN_S: Final = 25.0
"""By then the grid meter has said twice whether it is the main fuse (a telegram each 10 s)."""


def find_dead_phases(draft: Draft) -> None:
    """Finds and names dead phases, tells people once, and holds back those who would begin on one."""
    seen = draft.restraints.dead
    grid = _grid_evidence(draft, seen.telegrams)
    main = draft.tree.main
    since = dict(seen.since_s)
    dead: set[int] = {main + phase for phase in PHASES if grid[phase] >= TELEGRAMS and _is_used(draft, main + phase)}
    live: set[int] = {main + phase for phase in PHASES if grid[phase] < 0}
    shown_dead: set[int] = set()
    own_dead: dict[SocketId, int] = {}
    for it in draft.each():
        said = _socket_evidence(it)
        if said is _ALIVE and not since:
            continue  # none has been dead for long, so that it does not matter which live
        for own, evidence in enumerate(said):
            key = (it.socket.id, own)
            if evidence is not True:
                since.pop(key, None)
            if evidence is False:
                live.update(it.places[own])
            if evidence is True and draft.now_s - since.setdefault(key, draft.now_s) >= CERTAIN_S:
                own_dead[it.socket.id] = it.places[own][0]
                shown_dead.update(it.places[own])
    for it in draft.each() if shown_dead else ():
        for path in it.places:
            top = [place for place in path if place in shown_dead and place not in live]
            if top:
                dead.add(top[-1])
    for place in sorted(dead - seen.places):
        fuse, phase = draft.tree.name(place)
        draft.note(None, Because(Why.DEAD_PHASE, fuse, phase))
    draft.restraints = replace(
        draft.restraints, dead=replace(seen, places=frozenset(dead), telegrams=grid, since_s=since)
    )
    if dead or own_dead:
        _hold_back(draft, dead, own_dead)


def _grid_evidence(draft: Draft, before: tuple[int, int, int]) -> tuple[int, int, int]:
    """How many telegrams in a row have shown each phase dead; -1: the last one showed it alive; 0: nothing is known."""
    counts = list(before)
    for reading in draft.snapshot.grid_readings:
        for phase, evidence in enumerate(_evidence(reading.voltage_v, reading.current_a, PHASES)):
            if evidence is not None:
                counts[phase] = max(0, counts[phase]) + 1 if evidence else -1
    return counts[0], counts[1], counts[2]


def _evidence(
    voltage_v: MaybePerPhase, current_a: MaybePerPhase, phases: Iterable[int]
) -> tuple[bool | None, bool | None, bool | None]:
    """Per phase: True dead, False alive, None where it cannot be told."""
    known = [volts for phase in phases if (volts := voltage_v[phase]) is not None]
    others_live = any(volts >= LIVE_V for volts in known)
    said: list[bool | None] = [None, None, None]
    for phase in phases:
        volts, amps = voltage_v[phase], current_a[phase]
        if volts is None or not others_live:
            continue
        if volts >= LIVE_V:
            said[phase] = False
        elif volts < DEAD_V and (amps is None or abs(amps) < DEAD_A):
            said[phase] = True
    return said[0], said[1], said[2]


_ALIVE: Final = (False, False, False)


def _socket_evidence(it: SocketDraft) -> tuple[bool | None, ...]:
    reading = it.sight.reading
    if reading is None or len(it.places) < len(PHASES) or it.meter_age_s > SOCKET_METER_QUIET_S:
        return (None,) * len(it.places)
    one, two, three = reading.voltage_v
    if one is not None and two is not None and three is not None and min(one, two, three) >= LIVE_V:
        return _ALIVE
    return _evidence(reading.voltage_v, reading.current_a, PHASES)


def _is_used(draft: Draft, place: int) -> bool:
    """A single-phase supply shows two phases of 0 V for ever: only what a socket lies on is missed."""
    return any(place in it.all_places for it in draft.each())


def _hold_back(draft: Draft, dead: set[int], own_dead: Mapping[SocketId, int]) -> None:
    for it in draft.each():
        hit = dead.intersection(it.all_places)
        own = own_dead.get(it.socket.id)
        if (hit or own is not None) and it.phase is not SessionPhase.CHARGING:
            fuse, phase = draft.tree.name(own if own is not None and not hit else min(hit))
            it.restraint = Because(Why.DEAD_PHASE, fuse, phase)
