"""Where one row, reference or reading ends and the next begins: each limit met exactly, each text to the letter."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_UP, Decimal, localcontext
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gateway.clock import Instant, UtcTrust
from gateway.metering.clock_watch import Cause, ClockWatch, Discipline, undisciplined
from gateway.metering.keys import P256_ORDER, has_low_s
from gateway.metering.load_profile import QUARTER, PeriodRow, Shown, is_proven, period_row, utc_text
from gateway.metering.ocmf import Page, RecordTime, time_text
from gateway.metering.pins import Pin, PinState, pin_for, pins_of_keys
from gateway.metering.profile_table import (
    OUTAGE_MAX,
    Flaw,
    RegisteredRow,
    mean_power_w,
    nearest_quarter,
    table_of,
)
from gateway.metering.time_references import (
    EnteredTime,
    MapState,
    TimeMap,
    TimeReference,
    entered_time,
    moment_entered,
)
from gateway.quantities import EnergyRegister
from tests.metering.records import Pen, end_text

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
NOBODY = TimeMap(())


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that was set up for another part of the world."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_what_is_signed_and_entered_is_utc_wherever_the_machine_stands() -> None:
    moment = datetime(2026, 3, 1, 11, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=1)))
    assert utc_text(moment) == "2026-03-01T10:00:00.123+00:00"
    assert moment_entered("2026-03-01T11:00:00+01:00").isoformat() == "2026-03-01T10:00:00+00:00"
    time_of_reading = RecordTime(moment, timedelta(hours=2), UtcTrust.SYNCHRONISED, wall=moment)
    assert time_text(time_of_reading) == "2026-03-01T12:00:00,123+0200 S"
    assert '"XU":"2026-03-01T10:00:00.123+00:00"' in end_text(Page(2, ""), time=time_of_reading)


def shown(microsecond: int = 0, kwh: str = "100.00", place: str = "p1") -> Shown:
    at = Instant(1000.0, TEN.replace(microsecond=microsecond), UtcTrust.INFORMATIVE)
    return Shown(place, "Ä|7", at, EnergyRegister(Decimal(kwh), Decimal("0.01"), (1, 2)))


def row_of(reading: Shown, before: tuple[str, Decimal] | None = None) -> PeriodRow:
    return period_row(reading, device="AB12", base_s=Decimal("100.250"), page=7, previous="cd" * 32, before=before)


def test_a_row_is_the_reading_and_its_place_in_the_chain() -> None:
    row = row_of(shown(2_999))
    assert row == PeriodRow(
        device="AB12", place="p1", serial="Ä|7", page=7, si_s=Decimal("1100.250"), register_wh=Decimal(100_000),
        step_wh=Decimal(10), status="X", utc=TEN.replace(microsecond=2_000), state="I", previous="cd" * 32,
    )  # fmt: skip
    assert str(row.step_wh) == "10"
    assert row_of(shown(3_000)).utc == TEN.replace(microsecond=3_000)


def test_both_signed_texts_are_written_letter_for_letter() -> None:
    row = row_of(shown())
    assert row.register_text == (
        b'laddvakt load profile register {"device":"AB12","meter":"\\u00c4|7","page":7,"place":"p1",'
        b'"register_wh":"100000","si":"1100.250","status":"X","step_wh":"10"}'
    )
    assert row.time_text == (
        b'laddvakt load profile time {"previous":"' + b"cd" * 32 + b'",'
        b'"register":"' + sha256(row.register_text).hexdigest().encode() + b'","state":"I",'
        b'"utc":"2026-03-01T10:00:00.000+00:00"}'
    )


def test_a_register_that_stands_still_goes_on_from_the_row_before() -> None:
    assert row_of(shown(), ("Ä|7", Decimal(100_000))).status == "G"
    assert row_of(shown(), ("Ä|7", Decimal("100000.001"))).status == "X"
    assert row_of(shown(), ("7", Decimal(100_000))).status == "X"


def test_only_a_synchronised_clock_proves_a_time() -> None:
    assert [state for state in "SIUR" if is_proven(state)] == ["S"]


def table_row(
    minutes: float, kwh: str = "1", state: str = "S", *, si_s: float | None = None, status: str = "G"
) -> RegisteredRow:
    seconds = Decimal(str(minutes * 60 if si_s is None else si_s)).quantize(Decimal("0.001"))
    utc = TEN + timedelta(minutes=minutes)
    wh = Decimal(kwh) * 1000
    row = PeriodRow("AB12", "p1", "123", 1, seconds, wh, Decimal(10), status, utc, state, "0" * 64)
    return RegisteredRow(row, "b1", "AA", "BB")


def reference(si_s: float, seconds: float, state: str = "S", *, cause: Cause = Cause.STEP) -> TimeReference:
    utc = TEN + timedelta(seconds=seconds)
    return TimeReference("AB12", cause, "b1", Decimal(str(si_s)), utc, state, "chrony", None)


def test_a_trusted_row_stands_in_its_own_quarter_however_late_it_is() -> None:
    (line,) = table_of([table_row(14 + 55 / 60)], NOBODY)
    assert (line.quarter, line.map_state, line.flaws) == (TEN, MapState.OK, (Flaw.ASYNC,))
    placed = table_of([table_row(0, state="I", si_s=895)], TimeMap([reference(0, 0)]))
    assert (placed[0].quarter, placed[0].flaws) == (TEN + QUARTER, ())


def test_a_row_that_shows_a_quarter_again_is_only_that() -> None:
    again = table_of([table_row(0), table_row(0, "2", si_s=60)], NOBODY)[1]
    assert (again.quarter, again.flaws, again.map_state) == (None, (Flaw.REPEATED, Flaw.GAP), MapState.UNMAPPED)
    lost = table_of([table_row(0, state="U")], NOBODY)[0]
    assert (lost.quarter, lost.flaws, lost.map_state) == (None, (), MapState.UNMAPPED)


def test_a_period_takes_rows_by_their_quarter_and_those_without_one_by_their_own_clock() -> None:
    wrong = table_row(-1_000_000, state="U", si_s=900)
    times = TimeMap([reference(0, 0)])
    assert len(table_of([wrong], times, TEN, TEN + timedelta(hours=1))) == 1
    assert table_of([wrong], NOBODY, TEN, TEN + timedelta(hours=1)) == []
    assert len(table_of([wrong], NOBODY, None, TEN)) == 1
    assert len(table_of([table_row(15)], NOBODY, TEN + QUARTER, None)) == 1
    assert table_of([table_row(15)], NOBODY, None, TEN + QUARTER) == []


def test_a_cabinet_without_power_may_be_so_for_as_long_as_an_outage_may_last() -> None:
    minutes = OUTAGE_MAX / timedelta(minutes=1)
    quarters = OUTAGE_MAX // QUARTER
    assert len(table_of([table_row(0), table_row(minutes)], NOBODY)) == quarters + 1
    assert len(table_of([table_row(0), table_row(minutes + 15)], NOBODY)) == 2


def test_a_mean_needs_time_and_is_rounded_one_way_whoever_asks() -> None:
    assert mean_power_w(Decimal(1), Decimal(0)) is None
    assert mean_power_w(Decimal(1), Decimal(-1)) is None
    assert mean_power_w(Decimal(1), Decimal("0.5")) == Decimal("7200.0")
    assert str(mean_power_w(Decimal(1), Decimal(1))) == "3600.0"
    with localcontext(rounding=ROUND_UP):
        assert str(mean_power_w(Decimal("0.0125"), Decimal(900))) == "0.0"
        assert str(mean_power_w(Decimal("0.0375"), Decimal(900))) == "0.2"


def test_the_boundary_that_follows_is_nine_seconds_off_at_most() -> None:
    assert nearest_quarter(TEN + timedelta(seconds=891)) == TEN + QUARTER
    assert nearest_quarter(TEN + timedelta(seconds=890.999)) == TEN
    assert nearest_quarter(TEN) == TEN


def test_a_reference_holds_at_its_own_second_and_a_day_to_either_side() -> None:
    times = TimeMap([reference(90_000, 0)])
    assert times.utc("b1", Decimal(90_000)) == TEN
    assert times.utc("b1", Decimal(3_600)) == TEN - timedelta(days=1)
    assert times.utc("b1", Decimal("3599.999")) is None
    assert times.utc("b1", Decimal(176_400)) == TEN + timedelta(days=1)
    assert times.utc("b1", Decimal("176400.001")) is None


def test_two_references_agree_within_less_than_a_second_and_share_what_they_differ_by() -> None:
    agreeing = TimeMap([reference(1000, 0), reference(3000, 2000.5)])
    assert agreeing.utc("b1", Decimal(2000)) == TEN + timedelta(seconds=1000.25)
    assert agreeing.utc("b1", Decimal(1500)) == TEN + timedelta(seconds=500.125)
    assert TimeMap([reference(1000, 0), reference(3000, 2001)]).utc("b1", Decimal(2000)) is None
    assert TimeMap([reference(1000, 0), reference(3000, 2000.999)]).utc("b1", Decimal(2000)) is not None
    assert TimeMap([reference(1000, 0), reference(3000, 1999)]).utc("b1", Decimal(2000)) is None


def test_people_may_differ_by_nine_seconds_and_the_drift_of_a_crystal() -> None:
    def asked(apart_s: float) -> datetime | None:
        first = reference(1000, 0, "manual", cause=Cause.MANUAL)
        last = reference(11_000, 10_000 + apart_s, "manual", cause=Cause.MANUAL)
        return TimeMap([first, last]).utc("b1", Decimal(6000))

    assert asked(10.999) == TEN + timedelta(seconds=5000 + 10.999 / 2)
    assert asked(11) is None
    assert asked(-11) is None


def test_what_somebody_entered_becomes_a_reference_of_his_own() -> None:
    entered = EnteredTime("boot-1", Decimal("12.500"), TEN, "Ann")
    assert entered.text == '{"boot":"boot-1","by":"Ann","si":"12.500","utc":"2026-03-01T10:00:00+00:00"}'
    assert entered.reference("AB12") == TimeReference(
        "AB12", Cause.MANUAL, "boot-1", Decimal("12.500"), TEN, "manual", "manual", None, "Ann"
    )
    assert entered_time(entered.text) == entered


def entered(**changes: str | None) -> str:
    fields = {"boot": "boot-1", "by": "Ann", "si": "12.5", "utc": "2026-03-01T10:00:00+00:00"} | changes
    return json.dumps({name: value for name, value in fields.items() if value is not None})


LACKS = "a time reference has a second, a time with its offset, and who entered it"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (entered(si=None), "it is no time reference: KeyError('si')"),
        (entered(utc=None), "it is no time reference: KeyError('utc')"),
        (entered(boot=None), "it is no time reference: KeyError('boot')"),
        (entered(by=None), "it is no time reference: KeyError('by')"),
        (entered(by="  "), LACKS),
        (entered(by="x" * 65), LACKS),
        (entered(boot="x" * 65), LACKS),
        (entered(si="-0.001"), LACKS),
        (entered(si="NaN"), LACKS),
        (entered(utc="2026-03-01T10:00:00"), "'2026-03-01T10:00:00' is no time of these years with its offset"),
        (entered(utc="2019-12-31T00:00:00Z"), "'2019-12-31T00:00:00Z' is no time of these years with its offset"),
        (entered(utc="3000-01-01T00:00:00Z"), "'3000-01-01T00:00:00Z' is no time of these years with its offset"),
        ("null", "it is no time reference: TypeError(\"'NoneType' object is not subscriptable\")"),
    ],
)
def test_what_is_no_time_that_was_entered_is_said_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(words)}$"):
        entered_time(text)


def test_what_was_entered_may_go_to_each_limit() -> None:
    long = "x" * 64
    text = entered(boot=long, by=long, si="0")
    assert entered_time(text) == EnteredTime(long, Decimal("0.000"), TEN, long)
    assert str(entered_time(entered(si="12.3456")).si_s) == "12.346"
    for year in (2020, 2999):
        assert moment_entered(f"{year}-06-01T00:00:00Z") == datetime(year, 6, 1, tzinfo=UTC)


def test_a_step_of_exactly_half_a_second_is_one() -> None:
    def wanted(step: timedelta) -> Cause | None:
        watch = ClockWatch(Instant(0.0, TEN, UtcTrust.SYNCHRONISED))
        return watch.wanted(Instant(20.0, TEN + timedelta(seconds=20) + step, UtcTrust.SYNCHRONISED))

    half = timedelta(seconds=0.5)
    assert [wanted(half), wanted(-half)] == [Cause.STEP, Cause.STEP]
    assert wanted(half - timedelta(microseconds=1)) is None


def test_a_clock_that_nobody_was_asked_about_is_of_unknown_discipline() -> None:
    assert undisciplined() == Discipline("unknown", None)


def test_s_is_low_up_to_half_the_order_of_the_curve() -> None:
    half = P256_ORDER // 2
    assert has_low_s(encode_dss_signature(1, half))
    assert has_low_s(encode_dss_signature(1, half - 1))
    assert not has_low_s(encode_dss_signature(1, half + 1))


def test_a_meter_s_own_pin_goes_before_its_gateway_s_and_no_other_counts() -> None:
    def pin(gateway: str, meter: str | None) -> Pin:
        return Pin(gateway, meter, "30", PinState.CONFIRMED, "Ann", "", "label")

    own, whole, other = pin("g", "m"), pin("g", None), pin("g", "n")
    assert pin_for([whole, own, other], "g", "m") == own
    assert pin_for([other, whole], "g", "m") == whole
    assert pin_for([other], "g", "m") is None
    assert pin_for([replace(own, gateway="h"), replace(whole, gateway="h")], "g", "m") is None


def test_keys_of_our_own_gateways_are_pins_that_somebody_vouches_for() -> None:
    first, second = Pen().public, Pen().public
    assert pins_of_keys([first, second, first], "--key") == tuple(
        Pin(key.serial, None, key.hex, PinState.CONFIRMED, "--key", "", "--key") for key in (first, second)
    )
    assert pins_of_keys([], "--key") == ()
