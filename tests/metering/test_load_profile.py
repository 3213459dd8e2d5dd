"""Quarter hours: one reading a boundary, however the clock is stepped, and texts whose two parts prove two things."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import Instant, UtcTrust
from gateway.metering.load_profile import QUARTER, QuarterWatch, Shown, period_row, quarter_of, watt_hours
from gateway.quantities import EnergyRegister

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)


def shown(
    seconds: float, shift_s: float = 0.0, kwh: str = "100.00", serial: str = "12345678", place: str = "p1"
) -> Shown:
    at = Instant(1000.0 + seconds, TEN + timedelta(seconds=seconds + shift_s), UtcTrust.SYNCHRONISED)
    return Shown(place, serial, at, EnergyRegister(Decimal(kwh), Decimal("0.01"), (1, 2)))


def agree(_first: Shown, _second: Shown) -> bool:
    return True


def taken(watch: QuarterWatch[Shown], readings: list[Shown]) -> list[Shown]:
    return [one for reading in readings if (one := watch.heard(reading)) is not None]


def minutes(since: float, until: float, shift_s: float = 0.0) -> list[Shown]:
    return [shown(at, shift_s) for at in range(int(since * 60), int(until * 60))]


def labels(rows: list[Shown]) -> list[str]:
    return [f"{quarter_of(one.at.utc):%H:%M}" for one in rows]


def test_the_first_reading_of_each_quarter_is_taken_once_the_next_agrees() -> None:
    rows = taken(QuarterWatch(agree, quarter_of(TEN)), minutes(1, 46))
    assert [one.at.utc - TEN for one in rows] == [timedelta(minutes=15 * n) for n in (1, 2, 3)]


def test_a_reading_that_nothing_confirms_is_left_for_the_next_two_that_agree() -> None:
    def same(first: Shown, second: Shown) -> bool:
        return first.register.kwh == second.register.kwh

    watch = QuarterWatch(same, quarter_of(TEN))
    readings = [shown(899), shown(900, kwh="1.00"), shown(901, kwh="100.01"), shown(902, kwh="100.01"), shown(903)]
    assert [one.at.utc - TEN for one in taken(watch, readings)] == [timedelta(seconds=901)]


def test_an_earlier_life_took_a_boundary_and_this_one_does_not_take_it_again() -> None:
    assert not taken(QuarterWatch(agree, quarter_of(TEN)), minutes(1, 15))
    assert labels(taken(QuarterWatch(agree, quarter_of(TEN) - QUARTER), minutes(1, 15))) == ["10:00"]


@pytest.mark.parametrize("shift_s", [-1.0, -0.3, 1.0])
def test_a_second_at_the_boundary_neither_doubles_nor_loses_it(shift_s: float) -> None:
    for step_at in (898, 899, 900, 901, 902):
        readings = [shown(at, shift_s if at >= step_at else 0.0) for at in range(60, 1900)]
        assert labels(taken(QuarterWatch(agree, quarter_of(TEN)), readings)) == ["10:15", "10:30"]


def test_a_clock_that_is_set_back_an_hour_goes_on_being_read_every_quarter() -> None:
    readings = minutes(0, 67) + minutes(67, 140, -3600.0)
    rows = taken(QuarterWatch(agree, quarter_of(TEN) - QUARTER), readings)
    assert max(second.at.monotonic_s - first.at.monotonic_s for first, second in pairwise(rows)) == 900.0
    at_boundaries = [one for one in rows if one.at.utc == quarter_of(one.at.utc)]
    assert len(at_boundaries) == 140 // 15 + 1


def test_ten_years_forth_and_back_lose_no_quarter() -> None:
    years_s = 10 * 365 * 86_400.0
    readings = minutes(0, 7) + minutes(7, 8, years_s) + minutes(8, 40)
    rows = taken(QuarterWatch(agree, quarter_of(TEN)), readings)
    assert [label for label, one in zip(labels(rows), rows, strict=True) if one.at.utc.year == 2026] == [
        "10:15", "10:30"
    ]  # fmt: skip


def test_a_boundary_that_a_wrong_clock_showed_too_early_is_taken_when_it_comes() -> None:
    readings = minutes(0, 11, 300.0) + minutes(11, 20)  # five minutes ahead until it is set right
    rows = taken(QuarterWatch(agree, quarter_of(TEN)), readings)
    assert TEN + QUARTER in [one.at.utc for one in rows if one.at.monotonic_s == 1900.0]


@given(st.lists(st.tuples(st.integers(1, 400), st.floats(-5000, 5000)), max_size=40))
def test_however_the_clock_is_stepped_a_moment_of_the_device_is_one_boundary(steps: list[tuple[int, float]]) -> None:
    watch, second, last = QuarterWatch[Shown](agree), 0, dict[datetime, float]()
    for seconds, shift_s in steps:
        for _ in range(seconds):
            second += 1
            one = watch.heard(shown(second, shift_s))
            if one is not None:
                label = quarter_of(one.at.utc)
                boundary_s = one.at.monotonic_s - (one.at.utc - label).total_seconds()
                assert abs(boundary_s - last.get(label, float("-inf"))) > 9
                last[label] = boundary_s


def test_an_untrusted_clock_that_jumps_about_gives_a_row_a_minute_at_most() -> None:
    watch = QuarterWatch[Shown](agree)
    readings = [shown(second, 1000.0 * second) for second in range(600)]
    untrusted = [replace(one, at=replace(one.at, utc_trust=UtcTrust.INFORMATIVE)) for one in readings]
    assert len(taken(watch, untrusted)) <= 10


@pytest.mark.parametrize(("day", "quarters"), [("2026-03-29", 92), ("2026-06-01", 96), ("2026-10-25", 100)])
def test_a_swedish_day_has_92_96_or_100_boundaries(day: str, quarters: int) -> None:
    zone = ZoneInfo("Europe/Stockholm")
    begin = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)
    end = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)
    rows = taken(
        QuarterWatch(agree, quarter_of(begin) - QUARTER),
        [shown(at) for at in range(int((begin - TEN).total_seconds()), int((end - TEN).total_seconds()), 30)],
    )
    local = [quarter_of(one.at.utc).astimezone(zone) for one in rows]
    assert len({at.isoformat() for at in local if at.date().isoformat() == day}) == quarters


def test_watt_hours_are_the_register_s_own_digits() -> None:
    assert [str(watt_hours(Decimal(kwh))) for kwh in ("1234.5", "1234.56", "0", "0.001", "123456.001953125")] == [
        "1234500", "1234560", "0", "1", "123456001.953125"
    ]  # fmt: skip


def row_of(reading: Shown, before: tuple[str, Decimal] | None = None) -> str:
    row = period_row(reading, device="AB12", base_s=Decimal("100.000"), page=1, previous="0" * 64, before=before)
    return row.status


def test_a_row_says_whether_it_goes_on_from_the_row_before() -> None:
    assert row_of(shown(0)) == "X"
    assert row_of(shown(0), ("12345678", Decimal(99_990))) == "G"
    assert row_of(shown(0), ("12345678", Decimal(100_010))) == "X"
    assert row_of(shown(0), ("87654321", Decimal(99_990))) == "X"


@pytest.mark.parametrize(("since_s", "most_kwh"), [("900", "0.98"), ("0", "0.08"), ("-5000", "0.08")])
def test_a_rise_that_the_fuse_cannot_have_let_through_is_another_meter(since_s: str, most_kwh: str) -> None:
    def status(kwh: Decimal, most_w: Decimal | None) -> str:
        reading = replace(shown(0, kwh=str(kwh)), most_w=most_w)
        before, since = ("12345678", Decimal(47_522_900)), Decimal(since_s)
        return period_row(
            reading, device="A", base_s=Decimal(0), page=2, previous="0" * 64, before=before, since_s=since
        ).status

    most = Decimal("47522.90") + Decimal(most_kwh)  # 3600 W and 60 s and two steps of 0.01 kWh
    assert status(most, Decimal(3600)) == "G"
    assert status(most + Decimal("0.01"), Decimal(3600)) == "X"
    assert status(Decimal("60000.02"), Decimal(3600)) == "X"
    assert status(Decimal("60000.02"), None) == "G"
    assert status(Decimal("47522.89"), Decimal(3600)) == "X"


def test_each_field_is_covered_by_its_signature_and_the_second_covers_the_first() -> None:
    row = period_row(
        shown(0), device="AB12", base_s=Decimal("100.000"), page=1, previous="0" * 64, before=("12345678", Decimal(0))
    )
    assert b'"si":"1100.000"' in row.register_text
    other_energy: dict[str, Any] = {
        "device": "X", "place": "p2", "serial": "9", "page": 2, "si_s": Decimal("1100.001"),
        "register_wh": Decimal(1), "step_wh": Decimal(1), "status": "X",
    }  # fmt: skip
    for name, value in other_energy.items():
        changed = replace(row, **{name: value})
        assert changed.register_text != row.register_text
        assert changed.time_text != row.time_text
    other_time: dict[str, Any] = {"utc": TEN + QUARTER, "state": "I", "previous": "1" * 64}
    for name, value in other_time.items():
        changed = replace(row, **{name: value})
        assert changed.register_text == row.register_text
        assert changed.time_text != row.time_text
