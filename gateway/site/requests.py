"""What people and programs ask for. Made from command text by `publish/`, or by the supervisor at SIGTERM."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.ids import SessionId, SocketId, Token


class Source(StrEnum):
    """Who asked."""

    MQTT = "mqtt"
    AUTOMATIC = "automatic"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class StartSession:
    """Start a session on a socket. `session` is a fresh id made by the shell (control draws no randomness)."""

    socket: SocketId
    session: SessionId
    token: Token | None
    source: Source


@dataclass(frozen=True, slots=True)
class StopSession:
    """End whatever session the socket has, queued or running; also disarms an armed socket."""

    socket: SocketId
    source: Source


@dataclass(frozen=True, slots=True)
class Arm:
    """Let a plain socket start a session as soon as its full rating fits."""

    socket: SocketId
    session: SessionId
    token: Token | None
    source: Source


@dataclass(frozen=True, slots=True)
class LimitCurrent:
    """Cap a socket below its rating (A, 0 or 6..rating); None takes the cap away."""

    socket: SocketId
    current_a_max: float | None
    source: Source


@dataclass(frozen=True, slots=True)
class Unlock:
    """A person has looked at a locked socket (welded contactor, overload) and frees it."""

    socket: SocketId
    source: Source


@dataclass(frozen=True, slots=True)
class ShutDown:
    """SIGTERM: no new session, setpoints to 0, open cold, sign every stop."""


Request = StartSession | StopSession | Arm | LimitCurrent | Unlock | ShutDown
