"""Who must make way, and how much each wallbox may draw: lowered at once, raised gently."""

from math import floor, inf
from typing import Final

from gateway.control.allocation import TINY_A, Asker, Share, share_out
from gateway.control.draft import ALL_PHASES, STARTING, Draft, SocketDraft, traits
from gateway.control.guard import pause
from gateway.control.heat import HEAT_REDUCE
from gateway.control.ranking import rank, weight
from gateway.control.reservation import OBEYING_TIME_S, all_reserved, on_its_phases, reserve_again
from gateway.control.session_machine import SessionEvent
from gateway.control.sessions import begin_again
from gateway.control.state import SessionPhase
from gateway.quantities import ZERO_PER_PHASE, PerPhase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness

PATIENCE_S: Final = 30.0
"""How long the steady limit may be passed, below the rating, before a session is paused for it."""
EXCESS_A: Final = 0.05
RAISE_EVERY_S: Final = 5.0
"""A car has 5 s to follow a changed current (IEC 61851-1)."""
WANTS_MORE: Final = 0.9
WANTS_MORE_BAND_A: Final = 0.5
DEMAND_MULTIPLE: Final = 1.15
DEMAND_MARGIN_A: Final = 1.0
MEAN_PATIENCE_S: Final = 180.0
"""The same where only the mean of an interval counts that still has three times as long to go."""
ORDERS: Final = frozenset({Why.EXTERNAL_LIMIT, Why.EXTERNAL_LIMIT_OLD})
"""Who orders a limit from outside does not wait for our patience."""
FULL_SPEED: Final = Because(Why.FULL_SPEED)


def least(draft: Draft, it: SocketDraft) -> PerPhase:
    """What a socket counts for at least, short of stopping it."""
    if not it.shared:
        return it.soon_a
    need = on_its_phases(it, it.need_a, it.used)
    over = _overshoot(draft, it)
    if over == ZERO_PER_PHASE:
        return need
    return need[0] + over[0], need[1] + over[1], need[2] + over[2]


def _overshoot(draft: Draft, it: SocketDraft) -> PerPhase:
    """What a car draws beyond its grant when it has had time to obey (cars are a few tenths off)."""
    draw, highest_a = it.draw_a, it.highest_draw_a
    granted_a, used = it.granted_a, it.used
    if draw is None or highest_a is None or draft.now_s - it.granted_since_s < OBEYING_TIME_S:
        return ZERO_PER_PHASE
    if highest_a <= granted_a and used == ALL_PHASES:
        return ZERO_PER_PHASE
    return (
        max(0.0, draw[0] - granted_a) if used[0] else draw[0],
        max(0.0, draw[1] - granted_a) if used[1] else draw[1],
        max(0.0, draw[2] - granted_a) if used[2] else draw[2],
    )


def all_at_least(draft: Draft) -> list[float]:
    """Base load and the least of every socket, per fuse phase (A)."""
    return draft.tree.summed(draft.base_a, ((it.taps, least(draft, it)) for it in draft.each()))


def make_way(draft: Draft) -> None:
    """Pauses sessions where not even the least of all fits, the latest first; with safe currents all boxes alike."""
    total = all_at_least(draft)
    tight = draft.memory.tight_since_s
    for place, limit_a in enumerate(draft.limit_a):
        if total[place] <= limit_a + EXCESS_A:
            tight.pop(place, None)
            continue
        since_s = tight.setdefault(place, draft.now_s)
        polite = draft.freshness is Freshness.FRESH and draft.heat[place] < HEAT_REDUCE
        if polite and total[place] <= draft.tree.rating_a[place] and draft.now_s - since_s < _patience_s(draft, place):
            continue
        _pause_below(draft, place, total)


def _patience_s(draft: Draft, place: int) -> float:
    because = draft.lowered_by.get(place)
    if because is None:
        return PATIENCE_S
    if because.why in ORDERS:
        return 0.0
    left_s = 0.0 if because.until_s is None else because.until_s - draft.now_s
    return PATIENCE_S if left_s < MEAN_PATIENCE_S * 3.0 else MEAN_PATIENCE_S


