"""The meter's clock against the host's."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.meters.meter_clock import MeterClock, meter_utc
from gateway.wire.dlms import cosem_time

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
STANDARD = "261121130000W"


def at(seconds: float = 0.0, trust: UtcTrust = UtcTrust.SYNCHRONISED) -> Instant:
    return Instant(seconds, NOON + timedelta(seconds=seconds), trust)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("261121130000W", NOON),
        ("261121140000S", NOON),
        ("261121130000", NOON),
        ("261121 130000", NOON),
        ("20261121 13:00:00", NOON),
        ("201121130000W", datetime(2020, 11, 21, 12, 0, 0, tzinfo=UTC)),
        ("2026-11-21 13:00:00 dev=-60 status=00", NOON),
        ("2026-11-21 14:00:00 dev=-120 status=80", NOON),
        ("2026-11-21 12:00:00 dev=0 status=00", NOON),
        ("2026-11-21 13:00:00 dev=n/a status=00", NOON),
        ("261321130000W", None),
        ("261121250000W", None),
        ("0000-00-00 00:00:00 dev=n/a status=ff", None),
        ("65535-01-01 00:00:00 dev=0 status=00", None),
        ("0001-01-01 00:00:00 dev=-720 status=00", None),
        ("", None),
        ("W", None),
    ],
)
def test_the_meters_text_becomes_utc_by_what_it_says_of_its_zone(text: str, utc: datetime | None) -> None:
    assert meter_utc(text) == utc


def test_any_twelve_octets_are_a_time_or_none() -> None:
    for octet in range(256):
        meter_utc(cosem_time(bytes([octet] * 12)))


def test_a_clock_that_goes_with_the_host_does_not_warn() -> None:
    clock = MeterClock()
    clock.told(STANDARD, at(0.4))
    sight = clock.sight()
    assert sight is not None
    assert sight.difference_s == pytest.approx(-0.4)
    assert (sight.convention_h, sight.warns) == (0, False)


@pytest.mark.parametrize(("text", "hours"), [("261121140000W", 1), ("261121120000W", -1), ("261121130000S", -1)])
def test_one_whole_hour_is_the_meters_convention(text: str, hours: int) -> None:
    clock = MeterClock()
    clock.told(text, at(2.0))
    sight = clock.sight()
    assert sight is not None
    assert sight.convention_h == hours
    assert sight.difference_s == pytest.approx(-2.0)
    assert not sight.warns


@pytest.mark.parametrize(("seconds", "warns"), [(29, False), (31, True), (-31, True), (3640, True), (7200, True)])
def test_more_than_thirty_seconds_are_a_warning(seconds: int, warns: bool) -> None:
    clock = MeterClock()
    clock.told((NOON + timedelta(hours=1, seconds=seconds)).strftime("%y%m%d%H%M%SW"), at())
    sight = clock.sight()
    assert sight is not None
    assert sight.warns is warns


def test_a_host_that_is_not_synchronised_blames_nobody() -> None:
    clock = MeterClock()
    clock.told("261121150000W", at(0.0, UtcTrust.INFORMATIVE))
    sight = clock.sight()
    assert sight is not None
    assert not sight.warns


def test_a_host_without_time_and_a_meter_without_time_give_no_difference() -> None:
    clock = MeterClock()
    assert clock.sight() is None
    clock.told("", at())
    assert clock.sight() is None
    clock.told(STANDARD, at(0.0, UtcTrust.UNKNOWN))
    assert clock.sight() is None


def test_one_late_telegram_is_no_wrong_clock() -> None:
    clock = MeterClock()
    for second in range(5):
        late_s = 60.0 if second == 3 else 0.0
        clock.told((NOON + timedelta(hours=1, seconds=second)).strftime("%y%m%d%H%M%SW"), at(second + late_s))
        sight = clock.sight()
        assert sight is not None
        assert not sight.warns
