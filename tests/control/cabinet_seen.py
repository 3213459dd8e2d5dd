"""What a test asks of a cabinet, and what is seen in it: who charges, with how much, and what was told."""

from gateway.control.state import SessionPhase, SocketState
from gateway.ids import SessionId, SocketId
from gateway.site.because import Why
from gateway.site.requests import Source, StartSession
from gateway.site.wishes import NoteEvent
from tests.control.cabinet_world import Cabinet


def start(name: str, session: str = "") -> StartSession:
    return StartSession(SocketId(name), SessionId(session or f"s-{name}"), None, Source.MQTT)


def charging(cabinet: Cabinet) -> set[str]:
    return {
        str(name)
        for name, one in cabinet.state.sockets.items()
        if one.session is not None and one.session.phase is SessionPhase.CHARGING
    }


def granted(cabinet: Cabinet, name: str) -> float:
    return cabinet.state.sockets[SocketId(name)].granted_a


def seen(cabinet: Cabinet, name: str) -> SocketState:
    return cabinet.state.sockets[SocketId(name)]


def events(cabinet: Cabinet) -> list[Why]:
    return [wish.because.why for _, wish in cabinet.log if isinstance(wish, NoteEvent)]
