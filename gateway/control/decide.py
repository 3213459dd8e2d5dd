"""The one decision of a tick, in the order of the manual. Pure: no clock, no log, no I/O."""

from dataclasses import fields
from operator import attrgetter
from typing import Final

from gateway.clock import Instant
from gateway.control.checkpoint import save_checkpoint
from gateway.control.commands import take_requests
from gateway.control.contactors import command_contactors, watch_contactors
from gateway.control.delay_learning import learn_delay
from gateway.control.draft import Draft, SocketDraft, open_draft
from gateway.control.estimate import estimate_house, estimate_loads, take_samples
from gateway.control.grants import make_way, share_room
from gateway.control.guard import guard_blindness, guard_fuses, guard_sockets, pause, warm_fuses
from gateway.control.phase_learning import learn_phases
from gateway.control.phase_switching import watch_switching, widen, wish_phases
from gateway.control.phase_use import end_trials, watch_phases
from gateway.control.problems import find_problems, watch_house
from gateway.control.proving import give_back_limits, keep_room_for_proof
from gateway.control.queue import admit, drop_claims, energise, hide_claims, places_in_line
from gateway.control.ranking import follow_waits
from gateway.control.recovery import spread_from_trust
from gateway.control.registers import watch_registers
from gateway.control.reservation import all_reserved, reserve, reserve_touched, watch_wallboxes
from gateway.control.restraints import hold_back, restrain
from gateway.control.sessions import bring_to_rest, follow_cars, take_outcomes, wish_jobs
from gateway.control.sleepers import follow_sleepers
from gateway.control.state import ContactorState, ControlState, Decision, FuseState, SessionPhase, SocketState
from gateway.ids import FuseId, SocketId
from gateway.quantities import PerPhase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.snapshot import SiteSnapshot
from gateway.site.wishes import SetCurrent


def decide(snapshot: SiteSnapshot, state: ControlState, now: Instant) -> Decision:
    """What shall be, given what is seen and what was. Raises only `IllegalEvent` (our bug)."""
    draft = open_draft(snapshot, state, now)
    # What is seen.
    take_samples(draft)
    watch_registers(draft)
    watch_contactors(draft)
    watch_wallboxes(draft)
    # What has become of earlier wishes, what is asked for, who has come and gone.
    take_outcomes(draft)
    take_requests(draft)
    follow_cars(draft)
    follow_sleepers(draft)
    follow_waits(draft)
    spread_from_trust(draft)
    # What every fuse carries now, and how warm it is.
    drop_claims(draft)
    estimate_house(draft)
    watch_switching(draft)
    watch_phases(draft)
    reserve(draft)
    estimate_loads(draft)
    warm_fuses(draft)
    # What holds charging back beyond the fuses.
    restrain(draft)
    # What must stop whatever the shares say.
    guard_sockets(draft)
    guard_fuses(draft)
    guard_blindness(draft)
    obey_limits(draft)
    end_trials(draft)
    hold_back(draft)
    widen(draft)
    bring_to_rest(draft)
    reserve_touched(draft)
    # Who makes way, who is next, who may draw how much.
    keep_room_for_proof(draft)
    make_way(draft)
    energise(draft)
    admit(draft)
    share_room(draft)
    give_back_limits(draft)
    # What is wished.
    name_reasons(draft)
    wish_jobs(draft)
    command_contactors(draft)
    wish_currents(draft)
    wish_phases(draft)
    learn_phases(draft)
    learn_delay(draft)
    find_problems(draft)
    watch_house(draft)
    note_grid(draft)
    return close_draft(draft)


def obey_limits(draft: Draft) -> None:
    """A limit by command below what a session needs pauses it."""
    for it in draft.each():
        if it.phase is SessionPhase.CHARGING and it.cap_a < it.need_a:
            pause(draft, it, Because(Why.LIMIT_BY_COMMAND, current_a=it.cap_a))
            it.memory.return_after_s = draft.now_s
            it.memory.pauses = 0


