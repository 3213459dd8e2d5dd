"""What the facts add up to, field by field: each takes its place, each refusal has its words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.control.past import OpenSession, Past, QueuedSession
from gateway.errors import JournalDamaged
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.facts import (
    ChainChecked,
    ClockSeen,
    ConfigSeen,
    ControlCheckpoint,
    DaemonStopped,
    EnergyOutside,
    EventNoted,
    Fact,
    JournalBegun,
    KeyHandedOver,
    KeyMade,
    MemorySaved,
    MeterExchanged,
    MeterSeen,
    PageMade,
    PageSigned,
    SavedKey,
    SavedMark,
    SavedSession,
    SessionQueued,
    SessionWithdrawn,
)
from gateway.journal.meter_facts import MeterKeyDoubted, MeterKeyPinned, MeterKeyUpheld, MeterRecordKept
from gateway.journal.profile_facts import PeriodsSigned, SavedSeconds, SignedPeriod, TimeReferenced
from gateway.journal.recovery import RECENT_MAX, Memory, PageSequence, RegisterMark, text_hash
from gateway.metering.clock_watch import Cause
from gateway.metering.ocmf import NO_PAGE_BEFORE, payload_hash
from gateway.metering.pins import PinState
from gateway.site.outcomes import Edge
from gateway.site.requests import Source
from tests.journal.entry_bench import BEGIN_PAYLOAD, BEGUN, ENDED, LATER, MADE, NOW, OLD, P1, S1, SEEN, WHY, told_of

P2, S2, S3 = SocketId("p2"), SessionId("s2"), SessionId("s3")
SIGNED = PageSigned(NOW, "AA", 1, "00")
WAITS = SessionQueued(NOW, P2, S2, Token("t8"), OLD, WHY, Source.MQTT)
CHECKED = ChainChecked(NOW, 7, "ab" * 32, 3)
DOUBT = MeterKeyDoubted(NOW, P1, "G", "M")
END_MADE = PageMade("AA", 2, S1, Edge.END, "end")
RUNNING = (SEEN, BEGUN, MADE, SIGNED)
KEPT = MeterRecordKept(NOW, P1, S1, "G", "M", "T1", "AA", Decimal("1.5"), "mqtt", "one")
PINNED = MeterKeyPinned(NOW, "G", "M", "AA", PinState.CONFIRMED, "who", "how")
HANDED = KeyHandedOver(NOW, "AA", 2, "BB", "0B", "00", "00")


def refused(words: str, *facts: Fact) -> Memory:
    """All facts but the last are taken; the last is refused in exactly these words."""
    memory = told_of(*facts[:-1])
    with pytest.raises(JournalDamaged) as told:
        memory.absorb(facts[-1])
    assert str(told.value) == words
    return memory


def test_a_memory_of_nothing_is_empty() -> None:
    memory = Memory()
    assert (memory.journal_begun, memory.newest_key, memory.checkpoint, memory.checked, memory.config) == (
        False,
        None,
        None,
        None,
        None,
    )
    assert memory.sequence("AA") == PageSequence(0, NO_PAGE_BEFORE)
    assert memory.past(lambda _: S3) == Past((), (), None)
    memory.absorb(JournalBegun(NOW))
    assert memory.journal_begun
    assert text_hash("å") == sha256("å".encode()).hexdigest()


def test_what_is_saved_bears_every_field_and_is_the_same_after_a_start() -> None:
    memory = told_of(
        *RUNNING,
        WAITS,
        MeterSeen(NOW, P2, "M2", Decimal(9)),
        ControlCheckpoint(NOW, "{}"),
        CHECKED,
        ConfigSeen(NOW, "config"),
        ClockSeen(replace(NOW, utc_trust=UtcTrust.UNKNOWN), "boot"),
        DOUBT,
    )
    saved = memory.saved(LATER)
    assert saved == MemorySaved(
        at=LATER,
        keys=(SavedKey("AA", "0A1B", 1, payload_hash(BEGIN_PAYLOAD)),),
        registers=(SavedMark(P1, "M1", Decimal("5.00")), SavedMark(P2, "M2", Decimal(9))),
        running=(SavedSession(BEGUN, BEGIN_PAYLOAD, SIGNED),),
        queued=(WAITS,),
        checkpoint="{}",
        doubted=(S1,),
        profile=(),
        seconds=None,
        config=text_hash("config"),
        checked=CHECKED,
        doubted_keys=(DOUBT,),
    )
    again = Memory()
    again.absorb(saved)
    assert again.saved(LATER) == saved
    assert again == memory


def test_nothing_is_saved_while_a_page_waits_for_its_signature() -> None:
    memory = told_of(SEEN, BEGUN, MADE)
    assert memory.saved(LATER) is None
    assert memory.waiting(S1, Edge.BEGIN) == MADE
    assert memory.waiting(S1, Edge.END) is None
    assert memory.waiting(S2, Edge.BEGIN) is None
    memory.absorb(SIGNED)
    assert memory.waiting(S1, Edge.BEGIN) is None
    assert memory.durable == {(S1, Edge.BEGIN): SIGNED}
    assert memory.payloads == {(S1, Edge.BEGIN): BEGIN_PAYLOAD}
    assert memory.saved(LATER) is not None


def test_a_key_without_a_page_begins_at_its_first() -> None:
    saved = told_of(SEEN).saved(LATER)
    assert saved is not None
    assert saved.keys == (SavedKey("AA", "0A1B", 0, NO_PAGE_BEFORE),)
    again = Memory()
    again.absorb(saved)
    assert again.sequences == {}
    assert again.sequence("AA") == PageSequence()
    assert (again.journal_begun, again.keys) == (True, {"AA": "0A1B"})
    one = Memory()
    one.absorb(replace(saved, keys=(SavedKey("AA", "0A1B", 1, "h1"),)))
    assert one.sequences == {"AA": PageSequence(1, "h1")}


NOT_SO = "what was saved for the next start is not what the rows before it say"


@pytest.mark.parametrize(
    "change",
    [
        {"keys": ()},
        {"registers": ()},
        {"running": ()},
        {"queued": ()},
        {"doubted": (S3,)},
        {"config": "other"},
        {"checked": replace(CHECKED, seq=8)},
        {"doubted_keys": (replace(DOUBT, socket=P2),)},
    ],
)
def test_what_was_saved_in_the_midst_must_be_what_is_known_anyway(change: dict[str, object]) -> None:
    doubt = ClockSeen(replace(NOW, utc_trust=UtcTrust.UNKNOWN), "boot")
    facts = (*RUNNING, WAITS, CHECKED, ConfigSeen(NOW, "config"), doubt, DOUBT)
    memory = told_of(*facts)
    saved = memory.saved(LATER)
    assert saved is not None
    memory.absorb(saved)
    memory.absorb(replace(saved, checkpoint="another"))
    refused(NOT_SO, *facts, replace(saved, **change))  # type: ignore[arg-type]  # one field by name


@pytest.mark.parametrize(
    "change", [{"doubted": ()}, {"config": None}, {"checked": None}, {"doubted_keys": ()}, {"seconds": None}]
)
def test_what_an_older_version_did_not_save_is_not_held_against_it(change: dict[str, object]) -> None:
    doubt = ClockSeen(replace(NOW, utc_trust=UtcTrust.UNKNOWN), "boot")
    memory = told_of(*RUNNING, CHECKED, ConfigSeen(NOW, "config"), doubt, DOUBT)
    saved = memory.saved(LATER)
    assert saved is not None
    memory.absorb(replace(saved, **change))  # type: ignore[arg-type]  # one field by name
    assert memory.saved(LATER) == saved


def test_a_memory_saved_while_a_page_waits_is_refused() -> None:
    whole = told_of(*RUNNING).saved(LATER)
    assert whole is not None
    refused(NOT_SO, SEEN, BEGUN, MADE, whole)


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


def test_only_so_many_ended_sessions_are_remembered() -> None:
    memory = told_of(SEEN)
    names = [SessionId(f"n{at}") for at in range(RECENT_MAX + 1)]
    for at, name in enumerate(names):
        begin_page, end_page = 2 * at + 1, 2 * at + 2
        for fact in (
            replace(BEGUN, session=name, page=begin_page),
            PageMade("AA", begin_page, name, Edge.BEGIN, "b"),
            PageSigned(NOW, "AA", begin_page, "00"),
            replace(KEPT, session=name),
            replace(ENDED, session=name, page=end_page, kwh=Decimal("5.00"), energy_kwh=Decimal(0)),
            PageMade("AA", end_page, name, Edge.END, "e"),
            PageSigned(NOW, "AA", end_page, "00"),
        ):
            memory.absorb(fact)
        if at == RECENT_MAX - 1:
            assert len(memory.ended) == RECENT_MAX == 256
    kept = names[1:]
    assert list(memory.ended) == list(memory.begun) == list(memory.meter_records) == list(memory.meter_kwh) == kept
    for texts in (memory.payloads, memory.durable):
        assert set(texts) == {(name, edge) for name in kept for edge in Edge}


def test_a_recent_session_without_records_of_its_own_is_forgotten_too() -> None:
    memory = told_of(SEEN)
    for at in range(RECENT_MAX + 1):
        name = SessionId(f"n{at}")
        memory.absorb(replace(BEGUN, session=name))
        memory.absorb(replace(ENDED, session=name, kwh=Decimal("5.00"), energy_kwh=Decimal(0)))
    assert SessionId("n0") not in memory.begun
    assert len(memory.ended) == RECENT_MAX


def test_control_recovers_from_what_was_open_and_from_what_waited() -> None:
    memory = told_of(*RUNNING, WAITS, replace(WAITS, session=S3), ControlCheckpoint(NOW, "{}"))
    past = memory.past(lambda session: SessionId(f"after {session}"))
    assert past == Past(
        (OpenSession(S1, P1, Token("t7"), SessionId("after s1"), Source.RFID),),
        (
            QueuedSession(S2, P2, Token("t8"), OLD, Source.MQTT),
            QueuedSession(S3, P2, Token("t8"), OLD, Source.MQTT),
        ),
        "{}",
    )
    cut_short = memory.past(lambda _: S3)
    assert [waiting.id for waiting in cut_short.queued] == [S2]


def test_what_a_start_finds_is_marked_and_known() -> None:
    later = Instant(LATER.monotonic_s, LATER.utc + timedelta(days=1), LATER.utc_trust)
    saved = told_of(*RUNNING, WAITS).saved(later)
    assert saved is not None
    memory = Memory()
    memory.absorb(saved)
    assert memory.begun == memory.open == {S1: BEGUN}
    assert memory.durable == {(S1, Edge.BEGIN): SIGNED}
    assert memory.payloads == {(S1, Edge.BEGIN): BEGIN_PAYLOAD}
    assert memory.registers == {P1: RegisterMark("M1", Decimal("5.00"))}
    assert memory.queued == {S2: WAITS}
    memory.absorb(ENDED)
    assert memory.ended == {S1: ENDED}


REFERENCED = TimeReferenced(NOW, "AA", Cause.BOOT, "boot", Decimal("500.000"), NOW.utc, "S", "ntp", None, None, "00")
PERIOD = SignedPeriod("p1", "M1", 1, Decimal("600.000"), Decimal(5000), Decimal(10), "", NOW.utc, "S", "00", "00")


def test_the_load_profiles_newest_rows_and_seconds_are_saved_and_found_again() -> None:
    memory = told_of(REFERENCED, PeriodsSigned(LATER, "boot", "AA", (PERIOD,)))
    assert memory.profile.marks["p1"].page == 1
    saved = memory.saved(LATER)
    assert saved is not None
    assert saved.profile == (memory.profile.marks["p1"],)
    assert saved.seconds == SavedSeconds("boot", Decimal("400.000"), Decimal("600.000"))
    again = Memory()
    again.absorb(saved)
    assert again.profile == memory.profile
    memory.absorb(saved)
    for change in (replace(saved, seconds=replace(saved.seconds, newest_s=Decimal(1))), replace(saved, keys=())):
        with pytest.raises(JournalDamaged):
            memory.absorb(change)
