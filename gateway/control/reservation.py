"""What each socket is counted for: from admission until its meter has shown a settled current, and then with 1 A more.

Three figures per socket: reserved_a (counted now, for admitting and raising), soon_a (counted once it has obeyed what
it was just told, for lowering: nobody is lowered twice for the same excess), and which phases its car uses.
"""

from typing import Final

from gateway.control.draft import ALL_PHASES, STARTING, Draft, SocketDraft
from gateway.control.state import ContactorState, SessionPhase
from gateway.quantities import ZERO_PER_PHASE, PerPhase
from gateway.site.snapshot import Pilot

SETTLES_S: Final = 60.0
SETTLED_BAND_A: Final = 1.0
SETTLED_MARGIN_A: Final = 1.0
UNUSED_PHASE_A: Final = 0.5
USED_PHASE_A: Final = 3.0
OBEYS_BAND_A: Final = 1.0
DISOBEYS_AFTER_S: Final = 6.0
"""IEC 61851-1: 5 s to follow a changed setpoint; peers wait 6 s."""
DISOBEDIENCE_FORGOTTEN_S: Final = 86_400.0
"""One time counts with the one before if no more than a day lies between them."""
OBEYS_AFTER_S: Final = 3.0
OBEYING_TIME_S: Final = 8.0
"""How long an order is taken to be on its way to effect."""
WALLBOX_QUIET_S: Final = 30.0


def watch_wallboxes(draft: Draft) -> None:
    """Pilot, whether the box was heard lately, and whether it does what it is told."""
    for it in draft.each():
        if it.socket.wallbox is None:
            continue
        sight = it.sight.wallbox
        it.heard = sight is not None and draft.now_s - sight.heard_s <= WALLBOX_QUIET_S
        it.pilot = sight.pilot if sight is not None and it.heard else None
        _obedience(draft, it)


def _obedience(draft: Draft, it: SocketDraft) -> None:
    """A box obeys when its meter or its own word follows the setpoint; it disobeys when 6 s are over and it has not.

    An empty place that draws nothing at setpoint 0 shows nothing: only a car that waits, or a setpoint above 0, does.
    Where a contactor can take the box off, that much is asked of nobody.
    """
    memory = it.memory
    sight = it.sight.wallbox
    told_s = max(it.granted_since_s, it.contactor_since_s if it.socket.contactor else 0.0)
    reading = it.sight.reading
    shown_late = reading is not None and reading.at.monotonic_s - told_s >= DISOBEYS_AFTER_S
    draw_a = it.highest_draw_a
    applied_a = sight.applied_a if sight is not None and it.heard else None
    over = draw_a is not None and draw_a > it.granted_a + OBEYS_BAND_A
    powered = not it.socket.contactor or it.contactor in (ContactorState.CLOSED, ContactorState.CLOSING)
    if over and shown_late and powered:
        memory.obeying_since_s = None
        if memory.disobeying_since_s is None:
            memory.disobeying_since_s = draft.now_s
            late = draft.now_s - memory.disobeyed_s > DISOBEDIENCE_FORGOTTEN_S
            memory.disobeyed = 1 if late else memory.disobeyed + 1
            memory.disobeyed_s = draft.now_s
        it.obeys = False
        return
    says_so = applied_a is not None and applied_a <= it.granted_a + UNUSED_PHASE_A
    tried = it.socket.contactor or it.granted_a > 0.0 or plugged(it.pilot)
    shows_so = applied_a is None and draw_a is not None and tried
    confirms = powered and not over and (says_so or shows_so)
    memory.disobeying_since_s = None
    if not confirms:
        memory.obeying_since_s = None
        return
    if memory.obeying_since_s is None:
        memory.obeying_since_s = draft.now_s
    if not it.obeys and draft.now_s - memory.obeying_since_s >= OBEYS_AFTER_S:
        it.obeys = True
        memory.obeyed_before = True


def reserve(draft: Draft) -> None:
    """Fills reserved_a, soon_a and used of every socket."""
    for it in draft.each():
        _settle(draft, it)
        reserve_again(draft, it)


def reserve_touched(draft: Draft) -> None:
    """The same for those whose grant, session or contactor changed within the tick."""
    for it in draft.each():
        if it.touched:
            reserve_again(draft, it)


