"""What the house is taken to draw, with meters that send often, poll slowly, or catch a car on its way."""

from itertools import pairwise

import pytest

from gateway.control.estimate import signed_current_a
from gateway.control.state import SessionPhase
from gateway.ids import SocketId
from gateway.meters.readings import GridReading
from tests.control.cabinet_seen import granted
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import MAIN, fuse, instant, site, wallbox


@pytest.mark.parametrize(("sockets", "poll_s"), [(1, 1), (2, 2), (3, 2), (8, 3), (8, 4)])
def test_a_house_that_falls_is_seen_and_used_with_a_telegram_each_second_and_slower_polls(
    sockets: int, poll_s: int
) -> None:
    boxes = tuple(wallbox(f"p{n}") for n in range(sockets))
    cabinet = Cabinet(site(*boxes), house_a=[9.0, 9.0, 9.0], telegram_every_s=1, poll_every_s=poll_s)
    cabinet.plug("p0")
    cabinet.run(120)
    assert granted(cabinet, "p0") == 11.0
    cabinet.house_a = [6.0, 6.0, 6.0]
    cabinet.run(8)
    assert cabinet.state.house_a == (6.0, 6.0, 6.0)
    cabinet.run_until(lambda c: granted(c, "p0") > 11.0, int(cabinet.site.raise_after_s) + 5)
    cabinet.run(60)
    assert granted(cabinet, "p0") == 14.0


def test_a_current_is_raised_at_most_every_five_seconds_however_often_the_grid_meter_sends() -> None:
    cabinet = Cabinet(site(wallbox("p0")), house_a=[13.0, 13.0, 13.0], telegram_every_s=1)
    cabinet.plug("p0")
    cabinet.run(90)
    changed_s: list[float] = []
    was = granted(cabinet, "p0")
    for second in range(120):
        cabinet.house_a = [max(1.0, 13.0 - 0.3 * second)] * 3
        cabinet.step()
        if granted(cabinet, "p0") != was:
            changed_s.append(cabinet.at_s)
            was = granted(cabinet, "p0")
    assert was == 16.0
    assert len(changed_s) >= 3
    assert min(after - before for before, after in pairwise(changed_s)) >= 5.0


@pytest.mark.parametrize("excess_a", [0.4, 0.9, 2.0])
def test_a_car_that_has_just_started_is_lowered_by_what_is_too_much_and_not_paused(excess_a: float) -> None:
    """The telegram is older than the car's first reading under its new current, which bounds what it drew."""
    box = wallbox("p0", step_a=0.1)
    cabinet = Cabinet(site(box, fuses=(fuse(rating_a=25.0),)), house_a=[15.0, 15.0, 15.0])
    cabinet.run(32)
    cabinet.plug("p0", Car())
    cabinet.run_until(lambda c: granted(c, "p0") > 0.0, 60)
    place = cabinet.place("p0")
    place.current_a = granted(cabinet, "p0")
    cabinet.run(2)
    told = granted(cabinet, "p0")
    place.meter_silent = True
    cabinet.house_a = [25.0 - told + excess_a] * 3
    while cabinet.at_s % 10:
        cabinet.step()
    session = cabinet.state.sockets[SocketId("p0")].session
    assert session is not None
    assert session.phase is SessionPhase.CHARGING
    assert granted(cabinet, "p0") == pytest.approx(told - excess_a, abs=0.11)


def test_cars_that_come_up_after_a_telegram_are_not_taken_for_an_excess_of_it_and_paused() -> None:
    """The telegram stays below the rating; what the cars add after it was granted, and is no part of it."""
    boxes = (wallbox("p0", step_a=0.1), wallbox("p1", step_a=0.1))
    cabinet = Cabinet(
        site(*boxes, fuses=(fuse(rating_a=20.0),)), house_a=[7.0] * 3, telegram_every_s=1, polled_before_s=0.1
    )
    cabinet.run(12)
    cabinet.plug("p0", Car())
    cabinet.plug("p1", Car())
    cabinet.run_until(lambda c: granted(c, "p0") > 0.0 and granted(c, "p1") > 0.0, 60)
    for place in cabinet.places.values():
        place.current_a = 3.0
    cabinet.raw_grid_a = (17.9, 17.9, 17.9)
    cabinet.step()
    cabinet.raw_grid_a = None
    for place in cabinet.places.values():
        place.current_a = place.setpoint_a
    cabinet.run(5)
    for name in ("p0", "p1"):
        session = cabinet.state.sockets[SocketId(name)].session
        assert session is not None
        assert session.phase is SessionPhase.CHARGING


def test_a_refused_telegram_may_raise_the_house_and_never_lets_it_fall() -> None:
    cabinet = Cabinet(site(wallbox("p0")), house_a=[8.0, 8.0, 8.0])
    cabinet.run(60)
    cabinet.grid_refused = ("power above current",)
    cabinet.house_a = [2.0, 2.0, 2.0]
    cabinet.run(30)
    assert cabinet.state.house_a == (8.0, 8.0, 8.0)
    cabinet.house_a = [9.0, 9.0, 9.0]
    cabinet.run(11)
    assert cabinet.state.house_a == (9.0, 9.0, 9.0)


def test_a_car_that_leaves_between_two_polls_makes_no_false_room() -> None:
    """The telegram is already without the car, the socket's newest reading still with it."""
    cabinet = Cabinet(site(wallbox("p0")), house_a=[3.0, 3.0, 3.0], telegram_every_s=1, poll_every_s=3)
    cabinet.plug("p0")
    cabinet.run(100)
    houses: list[float] = []
    for _ in range(20):
        cabinet.plug("p0")
        cabinet.run(13, lambda c: houses.append(c.state.house_a[0] or 0.0))
        cabinet.place("p0").car = None
        cabinet.place("p0").current_a = 0.0
        cabinet.run(6, lambda c: houses.append(c.state.house_a[0] or 0.0))
    assert min(houses) == 3.0


def exported(current_a: float, power_w: float) -> GridReading:
    three = (current_a, current_a, current_a)
    power = (power_w, power_w, power_w)
    volts = (230.0, 230.0, 230.0)
    return GridReading(instant(0.0), "p1", "1", None, None, three, volts, power, None, None, ())


@pytest.mark.parametrize(
    ("current_a", "power_w", "signed_a"),
    [(10.0, 2300.0, 10.0), (10.0, -2530.0, -10.0), (10.0, -253.0, -1.0), (10.0, 0.0, 10.0)],
)
def test_an_exported_current_is_credited_only_as_far_as_its_power_proves_it(
    current_a: float, power_w: float, signed_a: float
) -> None:
    assert signed_current_a(exported(current_a, power_w), 0) == pytest.approx(signed_a)


def test_a_car_that_draws_beyond_its_grant_while_it_comes_up_is_not_counted_twice() -> None:
    cabinet = Cabinet(site(wallbox("p1", contactor=True), wallbox("p2", contactor=True)))
    cabinet.plug("p1", Car(deaf=True))
    cabinet.plug("p2")
    highest_a = 0.0

    def watch(c: Cabinet) -> None:
        nonlocal highest_a
        believed = c.state.fuses[MAIN].load_a[0]
        assert believed is not None
        highest_a = max(highest_a, believed - max(c.main_a()))

    cabinet.run(70)
    cabinet.run(200, watch)
    assert highest_a <= 4.0
    assert cabinet.worst_heat < 0.5
    assert cabinet.state.memory.sockets[SocketId("p2")].switchings == 0
