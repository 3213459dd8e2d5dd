"""Boxes that offer one phase or three. The world itself asserts that none is switched under load."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control.past import Past
from gateway.control.phase_switching import SWITCH_REST_S, WIDENS_AFTER_S
from gateway.ids import SocketId
from gateway.quantities import Phase
from gateway.site.because import Why
from gateway.site.requests import Source, Unlock
from gateway.site.topology import PhaseSwitching, Site, Socket
from gateway.site.wishes import NoteEvent, SaveCheckpoint
from tests.control.cabinet_seen import charging, granted
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, site, wallbox
from tests.control.test_laws import check_nothing_is_given_twice

BOTH = PhaseSwitching(10.0)
ROTATED = ((Phase.L1, Phase.L2, Phase.L3), (Phase.L2, Phase.L3, Phase.L1), (Phase.L3, Phase.L1, Phase.L2))


def box(name: str, phases: tuple[Phase, ...] = ROTATED[0], rating_a: float = 16.0) -> Socket:
    return wallbox(name, phases=phases, rating_a=rating_a, switching=BOTH)


def cabin(*sockets: Socket) -> Site:
    return site(*(sockets or (box("p1"),)), fuses=(fuse(rating_a=25.0),))


def because(cabinet: Cabinet) -> Why:
    return cabinet.state.sockets[SocketId("p1")].because.why


def test_a_three_phase_car_is_switched_to_one_phase_where_only_that_has_room() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.plug("p1")
    seen: list[Why] = []
    cabinet.run(300, lambda c: seen.append(because(c)))
    assert Why.PHASES_TO_ONE in seen
    assert granted(cabinet, "p1") == 16.0
    assert cabinet.place("p1").phase_switchings == 1
    assert cabinet.over_rating_s == 0


def test_the_current_after_the_switch_is_that_of_the_one_phase() -> None:
    """32 A on three phases were granted; L1 alone has 12 A left: never more than that flows on it."""
    cabinet = Cabinet(cabin(box("p1", rating_a=32.0)), house_a=[13.0, 21.0, 21.0])
    cabinet.plug("p1")
    most: list[float] = []
    cabinet.run(400, lambda c: most.append(granted(c, "p1")))
    assert max(most) == 12.0
    assert cabinet.over_rating_s == 0


def test_a_charging_car_is_stopped_first_and_comes_back_on_one_phase() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 3.0, 3.0])
    cabinet.plug("p1")
    cabinet.run(100)
    assert granted(cabinet, "p1") == 16.0
    cabinet.house_a = [3.0, 22.0, 22.0]
    cabinet.run(300)
    assert cabinet.place("p1").offers == 1
    assert granted(cabinet, "p1") >= 6.0
    assert cabinet.ended == []


def test_it_goes_back_to_three_phases_when_these_have_had_room_for_long() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.plug("p1")
    cabinet.run(200)
    cabinet.house_a = [3.0, 3.0, 3.0]
    cabinet.run(WIDENS_AFTER_S - 20)
    assert cabinet.place("p1").offers == 1
    cabinet.run(200)
    assert cabinet.place("p1").offers == 3
    assert cabinet.place("p1").phase_switchings == 2
    assert granted(cabinet, "p1") == 16.0
    assert cabinet.ended == []


def test_it_stays_on_one_phase_where_three_would_give_no_more() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.plug("p1")
    cabinet.run(200)
    cabinet.house_a = [3.0, 19.0, 19.0]
    cabinet.run(WIDENS_AFTER_S + 200)
    assert cabinet.place("p1").offers == 1


def test_a_house_that_swings_switches_a_box_once_per_rest_at_most() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.plug("p1")
    seconds = 3600
    for minute in range(seconds // 60):
        cabinet.house_a = [3.0, 21.0, 21.0] if minute % 2 else [3.0, 3.0, 3.0]
        cabinet.run(60)
    assert cabinet.place("p1").phase_switchings <= seconds / SWITCH_REST_S


def test_a_waiting_car_on_a_box_that_stands_at_one_phase_gets_three_where_these_fit() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 3.0, 3.0])
    cabinet.place("p1").offers = 1
    cabinet.plug("p1")
    cabinet.run(100)
    assert cabinet.place("p1").offers == 3
    assert granted(cabinet, "p1") == 16.0


def test_a_box_that_does_not_switch_is_named_and_its_car_waits() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.place("p1").stuck = True
    cabinet.plug("p1")
    cabinet.run(200)
    problem = cabinet.state.sockets[SocketId("p1")].problem
    assert problem is not None
    assert problem.why is Why.PHASES_STUCK
    cabinet.run(200)
    assert cabinet.over_rating_s <= 8


def test_a_box_that_says_one_phase_and_offers_three_is_found_out_and_never_believed_again() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.place("p1").lies = True
    cabinet.plug("p1")
    cabinet.run(600)
    assert charging(cabinet) == set()
    problem = cabinet.state.sockets[SocketId("p1")].problem
    assert problem is not None
    assert problem.why is Why.PHASES_STUCK
    assert cabinet.over_rating_s <= 8


def test_a_box_that_falls_back_to_three_phases_by_itself_is_counted_on_all_at_once() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.plug("p1")
    cabinet.run(200)
    cabinet.place("p1").offers = 3
    cabinet.run(3)
    assert granted(cabinet, "p1") == 0.0


def test_a_box_that_forgot_its_phases_is_told_again_once_nothing_flows_and_goes_on() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.plug("p1")
    cabinet.run(700)
    assert granted(cabinet, "p1") > 6.0
    cabinet.place("p1").offers = 3
    cabinet.run(300)
    assert cabinet.place("p1").offers == 1
    assert granted(cabinet, "p1") > 6.0
    assert cabinet.state.sockets[SocketId("p1")].problem is None


def test_a_box_that_is_quiet_about_its_phases_for_a_while_is_no_broken_one() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 3.0, 3.0])
    cabinet.plug("p1")
    cabinet.run(200)
    for quiet_s, why in ((30, None), (120, Why.PHASES_STUCK)):
        cabinet.place("p1").mute = True
        cabinet.run(quiet_s)
        cabinet.place("p1").mute = False
        cabinet.run(10)
        problem = cabinet.state.sockets[SocketId("p1")].problem
        assert (None if problem is None else problem.why) is why, quiet_s


def problem(cabinet: Cabinet) -> Why | None:
    known = cabinet.state.sockets[SocketId("p1")].problem
    return None if known is None else known.why


def test_a_box_that_was_late_is_used_again_after_it_said_for_a_minute_what_it_was_told() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.place("p1").stuck = True
    cabinet.plug("p1")
    cabinet.run(200)
    assert problem(cabinet) is Why.PHASES_STUCK
    cabinet.place("p1").stuck = False
    cabinet.place("p1").offers = 1
    cabinet.run(55)
    assert problem(cabinet) is Why.PHASES_STUCK
    cabinet.run(70)
    assert problem(cabinet) is None
    assert [wish.because.why for _, wish in cabinet.log if isinstance(wish, NoteEvent)].count(Why.OBEYS_AGAIN) == 1
    assert granted(cabinet, "p1") >= 6.0
    assert cabinet.over_rating_s == 0


def test_a_box_whose_meter_showed_its_lie_stays_out_until_a_person_has_looked_even_over_a_restart() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0])
    cabinet.place("p1").lies = True
    cabinet.plug("p1")
    cabinet.run(1200)
    assert problem(cabinet) is Why.PHASES_STUCK
    saved = [wish for _, wish in cabinet.log if isinstance(wish, SaveCheckpoint)][-1]
    later = Cabinet(cabin(), house_a=[3.0, 21.0, 21.0], past=Past((), (), saved.text))
    later.plug("p1")
    later.run(300)
    assert problem(later) is Why.PHASES_STUCK
    assert charging(later) == set()
    later.ask(Unlock(SocketId("p1"), Source.MQTT))
    later.run(300)
    assert problem(later) is None
    assert granted(later, "p1") >= 6.0


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_nothing_is_given_twice_and_no_fuse_gets_warm_whoever_switches(seed: int) -> None:
    chance = random.Random(seed)
    boxes = [box(f"p{n}", chance.choice(ROTATED)) for n in range(chance.randint(1, 4))]
    cabinet = Cabinet(cabin(*boxes), house_a=[chance.uniform(0.0, 20.0) for _ in range(3)])
    for _ in range(300):
        if chance.random() < 0.02:
            cabinet.house_a = [chance.uniform(0.0, 22.0) for _ in range(3)]
        one = cabinet.place(chance.choice(boxes).id)
        if chance.random() < 0.03:
            one.car = Car(phases=chance.choice([1, 3])) if one.car is None else None
        before = cabinet.state
        cabinet.step()
        check_nothing_is_given_twice(before, cabinet)
    assert cabinet.worst_heat < 0.5
