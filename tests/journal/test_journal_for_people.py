"""What exports take out of a journal, fact by fact and field by field, without a file."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

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
    MemorySaved,
    PageMade,
    PageSigned,
    SessionBegun,
    SessionEnded,
    unique_name,
)
from gateway.journal.meter_facts import MeterKeyPinned, MeterRecordKept, name_of
from gateway.journal.outbox import Kind, Message
from gateway.journal.profile_facts import SavedSeconds
from gateway.journal.row_pages import RowPage, next_page, read_page
from gateway.journal.rows import fact_of, kind_of, reader_of, row_of
from gateway.metering.ocmf import record_text
from gateway.metering.pins import PinState
from gateway.site.because import Because, Why
from gateway.site.outcomes import Edge
from gateway.site.wishes import EndKind
from tests.journal.key_facts import CONFIG, HANDED, KEY, NOW

P1, P2, S1, S2 = SocketId("p1"), SocketId("p2"), SessionId("s1"), SessionId("s2")
WHY = Because(Why.COMMAND)
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
