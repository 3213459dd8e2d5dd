"""The load profile as a file: what is written, what is read of it, what is said of one that is not right."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from gateway.metering.load_profile import PeriodRow
from gateway.metering.profile_csv import (
    COLUMNS,
    NotAProfile,
    ProfileCells,
    csv_lines,
    finite,
    is_profile,
    rows_in,
)
from gateway.metering.profile_table import Flaw, RegisteredRow, TableLine
from gateway.metering.time_references import MapState

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
WINTER = timezone(timedelta(hours=1))
HEADER = (
    "si;zst_utc;zst_local;register_wh;energy_wh;mean_w;status;sig1;sig2;sig_state;map_state;err;device;socket;"
    "meter_serial;page;step_wh;read_utc;time_state;previous"
)
ROW = PeriodRow(
    "AB12", "p1", "123", 7, Decimal("900.250"), Decimal("101230.5"), Decimal("0.1"), "G",
    TEN + timedelta(milliseconds=1), "S", "cd" * 32,
)  # fmt: skip
SIGNED = RegisteredRow(ROW, "b1", "A1", "B2")
LINE = TableLine("p1", TEN, SIGNED, MapState.OK, Decimal("1230.5"), Decimal("4922.0"), (Flaw.LATE, Flaw.GAP))
WHOLE = (
    "900,250;2026-03-01T10:00:00+00:00;2026-03-01T11:00:00+01:00;101230,5;1230,5;4922,0;G;A1;B2;proven;ok;LATE GAP;"
    f"AB12;p1;123;7;0,1;2026-03-01T10:00:00.001+00:00;S;{'cd' * 32}"
)


def written(line: TableLine, separator: str = ";", point: str = ",", state: str = "proven") -> str:
    header, text = csv_lines([(line, state)], WINTER, separator, point)
    assert header == HEADER.replace(";", separator) + "\r\n"
    assert text.endswith("\r\n")
    return text[:-2]


def cell(text: str, separator: str = ";") -> str:
    """How that text stands in a row, as the meter's serial."""
    other = replace(LINE, registered=replace(SIGNED, row=replace(ROW, serial=text)))
    before, after = WHOLE.split(";123;")
    row = written(other, separator, ",") if separator == ";" else written(other, separator, ".")
    if separator == ",":
        before, after = (part.replace(",", ".").replace(";", ",") for part in (before, after))
    assert row.startswith(before + separator)
    assert row.endswith(separator + after)
    return row[len(before) + 1 : -len(after) - 1]


def test_a_row_is_written_letter_for_letter() -> None:
    assert written(LINE) == WHOLE
    assert list(csv_lines([(LINE, "proven")], WINTER)) == [f"{HEADER}\r\n", f"{WHOLE}\r\n"]
    points = WHOLE.replace(",", ".")
    assert written(LINE, ";", ".") == points
    assert written(LINE, ",", ".") == points.replace(";", ",")


def test_what_is_not_known_is_an_empty_cell() -> None:
    unplaced = replace(LINE, quarter=None, energy_wh=None, mean_w=None, flaws=(), map_state=MapState.UNMAPPED)
    cells = written(unplaced, state="").split(";")
    assert cells[1:3] == ["", ""]
    assert cells[4:6] == ["", ""]
    assert cells[9:12] == ["", "unmapped", ""]
    missing = TableLine("p1", TEN, None, MapState.UNMAPPED, None, None, (Flaw.MISSING,))
    quarter = "2026-03-01T10:00:00+00:00;2026-03-01T11:00:00+01:00"
    assert written(missing, state="") == f";{quarter};;;;;;;;unmapped;MISSING;;p1;;;;;;"


def test_quarters_are_written_in_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert written(replace(LINE, quarter=TEN.astimezone(WINTER))) == WHOLE
    time.tzset()


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("-12", "-12"), ("-1.5", "-1.5"), ("-1,5", "-1,5"), ("-", "'-"), ("-X5", "'-X5"), ("-5-", "'-5-"),
        ("=1", "'=1"), ("+4", "'+4"), ("@x", "'@x"), ("'t", "''t"), ("\tx", "'\tx"), ("-1 5", "'-1 5"),
        ("\rx", '"\'\rx"'), ("\nx", '"\'\nx"'), ("a\rb", '"a\rb"'), ("a\nb", '"a\nb"'), ("a;b", '"a;b"'),
        ('"q"', '"""q"""'), ("a,b", "a,b"), ("", ""), ("5=5", "5=5"), ("-2;3", '"\'-2;3"'),
    ],
)  # fmt: skip
def test_what_looks_like_a_formula_is_marked_and_what_would_break_the_row_is_quoted(text: str, stands: str) -> None:
    assert cell(text) == stands


def test_a_cell_is_quoted_for_the_sign_that_parts_cells_there() -> None:
    assert cell("a,b", ",") == '"a,b"'
    assert cell("a;b", ",") == "a;b"


def content(*rows: str, header: str = HEADER) -> bytes:
    return "\r\n".join([header, *rows, ""]).encode()


def read(*rows: str) -> list[ProfileCells]:
    return rows_in(content(*rows), "f.csv")


def with_cells(**cells: str) -> str:
    row = WHOLE.split(";")
    for name, text in cells.items():
        row[COLUMNS.index(name)] = text
    return ";".join(row)


