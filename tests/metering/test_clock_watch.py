"""A time reference is wanted wherever calendar time stops being the last one plus the seconds since."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import Instant, UtcTrust
from gateway.metering.clock_watch import DAY_S, REST_S, Cause, ClockWatch, is_doubt

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float, shift_s: float = 0.0, trust: UtcTrust = UtcTrust.SYNCHRONISED) -> Instant:
    return Instant(seconds, NOON + timedelta(seconds=seconds + shift_s), trust)


@pytest.mark.parametrize("shift_s", [1.0, -1.0, 3600.0, -3600.0, 315_360_000.0, -315_360_000.0])
def test_every_step_of_a_second_or_more_is_told_once(shift_s: float) -> None:
    watch = ClockWatch(at(0))
    assert watch.wanted(at(20)) is None
    assert watch.wanted(at(21, shift_s)) is Cause.STEP
    assert watch.wanted(at(22, shift_s)) is Cause.STEP
    watch.written(at(22, shift_s))
    assert watch.wanted(at(60, shift_s)) is None


def test_small_steps_add_up_to_one() -> None:
    watch = ClockWatch(at(0))
    assert watch.wanted(at(20, 0.3)) is None
    assert watch.wanted(at(21, 0.6)) is Cause.STEP


def test_a_change_of_trust_is_told_and_a_step_goes_before_it() -> None:
    watch = ClockWatch(at(0))
    assert watch.wanted(at(20, trust=UtcTrust.INFORMATIVE)) is Cause.TRUST
    assert watch.wanted(at(21, 60.0)) is Cause.STEP


def test_a_day_without_any_change_brings_a_reference() -> None:
    watch = ClockWatch(at(0))
    assert watch.wanted(at(DAY_S - 1)) is None
    assert watch.wanted(at(DAY_S)) is Cause.DAILY


def test_a_step_that_is_taken_back_before_it_is_written_is_told_all_the_same() -> None:
    watch = ClockWatch(at(0))
    assert watch.wanted(at(1, 60.0)) is None
    assert watch.wanted(at(2)) is None
    assert watch.wanted(at(REST_S)) is Cause.STEP


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_however_often_the_clock_is_stepped_references_come_at_their_pace(shifts: list[float]) -> None:
    watch, written = ClockWatch(at(0)), 0
    for second, shift_s in enumerate(shifts, 1):
        now = at(float(second), shift_s)
        if watch.wanted(now) is not None:
            watch.written(now)
            written += 1
    assert written <= len(shifts) / REST_S


def test_a_step_and_an_untrusted_clock_are_doubts() -> None:
    assert is_doubt(Cause.STEP, UtcTrust.SYNCHRONISED)
    assert is_doubt(Cause.TRUST, UtcTrust.SYNCHRONISED)
    assert is_doubt(Cause.BOOT, UtcTrust.INFORMATIVE)
    assert not is_doubt(Cause.DAILY, UtcTrust.SYNCHRONISED)
