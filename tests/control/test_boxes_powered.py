"""Boxes behind a contactor: when they get their power, and one at a time while they have not shown that they obey."""

import pytest

from gateway.site.because import Why
from gateway.site.topology import FuseKind
from tests.control.cabinet_seen import seen, start
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, site, wallbox


def unproven_with_power(cabinet: Cabinet) -> int:
    """How many boxes have power that have not shown yet that they obey."""
    sockets = cabinet.state.sockets
    return sum(place.closed and not sockets[name].obeys for name, place in cabinet.places.items())


def test_a_box_with_a_contactor_gets_power_when_idle_and_keeps_it_between_sessions() -> None:
    cabinet = Cabinet(site(wallbox("p1", contactor=True)), house_a=[1.0, 1.0, 1.0])
    cabinet.run(5)
    assert not cabinet.place("p1").closed
    cabinet.run(90)
    assert cabinet.place("p1").closed
    cabinet.plug("p1", Car(energy_wh=100.0))
    cabinet.run(200)
    assert cabinet.ended == ["auto-1"]
    assert cabinet.place("p1").closed


def test_an_unproven_box_with_a_contactor_is_powered_alone_to_show_that_it_obeys() -> None:
    boxes = (wallbox("p1", contactor=True, failsafe_a=None), wallbox("p2", contactor=True, failsafe_a=None))
    cabinet = Cabinet(site(*boxes), house_a=[7.0, 7.0, 7.0])
    powered: list[int] = []
    cabinet.run(120, lambda c: powered.append(unproven_with_power(c)))
    assert max(powered[5:]) == 1
    assert all(seen(cabinet, name).obeys for name in ("p1", "p2"))


def test_a_box_that_is_too_tight_to_be_powered_names_the_fuse_and_the_missing_amperes() -> None:
    fuses = (fuse(rating_a=50.0), fuse("garage", 10.0, FuseKind.C, parent="main"))
    cabinet = Cabinet(site(wallbox("p1", "garage", contactor=True, failsafe_a=None), fuses=fuses), house_a=[1.0] * 3)
    cabinet.run(120)
    because = seen(cabinet, "p1").because
    assert (because.why, because.fuse) == (Why.POWER_WAITS, "garage")
    assert because.current_a == pytest.approx(16.0 - 11.3)
    cabinet.ask(start("p1"))
    cabinet.run(5)
    assert seen(cabinet, "p1").because.why is Why.POWER_WAITS
    assert not cabinet.place("p1").closed


def test_two_boxes_are_not_powered_into_the_same_room() -> None:
    boxes = tuple(wallbox(f"p{n}", contactor=True, failsafe_a=10.0) for n in (1, 2))
    cabinet = Cabinet(site(*boxes), house_a=[1.0, 1.0, 1.0])
    unproven: list[int] = []
    cabinet.run(90, lambda c: unproven.append(unproven_with_power(c)))
    assert max(unproven[5:]) == 1
    assert all(place.closed for place in cabinet.places.values())


def test_unproven_boxes_are_powered_one_at_a_time_though_there_is_room_for_all() -> None:
    boxes = tuple(wallbox(f"p{n}", contactor=True, failsafe_a=None) for n in range(3))
    cabinet = Cabinet(site(*boxes, fuses=(fuse(rating_a=125.0),)), house_a=[1.0, 1.0, 1.0])
    unproven: list[int] = []
    cabinet.run(120, lambda c: unproven.append(unproven_with_power(c)))
    assert max(unproven[5:]) == 1
    assert all(place.closed for place in cabinet.places.values())
