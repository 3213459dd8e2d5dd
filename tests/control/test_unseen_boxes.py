"""What a box is told while its meter, or the box itself, says nothing: no more than what is counted for it leaves."""

from gateway.control.state import SessionPhase
from gateway.ids import SocketId
from gateway.quantities import Phase
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import MAIN, fuse, site, wallbox


def told_and_house_a(cabinet: Cabinet) -> list[float]:
    """On each phase of the main fuse: what is counted of the house and of all sockets (A)."""
    return [cabinet.state.fuses[MAIN].allocated_a[phase] for phase in Phase]


def test_a_car_whose_meter_falls_silent_is_lowered_to_what_fits_on_every_phase_it_may_draw_on() -> None:
    cabinet = Cabinet(site(wallbox("p0"), fuses=(fuse(rating_a=35.0),)), house_a=[2.0, 23.0, 23.0])
    cabinet.plug("p0", Car(phases=1))
    cabinet.run(300)
    assert cabinet.state.sockets[SocketId("p0")].granted_a == 16.0
    assert told_and_house_a(cabinet)[1:] == [23.0, 23.0]
    cabinet.place("p0").meter_silent = True
    cabinet.run_until(lambda now: told_and_house_a(now)[1] > 23.0)
    assert cabinet.state.sockets[SocketId("p0")].granted_a == 12.0


def test_a_silent_box_is_told_nothing_where_not_even_the_least_has_room() -> None:
    cabinet = Cabinet(site(wallbox("p0", failsafe_a=None)), house_a=[6.0] * 3)
    cabinet.plug("p0")
    cabinet.run(300)
    cabinet.place("p0").box_silent = True
    cabinet.run(60)
    assert cabinet.state.sockets[SocketId("p0")].granted_a == 6.0
    cabinet.house_a = [16.0] * 3
    cabinet.run(60)
    socket = cabinet.state.sockets[SocketId("p0")]
    assert socket.granted_a == 0.0
    assert socket.session is not None
    assert socket.session.phase is SessionPhase.PAUSED
    cabinet.house_a = [6.0] * 3
    cabinet.place("p0").box_silent = False
    cabinet.run(400)
    assert cabinet.state.sockets[SocketId("p0")].granted_a >= 10.0
