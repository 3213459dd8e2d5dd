"""Cells of exported tables and signed texts, word for word; and what is no table, said in exact words."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.archive import ArchivedSession
from gateway.journal.chain import GENESIS, Head
from gateway.journal.facts import EnergyOutside, SessionBegun, SessionEnded
from gateway.journal.heads import archive_text, hand_over_text, head_text, table_text
from gateway.journal.table_check import NotATable, Table, is_table, outside_cells_of, table_of
from gateway.journal.tables import (
    HEADER,
    OLD_HEADER,
    Exporter,
    TableForm,
    csv_lines,
    outside_cells,
    sealed,
    signed_cells,
    unguarded,
)
from gateway.metering.ocmf import Unbilled
from gateway.site.because import Because, Why
from gateway.site.requests import Source
from gateway.site.wishes import EndKind

NOW = Instant(1.0, datetime(2026, 3, 1, 12, tzinfo=UTC), UtcTrust.SYNCHRONISED)
P1, S1 = SocketId("p1"), SessionId("s1")
OUTSIDE = EnergyOutside(NOW, P1, "M1", Decimal("1.00"), Decimal("1.25"))
BEGUN = SessionBegun(
    NOW, "boot", P1, S1, None, None, 3, "V", "M", None, "M1", Decimal("1.0"), Decimal("0.1"), (1,), Because(Why.COMMAND)
)
ENDED = SessionEnded(
    NOW, P1, S1, EndKind.COMPLETED, 4, Decimal("1.5"), Decimal("0.5"), True, (1,), Because(Why.OVERLOAD)
)


def test_what_is_signed_over_tables_archives_heads_and_keys_stays_word_for_word() -> None:
    assert head_text("0A", Head(7, GENESIS)) == f"laddvakt journal head 0A 7:{GENESIS.hex()}".encode()
    assert table_text("0A", "7:00", "ff") == b"laddvakt table of 0A at head 7:00 with SHA-256 ff"
    assert archive_text("0A", "7:00", "ff") == b"laddvakt archive of 0A at head 7:00 with SHA-256 ff"
    assert hand_over_text("AA", 3, "BB", "0B") == b"laddvakt key hand-over from AA after page T3 to BB 0B"


def cells_of(session: ArchivedSession, form: TableForm, exporter: Exporter) -> dict[str, str]:
    header, row = csv_lines([session], [], form, exporter)
    assert header == form.separator.join(HEADER) + "\r\n"
    return dict(zip(HEADER, row.removesuffix("\r\n").split(form.separator), strict=True))


@pytest.mark.parametrize(
    ("begun", "ended", "shown"),
    [
        (BEGUN, ENDED, {}),
        (replace(BEGUN, token=Token("t7"), continues=SessionId("s0"), source=Source.RFID), ENDED,
         {"user": "t7", "continues": "s0", "known_by": Source.RFID.value}),
        (BEGUN, replace(ENDED, billable=False, unbilled=Unbilled.CANCELLED),
         {"billable": "no", "not_billed": "cancelled"}),
    ],
)  # fmt: skip
def test_a_session_whose_pages_are_not_signed_yet_stands_in_the_table_unsigned(
    begun: SessionBegun, ended: SessionEnded, shown: dict[str, str]
) -> None:
    time = "2026-03-01T12:00:00.000+00:00"
    assert cells_of(ArchivedSession(begun, ended), TableForm(), Exporter("0A", "7:00")) == {
        **dict.fromkeys(HEADER, ""),
        "kind": "session",
        "session": "s1",
        "socket": "p1",
        "meter_vendor": "V",
        "meter_model": "M",
        "meter_serial": "M1",
        "begin_time": time,
        "end_time": time,
        "begin_kwh": "1,0",
        "end_kwh": "1,5",
        "energy_kwh": "0,5",
        "step_kwh": "0,1",
        "billable": "yes",
        "end_kind": EndKind.COMPLETED.value,
        "why": Why.OVERLOAD.value,
        "begin_page": "T3",
        "end_page": "T4",
        "grade": "unsigned",
        "verdict": "grey",
        "gateway": "0A",
        "journal_head": "7:00",
        **shown,
    }


def test_a_session_that_runs_has_no_row_and_those_behind_it_have() -> None:
    lines = list(csv_lines([ArchivedSession(BEGUN), ArchivedSession(BEGUN, ENDED)], [OUTSIDE]))
    assert [line.split(";")[0] for line in lines] == ["kind", "session", "outside"]


def test_energy_outside_sessions_bears_these_cells() -> None:
    assert outside_cells(OUTSIDE) == {
        "kind": "outside",
        "socket": "p1",
        "meter_serial": "M1",
        "end_time": "2026-03-01T12:00:00.000+00:00",
        "begin_kwh": Decimal("1.00"),
        "end_kwh": Decimal("1.25"),
        "energy_kwh": Decimal("0.25"),
    }
    shown = {**{name: str(cell) for name, cell in outside_cells(OUTSIDE).items()}, "begin_kwh": "1,00"}
    assert outside_cells_of([shown], [OUTSIDE])
    assert not outside_cells_of([shown | {"end_kwh": "1.26"}], [OUTSIDE])
    assert not outside_cells_of([shown | {"end_kwh": "x"}], [OUTSIDE])
    assert not outside_cells_of([shown], [OUTSIDE, OUTSIDE])


FIRST: dict[str, Any] = {
    "XS": "s1", "XK": "p1", "ID": "t7", "MV": "V", "MM": "M", "MS": "M1", "XR": "0.10", "XC": "s0", "PG": "T3",
    "XA": "rfid", "RD": [{"RV": "1.00", "TM": "begin"}, {"RV": "9", "TM": "no"}],
}  # fmt: skip
LAST: dict[str, Any] = {
    "XE": "completed", "XB": "command", "PG": "T4",
    "RD": [{"RV": "9", "TM": "no", "EF": "E"}, {"RV": "1.50", "TM": "end", "EF": ""}],
}  # fmt: skip
CELLS = {
    "session": "s1", "socket": "p1", "user": "t7", "meter_vendor": "V", "meter_model": "M", "meter_serial": "M1",
    "begin_time": "begin", "end_time": "end", "begin_kwh": Decimal("1.00"), "end_kwh": Decimal("1.50"),
    "energy_kwh": Decimal("0.50"), "step_kwh": Decimal("0.10"), "billable": "yes", "not_billed": "",
    "end_kind": "completed", "why": "command", "continues": "s0", "begin_page": "T3", "end_page": "T4",
    "known_by": "rfid",
}  # fmt: skip


def test_what_a_row_says_of_a_session_is_what_its_two_payloads_say() -> None:
    assert signed_cells(FIRST, LAST) == CELLS
    bare = {name: field for name, field in FIRST.items() if name not in {"ID", "XC", "XA"}}
    assert signed_cells(bare, LAST) == CELLS | {"user": "", "continues": "", "known_by": ""}
    unbilled = CELLS | {"billable": "no", "not_billed": "cancelled"}
    assert signed_cells(FIRST, LAST | {"XN": "cancelled"}) == unbilled
    flawed = LAST | {"RD": [{"RV": "1.50", "TM": "end", "EF": "Et"}]}
    assert signed_cells(FIRST, flawed) == CELLS | {"billable": "no"}


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1", "'=1"), ("+1", "'+1"), ("-1", "'-1"), ("@1", "'@1"), ("'1", "''1"), ("\t1", "'\t1"),
        ("a;b", '"a;b"'), ('a"b', '"a""b"'), ("a\nb", '"a\nb"'), ("a\rb", '"a\rb"'), ("a=1", "a=1"), ("＝1", "'＝1"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula_or_ends_early(text: str, cell: str) -> None:
    row = list(csv_lines([], [replace(OUTSIDE, serial=text)]))[1]
    assert f";{cell};" in row
    assert unguarded(f"'{text}") == text


def test_a_table_is_sealed_over_every_byte_before_the_signature() -> None:
    asked: list[bytes] = []

    def sign(text: bytes) -> bytes:
        asked.append(text)
        return b"\xab\x01"

    exporter = Exporter("0A", "7:00")
    assert b"".join(sealed([b"h\r\n", b"a;\r\n", b"b;\r\n"], sign, exporter)) == b"h\r\na;\r\nb;AB01\r\n"
    assert asked == [table_text("0A", "7:00", sha256(b"h\r\na;\r\nb;").hexdigest())]
    assert b"".join(sealed([b"h\r\n"], sign, exporter)) == b"h\r\n"
    assert b"".join(sealed([b"h\r\n", b"a;\r\n"], sign, exporter)) == b"h\r\na;AB01\r\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"kind\xff", "it is not UTF-8 at byte 4"),
        (b"kind;session\r\n", "its columns are not those that laddvakt export writes"),
        (";".join(OLD_HEADER).encode() + b"\r\na;b\r\n", f"line 2 has 2 cells instead of {len(OLD_HEADER)}"),
        (";".join(HEADER).encode() + b'\r\n"a"b;\r\n', "line 2: ';' expected after '\"'"),
    ],
)
def test_what_is_no_table_says_in_which_line(content: bytes, words: str) -> None:
    with pytest.raises(NotATable) as told:
        table_of(content, "t.csv")
    assert str(told.value) == words


@pytest.mark.parametrize("header", [HEADER, OLD_HEADER])
def test_a_table_read_back_names_each_row_by_its_line(header: tuple[str, ...]) -> None:
    cells = [f"'{name}" for name in header]
    content = "\r\n".join([";".join(header), ";".join(cells), "", ";".join(cells), ""]).encode()
    table = table_of(content, "t.csv")
    assert table == Table("t.csv", table.rows, content, header)
    assert [row.where for row in table.rows] == ["t.csv:2", "t.csv:4"]
    assert all(row.cells == dict(zip(header, header, strict=True)) for row in table.rows)
    assert table.rows[0].session == "session"
    has_records = header is HEADER
    assert table.rows[0].records == (("begin_record", "end_record") if has_records else ("", ""))
    assert table.gateway == ("gateway" if has_records else "")
    assert len(list(table.submitted())) == (4 if has_records else 0)


def test_a_table_is_known_by_four_of_its_sure_columns_in_any_form() -> None:
    assert is_table(b"kind;session;begin_kwh;end_kwh")
    assert is_table(b'sep=,\n"KIND", "session",begin_page,end_page\r\n')
    assert is_table("kind\tsession\tbegin_kwh\tend_page".encode("utf-16"))
    assert not is_table(b"kind;session;begin_kwh")
    assert not is_table(b"x\nkind;session;begin_kwh;end_kwh")
    assert Table("t.csv", (), b"").gateway == ""
