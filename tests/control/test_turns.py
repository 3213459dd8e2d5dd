"""Time slices: where not all fit, everybody's turn comes, contactors rest, and people are told when."""

from math import inf

import pytest

from gateway.control.past import OpenSession, Past
from gateway.control.recovery import recover
from gateway.control.state import SessionPhase
from gateway.ids import SessionId, SocketId
from gateway.quantities import Phase
from gateway.site.because import Why
from gateway.site.requests import Source, StopSession
from gateway.site.topology import Access, QueueRules
from gateway.site.wishes import SaveCheckpoint
from tests.control.cabinet_seen import charging, start
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, instant, plain, site, wallbox

SLICE_S = 300.0
RULES = QueueRules(slice_s=SLICE_S)


def boxes(number: int) -> Cabinet:
    """On a 20 A main with 7 A of house two boxes fit at 6 A."""
    cabinet = Cabinet(site(*(wallbox(f"p{n}") for n in range(number)), rules=RULES))
    for n in range(number):
        cabinet.plug(f"p{n}")
    return cabinet


@pytest.mark.parametrize("number", [3, 5])
def test_everybody_charges_and_waits_for_at_most_the_turns_of_those_ahead(number: int) -> None:
    cabinet = boxes(number)
    served_s = dict.fromkeys(cabinet.places, cabinet.at_s)
    longest_s = 0.0

    def watch(c: Cabinet) -> None:
        nonlocal longest_s
        for name in c.places:
            if str(name) in charging(c):
                served_s[name] = c.at_s
            longest_s = max(longest_s, c.at_s - served_s[name])

    cabinet.run(8 * SLICE_S, watch)
    assert longest_s <= (number // 2 + 1) * (SLICE_S + 60.0)
    shares = [place.served_wh for place in cabinet.places.values()]
    assert min(shares) >= 0.6 * max(shares)
    assert cabinet.over_rating_s == 0


def test_nobody_makes_way_before_its_slice_is_over() -> None:
    cabinet = boxes(3)
    cabinet.run(60)
    assert charging(cabinet) == {"p0", "p1"}
    since_s = cabinet.at_s
    cabinet.run_until(lambda c: "p2" in charging(c), 1200)
    assert SLICE_S - 60.0 <= cabinet.at_s - since_s <= SLICE_S + 30.0
    assert cabinet.state.sockets[SocketId("p0")].because.why is Why.QUEUED
    assert cabinet.state.queue == ("auto-1",)


def test_the_told_turn_comes_at_that_time_at_the_latest() -> None:
    cabinet = boxes(4)
    cabinet.run(60)
    told = {name: cabinet.state.sockets[SocketId(name)].because.until_s for name in ("p2", "p3")}
    came: dict[str, float] = {}

    def watch(c: Cabinet) -> None:
        for name in told:
            if name in charging(c):
                came.setdefault(name, c.at_s)

    cabinet.run(1.5 * SLICE_S, watch)
    for name, until_s in told.items():
        assert until_s is not None
        assert came[name] == pytest.approx(until_s, abs=40.0)


def test_nobody_makes_way_where_all_fit() -> None:
    cabinet = boxes(2)
    cabinet.run(60)
    since_s = [one.session.phase_since_s for one in cabinet.state.sockets.values() if one.session]
    cabinet.run(2 * SLICE_S)
    assert [one.session.phase_since_s for one in cabinet.state.sockets.values() if one.session] == since_s


def test_a_plain_socket_that_needs_ten_amperes_is_not_let_in_for_nothing() -> None:
    cabinet = Cabinet(site(wallbox("p1"), plain("h1"), rules=RULES), house_a=[12.0, 12.0, 12.0])
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.ask(start("h1"))
    cabinet.run(2 * SLICE_S)
    assert charging(cabinet) == {"p1"}


def test_a_contactor_switches_at_most_once_per_slice() -> None:
    cabinet = Cabinet(site(plain("h1"), plain("h2"), plain("h3"), rules=RULES), house_a=[5.0, 0.0, 0.0])
    for name in ("h1", "h2", "h3"):
        cabinet.place(name).car = Car(limit_a=9.0, phases=1)
        cabinet.ask(start(name))
    switched = 0
    closed = dict.fromkeys(cabinet.places, False)

    def watch(c: Cabinet) -> None:
        nonlocal switched
        for name, place in c.places.items():
            switched += place.closed and not closed[name]
            closed[name] = place.closed

    cabinet.run(9 * SLICE_S, watch)
    assert all(place.served_wh > 300.0 for place in cabinet.places.values())
    assert switched <= 9 + 3


def test_a_fuse_that_allows_one_session_lets_them_take_turns() -> None:
    fuses = (fuse(), fuse("garage", 32.0, parent="main", sessions_max=1))
    cabinet = Cabinet(
        site(wallbox("p1", "garage"), wallbox("p2", "garage"), fuses=fuses, rules=RULES), house_a=[0.0, 0.0, 0.0]
    )
    cabinet.plug("p1")
    cabinet.plug("p2")
    cabinet.run(60)
    assert cabinet.state.sockets[SocketId("p2")].because.until_s is not None
    cabinet.run(2 * SLICE_S)
    assert all(place.served_wh > 0.0 for place in cabinet.places.values())


def test_one_that_a_kettle_pauses_before_each_end_of_its_slice_does_not_keep_the_others_waiting_for_ever() -> None:
    cabinet = Cabinet(site(*(wallbox(f"p{n}") for n in range(3)), rules=RULES), house_a=[13.0, 13.0, 13.0])
    for n in range(3):
        cabinet.plug(f"p{n}")

    def kettle(c: Cabinet) -> None:
        c.house_a[0] = 16.0 if c.at_s % 280.0 < 40.0 else 13.0

    cabinet.run(12 * SLICE_S, kettle)
    shares = [place.served_wh for place in cabinet.places.values()]
    assert min(shares) >= 0.5 * max(shares)
    assert cabinet.worst_heat < 0.1


def test_one_whose_patience_is_over_goes_before_one_that_is_paused_again_and_again() -> None:
    rules = QueueRules(slice_s=7200.0, patience_s=900.0)
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2"), rules=rules), house_a=[13.0, 13.0, 13.0])
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.plug("p2")

    def kettle(c: Cabinet) -> None:
        c.house_a[0] = 16.0 if c.at_s % 600.0 < 120.0 else 13.0

    cabinet.run(2400, kettle)
    assert cabinet.place("p2").served_wh > 0.0


def test_a_restart_begins_no_slice_anew() -> None:
    cabinet = boxes(3)
    cabinet.run_until(lambda c: charging(c) == {"p0", "p1"}, 200)
    cabinet.run(SLICE_S / 2)
    cabinet.ask(StopSession(SocketId("p1"), Source.MQTT))
    cabinet.run(5)
    text = [wish.text for _, wish in cabinet.log if isinstance(wish, SaveCheckpoint)][-1]
    opens = (OpenSession(SessionId("auto-1"), SocketId("p0"), None, SessionId("new-p0")),)
    after = recover(cabinet.site, Past(opens, (), text), instant(5.0))
    assert SLICE_S / 2 <= after.memory.sockets[SocketId("p0")].turn_used_s < SLICE_S
    assert after.memory.sockets[SocketId("p2")].turn_used_s < 30.0


def test_without_slices_the_first_keep_their_room() -> None:
    cabinet = Cabinet(site(*(wallbox(f"p{n}") for n in range(3)), rules=QueueRules(slice_s=inf)))
    for n in range(3):
        cabinet.plug(f"p{n}")
    cabinet.run(3 * SLICE_S)
    assert charging(cabinet) == {"p0", "p1"}
    assert cabinet.state.sockets[SocketId("p2")].because.until_s is None


def test_one_whose_turn_was_over_stands_at_the_end_of_the_line_after_a_restart() -> None:
    cabinet = boxes(4)
    cabinet.run_until(lambda c: charging(c) == {"p2", "p3"}, 1200)
    text = [wish.text for _, wish in cabinet.log if isinstance(wish, SaveCheckpoint)][-1]
    opens = tuple(
        OpenSession(one.session.id, name, None, SessionId(f"new-{name}"))
        for name, one in cabinet.state.sockets.items()
        if one.session is not None and one.session.phase in (SessionPhase.CHARGING, SessionPhase.PAUSED)
    )
    assert len(opens) == 4
    after = recover(cabinet.site, Past(opens, (), text), instant(5.0))
    assert after.queue == ("new-p2", "new-p3", "new-p0", "new-p1")


def test_a_session_that_was_paused_for_want_of_room_comes_back_though_nothing_is_to_spare() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2"), rules=QueueRules(slice_s=inf)), house_a=[8.0, 8.0, 8.0])
    cabinet.plug("p1")
    cabinet.plug("p2")
    cabinet.run(60)
    cabinet.house_a = [9.0, 9.0, 9.0]
    cabinet.run(20)
    assert charging(cabinet) == {"p1"}
    cabinet.house_a = [8.0, 8.0, 8.0]
    cabinet.run(800)
    assert charging(cabinet) == {"p1", "p2"}


def test_small_needs_overtake_a_great_one_three_times_and_then_its_room_is_saved() -> None:
    """Boxes come and go so that 10 A are never free at once, though each time one leaves 6 A are."""
    names = ("p1", "p2")
    boxes_of_two = tuple(wallbox(name, phases=(Phase.L1,), access=Access.COMMAND) for name in names)
    built = site(plain("h1"), *boxes_of_two, rules=QueueRules(slice_s=inf))
    cabinet = Cabinet(built, house_a=[8.0, 0.0, 0.0])
    cabinet.place("h1").car = Car(limit_a=9.0, phases=1)
    for name in names:
        cabinet.plug(name, Car(limit_a=6.0, phases=1))
    cabinet.run(70)
    cabinet.ask(start("p1", "p1-0"))
    cabinet.run(20)
    cabinet.ask(start("h1"))
    cabinet.run(2)
    overtook = []
    for turn, name in enumerate(("p2", "p1", "p2", "p1", "p2", "p1"), start=1):
        cabinet.ask(start(name, f"{name}-{turn}"))
        cabinet.run(20)
        overtook.append(name in charging(cabinet))
        other = "p1" if name == "p2" else "p2"
        cabinet.ask(StopSession(SocketId(other), Source.MQTT))
        cabinet.run(20)
        if cabinet.place("h1").closed:
            break
    assert overtook == [True, True, True, False]
    assert cabinet.place("h1").closed


def test_a_fuse_without_a_session_to_spare_lets_sockets_of_different_phases_take_turns() -> None:
    phases = (Phase.L1, Phase.L2, Phase.L3)
    sockets = tuple(plain(f"p{n}", on="garage", phases=(phase,)) for n, phase in enumerate(phases))
    cabinet = Cabinet(
        site(*sockets, fuses=(fuse(), fuse("garage", parent="main", sessions_max=2)), rules=RULES),
        house_a=[1.0, 1.0, 1.0],
    )
    for n in range(len(phases)):
        cabinet.plug(f"p{n}", Car(limit_a=8.0))
    cabinet.run(90)
    cabinet.ask(*(start(f"p{n}") for n in range(len(phases))))
    cabinet.run(int(5 * SLICE_S))
    assert all(place.served_wh > 0.0 for place in cabinet.places.values())
