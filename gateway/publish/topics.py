"""Snapshot and control state become topics: one JSON message per thing that changes together.

Every key is always there, null where unknown; powers in W, currents in A, voltages in V, energies in kWh with the
register's own decimals, times in ISO 8601 UTC. Tokens are never among them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from gateway.clock import Instant
from gateway.control.state import ControlState, FuseState, Session, SessionPhase, SocketState
from gateway.control.turns import TELLS_TURN
from gateway.ids import SocketId, names_a_user
from gateway.meters.grid_plausibility import Standing
from gateway.meters.han_port import HanSight
from gateway.meters.readings import SocketReading
from gateway.publish import topic_names
from gateway.publish.han_facts import han_facts
from gateway.publish.json_text import Thing, rounded
from gateway.publish.phase_words import phase_facts
from gateway.publish.restraint_topics import dead_phase_facts, restraint_things
from gateway.publish.shown import STANDING, ShownState, shown_state
from gateway.publish.words import FRESHNESS, SHOWN, Language, pick, reason
from gateway.quantities import UNKNOWN_PER_PHASE, MaybePerPhase
from gateway.site.because import Because
from gateway.site.freshness import Freshness
from gateway.site.snapshot import Pilot, Position, SiteSnapshot, SocketSight
from gateway.site.topology import Fuse, Socket

READING_S_MAX: Final = 30.0
"""An older reading of a socket meter is no measurement of now: its figures are null and the socket is offline."""
WALLBOX_S_MAX: Final = 60.0
MINUTE_S: Final = 60.0
PLUGGED: Final = {Pilot.A: False, Pilot.B: True, Pilot.C: True, Pilot.D: True}


def state_things(
    snapshot: SiteSnapshot,
    state: ControlState,
    language: Language,
    han: HanSight | None = None,
    grid_meter: Standing | None = None,
) -> dict[str, Thing | str]:
    """Every retained state by topic: JSON things, and plain text for the sockets' `online` and `offline`.

    han: what is known of the HAN port, None before it was looked at; grid_meter: what the grid meter has told so far:
    list meters tell their energies once an hour, and these stay until others come.
    """
    gateway = snapshot.site.gateway_id
    positions = _positions(state)
    things: dict[str, Thing | str] = {
        topic_names.gateway_state(gateway): _gateway(snapshot, state),
        topic_names.grid_state(gateway): {
            **_grid(snapshot, state, language),
            **_counted(grid_meter),
            **han_facts(han, _interval_s(snapshot), language),
            **_delay(state.grid_delay_s),
        },
        topic_names.queue_state(gateway): _queue(state, positions),
        **restraint_things(snapshot.site, state, language),
    }
    for fuse in snapshot.site.fuses.values():
        things[topic_names.fuse_state(gateway, fuse.id)] = {
            **_fuse(fuse, state.fuses[fuse.id], state.at.utc),
            **dead_phase_facts(snapshot.site, fuse.id, state),
        }
    for socket in snapshot.site.sockets.values():
        sight = snapshot.sockets.get(socket.id, SocketSight(None, None, None))
        heard = _is_heard(socket, sight, state.at.monotonic_s)
        things[topic_names.socket_status(gateway, socket.id)] = topic_names.ONLINE if heard else topic_names.OFFLINE
        things[topic_names.socket_state(gateway, socket.id)] = _socket(
            socket, sight, state, positions.get(socket.id, 0), language
        )
    return things


def _gateway(snapshot: SiteSnapshot, state: ControlState) -> Thing:
    energised = [socket for socket, seen in state.sockets.items() if _is_active(seen)]
    return {
        "journal_ok": snapshot.journal_accepts,
        "journal_problem": "OFF" if snapshot.journal_accepts else "ON",
        "active_sessions": len(energised),
        "shutting_down": state.shutting_down,
        "ts": _iso(state.at.utc),
    }


def _grid(snapshot: SiteSnapshot, state: ControlState, language: Language) -> Thing:
    reading = snapshot.grid.reading if state.grid <= Freshness.STALE else None
    import_w = None if reading is None else reading.import_w
    export_w = None if reading is None else reading.export_w
    known = import_w is not None or export_w is not None
    because = state.grid_because
    return {
        "freshness": state.grid.name.lower(),
        "freshness_text": pick(FRESHNESS[state.grid], language),
        "because": None if because is None else because.why.value,
        "because_text": None if because is None else reason(because, language),
        "age_s": rounded(snapshot.grid.age_s, 1),
        "power_w": rounded((import_w or 0.0) - (export_w or 0.0), 0) if known else None,
        "current_a": _triple(UNKNOWN_PER_PHASE if reading is None else reading.current_a, 2),
        "voltage_v": _triple(UNKNOWN_PER_PHASE if reading is None else reading.voltage_v, 1),
        "house_a": _triple(state.house_a, 2),
        "ts": _iso(state.at.utc),
    }


def _counted(meter: Standing | None) -> Thing:
    """The energies that the meter in place told last; null before its first."""
    return {
        "energy_import_kwh": None if meter is None else meter.import_kwh,
        "energy_export_kwh": None if meter is None else meter.export_kwh,
    }


def _delay(learned_s: tuple[float, float] | None) -> Thing:
    """How old a telegram's currents are when its last byte comes; null until it is learned."""
    least_s, most_s = learned_s or (None, None)
    middle_s = None if least_s is None or most_s is None else (least_s + most_s) / 2.0
    return {
        "delay_s": rounded(middle_s, 1),
        "delay_least_s": rounded(least_s, 1),
        "delay_most_s": rounded(most_s, 1),
    }


