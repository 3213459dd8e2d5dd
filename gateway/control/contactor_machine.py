"""The table of a contactor: what we believe and what we command or see give what we believe next.

`UNKNOWN` at boot and whenever its board has not been heard. Reading a coil back is not feedback, but it is what most
cabinets have; `WELDED` needs a current or an auxiliary contact that contradicts an open coil, `NOT_CLOSED` an auxiliary
contact or a dead voltage that contradicts a closed one.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway.control.state import ContactorState
from gateway.errors import IllegalEvent


class ContactorEvent(StrEnum):
    """What is commanded or seen."""

    COMMANDED_OPEN = "commanded_open"
    COMMANDED_CLOSED = "commanded_closed"
    SEEN_OPEN = "seen_open"
    SEEN_CLOSED = "seen_closed"
    STUCK = "stuck"  # carries current, or its auxiliary is closed, though its coil is open
    DEAD = "dead"  # no voltage, or its auxiliary is open, though its coil is closed
    LOST = "lost"  # nothing of it has been seen for a while
    FREED = "freed"  # a person has looked at it


_S = ContactorState
_E = ContactorEvent

TABLE: Final[Mapping[tuple[ContactorState, ContactorEvent], ContactorState]] = {
    (_S.UNKNOWN, _E.COMMANDED_OPEN): _S.UNKNOWN,
    (_S.UNKNOWN, _E.COMMANDED_CLOSED): _S.UNKNOWN,
    (_S.UNKNOWN, _E.SEEN_OPEN): _S.OPEN,
    (_S.UNKNOWN, _E.SEEN_CLOSED): _S.CLOSED,
    (_S.UNKNOWN, _E.STUCK): _S.WELDED,
    (_S.UNKNOWN, _E.LOST): _S.UNKNOWN,
    (_S.UNKNOWN, _E.FREED): _S.UNKNOWN,
    (_S.OPEN, _E.COMMANDED_OPEN): _S.OPEN,
    (_S.OPEN, _E.COMMANDED_CLOSED): _S.CLOSING,
    (_S.OPEN, _E.SEEN_OPEN): _S.OPEN,
    (_S.OPEN, _E.SEEN_CLOSED): _S.OPENING,
    (_S.OPEN, _E.STUCK): _S.WELDED,
    (_S.OPEN, _E.LOST): _S.UNKNOWN,
    (_S.OPEN, _E.FREED): _S.OPEN,
    (_S.CLOSING, _E.COMMANDED_OPEN): _S.OPENING,
    (_S.CLOSING, _E.COMMANDED_CLOSED): _S.CLOSING,
    (_S.CLOSING, _E.SEEN_OPEN): _S.CLOSING,
    (_S.CLOSING, _E.SEEN_CLOSED): _S.CLOSED,
    (_S.CLOSING, _E.DEAD): _S.NOT_CLOSED,
    (_S.CLOSING, _E.LOST): _S.UNKNOWN,
    (_S.CLOSING, _E.FREED): _S.CLOSING,
    (_S.CLOSED, _E.COMMANDED_OPEN): _S.OPENING,
    (_S.CLOSED, _E.COMMANDED_CLOSED): _S.CLOSED,
    (_S.CLOSED, _E.SEEN_OPEN): _S.CLOSING,
    (_S.CLOSED, _E.SEEN_CLOSED): _S.CLOSED,
    (_S.CLOSED, _E.DEAD): _S.NOT_CLOSED,
    (_S.CLOSED, _E.LOST): _S.UNKNOWN,
    (_S.CLOSED, _E.FREED): _S.CLOSED,
    (_S.OPENING, _E.COMMANDED_OPEN): _S.OPENING,
    (_S.OPENING, _E.SEEN_OPEN): _S.OPEN,
    (_S.OPENING, _E.SEEN_CLOSED): _S.OPENING,
    (_S.OPENING, _E.STUCK): _S.WELDED,
    (_S.OPENING, _E.LOST): _S.UNKNOWN,
    (_S.OPENING, _E.FREED): _S.OPENING,
    (_S.WELDED, _E.COMMANDED_OPEN): _S.WELDED,
    (_S.WELDED, _E.SEEN_OPEN): _S.WELDED,
    (_S.WELDED, _E.SEEN_CLOSED): _S.WELDED,
    (_S.WELDED, _E.STUCK): _S.WELDED,
    (_S.WELDED, _E.LOST): _S.WELDED,
    (_S.WELDED, _E.FREED): _S.UNKNOWN,
    (_S.NOT_CLOSED, _E.COMMANDED_OPEN): _S.OPENING,
    (_S.NOT_CLOSED, _E.SEEN_OPEN): _S.NOT_CLOSED,
    (_S.NOT_CLOSED, _E.SEEN_CLOSED): _S.CLOSED,
    (_S.NOT_CLOSED, _E.DEAD): _S.NOT_CLOSED,
    (_S.NOT_CLOSED, _E.LOST): _S.UNKNOWN,
    (_S.NOT_CLOSED, _E.FREED): _S.UNKNOWN,
}


def next_state(state: ContactorState, event: ContactorEvent) -> ContactorState:
    """The state after an event. Raises `IllegalEvent` for a pair that the table does not hold (closing a contactor
    that has not been seen open, or a welded one)."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalEvent(f"a contactor that is {state} cannot take the event {event}") from None
