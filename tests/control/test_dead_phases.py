"""A phase that is dead while others live is named, and nobody begins on it."""

import pytest

from gateway.control.state import SessionPhase
from gateway.ids import FuseId, SocketId
from gateway.quantities import Phase
from gateway.site.because import Why
from gateway.site.wishes import NoteEvent
from tests.control.cabinet_world import Cabinet
from tests.control.planned_site import MAIN, fuse, site, wallbox

GARAGE = FuseId("garage")
ROTATED = (Phase.L2, Phase.L3, Phase.L1)


def cabinet(*, dead: frozenset[int] = frozenset()) -> Cabinet:
    """p1 and p2 in the garage, p2 rotated; p3 on the main fuse, p4 there on L1 alone."""
    fuses = (fuse(rating_a=50.0), fuse("garage", 25.0, parent="main"))
    boxes = (
        wallbox("p1", on="garage"),
        wallbox("p2", on="garage", phases=ROTATED),
        wallbox("p3"),
        wallbox("p4", phases=(Phase.L1,)),
    )
    made = Cabinet(site(*boxes, fuses=fuses), house_a=[1.0, 1.0, 1.0])
    made.dead = dead
    if dead:
        made.house_a = [0.0 if phase in dead else 1.0 for phase in range(3)]
    return made


def named(made: Cabinet) -> list[tuple[FuseId | None, Phase | None]]:
    noted = [wish.because for _, wish in made.log if isinstance(wish, NoteEvent)]
    return [(because.fuse, because.phase) for because in noted if because.why is Why.DEAD_PHASE]


def phase_of(made: Cabinet, name: str) -> SessionPhase | None:
    session = made.state.sockets[SocketId(name)].session
    return None if session is None else session.phase


def test_a_blown_main_link_is_named_once_and_no_three_phase_session_begins_on_it() -> None:
    made = cabinet(dead=frozenset({1}))
    made.run(60)
    for name in ("p1", "p3", "p4"):
        made.plug(name)
    made.run(300)
    assert named(made) == [(MAIN, Phase.L2)]
    assert phase_of(made, "p1") is phase_of(made, "p3") is SessionPhase.QUEUED
    assert phase_of(made, "p4") is SessionPhase.CHARGING
    because = made.state.sockets[SocketId("p1")].because
    assert (because.why, because.fuse, because.phase) == (Why.DEAD_PHASE, MAIN, Phase.L2)


def test_when_the_link_is_changed_they_begin() -> None:
    made = cabinet(dead=frozenset({1}))
    made.plug("p3")
    made.run(200)
    assert phase_of(made, "p3") is SessionPhase.QUEUED
    made.dead = frozenset()
    made.run(60)
    assert phase_of(made, "p3") is SessionPhase.CHARGING
    assert not made.state.restraints.dead.places


def test_a_blown_link_of_a_lower_fuse_is_named_there_and_the_others_go_on() -> None:
    made = cabinet()
    for name in ("p1", "p2"):
        made.place(name).dead_phases = frozenset({2})
    made.run(30)
    for name in ("p1", "p2", "p3"):
        made.plug(name)
    made.run(120)
    assert named(made) == [(GARAGE, Phase.L3)]
    assert phase_of(made, "p1") is phase_of(made, "p2") is SessionPhase.QUEUED
    assert phase_of(made, "p3") is SessionPhase.CHARGING


def test_one_socket_without_a_phase_beside_one_that_has_it_is_its_own_trouble() -> None:
    made = cabinet()
    made.place("p1").dead_phases = frozenset({2})
    made.run(40)
    for name in ("p1", "p2"):
        made.plug(name)
    made.run(90)
    assert named(made) == []
    assert made.state.restraints.dead.places == frozenset()
    assert phase_of(made, "p2") is SessionPhase.CHARGING
    because = made.state.sockets[SocketId("p1")].because
    assert (because.why, because.fuse, because.phase) == (Why.DEAD_PHASE, GARAGE, Phase.L3)


def test_one_that_charges_already_is_left_alone() -> None:
    made = cabinet()
    made.plug("p3")
    made.run(200)
    made.dead = frozenset({1})
    made.house_a[1] = 0.0
    made.run(60)
    assert phase_of(made, "p3") is SessionPhase.CHARGING


def test_a_single_telegram_proves_nothing() -> None:
    made = cabinet()
    made.run(60)
    made.dead = frozenset({0})
    made.house_a[0] = 0.0
    made.run_until(lambda it: it.state.restraints.dead.telegrams[0] == 1, at_most_s=30)
    made.dead = frozenset()
    made.run(60)
    assert named(made) == []


@pytest.mark.parametrize("dead", [frozenset({0, 1, 2}), frozenset[int]()])
def test_all_dead_or_none_dead_is_no_blown_link(dead: frozenset[int]) -> None:
    made = cabinet()
    made.dead = dead
    made.run(60)
    assert named(made) == []


def test_phases_that_no_socket_lies_on_are_not_missed() -> None:
    made = Cabinet(site(wallbox("p1", phases=(Phase.L1,))), house_a=[1.0, 0.0, 0.0])
    made.dead = frozenset({1, 2})
    made.run(60)
    assert named(made) == []
