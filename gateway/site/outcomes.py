"""What became of slow wishes. Each comes back in a later snapshot; effects never chain inside the loop."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.clock import Instant
from gateway.ids import SessionId, SocketId
from gateway.meters.readings import SocketReading


class Edge(StrEnum):
    """Which end of a session a reading or a record belongs to."""

    BEGIN = "begin"
    END = "end"


@dataclass(frozen=True, slots=True)
class ReadingTaken:
    """A billing-grade reading (two agreeing polls) asked for by `TakeReading`."""

    socket: SocketId
    session: SessionId
    edge: Edge
    reading: SocketReading


@dataclass(frozen=True, slots=True)
class ReadingFailed:
    """The meter did not give an agreed reading in time. `TakeReading` may be wished again."""

    socket: SocketId
    session: SessionId
    edge: Edge
    problem: str


@dataclass(frozen=True, slots=True)
class RecordDurable:
    """The signed record of that edge is on disk; `page` is its pagination number."""

    session: SessionId
    edge: Edge
    page: int
    at: Instant


@dataclass(frozen=True, slots=True)
class RecordFailed:
    """The record could not be signed or stored: nothing may be energised for that session."""

    session: SessionId
    edge: Edge
    problem: str


Outcome = ReadingTaken | ReadingFailed | RecordDurable | RecordFailed
