"""A record is taken whole or refused with one reason, the place of it, and what stands there."""

import base64
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from gateway.metering.keys import P256_ORDER
from gateway.metering.ocmf import Page, payload_hash, record_text
from gateway.metering.record import (
    RECORD_BYTES_MAX,
    Reading,
    Record,
    checked_record,
    claimed_fields,
    claimed_identity,
    claimed_record,
)
from gateway.metering.verdicts import Finding, Reason
from tests.metering.makers import MakersMeter, reading
from tests.metering.records import WINTER, Pen, begin_text

PEN = Pen()
HERE = "export.ocmf:3"
OURS = begin_text()
BEGIN_TIME = "2026-03-01T10:00:00,000+0100 S"
EXPONENTS = [("1E-12", True), ("1E-13", False), ("9999999999999", True), ("10000000000000", False), ("9E12", True)]


def checked(text: str, transaction: str = "") -> Record | Finding:
    return checked_record(text, PEN.public, HERE, transaction)


def signed(there: str, here: str, payload: str = OURS) -> str:
    """That record with something else in it, by the right key."""
    assert there in payload
    return PEN.record(payload.replace(there, here))


def taken(text: str, transaction: str = "") -> Record:
    record = checked(text, transaction)
    assert isinstance(record, Record), record
    return record


def section(signature: str = "", **fields: Any) -> str:
    """Our begin record with these fields of a signature."""
    return f"OCMF|{OURS}|{json.dumps({'SD': signature or PEN.der(OURS).hex()} | fields)}"


def payload_of(*readings: dict[str, Any], **more: Any) -> str:
    """A payload of another maker; numbers in it are bare."""
    return MakersMeter().payload(*readings, **more)


def bare(value: str, payload: str) -> str:
    return payload.replace(f'"RV" : "{value}"', f'"RV" : {value}')


FULL = {"RI": "1-0:1.8.0", "RU": "kWh", "ST": "G"}

FORMS = [
    ("", Reason.NOT_OCMF),
    ("OCMF", Reason.NOT_OCMF),
    (PEN.record(OURS).replace("OCMF", "ocmf"), Reason.NOT_OCMF),
    (PEN.record(OURS) + "|", Reason.NOT_OCMF),
    (PEN.record(OURS) + "|{}", Reason.NOT_OCMF),
    (PEN.record(OURS).ljust(RECORD_BYTES_MAX + 1), Reason.NOT_OCMF),
    (f"OCMF|{OURS}", Reason.UNSIGNED),
    (f"OCMF|{OURS}|", Reason.UNSIGNED),
    (f"OCMF|{OURS}|  ", Reason.UNSIGNED),
]


@pytest.mark.parametrize(("text", "reason"), FORMS)
def test_what_has_not_the_three_parts_of_a_record_is_told_with_its_place(text: str, reason: Reason) -> None:
    assert checked(text) == Finding(reason, HERE)
    assert claimed_record(text, HERE) == Finding(reason, HERE)


def test_a_record_may_be_as_long_as_the_limit_and_stand_between_spaces() -> None:
    longest = PEN.record(OURS).ljust(RECORD_BYTES_MAX)
    assert len(longest) == RECORD_BYTES_MAX
    assert taken(longest) == taken(f"\n {PEN.record(OURS)}\r\n") == claimed_record(longest, HERE)
    assert claimed_identity(longest) == ("00AA11BB22CC33DD", "12345678")
    assert claimed_fields(longest) == taken(longest).fields
    assert claimed_identity(longest + " ") is None
    assert claimed_fields(longest + " ") is None


def test_each_field_of_a_record_stands_where_it_belongs() -> None:
    payload = begin_text(Page(12, "cd" * 32))
    record = taken(PEN.record(payload))
    assert (record.where, record.context, record.page, record.payload) == (HERE, "T", 12, payload)
    assert record.session == "5d1e8f5e-0000-4000-8000-000000000001"
    assert record.fields == json.loads(payload, parse_float=Decimal)
    assert record.findings == ()
    assert record.hash == payload_hash(payload)
    moment = datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=1)))
    assert record.readings == (
        Reading("B", BEGIN_TIME, moment, "S", Decimal("1234.500"), "01-00:B0.08.00*FF", "kWh", "", "G"),
    )
    assert str(record.readings[0].value) == "1234.500"
    assert taken(signed('"PG":"T1"', '"PG":"F0"')).context == "F"
    assert taken(signed("00,000+0100", "00,250+0100")).readings[0].time == moment + timedelta(milliseconds=250)