def _pause_below(draft: Draft, place: int, total: list[float]) -> None:
    fuse, phase = draft.tree.name(place)
    excess_a = total[place] - draft.limit_a[place]
    because = _grid_because(draft) or draft.lowering(place) or Because(Why.ROOM_LOST, fuse, phase, excess_a)
    all_alike = draft.freshness >= Freshness.FALLBACK
    victims = [it for it in draft.each() if place in it.places_used and can_yield(it)]
    victims.sort(key=lambda it: rank(draft, it), reverse=True)
    victims.sort(key=lambda it: not (all_alike and it.shared))
    for it in victims:
        if total[place] <= draft.limit_a[place] + EXCESS_A and not (all_alike and it.shared):
            break
        before = least(draft, it)
        if it.phase is SessionPhase.READY:
            begin_again(draft, it, Because(Why.ROOM_LOST, fuse, phase, excess_a))
        elif it.phase is SessionPhase.READING_BEGIN:
            draft.step(it, SessionEvent.ROOM_GONE)
            it.because = because
        else:
            pause(draft, it, because)
        reserve_again(draft, it)
        after = it.soon_a
        for own, path in enumerate(it.places):
            for one in path:
                total[one] -= max(0.0, before[own] - after[own])
    for it in draft.each():
        if place in it.places_used and _is_deaf(it):
            own = next(own for own, path in enumerate(it.places) if place in path)
            if total[place] - it.soon_a[own] + it.granted_a > draft.limit_a[place] + EXCESS_A:
                pause(draft, it, because)
                reserve_again(draft, it)


def _is_deaf(it: SocketDraft) -> bool:
    """A box that charges, and neither answers nor obeys nor hangs on a contactor. It is counted in full whatever it is
    told; but where not even what it is told fits, it is told nothing."""
    return it.phase is SessionPhase.CHARGING and it.socket.wallbox is not None and not can_yield(it)


def can_yield(it: SocketDraft) -> bool:
    """Whether it can be paused, or its start called off."""
    if it.phase in STARTING:
        return it.phase is not SessionPhase.SIGNING_BEGIN
    return it.phase is SessionPhase.CHARGING and (it.shared or it.socket.contactor)


def _grid_because(draft: Draft) -> Because | None:
    why = draft.snapshot.grid.why
    return None if why is None or draft.freshness is Freshness.FRESH else Because(why)


def share_room(draft: Draft) -> None:
    """Shares out what is left of every fuse phase among the boxes that charge, and grants each its part."""
    sharing: list[SocketDraft] = []
    taken: list[tuple[SocketDraft, PerPhase]] = []
    for it in draft.each():
        if it.shared:
            sharing.append(it)
            taken.append((it, _overshoot(draft, it)))
            continue
        taken.append((it, it.soon_a))
        if it.phase is SessionPhase.CHARGING and it.socket.wallbox is not None:
            draft.grant(it, min(it.granted_a, it.need_a))
            it.because = Because(Why.WALLBOX_SILENT if not it.heard else Why.WALLBOX_DISOBEYS)
    if not sharing:
        return
    room = [limit - base for limit, base in zip(draft.limit_a, draft.base_a, strict=True)]
    for it, takes in taken:
        if takes != ZERO_PER_PHASE:
            for amps, path in zip(takes, it.places, strict=False):
                for place in path:
                    room[place] -= amps
    shares = _shares(sharing, room)
    reserved = all_reserved(draft)
    grid = _grid_because(draft)
    stays: list[tuple[SocketDraft, Share]] = []
    for it, share in zip(sharing, shares, strict=True):
        if share.current_a < it.granted_a - TINY_A:
            _lower(draft, it, share, reserved, grid)
        else:
            stays.append((it, share))
    for it, share in stays:
        _raise(draft, it, share, reserved, grid)