def _interval_s(snapshot: SiteSnapshot) -> float | None:
    """Between telegrams with currents; None before the first."""
    return None if snapshot.grid.reading is None else snapshot.grid.interval_s


def _queue(state: ControlState, positions: Mapping[SocketId, int]) -> Thing:
    waiting = sorted((position, socket) for socket, position in positions.items())
    return {
        "length": len(waiting),
        "waiting": [socket for _, socket in waiting],
        "active": sorted(socket for socket, seen in state.sockets.items() if _is_active(seen)),
        "ts": _iso(state.at.utc),
    }


def _fuse(fuse: Fuse, seen: FuseState, utc: datetime) -> Thing:
    loads = [load for load in seen.load_a if load is not None]
    free = [limit - load for limit, load in zip(seen.limit_a, seen.load_a, strict=True) if load is not None]
    known = len(loads) == len(seen.load_a)
    return {
        "rating_a": fuse.rating_a,
        "limit_a": _triple(seen.limit_a, 2),
        "load_a": _triple(seen.load_a, 2),
        "allocated_a": _triple(seen.allocated_a, 2),
        "headroom_a": rounded(min(free), 2) if known else None,
        "load_pct": rounded(100.0 * max(loads) / fuse.rating_a, 1) if known else None,
        "heat": _triple(seen.heat, 3),
        "overload": "ON" if any(load > fuse.rating_a for load in loads) else ("OFF" if known else None),
        "ts": _iso(utc),
    }


def _socket(socket: Socket, sight: SocketSight, state: ControlState, position: int, language: Language) -> Thing:
    seen = state.sockets[socket.id]
    now_s = state.at.monotonic_s
    reading = sight.reading
    measured = reading if reading is not None and now_s - reading.at.monotonic_s <= READING_S_MAX else None
    wallbox = sight.wallbox if sight.wallbox is not None and now_s - sight.wallbox.heard_s <= WALLBOX_S_MAX else None
    pilot = None if wallbox is None else wallbox.pilot
    counted = None if reading is None else reading.energy_import
    shown = shown_state(seen)
    problem = seen.locked or seen.problem
    running = seen.session is not None and seen.session.phase in STANDING
    return {
        "state": shown.value,
        "state_text": pick(SHOWN[shown], language),
        "session_phase": None if seen.session is None else seen.session.phase.value,
        "charge": "ON" if running else "OFF",
        "arm": "ON" if seen.armed else "OFF",
        "power_w": None if measured is None else rounded(measured.power_w, 0),
        "current_a": _triple(UNKNOWN_PER_PHASE if measured is None else measured.current_a, 2),
        "voltage_v": _triple(UNKNOWN_PER_PHASE if measured is None else measured.voltage_v, 1),
        "energy_import_kwh": None if counted is None else counted.kwh,
        **_session_facts(seen, reading),
        "queue_position": position,
        "turn_at": _turn_at(seen, state.at),
        "setpoint_a": rounded(seen.granted_a, 2),
        "applied_a": None if wallbox is None else rounded(wallbox.applied_a, 2),
        "phases_offered": None if wallbox is None else wallbox.phases,
        "limit_a": socket.rating_a if seen.limit_by_command_a is None else seen.limit_by_command_a,
        "rating_a": socket.rating_a,
        **_reason_facts("because", seen.because, language),
        **_figures(seen.because, state.at),
        "contactor": _on_off(_closed(seen.contactor_position)) if socket.contactor else None,
        "contactor_state": seen.contactor.value if socket.contactor else None,
        "contactor_evidence": seen.contactor_evidence.name.lower() if socket.contactor else None,
        "plug": None if pilot is None else _on_off(PLUGGED.get(pilot)),
        "pilot": None if pilot is None else pilot.value,
        "problem": "OFF" if problem is None else "ON",
        **_reason_facts("problem", problem, language),
        **phase_facts(socket, state.phases.get(socket.id)),
        "locked": seen.locked is not None,
        "charge_now": "ON" if socket.id in state.restraints.charge_now else "OFF",
        "ts": _iso(state.at.utc),
    }


