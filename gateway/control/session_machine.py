"""The table of a session: phase and event give the next phase; what is absent is our bug and raises.

A session without a durable begin record (`QUEUED`, `READING_BEGIN`) is withdrawn when it is ended; one whose begin
record is on its way (`SIGNING_BEGIN`) waits for the outcome first; every later one gets a signed end record.

An interruption adds no state: after a restart a session with a durable begin record stands in `LOWERING` and is
completed as `recovered`; one without waits in the line again. Cancelled ones (never energised) are signed too, and not
billed. There is no third way (`control.recovery`). The drawing (`laddvakt states` prints it) is made from the table:

stateDiagram-v2
    [*] --> queued
    queued --> reading_begin: admitted
    queued --> ended: end_asked
    reading_begin --> queued: room_gone
    reading_begin --> signing_begin: begin_read
    reading_begin --> ended: end_asked
    signing_begin --> ready: begin_durable
    signing_begin --> ended: begin_refused
    ready --> charging: energised
    ready --> reading_end: end_asked
    charging --> paused: room_gone
    charging --> lowering: end_asked
    charging --> opening: tripped
    paused --> charging: room_back
    paused --> lowering: end_asked
    paused --> opening: tripped
    lowering --> opening: must_open, tripped
    lowering --> reading_end: at_rest
    opening --> reading_end: opened
    reading_end --> signing_end: end_read
    signing_end --> ended: end_durable
    ended --> [*]
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway.control.state import SessionPhase
from gateway.errors import IllegalEvent


class SessionEvent(StrEnum):
    """What happens to a session."""

    ADMITTED = "admitted"  # its room is free: take the begin reading
    BEGIN_READ = "begin_read"
    BEGIN_DURABLE = "begin_durable"
    BEGIN_REFUSED = "begin_refused"  # the begin record failed while the session is to end: nothing was signed
    ENERGISED = "energised"
    ROOM_GONE = "room_gone"
    ROOM_BACK = "room_back"
    END_ASKED = "end_asked"
    TRIPPED = "tripped"  # open at once, hot if need be
    AT_REST = "at_rest"  # below 1 A, or 6 s are over; nothing to open
    MUST_OPEN = "must_open"  # the same, and the contactor has to open
    OPENED = "opened"  # seen open, or proven to be stuck: either way the end can be read
    END_READ = "end_read"
    END_DURABLE = "end_durable"


_P = SessionPhase
_E = SessionEvent

TABLE: Final[Mapping[tuple[SessionPhase, SessionEvent], SessionPhase]] = {
    (_P.QUEUED, _E.ADMITTED): _P.READING_BEGIN,
    (_P.QUEUED, _E.END_ASKED): _P.ENDED,
    (_P.READING_BEGIN, _E.BEGIN_READ): _P.SIGNING_BEGIN,
    (_P.READING_BEGIN, _E.ROOM_GONE): _P.QUEUED,
    (_P.READING_BEGIN, _E.END_ASKED): _P.ENDED,
    (_P.SIGNING_BEGIN, _E.BEGIN_DURABLE): _P.READY,
    (_P.SIGNING_BEGIN, _E.BEGIN_REFUSED): _P.ENDED,
    (_P.SIGNING_BEGIN, _E.END_ASKED): _P.SIGNING_BEGIN,
    (_P.READY, _E.ENERGISED): _P.CHARGING,
    (_P.READY, _E.END_ASKED): _P.READING_END,
    (_P.CHARGING, _E.ROOM_GONE): _P.PAUSED,
    (_P.CHARGING, _E.END_ASKED): _P.LOWERING,
    (_P.CHARGING, _E.TRIPPED): _P.OPENING,
    (_P.PAUSED, _E.ROOM_BACK): _P.CHARGING,
    (_P.PAUSED, _E.END_ASKED): _P.LOWERING,
    (_P.PAUSED, _E.TRIPPED): _P.OPENING,
    (_P.LOWERING, _E.AT_REST): _P.READING_END,
    (_P.LOWERING, _E.MUST_OPEN): _P.OPENING,
    (_P.LOWERING, _E.TRIPPED): _P.OPENING,
    (_P.LOWERING, _E.END_ASKED): _P.LOWERING,
    (_P.OPENING, _E.OPENED): _P.READING_END,
    (_P.OPENING, _E.TRIPPED): _P.OPENING,
    (_P.OPENING, _E.END_ASKED): _P.OPENING,
    (_P.READING_END, _E.END_READ): _P.SIGNING_END,
    (_P.READING_END, _E.END_ASKED): _P.READING_END,
    (_P.SIGNING_END, _E.END_DURABLE): _P.ENDED,
    (_P.SIGNING_END, _E.END_ASKED): _P.SIGNING_END,
}


def next_phase(phase: SessionPhase, event: SessionEvent) -> SessionPhase:
    """The phase after an event. Raises `IllegalEvent` for a pair that the table does not hold."""
    try:
        return TABLE[phase, event]
    except KeyError:
        raise IllegalEvent(f"a session in phase {phase} cannot take the event {event}") from None
