"""Records of other makers' meters: taken or refused with one reason, and what those of one session prove or claim."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway.metering.keys import PublicKey
from gateway.metering.meter_signed import (
    TEXT_MAX,
    Accepted,
    MeterProof,
    Refused,
    claimed,
    judged,
    meter_energy_claimed,
    meter_proof,
    signed_part,
    those_proven,
    tofu,
)
from gateway.metering.pins import Pin, PinState
from gateway.metering.record import RECORD_BYTES_MAX, Record
from gateway.metering.verdicts import Finding, Reason, Verdict
from tests.metering.makers import MakersMeter
from tests.metering.records import WINTER

LATER = WINTER + timedelta(hours=1)
SERIAL = "1EMH0012345"
METER, FORGER = MakersMeter(), MakersMeter()
EDGE = METER.edge("B", WINTER, "1.5")


def pin(key: PublicKey, state: PinState = PinState.CONFIRMED, gateway: str = f"GW-{SERIAL}") -> Pin:
    return Pin(gateway, SERIAL, key.hex, state, "Ann", "2026-03-01", "label")


def read(text: str) -> Record:
    taken = claimed(text.encode())
    assert isinstance(taken, tuple), taken
    assert taken[0] == text
    return taken[1]


def judge(text: str, pins: Sequence[Pin] = (), brought: str | None = None) -> Accepted | Refused:
    return judged(text, read(text), pins, brought)


def named(gateway: str, meter: str) -> str:
    made = METER.edge("B", WINTER, "1.5")
    return made.replace(f'"GW-{SERIAL}"', f'"{gateway}"').replace(f'"MS" : "{SERIAL}"', f'"MS" : "{meter}"')


def test_what_claims_to_be_a_record_is_read_as_it_came() -> None:
    record = read(EDGE)
    assert (record.where, record.session, record.page, record.readings[0].value) == ("", "", 1, Decimal("1.5"))
    longest = EDGE.ljust(RECORD_BYTES_MAX)
    assert read(longest) == record
    assert read(named("g" * TEXT_MAX, "m" * TEXT_MAX)).fields["MS"] == "m" * TEXT_MAX


@pytest.mark.parametrize(
    ("octets", "refused"),
    [
        (EDGE.ljust(RECORD_BYTES_MAX + 1).encode(), Refused(Reason.TOO_LONG, "65537")),
        (b"OCMF|\xff", Refused(Reason.NOT_TEXT, "5")),
        (b"hello", Refused(Reason.NOT_OCMF, "")),
        (b"OCMF|{}", Refused(Reason.UNSIGNED, "")),
        (EDGE.replace('"PG" : "T1"', '"PG" : "1"').encode(), Refused(Reason.FIELD_MISSING, "PG")),
        (named("g" * (TEXT_MAX + 1), "m").encode(), Refused(Reason.FIELD_MISSING, "GS, MS: more than 64")),
        (named("g", "m" * (TEXT_MAX + 1)).encode(), Refused(Reason.FIELD_MISSING, "GS, MS: more than 64")),
    ],
)
def test_what_is_no_record_is_refused_with_what_is_wrong(octets: bytes, refused: Refused) -> None:
    assert claimed(octets) == refused


def accepted(key: PublicKey | None, *, is_new: bool) -> Accepted:
    return Accepted(EDGE, read(EDGE), f"GW-{SERIAL}", SERIAL, key, is_new)


def refused(reason: Reason, detail: str = "") -> Refused:
    return Refused(reason, detail, f"GW-{SERIAL}", SERIAL)


def test_a_record_is_taken_by_its_pin_by_the_key_that_came_with_it_or_by_none() -> None:
    assert judge(EDGE, [pin(METER.public)]) == accepted(METER.public, is_new=False)
    assert judge(EDGE, [pin(METER.public)], METER.public.hex) == accepted(METER.public, is_new=False)
    assert judge(EDGE, [pin(METER.public)], FORGER.public.hex) == accepted(METER.public, is_new=False)
    assert judge(EDGE, (), METER.public.hex) == accepted(METER.public, is_new=True)
    assert judge(EDGE) == judge(EDGE, (), "") == accepted(None, is_new=False)
    assert judge(EDGE, [pin(FORGER.public, gateway="GW-other")]) == accepted(None, is_new=False)
    taken = judge(EDGE)
    assert isinstance(taken, Accepted)
    assert taken.page == "T1"


def test_a_record_of_another_key_is_refused_and_the_key_that_came_with_it_is_told() -> None:
    forged = FORGER.edge("B", WINTER, "1.5")
    pins = [pin(METER.public)]
    assert judge(forged, pins) == refused(Reason.SIGNATURE_WRONG)
    assert judge(forged, pins, METER.public.hex) == refused(Reason.SIGNATURE_WRONG)
    assert judge(forged, pins, FORGER.public.hex) == refused(Reason.FOREIGN_KEY, FORGER.public.fingerprint)
    assert judge(forged, (), METER.public.hex) == refused(Reason.SIGNATURE_WRONG)
    assert judge(forged, pins, "no key") == refused(
        Reason.KEY_NOT_READ, "no public key: neither PEM, nor hex, nor base64"
    )
    curve = EDGE.replace("ECDSA-secp256k1-SHA256", "mine")
    assert judge(curve, pins) == refused(Reason.OTHER_ALGORITHM, "mine")


def test_the_first_key_of_a_meter_is_pinned_as_one_that_nobody_confirmed() -> None:
    new = tofu(accepted(METER.public, is_new=True), "2026-03-01T10:00:00Z", "mqtt")
    assert new == Pin(f"GW-{SERIAL}", SERIAL, METER.public.hex, PinState.TOFU, "", "2026-03-01T10:00:00Z", "mqtt")
    assert tofu(accepted(METER.public, is_new=False), "", "") is None
    assert tofu(accepted(None, is_new=False), "", "") is None
    assert tofu(accepted(None, is_new=True), "", "") is None


def test_the_signed_part_is_what_stands_between_the_first_two_bars() -> None:
    assert signed_part("OCMF|payload|signature|more") == "payload"
    assert signed_part("OCMF|payload") == "payload"
    assert signed_part("OCMF") == ""


def test_of_what_was_kept_that_counts_which_the_pinned_keys_prove() -> None:
    forged, unpinned = FORGER.edge("B", WINTER, "9"), MakersMeter("other").edge("B", WINTER, "1")
    pins = [pin(METER.public)]
    assert those_proven([forged, EDGE, "hello", EDGE, unpinned], pins) == (EDGE,)
    assert those_proven([forged, unpinned, forged, "hello"], pins) == (forged, unpinned, "hello")
    assert those_proven([EDGE, forged], ()) == (EDGE, forged)
    assert those_proven([], pins) == ()
    payload = METER.payload()
    twice = [METER.record(signed_part(EDGE)), EDGE]
    assert those_proven(twice, pins) == (EDGE,)
    assert payload not in those_proven(twice, pins)


def proof(*texts: str, state: PinState = PinState.CONFIRMED) -> MeterProof | None:
    return meter_proof(texts, [pin(METER.public, state)])


def test_one_session_of_the_meter_proves_its_energy() -> None:
    whole = METER.session(WINTER, "1.00", LATER, "8.30")
    assert proof(whole) == proof(whole, whole) == MeterProof(Verdict.GREEN, Decimal("7.30"), ())
    first, last = METER.edge("B", WINTER, "1"), METER.edge("E", LATER, "3")
    assert proof(first, last) == MeterProof(Verdict.GREEN, Decimal(2), ())
    assert proof() is None


def test_a_pin_that_nobody_confirmed_leaves_a_doubt_and_the_energy() -> None:
    doubt = Finding(Reason.KEY_NOT_CONFIRMED, "", METER.public.fingerprint)
    whole = METER.session(WINTER, "1.00", LATER, "8.30")
    assert proof(whole, state=PinState.TOFU) == MeterProof(Verdict.YELLOW, Decimal("7.30"), (doubt, doubt))


def test_what_is_false_or_of_two_meters_proves_no_energy() -> None:
    whole, forged = METER.session(WINTER, "1.00", LATER, "8.30"), FORGER.session(WINTER, "1.00", LATER, "8.30")
    told = proof(whole, forged)
    assert told is not None
    assert (told.verdict, told.energy_kwh) == (Verdict.RED, None)
    assert told.findings == (Finding(Reason.SIGNATURE_WRONG, "2"),)
    half = proof(METER.edge("B", WINTER, "1"))
    assert half is not None
    assert (half.verdict, half.energy_kwh) == (Verdict.YELLOW, None)
    assert half.findings == (Finding(Reason.END_MISSING, "meter"),)
    other = MakersMeter("other")
    pins = [pin(METER.public), Pin("GW-other", "other", other.public.hex, PinState.CONFIRMED, "", "", "")]
    both = meter_proof([whole, other.session(WINTER, "1", LATER, "2")], pins)
    assert both == MeterProof(Verdict.GREEN, None, ())
    unknown = meter_proof([whole], ())
    assert unknown is not None
    assert (unknown.energy_kwh, unknown.findings[0].where) == (None, "1")


def units(text: str, unit: str) -> str:
    return text.replace('"kWh"', f'"{unit}"')


BEGIN, END = METER.edge("B", WINTER, "1.00"), METER.edge("E", LATER, "8.30")
OTHER_BEGIN, OTHER_END = METER.edge("B", WINTER, "2.00"), METER.edge("L", LATER, "9.30")
CLAIMS: list[tuple[list[str], Any]] = [
    ([BEGIN, END], "7.30"),
    ([BEGIN, BEGIN, END, END], "7.30"),
    ([METER.session(WINTER, "1.00", LATER, "8.30")], "7.30"),
    ([units(BEGIN, "Wh"), units(END, "Wh")], "0.00730"),
    ([BEGIN, OTHER_END], "8.30"),
    ([BEGIN, METER.edge("C", WINTER, "5"), END], "7.30"),
    ([units(BEGIN, "Wh"), END], None),
    ([units(BEGIN, "mOhm"), units(END, "mOhm")], None),
    ([BEGIN], None),
    ([END], None),
    ([BEGIN, OTHER_BEGIN, END], None),
    ([BEGIN, END, OTHER_END], None),
    ([BEGIN, END, "hello"], None),
    ([], None),
]


@pytest.mark.parametrize(("texts", "energy"), CLAIMS)
def test_an_energy_is_claimed_only_where_one_begin_and_one_end_are_said(texts: list[str], energy: str | None) -> None:
    claim = meter_energy_claimed(texts)
    assert (None if claim is None else str(claim)) == energy
