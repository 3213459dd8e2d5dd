"""The first state after a start: everything open and at 0 until it is seen, the past carried on in its old order.

Every session with a durable begin record is brought to rest, read and signed as recovered; when that is durable its
successor waits in its old place. Waiting sessions keep theirs. Heat comes from the checkpoint without any cooling, and
every contactor rests as if it had been opened now.
"""

from dataclasses import replace
from zlib import crc32

from gateway.clock import Instant
from gateway.control.checkpoint import ControlCheckpoint, phases_known, plan_known
from gateway.control.draft import Draft, waiting_session
from gateway.control.memory import Memory, SocketMemory, Successor
from gateway.control.past import OpenSession, Past, QueuedSession
from gateway.control.phase_evidence import PhaseEvidence, PhaseLearning, rotations
from gateway.control.state import ContactorState, ControlState, FuseState, Session, SessionPhase, SocketState
from gateway.control.tariff_memory import recovered_tariffs
from gateway.control.telegram_delay import DelayLearning, TelegramDelay
from gateway.control.tree import FuseTree
from gateway.ids import SessionId, SocketId
from gateway.quantities import UNKNOWN_PER_PHASE, ZERO_PER_PHASE, PerPhase
from gateway.site.because import Because, Why
from gateway.site.freshness import Freshness
from gateway.site.requests import Source
from gateway.site.snapshot import Evidence, Position
from gateway.site.topology import Site, Socket
from gateway.site.wishes import EndKind


def recover(site: Site, past: Past, now: Instant) -> ControlState:
    """The state to decide from first. Raises `JournalDamaged` if the checkpoint cannot be read.

    Sessions of sockets that the config no longer has are left alone: the journal still holds them open.
    """
    text = past.checkpoint_text
    known = ControlCheckpoint() if text is None else ControlCheckpoint.from_text(text)
    open_by_socket = {session.socket: session for session in past.open_sessions if session.socket in site.sockets}
    queued_by_socket = {session.socket: session for session in past.queued if session.socket in site.sockets}
    places = _places(past, known, site)
    memory = Memory(
        tree=FuseTree.of(site),
        house_highest_a=known.house_highest_a,
        next_place=len(places),
        started_s=now.monotonic_s,
        phases=PhaseLearning(known_phases(known, site)),
        delay=DelayLearning.of(TelegramDelay(known.delay_meter, known.delay_steps)),
    )
    sockets = {}
    for socket in site.sockets.values():
        own = _remembered(socket, known, now)
        own.place = places.get(socket.id, 0)
        running = open_by_socket.get(socket.id)
        queued = queued_by_socket.get(socket.id)
        session = None
        if running is not None:
            session = _to_be_closed(running, now)
            own.successor = _successor(running, queued, known, now)
        elif queued is not None:
            session = waiting_session(_waits_on(queued, known, now), socket.id, now.monotonic_s)
        memory.sockets[socket.id] = own
        sockets[socket.id] = _first_state(socket, session, known, now)
    if now.monotonic_s < known.saved_at_s:
        _spread_starts(site, places, memory, now)
    heat = {fuse: _heat(known, fuse) for fuse in site.fuses}
    memory.saved_heat_s = now.monotonic_s
    queue = _queue(places, memory, sockets)
    return ControlState(
        tick=0,
        at=now,
        grid=Freshness.FALLBACK,
        grid_because=Because(Why.STARTUP),
        house_a=UNKNOWN_PER_PHASE,
        sockets=sockets,
        fuses={
            fuse.id: FuseState(UNKNOWN_PER_PHASE, ZERO_PER_PHASE, (fuse.steady_a_max,) * 3, heat[fuse.id])
            for fuse in site.fuses.values()
        },
        queue=queue,
        queue_position={socket: place + 1 for place, socket in enumerate(sorted(places, key=places.__getitem__))},
        shutting_down=False,
        phases=memory.phases.evidence,
        grid_delay_s=memory.delay.known.learned_s,
        restraints=replace(
            recovered_tariffs(site.restraints, known.tariffs),
            charge_now=frozenset(SocketId(name) for name in known.charge_now) & site.sockets.keys(),
        ),
        memory=memory,
    )


def _places(past: Past, known: ControlCheckpoint, site: Site) -> dict[SocketId, int]:
    """Those that ran were ahead of all that waited; each keeps its order, those whose turn was over stand at the end.

    A restart that was itself cut short left some as ended with a successor that the journal has noted last: the order
    that the checkpoint knows holds for all that it names.
    """
    rank = {session: place for place, session in enumerate(known.queue)}
    waits = len(rank)
    line = [(rank.get(str(one.successor), rank.get(str(one.id), -1)), one.socket) for one in past.open_sessions]
    line += [(rank.get(str(one.id), waits), one.socket) for one in past.queued]
    line.sort(key=lambda place: place[0])
    places: dict[SocketId, int] = {}
    for _, socket in line:
        if socket in site.sockets and socket not in places:
            places[socket] = len(places)
    return places


def known_phases(known: ControlCheckpoint, site: Site) -> dict[SocketId, PhaseEvidence]:
    """What a checkpoint knows of the phases of the config's sockets, judged by the rotation that the config has now.

    Where that has changed, the wiring may have been changed with it: only what speaks for the new one is kept.
    """
    phases = {}
    for socket in site.sockets.values():
        evidence = phases_known(known.phases.get(str(socket.id), []))
        if evidence is not None and len(evidence.weights) == len(rotations(len(socket.phases))):
            learned_under = known.rotations.get(str(socket.id), list(socket.phases))
            if learned_under == list(socket.phases) or evidence.favours(socket.phases):
                phases[socket.id] = evidence.judged(socket.phases)
    return phases