def reserve_again(draft: Draft, it: SocketDraft) -> None:
    """What one socket is counted for; a claim or a start that is under way holds the least that it needs."""
    reserved, soon = _counted(draft, it)
    if it.memory.claimed or it.phase in STARTING:
        need = on_its_phases(it, it.need_a, used=it.used)
        reserved, soon = _more(reserved, need), _more(soon, need)
    it.reserved_a, it.soon_a = reserved, soon


def _settle(draft: Draft, it: SocketDraft) -> None:
    """Settled: within 1 A for 60 s under an unchanged setpoint, or under setpoints that were all more than 1 A above. A
    rise unsettles; a fall counts once it is settled.

    A car shows which phases it uses by drawing on the same ones for 60 s, whatever it is told meanwhile; it is believed
    until another phase carries current or the session ends.
    """
    memory = it.memory
    draw, highest_a = it.draw_a, it.highest_draw_a
    charging = it.phase is SessionPhase.CHARGING
    if highest_a is None or not charging or it.granted_a <= highest_a + SETTLED_MARGIN_A:
        memory.held_down_s = draft.now_s
    if draw is None or highest_a is None:
        if charging:
            it.used = ALL_PHASES  # as it is counted: on which phases it draws now, nobody sees
        return
    steady = memory.steady_a
    if steady is None or (draw != steady and _apart(draw, steady) > SETTLED_BAND_A):
        memory.steady_a = steady = draw
        memory.steady_since_s = draft.now_s
    settled = memory.settled_a
    if settled is not None and draw != settled and _above(draw, settled) > SETTLED_MARGIN_A:
        memory.settled_a = None
        it.settled = False
    if not charging:
        it.settled = False
        memory.settled_a = None
        return
    since_s = max(memory.steady_since_s, min(it.granted_since_s, memory.held_down_s))
    if draft.now_s - since_s >= SETTLES_S:
        memory.settled_a = steady
        it.settled = True
    drawn_on = _used(draw)
    if drawn_on != memory.drawn_on or highest_a < USED_PHASE_A:
        memory.drawn_on = drawn_on
        memory.drawn_on_since_s = draft.now_s
    elif draft.now_s - max(memory.drawn_on_since_s, _charges_since_s(it)) >= SETTLES_S:
        memory.used = drawn_on
    if memory.used is not None:
        if draws_beyond(draw, memory.used):
            memory.used = None
        else:
            it.used = memory.used


def _apart(one: PerPhase, other: PerPhase) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]), abs(one[2] - other[2]))


def _above(one: PerPhase, other: PerPhase) -> float:
    return max(one[0] - other[0], one[1] - other[1], one[2] - other[2])


def _used(draw: PerPhase) -> tuple[bool, bool, bool]:
    return draw[0] >= UNUSED_PHASE_A, draw[1] >= UNUSED_PHASE_A, draw[2] >= UNUSED_PHASE_A


def draws_beyond(draw: PerPhase, used: tuple[bool, bool, bool]) -> bool:
    """Whether a car draws on a phase that it was not taken to use."""
    if used == ALL_PHASES:
        return False
    on = _used(draw)
    return (on[0] and not used[0]) or (on[1] and not used[1]) or (on[2] and not used[2])


def _charges_since_s(it: SocketDraft) -> float:
    return 0.0 if it.session is None else it.session.phase_since_s


def _counted(draft: Draft, it: SocketDraft) -> tuple[PerPhase, PerPhase]:
    """(reserved, soon) by what kind of socket it is and what is known of it. Unknown is full."""
    draw = it.draw_a
    if it.socket.wallbox is not None and not it.socket.contactor:
        return _wallbox_counted(draft, it)
    full = on_its_phases(it, it.socket.rating_a)
    if not it.socket.contactor:
        counted = full if draw is None else draw
        return counted, counted
    match it.contactor:
        case ContactorState.WELDED | ContactorState.UNKNOWN:
            counted = full if draw is None else _more(full, draw)
            return counted, counted
        case ContactorState.OPEN if it.phase is not SessionPhase.CHARGING or it.memory.held_open is not None:
            counted = ZERO_PER_PHASE if draw is None or max(draw) < UNUSED_PHASE_A else draw
            return counted, counted
        case ContactorState.OPENING:
            counted = _more(it.last_reserved_a, draw or ZERO_PER_PHASE)
            on_its_way = draft.now_s - it.memory.commanded_since_s < OBEYING_TIME_S
            return counted, ZERO_PER_PHASE if on_its_way else counted
        case ContactorState.NOT_CLOSED:
            counted = full if draw is None else draw
            return counted, counted
    if it.socket.wallbox is not None:
        return _wallbox_counted(draft, it)
    return _plain_counted(draft, it, full)