def test_a_session_is_named_by_our_field_or_else_by_the_file() -> None:
    ours, makers = PEN.record(OURS), PEN.record(OURS.replace('"XI"', '"XJ"'))
    without = signed('"XS"', '"XT"')
    assert [taken(text, "7").session for text in (ours, makers, without)] == [
        "5d1e8f5e-0000-4000-8000-000000000001", "7", "7"
    ]  # fmt: skip
    for read in (checked_record(makers, PEN.public, HERE), claimed_record(makers, HERE)):
        assert isinstance(read, Record)
        assert read.session == ""
    claim = claimed_record(makers, HERE, "7")
    assert isinstance(claim, Record)
    assert (claim.session, claim.where) == ("7", HERE)


SECTIONS = [
    (section(SA="ECDSA-secp256k1-SHA256"), Reason.OTHER_ALGORITHM, "ECDSA-secp256k1-SHA256"),
    (section(SA=7), Reason.OTHER_ALGORITHM, "7"),
    (section(SM="application/x-raw"), Reason.OTHER_ALGORITHM, PEN.public.method),
    (section(SE="base64"), Reason.OTHER_ALGORITHM, PEN.public.method),
    (section(SE="base32", SA="mine"), Reason.OTHER_ALGORITHM, "mine"),
    (section("30"), Reason.SIGNATURE_WRONG, ""),
    (section("zz"), Reason.NOT_OCMF, ""),
    (f'OCMF|{OURS}|{{"SA":"{PEN.public.method}"}}', Reason.NOT_OCMF, ""),
    (f'OCMF|{OURS}|{{"SD":7}}', Reason.NOT_OCMF, ""),
    (f"OCMF|{OURS}|[1]", Reason.NOT_ASCII_JSON, ""),
    (f'OCMF|{OURS}|{{"SD":"00","SD":"00"}}', Reason.DUPLICATE_NAME, "SD"),
    (f'OCMF|{OURS}|{{"SD":NaN}}', Reason.NOT_ASCII_JSON, "NaN"),
    (f'OCMF|{OURS}|{{"SD":-Infinity}}', Reason.NOT_ASCII_JSON, "-Infinity"),
]


@pytest.mark.parametrize(("text", "reason", "detail"), SECTIONS)
def test_a_signature_that_is_not_right_is_told_with_what_stands_there(text: str, reason: Reason, detail: str) -> None:
    assert checked(text) == Finding(reason, HERE, detail)


def test_a_signature_may_leave_out_what_the_format_takes_for_granted_or_say_it() -> None:
    said = {"SA": PEN.public.method, "SM": "application/x-der", "SE": "hex"}
    assert taken(section()) == taken(section(**said)) == taken(PEN.record(OURS))


def test_octets_in_base64_are_another_maker_s_and_hold_nothing_else() -> None:
    makers = OURS.replace('"XI":', '"XJ":')
    octets = base64.b64encode(PEN.der(makers)).decode()
    assert taken(f'OCMF|{makers}|{{"SE":"base64","SD":"{octets}"}}').payload == makers
    assert checked(f'OCMF|{makers}|{{"SE":"base64","SD":"!{octets}"}}') == Finding(Reason.NOT_OCMF, HERE)
    assert isinstance(claimed_record(section("AAAA", SE="base64"), HERE), Record)
    assert claimed_record(section(SE="base32"), HERE) == Finding(Reason.OTHER_ALGORITHM, HERE, PEN.public.method)


def test_only_our_own_records_must_be_ascii_and_of_low_s() -> None:
    beyond = OURS.replace("resident-7", "Åsa")
    assert checked(PEN.record(beyond)) == Finding(Reason.NOT_ASCII_JSON, HERE)
    assert taken(PEN.record(beyond.replace('"XI"', '"XJ"'))).fields["ID"] == "Åsa"

    def flipped(payload: str) -> str:
        r, s = decode_dss_signature(PEN.der(payload))
        return record_text(payload, encode_dss_signature(r, P256_ORDER - s))

    assert checked(flipped(OURS)) == Finding(Reason.SIGNATURE_MALLEATED, HERE)
    assert taken(flipped(OURS.replace('"XI"', '"XJ"'))).page == 1