def _spread_starts(site: Site, places: dict[SocketId, int], memory: Memory, now: Instant) -> None:
    """Where the machine was started again: its monotonic clock stands before the checkpoint's.

    Each socket's start falls somewhere in the spread, by the names alone: the same at every outage, other in every
    cabinet. The earliest goes to the first in the line, so that the order holds.
    """
    drawn = sorted(crc32(f"{site.gateway_id}/{socket}".encode()) / 2**32 for socket in site.sockets)
    line = sorted(site.sockets, key=lambda socket: places.get(socket, len(site.sockets)))
    for socket, part in zip(line, drawn, strict=True):
        memory.sockets[socket].start_after_s = now.monotonic_s + part * site.rules.restart_spread_s


def spread_from_trust(draft: Draft) -> None:
    """Once, when the grid meter is trusted for the first time: nobody could begin before, so the spread counts from
    then; for a contactor that still rests, from the end of its rest, in what is left of the spread or a quarter."""
    if draft.memory.grid_trusted or draft.freshness is not Freshness.FRESH:
        return
    draft.memory.grid_trusted = True
    spread_s = draft.tree.site.rules.restart_spread_s
    if spread_s <= 0.0:
        return
    for it in draft.each():
        if it.memory.start_after_s > 0.0:
            part = (it.memory.start_after_s - draft.memory.started_s) / spread_s
            rested_s = draft.now_s if it.opened_s is None else it.opened_s + it.socket.minimum_off_s
            from_s = max(draft.now_s, rested_s)
            until_s = max(draft.now_s + spread_s, from_s + spread_s / 4.0)
            it.memory.start_after_s = from_s + part * (until_s - from_s)


def _queue(places: dict[SocketId, int], memory: Memory, sockets: dict[SocketId, SocketState]) -> tuple[SessionId, ...]:
    queue = []
    for socket in sorted(places, key=places.__getitem__):
        successor = memory.sockets[socket].successor
        session = sockets[socket].session
        if successor is not None:
            queue.append(successor.id)
        elif session is not None:
            queue.append(session.id)
    return tuple(queue)


def _remembered(socket: Socket, known: ControlCheckpoint, now: Instant) -> SocketMemory:
    name = str(socket.id)
    switched, hot = known.switchings.get(name, [0, 0])
    return SocketMemory(
        steady_since_s=now.monotonic_s,
        plan=plan_known(known.plans.get(name, {})),
        waits_since_s=None if name not in known.waited_s else now.monotonic_s - known.waited_s[name],
        taught_phases=known.last_used.get(name),
        turn_used_s=known.turn_used_s.get(name, 0.0),
        phases_stuck=name in known.phases_lied,
        phases_lied=name in known.phases_lied,
        obeyed_before=name in known.obeyed,
        commanded_since_s=now.monotonic_s,
        held_open=Because(Why.STARTUP) if socket.contactor else None,
        held_since_s=now.monotonic_s,
        held_trip=socket.contactor,
        switchings=switched,
        switchings_hot=hot,
        overtaken=known.overtaken.get(name, 0),
        waits_for_unplug=name in known.waits_for_unplug,
        plugged=name in known.waits_for_unplug,
    )


def _to_be_closed(running: OpenSession, now: Instant) -> Session:
    return Session(
        id=running.id,
        socket=running.socket,
        token=running.token,
        source=running.source or Source.RECOVERY,
        phase=SessionPhase.LOWERING,
        phase_since_s=now.monotonic_s,
        asked_at=now,
        continues=None,
        begin=None,
        begin_durable=True,
        end=None,
        end_kind=EndKind.RECOVERED,
        end_because=Because(Why.RECOVERED),
    )


def _successor(running: OpenSession, queued: QueuedSession | None, known: ControlCheckpoint, now: Instant) -> Successor:
    armed = str(running.socket) in known.armed
    if queued is not None:
        return _waits_on(queued, known, now)
    source = running.source or Source.RECOVERY
    return Successor(running.successor, running.token, source, now, running.id, armed)


def _waits_on(queued: QueuedSession, known: ControlCheckpoint, now: Instant) -> Successor:
    armed = str(queued.socket) in known.armed
    return Successor(queued.id, queued.token, queued.source or Source.RECOVERY, now, queued.continues, armed)


def _first_state(socket: Socket, session: Session | None, known: ControlCheckpoint, now: Instant) -> SocketState:
    name = str(socket.id)
    locked = known.locked.get(name)
    full = tuple(socket.rating_a if own < len(socket.phases) else 0.0 for own in range(3))
    reserved: PerPhase = (full[0], full[1], full[2])
    return SocketState(
        session=session,
        last_ended=None,
        granted_a=0.0,
        granted_since_s=now.monotonic_s,
        reserved_a=reserved,
        settled=False,
        because=Because(Why.STARTUP),
        limit_by_command_a=known.limits_a.get(name),
        armed=session is not None and name in known.armed,
        contactor=ContactorState.UNKNOWN,
        contactor_since_s=now.monotonic_s,
        contactor_position=Position.UNKNOWN,
        contactor_evidence=Evidence.NONE,
        opened_s=now.monotonic_s if socket.contactor else None,
        locked=None if locked is None else Because(Why(locked)),
        obeys=socket.wallbox is None,
        problem=None,
    )


def _heat(known: ControlCheckpoint, fuse: object) -> PerPhase:
    three = known.heat.get(str(fuse), [0.0, 0.0, 0.0])
    return three[0], three[1], three[2]
