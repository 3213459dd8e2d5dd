"""Auxiliary contacts that lie, contactors that do not close, boxes that nobody has seen obey."""

from dataclasses import replace

import pytest

from gateway.control.state import SessionPhase
from gateway.ids import SocketId
from gateway.site.because import Why
from gateway.site.snapshot import Evidence, Position
from gateway.site.wishes import Close, NoteEvent, Open
from tests.control.cabinet_seen import start
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import plain, site, wallbox

COMMANDS = (Open.__name__, Close.__name__)


class OpenAuxiliary(Cabinet):
    """A cabinet whose auxiliary contacts all say open from some moment on."""

    says_open = False

    def _see(self) -> None:
        super()._see()
        for place in self.places.values():
            if self.says_open and place.contactor_sight is not None:
                place.contactor_sight = replace(place.contactor_sight, auxiliary=Position.OPEN)


class LettingGo(Cabinet):
    """A cabinet whose relays let go by themselves 30 s after they were closed, as a timed close does."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.closed_s: dict[str, float] = {}

    def _see(self) -> None:
        for name, place in self.places.items():
            if not place.closed:
                self.closed_s.pop(name, None)
            elif self.at_s - self.closed_s.setdefault(name, self.at_s) > 30.0:
                place.closed = False
        super()._see()


class MuteBoxes(Cabinet):
    """A cabinet whose boxes tell their state and never the current that they offer."""

    def _see(self) -> None:
        super()._see()
        for place in self.places.values():
            if place.box_sight is not None:
                place.box_sight = replace(place.box_sight, applied_a=None)


def changes(cabinet: Cabinet, seconds: int) -> list[str]:
    """Every change between Open and Close that was wished in that time, in order."""
    wished = [name for wish in cabinet.wishes if (name := type(wish).__name__) in COMMANDS][:1]

    def look(now: Cabinet) -> None:
        for wish in now.wishes:
            name = type(wish).__name__
            if name in COMMANDS and wished[-1:] != [name]:
                wished.append(name)

    cabinet.run(seconds, look)
    return wished[1:]


def charging(*, load_a: float) -> OpenAuxiliary:
    cabinet = OpenAuxiliary(site(plain("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(limit_a=load_a))
    cabinet.run(80)
    cabinet.ask(start("p1"))
    cabinet.run(60)
    session = cabinet.state.sockets[SocketId("p1")].session
    assert session is not None
    assert session.phase is SessionPhase.CHARGING
    return cabinet


def test_an_auxiliary_contact_that_lies_does_not_open_under_load_and_is_named() -> None:
    cabinet = charging(load_a=8.0)
    cabinet.says_open = True
    assert changes(cabinet, 300) == []
    socket = cabinet.state.sockets[SocketId("p1")]
    assert socket.problem is not None
    assert socket.problem.why is Why.AUXILIARY_DISAGREES
    assert (socket.contactor_position, socket.contactor_evidence) == (Position.CLOSED, Evidence.METER)


def test_a_contactor_that_does_not_close_rests_between_tries_and_is_locked_at_the_third() -> None:
    cabinet = charging(load_a=0.0)
    cabinet.says_open = True
    assert changes(cabinet, 3600) == ["Open", "Close", "Open", "Close", "Open"]
    socket = cabinet.state.sockets[SocketId("p1")]
    assert socket.locked is not None
    assert socket.locked.why is Why.CONTACTOR_NOT_CLOSED
    assert socket.problem is not None
    assert socket.problem.why is Why.CONTACTOR_NOT_CLOSED
    assert socket.session is None
    told = [wish for _, wish in cabinet.log if isinstance(wish, NoteEvent)]
    assert any(wish.because.why is Why.CONTACTOR_NOT_CLOSED for wish in told)


def test_an_empty_place_whose_box_says_no_current_proves_nothing() -> None:
    cabinet = MuteBoxes(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.run(120)
    socket = cabinet.state.sockets[SocketId("p1")]
    assert not socket.obeys
    assert socket.reserved_a == (0.0, 0.0, 0.0), "nobody is there, and the box says so"
    cabinet.plug("p1", Car(deaf=True, deaf_a=16.0))
    cabinet.run(2)
    socket = cabinet.state.sockets[SocketId("p1")]
    assert not socket.obeys
    assert socket.reserved_a[0] == pytest.approx(16.0), "a car is there, and whether the box obeys is not known"


def test_a_car_that_waits_without_current_proves_its_box() -> None:
    cabinet = MuteBoxes(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car())
    cabinet.run(120)
    assert cabinet.state.sockets[SocketId("p1")].obeys


def test_a_relay_that_lets_go_by_itself_rests_before_it_is_closed_again_and_is_locked_at_the_third() -> None:
    cabinet = LettingGo(site(plain("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(limit_a=8.0))
    cabinet.run(80)
    cabinet.ask(start("p1"))
    wished = changes(cabinet, 3000)
    socket = cabinet.state.sockets[SocketId("p1")]
    assert wished == ["Close", "Open", "Close", "Open", "Close", "Open"]
    assert socket.locked is not None
    assert socket.locked.why is Why.CONTACTOR_NOT_CLOSED
    assert socket.session is None
    told = [wish.because.why for _, wish in cabinet.log if isinstance(wish, NoteEvent)]
    assert told.count(Why.CONTACTOR_NOT_CLOSED) >= 3


def test_a_board_that_was_silent_closes_again_only_after_the_minimum_off_time_since_it_was_seen_open() -> None:
    """The board keeps its relay closed while it is silent; the order to open reaches it when it is heard again."""
    cabinet = Cabinet(site(wallbox("p1", contactor=True), wallbox("p2")), house_a=[7.0, 7.0, 7.0])
    cabinet.run(90)
    cabinet.house_a = [16.0, 16.0, 16.0]
    cabinet.run(20)
    cabinet.plug("p1")
    cabinet.run(20)
    place = cabinet.place("p1")
    assert place.closed
    place.board_silent = True
    cabinet.run(200)
    assert place.closed
    cabinet.house_a = [7.0, 7.0, 7.0]
    place.board_silent = False
    place.closed = False
    assert cabinet.run_until(lambda c: c.place("p1").closed, 200) >= 60.0
