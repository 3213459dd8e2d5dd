"""What a memory saves for the next start and finds there: every field, and nothing that the rows do not say."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.control.past import OpenSession, Past, QueuedSession
from gateway.errors import JournalDamaged
from gateway.ids import SessionId, Token
from gateway.journal.facts import (
    ClockSeen,
    ConfigSeen,
    ControlCheckpoint,
    JournalBegun,
    MemorySaved,
    MeterSeen,
    PageMade,
    PageSigned,
    SavedKey,
    SavedMark,
    SavedSession,
)
from gateway.journal.profile_facts import PeriodsSigned, SavedSeconds, SignedPeriod, TimeReferenced
from gateway.journal.recovery import RECENT_MAX, Memory, PageSequence, RegisterMark, text_hash
from gateway.metering.clock_watch import Cause
from gateway.metering.ocmf import NO_PAGE_BEFORE, payload_hash
from gateway.site.outcomes import Edge
from gateway.site.requests import Source
from tests.journal.entry_bench import BEGIN_PAYLOAD, BEGUN, ENDED, LATER, MADE, NOW, OLD, P1, S1, SEEN, told_of
from tests.journal.remembered import CHECKED, DOUBT, KEPT, P2, RUNNING, S2, S3, SIGNED, WAITS, refused


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
