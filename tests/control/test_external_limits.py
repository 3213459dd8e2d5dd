"""Others may lower: over MQTT for as long as their word holds, or by a wired contact. Nobody outside can raise."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.control.state import SessionPhase
from gateway.ids import FuseId, LimitId, SessionId, SocketId
from gateway.quantities import Phase
from gateway.site.because import Why
from gateway.site.outside import LimitTold, OutsideSight
from gateway.site.requests import Source, StartSession
from gateway.site.restraints import ExternalLimit, Restraints
from gateway.site.topology import Site
from gateway.site.wishes import NoteEvent
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import VOLTS, Car
from tests.control.planned_site import MAIN, fuse, plain, site, wallbox

HOME = LimitId("home")
DSO = LimitId("dso")
OVER_MQTT = ExternalLimit(HOME, MAIN, safe_a=10.0)
WIRED = ExternalLimit(DSO, MAIN, wired_a=8.0)


def limited(*limits: ExternalLimit, base: Site | None = None) -> Site:
    return replace(base or site(wallbox("p1"), wallbox("p2")), restraints=Restraints(limits=limits))


def cabinet(built: Site, house_a: float = 1.0) -> Cabinet:
    made = Cabinet(built, house_a=[house_a] * 3)
    for name in built.sockets:
        made.plug(str(name))
    return made


def tell(made: Cabinet, current_a: float | None, *, power_w: float | None = None, for_s: float = 1e6) -> None:
    made.outside = replace(
        made.outside, told={**made.outside.told, HOME: LimitTold(current_a, power_w, made.at_s + for_s)}
    )


def test_before_the_first_word_after_a_start_the_safe_value_holds() -> None:
    made = cabinet(limited(OVER_MQTT))
    made.run(400)
    assert max(made.main_a()) <= 10.0
    assert made.state.restraints.limits[HOME].calls


def test_a_word_lowers_at_once_and_says_who_lowered() -> None:
    made = cabinet(limited(OVER_MQTT))
    tell(made, None)
    made.run(400)
    assert max(made.main_a()) > 18.0
    tell(made, 13.0)
    made.run(8)
    assert max(made.main_a()) <= 13.0
    because = made.state.sockets[SocketId("p1")].because
    assert (because.why, because.fuse, because.current_a) == (Why.EXTERNAL_LIMIT, MAIN, 13.0)


def test_a_word_that_leaves_too_little_for_a_session_pauses_the_latest_without_our_patience() -> None:
    made = cabinet(limited(OVER_MQTT))
    tell(made, None)
    made.run(400)
    tell(made, 9.0)
    made.run(8)
    assert max(made.main_a()) <= 9.0
    sessions = [made.state.sockets[SocketId(name)].session for name in ("p1", "p2")]
    phases = [session.phase for session in sessions if session is not None]
    assert sorted(phases) == [SessionPhase.CHARGING, SessionPhase.PAUSED]


def test_when_the_word_runs_out_the_safe_value_holds_and_people_are_told_once() -> None:
    made = cabinet(limited(OVER_MQTT))
    tell(made, 16.0, for_s=500.0)
    made.run(480)
    assert max(made.main_a()) > 14.0
    made.run(60)
    assert max(made.main_a()) <= 10.0
    told = [wish.because for _, wish in made.log if isinstance(wish, NoteEvent)]
    assert [because.current_a for because in told if because.why is Why.EXTERNAL_LIMIT_OLD] == [10.0]


def test_nobody_outside_raises_beyond_the_fuse() -> None:
    made = cabinet(limited(replace(OVER_MQTT, safe_a=63.0)), house_a=7.0)
    tell(made, 900.0)
    made.run(600)
    assert made.over_rating_s == 0
    assert max(made.state.fuses[MAIN].limit_a) == 20.0


def test_a_contact_that_calls_lowers_and_one_that_lets_go_gives_back() -> None:
    made = cabinet(limited(WIRED))
    made.outside = OutsideSight(called={DSO: False})
    made.run(400)
    assert max(made.main_a()) > 18.0
    made.outside = OutsideSight(called={DSO: True})
    made.run(10)
    assert max(made.main_a()) <= 8.0
    made.outside = OutsideSight(called={DSO: False})
    made.run(1500)
    assert max(made.main_a()) > 18.0


@pytest.mark.parametrize("sight", [OutsideSight(), OutsideSight(called={DSO: None})])
def test_a_contact_that_cannot_be_read_or_was_not_looked_at_calls(sight: OutsideSight) -> None:
    made = cabinet(limited(WIRED))
    made.outside = sight
    made.run(400)
    assert max(made.main_a()) <= 8.0


def test_a_chattering_contact_fills_no_journal() -> None:
    made = cabinet(limited(WIRED))
    for _ in range(100):
        made.outside = OutsideSight(called={DSO: not made.outside.called.get(DSO, False)})
        made.run(3)
    told = [wish for _, wish in made.log if isinstance(wish, NoteEvent) and wish.because.why is Why.EXTERNAL_LIMIT]
    assert len(told) == 1


def test_a_limit_of_a_lower_fuse_leaves_the_other_sockets_alone() -> None:
    fuses = (fuse(rating_a=35.0), fuse("garage", 20.0, parent="main"))
    built = site(wallbox("p1", on="garage"), wallbox("p2"), fuses=fuses)
    made = cabinet(limited(replace(OVER_MQTT, fuse=FuseId("garage")), base=built))
    tell(made, 6.0)
    made.run(400)
    assert made.place("p1").current_a == pytest.approx(6.0)
    assert made.place("p2").current_a == pytest.approx(16.0)


def test_the_lowest_of_several_holds() -> None:
    made = cabinet(limited(OVER_MQTT, WIRED))
    tell(made, 15.0)
    made.outside = replace(made.outside, called={DSO: True})
    made.run(300)
    assert max(made.main_a()) <= 8.0


def test_watts_are_kept_by_the_whole_site_and_one_car_on_one_phase_may_have_them_all() -> None:
    built = site(wallbox("p1", phases=(Phase.L2,)), wallbox("p2"))
    made = Cabinet(limited(OVER_MQTT, base=built), house_a=[1.0, 1.0, 1.0])
    made.plug("p1", Car(phases=1))
    tell(made, None, power_w=4500.0)
    made.run(500)
    assert made.place("p1").current_a == pytest.approx(16.0)
    made.plug("p2")
    made.run(900)
    assert sum(made.main_a()) * VOLTS <= 4500.0
    assert made.place("p1").current_a >= 6.0


def test_watts_that_fit_no_car_stop_all_and_the_house_goes_on() -> None:
    made = cabinet(limited(OVER_MQTT), house_a=2.0)
    tell(made, None, power_w=2000.0)
    made.run(400)
    assert sum(made.main_a()) == pytest.approx(6.0)


def test_a_plain_socket_waits_until_its_whole_rating_fits_below_the_limit() -> None:
    built = site(plain("p1"), plain("p2", phases=(Phase.L2,)))
    made = Cabinet(limited(OVER_MQTT, base=built), house_a=[1.0, 1.0, 1.0])
    tell(made, 9.0)
    made.ask(StartSession(SocketId("p1"), SessionId("s-1"), None, Source.MQTT))
    made.plug("p1", Car(limit_a=10.0, phases=1))
    made.run(120)
    assert not made.place("p1").closed
    assert made.state.sockets[SocketId("p1")].because.why is Why.EXTERNAL_LIMIT
    tell(made, 12.0)
    made.run(200)
    assert made.place("p1").closed


def allowed_a(made: Cabinet) -> float:
    """What the sender's word, or the safe value in its place, leaves of the fuse."""
    told = made.outside.told.get(HOME)
    if told is None or made.at_s >= told.until_s:
        return OVER_MQTT.safe_a
    return 20.0 if told.current_a is None else told.current_a


