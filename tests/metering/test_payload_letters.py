"""A payload, letter for letter, for every way in which a session begins and ends."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from gateway.clock import UtcTrust
from gateway.ids import SessionId, SocketId, Token
from gateway.metering.ocmf import (
    Ending,
    MeterIdentity,
    Page,
    RecordTime,
    Unbilled,
    Unusable,
    begin_payload,
    begun_relative,
    end_letter,
    meter_serial,
    payload_hash,
    record_text,
    time_text,
)
from gateway.quantities import EnergyRegister
from gateway.site.because import Why
from gateway.site.requests import Source
from gateway.site.wishes import EndKind
from tests.metering.records import GATEWAY, METER, WINTER, at, begin_text, end_text, register, subject

HEAD = (
    '{"FV":"1.3","GI":"villa-1","GS":"00AA11BB22CC33DD","GV":"0.1.0","PG":"T2","MV":"Eastron","MM":"SDM630",'
    '"MS":"12345678","MF":"1.0",'
)
USER = '"IS":true,"IL":"HEARSAY","IF":[],"IT":"LOCAL","ID":"resident-7",'
ORIGIN = (
    '"XS":"5d1e8f5e-0000-4000-8000-000000000001","XK":"p1",'
    f'"XP":"{"cd" * 32}","XI":"{"ab" * 32}","XR":"0.001","XW":"449A 5000"'
)
PAGE = Page(2, "cd" * 32)


def body(tm: str, tx: str, rv: str, ef: str = "", st: str = "G") -> str:
    return (
        f'"RD":[{{"TM":"{tm}","TX":"{tx}","RV":{rv},"RI":"01-00:B0.08.00*FF","RU":"kWh","RT":"AC",'
        f'"EF":"{ef}","ST":"{st}"}}],'
    )


def test_a_whole_end_is_written_letter_for_letter() -> None:
    assert end_text(PAGE) == (
        HEAD
        + USER
        + body("2026-03-01T11:00:00,000+0100 S", "R", "1242.250")
        + ORIGIN
        + ',"XB":"command","XE":"completed"}'
    )


@pytest.mark.parametrize("token", [Token("resident-7"), Token("socket:p1"), None])
@pytest.mark.parametrize("tariff_id", [None, "villa-2026", "", 'a|"b'])
def test_both_records_name_the_tariff_right_after_the_user(token: Token | None, tariff_id: str | None) -> None:
    for write in (begin_text, end_text):
        plain = write(PAGE, token=token)
        said = "" if tariff_id is None else f'"TT":{json.dumps(tariff_id)},'.replace("|", "\\u007c")
        assert '"TT"' not in plain
        assert write(PAGE, token=token, tariff_id=tariff_id) == plain.replace('"RD":', f'{said}"RD":')


def test_an_end_that_says_everything_is_written_letter_for_letter() -> None:
    ending = Ending(
        EndKind.COMPLETED, Why.UNPLUGGED, Unusable.REGISTER_FELL, ("999", register("3.000")),
        Unbilled.REGISTER_FELL, 100,
    )  # fmt: skip
    wall = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=2)))
    text = end_text(
        PAGE, "1234.500", ending, time=at(3600, usable=False, wall=wall, relative=True),
        continues=SessionId("before"), source=Source.RFID,
    )  # fmt: skip
    assert text == (
        HEAD
        + USER
        + body("2026-03-01T11:00:00,000+0100 R", "A", "1234.500", "Et", "E")
        + ORIGIN
        + ',"XA":"rfid","XC":"before","XB":"unplugged","XE":"completed",'
        '"XO":{"MS":"999","RV":"3.000","XW":"449A 5000"},"XN":"register_fell","XQ":"100",'
        '"XU":"2026-03-01T10:00:00.123+00:00"}'
    )


def test_an_end_whose_time_alone_cannot_be_used_says_only_that() -> None:
    reading = json.loads(end_text(PAGE, time=at(3600, usable=False)))["RD"][0]
    assert (reading["EF"], reading["ST"], reading["TX"]) == ("t", "G", "R")
    ending = Ending(EndKind.COMPLETED, Why.COMMAND, Unusable.METER_EXCHANGED)
    reading = json.loads(end_text(PAGE, ending=ending))["RD"][0]
    assert (reading["EF"], reading["ST"], reading["TX"]) == ("E", "X", "A")


@pytest.mark.parametrize(
    ("token", "fields"),
    [
        (None, '"IS":false,"IL":"NONE","IF":[],"IT":"NONE",'),
        (Token("socket:p1"), '"IS":false,"IL":"NONE","IF":[],"IT":"LOCAL","ID":"socket:p1",'),
        (Token('a|b"å'), '"IS":true,"IL":"HEARSAY","IF":[],"IT":"LOCAL","ID":"a\\u007cb\\"\\u00e5",'),
    ],
)
def test_how_the_user_is_known_stands_between_meter_and_reading(token: Token | None, fields: str) -> None:
    expected = HEAD + fields + body("2026-03-01T10:00:00,000+0100 S", "B", "1234.500") + ORIGIN + ',"XB":"command"}'
    assert begin_text(PAGE, token=token) == expected


def test_a_meter_without_firmware_or_serial_leaves_them_out_or_says_so() -> None:
    unread = MeterIdentity("GARO", "GNM3D", None, None)
    assert '"MM":"GNM3D","MS":"UNREAD:p2","IS":' in begin_text(meter=unread, socket=SocketId("p2"))
    assert meter_serial(unread, SocketId("p2")) == "UNREAD:p2"
    assert meter_serial(METER, SocketId("p2")) == "12345678"
    assert '"MF"' not in begin_text(meter=replace(METER, firmware=""))


@pytest.mark.parametrize("source", list(Source))
def test_how_somebody_asked_stands_in_both_records(source: Source) -> None:
    assert f',"XA":"{source.value}",' in begin_text(source=source)
    assert f',"XA":"{source.value}",' in end_text(PAGE, source=source)


@pytest.mark.parametrize("unbilled", list(Unbilled))
def test_why_a_session_is_not_billed_stands_in_its_end(unbilled: Unbilled) -> None:
    ending = Ending(EndKind.COMPLETED, Why.COMMAND, unbilled=unbilled, minimum_wh=0)
    assert end_text(PAGE, ending=ending).endswith(f',"XE":"completed","XN":"{unbilled.value}","XQ":"0"}}')


ERRORS = {
    Why.OVERLOAD, Why.HEAT, Why.GRID_BLIND, Why.SOCKET_METER_SILENT, Why.SOCKET_OVERLOAD, Why.WALLBOX_SILENT,
    Why.WALLBOX_DISOBEYS, Why.CONTACTOR_WELDED, Why.CONTACTOR_NOT_CLOSED, Why.CONTACTOR_UNKNOWN, Why.JOURNAL_STOPPED,
    Why.BREAKER_OPEN, Why.REGISTER_CREEPS, Why.METER_STANDS_STILL, Why.SHUTDOWN, Why.START_TOO_OLD, Why.ROOM_LOST,
}  # fmt: skip


@pytest.mark.parametrize("why", list(Why))
def test_every_cause_has_its_letter(why: Why) -> None:
    letter = "A" if why in ERRORS else "R" if why is Why.COMMAND else "L"
    assert end_letter(Ending(EndKind.COMPLETED, why)) == letter
    assert end_letter(Ending(EndKind.RECOVERED, why)) == "P"
    assert end_letter(Ending(EndKind.CANCELLED, why)) == "A"
    assert end_letter(Ending(EndKind.COMPLETED, why, Unusable.METER_EXCHANGED)) == "A"
    assert end_letter(Ending(EndKind.RECOVERED, why, Unusable.METER_EXCHANGED)) == "P"


@pytest.mark.parametrize(
    ("offset", "shown"),
    [
        (timedelta(hours=5, minutes=45), "2026-03-01T14:45:00,500+0545"),
        (timedelta(hours=-9, minutes=-30), "2026-02-28T23:30:00,500-0930"),
        (timedelta(minutes=-1), "2026-03-01T08:59:00,500-0001"),
        (timedelta(minutes=59), "2026-03-01T09:59:00,500+0059"),
        (timedelta(hours=12), "2026-03-01T21:00:00,500+1200"),
        (timedelta(minutes=61), "2026-03-01T10:01:00,500+0101"),
    ],
)
def test_a_time_has_milliseconds_and_a_bare_offset_in_hours_and_minutes(offset: timedelta, shown: str) -> None:
    moment = (WINTER + timedelta(milliseconds=500)).astimezone(timezone(timedelta(hours=3)))
    for trust in UtcTrust:
        assert time_text(RecordTime(moment, offset, trust)) == f"{shown} {trust.value}"
        assert time_text(RecordTime(moment, offset, trust, relative=True)) == f"{shown} R"


def test_a_begin_is_relative_only_by_the_state_of_its_time() -> None:
    assert begun_relative(begin_text(time=at(relative=True)))
    assert not begun_relative(begin_text(time=at(trust=UtcTrust.UNKNOWN), token=Token("x R")))


def test_a_record_is_its_payload_between_the_name_of_the_format_and_the_signature() -> None:
    assert record_text('{"a":1}', b"\x00\xab") == 'OCMF|{"a":1}|{"SA":"ECDSA-secp256r1-SHA256","SD":"00AB"}'


def test_a_page_names_the_octets_of_the_one_before() -> None:
    assert payload_hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert payload_hash("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"


def test_raw_words_stand_in_four_hex_digits_each_and_steps_in_their_own() -> None:
    words: dict[str, Any] = {"kwh": Decimal("7E+1"), "step_kwh": Decimal("1E-7"), "raw_words": (0, 0xF, 0xABC)}
    text = json.loads(end_text(PAGE, ending=Ending(EndKind.COMPLETED, Why.COMMAND, shown=("", shown(**words)))))
    assert text["XO"] == {"MS": "", "RV": "70", "XW": "0000 000F 0ABC"}
    assert '"XR":"0.0000001"' in begin_text_of(shown(**words))


def shown(**fields: Any) -> EnergyRegister:
    return replace(register("1"), **fields)


def begin_text_of(energy: EnergyRegister) -> str:
    return begin_payload(GATEWAY, subject(), PAGE, at(), register=energy, why=Why.COMMAND)


def test_the_wall_clock_that_was_not_followed_stands_in_utc() -> None:
    moment = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert json.loads(end_text(PAGE, time=at(5, wall=moment)))["XU"] == "2026-03-01T09:30:00.000+00:00"