def _plain_counted(draft: Draft, it: SocketDraft, full: PerPhase) -> tuple[PerPhase, PerPhase]:
    settled = it.memory.settled_a
    draw = it.draw_a or ZERO_PER_PHASE
    if settled is not None and it.settled:
        above = on_its_phases(it, SETTLED_MARGIN_A)
        counted = (
            max(draw[0], min(full[0], settled[0] + above[0])),
            max(draw[1], min(full[1], settled[1] + above[1])),
            max(draw[2], min(full[2], settled[2] + above[2])),
        )
    else:
        counted = _more(full, draw)
    leaving = it.memory.held_open is not None or it.phase is not SessionPhase.CHARGING
    on_its_way = it.phase is not None and leaving and _just_told(draft, it)
    return counted, ZERO_PER_PHASE if on_its_way else counted


def _wallbox_counted(draft: Draft, it: SocketDraft) -> tuple[PerPhase, PerPhase]:
    draw = it.draw_a
    known = draw or ZERO_PER_PHASE
    box = it.socket.wallbox
    if not it.obeys:
        nobody = it.heard and it.pilot is Pilot.A and draw is not None and max(draw) < UNUSED_PHASE_A
        empty = nobody and it.granted_a == 0.0 and not it.socket.contactor
        counted = known if empty else _more(on_its_phases(it, it.socket.rating_a), known)
        return counted, counted
    if not it.heard:
        alone = it.socket.rating_a if box is None or box.failsafe_a is None else box.failsafe_a
        counted = _more(on_its_phases(it, max(alone, it.granted_a)), known)
        return counted, counted
    just_told = _just_told(draft, it)
    granted = on_its_phases(it, it.granted_a, used=it.used)
    if draw is None:
        before = max(it.granted_a, it.memory.previous_granted_a) if just_told else it.granted_a
        sight = it.sight.wallbox
        says_off = sight is not None and sight.applied_a is not None and sight.applied_a < UNUSED_PHASE_A
        unseen_off = it.granted_a == 0.0 and not just_told and not says_off
        counted = on_its_phases(it, it.socket.rating_a if unseen_off else before)
        return counted, granted if just_told else counted
    settled = it.memory.settled_a
    if it.settled and settled is not None:
        counted = (
            max(draw[0], min(granted[0], settled[0] + SETTLED_MARGIN_A)),
            max(draw[1], min(granted[1], settled[1] + SETTLED_MARGIN_A)),
            max(draw[2], min(granted[2], settled[2] + SETTLED_MARGIN_A)),
        )
    else:
        counted = _more(granted, draw)
    return counted, granted if just_told else _more(granted, draw)


def _just_told(draft: Draft, it: SocketDraft) -> bool:
    return draft.now_s - it.granted_since_s < OBEYING_TIME_S


def all_reserved(draft: Draft) -> list[float]:
    """Base load and what every socket is counted for now, per fuse phase (A)."""
    return draft.tree.summed(draft.base_a, ((it.taps, it.reserved_a) for it in draft.each()))


def add(total_a: list[float], it: SocketDraft, current_a: PerPhase) -> None:
    """Adds a socket's currents to every fuse phase above it."""
    for amps, path in zip(current_a, it.places, strict=False):
        if amps:
            for place in path:
                total_a[place] += amps


def on_its_phases(it: SocketDraft, current_a: float, used: tuple[bool, bool, bool] = ALL_PHASES) -> PerPhase:
    """So much on each phase of the socket that is used, 0 on the others."""
    phases = len(it.places)
    return (
        current_a if used[0] else 0.0,
        current_a if phases > 1 and used[1] else 0.0,
        current_a if phases > 2 and used[2] else 0.0,
    )


def _more(one: PerPhase, other: PerPhase) -> PerPhase:
    a1, a2, a3 = one
    b1, b2, b3 = other
    return max(b1, a1), max(b2, a2), max(b3, a3)


def plugged(pilot: Pilot | None) -> bool:
    """Whether the box shows a car."""
    return pilot in (Pilot.B, Pilot.C, Pilot.D)
