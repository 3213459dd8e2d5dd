"""What exports and the load profile take out of a journal, fact by fact and field by field, without a file."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.errors import JournalDamaged
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.archive import Archive, ArchivedPage, ArchivedSession, archive_of
from gateway.journal.chain import Head, StoredRow
from gateway.journal.contents import Contents, contents_of, everything
from gateway.journal.facts import (
    ChainChecked,
    ConfigSeen,
    ControlCheckpoint,
    DaemonStopped,
    EnergyOutside,
    Fact,
    HeadSigned,
    JournalBegun,
    KeyHandedOver,
    KeyMade,
    MemorySaved,
    PageMade,
    PageSigned,
    SessionBegun,
    SessionEnded,
    unique_name,
)
from gateway.journal.meter_facts import MeterKeyPinned, MeterRecordKept, name_of
from gateway.journal.outbox import Kind, Message
from gateway.journal.profile_archive import ArchivedReference, ProfileArchive, profile_archive_of
from gateway.journal.profile_facts import PeriodsSigned, SavedPeriod, SavedSeconds, SignedPeriod, TimeReferenced
from gateway.journal.profile_memory import ProfileMemory, reference_at, reference_of
from gateway.journal.row_pages import RowPage, next_page, read_page
from gateway.journal.rows import fact_of, kind_of, reader_of, row_of
from gateway.metering.clock_watch import Cause, Discipline
from gateway.metering.load_profile import NO_ROW_BEFORE, PeriodRow, Shown
from gateway.metering.ocmf import record_text
from gateway.metering.pins import PinState
from gateway.metering.profile_table import RegisteredRow
from gateway.quantities import EnergyRegister
from gateway.site.because import Because, Why
from gateway.site.outcomes import Edge
from gateway.site.wishes import EndKind

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOW = Instant(12.5, NOON, UtcTrust.SYNCHRONISED)
P1, P2, S1, S2 = SocketId("p1"), SocketId("p2"), SessionId("s1"), SessionId("s2")
WHY = Because(Why.COMMAND)
KEY, CONFIG = KeyMade(NOW, "AA", "01"), ConfigSeen(NOW, "{}")
HANDED = KeyHandedOver(NOW, "AA", 2, "BB", "02", "00", "00")
PIN = MeterKeyPinned(NOW, "GS", "MS", "00", PinState.TOFU, "", "file")
HEAD = HeadSigned(NOW, "AA", 7, "0f", "00")
BEGUN = SessionBegun(
    NOW, "boot", P1, S1, Token("t1"), None, 1, "V", "M", None, "M1", Decimal("1.0"), Decimal("0.1"), (1,), WHY
)
OTHER = replace(BEGUN, socket=P2, session=S2, token=None)
ENDED = SessionEnded(NOW, P1, S1, EndKind.COMPLETED, 2, Decimal("1.5"), Decimal("0.5"), True, (1,), WHY)
MADE, MADE_END = PageMade("AA", 1, S1, Edge.BEGIN, "{}"), PageMade("AA", 2, S1, Edge.END, '{"a":1}')
SIGNED, SIGNED_END = PageSigned(NOW, "AA", 1, "0A"), PageSigned(NOW, "AA", 2, "0B")
OUTSIDE = EnergyOutside(NOW, SocketId("p3"), "M1", Decimal("1.0"), Decimal("1.2"))
KEPT = MeterRecordKept(NOW, P1, S1, "GS", "MS", "T1", None, None, "file", "OCMF|{}|{}")
KEPT_AGAIN, STRAY = replace(KEPT, text="x"), replace(KEPT, session=None, text="y")
STRANGE = replace(KEPT, session=SessionId("s9"), text="z")
LIFE: tuple[Fact, ...] = (
    JournalBegun(NOW), KEY, CONFIG, PIN, BEGUN, MADE, SIGNED, KEPT, OTHER, ENDED, MADE_END, SIGNED_END,
    KEPT_AGAIN, STRAY, STRANGE, OUTSIDE, HEAD, DaemonStopped(NOW), HANDED,
)  # fmt: skip


def chained(*facts: Fact) -> list[StoredRow]:
    rows: list[StoredRow] = []
    head = Head()
    for fact in facts:
        rows.append(head.next(fact))
        head = Head(rows[-1].seq, rows[-1].hash)
    return rows


def places(*seqs: int) -> "array[int]":
    return array("Q", seqs)


def test_an_archive_holds_all_that_was_signed_or_booked_in_its_order() -> None:
    whole = ArchivedSession(
        BEGUN, ENDED, record_text("{}", b"\x0a"), record_text('{"a":1}', b"\x0b"), "AA", [KEPT, KEPT_AGAIN]
    )
    archive = archive_of(LIFE)
    assert archive == Archive(
        sessions={S1: whole, S2: ArchivedSession(OTHER)},
        outside=[OUTSIDE],
        pages=[ArchivedPage(MADE, b"\x0a"), ArchivedPage(MADE_END, b"\x0b")],
        keys=[KEY, HANDED],
        configs=[CONFIG],
        meter_keys=[PIN],
        strays=[STRAY, STRANGE],
        head=HEAD,
    )
    assert archive.sockets == ("p1", "p2", "p3")
    assert [page.record for page in archive.pages] == [whole.begin_record, whole.end_record]
    assert archive_of(()) == Archive({}, [], [], [], [], [], [], None)


@pytest.mark.parametrize("lost", ["ended", "begin_record", "end_record"])
def test_a_session_is_whole_with_its_end_and_both_records(lost: str) -> None:
    session = archive_of(LIFE).sessions[S1]
    assert session.is_whole
    setattr(session, lost, None)
    assert not session.is_whole
    assert not ArchivedSession(BEGUN).is_whole


@pytest.mark.parametrize("fact", [SIGNED, ENDED])
def test_an_archive_takes_no_fact_without_the_one_before(fact: Fact) -> None:
    with pytest.raises(KeyError):
        archive_of([fact])
    with pytest.raises(KeyError):
        archive_of([BEGUN, MADE, SIGNED, SIGNED])


def test_contents_are_the_places_of_what_is_wanted() -> None:
    contents = contents_of(chained(*LIFE))
    assert contents == Contents(
        everything,
        sessions={S1: places(5, 6, 7, 10, 11, 12), S2: places(9)},
        meter_records={S1: places(8, 13)},
        strays=places(14, 15),
        pages=places(6, 7, 11, 12),
        outside=places(16),
        keys=[KEY, HANDED],
        configs=[CONFIG],
        meter_keys=[PIN],
        sockets={"p1", "p2", "p3"},
        users={"t1", None},
        head="7:0f",
    )
    assert (contents_of([]).wanted, contents_of([]).head) == (everything, "")
    assert everything(BEGUN)


def test_contents_of_what_is_not_wanted_are_its_socket_and_user() -> None:
    contents = contents_of(chained(*LIFE), lambda fact: isinstance(fact, SessionBegun) and fact.session == S2)
    assert contents.sessions == {S2: places(9)}
    assert (contents.meter_records, contents.pages, contents.outside) == ({}, places(), places())
    assert contents.strays == places(8, 13, 14, 15)
    assert (contents.sockets, contents.users) == ({"p1", "p2", "p3"}, {"t1", None})


def test_who_wants_is_asked_of_every_session_and_all_energy_outside() -> None:
    asked: list[Fact] = []

    def nothing(fact: SessionBegun | EnergyOutside) -> bool:
        asked.append(fact)
        return False

    contents_of(chained(*LIFE), nothing)
    assert asked == [BEGUN, OTHER, OUTSIDE]
    contents = contents_of(chained(*LIFE))
    numbers = (contents.sessions[S1], contents.meter_records[S1], contents.strays, contents.pages, contents.outside)
    assert {one.typecode for one in numbers} == {"Q"}


def test_rows_that_are_passed_over_are_held_against_the_chain_and_not_read() -> None:
    unread = replace(chained(ControlCheckpoint(NOW, "x"))[0], text='{"fact":1,"kind":"ControlCheckpoint","seq":1}')
    contents = Contents()
    contents.absorb(unread)
    assert contents == Contents()
    for kind in ("ChainChecked", "ClockSeen", "EventNoted", "MemorySaved", "PeriodsSigned", "SessionQueued",
                 "SessionWithdrawn", "TimeReferenced"):  # fmt: skip
        contents.absorb(replace(unread, text=f'{{"fact":"","kind":"{kind}","seq":1}}'))
    with pytest.raises(JournalDamaged, match="row 1 cannot be read"):
        contents.absorb(replace(unread, text='{"fact":"","kind":"KeyMade","seq":1}'))
    with pytest.raises(JournalDamaged) as told:
        contents.absorb(replace(unread, seq=2))
    assert str(told.value) == "row 2 says that it is row 1"
    with pytest.raises(JournalDamaged) as told:
        contents_of(chained(KEY, BEGUN, MADE, SIGNED, SIGNED))
    assert str(told.value) == "row 5 signs page 1, which was never made or is signed already"
    with pytest.raises(JournalDamaged, match="row 1 is missing: row 2 follows row 0"):
        contents_of(chained(KEY, BEGUN)[1:])


def test_the_kind_of_a_row_is_read_whatever_stands_in_its_texts() -> None:
    for long, found in (("K" * 82, "K" * 82), ("K" * 83, "")):
        assert kind_of(7, f'{{"kind":"{long}","seq":7}}') == found
    for seq in (1, 1_000_000_000_000):
        assert kind_of(seq, row_of(seq, CONFIG)) == "ConfigSeen"
    trap = row_of(3, ConfigSeen(NOW, '","kind":"x","seq":3}'))
    assert kind_of(3, trap) == "ConfigSeen"
    assert kind_of(3, '{"fact":{"kind":"x"},"kind":"ConfigSeen","seq":3}') == "ConfigSeen"
    assert kind_of(3, '{"knd":"ConfigSeen","seq":3}') == ""
    assert kind_of(3, "") == ""


def test_the_text_of_a_row_stays_letter_for_letter() -> None:
    assert row_of(7, replace(KEY, serial="å")) == (
        '{"fact":{"at":{"monotonic_s":12.5,"utc":"2026-03-01T12:00:00.123456+00:00","utc_trust":"S"},'
        '"public_key":"AA","serial":"\\u00e5"},"kind":"KeyMade","seq":7}'
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"token":"t1"', '"token":1'),
         "row 1 cannot be read: TypeError('1 is not of type str')"),
        (lambda text: text.replace('"monotonic_s":12.5', '"monotonic_s":[]'),
         "row 1 cannot be read: TypeError('[] is not a number')"),
        (lambda text: text.replace('"raw_words":[1]', '"raw_words":["1"]'),
         '''row 1 cannot be read: TypeError("'1' is not of type int")'''),
        (lambda text: text.replace('"fact":{', '"fact":{"zz":1,"yy":2,'),
         "row 1: SessionBegun has 'yy'; a newer Laddvakt wrote it: install that version or a later one"),
        (lambda text: text.replace('"page":1,', ""),
         "row 1 cannot be read: ValueError(\"SessionBegun has other fields: "),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_named_as_it_stands(change: Callable[[str], str], words: str) -> None:
    with pytest.raises(JournalDamaged) as told:
        fact_of(1, change(row_of(1, BEGUN)))
    assert str(told.value).startswith(words)


def test_fields_that_came_later_may_lack_or_stand_alone() -> None:
    text = row_of(1, BEGUN)
    assert fact_of(1, text.replace('"source":null,', "")) == BEGUN
    saved = MemorySaved(NOW, (), (), (), (), None, seconds=SavedSeconds("boot", Decimal(1), Decimal(2)))
    assert fact_of(1, row_of(1, saved)) == saved
    bare = row_of(1, replace(saved, seconds=None))
    for name in ('"checked":null,', '"config":null,', '"doubted":[],', '"profile":[],'):
        assert name in bare
        bare = bare.replace(name, "")
    assert fact_of(1, bare) == replace(saved, seconds=None)


def test_a_new_field_is_named_in_forty_characters_whatever_else_lacks() -> None:
    @dataclass(frozen=True)
    class Noted:
        page: int
        text: str = ""

    read = reader_of(Noted)
    for more, named in (({"zz": 1, "b" * 41: 2}, "b" * 40), ({"y": 1}, "y")):
        for plain in ({"page": 1, "text": "x"}, {"page": 1}, {}):
            with pytest.raises(ValueError, match=r"^Noted has ") as told:
                read(plain | more)
            assert str(told.value) == f"Noted has {named!r}"
    with pytest.raises(ValueError, match=r"^Noted has other fields: \['text'\]$"):
        read({"text": ""})


def test_no_two_facts_that_must_be_single_share_a_name() -> None:
    named = {fact: unique_name(fact) for fact in LIFE}
    assert (named[KEY], named[HANDED]) == ("key AA", "key BB")
    assert (named[MADE], named[SIGNED_END]) == ("page AA 1", "signature AA 2")
    assert (named[BEGUN], named[ENDED], named[LIFE[0]]) == ("begin s1", "end s1", "journal")
    assert named[PIN] == name_of(PIN)
    assert named[KEPT] == name_of(KEPT)
    assert named[OUTSIDE] is None
    assert unique_name(ChainChecked(NOW, 1, "", 0)) is None


def test_a_page_of_rows_stays_letter_for_letter() -> None:
    rows = chained(KEY, replace(CONFIG, text="å"))
    page = next_page(Head(1, rows[0].hash), rows[1:])
    assert page is not None
    escaped = rows[1].text.replace("\\", "\\\\").replace('"', '\\"')
    text = f'{{"after": "1:{rows[0].hash.hex()}", "rows": ["{escaped}"], "head": "2:{rows[1].hash.hex()}"}}'
    assert page.text() == text
    assert page.message() == Message(Kind.ROWS, text)
    assert page.head == Head(2, rows[1].hash)
    assert read_page(text) == page
    assert RowPage(Head(), (StoredRow(1, "å", bytes(32)),)).text().isascii()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"after":"1"}', "it is no page of rows: KeyError('head')"),
        (f'{{"after":"{Head()}","head":"{Head()}"}}', "it is no page of rows: KeyError('rows')"),
        (f'{{"after":"{Head()}","head":"{Head()}","rows":1}}',
         "it is no page of rows: TypeError(\"'int' object is not iterable\")"),
        (f'{{"after":"0:{"00" * 31}","head":"{Head()}","rows":[]}}', f"'0:{'00' * 31}' is no head"),
        (f'{{"after":"0:{"00" * 33}","head":"{Head()}","rows":[]}}', f"'0:{'00' * 33}' is no head"),
    ],
)  # fmt: skip
def test_a_line_that_lacks_a_part_of_a_page_names_it(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"head|page|invalid") as told:
        read_page(text.replace('"1"', f'"{Head()}"'))
    assert str(told.value) == words


def test_a_head_ends_at_its_first_colon() -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        read_page(f'{{"after":"1:2:{"00" * 32}","head":"{Head()}","rows":[]}}')


BOOT = TimeReferenced(
    NOW, "AA", Cause.BOOT, "boot", Decimal("20.000"), NOON, "S", "chrony", Decimal("0.010"), None, "0F"
)
PERIOD = SignedPeriod("p1", "M1", 1, Decimal("21.000"), Decimal(500), Decimal(10), "G", NOON, "S", "0A", "0B")
NEXT = replace(PERIOD, page=2, si_s=Decimal("22.000"), signature_register="0C", signature_time="0D")
FAR = replace(PERIOD, place="p2", si_s=Decimal("20.500"))
ROW = PeriodRow("01", "p1", "M1", 1, Decimal("21.000"), Decimal(500), Decimal(10), "G", NOON, "S", NO_ROW_BEFORE)
SECOND = replace(ROW, page=2, si_s=Decimal("22.000"), previous=ROW.hash)
FAR_ROW = replace(ROW, place="p2", si_s=Decimal("20.500"))
PROFILE: tuple[Fact, ...] = (KEY, BOOT, PeriodsSigned(NOW, "boot", "AA", (PERIOD, FAR, NEXT)), CONFIG, HANDED)


def test_a_profile_is_archived_with_its_signatures_and_keys() -> None:
    archive = profile_archive_of(PROFILE)
    assert archive.rows == {
        "p1": [RegisteredRow(ROW, "boot", "0A", "0B"), RegisteredRow(SECOND, "boot", "0C", "0D")],
        "p2": [RegisteredRow(FAR_ROW, "boot", "0A", "0B")],
    }
    assert archive.references == [ArchivedReference(reference_of(BOOT, "01"), "AA", "0F")]
    assert archive.key_of == {"01": "AA", "02": "BB"}
    assert archive.places == {"p1", "p2"}
    some = profile_archive_of(PROFILE, lambda row: row.place == "p2")
    assert (some.rows.keys(), some.places) == ({"p2"}, {"p1", "p2"})
    behind = profile_archive_of([*PROFILE, PeriodsSigned(NOW, "boot", "BB", (PERIOD,))])
    assert behind.rows["p1"][2] == RegisteredRow(replace(ROW, device="02"), "boot", "0A", "0B")


def test_a_profile_knows_the_boot_of_each_of_its_seconds() -> None:
    later = replace(BOOT, boot="next", si_s=Decimal("100.000"))
    step = replace(BOOT, cause=Cause.STEP, boot="wrong", si_s=Decimal("110.000"))
    archive = profile_archive_of([KEY, BOOT, later, step])
    told = [archive.boot_of(Decimal(second)) for second in ("19.999", "20.000", "99.999", "100.000", "120.000")]
    assert told == [None, "boot", "boot", "next", "next"]
    assert profile_archive_of([]).boot_of(Decimal(0)) is None
    early: list[Fact] = [KEY, BOOT, replace(later, boot="b"), replace(later, boot="c")]
    assert profile_archive_of(early).boot_of(Decimal("100.000")) == "b"
    assert profile_archive_of(early[:3]).boot_of(Decimal("101.000")) == "b"
    assert archive.base_of("wrong") == Decimal("97.500")
    assert archive.base_of("next") is None
    assert profile_archive_of([]).base_of("boot") is None
    assert archive.times.utc("boot", Decimal("21.000")) == NOON.replace(second=1)
    assert archive.times.utc("none", Decimal("21.000")) is None


def test_a_profile_whose_rows_do_not_follow_is_damaged() -> None:
    for facts, words in (
        ((KEY, BOOT, replace(BOOT, si_s=Decimal("19.999"))), "second 19.999 of the device follows second 20.000"),
        ((KEY, PROFILE[2]), "a load profile goes on in a boot whose seconds are not known"),
        ((KEY, BOOT, PeriodsSigned(NOW, "other", "AA", ())),
         "a load profile goes on in a boot whose seconds are not known"),
        ((KEY, BOOT, PeriodsSigned(NOW, "boot", "AA", (NEXT,))), "row 2 of p1's load profile should be row 1"),
    ):  # fmt: skip
        with pytest.raises(JournalDamaged) as told:
            profile_archive_of(facts)
        assert str(told.value) == words


def test_the_next_row_goes_on_from_the_newest_of_its_place() -> None:
    memory = ProfileMemory()
    shown = Shown("p1", "M1", NOW, EnergyRegister(Decimal("0.50"), Decimal("0.01"), ()))
    first = memory.next_row(shown, "AA", "01")
    utc = NOON.replace(microsecond=123000)
    made = PeriodRow("01", "p1", "M1", 1, Decimal("12.500"), Decimal(500), Decimal(10), "X", utc, "S", NO_ROW_BEFORE)
    assert first == made
    assert memory.marks == {"p1": SavedPeriod("p1", "AA", 1, made.hash, "M1", Decimal(500), utc)}
    memory.seconds = SavedSeconds("boot", Decimal("7.500"), Decimal("20.000"))
    second = memory.next_row(shown, "AA", "01")
    assert second == replace(made, page=2, si_s=Decimal("20.000"), status="G", previous=made.hash)
    assert memory.marks["p1"].hash == second.hash
    anew = memory.next_row(replace(shown, serial="M2"), "BB", "02")
    assert anew == replace(second, device="02", serial="M2", page=1, status="X", previous=NO_ROW_BEFORE)
    elsewhere = memory.next_row(replace(shown, place="p2"), "BB", "02")
    assert (elsewhere.place, elsewhere.page, elsewhere.status) == ("p2", 1, "X")
    again = memory.next_row(replace(shown, serial="M2"), "BB", "02")
    assert (again.page, again.status, again.previous) == (2, "G", anew.hash)


def test_what_was_saved_is_taken_whole_and_nothing_else_stays() -> None:
    memory = ProfileMemory({"p9": SavedPeriod("p9", "AA", 1, "", "M1", Decimal(1), NOON)})
    marks = tuple(SavedPeriod(place, "AA", 3, "00", "M1", Decimal(1), NOON) for place in ("p1", "p2"))
    seconds = SavedSeconds("boot", Decimal(1), Decimal(2))
    memory.restore(MemorySaved(NOW, (), (), (), (), None, profile=marks, seconds=seconds))
    assert memory == ProfileMemory({"p1": marks[0], "p2": marks[1]}, seconds)
    assert memory.saved() == marks
    memory.restore(MemorySaved(NOW, (), (), (), (), None))
    assert memory == ProfileMemory()


@pytest.mark.parametrize(("shown_us", "kept_us"), [(999, 0), (1000, 1000), (999_999, 999_000)])
def test_a_reference_has_the_milliseconds_that_have_begun(shown_us: int, kept_us: int) -> None:
    at = replace(NOW, utc=NOON.replace(microsecond=shown_us))
    said = (Cause.STEP, Discipline(source="chrony", uncertainty_s=None))
    assert reference_at(ProfileMemory(), at, "boot", "01", said).utc == NOON.replace(microsecond=kept_us)


def test_a_batch_of_rows_moves_the_newest_second_only_onwards() -> None:
    memory = ProfileMemory()
    memory.absorb_reference(BOOT)
    memory.rows_of(PeriodsSigned(NOW, "boot", "AA", (replace(PERIOD, si_s=Decimal("19.000")),)), {"AA": "01"})
    assert memory.seconds == SavedSeconds("boot", Decimal("7.500"), Decimal("20.000"))
    memory.rows_of(PeriodsSigned(NOW, "boot", "AA", (NEXT, FAR)), {"AA": "01"})
    assert memory.seconds == SavedSeconds("boot", Decimal("7.500"), Decimal("22.000"))
    assert ProfileArchive(lambda _: True).wanted(ROW)