def test_another_makers_curve_is_his_pinned_key_s() -> None:
    meter = MakersMeter()
    text = meter.edge("B", WINTER, "1.5")
    assert isinstance(checked_record(text, meter.public, HERE), Record)
    assert checked(text) == Finding(Reason.OTHER_ALGORITHM, HERE, "ECDSA-secp256k1-SHA256")


REFUSED = [
    ('"PG":"T1",', "", Reason.FIELD_MISSING, "'PG'"),
    ('"PG":"T1"', '"PG":"T01"', Reason.FIELD_MISSING, "PG"),
    ('"RD":[{', '"RD":[],"XA":[{', Reason.FIELD_MISSING, "RD"),
    ('"GS":"00AA11BB22CC33DD"', '"GS":""', Reason.FIELD_MISSING, "'GS, MS'"),
    ('"GS":"00AA11BB22CC33DD"', '"GS":7', Reason.FIELD_MISSING, "'GS, MS'"),
    ('"GS":"00AA11BB22CC33DD"', '"GS":[]', Reason.FIELD_MISSING, "'GS, MS'"),
    ('"GS":"00AA11BB22CC33DD",', "", Reason.FIELD_MISSING, "'GS'"),
    ('"MS":"12345678"', '"MS":""', Reason.FIELD_MISSING, "'GS, MS'"),
    ('"MS":"12345678"', '"MS":7', Reason.FIELD_MISSING, "'GS, MS'"),
    ('"MS":"12345678"', '"MS":[]', Reason.FIELD_MISSING, "'GS, MS'"),
    ('"MS":"12345678",', "", Reason.FIELD_MISSING, "'MS'"),
    ('"XS":"5d1e8f5e-0000-4000-8000-000000000001"', '"XS":7', Reason.FIELD_MISSING, "XS"),
    (BEGIN_TIME, BEGIN_TIME[:-2], Reason.FIELD_MISSING, "TM"),
    ('"RV":1234.500', '"RV":"1234.500"', Reason.FIELD_MISSING, "RV"),
    ('"RV":1234.500', '"RV":true', Reason.FIELD_MISSING, "RV"),
    ('"RV":1234.500', '"RV":-0.001', Reason.FIELD_MISSING, "RV"),
    ('"RV":1234.500', '"RV":NaN', Reason.NOT_ASCII_JSON, "NaN"),
    ('"RV":1234.500,', "", Reason.FIELD_MISSING, "'RV'"),
    ('"TX":"B"', '"TX":7', Reason.FIELD_MISSING, "RD"),
    ('"TX":"B",', "", Reason.FIELD_MISSING, "'TX'"),
    ('"RI":"01-00:B0.08.00*FF"', '"RI":7', Reason.FIELD_MISSING, "RD"),
    ('"RI":"01-00:B0.08.00*FF",', "", Reason.FIELD_MISSING, "'RI'"),
    ('"RU":"kWh"', '"RU":7', Reason.FIELD_MISSING, "RD"),
    ('"RU":"kWh",', "", Reason.FIELD_MISSING, "'RU'"),
    ('"EF":""', '"EF":7', Reason.FIELD_MISSING, "RD"),
    ('"ST":"G"', '"ST":7', Reason.FIELD_MISSING, "RD"),
    (',"ST":"G"', "", Reason.FIELD_MISSING, "'ST'"),
    ('"FV":"1.3"', '"FV":"1.3","FV":"1.3"', Reason.DUPLICATE_NAME, "FV"),
]


@pytest.mark.parametrize(("there", "here", "reason", "detail"), REFUSED)
def test_a_field_that_is_missing_or_wrong_is_named(there: str, here: str, reason: Reason, detail: str) -> None:
    text = signed(there, here)
    assert checked(text) == Finding(reason, HERE, detail)
    assert claimed_record(text, HERE) == Finding(reason, HERE, detail)


