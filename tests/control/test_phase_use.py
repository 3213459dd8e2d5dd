"""A car that fits on its first phase alone is let in on trial, and only where the other phases bear it."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control.phase_use import FAILED_TRIALS_MAX
from gateway.ids import FuseId, LimitId, SessionId, SocketId, Token
from gateway.site.because import Why
from gateway.site.requests import LimitCurrent, Source, StartSession
from gateway.site.restraints import CabinetTemperature, ExternalLimit, Restraints
from gateway.site.topology import Access, FuseKind, QueueRules, Site
from gateway.site.wishes import NoteEvent
from tests.control.cabinet_seen import charging, granted
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, site, wallbox

FULL_ON_TWO = [3.0, 21.0, 21.0]


def cabin(kind: FuseKind = FuseKind.GG, rules: QueueRules | None = None) -> Site:
    return site(wallbox("p1"), fuses=(fuse(rating_a=25.0, kind=kind),), rules=rules)


def because(cabinet: Cabinet, name: str) -> Why:
    return cabinet.state.sockets[SocketId(name)].because.why


def told(cabinet: Cabinet) -> list[Why]:
    return [wish.because.why for _, wish in cabinet.log if isinstance(wish, NoteEvent)]


def test_a_single_phase_car_on_a_three_phase_box_charges_where_only_its_own_phase_has_room() -> None:
    cabinet = Cabinet(cabin(), house_a=list(FULL_ON_TWO))
    cabinet.plug("p1", Car(phases=1))
    seen: list[Why] = []
    cabinet.run(60, lambda c: seen.append(because(c, "p1")))
    assert Why.PHASES_TRIED in seen
    assert granted(cabinet, "p1") >= 6.0
    cabinet.run(200)
    assert granted(cabinet, "p1") == 16.0
    assert cabinet.over_rating_s == 0


def test_a_three_phase_car_is_found_out_paused_at_once_and_not_tried_again() -> None:
    cabinet = Cabinet(cabin(), house_a=list(FULL_ON_TWO))
    cabinet.plug("p1")
    cabinet.run(900)
    assert charging(cabinet) == set()
    assert told(cabinet).count(Why.PHASES_SHOWN) == 1
    assert cabinet.over_rating_s <= 8
    assert cabinet.worst_heat < 0.02
    assert cabinet.state.queue_position == {SocketId("p1"): 1}
    cabinet.house_a = [3.0, 10.0, 10.0]
    cabinet.run(60)
    assert charging(cabinet) == {"p1"}


def test_a_car_that_has_drawn_on_three_phases_however_briefly_is_not_tried_on_one() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 15.0, 15.0])
    cabinet.plug("p1")
    cabinet.run_until(lambda c: c.place("p1").current_a > 5.0, 60)
    cabinet.house_a = list(FULL_ON_TWO)
    seen: list[Why] = []
    cabinet.run(600, lambda c: seen.append(because(c, "p1")))
    assert charging(cabinet) == set()
    assert Why.PHASES_TRIED not in seen
    assert told(cabinet).count(Why.PHASES_SHOWN) == 0


def test_a_trial_never_gets_more_than_the_least_current() -> None:
    cabinet = Cabinet(cabin(), house_a=list(FULL_ON_TWO))
    cabinet.plug("p1", Car(limit_a=0.0))
    most: list[float] = []
    cabinet.run(600, lambda c: most.append(granted(c, "p1")))
    assert max(most) == 6.0
    assert because(cabinet, "p1") is Why.PHASES_TRIED


def test_a_trial_ends_when_the_house_takes_the_proof_away_and_when_the_meter_is_silent() -> None:
    for spoil in ("house", "meter"):
        cabinet = Cabinet(cabin(), house_a=list(FULL_ON_TWO))
        cabinet.plug("p1", Car(limit_a=0.0))
        cabinet.run(100)
        assert charging(cabinet) == {"p1"}
        if spoil == "house":
            cabinet.house_a = [3.0, 24.9, 26.0]
        else:
            cabinet.place("p1").meter_silent = True
        cabinet.run(15)
        assert charging(cabinet) == set(), spoil


def test_a_limit_by_command_holds_for_a_car_on_trial_too() -> None:
    cabinet = Cabinet(cabin(), house_a=list(FULL_ON_TWO))
    cabinet.plug("p1", Car(limit_a=0.0))
    cabinet.run(100)
    assert charging(cabinet) == {"p1"}
    cabinet.ask(LimitCurrent(SocketId("p1"), 0.0, Source.MQTT))
    cabinet.run(10)
    assert charging(cabinet) == set()
    assert because(cabinet, "p1") is Why.LIMIT_BY_COMMAND


def test_what_was_ordered_from_outside_is_not_tried_out() -> None:
    """A link of 25 A bears 27 A, but 24 A are the order: a car that may use three phases waits."""
    for ordered_a, tried in ((24.0, False), (25.0, True)):
        order = ExternalLimit(LimitId("dso"), FuseId("main"), wired_a=ordered_a)
        ordered = replace(cabin(), restraints=Restraints(limits=(order,)))
        cabinet = Cabinet(ordered, house_a=list(FULL_ON_TWO))
        cabinet.plug("p1")
        cabinet.run(100)
        assert (Why.PHASES_SHOWN in told(cabinet)) is tried, ordered_a
        assert (cabinet.place("p1").wh == 0.0) is not tried


def test_a_hot_fuse_is_not_asked_to_bear_a_trial_that_a_cool_one_bears() -> None:
    for celsius, tried in ((20.0, True), (80.0, False)):
        sensor = replace(cabin(), restraints=Restraints(temperature=CabinetTemperature(celsius)))
        cabinet = Cabinet(sensor, house_a=list(FULL_ON_TWO))
        cabinet.plug("p1", Car(phases=1))
        cabinet.run(100)
        assert (charging(cabinet) == {"p1"}) is tried, celsius


def test_an_automat_bears_less_than_a_fuse_link() -> None:
    """27 A are 1.08 times 25 A: both bear it for an hour. 29 A are 1.16 times: an automat may trip."""
    for kind, house_a, tried in (
        (FuseKind.GG, 21.0, True),
        (FuseKind.B, 21.0, True),
        (FuseKind.GG, 23.0, True),
        (FuseKind.B, 23.0, False),
        (FuseKind.GG, 25.5, False),
    ):
        cabinet = Cabinet(cabin(kind), house_a=[3.0, house_a, house_a])
        cabinet.plug("p1", Car(phases=1))
        cabinet.run(100)
        assert (charging(cabinet) == {"p1"}) is tried, (kind, house_a)


def test_a_config_may_forbid_trials() -> None:
    cabinet = Cabinet(cabin(rules=QueueRules(phase_trials=False)), house_a=list(FULL_ON_TWO))
    cabinet.plug("p1", Car(phases=1))
    cabinet.run(300)
    assert because(cabinet, "p1") is Why.QUEUED


def test_a_car_known_to_use_one_phase_comes_back_on_it_after_a_pause() -> None:
    cabinet = Cabinet(cabin(), house_a=[3.0, 3.0, 3.0])
    cabinet.plug("p1", Car(phases=1))
    cabinet.run(200)
    cabinet.house_a = [22.0, 22.0, 22.0]
    cabinet.run(60)
    assert charging(cabinet) == set()
    cabinet.house_a = [3.0, 26.0, 26.0]
    cabinet.run(300)
    assert granted(cabinet, "p1") >= 6.0
    assert told(cabinet).count(Why.PHASES_SHOWN) == 0


def test_a_load_on_another_phase_does_not_pause_a_single_phase_car() -> None:
    boxes = (wallbox("p1"), wallbox("p2"))
    cabinet = Cabinet(site(*boxes, fuses=(fuse(rating_a=25.0),)), house_a=[2.0, 2.0, 2.0])
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.plug("p2", Car(phases=1))
    cabinet.run(200)
    assert charging(cabinet) == {"p1", "p2"}
    cabinet.house_a = [2.0, 20.0, 20.0]
    cabinet.run(60)
    assert charging(cabinet) == {"p2"}


def test_after_a_three_phase_car_the_next_is_tried_only_after_a_wait_and_a_known_token_never() -> None:
    asked = site(wallbox("p1", access=Access.COMMAND), fuses=(fuse(rating_a=25.0),))
    cabinet = Cabinet(asked, house_a=[3.0, 3.0, 3.0])

    def comes(session: str, token: str | None) -> None:
        cabinet.plug("p1")
        words = None if token is None else Token(token)
        cabinet.ask(StartSession(SocketId("p1"), SessionId(session), words, Source.MQTT))

    comes("first", "TAG-THREE")
    cabinet.run(150)
    cabinet.place("p1").car = None
    cabinet.run(30)
    cabinet.house_a = list(FULL_ON_TWO)
    cabinet.run(20)
    comes("second", "TAG-THREE")
    cabinet.run(650)
    assert cabinet.over_rating_s == 0
    cabinet.place("p1").car = None
    cabinet.run(30)
    comes("third", None)
    cabinet.run(500)
    assert charging(cabinet) == set()
    cabinet.place("p1").car = Car(phases=1)
    cabinet.run(200)
    assert charging(cabinet) == {"p1"}


def test_failed_trials_are_bounded_for_the_whole_cabinet() -> None:
    boxes = tuple(wallbox(f"p{n}") for n in range(FAILED_TRIALS_MAX + 3))
    cabinet = Cabinet(site(*boxes, fuses=(fuse(rating_a=25.0),)), house_a=list(FULL_ON_TWO))
    for box in boxes:
        cabinet.plug(str(box.id))
    cabinet.run(400)
    assert told(cabinet).count(Why.PHASES_SHOWN) == FAILED_TRIALS_MAX
    assert cabinet.worst_heat < 0.05


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.floats(0.0, 26.0), min_size=3, max_size=3),
    st.sampled_from(list(FuseKind)),
    st.lists(st.sampled_from([1, 3]), min_size=1, max_size=4),
)
def test_whatever_is_tried_the_fuse_stays_cool_and_below_what_it_bears(
    house_a: list[float], kind: FuseKind, cars: list[int]
) -> None:
    boxes = tuple(wallbox(f"p{n}") for n in range(len(cars)))
    cabinet = Cabinet(site(*boxes, fuses=(fuse(rating_a=25.0, kind=kind, share=0.95),)), house_a=house_a)
    for box, phases in zip(boxes, cars, strict=True):
        cabinet.plug(str(box.id), Car(phases=phases))
    bears_a = 25.0 * (1.25 if kind is FuseKind.GG else 1.13)

    def look(now: Cabinet) -> None:
        for own, house in zip(now.main_a(), now.house_a, strict=True):
            assert own <= max(bears_a, house) + 0.01

    cabinet.run(300, look)
    if max(house_a) <= 25.0:
        assert cabinet.worst_heat < 0.5
