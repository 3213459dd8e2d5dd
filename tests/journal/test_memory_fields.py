"""What the facts add up to, field by field: each takes its place, each refusal has its words."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256

import pytest

from gateway.clock import UtcTrust
from gateway.ids import SocketId
from gateway.journal.facts import (
    ClockSeen,
    ConfigSeen,
    ControlCheckpoint,
    DaemonStopped,
    EnergyOutside,
    EventNoted,
    Fact,
    KeyHandedOver,
    KeyMade,
    MeterExchanged,
    MeterSeen,
    PageMade,
    PageSigned,
    SessionWithdrawn,
)
from gateway.journal.meter_facts import MeterKeyPinned, MeterKeyUpheld
from gateway.journal.profile_facts import TimeReferenced
from gateway.journal.recovery import PageSequence, RegisterMark
from gateway.metering.clock_watch import Cause
from gateway.metering.ocmf import payload_hash
from gateway.metering.pins import PinState
from gateway.site.outcomes import Edge
from tests.journal.entry_bench import BEGIN_PAYLOAD, BEGUN, ENDED, LATER, MADE, NOW, P1, S1, SEEN, WHY, told_of
from tests.journal.remembered import CHECKED, DOUBT, KEPT, P2, RUNNING, S2, SIGNED, WAITS, refused

END_MADE = PageMade("AA", 2, S1, Edge.END, "end")
PINNED = MeterKeyPinned(NOW, "G", "M", "AA", PinState.CONFIRMED, "who", "how")
HANDED = KeyHandedOver(NOW, "AA", 2, "BB", "0B", "00", "00")


def test_of_checkpoints_checks_and_configs_the_newest_stands() -> None:
    memory = told_of(
        ControlCheckpoint(NOW, "one"),
        ControlCheckpoint(NOW, "two"),
        CHECKED,
        replace(CHECKED, seq=9),
        ConfigSeen(NOW, "one"),
        ConfigSeen(NOW, "two"),
        EventNoted(NOW, None, WHY),
        DaemonStopped(NOW),
    )
    assert (memory.checkpoint, memory.checked) == ("two", replace(CHECKED, seq=9))
    assert memory.config == sha256(b"two").hexdigest()


def test_a_key_is_handed_over_at_the_page_where_it_ends() -> None:
    ended = (*RUNNING, ENDED, END_MADE, PageSigned(LATER, "AA", 2, "01"))
    memory = told_of(*ended, HANDED)
    assert memory.keys == {"AA": "0A1B", "BB": "0B"}
    assert memory.newest_key == "BB"
    assert memory.sequence("AA") == PageSequence(2, payload_hash("end"))
    assert memory.sequence("BB") == PageSequence()
    wrong = "a key is handed over by another key, or at another page, than the newest"
    refused(wrong, *ended, replace(HANDED, before="CC"))
    refused(wrong, *ended, replace(HANDED, page=1))
    refused(wrong, *ended, HANDED, replace(HANDED, public_key="CC"))
    midst = "a key is handed over in the middle of a session, or to itself"
    refused(midst, *RUNNING, replace(HANDED, page=1))
    refused(midst, *ended[:-1], HANDED)
    refused(midst, *ended, replace(HANDED, public_key="AA"))
    refused("a second key is made without a hand-over", KeyMade(NOW, "BB", "0B"))


def test_a_session_waits_until_it_is_withdrawn_or_begins() -> None:
    first = replace(WAITS, socket=P1, session=S1)
    assert told_of(first, WAITS).queued == {S1: first, S2: WAITS}
    assert told_of(first, WAITS, SessionWithdrawn(NOW, P2, S2, WHY)).queued == {S1: first}
    assert told_of(first, SessionWithdrawn(NOW, P2, S2, WHY)).queued == {S1: first}
    memory = told_of(first, WAITS, SEEN, BEGUN)
    assert memory.queued == {S2: WAITS}
    assert memory.open == {S1: BEGUN} == memory.begun
    assert told_of(SEEN, BEGUN).open == {S1: BEGUN}


def test_a_session_begins_once_and_where_the_meter_was_booked_to() -> None:
    words = "session s1 begins twice, or not where the meter was booked to"
    refused(words, BEGUN)
    refused(words, SEEN, BEGUN, BEGUN)
    refused(words, SEEN, replace(BEGUN, kwh=Decimal("5.01")))
    refused(words, SEEN, replace(BEGUN, serial="M2"))


def test_a_session_ends_once_with_what_the_registers_say() -> None:
    memory = told_of(*RUNNING, ENDED)
    assert (memory.open, memory.begun, memory.ended) == ({}, {S1: BEGUN}, {S1: ENDED})
    assert memory.registers == {P1: RegisterMark("M1", Decimal("6.50"))}
    words = "session s1 ends without its begin, or with other energy"
    refused(words, SEEN, ENDED)
    refused(words, *RUNNING, ENDED, ENDED)
    refused(words, *RUNNING, replace(ENDED, energy_kwh=Decimal("1.51")))
    refused(words, *RUNNING, replace(ENDED, kwh=Decimal("4.99"), energy_kwh=Decimal("-0.01")))
    none = told_of(*RUNNING, replace(ENDED, kwh=Decimal("5.00"), energy_kwh=Decimal(0)))
    assert none.registers == {P1: RegisterMark("M1", Decimal("5.00"))}
    booked = EnergyOutside(NOW, P1, "M1", Decimal("5.00"), Decimal("5.50"))
    refused("energy of session s1 was booked while it ran", *RUNNING, booked, ENDED)


UNKNOWN = replace(NOW, utc_trust=UtcTrust.UNKNOWN)


@pytest.mark.parametrize(
    ("fact", "is_doubted"),
    [
        (ClockSeen(NOW, "boot"), False),
        (ClockSeen(UNKNOWN, "boot"), True),
        (ClockSeen(replace(NOW, utc_trust=UtcTrust.INFORMATIVE), "boot"), True),
        (TimeReferenced(NOW, "AA", Cause.DAILY, "boot", Decimal(100), NOW.utc, "S", "ntp", None, None, "00"), False),
        (TimeReferenced(NOW, "AA", Cause.STEP, "boot", Decimal(100), NOW.utc, "S", "ntp", None, None, "00"), True),
        (TimeReferenced(UNKNOWN, "AA", Cause.DAILY, "boot", Decimal(100), NOW.utc, "U", "", None, None, "00"), True),
        (TimeReferenced(UNKNOWN, "AA", Cause.MANUAL, "boot", Decimal(100), NOW.utc, "U", "", None, "a", "00"), False),
    ],
)
def test_a_session_is_doubted_from_the_moment_at_which_the_clock_is(
    fact: ClockSeen | TimeReferenced, is_doubted: bool
) -> None:
    memory = told_of(*RUNNING, fact)
    assert memory.doubted == ({S1} if is_doubted else set())
    if isinstance(fact, TimeReferenced):
        assert (memory.profile.seconds is None) == (fact.cause is Cause.MANUAL)
    memory.absorb(ENDED)
    assert memory.doubted == set()


def test_the_end_of_one_session_leaves_the_doubt_about_another() -> None:
    other = replace(BEGUN, session=S2, socket=P2, page=2)
    page = PageMade("AA", 2, S2, Edge.BEGIN, "two")
    facts = (MeterSeen(NOW, P2, "M1", Decimal("5.00")), *RUNNING, other, page, PageSigned(NOW, "AA", 2, "01"))
    memory = told_of(*facts, ClockSeen(UNKNOWN, "boot"))
    saved = memory.saved(LATER)
    assert saved is not None
    assert saved.doubted == (S1, S2)
    memory.absorb(ENDED)
    assert memory.doubted == {S2}
    assert [begun.session for begun in memory.open.values()] == [S2]


def test_a_register_is_booked_from_where_it_stood() -> None:
    exchanged = MeterExchanged(NOW, P1, "M1", Decimal("5.00"), "M2", Decimal("0.1"))
    outside = EnergyOutside(NOW, P1, "M1", Decimal("5.00"), Decimal("7.00"))
    assert told_of(SEEN).registers == {P1: RegisterMark("M1", Decimal("5.00"))}
    assert told_of(SEEN, exchanged).registers == {P1: RegisterMark("M2", Decimal("0.1"))}
    assert told_of(SEEN, outside).registers == {P1: RegisterMark("M1", Decimal("7.00"))}
    assert told_of(SEEN, replace(outside, to_kwh=Decimal("5.00"))).registers == {P1: RegisterMark("M1", Decimal(5))}
    refused("socket p1 sees its first meter twice", SEEN, SEEN)
    for wrong in (replace(exchanged, serial_before="M0"), replace(exchanged, kwh_before=Decimal("5.01"))):
        refused("socket p1 exchanges a meter that it did not have", SEEN, wrong)
    refused("socket p1 exchanges a meter that it did not have", exchanged)
    words = "socket p1: energy is booked from another value than the last"
    refused(words, outside)
    refused(words, SEEN, replace(outside, serial="M2"))
    refused(words, SEEN, replace(outside, from_kwh=Decimal("5.01")))
    refused(words, SEEN, replace(outside, to_kwh=Decimal("4.99")))


def test_pages_follow_each_other_and_are_signed_once() -> None:
    memory = told_of(SEEN, BEGUN, MADE)
    assert memory.sequences == {"AA": PageSequence(1, payload_hash(BEGIN_PAYLOAD))}
    assert memory.unsigned == {("AA", 1): MADE}
    refused("page 2 follows page 0", SEEN, BEGUN, replace(MADE, page=2))
    refused("page 1 follows page 1", SEEN, BEGUN, MADE, MADE)
    refused("page 3 follows page 1", SEEN, BEGUN, MADE, replace(MADE, page=3))
    refused("page 1 is signed twice, or was never made", *RUNNING, SIGNED)
    refused("page 2 is signed twice, or was never made", SEEN, BEGUN, MADE, replace(SIGNED, page=2))
    refused("page 1 is signed twice, or was never made", SEEN, BEGUN, MADE, replace(SIGNED, key="BB"))
    refused("page 1 belongs to no session", MADE, SIGNED)
    refused("page 2 belongs to no session", *RUNNING, END_MADE, PageSigned(LATER, "AA", 2, "01"))
    ended = told_of(*RUNNING, ENDED, END_MADE, PageSigned(LATER, "AA", 2, "01"))
    assert ended.durable == {(S1, Edge.BEGIN): SIGNED, (S1, Edge.END): PageSigned(LATER, "AA", 2, "01")}
    assert ended.payloads[S1, Edge.END] == "end"


def test_a_meters_own_records_stand_at_their_session() -> None:
    memory = told_of(*RUNNING, KEPT, replace(KEPT, text="two", energy_kwh=None))
    assert memory.meter_records == {S1: ("one", "two")}
    assert memory.meter_kwh == {S1: Decimal("1.5")}
    memory.absorb(replace(KEPT, text="three", energy_kwh=Decimal(2)))
    assert memory.meter_kwh == {S1: Decimal(2)}
    elsewhere = told_of(*RUNNING, replace(KEPT, session=None), replace(KEPT, session=S2))
    assert (elsewhere.meter_records, elsewhere.meter_kwh) == ({}, {})


@pytest.mark.parametrize(
    ("fact", "left"),
    [
        (PINNED, []),
        (replace(PINNED, state=PinState.TOFU), [P1]),
        (replace(PINNED, meter="N"), [P1]),
        (replace(PINNED, gateway="H"), [P1]),
        (MeterKeyUpheld(NOW, "G", "M", "who", "how"), []),
        (MeterKeyUpheld(NOW, "G", "N", "who", "how"), [P1]),
        (KEPT, [P1]),
    ],
)
def test_a_doubt_about_a_meters_key_stays_until_somebody_has_compared_it(fact: Fact, left: Sequence[SocketId]) -> None:
    other = replace(DOUBT, socket=P2, gateway="X", meter="Y")
    memory = told_of(*RUNNING, DOUBT, other, fact)
    assert list(memory.doubted_keys) == [*left, P2]
    assert memory.doubted_keys[P2] == other
