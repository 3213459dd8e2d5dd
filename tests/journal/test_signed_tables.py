"""Rows of signed sessions, cell for cell, as they are written and as they are known again."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.journal.archive import ArchivedSession
from gateway.journal.table_check import NotATable, is_table, table_of
from gateway.journal.tables import BYTE_ORDER_MARK, TableForm, _unsigned_cells, in_form, meter_cells
from tests.journal.table_bench import (
    BEGUN,
    METER,
    METER_TEXT,
    NOW,
    OTHER,
    OUTSIDE,
    PIN,
    SIGNED_CELLS,
    TOFU,
    exported,
    row_of,
    session,
)


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
