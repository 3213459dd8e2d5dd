"""What a house may have risen to while no telegram comes: learned from its own rises, bounded by what is declared."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.control.rises import BIN_A, RISES_MAX, RISES_MIN, USUAL_MIN, Rises, risen_a
from tests.control.cabinet_seen import granted
from tests.control.cabinet_world import Cabinet
from tests.control.planned_site import site, wallbox


def learned(*rises_a: float) -> Rises:
    rises = Rises()
    for rise_a in rises_a:
        rises = rises.with_rise(rise_a)
    return rises


def test_nothing_is_claimed_before_a_thousand_intervals_were_seen() -> None:
    assert learned(*[8.0] * (RISES_MIN - 1)).highest_a is None
    assert learned(*[8.0] * RISES_MIN).highest_a == 8.0


def test_one_rise_in_a_thousand_counts_and_one_in_ten_thousand_does_not() -> None:
    assert learned(*[0.0] * 1990, *[9.0] * 10).highest_a == 9.0
    assert learned(*[0.0] * 9999, 9.0).highest_a == 0.0


def test_what_three_of_four_intervals_bring_is_known_after_thirty() -> None:
    assert learned(*[0.4] * (USUAL_MIN - 1)).usual_a is None
    assert learned(*[0.4] * USUAL_MIN).usual_a == 0.5
    assert learned(*[0.4] * 76, *[9.0] * 24).usual_a == 0.5
    assert learned(*[0.4] * 74, *[9.0] * 26).usual_a == 9.0
    assert learned(*[-1.0] * USUAL_MIN).usual_a == 0.0


@pytest.mark.parametrize("poll_every_s", [1, 3])
def test_rises_are_learned_also_where_the_sockets_are_read_after_the_telegram(poll_every_s: int) -> None:
    cabinet = Cabinet(site(wallbox("p0"), wallbox("p1")), poll_every_s=poll_every_s)
    cabinet.plug("p0")
    for minute in range(10):
        cabinet.house_a = [2.0 if minute % 2 else 6.0] * 3
        cabinet.run(60)
    for rises in cabinet.state.memory.house_rises:
        assert 55 <= rises.seen <= 60
        assert sum(rises.counts[7:]) == 4


def quiet(house_a: float, *, restless_a: float = 0.0) -> Cabinet:
    """A car at what the house leaves it, and a house known for ten minutes."""
    cabinet = Cabinet(site(wallbox("p0", step_a=0.1)), house_a=[house_a] * 3)
    cabinet.plug("p0")
    for turn in range(60):
        cabinet.house_a = [house_a + restless_a * (turn % 3)] * 3
        cabinet.run(10)
    cabinet.house_a = [house_a] * 3
    cabinet.run(30)
    return cabinet


def test_a_quiet_house_gives_its_room_at_the_second_telegram_that_shows_it() -> None:
    cabinet = quiet(12.0)
    cabinet.house_a = [6.0, 6.0, 6.0]
    cabinet.run(12)
    assert granted(cabinet, "p0") == pytest.approx(8.0)
    cabinet.run(8)
    assert granted(cabinet, "p0") == pytest.approx(14.0)


def test_a_restless_house_keeps_what_it_usually_rises_by_until_the_room_has_lasted() -> None:
    cabinet = quiet(12.0, restless_a=1.0)
    before_a = granted(cabinet, "p0")
    cabinet.house_a = [6.0, 6.0, 6.0]
    cabinet.run(20)
    soon_a = granted(cabinet, "p0")
    assert before_a + 3.0 < soon_a <= 13.0
    cabinet.run(40)
    assert granted(cabinet, "p0") == pytest.approx(14.0)


def test_a_house_that_nobody_knows_yet_gives_no_room_before_it_has_lasted() -> None:
    cabinet = Cabinet(site(wallbox("p0")), house_a=[12.0] * 3)
    cabinet.plug("p0")
    cabinet.run(60)
    cabinet.house_a = [6.0] * 3
    cabinet.run(28)
    assert granted(cabinet, "p0") == 8.0


def test_what_the_house_did_long_ago_is_forgotten() -> None:
    rises = learned(*[9.0] * 100)
    for _ in range(8 * RISES_MAX):
        rises = rises.with_rise(-1.0)
    assert rises.highest_a == 0.0
    assert rises.seen <= RISES_MAX


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(RISES_MIN, 3 * RISES_MIN))
def test_the_quantile_is_that_of_the_sorted_rises_to_half_an_ampere(seed: int, number: int) -> None:
    chance = random.Random(seed)
    rises_a = [chance.uniform(-30.0, 60.0) for _ in range(number)]
    highest_a = learned(*rises_a).highest_a
    ordered = sorted(max(0.0, rise) for rise in rises_a)
    above = sum(rise > highest_a for rise in ordered) if highest_a is not None else number
    assert above <= number / 1000
    assert highest_a is not None
    assert sum(rise > highest_a - BIN_A for rise in ordered) > number / 1000 - 1e-6


def test_the_bound_grows_with_age_and_stops_at_what_is_declared_and_never_falls_below_what_was_seen() -> None:
    rises = learned(*[2.0] * RISES_MIN)
    assert [risen_a(5.0, rises, age, 12.0) for age in (0.0, 1.0, 2.0, 9.0)] == [5.0, 7.0, 9.0, 12.0]
    assert risen_a(14.0, rises, 3.0, 12.0) == 14.0
    assert risen_a(5.0, Rises(), 9.0, 12.0) == 5.0


def test_cars_make_way_for_what_the_house_may_have_risen_to_when_telegrams_stay_out() -> None:
    cabinet = Cabinet(site(wallbox("p0"), house_load_a_max=(12.0, 12.0, 12.0)), telegram_every_s=1)
    chance = random.Random(5)
    for _ in range(RISES_MIN + 100):
        house_a = 9.0 if chance.random() < 0.05 else 5.0
        cabinet.house_a = [house_a] * 3
        cabinet.step()
    cabinet.house_a = [5.0, 5.0, 5.0]
    cabinet.plug("p0")
    cabinet.run(120)
    before_a = granted(cabinet, "p0")
    assert before_a >= 14.0
    assert cabinet.state.house_a == pytest.approx((5.0, 5.0, 5.0))
    cabinet.grid_silent = True
    cabinet.run_until(lambda c: granted(c, "p0") < before_a, 6)
    assert granted(cabinet, "p0") == pytest.approx(8.0, abs=1.0)