words = st.one_of(
    st.none(),
    st.tuples(
        st.one_of(st.none(), st.floats(0.0, 60.0)),
        st.one_of(st.none(), st.floats(0.0, 20_000.0)),
        st.floats(1.0, 300.0),
    ),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(words, st.sampled_from([True, False, None]), st.integers(20, 90)), min_size=3, max_size=8))
def test_whatever_is_said_outside_the_fuse_holds_and_the_lower_of_all_is_kept(
    course: list[tuple[tuple[float | None, float | None, float] | None, bool | None, int]],
) -> None:
    made = cabinet(limited(OVER_MQTT, WIRED), house_a=3.0)
    for word, called, seconds in course:
        if word is not None:
            tell(made, word[0], power_w=word[1], for_s=word[2])
        made.outside = replace(made.outside, called={DSO: called})
        for _ in range(seconds):
            made.step()
            limit_a = made.state.fuses[MAIN].limit_a
            assert max(limit_a) <= 20.0
            assert max(limit_a) <= allowed_a(made) + 1e-9
            if called is not False:
                assert max(limit_a) <= 8.0
    assert made.over_rating_s == 0


def test_one_that_is_held_back_for_long_is_told_so_and_not_that_its_contactor_rests() -> None:
    made = Cabinet(limited(OVER_MQTT, base=site(plain("h1"))))
    made.place("h1").car = Car(limit_a=9.0, phases=1)
    tell(made, None, for_s=86_400.0)
    made.ask(StartSession(SocketId("h1"), SessionId("x"), None, Source.MQTT))
    made.run_until(lambda c: c.place("h1").closed and c.place("h1").current_a > 0.0, 300)
    tell(made, 0.0, for_s=86_400.0)
    made.run(20)
    assert made.state.sockets[SocketId("h1")].because.why is Why.EXTERNAL_LIMIT
