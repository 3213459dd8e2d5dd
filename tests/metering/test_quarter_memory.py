"""What a watch remembers of boundaries, and for how long, to the second."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.metering.load_profile import QUARTER, QuarterWatch, Shown
from gateway.quantities import EnergyRegister

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
REMEMBERED = 192


def shown(monotonic_s: float, utc: datetime, trust: UtcTrust = UtcTrust.SYNCHRONISED) -> Shown:
    return Shown("p1", "123", Instant(monotonic_s, utc, trust), EnergyRegister(Decimal(1), Decimal("0.01"), ()))


def watch_of() -> QuarterWatch[Shown]:
    return QuarterWatch(lambda _first, _second: True)


def taken_at(watch: QuarterWatch[Shown], monotonic_s: float, utc: datetime, trust: UtcTrust) -> bool:
    """Whether a reading of that moment is taken, where the next one agrees."""
    watch.heard(shown(monotonic_s, utc, trust))
    return watch.heard(shown(monotonic_s + 0.01, utc, trust)) is not None


@pytest.mark.parametrize(("count", "is_taken"), [(REMEMBERED, False), (REMEMBERED + 1, True), (REMEMBERED + 9, True)])
def test_the_newest_hundred_and_ninety_two_boundaries_are_remembered(count: int, is_taken: bool) -> None:
    watch, trust = watch_of(), UtcTrust.SYNCHRONISED
    for at in range(count):
        assert taken_at(watch, 1000 + 0.02 * at, TEN + QUARTER * at, trust)
    assert taken_at(watch, 1005, TEN, trust) is is_taken


@pytest.mark.parametrize(("later_s", "is_taken"), [(59.9, False), (60.0, True), (61.0, True)])
def test_an_untrusted_clock_rests_for_a_minute_after_each_row(later_s: float, is_taken: bool) -> None:
    watch = watch_of()
    assert taken_at(watch, 1000, TEN, UtcTrust.INFORMATIVE)
    assert taken_at(watch, 1000 + later_s, TEN + 7 * QUARTER, UtcTrust.INFORMATIVE) is is_taken


def test_a_trusted_clock_needs_no_rest_and_an_untrusted_one_none_before_its_first_row() -> None:
    watch = watch_of()
    assert taken_at(watch, 0, TEN, UtcTrust.UNKNOWN)
    assert taken_at(watch, 1, TEN + QUARTER, UtcTrust.SYNCHRONISED)


@pytest.mark.parametrize(("again_s", "is_taken"), [(9.0, False), (8.0, False), (9.001, True)])
def test_a_boundary_that_is_shown_again_within_nine_seconds_is_the_same(again_s: float, is_taken: bool) -> None:
    watch = watch_of()
    assert watch.heard(shown(1000, TEN)) is None
    assert watch.heard(shown(1001, TEN + timedelta(seconds=1))) == shown(1000, TEN)
    before = shown(1005, TEN - timedelta(seconds=4))
    assert watch.heard(before) is None
    again = shown(1000 + again_s, TEN)
    assert watch.heard(again) == before
    assert watch.heard(shown(1010, TEN + timedelta(seconds=1))) == (again if is_taken else None)