def test_a_payload_that_is_no_object_is_told() -> None:
    assert checked(PEN.record("[1]")) == Finding(Reason.NOT_ASCII_JSON, HERE)
    nonsense = checked(PEN.record("{"))
    assert isinstance(nonsense, Finding)
    assert (nonsense.reason, nonsense.where) == (Reason.FIELD_MISSING, HERE)
    assert nonsense.detail.startswith("Expecting property name")


@pytest.mark.parametrize(("value", "is_right"), [*EXPONENTS, ("0", True), ("0.000000000000", True), ("12", True)])
def test_a_register_has_thirteen_digits_and_twelve_decimals_at_most(value: str, is_right: bool) -> None:
    read = checked(signed("1234.500", value))
    if is_right:
        assert isinstance(read, Record)
        assert read.readings[0].value == Decimal(value)
        assert isinstance(read.readings[0].value, Decimal)
    else:
        assert read == Finding(Reason.FIELD_MISSING, HERE, "RV")


DOUBTS = [
    ('"EF":""', '"EF":"E"', [(Reason.ENERGY_UNUSABLE, "G")]),
    ('"EF":"","ST":"G"', '"EF":"E","ST":"X"', [(Reason.ENERGY_UNUSABLE, "X")]),
    ('"EF":""', '"EF":"t"', [(Reason.TIME_UNUSABLE, BEGIN_TIME)]),
    ('"EF":"","ST":"G"', '"EF":"Et","ST":"X"', [(Reason.ENERGY_UNUSABLE, "X"), (Reason.TIME_UNUSABLE, BEGIN_TIME)]),
    ('"EF":"","ST":"G"', '"EF":"t","ST":"T"', [(Reason.TIME_UNUSABLE, BEGIN_TIME), (Reason.METER_STATUS, "T")]),
    ('"ST":"G"', '"ST":"g"', [(Reason.METER_STATUS, "g")]),
    ("+0100 S", "+0100 U", [(Reason.CLOCK_NOT_TRUSTED, BEGIN_TIME[:-1] + "U")]),
    ("+0100 S", "+0100 I", [(Reason.CLOCK_NOT_TRUSTED, BEGIN_TIME[:-1] + "I")]),
    ("+0100 S", "+0100 R", []),
    ('"MS":"12345678"', '"MS":"UNREAD:p1"', [(Reason.METER_SERIAL_UNREAD, "")]),
    *(("HEARSAY", error, [(Reason.USER_NOT_ASSIGNED, error)]) for error in ("MISMATCH", "INVALID", "OUTDATED")),
    ("HEARSAY", "UNKNOWN", [(Reason.USER_NOT_ASSIGNED, "UNKNOWN")]),
    ("HEARSAY", "VERIFIED", []),
]


@pytest.mark.parametrize(("there", "here", "doubts"), DOUBTS)
def test_what_a_record_says_against_itself_is_told_at_its_page(
    there: str, here: str, doubts: list[tuple[Reason, str]]
) -> None:
    record = taken(signed(there, here))
    assert record.findings == tuple(Finding(reason, "T1", detail) for reason, detail in doubts)


def test_a_reading_that_leaves_out_something_has_it_of_the_one_before_but_never_the_value() -> None:
    first, second = reading(WINTER, "B", "1", **FULL, EF="t"), reading(WINTER + timedelta(hours=1), "E", "2", ST="T")
    both = bare("2", bare("1", payload_of(first, second)))
    begin, end = taken(PEN.record(both)).readings
    assert (begin.letter, begin.register, begin.unit, begin.errors, begin.status) == ("B", "1-0:1.8.0", "kWh", "t", "G")
    assert (end.letter, end.register, end.unit, end.errors, end.status) == ("E", "1-0:1.8.0", "kWh", "t", "T")
    assert end.time - begin.time == timedelta(hours=1)
    no_value = bare("1", payload_of(first, {key: value for key, value in second.items() if key != "RV"}))
    assert checked(PEN.record(no_value)) == Finding(Reason.FIELD_MISSING, HERE, "'RV'")
    ours = bare("1", payload_of(first, {key: value for key, value in second.items() if key != "RV"}, XI=""))
    assert checked(PEN.record(ours)) == Finding(Reason.FIELD_MISSING, HERE, "'RV'")


