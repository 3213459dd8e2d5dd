"""What happens when the grid meter is silent, tells half or is refused, and when the house itself is too much."""

import pytest

from gateway.site.because import Why
from gateway.site.freshness import Freshness
from gateway.site.wishes import NoteEvent, SetCurrent
from tests.control.cabinet_seen import charging, events, granted, seen, start
from tests.control.cabinet_world import Cabinet
from tests.control.planned_site import plain, site, wallbox


def test_a_silent_grid_meter_is_stale_then_safe_then_blind_and_trusted_again_after_three_telegrams() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1")
    cabinet.plug("p2")
    cabinet.run(120)
    assert granted(cabinet, "p1") + granted(cabinet, "p2") == 19.0
    cabinet.run_until(lambda c: bool(c.telegrams_sent) and int(c.at_s) % 10 == 0, 20)
    cabinet.grid_silent = True
    silent_s = cabinet.at_s
    cabinet.run_until(lambda c: c.state.grid is Freshness.STALE, 60)
    assert cabinet.at_s - silent_s == pytest.approx(25.0, abs=1.0)
    assert granted(cabinet, "p1") + granted(cabinet, "p2") == 19.0
    cabinet.run_until(lambda c: c.state.grid is Freshness.FALLBACK, 60)
    assert cabinet.at_s - silent_s == pytest.approx(30.0, abs=1.0)
    assert granted(cabinet, "p1") + granted(cabinet, "p2") <= 8.0
    cabinet.run(1)
    cabinet.run_until(lambda c: c.state.grid is Freshness.BLIND, 300)
    assert charging(cabinet) == set()
    assert all(wish.current_a == 0.0 for wish in cabinet.wishes if isinstance(wish, SetCurrent))
    cabinet.grid_silent = False
    cabinet.run(22)
    assert cabinet.state.grid is not Freshness.FRESH
    cabinet.run(12)
    assert cabinet.state.grid is Freshness.FRESH
    cabinet.run(700)
    assert charging(cabinet) == {"p1", "p2"}


def test_safe_currents_are_an_equal_share_or_nothing() -> None:
    cabinet = Cabinet(site(wallbox("p1"), house_load_a_max=(12.0, 12.0, 12.0)), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.grid_silent = True
    cabinet.run(45)
    assert cabinet.state.grid is Freshness.FALLBACK
    assert granted(cabinet, "p1") == 8.0
    crowded = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[1.0, 1.0, 1.0])
    crowded.plug("p1")
    crowded.plug("p2")
    crowded.run(60)
    crowded.grid_silent = True
    crowded.run(45)
    assert charging(crowded) == set()


def test_without_a_declared_house_the_highest_seen_one_is_assumed() -> None:
    cabinet = Cabinet(site(wallbox("p1"), house_load_a_max=None), house_a=[11.0, 5.0, 5.0])
    cabinet.run(60)
    cabinet.house_a = [3.0, 3.0, 3.0]
    cabinet.plug("p1")
    cabinet.run(120)
    assert granted(cabinet, "p1") == 16.0
    cabinet.grid_silent = True
    cabinet.run(45)
    assert granted(cabinet, "p1") == 9.0


def test_nothing_is_ever_energised_before_the_grid_meter_has_been_trusted() -> None:
    cabinet = Cabinet(site(wallbox("p1"), plain("h1")), house_a=[0.0, 0.0, 0.0])
    cabinet.grid_silent = True
    cabinet.plug("p1")
    cabinet.ask(start("h1"))
    cabinet.run(600)
    assert charging(cabinet) == set()
    assert not cabinet.place("h1").closed


def test_a_phase_that_the_telegram_does_not_tell_of_is_full() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.raw_grid_a = (1.0, None, 1.0)
    cabinet.plug("p1")
    cabinet.run(120)
    assert charging(cabinet) == set()
    assert cabinet.state.house_a[1] is None


def test_a_refused_telegram_may_lower_but_never_raise() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[8.0, 8.0, 8.0])
    cabinet.plug("p1")
    cabinet.run(60)
    assert granted(cabinet, "p1") == 12.0
    cabinet.grid_refused = ("power above current",)
    cabinet.house_a = [0.0, 0.0, 0.0]
    cabinet.run(50)
    assert granted(cabinet, "p1") == 12.0
    cabinet.house_a = [12.0, 12.0, 12.0]
    cabinet.run(11)
    assert granted(cabinet, "p1") == 8.0


def test_exported_current_is_not_taken_for_load_and_makes_no_house_below_zero() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[-15.0, -15.0, -15.0])
    cabinet.plug("p1")
    cabinet.run(60)
    assert granted(cabinet, "p1") == 16.0
    assert cabinet.state.house_a == (0.0, 0.0, 0.0)


def test_a_house_that_rises_while_a_car_ramps_is_seen_in_the_telegram_that_exceeds_the_limit() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[5.0, 5.0, 5.0])
    cabinet.telegram_lag_s = 2
    cabinet.run(30)
    cabinet.plug("p1")
    cabinet.run_until(lambda c: c.place("p1").current_a > 0.0 and int(c.at_s) % 10 == 7, 60)
    cabinet.place("p1").current_a = 4.0
    cabinet.house_a = [14.0, 14.0, 14.0]
    cabinet.run(4)
    shown = granted(cabinet, "p1")
    cabinet.run(20)
    assert cabinet.main_a()[0] <= 20.3
    assert shown <= 15.0


def test_a_house_that_is_above_the_fuse_by_itself_is_said_at_once_and_once() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.run(60)
    cabinet.house_a = [1.0, 21.0, 1.0]
    cabinet.run(11)
    told = [wish.because for _, wish in cabinet.log if isinstance(wish, NoteEvent)]
    alarms = [because for because in told if because.why is Why.HOUSE_OVERLOAD]
    assert [(one.fuse, one.phase, one.current_a) for one in alarms] == [("main", 1, 21.0)]
    assert cabinet.worst_heat < 0.5
    cabinet.run(60)
    cabinet.house_a = [1.0, 19.5, 1.0]
    cabinet.run(20)
    cabinet.house_a = [1.0, 21.0, 1.0]
    cabinet.run(20)
    assert events(cabinet).count(Why.HOUSE_OVERLOAD) == 1
    cabinet.house_a = [1.0, 10.0, 1.0]
    cabinet.run(20)
    cabinet.house_a = [1.0, 21.0, 1.0]
    cabinet.run(20)
    assert events(cabinet).count(Why.HOUSE_OVERLOAD) == 2


def test_a_house_together_with_cars_above_the_fuse_is_no_alarm_of_the_house() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[4.0, 4.0, 4.0])
    cabinet.plug("p1")
    cabinet.run(100)
    cabinet.house_a = [12.0, 12.0, 12.0]
    cabinet.run(60)
    assert Why.HOUSE_OVERLOAD not in events(cabinet)


def test_a_safe_current_that_fits_ends_all_the_same_when_the_grid_meter_is_silent_for_five_minutes() -> None:
    cabinet = Cabinet(site(wallbox("p1", contactor=True)), house_a=[1.0, 1.0, 1.0])
    cabinet.run(80)
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.grid_silent = True
    cabinet.run(60)
    assert granted(cabinet, "p1") == 8.0
    cabinet.run(260)
    assert cabinet.state.grid is Freshness.BLIND
    assert granted(cabinet, "p1") == 0.0
    assert not cabinet.place("p1").closed
    assert seen(cabinet, "p1").because.why is Why.GRID_BLIND
