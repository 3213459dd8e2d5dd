"""What control wishes the world to be. Wishes are conditions, not events: the same wish twice is harmless.

Each carries its `because`. The shell keeps one latest wish per actuator and turns slow ones into outcomes.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.ids import SessionId, SocketId, Token
from gateway.meters.readings import SocketReading
from gateway.site.because import Because
from gateway.site.outcomes import Edge
from gateway.site.requests import Source


class EndKind(StrEnum):
    """How a session ended, as it stands in the signed end record."""

    COMPLETED = "completed"
    RECOVERED = "recovered"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class SetCurrent:
    """The wallbox shall offer at most this current (A per phase; 0 = stop). Wished every tick."""

    socket: SocketId
    current_a: float
    because: Because


@dataclass(frozen=True, slots=True)
class SetPhases:
    """The wallbox shall offer its first phase alone (1) or all (3). Wished every tick where a box can; it changes only
    while the setpoint is 0 and nothing flows."""

    socket: SocketId
    phases: int
    because: Because


@dataclass(frozen=True, slots=True)
class Close:
    """The contactor shall be closed. Wished only after the begin record is durable (sessions) or for idle `both`."""

    socket: SocketId
    because: Because


@dataclass(frozen=True, slots=True)
class Open:
    """The contactor shall be open. `trip`: do not wait for the current to fall."""

    socket: SocketId
    because: Because
    trip: bool = False


@dataclass(frozen=True, slots=True)
class TakeReading:
    """Take a billing-grade reading for that edge of the session (one outcome per wish; not repeated while open)."""

    socket: SocketId
    session: SessionId
    edge: Edge
    because: Because


@dataclass(frozen=True, slots=True)
class RecordBegin:
    """Sign and store the begin record. `continues`: the session that a restart ended; source: how the user is known."""

    socket: SocketId
    session: SessionId
    token: Token | None
    continues: SessionId | None
    reading: SocketReading
    because: Because
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class RecordEnd:
    """Sign and store the end record; energy is the register difference as shown.

    successor: the session that waits in its place from that moment on, stored with it: a person's place is never lost.
    """

    socket: SocketId
    session: SessionId
    kind: EndKind
    reading: SocketReading
    because: Because
    successor: SessionId | None = None


@dataclass(frozen=True, slots=True)
class NoteQueued:
    """Journal: this session waits in the queue (durable before its place is announced)."""

    socket: SocketId
    session: SessionId
    token: Token | None
    continues: SessionId | None
    because: Because
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class NoteWithdrawn:
    """Journal: this session left the queue without ever being energised or recorded."""

    socket: SocketId
    session: SessionId
    because: Because


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """Journal and publish: something people must know (overload, welded, lost meter ...)."""

    socket: SocketId | None
    because: Because


@dataclass(frozen=True, slots=True)
class SaveCheckpoint:
    """Journal: control's memory over restarts, as JSON text made by `control.checkpoint`."""

    text: str
    because: Because


Wish = (
    SetCurrent
    | SetPhases
    | Close
    | Open
    | TakeReading
    | RecordBegin
    | RecordEnd
    | NoteQueued
    | NoteWithdrawn
    | NoteEvent
    | SaveCheckpoint
)