def _shares(sharing: list[SocketDraft], room: list[float]) -> list[Share]:
    """First what the cars use, then the rest: a car that draws less than it may makes way only if others want more."""
    asking: list[Asker] = []
    modest: list[int] = []
    for n, it in enumerate(sharing):
        cap_a = it.cap_a
        demand_a = _demand_a(it, cap_a)
        if demand_a < cap_a:
            modest.append(n)
        asking.append(_asker(it, it.need_a, demand_a))
    shares = share_out(asking, room)
    if not modest:
        return shares
    left = list(room)
    for it, share in zip(sharing, shares, strict=True):
        for place in it.places_used:
            left[place] -= share.current_a
    hungry = [n for n in modest if _fits(left, sharing[n])]
    if hungry:
        for n in hungry:
            for place in sharing[n].places_used:
                left[place] += shares[n].current_a
        rest = share_out([_asker(sharing[n], shares[n].current_a, sharing[n].cap_a) for n in hungry], left)
        for n, share in zip(hungry, rest, strict=True):
            shares[n] = share
    return shares


def _fits(left_a: list[float], it: SocketDraft) -> bool:
    """Whether one more step of this socket fits everywhere above it."""
    step_a = traits(it).step_a
    return min(left_a[place] for place in it.places_used) >= step_a - TINY_A


def _asker(it: SocketDraft, minimum_a: float, cap_a: float) -> Asker:
    return Asker(minimum_a, max(minimum_a, cap_a), traits(it).step_a, it.places_used, weight(it))


def _demand_a(it: SocketDraft, cap_a: float) -> float:
    """The most that a settled car is taken to want: what it draws and a little, unless it draws all that it may."""
    draw_a = it.highest_draw_a
    if not it.settled or draw_a is None or draw_a >= WANTS_MORE * it.granted_a - WANTS_MORE_BAND_A:
        return cap_a
    return min(cap_a, max(it.need_a, draw_a * DEMAND_MULTIPLE + DEMAND_MARGIN_A))


def _binding(draft: Draft, it: SocketDraft, share: Share) -> Because:
    if share.full_at is not None:
        return _limit_of(draft, share.full_at)
    cap_a = it.cap_a
    if share.current_a + traits(it).step_a <= cap_a + TINY_A:
        place = max(it.places_used, key=lambda one: (draft.load_a[one] or draft.base_a[one]) - draft.limit_a[one])
        return _limit_of(draft, place)
    if cap_a < it.socket.rating_a:
        return Because(Why.LIMIT_BY_COMMAND, current_a=cap_a)
    return FULL_SPEED


def _limit_of(draft: Draft, place: int) -> Because:
    because = draft.bound_by.get(place)
    if because is None:
        fuse, phase = draft.tree.name(place)
        because = draft.lowering(place) or Because(Why.FUSE_BINDS, fuse, phase, draft.limit_a[place])
        draft.bound_by[place] = because
    return because


def _lower(draft: Draft, it: SocketDraft, share: Share, reserved: list[float], grid: Because | None) -> None:
    it.memory.room = ()
    before = it.reserved_a
    draft.grant(it, share.current_a)
    reserve_again(draft, it)
    _change(it, before, reserved)
    it.because = grid or _binding(draft, it, share)
    over = [
        (load - draft.limit_a[place], place)
        for place in it.places_used
        if (load := draft.load_a[place]) is not None and load > draft.limit_a[place] and place not in draft.lowered_by
    ]
    if over:
        place = max(over)[1]
        fuse, phase = draft.tree.name(place)
        it.because = Because(Why.OVERLOAD, fuse, phase, draft.load_a[place])


def _change(it: SocketDraft, before: PerPhase, reserved: list[float]) -> None:
    for own, path in enumerate(it.places):
        for place in path:
            reserved[place] += it.reserved_a[own] - before[own]


