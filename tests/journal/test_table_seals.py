"""The seal of a table that is read back: whole, saved anew, unsigned, or changed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from gateway.journal.table_check import seal_findings, table_of
from gateway.journal.tables import BYTE_ORDER_MARK, HEADER, Exporter, TableForm, csv_lines, sealed
from gateway.metering.keys import P256_ORDER
from gateway.metering.verdicts import Finding, Reason
from tests.journal.table_bench import EXPORTER, OTHER, OUTSIDE, PEN, exported, session
from tests.metering.records import Pen

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
