"""What a house may have risen to while no telegram comes: learned from its own rises, bounded by what is declared."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.control.rises import BIN_A, RISES_MAX, RISES_MIN, Rises, risen_a
from tests.control.cabinet_world import Cabinet, site, wallbox
from tests.control.test_queue_and_sharing import granted


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
