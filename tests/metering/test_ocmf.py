"""The record's text is exactly what public verifiers take, and every digit of the register stands in it."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyocmf.core.ocmf import OCMF
from pyocmf.utils.xml import OcmfContainer

from gateway.clock import UtcTrust
from gateway.ids import SessionId, Token
from gateway.metering.ocmf import (
    Ending,
    MeterIdentity,
    Page,
    RecordTime,
    Unusable,
    end_letter,
    number_text,
    time_text,
)
from gateway.metering.safe_xml import safe_xml
from gateway.site.because import Why
from gateway.site.wishes import EndKind
from tests.metering.records import WINTER, Pen, at, begin_text, end_text, pair_texts, register


def test_a_begin_record_holds_every_field_in_the_order_of_the_format() -> None:
    payload = begin_text()
    assert payload == (
        '{"FV":"1.3","GI":"villa-1","GS":"00AA11BB22CC33DD","GV":"0.1.0","PG":"T1","MV":"Eastron","MM":"SDM630",'
        '"MS":"12345678","MF":"1.0","IS":true,"IL":"HEARSAY","IF":[],"IT":"LOCAL","ID":"resident-7",'
        '"RD":[{"TM":"2026-03-01T10:00:00,000+0100 S","TX":"B","RV":1234.500,"RI":"01-00:B0.08.00*FF","RU":"kWh",'
        '"RT":"AC","EF":"","ST":"G"}],"XS":"5d1e8f5e-0000-4000-8000-000000000001","XK":"p1",'
        f'"XP":"{"0" * 64}","XI":"{"ab" * 32}","XR":"0.001","XW":"449A 5000","XB":"command"}}'
    )


def test_an_end_record_says_how_and_why_it_ended_and_what_it_continues() -> None:
    payload = json.loads(
        end_text(Page(8, "cd" * 32), ending=Ending(EndKind.RECOVERED, Why.RECOVERED), continues=SessionId("before"))
    )
    assert (payload["XE"], payload["XB"], payload["XC"], payload["XP"]) == (
        "recovered",
        "recovered",
        "before",
        "cd" * 32,
    )
    assert payload["RD"][0]["TX"] == "P"
    assert "XO" not in payload
    assert "XU" not in payload


def test_a_session_without_user_says_so() -> None:
    payload = json.loads(begin_text(token=None))
    assert (payload["IS"], payload["IL"], payload["IF"], payload["IT"]) == (False, "NONE", [], "NONE")
    assert "ID" not in payload


def test_a_meter_without_serial_or_firmware_is_named_openly() -> None:
    payload = json.loads(begin_text(meter=MeterIdentity("GARO", "GNM3D", None, None)))
    assert payload["MS"] == "UNREAD:p1"
    assert "MF" not in payload


def test_an_unusable_end_keeps_what_the_meter_showed() -> None:
    ending = Ending(EndKind.COMPLETED, Why.UNPLUGGED, Unusable.METER_EXCHANGED, ("999", register("3.000")))
    payload = json.loads(end_text(Page(2, "00" * 32), "1234.500", ending, time=at(5, usable=False, wall=WINTER)))
    reading = payload["RD"][0]
    assert (reading["EF"], reading["ST"], reading["TX"]) == ("Et", "X", "A")
    assert payload["XO"] == {"MS": "999", "RV": "3.000", "XW": "449A 5000"}
    assert payload["XU"] == "2026-03-01T09:00:00.000+00:00"


@pytest.mark.parametrize(
    ("kind", "why", "letter"),
    [
        (EndKind.RECOVERED, Why.COMMAND, "P"),
        (EndKind.CANCELLED, Why.COMMAND, "A"),
        (EndKind.COMPLETED, Why.COMMAND, "R"),
        (EndKind.COMPLETED, Why.UNPLUGGED, "L"),
        (EndKind.COMPLETED, Why.IDLE_RELEASE, "L"),
        (EndKind.COMPLETED, Why.SOCKET_OVERLOAD, "A"),
        (EndKind.COMPLETED, Why.SHUTDOWN, "A"),
    ],
)
def test_the_letter_of_an_end_follows_from_how_it_ended(kind: EndKind, why: Why, letter: str) -> None:
    assert end_letter(Ending(kind, why)) == letter


def test_an_unusable_end_is_an_abort() -> None:
    assert end_letter(Ending(EndKind.COMPLETED, Why.COMMAND, Unusable.REGISTER_FELL)) == "A"


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (2.0, "2026-03-01T11:00:00,000+0200 U"),
        (-3.5, "2026-03-01T05:30:00,000-0330 U"),
        (0.0, "2026-03-01T09:00:00,000+0000 U"),
    ],
)
def test_times_are_local_with_a_bare_offset(hours: float, text: str) -> None:
    assert time_text(RecordTime(WINTER, timedelta(hours=hours), UtcTrust.UNKNOWN)) == text


@given(st.decimals(min_value=0, max_value=10**9, places=3) | st.decimals(min_value=0, max_value=10**9))
def test_a_register_stands_in_the_record_with_exactly_its_own_digits(kwh: Decimal) -> None:
    text = number_text(kwh)
    assert re.fullmatch(r"[0-9]+(\.[0-9]+)?", text)
    assert Decimal(text) == kwh
    assert f'"RV":{text},' in begin_text(kwh=str(kwh))


@given(st.text(max_size=40))
def test_no_token_can_break_out_of_its_field(token: str) -> None:
    payload = begin_text(token=Token(token))
    assert payload.isascii()
    assert "|" not in payload
    assert json.loads(payload)["ID"] == token


def test_pyocmf_takes_the_pair_with_the_pinned_key_and_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    pen = Pen()
    records = [pen.record(text) for text in pair_texts()]
    file = tmp_path / "session.xml"
    file.write_text(safe_xml(7, records[0], records[1], pen.public.hex))
    begin, end = OcmfContainer.from_xml(file, strict=True)
    right, issues = begin.ocmf.verify(pen.public.hex, end.ocmf)
    assert right
    assert not issues
    assert end.ocmf.verify_signature(pen.public.hex)
    assert Decimal("1234.500") == begin.ocmf.payload.RD[0].RV


def test_pyocmf_refuses_a_changed_digit_and_a_foreign_key() -> None:
    pen, forger = Pen(), Pen()
    first, _ = pair_texts()
    record = pen.record(first)
    changed = record.replace("1234.500", "1234.400")
    assert not OCMF.from_string(changed).verify_signature(pen.public.hex)
    assert not OCMF.from_string(record).verify_signature(forger.public.hex)
    assert not OCMF.from_string(forger.record(first)).verify_signature(pen.public.hex)
