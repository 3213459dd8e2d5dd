"""What a socket is seen doing: the fixed options of Home Assistant's state sensor.

Home Assistant ignores a value outside the announced options and keeps the old one, so options are only ever added.
"""

from enum import StrEnum
from typing import Final

from gateway.control.state import SessionPhase, SocketState
from gateway.site.because import Why


class ShownState(StrEnum):
    """One socket's state for people and automations."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    ARMED = "armed"
    QUEUED = "queued"
    STARTING = "starting"
    CHARGING = "charging"
    PAUSED = "paused"
    STOPPING = "stopping"
    LOCKED = "locked"
    FAULT = "fault"


SHOWN_OF_PHASE: Final[dict[SessionPhase, ShownState]] = {
    SessionPhase.QUEUED: ShownState.QUEUED,
    SessionPhase.READING_BEGIN: ShownState.STARTING,
    SessionPhase.SIGNING_BEGIN: ShownState.STARTING,
    SessionPhase.READY: ShownState.STARTING,
    SessionPhase.CHARGING: ShownState.CHARGING,
    SessionPhase.PAUSED: ShownState.PAUSED,
    SessionPhase.LOWERING: ShownState.STOPPING,
    SessionPhase.OPENING: ShownState.STOPPING,
    SessionPhase.READING_END: ShownState.STOPPING,
    SessionPhase.SIGNING_END: ShownState.STOPPING,
    SessionPhase.ENDED: ShownState.IDLE,
}

STANDING: Final = frozenset(
    phase
    for phase, shown in SHOWN_OF_PHASE.items()
    if shown in (ShownState.QUEUED, ShownState.STARTING, ShownState.CHARGING, ShownState.PAUSED)
)
"""Phases in which the start/stop switch stands at ON."""


def shown_state(socket: SocketState) -> ShownState:
    """Locked first, then the session, then what keeps an idle socket from one."""
    if socket.locked is not None:
        return ShownState.LOCKED
    if socket.session is not None and socket.session.phase is not SessionPhase.ENDED:
        return SHOWN_OF_PHASE[socket.session.phase]
    if socket.problem is not None:
        return ShownState.FAULT
    if socket.because.why is Why.STARTUP:
        return ShownState.UNKNOWN
    return ShownState.ARMED if socket.armed else ShownState.IDLE