def test_a_row_is_read_as_it_was_written() -> None:
    cells = dict(zip(COLUMNS, WHOLE.replace(",", ".").split(";"), strict=True))
    assert read(WHOLE) == [ProfileCells("f.csv:2", cells, ROW, is_empty=False)]
    assert [one.where for one in read(WHOLE, "", WHOLE)] == ["f.csv:2", "f.csv:4"]
    empty = with_cells(si="", register_wh="", sig1="", sig2="", page="", read_utc="")
    blank = cells | dict.fromkeys(("si", "register_wh", "sig1", "sig2", "page", "read_utc"), "")
    assert read(empty) == [ProfileCells("f.csv:2", blank, None, is_empty=True)]


@pytest.mark.parametrize("name", ["si", "register_wh", "sig1", "sig2", "page", "read_utc"])
def test_a_row_with_any_word_of_a_reading_claims_one(name: str) -> None:
    cells = dict.fromkeys(("si", "register_wh", "sig1", "sig2", "page", "read_utc"), "")
    (row,) = read(with_cells(**cells | {name: "1"}))
    assert (row.row, row.is_empty) == (None, False)


UNREADABLE = [
    ("si", "1e3"), ("si", "NaN"), ("register_wh", "007"), ("register_wh", ""), ("step_wh", "+1"), ("step_wh", "1_0"),
    ("page", "07"), ("page", "x"), ("read_utc", "2026-03-01T10:00:00"), ("read_utc", "2026-03-01T10:00:00+00:00"),
    ("read_utc", "2026-03-01T11:00:00.001+01:00"), ("read_utc", "now"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), UNREADABLE)
def test_a_row_with_a_cell_that_nobody_here_wrote_keeps_its_cells_and_is_no_row(name: str, text: str) -> None:
    cells = dict(zip(COLUMNS, WHOLE.replace(",", ".").split(";"), strict=True)) | {name: text}
    assert read(with_cells(**{name: text})) == [ProfileCells("f.csv:2", cells, None, is_empty=False)]


@pytest.mark.parametrize("text", ["0", "-0", "12.50", "-1.5", "9" * 30, "0." + "0" * 29 + "1"])
def test_a_plain_number_keeps_its_digits(text: str) -> None:
    assert str(finite(text)) == text or format(finite(text), "f") == text


@pytest.mark.parametrize("text", ["", "1e5", "NaN", "Infinity", "007", "00.5", "+1", " 1", "1.", ".5", "٣", "9" * 31])
def test_any_other_number_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(f'{text!r} is not a plain number')}$"):
        finite(text)


def test_of_a_long_number_the_first_forty_signs_are_told() -> None:
    told = "9" * 40
    with pytest.raises(ValueError, match=rf"^'{told}' is not a plain number$"):
        finite("9" * 45)


@pytest.mark.parametrize(
    ("first", "is_one"),
    [
        ("si;zst_utc\r\n1;2\r\n", True),
        ("si,zst_utc\n1,2\n3,4\n", True),
        ('\ufeff"si";"zst_utc"\n', True),
        ("  si;zst_utc;more", True),
        ("Xsi;zst_utc\n", False),
        ("siXzst_utc\n", False),
        ("zst_utc;si\n", False),
        ("si\n;zst_utc\n", False),
        ("\nsi;zst_utc\n", False),
    ],
)
def test_a_load_profile_is_known_by_its_first_two_columns(first: str, is_one: bool) -> None:
    assert is_profile(first.encode()) is is_one


def test_a_file_may_hold_octets_that_are_no_text_and_is_still_known() -> None:
    assert is_profile(b"si;zst_utc;\xff\n")


COUNT = "it has 2 cells instead of 20, or one that is too long"
WRONG: Sequence[tuple[bytes, str]] = [
    (b"", f"f.csv:1: the columns are not those of a load profile: {HEADER}"),
    (b"si;zst_utc\r\n", f"f.csv:1: the columns are not those of a load profile: {HEADER}"),
    (content(header="X" + HEADER), f"f.csv:1: the columns are not those of a load profile: {HEADER}"),
    (content(header="\n" + HEADER), f"f.csv:1: the columns are not those of a load profile: {HEADER}"),
    (content(WHOLE, "1;2"), f"f.csv:3: {COUNT}"),
    (content(with_cells(sig1="9" * 4097)), "f.csv:2: it has 20 cells instead of 20, or one that is too long"),
    (content('"a"b;c'), "f.csv: ';' expected after '\"'"),
    (content('"abc'), "f.csv: unexpected end of data"),
    (b"\xff", "f.csv: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
]


@pytest.mark.parametrize(("octets", "words"), WRONG)
def test_a_file_that_is_not_right_is_refused_in_these_words(octets: bytes, words: str) -> None:
    with pytest.raises(NotAProfile, match=rf"^{re.escape(words)}$"):
        rows_in(octets, "f.csv")


def test_a_cell_may_be_as_long_as_the_limit() -> None:
    (row,) = read(with_cells(sig1="9" * 4096))
    assert row.cells["sig1"] == "9" * 4096


def test_the_sign_that_parts_cells_is_the_header_s_whatever_stands_further_down() -> None:
    row = WHOLE.replace(",", ".").replace(";", ",").replace(",123,", ",1;3,")
    octets = b"\xef\xbb\xbf" + content(row, row, header=HEADER.replace(";", ","))
    first, second = rows_in(octets, "f.csv")
    assert first.row == second.row == replace(ROW, serial="1;3")
    assert first.cells["meter_serial"] == "1;3"
