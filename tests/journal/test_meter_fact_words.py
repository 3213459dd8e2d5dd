"""What the broker hears of meters' own records, and the names under which the journal keeps them."""

import json
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from gateway.clock import UtcTrust
from gateway.ids import SessionId, SocketId
from gateway.journal.entries import ended_message
from gateway.journal.facts import EventNoted, HeadSigned, PageMade, PageSigned, unique_name
from gateway.journal.heads import head_message
from gateway.journal.meter_facts import (
    MeterFact,
    MeterKeyDoubted,
    MeterKeyPinned,
    MeterKeyUpheld,
    MeterRecordKept,
    MeterRecordQuarantined,
    NamedMeterFact,
    name_of,
    pin_name,
    quarantine_name,
    record_name,
    unproven_name,
)
from gateway.journal.outbox import Kind, Message, PendingMessage, event_message, meter_message, session_message
from gateway.metering.ocmf import record_text
from gateway.metering.pins import PinState
from gateway.site.because import Because, Why
from gateway.site.outcomes import Edge
from tests.journal.entry_bench import BEGIN_PAYLOAD, BEGUN, ENDED, LATER, MADE, NOW, P1, S1, SEEN, told_of

PINNED = MeterKeyPinned(NOW, "G", "M", "AA", PinState.CONFIRMED, "who", "how")
KEPT = MeterRecordKept(NOW, P1, S1, "G", "M", "T1", "AA", Decimal("1.5"), "mqtt", "text")
REFUSED = MeterRecordQuarantined(NOW, P1, "G", "M", "not_ocmf", "detail", "mqtt", "6162")


@pytest.mark.parametrize(
    ("fact", "body"),
    [
        (PINNED, {"why": "meter_key_pinned", "socket": None, "state": "confirmed"}),
        (replace(PINNED, state=PinState.TOFU), {"why": "meter_key_pinned", "socket": None, "state": "tofu"}),
        (KEPT, {"why": "meter_record_kept", "socket": "p1", "session": "s1", "proven": True}),
        (
            replace(KEPT, key=None, session=None),
            {"why": "meter_record_kept", "socket": "p1", "session": None, "proven": False},
        ),
        (REFUSED, {"why": "meter_record_refused", "socket": "p1", "reason": "not_ocmf"}),
        (MeterKeyDoubted(NOW, P1, "G", "M"), {"why": "meter_key_doubted", "socket": "p1"}),
        (MeterKeyUpheld(NOW, "G", "M", "who", "how"), {"why": "meter_key_upheld", "socket": None}),
    ],
)
def test_of_a_meters_own_record_the_broker_hears_its_reason_and_nothing_that_came_with_it(
    fact: MeterFact, body: dict[str, Any]
) -> None:
    told = meter_message(fact)
    assert told.kind is Kind.EVENT
    assert json.loads(told.body) == {"utc": "2026-03-01T12:00:00+00:00", **body}


def test_every_message_is_ascii_whatever_its_words() -> None:
    named = replace(KEPT, session=SessionId("ö"))
    signed = HeadSigned(NOW, "AA", 7, "ab", "ö")
    for told in (
        meter_message(named),
        session_message(BEGUN, ENDED, "ö", "ö"),
        head_message(signed, "ö"),
        event_message(EventNoted(NOW, SocketId("ö"), Because(Why.COMMAND))),
    ):
        assert told.body.isascii()
        assert "\\u00f6" in told.body


def test_kinds_of_messages_are_the_words_that_are_kept() -> None:
    assert [kind.value for kind in Kind] == ["session", "event", "head", "rows"]
    assert PendingMessage(1, Kind.HEAD, "{}").kind == "head"


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        (PINNED, 'meter key confirmed ["G", "M"]'),
        (replace(PINNED, state=PinState.TOFU), 'meter key tofu ["G", "M"]'),
        (KEPT, 'meter record ["G", "M", "T1"]'),
        (replace(KEPT, key=None, text="å"), f"meter record unproven {sha256('å'.encode()).hexdigest()}"),
        (REFUSED, f"meter quarantine {sha256(b'ab').hexdigest()}"),
    ],
)
def test_each_fact_of_a_meter_has_a_name_that_no_second_one_may_bear(fact: NamedMeterFact, name: str) -> None:
    assert name_of(fact) == name
    assert unique_name(fact) == name


def test_names_of_meters_part_what_a_blank_or_a_quote_would_join() -> None:
    assert pin_name(PinState.TOFU, 'a", "b', "c") != pin_name(PinState.TOFU, "a", 'b", "c')
    assert record_name("å", "b", "T1") == 'meter record ["\\u00e5", "b", "T1"]'
    assert unproven_name("a") != unproven_name("b")
    assert quarantine_name(b"a") != quarantine_name(b"b")


def test_a_session_is_told_again_once_its_own_records_are_complete() -> None:
    end = PageMade("AA", 2, S1, Edge.END, "end")
    begun = (SEEN, BEGUN, MADE, PageSigned(NOW, "AA", 1, "0a"), ENDED)
    assert ended_message(told_of(*begun), S1, Decimal("1.5")) == ()
    assert ended_message(told_of(*begun, end), S1, Decimal("1.5")) == ()
    told = ended_message(told_of(*begun, end, PageSigned(LATER, "AA", 2, "0b")), S1, Decimal("1.5"))
    both = record_text(BEGIN_PAYLOAD, b"\x0a"), record_text("end", b"\x0b")
    assert told == (session_message(BEGUN, ENDED, *both, Decimal("1.5")),)


def test_a_signed_head_on_the_broker_bears_every_field() -> None:
    signed = HeadSigned(replace(NOW, utc_trust=UtcTrust.UNKNOWN), "AA", 7, "ab", "cd")
    body = {"utc": "2026-03-01T12:00:00+00:00", "serial": "0A1B", "seq": 7, "hash": "ab", "signature": "cd"}
    told = head_message(signed, "0A1B")
    assert told == Message(Kind.HEAD, json.dumps(body))
