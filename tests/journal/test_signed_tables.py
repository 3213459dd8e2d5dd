"""Rows of signed sessions, cell for cell; and what a table that is read back gives away, finding by finding."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from gateway.clock import Instant, UtcTrust
from gateway.ids import SessionId, SocketId
from gateway.journal.archive import ArchivedSession
from gateway.journal.facts import EnergyOutside, SessionBegun, SessionEnded
from gateway.journal.meter_facts import MeterRecordKept
from gateway.journal.table_check import NotATable, Table, TableRow, is_table, row_findings, seal_findings, table_of
from gateway.journal.tables import (
    BYTE_ORDER_MARK,
    HEADER,
    OLD_HEADER,
    Exporter,
    TableForm,
    _unsigned_cells,
    csv_lines,
    in_form,
    meter_cells,
    sealed,
)
from gateway.metering.keys import P256_ORDER
from gateway.metering.ocmf import Page, payload_hash
from gateway.metering.pins import Pin, PinState
from gateway.metering.verdicts import Finding, Reason, Verdict
from gateway.metering.verification import Submitted
from gateway.site.because import Because, Why
from gateway.site.wishes import EndKind
from tests.metering.makers import MakersMeter
from tests.metering.records import Pen, begin_text, end_text

NOW = Instant(1.0, datetime(2026, 3, 1, 12, tzinfo=UTC), UtcTrust.SYNCHRONISED)
P1, S1 = SocketId("p1"), SessionId("s1")
OUTSIDE = EnergyOutside(NOW, P1, "M1", Decimal("1.00"), Decimal("1.25"))
PEN, OTHER = Pen(), Pen()
FIRST = begin_text(session=S1)
BEGIN, END = PEN.record(FIRST), PEN.record(end_text(Page(2, payload_hash(FIRST)), session=S1))
BEGUN = SessionBegun(
    NOW, "boot", P1, S1, None, None, 1, "V", "M", None, "M1", Decimal("1.0"), Decimal("0.1"), (1,), Because(Why.COMMAND)
)
ENDED = SessionEnded(
    NOW, P1, S1, EndKind.COMPLETED, 2, Decimal("1.5"), Decimal("0.5"), True, (1,), Because(Why.OVERLOAD)
)
METER = MakersMeter()
METER_TEXT = METER.session(NOW.utc, "500.10", NOW.utc + timedelta(minutes=10), "507.40")
GATEWAY_OF_METER = f"GW-{METER.serial}"
TOFU = Pin(GATEWAY_OF_METER, METER.serial, METER.public.hex, PinState.TOFU, "", "", "file")
PIN = Pin(GATEWAY_OF_METER, METER.serial, METER.public.hex, PinState.CONFIRMED, "Eva", "", "label")
EXPORTER = Exporter("0A", "7:00", (PIN,))


def kept(text: str) -> MeterRecordKept:
    return MeterRecordKept(NOW, P1, S1, GATEWAY_OF_METER, METER.serial, "T1", None, None, "file", text)


def session(*meter_texts: str) -> ArchivedSession:
    return ArchivedSession(BEGUN, ENDED, BEGIN, END, PEN.public.hex, [kept(text) for text in meter_texts])


def exported(
    *sessions: ArchivedSession,
    outside: Iterable[EnergyOutside] = (),
    form: TableForm | None = None,
    exporter: Exporter = EXPORTER,
    pen: Pen | None = PEN,
) -> bytes:
    """The table as a file, signed if somebody signs it."""
    lines = csv_lines(sessions, outside, form or TableForm(), exporter)
    texts = (line.encode("utf-8") for line in lines)
    return b"".join(texts if pen is None else sealed(texts, lambda text: pen.der(text.decode("ascii")), exporter))


def row_of(content: bytes) -> Mapping[str, str]:
    (row,) = table_of(content, "t.csv").rows
    return row.cells


SIGNED_CELLS = {
    **dict.fromkeys(HEADER, ""),
    "kind": "session",
    "session": "s1",
    "socket": "p1",
    "user": "resident-7",
    "meter_vendor": "Eastron",
    "meter_model": "SDM630",
    "meter_serial": "12345678",
    "begin_time": "2026-03-01T10:00:00,000+0100 S",
    "end_time": "2026-03-01T11:00:00,000+0100 S",
    "begin_kwh": "1234,500",
    "end_kwh": "1242,250",
    "energy_kwh": "7,750",
    "step_kwh": "0,001",
    "billable": "yes",
    "end_kind": "completed",
    "why": "command",
    "begin_page": "T1",
    "end_page": "T2",
    "grade": "gateway-signed",
    "verdict": "green",
    "begin_record": BEGIN,
    "end_record": END,
    "gateway": "0A",
    "journal_head": "7:00",
}


def test_a_signed_session_stands_in_the_table_with_its_records_and_what_they_prove() -> None:
    assert row_of(exported(session(), pen=None)) == SIGNED_CELLS
    bare = row_of(exported(session(METER_TEXT), form=TableForm(has_records=False), pen=None))
    shown = {"grade": "meter-signed", "meter_energy_kwh": "7,30", "meter_verdict": "green"}
    assert bare == SIGNED_CELLS | shown | {"begin_record": "", "end_record": ""}
    edges = METER.edge("B", NOW.utc, "500.10"), METER.edge("E", NOW.utc + timedelta(minutes=10), "507.40")
    both = row_of(exported(session(f" {edges[0]}\r\n", edges[1]), pen=None))
    assert both == SIGNED_CELLS | shown | {"meter_records": "\n".join(edges)}
    points = row_of(exported(session(), form=TableForm(",", "."), pen=None))
    assert points["energy_kwh"] == "7.750"


def test_a_session_that_another_key_signed_is_red_in_its_row() -> None:
    row = row_of(exported(replace(session(), key=OTHER.public.hex), pen=None))
    assert row == SIGNED_CELLS | {"verdict": "red"}


@pytest.mark.parametrize("lost", ["begin_record", "end_record", "key"])
def test_a_session_that_lacks_a_record_or_its_key_is_unsigned(lost: str) -> None:
    whole = session(METER_TEXT)
    setattr(whole, lost, None)
    row = row_of(exported(whole, pen=None))
    assert (row["grade"], row["verdict"], row["begin_record"], row["begin_kwh"]) == ("unsigned", "grey", "", "1,0")


@pytest.mark.parametrize("lost", ["begin_record", "end_record"])
def test_a_record_that_cannot_be_read_is_named_and_ends_the_export(lost: str) -> None:
    whole = session()
    setattr(whole, lost, "OCMF|{|{}")
    with pytest.raises(ValueError, match=r"^the records of session s1 cannot be read$"):
        exported(whole)


def test_what_a_meter_signed_makes_the_grade_only_where_its_pin_proves_it() -> None:
    assert meter_cells((), ()) == {"grade": "gateway-signed"}
    proven = {"grade": "meter-signed", "meter_energy_kwh": Decimal("7.30"), "meter_verdict": "green"}
    assert meter_cells((METER_TEXT,), (PIN,)) == proven
    assert meter_cells((METER_TEXT,), (TOFU,))["meter_verdict"] == "yellow"
    unproven = {"grade": "gateway-signed", "meter_energy_kwh": "", "meter_verdict": "yellow"}
    assert meter_cells((METER_TEXT,), ()) == unproven


def test_cells_are_written_in_any_form_with_the_mark_before_them() -> None:
    assert in_form([("a", "b;c"), ("=1", 'd"')], ";", BYTE_ORDER_MARK) == (b'\xef\xbb\xbfa;"b;c"\r\n\'=1;"d"""\r\n')
    assert in_form([("å", "b;c")], ",", "") == "å,b;c\r\n".encode()
    assert in_form([("a,b", "c")], ",", "") == b'"a,b",c\r\n'


