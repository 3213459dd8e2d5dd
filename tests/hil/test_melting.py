"""The judge holds fuses to the mean melting curves and to the standard's one-hour limits."""

from math import inf

import pytest

from hil.world.curves import MEAN_MELTING, breaker_trip_s, gg_melting_s
from hil.world.fuses import Fuse, FusePlan, FuseTree


@pytest.mark.parametrize(
    ("rating_a", "current_a", "melts_s"),
    [(rating, amperes, seconds) for rating, points in MEAN_MELTING.items() for amperes, seconds in points],
)
def test_curve_points_are_met(rating_a: float, current_a: float, melts_s: float) -> None:
    assert gg_melting_s(rating_a, current_a) == pytest.approx(min(melts_s, 3600.0))


@pytest.mark.parametrize(("rating_a", "low", "high"), [(20.0, 16.0, 25.0), (35.0, 25.0, 50.0), (40.0, 25.0, 50.0)])
@pytest.mark.parametrize("multiple", [1.8, 2.0, 3.0, 4.5])
def test_ratings_between_two_curves_lie_between_them(rating_a: float, low: float, high: float, multiple: float) -> None:
    around = sorted((gg_melting_s(low, multiple * low), gg_melting_s(high, multiple * high)))
    assert around[0] <= gg_melting_s(rating_a, multiple * rating_a) <= around[1]
    assert around[0] < around[1]


@pytest.mark.parametrize("rating_a", [10.0, 16.0, 20.0, 25.0, 35.0, 50.0, 63.0])
@pytest.mark.parametrize("multiple", [1.01, 1.25, 1.4, 1.6])
def test_up_to_the_conventional_current_a_link_is_granted_one_hour(rating_a: float, multiple: float) -> None:
    assert gg_melting_s(rating_a, multiple * rating_a) == pytest.approx(3600.0)


@pytest.mark.parametrize("rating_a", [16.0, 20.0, 25.0, 35.0, 63.0])
def test_more_current_never_holds_longer(rating_a: float) -> None:
    held = [gg_melting_s(rating_a, rating_a * step / 20) for step in range(20, 400)]
    assert held == sorted(held, reverse=True)


def test_the_gates_of_the_standard_hold() -> None:
    """IEC 60269-1: no melting within 10 s at Imin(10 s), melting within 5 s at Imax(5 s)."""
    for rating_a, least_a, most_a in ((16, 33, 65), (20, 42, 85), (25, 52, 110), (50, 125, 250), (63, 160, 320)):
        assert gg_melting_s(rating_a, least_a) > 10.0
        assert gg_melting_s(rating_a, most_a) <= 5.0


def test_a_rating_is_held_for_ever() -> None:
    assert gg_melting_s(20.0, 20.0) == inf
    assert breaker_trip_s(16.0, "C", 16.0) == inf


def test_a_breaker_keeps_its_conventional_currents() -> None:
    """IEC 60898-1 table 7: not within one hour at 1.13, within one hour at 1.45, 1 s to 60 s at 2.55."""
    assert breaker_trip_s(16.0, "B", 1.13 * 16) == pytest.approx(3600.0)
    assert breaker_trip_s(16.0, "B", 1.45 * 16) < 3600.0
    assert 1.0 < breaker_trip_s(16.0, "B", 2.55 * 16) < 60.0
    assert breaker_trip_s(16.0, "B", 3.1 * 16) < 0.1
    assert breaker_trip_s(16.0, "C", 3.1 * 16) > 0.1
    assert breaker_trip_s(16.0, "C", 5.1 * 16) < 0.1


def overload(fuse: Fuse, current_a: float, seconds: int) -> list[int]:
    gone: list[int] = []
    for _ in range(seconds):
        gone += fuse.step((current_a, 5.0, 5.0), 1.0)
    return gone


def test_a_link_at_1_3_times_its_rating_melts_after_one_hour_and_not_before() -> None:
    fuse = Fuse(FusePlan("main", 20.0, "gG", None))
    assert overload(fuse, 26.0, 3590) == []
    assert overload(fuse, 26.0, 20) == [0]
    assert fuse.verdict()["melted"] == ["L1"]
    assert fuse.verdict()["over_s_longest"] == 3610.0


def test_heat_is_a_sum_over_different_currents() -> None:
    fuse = Fuse(FusePlan("main", 25.0, "gG", None))
    overload(fuse, 50.0, 500)
    assert fuse.heat[0] == pytest.approx(0.5)
    overload(fuse, 100.0, 4)
    assert fuse.heat[0] == pytest.approx(0.9)
    overload(fuse, 20.0, 600)
    assert fuse.heat[0] == pytest.approx(0.9 / 2.718281828, rel=1e-3)
    assert fuse.heat_worst[0] == pytest.approx(0.9)


def test_a_breaker_opens_all_its_poles() -> None:
    fuse = Fuse(FusePlan("group", 16.0, "C", None))
    assert overload(fuse, 200.0, 1) == [0, 1, 2]


def test_a_child_is_counted_once_in_its_parent_and_dies_with_it() -> None:
    tree = FuseTree([FusePlan("main", 20.0, "gG", None), FusePlan("garage", 16.0, "gG", "main", 1.0)])
    tree.step({"main": (4.0, 4.0, 4.0), "garage": (6.0, 0.0, 0.0)}, 0.1, power=True)
    assert tree.fuses["garage"].current_a == (7.0, 1.0, 1.0)
    assert tree.fuses["main"].current_a == (11.0, 5.0, 5.0)
    tree.fuses["main"].melted[0] = True
    assert tree.alive("garage") == (False, True, True)