def _turn_at(seen: SocketState, now: Instant) -> str | None:
    """When one that waits for room or for others will charge at the latest, if the house stays as it is; whole minutes,
    up, so that it stands still while nothing changes."""
    waits = seen.session is not None and seen.session.phase in (SessionPhase.QUEUED, SessionPhase.PAUSED)
    if not waits or seen.because.until_s is None or seen.because.why not in TELLS_TURN:
        return None
    left_s = max(0.0, seen.because.until_s - now.monotonic_s)
    at = now.utc + timedelta(seconds=round(left_s) + MINUTE_S - 1)
    return _iso(at.replace(second=0, microsecond=0))


def _reason_facts(key: str, because: Because | None, language: Language) -> dict[str, str | None]:
    return {
        f"{key}_code": None if because is None else because.why.value,
        f"{key}_text": None if because is None else reason(because, language),
    }


def _figures(because: Because, now: Instant) -> dict[str, str | float | None]:
    """What a reason names: fuse, phase, amperes, and until when (or from when on it may change)."""
    left_s = None if because.until_s is None else max(0.0, because.until_s - now.monotonic_s)
    return {
        "because_fuse": because.fuse,
        "because_phase": None if because.phase is None else because.phase.name,
        "because_current_a": rounded(because.current_a, 1),
        "because_until": None if left_s is None else _iso(now.utc + timedelta(seconds=round(left_s))),
    }


def _session_facts(seen: SocketState, reading: SocketReading | None) -> dict[str, str | Decimal | bool | None]:
    """Of the running session, or of the one that ended last: its figures stay readable until the next begins."""
    session = seen.session if seen.session is not None and seen.session.begin is not None else seen.last_ended
    shown = seen.session or seen.last_ended
    begin = None if session is None else session.begin
    return {
        "session_id": None if shown is None else shown.id,
        "session_has_token": None if shown is None else names_a_user(shown.token),
        "session_start": None if begin is None else _iso(begin.at.utc),
        "session_energy_kwh": None if session is None else _session_energy_kwh(session, reading),
    }


def _session_energy_kwh(session: Session, reading: SocketReading | None) -> Decimal | None:
    """Exactly the register difference as shown; None while a register is unknown or the meter was exchanged."""
    begin = None if session.begin is None else session.begin.energy_import
    last = session.end if session.end is not None else reading
    end = None if last is None else last.energy_import
    if begin is None or end is None or end.kwh < begin.kwh:
        return None
    return end.kwh - begin.kwh


def _positions(state: ControlState) -> dict[SocketId, int]:
    """Place in the queue, 1 is next."""
    places = {session: place for place, session in enumerate(state.queue, start=1)}
    return {
        socket: places[seen.session.id]
        for socket, seen in state.sockets.items()
        if seen.session is not None and seen.session.id in places
    }


def _is_active(seen: SocketState) -> bool:
    return shown_state(seen) in (ShownState.STARTING, ShownState.CHARGING, ShownState.PAUSED, ShownState.STOPPING)


def _is_heard(socket: Socket, sight: SocketSight, now_s: float) -> bool:
    if socket.metered:
        return sight.reading is not None and now_s - sight.reading.at.monotonic_s <= READING_S_MAX
    if socket.wallbox is not None:
        return sight.wallbox is not None and now_s - sight.wallbox.heard_s <= WALLBOX_S_MAX
    return True


def _closed(position: Position) -> bool | None:
    return None if position is Position.UNKNOWN else position is Position.CLOSED


def _on_off(on: bool | None) -> str | None:
    return None if on is None else ("ON" if on else "OFF")


def _triple(values: MaybePerPhase, digits: int) -> tuple[float | None, ...]:
    return tuple(rounded(value, digits) for value in values)


def _iso(utc: datetime) -> str:
    return utc.isoformat(timespec="seconds")
