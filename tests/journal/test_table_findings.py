"""What the rows of a table that is read back give away, finding by finding."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from gateway.ids import SessionId
from gateway.journal.table_check import Table, TableRow, row_findings
from gateway.journal.tables import OLD_HEADER
from gateway.metering.pins import Pin
from gateway.metering.verdicts import Finding, Reason, Verdict
from gateway.metering.verification import Submitted
from tests.journal.table_bench import (
    BEGIN,
    END,
    METER,
    METER_TEXT,
    NOW,
    OTHER,
    PIN,
    SIGNED_CELLS,
    TOFU,
    exported,
    row_of,
    session,
)
from tests.metering.records import begin_text


def table_with(cells: Mapping[str, str] | None = None, content: bytes = b"", kind: str = "session") -> Table:
    """A table of one row: that of the signed session, with some cells changed."""
    shown = SIGNED_CELLS if not content else row_of(content)
    return Table("t.csv", (TableRow("t.csv:2", {**shown, "kind": kind, **(cells or {})}),), b"")


GREEN = {"s1": Verdict.GREEN}


def rows_said(
    table: Table,
    submitted: Iterable[Submitted] = (),
    verdicts: Mapping[str, Verdict] = GREEN,
    pins: Iterable[Pin] = (),
) -> list[Finding]:
    return list(row_findings(table, list(submitted), verdicts, list(pins)))


def changed(words: str) -> list[Finding]:
    return [Finding(Reason.CELL_CHANGED, "t.csv:2", words)]


def test_the_row_of_a_signed_session_is_what_was_signed() -> None:
    assert rows_said(table_with()) == []
    assert rows_said(table_with({"begin_kwh": "1234.500"})) == []
    assert rows_said(table_with(), verdicts={}) == []
    assert list(row_findings(table_with(), [], GREEN)) == []


@pytest.mark.parametrize(
    ("name", "shown", "signed"),
    [
        ("socket", "p2", "p1"),
        ("user", "", "resident-7"),
        ("energy_kwh", "7,751", "7.750"),
        ("energy_kwh", "", "7.750"),
        ("energy_kwh", "7,750 ", "7.750"),
        ("begin_kwh", "1234,500,0", "1234.500"),
        ("verdict", "red", "green"),
        ("begin_page", "T9", "T1"),
    ],
)
def test_a_cell_that_is_not_what_was_signed_is_shown_beside_it(name: str, shown: str, signed: str) -> None:
    assert rows_said(table_with({name: shown})) == changed(f"{name}: {shown}, {signed}")


def test_a_verdict_is_held_against_what_the_records_prove_here() -> None:
    assert rows_said(table_with(), verdicts={"s1": Verdict.RED}) == changed("verdict: green, red")
    assert rows_said(table_with({"verdict": "red"}), verdicts={"s2": Verdict.RED}) == []


def test_a_row_that_stands_twice_is_found_once() -> None:
    table = table_with()
    twice = replace(table, rows=(table.rows[0], replace(table.rows[0], where="t.csv:3")))
    assert rows_said(twice) == [Finding(Reason.REPLAYED, "t.csv:3", "s1")]


def test_a_row_of_no_known_kind_is_named_and_those_behind_it_are_read() -> None:
    other = table_with(kind="x").rows[0]
    bad = replace(table_with({"user": "x"}).rows[0], where="t.csv:3")
    assert rows_said(Table("t.csv", (other, bad), b"")) == [
        Finding(Reason.CELL_CHANGED, "t.csv:2", "kind: x"),
        Finding(Reason.CELL_CHANGED, "t.csv:3", "user: x, resident-7"),
    ]


BARE = {"begin_record": "", "end_record": ""}


def test_a_row_that_refers_to_its_records_finds_them_beside_the_table() -> None:
    beside = [Submitted("no record", "x"), Submitted(BEGIN, "x"), Submitted(END, "x")]
    assert rows_said(table_with(BARE), beside) == []
    assert rows_said(table_with({**BARE, "user": "x"}), beside) == changed("user: x, resident-7")
    for some in ([], beside[:2], beside[2:]):
        assert rows_said(table_with(BARE), some) == [Finding(Reason.RECORD_NOT_HERE, "t.csv:2", "s1")]
    unsigned = [Finding(Reason.UNSIGNED, "t.csv:2", "s1")]
    assert rows_said(table_with({**BARE, "grade": "unsigned"})) == unsigned
    other = [Submitted(OTHER.record(begin_text(session=SessionId("s2"))), "x"), Submitted(END, "x")]
    assert rows_said(table_with(BARE), other) == [Finding(Reason.RECORD_NOT_HERE, "t.csv:2", "s1")]
    # What stands in the row goes before what lies beside it.
    assert rows_said(table_with({"begin_record": "x"}), beside) == changed("begin_record, end_record")


@pytest.mark.parametrize(
    "record", ["x", "OCMF|{}|{}", "OCMF|[]|{}", 'OCMF|{"RD":[]}|{}', 'OCMF|{"RD":[{"RV":"x"}]}|{}']
)
@pytest.mark.parametrize("name", ["begin_record", "end_record"])
def test_a_record_that_is_not_ours_is_a_changed_cell(record: str, name: str) -> None:
    assert rows_said(table_with({name: record})) == changed("begin_record, end_record")


def test_an_old_table_has_neither_grade_nor_verdict_to_check() -> None:
    cells = {name: SIGNED_CELLS[name] for name in OLD_HEADER}
    table = Table("t.csv", (TableRow("t.csv:2", cells),), b"", OLD_HEADER)
    beside = [Submitted(BEGIN, "x"), Submitted(END, "x")]
    assert rows_said(table, beside, {"s1": Verdict.RED}) == []
    assert rows_said(table) == [Finding(Reason.RECORD_NOT_HERE, "t.csv:2", "s1")]


METERED = exported(session(METER_TEXT), pen=None)


def test_what_a_meter_signed_is_held_against_its_pin() -> None:
    assert rows_said(table_with(content=METERED), pins=(PIN,)) == []
    assert rows_said(table_with(content=METERED)) == []
    doubted = rows_said(table_with(content=METERED), pins=(TOFU,))
    assert {(one.reason, one.where) for one in doubted} == {(Reason.KEY_NOT_CONFIRMED, "t.csv:2")}
    assert rows_said(table_with({"meter_verdict": "yellow"}, METERED), pins=(PIN,)) == []


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"meter_energy_kwh": "7,31"}, "meter_energy_kwh: 7,31, 7.30"),
        ({"grade": "gateway-signed"}, "grade: gateway-signed, meter-signed"),
        ({"grade": "x"}, "grade: x, meter-signed"),
    ],
)
def test_a_meters_cells_that_were_changed_are_found_with_its_pin_and_without(cells: dict[str, str], words: str) -> None:
    assert rows_said(table_with(cells, METERED), pins=(PIN,)) == changed(words)
    assert rows_said(table_with(cells, METERED)) == changed(words)


def test_without_a_pin_energy_may_be_shown_or_not_but_the_grade_must_fit() -> None:
    silent = {"meter_energy_kwh": "", "grade": "gateway-signed"}
    assert rows_said(table_with(silent, METERED)) == []
    assert rows_said(table_with({"meter_energy_kwh": ""}, METERED)) == changed("grade: meter-signed, gateway-signed")
    assert rows_said(table_with({"meter_energy_kwh": ""}, METERED), pins=(PIN,)) == changed("meter_energy_kwh: , 7.30")
    edge = METER.edge("B", NOW.utc, "1.0")
    half = {"meter_records": edge, "grade": "meter-signed", "meter_energy_kwh": "1,0"}
    assert rows_said(table_with(half)) == changed("meter_energy_kwh: 1,0, ")


def test_energy_of_a_meter_needs_its_records_in_the_row() -> None:
    shown = {"grade": "meter-signed", "meter_energy_kwh": "7,30"}
    assert rows_said(table_with(shown)) == changed("meter_energy_kwh: 7,30, ")
    assert rows_said(table_with({"meter_verdict": "green"})) == changed("meter_verdict: green, ")
    assert rows_said(table_with({"grade": "meter-signed"})) == changed("grade: meter-signed, gateway-signed")
    beside = [Submitted(BEGIN, "x"), Submitted(END, "x")]
    assert rows_said(table_with({**shown, "end_record": ""}), beside) == changed("meter_energy_kwh: 7,30, ")
    assert rows_said(table_with({**BARE, **shown, "meter_verdict": "green"}), beside) == []
    assert rows_said(table_with({**BARE, "grade": "meter-signed"}), beside) == changed(
        "grade: meter-signed, gateway-signed"
    )
    assert rows_said(table_with({**BARE, **shown, "grade": "unsigned"}), beside) == []


def test_a_meters_record_that_is_none_is_named_as_it_is() -> None:
    said = rows_said(table_with({"meter_records": f"\n{METER_TEXT}\n\nx"}, METERED), pins=(PIN,))
    assert said == [Finding(Reason.NOT_OCMF, "t.csv:2"), *changed("meter_energy_kwh: 7,30, ")]
    forged = METER_TEXT.replace("507.40", "508.40")
    said = rows_said(table_with({"meter_records": forged}, METERED), pins=(PIN,))
    assert Finding(Reason.SIGNATURE_WRONG, "t.csv:2", said[0].detail) in said
    assert all(one.where == "t.csv:2" for one in said)
    assert [one.detail for one in said if one.reason is Reason.CELL_CHANGED] == [
        "grade: meter-signed, gateway-signed",
        "meter_energy_kwh: 7,30, ",
    ]


@pytest.mark.parametrize(
    ("begin", "end", "energy", "is_right"),
    [
        ("1,00", "1,25", "0,25", True),
        ("1.00", "1.25", "0.250", True),
        ("1,00", "1,00", "0", True),
        ("1,25", "1,00", "-0,25", False),
        ("1,00", "1,25", "0,26", False),
        ("x", "1,25", "0,25", False),
        ("1,00", "", "0,25", False),
        ("1,00", "1,25", "٣", False),
    ],
)
def test_energy_outside_sessions_adds_up(begin: str, end: str, energy: str, *, is_right: bool) -> None:
    table = table_with({"begin_kwh": begin, "end_kwh": end, "energy_kwh": energy}, kind="outside")
    assert rows_said(table) == ([] if is_right else changed(f"{begin}, {end}, {energy}"))


def test_records_are_handed_in_with_the_line_that_they_stand_in() -> None:
    assert list(table_with().submitted()) == [
        Submitted(BEGIN, "t.csv:2", None, "s1"),
        Submitted(END, "t.csv:2", None, "s1"),
    ]
    assert list(table_with({"begin_record": ""}).submitted()) == [Submitted(END, "t.csv:2", None, "s1")]