def name_reasons(draft: Draft) -> None:
    """Sockets without a session say why they stand still, ending ones why they end."""
    for it in draft.each():
        if it.session is None:
            if it.locked is not None:
                it.because = it.locked
            else:
                it.because = it.memory.held_open or it.memory.unpowered or _IDLE
        elif it.session.end_because is not None:
            it.because = it.session.end_because
        elif it.memory.told_asleep and it.phase is SessionPhase.CHARGING:
            it.because = _ASLEEP
        elif it.memory.presumed and it.phase is SessionPhase.CHARGING:
            it.because = _TRIED


_IDLE = Because(Why.IDLE)
_ASLEEP = Because(Why.CAR_ASLEEP)
_TRIED = Because(Why.PHASES_TRIED)


def wish_currents(draft: Draft) -> None:
    """Every wallbox's setpoint, each tick: 0 unless its session is charging."""
    for it in draft.each():
        if it.socket.wallbox is not None:
            current_a = it.granted_a if it.phase is SessionPhase.CHARGING else 0.0
            draft.wishes.append(SetCurrent(it.socket.id, current_a, it.because))


def note_grid(draft: Draft) -> None:
    """The grid meter's silence, frozenness or return is said when it begins."""
    grid = draft.snapshot.grid
    if draft.freshness is not draft.previous.grid and grid.why is not None:
        draft.note(None, Because(grid.why))


def close_draft(draft: Draft) -> Decision:
    """The next state and the wishes."""
    hide_claims(draft)
    was = draft.previous.sockets
    sockets = {name: _closed(it, was[name]) for name, it in draft.sockets.items()}
    line = places_in_line(draft)
    grid_why = draft.snapshot.grid.why
    queue = []
    for it in line:
        if it.memory.successor is not None:
            queue.append(it.memory.successor.id)
        elif it.session is not None:
            queue.append(it.session.id)
    positions: dict[SocketId, int] = {it.socket.id: place for place, it in enumerate(line, start=1)}
    save_checkpoint(draft, queue)
    state = ControlState(
        tick=draft.previous.tick + 1,
        at=draft.now,
        grid=draft.freshness,
        grid_because=None if grid_why is None or draft.freshness is Freshness.FRESH else Because(grid_why),
        house_a=draft.house_a,
        sockets=sockets,
        fuses=_fuses(draft),
        queue=tuple(queue),
        queue_position=positions,
        shutting_down=draft.shutting_down,
        phases=draft.memory.phases.evidence,
        restraints=draft.restraints,
        grid_delay_s=draft.memory.delay.known.learned_s,
        memory=draft.memory,
    )
    return Decision(state, tuple(draft.wishes))


_shown: Final = attrgetter(*(field.name for field in fields(SocketState)))
"""What a socket shows of itself, by the same names in its draft and in its state."""


def _closed(it: SocketDraft, was: SocketState) -> SocketState:
    """The socket's next state: the last one itself if nothing has changed."""
    shown = _shown(it)
    return was if shown == _shown(was) else SocketState(*shown)


def _fuses(draft: Draft) -> dict[FuseId, FuseState]:
    allocated = all_reserved(draft)
    out = {}
    for number, fuse in enumerate(draft.tree.fuses):
        at = 3 * number
        loads = draft.load_a[at : at + 3]
        out[fuse.id] = FuseState(
            load_a=(loads[0], loads[1], loads[2]),
            allocated_a=_three(allocated, at),
            limit_a=_three(draft.limit_a, at),
            heat=_three(draft.heat, at),
        )
    return out


def _three(values: list[float], at: int) -> PerPhase:
    return values[at], values[at + 1], values[at + 2]


def is_quiet(state: ControlState) -> bool:
    """Whether everything has ended after `ShutDown`: no session runs or is being signed, every contactor is open."""
    if not state.shutting_down:
        return False
    for socket in state.sockets.values():
        if socket.session is not None and socket.session.phase is not SessionPhase.QUEUED:
            return False
    held = {socket for socket, memory in state.memory.sockets.items() if memory.held_open is not None}
    return all(state.sockets[socket].contactor in (ContactorState.OPEN, ContactorState.WELDED) for socket in held)
