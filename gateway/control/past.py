"""What the journal knows of the time before this start: read by the shell, used once by `control.recover`."""

from dataclasses import dataclass

from gateway.ids import SessionId, SocketId, Token
from gateway.site.requests import Source


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session with a durable begin record and no end record: it must end as `recovered`."""

    id: SessionId
    socket: SocketId
    token: Token | None
    successor: SessionId
    """Fresh id for the session that takes its old place in the queue (`continues` = id)."""
    source: Source | None = None
    """None: the journal of an older version does not say."""


@dataclass(frozen=True, slots=True)
class QueuedSession:
    """A session that waited, in the order of the queue."""

    id: SessionId
    socket: SocketId
    token: Token | None
    continues: SessionId | None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """Everything to recover from. checkpoint_text: the newest `SaveCheckpoint`, None at the very first start."""

    open_sessions: tuple[OpenSession, ...]
    queued: tuple[QueuedSession, ...]
    checkpoint_text: str | None