CONTENT = exported(session(), outside=(OUTSIDE,))


def seal_said(content: bytes, pen: Pen | None = PEN) -> list[Finding]:
    return list(seal_findings(table_of(content, "t.csv"), None if pen is None else pen.public))


def test_a_seal_says_nothing_where_the_table_is_whole() -> None:
    assert seal_said(CONTENT) == []
    assert seal_said(CONTENT, None) == [Finding(Reason.KEY_NOT_PINNED, "t.csv", "0A")]
    assert seal_said(CONTENT, OTHER) == [Finding(Reason.TABLE_CHANGED, "t.csv")]
    assert list(seal_findings(table_of(CONTENT.replace(b"7,750", b"7,751"), "t.csv"), PEN.public)) == [
        Finding(Reason.TABLE_CHANGED, "t.csv")
    ]


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("mark", ["", BYTE_ORDER_MARK])
def test_a_table_that_was_saved_anew_is_known_in_each_of_the_four_forms(separator: str, mark: str) -> None:
    lines = csv_lines([session()], (), TableForm(separator), EXPORTER)
    texts = [(mark + next(lines)).encode(), *(line.encode() for line in lines)]
    content = b"".join(sealed(texts, lambda text: PEN.der(text.decode("ascii")), EXPORTER))
    assert seal_said(content) == []
    assert seal_said(content + b"\r\n") == [Finding(Reason.TABLE_RESAVED, "t.csv")]
    assert seal_said(content.removesuffix(b"\r\n")) == [Finding(Reason.TABLE_RESAVED, "t.csv")]


