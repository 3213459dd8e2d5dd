"""A box behind an open contactor that never showed that it obeys gets its turn, though nobody sees a car there."""

import pytest

from gateway.control.checkpoint import ControlCheckpoint
from gateway.control.past import Past
from gateway.ids import SocketId
from gateway.site.because import Why
from gateway.site.topology import QueueRules
from tests.control.cabinet_seen import charging
from tests.control.cabinet_world import Cabinet
from tests.control.planned_site import site, wallbox

SLICE_S = 900.0
OBEYED = Past((), (), ControlCheckpoint(obeyed=("p1",)).to_text())


def one_charges_beside_a_dark_box(failsafe_a: float | None, rules: QueueRules | None = None) -> Cabinet:
    """p1 is proven and takes the whole fuse; p2, with its car, got no power while the house drew much."""
    boxes = (wallbox("p1", contactor=True), wallbox("p2", contactor=True, failsafe_a=failsafe_a))
    cabinet = Cabinet(site(*boxes, rules=rules), house_a=[13.0, 13.0, 13.0], past=OBEYED)
    cabinet.plug("p1")
    cabinet.plug("p2")
    cabinet.run_until(lambda c: charging(c) == {"p1"}, 300)
    calm_down(cabinet)
    return cabinet


def calm_down(cabinet: Cabinet) -> None:
    """So slowly that p1 takes all that the house leaves."""
    while cabinet.house_a[0] > 2.0:
        cabinet.house_a = [amps - 2.75 for amps in cabinet.house_a]
        cabinet.run(60)
    assert cabinet.place("p1").current_a == pytest.approx(16.0)
    assert not cabinet.place("p2").closed


@pytest.mark.parametrize("failsafe_a", [None, 10.0])
def test_a_box_that_never_obeyed_is_powered_within_a_slice_though_another_fills_the_fuse(
    failsafe_a: float | None,
) -> None:
    cabinet = one_charges_beside_a_dark_box(failsafe_a)
    told = cabinet.state.sockets[SocketId("p2")].because
    assert told.why is Why.POWER_WAITS
    assert told.until_s is not None
    assert told.until_s <= 1000.0 + 60.0 + SLICE_S, "it is told when its turn comes"
    cabinet.run_until(lambda c: c.place("p2").closed, int(SLICE_S))
    assert cabinet.at_s <= told.until_s + 60.0
    cabinet.run_until(lambda c: charging(c) == {"p1", "p2"}, 300)
    assert cabinet.worst_heat < 0.1
    assert cabinet.over_rating_s == 0


def test_who_makes_way_for_a_proof_is_told_so_and_gets_its_room_back() -> None:
    cabinet = one_charges_beside_a_dark_box(None)
    whys = set()
    cabinet.place("p2").car = None
    for _ in range(int(SLICE_S) + 300):
        cabinet.step()
        whys.add(cabinet.state.sockets[SocketId("p1")].because.why)
    assert Why.ROOM_FOR_PROOF in whys
    assert cabinet.place("p2").closed
    assert cabinet.place("p1").current_a == pytest.approx(16.0)


def test_patience_shorter_than_a_slice_bounds_the_wait_for_power() -> None:
    cabinet = one_charges_beside_a_dark_box(None, QueueRules(slice_s=float("inf"), patience_s=400.0))
    cabinet.run_until(lambda c: c.place("p2").closed, 200)


def test_nobody_makes_way_for_a_proof_that_the_house_leaves_no_room_for() -> None:
    cabinet = one_charges_beside_a_dark_box(None)
    cabinet.house_a = [12.5, 12.5, 12.5]
    cabinet.run(30)
    cabinet.run(1200, watch=lambda c: charging(c) == {"p1"} or pytest.fail("p1 was sent away"))
    assert not cabinet.place("p2").closed


def test_boxes_that_never_obeyed_are_powered_one_after_the_other_beside_those_that_charge() -> None:
    names = [f"p{n}" for n in range(1, 6)]
    boxes = [wallbox(name, contactor=True, failsafe_a=None) for name in names]
    cabinet = Cabinet(site(*boxes), house_a=[13.0, 13.0, 13.0], past=OBEYED)
    cabinet.plug("p1")
    cabinet.run_until(lambda c: charging(c) == {"p1"}, 300)
    calm_down(cabinet)
    cabinet.run_until(lambda c: all(c.place(name).closed for name in names), int(SLICE_S) + 600)
    cabinet.run(120)
    assert cabinet.place("p1").current_a == pytest.approx(16.0)