def _raise(draft: Draft, it: SocketDraft, share: Share, reserved: list[float], grid: Because | None) -> None:
    """To what has been there for long enough, or what two telegrams showed and the house will hardly take back; once
    per telegram that was weighed since the last raise. One telegram alone, which may be false, raises nothing."""
    memory = it.memory
    step_a = traits(it).step_a
    gap_a = share.current_a - it.granted_a
    if gap_a < step_a - TINY_A:
        memory.room = ()
        it.because = grid or _binding(draft, it, share)
        return
    if grid is not None or not draft.snapshot.journal_accepts or it.draw_a is None:
        memory.room = ()
        it.because = grid or Because(Why.SOCKET_METER_SILENT if it.draw_a is None else Why.JOURNAL_STOPPED)
        return
    waits_s = draft.tree.site.raise_after_s
    least_a = it.granted_a + step_a - TINY_A
    memory.room = lasting_room(memory.room, draft.now_s, share.current_a, waits_s, least_a)
    since_s, lasting_a = memory.room[0]
    if it.energised_now:
        since_s, lasting_a = -inf, share.current_a
    else:
        waits_for_telegram = memory.raised_at_telegram >= draft.memory.telegrams_weighed
        on_its_way = draft.now_s - it.granted_since_s < RAISE_EVERY_S
        it.because = _raised_later(draft, it, since_s + waits_s)
        if waits_for_telegram or on_its_way:
            return
    free_a, calm_a = _free_a(draft, it, reserved)
    if not it.energised_now:
        newest_s = max(draft.memory.house_weighed_s)
        calm_a = min(calm_a, max((shared_a for begun_s, shared_a in memory.room if begun_s < newest_s), default=0.0))
    target_a = calm_a if draft.now_s < since_s + waits_s else max(calm_a, min(free_a, lasting_a))
    new_a = floor((min(target_a, share.current_a) + TINY_A) / step_a) * step_a if target_a > 0.0 else 0.0
    if new_a < it.granted_a + step_a - TINY_A and not it.energised_now:
        return
    before = it.reserved_a
    draft.grant(it, max(it.granted_a, new_a))
    memory.raised_at_telegram = draft.memory.telegrams
    reserve_again(draft, it)
    _change(it, before, reserved)
    whole = it.granted_a > share.current_a - step_a + TINY_A
    it.because = _binding(draft, it, share) if whole else _raised_later(draft, it, draft.now_s)


def _free_a(draft: Draft, it: SocketDraft, reserved: list[float]) -> tuple[float, float]:
    """What it may be granted beside everybody's reservations, and what of that the house's usual unrest leaves: so much
    needs no waiting, unless somebody has lowered the limit."""
    free_a = calm_a = inf
    for own, path in enumerate(it.places):
        if it.used[own]:
            for place in path:
                left_a = draft.limit_a[place] - reserved[place] + it.reserved_a[own]
                free_a = min(free_a, left_a)
                calm_a = -inf if place in draft.lowered_by else min(calm_a, left_a - draft.unrest_a[place])
    return free_a, calm_a


def _raised_later(draft: Draft, it: SocketDraft, lasted_s: float) -> Because:
    """Room is there, and when it may be taken: it has lasted, the last raise has had its effect, a telegram came."""
    grid = draft.snapshot.grid
    telegram_s = draft.now_s - grid.age_s + grid.interval_s if draft.now_s >= lasted_s else 0.0
    until_s = max(draft.now_s, lasted_s, it.granted_since_s + RAISE_EVERY_S, telegram_s)
    return Because(Why.RAISE_WAITS, until_s=until_s)


def lasting_room(
    room: tuple[tuple[float, float], ...], now_s: float, share_a: float, lasts_s: float, least_a: float
) -> tuple[tuple[float, float], ...]:
    """The shares offered over the last `lasts_s`, as rising lows: pairs (since when, at least so many A ever since),
    later ones higher, none below `least_a`, which `share_a` is not either. The first is what has been there longest."""
    since_s = now_s
    kept = list(room)
    while kept and kept[-1][1] >= share_a:
        since_s = kept.pop()[0]
    kept.append((since_s, share_a))
    while len(kept) > 1 and (kept[0][1] < least_a or now_s - kept[1][0] >= lasts_s):
        del kept[0]
    return tuple(kept)
