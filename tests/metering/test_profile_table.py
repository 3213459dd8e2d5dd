"""The load profile as a table: one row a quarter hour at most, what nobody read said so, energy that adds up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.metering.clock_watch import Cause
from gateway.metering.load_profile import QUARTER, PeriodRow, watt_hours
from gateway.metering.profile_csv import COLUMNS, NotAProfile, csv_lines, is_profile, rows_in
from gateway.metering.profile_table import Flaw, RegisteredRow, TableLine, nearest_quarter, table_of
from gateway.metering.time_references import MapState, TimeMap, TimeReference

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)


def row(
    minutes: float, kwh: str = "100.00", state: str = "S", *, boot: str = "b1", status: str = "G", si_s: float = -1.0
) -> RegisteredRow:
    """A row read so many minutes after ten; its second is the same unless it is told."""
    seconds = Decimal(str(minutes * 60 if si_s < 0 else si_s)).quantize(Decimal("0.001"))
    period = PeriodRow(
        device="AB12",
        place="p1",
        serial="123",
        page=1,
        si_s=seconds,
        register_wh=watt_hours(Decimal(kwh)),
        step_wh=Decimal(10),
        status=status,
        utc=TEN + timedelta(minutes=minutes),
        state=state,
        previous="0" * 64,
    )
    return RegisteredRow(period, boot, "AA", "BB")


def reference(
    si_s: float, minutes: float, state: str = "S", *, boot: str = "b1", cause: Cause = Cause.STEP
) -> TimeReference:
    utc = TEN + timedelta(minutes=minutes)
    return TimeReference("AB12", cause, boot, Decimal(str(si_s)), utc, state, "chrony", Decimal("0.010"))


NOBODY = TimeMap(())


def at(line: TableLine) -> str:
    return "-" if line.quarter is None else f"{line.quarter:%H:%M}"


def test_a_quarter_that_nobody_read_stands_in_the_table_without_a_register() -> None:
    lines = table_of([row(0), row(15, "101.00"), row(60, "104.00"), row(75, "104.50")], NOBODY)
    assert [at(line) for line in lines] == ["10:00", "10:15", "10:30", "10:45", "11:00", "11:15"]
    assert [line.flaws for line in lines] == [(), (), (Flaw.MISSING,), (Flaw.MISSING,), (Flaw.GAP,), ()]
    assert [line.energy_wh for line in lines] == [None, 1000, None, None, 3000, 500]
    assert [line.mean_w for line in lines] == [None, 4000, None, None, None, 2000]
    assert [line.registered is None for line in lines] == [False, False, True, True, False, False]


@pytest.mark.parametrize(
    ("late_s", "flaws"), [(0, ()), (1.999, ()), (2, (Flaw.LATE,)), (9, (Flaw.LATE,)), (9.001, (Flaw.ASYNC,))]
)
def test_a_late_reading_says_so_and_a_later_one_is_asynchronous(late_s: float, flaws: tuple[Flaw, ...]) -> None:
    assert table_of([row(0), row(15 + late_s / 60)], NOBODY)[1].flaws == flaws


def test_rows_of_a_clock_without_time_are_placed_by_the_reference_that_follows() -> None:
    wrong = 60 * 24 * 365 * -56
    rows = [
        row(wrong, state="U", si_s=900),
        row(wrong + 15, state="U", si_s=1800),
        row(45, si_s=2700),
    ]
    lines = table_of(rows, TimeMap([reference(2000, 30 + 200 / 60)]))
    assert [(at(line), line.map_state) for line in lines] == [
        ("10:15", MapState.INTERPOLATED), ("10:30", MapState.INTERPOLATED), ("10:45", MapState.OK)
    ]  # fmt: skip
    unmapped = table_of(rows, NOBODY)
    assert [line.map_state for line in unmapped] == [MapState.UNMAPPED, MapState.UNMAPPED, MapState.OK]
    assert [line.flaws for line in unmapped[1:]] == [(Flaw.GAP,), (Flaw.GAP,)]


def test_a_reading_shortly_before_the_boundary_stands_for_it_and_one_between_is_asynchronous() -> None:
    assert nearest_quarter(TEN + timedelta(minutes=14, seconds=51)) == TEN + QUARTER
    assert nearest_quarter(TEN + timedelta(minutes=14, seconds=50)) == TEN
    lines = table_of([row(0, state="I", si_s=450)], TimeMap([reference(0, 0)]))
    assert [(at(line), line.flaws) for line in lines] == [("10:00", (Flaw.ASYNC,))]


def test_references_that_disagree_place_nothing_between_them() -> None:
    times = TimeMap([reference(0, 0), reference(3600, 120)])
    assert table_of([row(0, state="I", si_s=900)], times)[0].map_state is MapState.UNMAPPED
    agreeing = TimeMap([reference(0, 0), reference(3600, 60)])
    assert table_of([row(0, state="I", si_s=900)], agreeing)[0].map_state is MapState.INTERPOLATED


def test_a_single_reference_reaches_a_day_and_another_boot_s_reaches_nothing() -> None:
    times = TimeMap([reference(0, 0)])
    assert times.utc("b1", Decimal(86_400)) == TEN + timedelta(days=1)
    assert times.utc("b1", Decimal(86_401)) is None
    assert times.utc("b2", Decimal(10)) is None


def test_what_people_enter_counts_where_no_trusted_reference_does_and_untrusted_ones_never() -> None:
    manual = reference(0, 7, "manual", cause=Cause.MANUAL)
    assert TimeMap([manual]).utc("b1", Decimal(60)) == TEN + timedelta(minutes=8)
    assert TimeMap([manual, reference(0, 0)]).utc("b1", Decimal(60)) == TEN + timedelta(minutes=1)
    assert TimeMap([reference(0, 0, "I")]).utc("b1", Decimal(60)) is None
    disagreeing = [reference(0, 0), reference(100, 60)]
    assert TimeMap([manual, *disagreeing]).utc("b1", Decimal(60)) is None


def test_two_people_s_references_carry_the_drift_between_them_evenly() -> None:
    first = reference(0, 0, "manual", cause=Cause.MANUAL)
    week_s = 7 * 86_400
    last = reference(week_s, week_s / 60 + 1, "manual", cause=Cause.MANUAL)  # the device lost a minute in a week
    assert TimeMap([first, last]).utc("b1", Decimal(week_s // 2)) == TEN + timedelta(seconds=week_s / 2 + 30)
    wrong = reference(week_s, week_s / 60 + 3, "manual", cause=Cause.MANUAL)
    assert TimeMap([first, wrong]).utc("b1", Decimal(week_s // 2)) is None


def test_a_quarter_that_a_clock_set_back_shows_again_has_one_row_and_all_its_energy() -> None:
    rows = [
        row(0),
        row(15, "101.00"),
        row(0, "102.00", si_s=1800),
        row(15, "103.00", si_s=2700),
        row(30, "104.00", si_s=3600),
    ]
    lines = table_of(rows, NOBODY)
    assert [at(line) for line in lines] == ["10:00", "10:15", "-", "-", "10:30"]
    assert [Flaw.REPEATED in line.flaws for line in lines] == [False, False, True, True, False]
    assert sum(line.energy_wh or 0 for line in lines) == 4000


def test_a_trusted_row_goes_before_one_that_was_placed() -> None:
    rows = [row(0, state="I", si_s=897), row(15, si_s=900)]
    lines = table_of(rows, TimeMap([reference(0, 0)]))
    assert [(at(line), line.map_state) for line in lines] == [("-", MapState.UNMAPPED), ("10:15", MapState.OK)]


def test_ten_years_of_a_wrong_clock_are_no_outage() -> None:
    years = 10 * 365 * 24 * 60
    lines = table_of([row(0), row(years, si_s=600), row(15, si_s=901)], NOBODY)
    assert len(lines) == 3
    assert lines[1].flaws == (Flaw.GAP,)


def test_another_meter_begins_a_count_of_its_own() -> None:
    lines = table_of([row(0), row(15, "5.00", status="X"), row(30, "6.00")], NOBODY)
    assert [(line.energy_wh, line.flaws) for line in lines] == [(None, ()), (None, (Flaw.EXCHANGED,)), (1000, ())]


def test_a_mean_over_two_boots_is_not_made_up() -> None:
    lines = table_of([row(0), row(15, "101.00", boot="b2", si_s=100_900)], NOBODY)
    assert (lines[1].energy_wh, lines[1].mean_w) == (1000, None)


def test_a_period_is_cut_out_and_its_first_row_has_no_energy() -> None:
    rows = [row(0), row(15, "101.00"), row(30, "102.00"), row(45, "103.00")]
    lines = table_of(rows, NOBODY, TEN + QUARTER, TEN + 3 * QUARTER)
    assert [(at(line), line.energy_wh) for line in lines] == [("10:15", None), ("10:30", 1000)]


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 3000), st.sampled_from("SIU"), st.integers(-5000, 5000)),
        max_size=40,
    )
)
def test_no_quarter_stands_twice_and_all_energy_is_told(course: list[tuple[int, int, str, int]]) -> None:
    rows, second, wh = [], 0, 0
    for minutes, energy, state, shift in course:
        second += minutes * 60
        wh += energy
        rows.append(row((second + shift) / 60, str(Decimal(wh) / 1000), state, si_s=float(second)))
    lines = table_of(rows, TimeMap([reference(0, 0)]))
    quarters = [line.quarter for line in lines if line.quarter is not None]
    assert len(set(quarters)) == len(quarters)
    assert [line.registered for line in lines if line.registered is not None] == rows
    told = sum(line.energy_wh for line in lines if line.energy_wh is not None)
    assert told == (rows[-1].row.register_wh - rows[0].row.register_wh if rows else 0)
    known = sorted(quarters)
    if known and known[-1] - known[0] < timedelta(days=300):
        assert [known[0] + n * QUARTER for n in range(len(known))] == known


def test_the_columns_are_those_that_people_know_and_then_what_a_verifier_needs() -> None:
    table = table_of([row(0), row(15, "101.23")], NOBODY)
    text = "".join(csv_lines([(line, "proven") for line in table], ZoneInfo("Europe/Stockholm")))
    header, _, second = text.splitlines()
    assert header.startswith(
        "si;zst_utc;zst_local;register_wh;energy_wh;mean_w;status;sig1;sig2;sig_state;map_state;err;"
    )
    cells = dict(zip(header.split(";"), second.split(";"), strict=True))
    assert (cells["si"], cells["register_wh"], cells["energy_wh"], cells["mean_w"]) == (
        "900,000", "101230", "1230", "4920,0"
    )  # fmt: skip
    assert (cells["zst_utc"], cells["zst_local"]) == ("2026-03-01T10:15:00+00:00", "2026-03-01T11:15:00+01:00")
    assert (cells["sig_state"], cells["map_state"], cells["err"]) == ("proven", "ok", "")


@pytest.mark.parametrize(("separator", "point"), [(";", ","), (";", "."), (",", "."), (",", ",")])
def test_what_is_written_is_read_again_whatever_the_form(separator: str, point: str) -> None:
    table = table_of([row(0, "100.001"), row(45, "101.23")], NOBODY)
    text = "".join(csv_lines([(line, "") for line in table], ZoneInfo("Europe/Stockholm"), separator, point))
    content = b"\xef\xbb\xbf" + text.encode()
    assert is_profile(content)
    read = rows_in(content, "f.csv")
    assert [one.row for one in read] == [None if line.registered is None else line.registered.row for line in table]
    assert [one.is_empty for one in read] == [False, True, True, False]


def test_a_serial_that_looks_like_a_formula_is_harmless_and_comes_back_whole() -> None:
    one = row(0)
    for serial in ("=1+1", "+4", "@x", "-2;3", '"q"', "'t", "-12"):
        period = PeriodRow(**{name: getattr(one.row, name) for name in one.row.__slots__} | {"serial": serial})
        table = table_of([RegisteredRow(period, "b1", "AA", "BB")], NOBODY)
        text = "".join(csv_lines([(line, "") for line in table], ZoneInfo("Europe/Stockholm")))
        (read,) = rows_in(text.encode(), "f.csv")
        assert read.row is not None
        assert read.row.serial == serial
        assert f";{serial}" not in text or serial == "-12" or serial.startswith('"')


@pytest.mark.parametrize(
    "content",
    [
        b"si;zst_utc\r\n",
        ";".join(COLUMNS).encode() + b"\r\n1;2\r\n",
        ";".join(COLUMNS).encode() + b'\r\n"' + b"x" * 9,
        ";".join(COLUMNS).encode() + b"\r\n\xff",
        ";".join(COLUMNS).encode() + b"\r\n" + b";".join([b"9" * 5000, *[b""] * (len(COLUMNS) - 1)]),
    ],
)
def test_what_is_no_load_profile_is_refused_with_its_line(content: bytes) -> None:
    assert is_profile(content)
    with pytest.raises(NotAProfile, match=r"f\.csv"):
        rows_in(content, "f.csv")


@pytest.mark.parametrize("content", [b"", b"OCMF|{}|{}", b"kind;session\r\n", b"\xff\xfe\x00"])
def test_other_files_are_not_taken_for_one(content: bytes) -> None:
    assert not is_profile(content)
