"""How the session is called that takes an interrupted one's place."""

from typing import Final
from uuid import UUID, uuid5

from gateway.ids import SessionId

SUCCESSORS: Final = UUID("6b1f4a52-2f0e-5d7c-9a43-9f1c2f6d8e10")
"""Name space of the ids of sessions that follow one which a restart ended."""


def successor_of(session: SessionId) -> SessionId:
    """The id of the session that takes an interrupted one's place: the same however often recovery is cut short."""
    return SessionId(str(uuid5(SUCCESSORS, session)))
