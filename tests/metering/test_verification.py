"""What public verifiers let through is refused here, with the right reason."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from gateway.clock import UtcTrust
from gateway.ids import SessionId, SocketId, Token
from gateway.metering.keys import P256_ORDER, NotAKey, has_low_s, public_key
from gateway.metering.ocmf import (
    Ending,
    MeterIdentity,
    Page,
    RecordTime,
    Unusable,
    payload_hash,
    record_text,
)
from gateway.metering.verdicts import Finding, Reason, Report, Verdict, verdict_of
from gateway.metering.verification import Submitted, verified
from gateway.site.because import Why
from gateway.site.wishes import EndKind
from tests.metering.records import GATEWAY, WINTER, Pen, at, begin_text, end_text, pair_texts

PEN = Pen()


def report_of(*payloads: str, pen: Pen = PEN, key: str | None = None, whole_key: bool = False) -> Report:
    submitted = [Submitted(pen.record(text), str(place), key) for place, text in enumerate(payloads)]
    return verified(submitted, PEN.public, whole_key=whole_key)


def reasons(report: Report) -> set[Reason]:
    inner = [finding for session in report.sessions for finding in session.findings]
    return {finding.reason for finding in (*report.findings, *inner)}


def test_a_right_session_is_green_and_its_energy_is_the_difference() -> None:
    report = report_of(*pair_texts(), whole_key=True)
    assert report.verdict is Verdict.GREEN
    (session,) = report.sessions
    assert session.energy_kwh == Decimal("7.750")
    assert session.begin_time == "2026-03-01T10:00:00,000+0100 S"
    assert session.end_time == "2026-03-01T11:00:00,000+0100 S"


def test_two_sessions_interleaved_over_the_pages_are_both_green() -> None:
    other = SessionId("other")
    first = begin_text()
    second = begin_text(Page(2, payload_hash(first)), session=other, socket=SocketId("p2"))
    third = end_text(Page(3, payload_hash(second)))
    fourth = end_text(Page(4, payload_hash(third)), session=other, socket=SocketId("p2"))
    report = report_of(fourth, second, first, third, whole_key=True)
    assert report.verdict is Verdict.GREEN
    assert len(report.sessions) == 2


def test_one_changed_digit_is_red() -> None:
    record = PEN.record(begin_text()).replace("1234.500", "1234.400")
    report = verified([Submitted(record, "x")], PEN.public)
    assert reasons(report) == {Reason.SIGNATURE_WRONG}
    assert report.verdict is Verdict.RED


def test_an_added_space_is_red() -> None:
    record = PEN.record(begin_text()).replace('"PG":', '"PG": ')
    assert reasons(verified([Submitted(record, "x")], PEN.public)) == {Reason.SIGNATURE_WRONG}


def test_a_foreign_key_is_red_and_its_own_key_in_the_file_makes_it_no_better() -> None:
    forger = Pen()
    assert reasons(report_of(*pair_texts(), pen=forger)) == {Reason.SIGNATURE_WRONG}
    assert reasons(report_of(*pair_texts(), pen=forger, key=forger.public.hex)) == {Reason.FOREIGN_KEY}
    assert reasons(report_of(*pair_texts(), pen=forger, key=PEN.public.hex)) == {Reason.SIGNATURE_WRONG}
    assert reasons(report_of(*pair_texts(), pen=forger, key="no key")) == {Reason.SIGNATURE_WRONG}


def test_another_algorithm_is_refused_before_the_signature_is_looked_at() -> None:
    record = PEN.record(begin_text())
    for there, here in (
        ("secp256r1", "secp256k1"),
        ('"SD"', '"SE":"base64","SD"'),
        ('"SD"', '"SM":"application/x-raw","SD"'),
    ):
        assert reasons(verified([Submitted(record.replace(there, here), "x")], PEN.public)) == {Reason.OTHER_ALGORITHM}


def test_a_record_without_a_named_algorithm_has_the_formats_own() -> None:
    payload = begin_text()
    record = f'OCMF|{payload}|{{"SD":"{PEN.der(payload).hex()}"}}'
    assert reasons(verified([Submitted(record, "x")], PEN.public)) == {Reason.END_MISSING}


def test_a_flipped_s_is_refused() -> None:
    payload = begin_text()
    r, s = decode_dss_signature(PEN.der(payload))
    flipped = encode_dss_signature(r, P256_ORDER - s)
    assert not has_low_s(flipped)
    report = verified([Submitted(record_text(payload, flipped), "x")], PEN.public)
    assert reasons(report) == {Reason.SIGNATURE_MALLEATED}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "OCMF|{}|{}|key",
        "ocmf|{}|{}",
        "OCMF|{}|[]",
        "OCMF|{}|nonsense",
        "OCMF|{}|{}",
        'OCMF|{}|{"SD":1}',
        'OCMF|{}|{"SD":"zz"}',
        "OCMF|" + "x" * 70_000 + "|{}",
    ],
)
def test_what_is_no_record_is_red(text: str) -> None:
    report = verified([Submitted(text, "x")], PEN.public)
    assert report.verdict is Verdict.RED
    assert reasons(report) <= {Reason.NOT_OCMF, Reason.NOT_ASCII_JSON}


def test_a_deeply_nested_signature_section_is_refused_not_crashed_on() -> None:
    text = "OCMF|{}|" + "[" * 30_000 + "]" * 30_000
    assert reasons(verified([Submitted(text, "x")], PEN.public)) == {Reason.NOT_OCMF}


@pytest.mark.parametrize("text", ["OCMF|{}", "OCMF|{}|", "OCMF|"])
def test_what_nobody_signed_is_grey(text: str) -> None:
    assert verified([Submitted(text, "x")], PEN.public).verdict is Verdict.GREY


def test_a_name_that_stands_twice_is_red() -> None:
    payload = begin_text().replace('"MS":"12345678"', '"MS":"12345678","MS":"99999999"')
    assert reasons(report_of(payload)) == {Reason.DUPLICATE_NAME}
    signature = '{"SD":"00","SD":"00"}'
    assert reasons(verified([Submitted(f"OCMF|{{}}|{signature}", "x")], PEN.public)) == {Reason.DUPLICATE_NAME}


def test_numbers_that_are_none_are_red() -> None:
    assert reasons(report_of(begin_text().replace("1234.500", "NaN"))) == {Reason.NOT_ASCII_JSON}
    assert reasons(report_of("[1]")) == {Reason.NOT_ASCII_JSON}


def test_letters_beyond_ascii_are_red() -> None:
    payload = begin_text().replace("resident-7", "Åsa")
    assert reasons(report_of(payload)) == {Reason.NOT_ASCII_JSON}


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ('"PG":"T1"', '"PG":"1"'),
        ('"PG":"T1"', '"PG":"T01"'),
        ('"PG":"T1"', '"PG":1'),
        ('"PG":"T1",', ""),
        ('"MS":"12345678"', '"MS":""'),
        ('"MS":"12345678"', '"MS":12345678'),
        ('"GS":"00AA11BB22CC33DD",', ""),
        ('"RV":1234.500', '"RV":"1234.500"'),
        ('"RV":1234.500', '"RV":true'),
        ("2026-03-01T10:00:00,000+0100 S", "2026-03-01T10:00:00,000Z S"),
        ("2026-03-01T10:00:00,000+0100 S", "2026-03-01T10:00:00,000+0100"),
        ("2026-03-01T10:00:00,000+0100 S", "2026-13-01T10:00:00,000+0100 S"),
        ('"ST":"G"', '"ST":7'),
        ('"XS":"5d1e8f5e-0000-4000-8000-000000000001"', '"XS":7'),
        ('"RD":[{', '"RD":[],"XA":[{'),
        ('"RD":[{', '"RD":[3],"XA":[{'),
    ],
)
def test_a_signed_record_with_a_field_missing_or_wrong_is_red(there: str, here: str) -> None:
    payload = begin_text().replace(there, here)
    assert payload != begin_text()
    assert reasons(report_of(payload)) == {Reason.FIELD_MISSING}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"meter": MeterIdentity("Eastron", "SDM630", "1.0", "999")}, Reason.OTHER_METER),
        ({"token": Token("somebody")}, Reason.OTHER_USER),
        ({"token": None}, Reason.OTHER_USER),
        ({"socket": SocketId("p2")}, Reason.OTHER_SOCKET),
        ({"tariff_id": "dear"}, Reason.OTHER_TARIFF),
        ({"gateway": replace(GATEWAY, serial="FF")}, Reason.OTHER_GATEWAY),
        ({"time": at(-1)}, Reason.TIME_NOT_RISING),
        ({"kwh": "1234.499"}, Reason.VALUE_NOT_RISING),
    ],
)
def test_a_begin_and_an_end_that_do_not_belong_together_are_red(changes: dict[str, Any], reason: Reason) -> None:
    report = report_of(*pair_texts(**changes))
    assert reasons(report) == {reason}
    assert report.verdict is Verdict.RED
    assert report.sessions[0].energy_kwh is None


def test_another_register_or_unit_is_red() -> None:
    first, last = pair_texts()
    assert reasons(report_of(first, last.replace("B0.08", "B2.08"))) == {Reason.OTHER_REGISTER}
    assert reasons(report_of(first, last.replace('"RU":"kWh"', '"RU":"Wh"'))) == {Reason.OTHER_REGISTER}
    both = [text.replace('"RU":"kWh"', '"RU":"mOhm"') for text in (first, last)]
    assert Reason.OTHER_REGISTER in reasons(report_of(*both))


def test_zero_energy_in_zero_time_is_green() -> None:
    assert report_of(*pair_texts(kwh="1234.500", time=at(0))).verdict is Verdict.GREEN


def test_an_end_on_an_earlier_page_is_red() -> None:
    first = begin_text(Page(9, "00" * 32))
    assert reasons(report_of(first, end_text(Page(2, "00" * 32)))) == {Reason.PAGES_NOT_RISING}


def test_a_page_used_twice_and_a_record_replayed_are_red() -> None:
    first, last = pair_texts()
    assert reasons(report_of(first, last, last)) == {Reason.REPLAYED}
    other = begin_text(session=SessionId("other"))
    assert Reason.PAGE_REUSED in reasons(report_of(first, last, other))


def test_two_begins_or_two_ends_of_a_session_are_red() -> None:
    first, last = pair_texts()
    assert Reason.TWO_BEGINS in reasons(report_of(first, last, begin_text(Page(3, payload_hash(last)))))
    assert Reason.TWO_ENDS in reasons(report_of(first, last, end_text(Page(3, payload_hash(last)))))


def test_a_page_that_names_another_predecessor_is_red() -> None:
    first = begin_text()
    assert reasons(report_of(first, end_text(Page(2, "11" * 32)))) == {Reason.CHAIN_BROKEN}


def test_a_gap_is_yellow_when_the_whole_key_is_claimed_and_no_matter_otherwise() -> None:
    first = begin_text()
    last = end_text(Page(3, "11" * 32))
    assert report_of(first, last).verdict is Verdict.GREEN
    report = report_of(first, last, whole_key=True)
    assert reasons(report) == {Reason.PAGES_MISSING}
    assert report.verdict is Verdict.YELLOW
    late = end_text(Page(3, "11" * 32))
    assert Reason.PAGES_MISSING in reasons(report_of(late, whole_key=True))


def test_records_that_end_before_a_page_that_is_known_are_yellow() -> None:
    submitted = [Submitted(PEN.record(text), "x") for text in pair_texts()]
    assert verified(submitted, PEN.public, whole_key=True, page_min=2).verdict is Verdict.GREEN
    assert reasons(verified(submitted, PEN.public, whole_key=True, page_min=3)) == {Reason.PAGES_MISSING}


def test_half_a_session_is_yellow() -> None:
    first, last = pair_texts()
    assert reasons(report_of(first)) == {Reason.END_MISSING}
    assert reasons(report_of(last)) == {Reason.BEGIN_MISSING}
    assert report_of(last).verdict is Verdict.YELLOW


def test_nothing_at_all_is_yellow() -> None:
    assert reasons(verified([], PEN.public)) == {Reason.NOTHING_FOUND}


@pytest.mark.parametrize("trust", [UtcTrust.UNKNOWN, UtcTrust.INFORMATIVE])
def test_an_untrusted_clock_is_yellow_and_the_energy_still_stands(trust: UtcTrust) -> None:
    report = report_of(*pair_texts(time=at(60, trust)))
    assert reasons(report) == {Reason.CLOCK_NOT_TRUSTED}
    assert report.verdict is Verdict.YELLOW
    assert report.sessions[0].energy_kwh == Decimal("7.750")


def test_relative_time_is_right_on_both_or_on_none() -> None:
    first, last = pair_texts()
    relative = [text.replace("+0100 S", "+0100 R") for text in (first, last)]
    chained = relative[1].replace(payload_hash(first), payload_hash(relative[0]))
    assert report_of(relative[0], chained).verdict is Verdict.GREEN
    assert Reason.TIME_STATES_DIFFER in reasons(report_of(relative[0], last))


def test_energy_that_the_gateway_itself_marked_is_yellow_without_a_figure() -> None:
    ending = Ending(EndKind.COMPLETED, Why.COMMAND, Unusable.METER_EXCHANGED, None)
    report = report_of(*pair_texts(kwh="1234.500", ending=ending, time=at(5, usable=False)))
    assert reasons(report) == {Reason.ENERGY_UNUSABLE, Reason.TIME_UNUSABLE}
    assert report.sessions[0].energy_kwh is None


def test_other_doubts_are_yellow() -> None:
    first, last = pair_texts()
    assert reasons(report_of(first, last.replace('"ST":"G"', '"ST":"T"'))) == {Reason.METER_STATUS}
    assert reasons(report_of(first, last.replace("HEARSAY", "MISMATCH"))) == {Reason.USER_NOT_ASSIGNED}
    unread = MeterIdentity("GARO", "GNM3D", None, None)
    begin = begin_text(meter=unread)
    assert reasons(report_of(begin, end_text(Page(2, payload_hash(begin)), meter=unread))) == {
        Reason.METER_SERIAL_UNREAD
    }


def test_records_of_other_makers_are_paired_by_what_the_file_says_or_by_their_meter() -> None:
    def without_ours(text: str) -> str:
        start, end = text.index(',"XS"'), text.rindex("}")
        return text[:start] + text[end:]

    first, last = (without_ours(text) for text in pair_texts())
    assert report_of(first, last).verdict is Verdict.GREEN
    submitted = [Submitted(PEN.record(text), "x", None, str(at)) for at, text in enumerate((first, last))]
    assert reasons(verified(submitted, PEN.public)) == {Reason.BEGIN_MISSING, Reason.END_MISSING}


def test_begin_and_end_in_one_record_are_one_session() -> None:
    first, last = pair_texts()
    both = first.replace("}],", "}," + last[last.index('"RD":[') + 6 : last.index("],", last.index('"RD":['))] + "],")
    assert report_of(both).verdict is Verdict.GREEN


def test_times_are_compared_across_offsets() -> None:
    summer = RecordTime(WINTER + timedelta(seconds=1), timedelta(hours=-1), UtcTrust.SYNCHRONISED)
    assert report_of(*pair_texts(time=summer)).verdict is Verdict.GREEN


def test_every_reason_has_a_verdict_and_only_red_ones_are_red() -> None:
    assert verdict_of(Reason.UNSIGNED) is Verdict.GREY
    assert verdict_of(Reason.PAGES_MISSING) is Verdict.YELLOW
    assert verdict_of(Reason.REPLAYED) is Verdict.RED
    assert Finding(Reason.REPLAYED, "x").verdict is Verdict.RED
    assert Report((), ()).verdict is Verdict.GREEN


def test_keys_are_read_from_pem_hex_and_base64_and_nothing_else() -> None:
    import base64

    key = PEN.public
    assert public_key(key.pem).spki == public_key(base64.b64encode(key.spki).decode()).spki == key.spki
    assert len(key.fingerprint) == 64
    for text in ("", "zz", "00", key.hex[:-2], "-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----"):
        with pytest.raises(NotAKey):
            public_key(text)


def test_keys_of_no_curve_that_the_format_knows_are_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    for other in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP521R1())):
        spki = other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(NotAKey):
            public_key(spki.hex())
