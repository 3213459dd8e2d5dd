"""What a telegram shows to be too much is gone before the next one, though cars were on their way down meanwhile."""

from itertools import product

import pytest

from gateway.control.state import SessionPhase
from gateway.ids import SocketId
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, site, wallbox

RATING_A = 40.0
SHOWN_A = 0.01 * RATING_A
"""Less is not called an overload: a meter of class B may err by as much."""


@pytest.mark.parametrize(("lag_s", "poll_every_s", "before_s"), [*product((1, 2), (1, 2), (2, 3, 4))])
def test_an_overload_that_a_small_fall_of_the_cars_might_explain_is_gone_before_the_next_telegram(
    lag_s: int, poll_every_s: int, before_s: int
) -> None:
    boxes = [wallbox(f"p{n}", rating_a=16.0) for n in range(2)]
    told = site(*boxes, fuses=(fuse(rating_a=RATING_A),), house_load_a_max=(30.0, 30.0, 30.0))
    world = Cabinet(told, house_a=[8.0, 8.0, 8.0], telegram_lag_s=lag_s, poll_every_s=poll_every_s)
    for place in ("p0", "p1"):
        world.plug(place, Car(limit_a=15.5))
    world.run(280)
    world.run_until(lambda cabinet: int(cabinet.at_s + lag_s + before_s) % cabinet.telegram_every_s == 0)
    assert max(world.main_a()) > RATING_A - 2.0
    car = world.place("p1").car
    assert car is not None
    car.limit_a = 13.5
    world.run(before_s - 1)
    world.house_a = [8.0, 12.5, 8.0]
    world.run(1 + lag_s)
    assert int(world.at_s) % world.telegram_every_s == 0
    assert world.main_a()[1] > RATING_A + SHOWN_A
    world.run(9)
    assert world.main_a()[1] <= RATING_A + SHOWN_A


def test_while_a_car_that_left_may_explain_an_overload_nobody_takes_its_place() -> None:
    boxes = [wallbox(f"p{n}", rating_a=16.0) for n in range(3)]
    told = site(*boxes, fuses=(fuse(rating_a=30.0),), house_load_a_max=(30.0, 30.0, 30.0))
    world = Cabinet(told, house_a=[16.0, 16.0, 16.0], telegram_lag_s=1)
    for place in ("p0", "p1", "p2"):
        world.plug(place, Car(limit_a=16.0))
        world.run(140)
    world.run_until(lambda cabinet: int(cabinet.at_s) % cabinet.telegram_every_s == 8)
    waiting = world.state.sockets[SocketId("p2")].session
    assert waiting is not None
    assert waiting.phase is SessionPhase.QUEUED
    world.place("p1").car = None
    world.house_a = [24.5, 24.5, 24.5]
    world.run(2)
    assert max(world.main_a()) > 30.0 + SHOWN_A
    assert all(world.state.memory.excess_doubted)
    for _ in range(9):
        world.step()
        assert world.place("p2").setpoint_a == 0.0
    world.run(10)
    assert not any(world.state.memory.excess_doubted)
    assert max(world.main_a()) <= 30.0 + SHOWN_A
