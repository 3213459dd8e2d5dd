"""What a socket's own register and voltage say of what stands around it: a breaker that has tripped, a register that
creeps behind an open contactor, one that stands still under load.

Creep (Directive 2014/32/EU, MI-003, no-load by analogy): behind a contactor that has been open for long the register
must not move by a single step; what it counts is no session's, so one that is paused ends, and the rest is the socket's
T0. Standstill: energy that the meter's own power adds up to, without a step of its register.
"""

from typing import Final

from gateway.control.contactors import CARRIES_A, DEAD_S, is_dark, since
from gateway.control.draft import Draft, SocketDraft
from gateway.control.memory import RegisterWatch
from gateway.control.sessions import end_session
from gateway.control.state import ContactorState, SessionPhase
from gateway.meters.readings import SocketReading
from gateway.quantities import EnergyRegister
from gateway.site.because import Because, Why
from gateway.site.snapshot import Position
from gateway.site.topology import Purpose
from gateway.site.wishes import EndKind

OPEN_FOR_S: Final = 30.0
"""So long a contactor is open before its register is watched: a meter may show its last step late."""
STILL_S: Final = 60.0
STILL_STEPS: Final = 3
STILL_WH: Final = 50.0
"""A register stands still if it should have moved by so many steps and by so much."""
GAP_S_MAX: Final = 10.0
"""A longer gap between two readings says nothing of what flowed in it."""


def watch_registers(draft: Draft) -> None:
    """Every metered socket's voltage, and its register where there is a new reading."""
    for it in draft.each():
        if not it.socket.metered:
            continue
        _watch_breaker(draft, it)
        reading = it.sight.reading
        register = None if reading is None else reading.energy_import
        if reading is None or register is None:
            continue
        before = it.memory.register
        if before is None or reading.at.monotonic_s > before.seen_s:
            _watch_creep(draft, it, reading, register)
            _watch_standstill(draft, it, reading, register)


def _watch_breaker(draft: Draft, it: SocketDraft) -> None:
    """No voltage where there must be some: at a meter on the supply side always, at any behind a closed contactor."""
    memory, sight = it.memory, it.sight.contactor
    told = memory.commanded is Position.CLOSED and sight is not None and sight.auxiliary is Position.CLOSED
    dark = (it.socket.meter_on_supply or told) and is_dark(it)
    memory.breaker_dark_since_s = since(memory.breaker_dark_since_s, dark, draft.now_s)
    memory.breaker_open = dark and draft.now_s - (memory.breaker_dark_since_s or 0.0) >= DEAD_S


def _watch_creep(draft: Draft, it: SocketDraft, reading: SocketReading, register: EnergyRegister) -> None:
    memory = it.memory
    if not it.socket.contactor or it.contactor is not ContactorState.OPEN:
        memory.open_kwh = None
        memory.creeps = False
        return
    if reading.at.monotonic_s - it.contactor_since_s < OPEN_FOR_S:
        memory.open_kwh = None  # what it showed before may be older than a closing that no reading fell into
        return
    if memory.open_kwh is not None and register.kwh > memory.open_kwh:
        memory.creeps = True
        if it.phase is SessionPhase.PAUSED:
            end_session(draft, it, EndKind.COMPLETED, Because(Why.REGISTER_CREEPS))
    memory.open_kwh = register.kwh


def _watch_standstill(draft: Draft, it: SocketDraft, reading: SocketReading, register: EnergyRegister) -> None:
    memory, at_s = it.memory, reading.at.monotonic_s
    watch = memory.register
    if watch is None or register.kwh != watch.kwh:
        memory.register = RegisterWatch(register.kwh, at_s, at_s)
        memory.stands_still = False
        return
    gap_s = at_s - watch.seen_s
    more_wh = max(0.0, reading.power_w or 0.0) * gap_s / 3600.0 if _flows(reading) and gap_s <= GAP_S_MAX else 0.0
    memory.register = watch = RegisterWatch(watch.kwh, watch.moved_s, at_s, watch.owed_wh + more_wh)
    if memory.stands_still or at_s - watch.moved_s < STILL_S:
        return
    if watch.owed_wh < max(STILL_WH, STILL_STEPS * float(register.step_kwh) * 1000.0):
        return
    memory.stands_still = True
    if it.socket.purpose is Purpose.BILLING:
        because = Because(Why.METER_STANDS_STILL)
        it.locked = because
        end_session(draft, it, EndKind.COMPLETED, because)


def _flows(reading: SocketReading) -> bool:
    return any(current_a is not None and current_a > CARRIES_A for current_a in reading.current_a)
