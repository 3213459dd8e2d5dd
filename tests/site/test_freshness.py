"""The freshness table on a stream of telegrams."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.meters.readings import GridReading
from gateway.quantities import UNKNOWN_PER_PHASE, MaybePerPhase
from gateway.site.because import Why
from gateway.site.freshness import Freshness, GridWatch

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def telegram(
    at_s: float,
    *,
    meter_time: str | None = "moving",
    current_a: MaybePerPhase = (7.0, 7.0, 7.0),
    refused: tuple[str, ...] = (),
) -> GridReading:
    return GridReading(
        at=Instant(at_s, NOON, UtcTrust.SYNCHRONISED),
        form="p1",
        meter_time=f"{at_s:.3f}" if meter_time == "moving" else meter_time,
        import_w=4830.0,
        export_w=0.0,
        current_a=current_a,
        voltage_v=(230.0, 230.0, 230.0),
        net_power_w=UNKNOWN_PER_PHASE,
        import_kwh=Decimal("1234.567"),
        export_kwh=Decimal("0.000"),
        refused=refused,
    )


def fed(*, every_s: float, count: int, boot_s: float = 0.0) -> tuple[GridWatch, float]:
    watch = GridWatch.at_boot(boot_s)
    at_s = boot_s
    for number in range(count):
        at_s = boot_s + number * every_s
        watch = watch.heard(telegram(at_s))
    return watch, at_s


def test_at_boot_the_grid_is_in_fallback_until_three_good_telegrams() -> None:
    watch = GridWatch.at_boot(100.0)
    assert watch.sight(100.0).freshness is Freshness.FALLBACK
    for at_s in (101.0, 111.0):
        watch = watch.heard(telegram(at_s))
        assert watch.sight(at_s).freshness is Freshness.FALLBACK
    watch = watch.heard(telegram(121.0))
    assert watch.sight(121.0).freshness is Freshness.FRESH


@pytest.mark.parametrize(
    ("every_s", "stale_s", "fallback_s"),
    [(10.0, 25.0, 30.0), (5.0, 12.5, 17.5), (1.0, 3.0, 8.0), (2.5, 6.25, 11.25)],
)
def test_silence_grows_stale_then_fallback_then_blind_at_the_times_of_the_learned_interval(
    every_s: float, stale_s: float, fallback_s: float
) -> None:
    watch, last_s = fed(every_s=every_s, count=10)
    assert watch.sight(last_s + stale_s - 0.01).freshness is Freshness.FRESH
    assert watch.sight(last_s + stale_s).freshness is Freshness.STALE
    assert watch.sight(last_s + fallback_s - 0.01).freshness is Freshness.STALE
    assert watch.sight(last_s + fallback_s).freshness is Freshness.FALLBACK
    assert watch.sight(last_s + 299.9).freshness is Freshness.FALLBACK
    assert watch.sight(last_s + 300.0).freshness is Freshness.BLIND


def test_after_silence_three_good_telegrams_bring_trust_back() -> None:
    watch, last_s = fed(every_s=10.0, count=5)
    back_s = last_s + 60.0
    watch = watch.aged(back_s)
    for at_s in (back_s, back_s + 10.0):
        watch = watch.heard(telegram(at_s))
        assert watch.sight(at_s).freshness is Freshness.FALLBACK
    watch = watch.heard(telegram(back_s + 20.0))
    assert watch.sight(back_s + 20.0).freshness is Freshness.FRESH


def test_a_gap_is_remembered_even_if_nobody_looked_during_it() -> None:
    watch, last_s = fed(every_s=10.0, count=5)
    watch = watch.heard(telegram(last_s + 40.0))
    assert watch.sight(last_s + 40.0).freshness is Freshness.FALLBACK


def test_after_a_blind_time_the_first_telegram_gives_fallback_not_trust() -> None:
    watch, last_s = fed(every_s=10.0, count=5)
    watch = watch.heard(telegram(last_s + 1000.0))
    assert watch.sight(last_s + 1000.0).freshness is Freshness.FALLBACK


def test_a_meter_that_repeats_its_own_time_is_frozen_and_ages_like_silence() -> None:
    watch, last_s = fed(every_s=10.0, count=5)
    for number in range(1, 4):
        watch = watch.heard(telegram(last_s + 10.0 * number, meter_time=f"{last_s:.3f}"))
    sight = watch.sight(last_s + 30.0)
    assert sight.freshness is Freshness.FALLBACK
    assert sight.why is Why.GRID_FROZEN


def test_a_meter_without_clock_is_frozen_after_six_identical_telegrams() -> None:
    watch = GridWatch.at_boot(0.0)
    for number in range(4):
        watch = watch.heard(telegram(10.0 * number, meter_time=None, current_a=(float(number), 1.0, 1.0)))
    assert watch.sight(30.0).freshness is Freshness.FRESH
    for number in range(4, 8):
        watch = watch.heard(telegram(10.0 * number, meter_time=None, current_a=(3.0, 1.0, 1.0)))
    assert watch.sight(70.0).freshness is Freshness.FRESH, "five identical ones may be a calm house"
    for number in range(8, 12):
        watch = watch.heard(telegram(10.0 * number, meter_time=None, current_a=(3.0, 1.0, 1.0)))
    assert watch.sight(110.0).why is Why.GRID_FROZEN
    assert watch.sight(110.0).freshness is Freshness.FALLBACK


def test_a_refused_telegram_allows_no_raise_but_is_not_silence() -> None:
    watch, last_s = fed(every_s=10.0, count=5)
    watch = watch.heard(telegram(last_s + 10.0, refused=("power_above_currents",)))
    sight = watch.sight(last_s + 10.0)
    assert (sight.freshness, sight.why) == (Freshness.STALE, Why.GRID_IMPLAUSIBLE)
    watch = watch.heard(telegram(last_s + 20.0))
    assert watch.sight(last_s + 20.0).freshness is Freshness.FRESH


def test_refused_telegrams_build_no_trust_at_boot() -> None:
    watch = GridWatch.at_boot(0.0)
    for number in range(5):
        watch = watch.heard(telegram(10.0 * number, refused=("obis_twice",)))
    assert watch.sight(40.0).freshness is Freshness.FALLBACK


def test_telegrams_without_currents_do_not_keep_the_currents_fresh() -> None:
    watch, last_s = fed(every_s=10.0, count=5)
    for number in range(1, 4):
        watch = watch.heard(telegram(last_s + 10.0 * number, current_a=(None, None, None)))
    assert watch.sight(last_s + 30.0).freshness is Freshness.FALLBACK


def test_the_interval_follows_a_meter_that_is_switched_from_ten_seconds_to_one() -> None:
    watch, last_s = fed(every_s=10.0, count=10)
    for number in range(1, 10):
        watch = watch.heard(telegram(last_s + number))
    assert watch.interval_s == 1.0


def test_telegrams_that_waited_in_a_buffer_count_as_one_and_teach_no_interval() -> None:
    watch, last_s = fed(every_s=10.0, count=10)
    back_s = last_s + 60.0
    for number in range(5):
        watch = watch.heard(telegram(back_s + 0.001 * number))
    assert watch.sight(back_s).freshness is Freshness.FALLBACK
    assert watch.interval_s == 10.0
    for number in range(1, 3):
        watch = watch.heard(telegram(back_s + 10.0 * number))
    assert watch.sight(back_s + 20.0).freshness is Freshness.FRESH


def test_the_newest_telegram_of_a_burst_is_the_one_that_counts_for_the_fuse() -> None:
    watch, last_s = fed(every_s=10.0, count=10)
    watch = watch.heard(telegram(last_s + 10.0))
    watch = watch.heard(telegram(last_s + 10.002, current_a=(19.0, 7.0, 7.0)))
    newest = watch.sight(last_s + 10.1).reading
    assert newest is not None
    assert newest.current_a[0] == 19.0


def test_the_next_telegram_is_expected_one_learned_interval_after_the_last() -> None:
    assert GridWatch.at_boot(0.0).due_s is None
    watch, last_s = fed(every_s=10.0, count=1)
    assert watch.due_s is None, "one telegram shows no interval"
    watch, last_s = fed(every_s=10.0, count=5)
    assert watch.due_s == last_s + 10.0
