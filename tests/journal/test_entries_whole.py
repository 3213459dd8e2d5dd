"""What a wish adds to the journal, fact by fact and field by field, and what the broker hears of it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.errors import DeviceError
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.audit import Checked
from gateway.journal.chain import Head
from gateway.journal.entries import (
    Entry,
    Note,
    announcement,
    begin_entry,
    end_entry,
    ended_message,
    note_entry,
    outside_entry,
    start_facts,
)
from gateway.journal.facts import (
    ChainChecked,
    ConfigSeen,
    ControlCheckpoint,
    DaemonStarted,
    EnergyOutside,
    EventNoted,
    Fact,
    MeterExchanged,
    MeterSeen,
    PageMade,
    PageSigned,
    SessionEnded,
    SessionQueued,
    SessionWithdrawn,
)
from gateway.journal.outbox import Message, event_message, session_message
from gateway.journal.recovery import Memory, text_hash
from gateway.metering.ocmf import (
    NO_PAGE_BEFORE,
    Ending,
    Page,
    RecordTime,
    Unbilled,
    Unusable,
    begin_payload,
    record_text,
)
from gateway.meters.readings import SocketReading
from gateway.quantities import EnergyRegister
from gateway.site.because import Why
from gateway.site.outcomes import Edge
from gateway.site.requests import Source
from gateway.site.wishes import EndKind, NoteEvent, NoteQueued, NoteWithdrawn, RecordBegin, SaveCheckpoint
from tests.journal.entry_bench import (
    BEGIN,
    BEGIN_PAYLOAD,
    BEGUN,
    END,
    ENDED,
    HOUR,
    LATER,
    MADE,
    NOON,
    NOW,
    OLD,
    P1,
    S1,
    S2,
    SEEN,
    SIGNER,
    STATION,
    STEP,
    STOP,
    SUBJECT,
    WHO,
    WHY,
    ended_payload,
    running,
    shown,
    told_of,
)


@pytest.mark.parametrize(
    ("mark", "booked", "messages"),
    [
        (None, SEEN, ()),
        (replace(SEEN, kwh=Decimal("5.00")), None, ()),
        (replace(SEEN, kwh=Decimal("4.00")), EnergyOutside(NOW, P1, "M1", Decimal("4.00"), Decimal("5.00")), ()),
        (
            replace(SEEN, serial="M0"),
            MeterExchanged(NOW, P1, "M0", Decimal("5.00"), "M1", Decimal("5.00")),
            (event_message(MeterExchanged(NOW, P1, "M0", Decimal("5.00"), "M1", Decimal("5.00"))),),
        ),
        (
            replace(SEEN, kwh=Decimal("5.01")),
            MeterExchanged(NOW, P1, "M1", Decimal("5.01"), "M1", Decimal("5.00")),
            (event_message(MeterExchanged(NOW, P1, "M1", Decimal("5.01"), "M1", Decimal("5.00"))),),
        ),
    ],
)
def test_a_begin_books_what_lies_before_it_and_makes_its_page(
    mark: MeterSeen | None, booked: Fact | None, messages: tuple[Message, ...]
) -> None:
    memory = told_of(*(() if mark is None else (mark,)))
    made = begin_entry(memory, STATION, SIGNER, BEGIN)
    assert made.page == MADE
    assert made.entry == Entry((*(() if booked is None else (booked,)), BEGUN, MADE), messages)
    assert outside_entry(memory, STATION, P1, BEGIN.reading) == Entry(() if booked is None else (booked,), messages)


def test_a_begin_on_a_clock_that_nobody_vouches_for_promises_the_duration_alone() -> None:
    at = replace(NOW, utc_trust=UtcTrust.UNKNOWN)
    made = begin_entry(told_of(SEEN), STATION, SIGNER, replace(BEGIN, reading=replace(BEGIN.reading, at=at)))
    assert made.page.payload == begin_payload(
        WHO,
        SUBJECT,
        Page(1, NO_PAGE_BEFORE),
        RecordTime(NOON, HOUR, UtcTrust.UNKNOWN, relative=True),
        register=EnergyRegister(Decimal("5.00"), STEP, (1, 2)),
        why=Why.COMMAND,
    )


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (replace(BEGIN, session=S2), "session s1 is still open on socket p1"),
        (replace(BEGIN, socket=SocketId("p9")), "socket p9 has no meter, so nothing can be signed for it"),
        (replace(BEGIN, socket=SocketId("p9"), reading=shown(NOW, None)), "the meter gave no usable import register"),
        (replace(BEGIN, socket=SocketId("p9"), reading=shown(NOW, "NaN")), "the meter gave no usable import register"),
        (
            replace(BEGIN, socket=SocketId("p9"), reading=shown(NOW, "-0.01")),
            "the meter gave no usable import register",
        ),
    ],
)
def test_what_cannot_be_signed_says_why(wish: RecordBegin, words: str) -> None:
    with pytest.raises(DeviceError) as told:
        begin_entry(running(), STATION, SIGNER, wish)
    assert str(told.value) == words


def test_an_end_without_its_begin_says_so() -> None:
    with pytest.raises(DeviceError) as told:
        end_entry(told_of(SEEN), STATION, SIGNER, END)
    assert str(told.value) == "session s1 has no begin record, so it cannot end"


def test_an_end_is_the_difference_of_two_registers_and_its_page() -> None:
    made = end_entry(running(), STATION, SIGNER, END)
    payload = ended_payload(RecordTime(LATER.utc, HOUR, UtcTrust.SYNCHRONISED), Ending(EndKind.COMPLETED, Why.OVERLOAD))
    page = PageMade("AA", 2, S1, Edge.END, payload)
    assert made.page == page
    assert made.entry == Entry((ENDED, page))


@pytest.mark.parametrize(
    ("kind", "minimum_wh", "unbilled"),
    [
        (EndKind.COMPLETED, 1500, None),
        (EndKind.COMPLETED, 1501, Unbilled.BELOW_MINIMUM),
        (EndKind.CANCELLED, None, Unbilled.CANCELLED),
        (EndKind.RECOVERED, None, None),
    ],
)
def test_an_end_says_whether_it_is_billed(kind: EndKind, minimum_wh: int | None, unbilled: Unbilled | None) -> None:
    station = STATION if minimum_wh is None else replace(STATION, minimum_wh={P1: minimum_wh})
    made = end_entry(running(), station, SIGNER, replace(END, kind=kind))
    wanted = replace(ENDED, kind=kind, billable=unbilled is None, unbilled=unbilled, minimum_wh=minimum_wh)
    assert made.entry.facts[0] == wanted
    time = RecordTime(LATER.utc, HOUR, UtcTrust.SYNCHRONISED)
    assert made.page.payload == ended_payload(time, Ending(kind, Why.OVERLOAD, None, None, unbilled, minimum_wh))


@pytest.mark.parametrize(
    ("reading", "unusable", "unbilled"),
    [
        (shown(LATER, "0.25", "M2", (9,)), Unusable.METER_EXCHANGED, Unbilled.METER_EXCHANGED),
        (shown(LATER, "4.99", "M1", (9,)), Unusable.REGISTER_FELL, Unbilled.REGISTER_FELL),
    ],
)
def test_an_end_that_cannot_be_set_against_its_begin_bills_nothing_and_a_new_count_begins(
    reading: SocketReading, unusable: Unusable, unbilled: Unbilled
) -> None:
    made = end_entry(running(), STATION, SIGNER, replace(END, reading=reading))
    assert reading.serial is not None
    assert reading.energy_import is not None
    seen = (reading.serial, reading.energy_import)
    ending = Ending(EndKind.COMPLETED, Why.OVERLOAD, unusable, seen, unbilled)
    payload = ended_payload(RecordTime(LATER.utc, HOUR, UtcTrust.SYNCHRONISED), ending, "5.00", (1, 2))
    ended = replace(
        ENDED, kwh=Decimal("5.00"), energy_kwh=Decimal("0.00"), billable=False, raw_words=(9,), unbilled=unbilled
    )
    exchanged = MeterExchanged(LATER, P1, "M1", Decimal("5.00"), reading.serial, reading.energy_import.kwh)
    page = PageMade("AA", 2, S1, Edge.END, payload)
    assert made.entry == Entry((ended, exchanged, page), (event_message(exchanged),))


@pytest.mark.parametrize(
    ("kind", "successor", "continues"),
    [(EndKind.RECOVERED, S2, S1), (EndKind.CANCELLED, S2, OLD), (EndKind.COMPLETED, S2, OLD)],
)
def test_a_successor_waits_in_the_place_of_the_session_that_ends(
    kind: EndKind, successor: SessionId, continues: SessionId
) -> None:
    wish = replace(END, kind=kind, successor=successor)
    queued = SessionQueued(LATER, P1, S2, Token("t7"), continues, STOP, Source.RFID)
    memory = running()
    assert end_entry(memory, STATION, SIGNER, wish).entry.facts[1] == queued
    memory.absorb(queued)
    assert len(end_entry(memory, STATION, SIGNER, wish).entry.facts) == 2
    assert len(end_entry(memory, STATION, SIGNER, replace(wish, successor=S1)).entry.facts) == 2


SAID, HEARD = UtcTrust.SYNCHRONISED, UtcTrust.INFORMATIVE


@pytest.mark.parametrize(
    ("at", "boot", "doubted", "time"),
    [
        (LATER, "boot", False, RecordTime(LATER.utc, HOUR, SAID)),
        (LATER, "boot", True, RecordTime(LATER.utc, HOUR, HEARD)),
        (replace(LATER, utc_trust=HEARD), "boot", False, RecordTime(LATER.utc, HOUR, HEARD)),
        (
            replace(LATER, utc=NOON + HOUR),
            "boot",
            False,
            RecordTime(LATER.utc, HOUR, HEARD, wall=NOON + HOUR),
        ),
        (
            replace(NOW, utc=NOON + timedelta(hours=5)),
            "boot",
            False,
            RecordTime(NOON, HOUR, HEARD, wall=NOON + timedelta(hours=5)),
        ),
        (replace(LATER, monotonic_s=99.0), "boot", False, RecordTime(LATER.utc, HOUR, SAID)),
        (LATER, "other", False, RecordTime(LATER.utc, HOUR, SAID)),
        (replace(LATER, utc=NOON), "other", False, RecordTime(NOON, HOUR, SAID)),
        (
            replace(LATER, utc=NOON - HOUR),
            "other",
            False,
            RecordTime(NOON, HOUR, UtcTrust.UNKNOWN, usable=False, wall=NOON - HOUR),
        ),
    ],
)
def test_an_end_is_timed_from_its_begin_and_says_how_far_the_clock_is_trusted(
    at: Instant, boot: str, doubted: bool, time: RecordTime
) -> None:
    memory = running()
    if doubted:
        memory.doubted.add(S1)
    made = end_entry(
        memory, replace(STATION, boot_id=boot), SIGNER, replace(END, reading=shown(at, "6.50", words=(3, 4)))
    )
    assert made.page.payload == ended_payload(time, Ending(EndKind.COMPLETED, Why.OVERLOAD))
    ended = made.entry.facts[0]
    assert isinstance(ended, SessionEnded)
    assert ended.at == Instant(at.monotonic_s, time.utc, time.trust)


def test_while_a_session_runs_its_energy_is_its_own() -> None:
    assert outside_entry(running(), STATION, P1, shown(LATER, "6.00")) == Entry(())


QUEUED = NoteQueued(P1, S2, Token("t8"), S1, WHY, Source.RFID)


@pytest.mark.parametrize(
    ("wish", "facts"),
    [
        (QUEUED, (SessionQueued(LATER, P1, S2, Token("t8"), S1, WHY, Source.RFID),)),
        (replace(QUEUED, session=S1), ()),
        (replace(QUEUED, session=OLD), ()),
        (NoteWithdrawn(P1, OLD, STOP), (SessionWithdrawn(LATER, P1, OLD, STOP),)),
        (NoteWithdrawn(P1, S2, STOP), ()),
        (SaveCheckpoint("new", WHY), (ControlCheckpoint(LATER, "new"),)),
        (SaveCheckpoint("old", WHY), ()),
        (Checked(Head(7, b"\1" * 32), 3), (ChainChecked(LATER, 7, "01" * 32, 3),)),
    ],
)
def test_a_note_is_stored_once(wish: Note, facts: tuple[Fact, ...]) -> None:
    memory = running()
    memory.absorb(SessionQueued(NOW, P1, OLD, None, None, WHY))
    memory.absorb(ControlCheckpoint(NOW, "old"))
    assert note_entry(memory, wish, LATER) == Entry(facts)


def test_an_event_is_stored_and_told() -> None:
    event = EventNoted(LATER, None, STOP)
    assert note_entry(Memory(), NoteEvent(None, STOP), LATER) == Entry((event,), (event_message(event),))


def test_a_start_says_what_the_config_says_where_that_is_new() -> None:
    started = DaemonStarted(NOW, "boot", "9.9", "ab" * 32)
    known = told_of(ConfigSeen(NOW, "{}"))
    assert known.config == text_hash("{}")
    assert start_facts(Memory(), STATION, NOW) == (started, ConfigSeen(NOW, "{}"))
    assert start_facts(known, STATION, NOW) == (started,)
    assert start_facts(Memory(), replace(STATION, config=""), NOW) == (started,)


def test_the_broker_hears_of_a_session_when_both_its_records_are_signed() -> None:
    memory = running()
    entry = end_entry(memory, STATION, SIGNER, END)
    for fact in entry.entry.facts:
        memory.absorb(fact)
    begin_record = record_text(BEGIN_PAYLOAD, b"\0")
    assert announcement(memory, MADE, b"\1") == ()
    told = session_message(BEGUN, ENDED, begin_record, record_text(entry.page.payload, b"\1"), None)
    assert announcement(memory, entry.page, b"\1") == (told,)
    assert ended_message(memory, S1, Decimal("1.5")) == ()
    memory.absorb(PageSigned(LATER, "AA", 2, "01"))
    proven = session_message(BEGUN, ENDED, begin_record, record_text(entry.page.payload, b"\1"), Decimal("1.5"))
    assert ended_message(memory, S1, Decimal("1.5")) == (proven,)
    memory.meter_kwh[S1] = Decimal("1.5")
    assert announcement(memory, entry.page, b"\1") == (proven,)
