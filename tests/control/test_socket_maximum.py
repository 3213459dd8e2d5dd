"""A socket above its maximum is warned, then closed and its session ended, before its breaker would trip."""

import pytest

from gateway.ids import SessionId, SocketId
from gateway.site.because import Why
from gateway.site.requests import Source, StartSession
from gateway.site.wishes import EndKind, NoteEvent, RecordEnd
from hil.world.curves import breaker_trip_s
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, plain, site

RATING_A = 16.0


def overloaded(multiple: float) -> Cabinet:
    """A car that draws its share for a minute, and then so much."""
    made = Cabinet(site(plain("p1", rating_a=RATING_A), fuses=(fuse(rating_a=63.0),)), house_a=[1.0] * 3)
    made.run(90)
    made.plug("p1", Car(limit_a=10.0, phases=1))
    made.ask(StartSession(SocketId("p1"), SessionId("s-1"), None, Source.MQTT))
    made.run(60)
    assert made.place("p1").current_a > 5.0
    made.plug("p1", Car(limit_a=RATING_A * multiple, phases=1))
    return made


def seconds_to_open(made: Cabinet) -> float:
    return made.run_until(lambda it: not it.place("p1").closed, at_most_s=60)


@pytest.mark.parametrize("multiple", [1.15, 1.2, 1.3, 1.45, 1.6, 2.0, 2.5])
@pytest.mark.parametrize("curve", ["B", "C"])
def test_it_is_closed_well_before_its_breaker_trips(multiple: float, curve: str) -> None:
    made = overloaded(multiple)
    assert seconds_to_open(made) < breaker_trip_s(RATING_A, curve, RATING_A * multiple) / 2.0


def test_it_is_warned_first_and_the_session_ends_with_the_reason() -> None:
    made = overloaded(1.3)
    seconds_to_open(made)
    made.run(20)
    told = [(at_s, wish.because) for at_s, wish in made.log if isinstance(wish, NoteEvent)]
    warned = [at_s for at_s, because in told if because.why is Why.SOCKET_OVERLOAD_SOON]
    closed = [at_s for at_s, because in told if because.why is Why.SOCKET_OVERLOAD]
    assert len(warned) == len(closed) == 1
    assert 2.0 <= closed[0] - warned[0] <= 6.0
    ended = [wish for _, wish in made.log if isinstance(wish, RecordEnd)]
    assert [(wish.kind, wish.because.why) for wish in ended] == [(EndKind.COMPLETED, Why.SOCKET_OVERLOAD)]


def test_a_warning_that_passes_closes_nothing() -> None:
    made = overloaded(1.3)
    made.run(4)
    assert made.state.sockets[SocketId("p1")].problem is not None
    made.plug("p1", Car(limit_a=10.0, phases=1))
    made.run(30)
    assert made.place("p1").closed
    assert made.state.sockets[SocketId("p1")].problem is None


def test_a_tenth_above_is_within_what_meters_and_cars_are_off_by() -> None:
    made = overloaded(1.05)
    made.run(60)
    assert made.place("p1").closed
    assert made.state.sockets[SocketId("p1")].problem is None
