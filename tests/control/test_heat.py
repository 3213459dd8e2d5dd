"""Heat of a fuse: the rows, and that nothing sets it back but time below the rating."""

from dataclasses import replace
from math import exp, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.heat import allowed_s, heat_after
from gateway.site.topology import FuseKind
from tests.control.planned_site import fuse

GG_ROW = [(1.0, inf), (1.01, 1800), (1.13, 1800), (1.2, 600), (1.4, 120), (1.6, 60), (1.8, 20), (2.06, 10), (2.07, 0)]
MCB_ROW = [(1.0, inf), (1.1, 600), (1.3, 30), (1.45, 15), (1.8, 5), (2.0, 3), (2.55, 0.5), (2.56, 0)]


@pytest.mark.parametrize(("multiple", "seconds"), GG_ROW)
def test_a_gg_link_may_carry_an_excess_as_long_as_its_row_says(multiple: float, seconds: float) -> None:
    assert allowed_s(fuse(), multiple) == seconds


@pytest.mark.parametrize("kind", [FuseKind.B, FuseKind.C])
@pytest.mark.parametrize(("multiple", "seconds"), MCB_ROW)
def test_an_automat_may_carry_an_excess_as_long_as_its_row_says(
    kind: FuseKind, multiple: float, seconds: float
) -> None:
    assert allowed_s(fuse(kind=kind), multiple) == seconds


def test_of_a_makers_curve_a_tenth_is_counted_on_and_the_shorter_time_between_its_points() -> None:
    link = replace(fuse(), curve=((1.6, 3600.0), (2.0, 300.0), (4.0, 5.0)))
    told = [(1.0, inf), (1.01, 360.0), (1.6, 360.0), (1.61, 30.0), (2.0, 30.0), (3.9, 0.5), (4.01, 0.0)]
    assert [allowed_s(link, multiple) for multiple, _ in told] == pytest.approx([seconds for _, seconds in told])
    assert heat_after(link, 0.0, 40.0, 15.0) == pytest.approx(0.5)


def test_a_gg_25_at_31_amperes_reaches_half_its_heat_in_a_minute() -> None:
    assert heat_after(fuse(rating_a=25.0), 0.0, 31.3, 60.0) == pytest.approx(0.5)


def test_heat_cools_with_a_time_constant_of_five_minutes() -> None:
    assert heat_after(fuse(), 0.8, 20.0, 300.0) == pytest.approx(0.8 * exp(-1))


def test_an_unknown_current_neither_warms_nor_cools() -> None:
    assert heat_after(fuse(), 0.4, None, 1000.0) == 0.4


def test_a_current_above_the_whole_row_uses_up_the_heat_at_once() -> None:
    assert heat_after(fuse(rating_a=20.0), 0.0, 60.0, 0.1) == 1.0


@given(st.floats(0, 2), st.floats(0, 100), st.floats(0, 30), st.sampled_from(FuseKind))
def test_above_the_rating_heat_never_falls_and_below_it_never_rises(
    heat: float, current_a: float, elapsed_s: float, kind: FuseKind
) -> None:
    after = heat_after(fuse(kind=kind), heat, current_a, elapsed_s)
    if current_a > 20.0:
        assert after >= heat
    else:
        assert after <= heat