def test_a_table_without_its_signature_is_only_not_proven() -> None:
    unsigned = Finding(Reason.TABLE_UNSIGNED, "t.csv")
    assert seal_said(exported(session(), pen=None)) == [unsigned]
    assert seal_said(exported(session(), outside=(OUTSIDE, OUTSIDE), pen=None), None) == [
        unsigned,
        Finding(Reason.UNSIGNED, "t.csv", "outside: 2"),
    ]
    assert seal_said((";".join(HEADER) + "\r\n").encode()) == [unsigned]


def high_s(der: bytes) -> bytes:
    r, s = decode_dss_signature(der)
    return encode_dss_signature(r, P256_ORDER - s)


@pytest.mark.parametrize(
    "form",
    [
        lambda signature: signature.lower(),
        lambda signature: high_s(bytes.fromhex(signature)).hex().upper(),
        lambda signature: "xy",
        lambda signature: "00",
        lambda signature: f"{signature[:2]} {signature[2:]}",
        lambda signature: "å",
    ],
)
def test_a_signature_in_another_form_is_not_the_one_that_was_written(form: Callable[[str], str]) -> None:
    signature = table_of(CONTENT, "t.csv").rows[-1].cells["signature"]
    content = CONTENT.removesuffix(f"{signature}\r\n".encode()) + f"{form(signature)}\r\n".encode()
    assert seal_said(content) == [Finding(Reason.TABLE_CHANGED, "t.csv")]


@pytest.mark.parametrize("name", ["gateway", "journal_head"])
def test_what_no_signed_text_can_hold_is_a_wrong_seal_and_nothing_raises(name: str) -> None:
    table = table_of(CONTENT, "t.csv")
    last = table.rows[-1]
    rows = (*table.rows[:-1], replace(last, cells={**last.cells, name: "å"}))
    assert list(seal_findings(replace(table, rows=rows), PEN.public)) == [Finding(Reason.TABLE_CHANGED, "t.csv")]


def test_a_letter_that_is_no_ascii_is_signed_as_a_question_mark() -> None:
    lines = [line.encode() for line in csv_lines([session()], (), TableForm(), Exporter("å", "é:00"))]
    content = b"".join(sealed(lines, lambda text: PEN.der(text.decode("ascii")), Exporter("?", "?:00")))
    assert seal_said(content) == []


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


def test_the_separator_is_that_of_the_first_line_whatever_stands_below() -> None:
    commas = replace(OUTSIDE, serial="," * 99)
    table = table_of(exported(outside=(commas, commas, OUTSIDE), pen=None), "t.csv")
    assert [row.cells["meter_serial"] for row in table.rows] == ["," * 99, "," * 99, "M1"]


def test_a_table_is_known_by_its_first_line_alone_and_whatever_octets_it_holds() -> None:
    columns = b"kind;session;begin_kwh;end_kwh;begin_page;end_page"
    assert is_table(columns + b";\xe5")
    assert not is_table(b"x\n" + columns + b"\nx")
    assert not is_table(b" " * 4096 + columns)
    assert is_table(b"sep=;\nx;" + columns + b"\nx\nx")
    with pytest.raises(NotATable, match=r"^it is not UTF-8 at byte 0$"):
        table_of(b"\xe5", "t.csv")


def test_a_session_that_runs_cannot_be_put_in_a_row() -> None:
    with pytest.raises(ValueError, match=r"^a session that still runs has no row$"):
        _unsigned_cells(ArchivedSession(BEGUN))


def test_records_are_handed_in_with_the_line_that_they_stand_in() -> None:
    assert list(table_with().submitted()) == [
        Submitted(BEGIN, "t.csv:2", None, "s1"),
        Submitted(END, "t.csv:2", None, "s1"),
    ]
    assert list(table_with({"begin_record": ""}).submitted()) == [Submitted(END, "t.csv:2", None, "s1")]