def test_only_another_maker_s_reading_may_have_the_time_of_the_one_before() -> None:
    first, second = reading(WINTER, "B", "1", **FULL), {"TX": "E", "RV": "2"}
    begin, end = taken(PEN.record(bare("2", bare("1", payload_of(first, second))))).readings
    assert (end.time, end.time_text, end.letter, end.value) == (begin.time, begin.time_text, "E", 2)
    ours = bare("2", bare("1", payload_of(first, second, XI="")))
    assert checked(PEN.record(ours)) == Finding(Reason.FIELD_MISSING, HERE, "'TM'")


def test_a_reading_without_error_flags_has_none() -> None:
    (only,) = taken(PEN.record(bare("1", payload_of(reading(WINTER, "B", "1", **FULL))))).readings
    assert only.errors == ""


SIGNED = '{"SD":"00"}'
IDENTITIES = [
    (f'OCMF|{{"GS":"g","MS":"m"}}|{SIGNED}', ("g", "m")),
    (f' OCMF|{{"GS":"g","MS":"m","RV":1.5}}|{SIGNED}\n', ("g", "m")),
    (f'ocmf|{{"GS":"g","MS":"m"}}|{SIGNED}', None),
    (f'OCMF|{{"GS":"g","MS":"m"}}|{SIGNED}|', None),
    ('OCMF|{"GS":"g","MS":"m"}', None),
    ('OCMF|{"GS":"g","MS":"m"}|', None),
    (f'OCMF|{{"GS":"g"}}|{SIGNED}', ("g", "g")),
    (f'OCMF|{{"MS":"m"}}|{SIGNED}', ("m", "m")),
    (f'OCMF|{{"GS":"","MS":"m"}}|{SIGNED}', ("m", "m")),
    (f'OCMF|{{"GS":"g","MS":null}}|{SIGNED}', ("g", "g")),
    (f'OCMF|{{"GS":"","MS":""}}|{SIGNED}', None),
    (f'OCMF|{{"XI":"","GS":"g","MS":"m"}}|{SIGNED}', ("g", "m")),
    (f'OCMF|{{"XI":"","GS":"g","MS":""}}|{SIGNED}', None),
    (f'OCMF|{{"XI":"","GS":"g"}}|{SIGNED}', None),
    (f'OCMF|{{"XI":"","MS":"m"}}|{SIGNED}', None),
    (f'OCMF|{{"GS":[],"MS":"m"}}|{SIGNED}', None),
    (f'OCMF|{{"GS":"g","MS":{{}}}}|{SIGNED}', None),
    (f"OCMF|{{}}|{SIGNED}", None),
    (f'OCMF|{{"GS":7,"MS":"m"}}|{SIGNED}', None),
    (f'OCMF|{{"GS":"g","MS":7}}|{SIGNED}', None),
    (f'OCMF|{{"GS":"g","MS":"m","MS":"n"}}|{SIGNED}', None),
    (f"OCMF|[]|{SIGNED}", None),
    (f"OCMF|{{|{SIGNED}", None),
    (f"OCMF|{'[' * 30_000}|{SIGNED}", None),
]


@pytest.mark.parametrize(("text", "identity"), IDENTITIES)
def test_a_signed_text_claims_its_gateway_and_meter_or_none(text: str, identity: tuple[str, str] | None) -> None:
    assert claimed_identity(text) == identity


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('OCMF|{"GS":7}|', {"GS": 7}),
        ('OCMF|{"GS":"g"}|{"SD":"00"}', {"GS": "g"}),
        ('ocmf|{"GS":"g"}|{"SD":"00"}', None),
        ('OCMF|{"GS":"g"}|{"SD":"00"}|', None),
        ('OCMF|{"GS":"g"}', None),
        ('OCMF|{"GS":"g","GS":"g"}|{}', None),
        ("OCMF|[]|{}", None),
        ("OCMF|nothing|{}", None),
        (f"OCMF|{'[' * 30_000}|{{}}", None),
    ],
)
def test_the_fields_that_a_text_claims_are_read_whoever_signed_it(text: str, fields: dict[str, Any] | None) -> None:
    assert claimed_fields(text) == fields
