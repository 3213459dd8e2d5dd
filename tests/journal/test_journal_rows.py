"""Rows hold facts without loss, and no row can be changed, moved or left out without being noticed."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import Instant, UtcTrust
from gateway.errors import JournalDamaged, WrittenByNewer
from gateway.ids import FuseId, SessionId, SocketId
from gateway.journal.chain import Head, StoredRow, verified, verified_newest
from gateway.journal.facts import (
    ClockSeen,
    ControlCheckpoint,
    EnergyOutside,
    EventNoted,
    Fact,
    JournalBegun,
    KeyHandedOver,
    KeyMade,
    MeterExchanged,
    MeterSeen,
    PageMade,
    PageSigned,
    SessionBegun,
    SessionEnded,
    unique_name,
)
from gateway.journal.recovery import RECENT_MAX, Memory
from gateway.journal.rows import fact_of, reader_of, row_of
from gateway.quantities import Phase
from gateway.site.because import Because, Why
from gateway.site.outcomes import Edge
from gateway.site.wishes import EndKind

NOW = Instant(12.5, datetime(2026, 3, 1, 9, tzinfo=UTC), UtcTrust.SYNCHRONISED)
P1 = SocketId("p1")
WHY = Because(Why.COMMAND)


@settings(max_examples=150)
@given(st.data())
def test_every_kind_of_fact_comes_back_as_it_was(data: st.DataObject) -> None:
    st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
    st.register_type_strategy(Decimal, st.decimals(allow_nan=False, allow_infinity=False))
    st.register_type_strategy(float, st.floats(allow_nan=False))
    fact = data.draw(st.sampled_from(get_args(Fact)).flatmap(st.from_type))
    text = row_of(7, fact)
    assert text.isascii()
    assert fact_of(7, text) == fact


def test_decimals_keep_their_zeros_and_infinite_currents_survive() -> None:
    event = EventNoted(NOW, None, Because(Why.OVERLOAD, FuseId("main"), Phase.L2, float("inf"), 3.5))
    assert fact_of(1, row_of(1, event)) == event
    seen = fact_of(1, row_of(1, MeterSeen(NOW, P1, "1", Decimal("2935.600"))))
    assert isinstance(seen, MeterSeen)
    assert str(seen.kwh) == "2935.600"


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.update(seq=2),
        lambda row: row.update(kind=7),
        lambda row: row.pop("kind"),
        lambda row: row.update(fact=[]),
        lambda row: row["fact"].pop("kwh"),
        lambda row: row["fact"].update(kwh="many"),
        lambda row: row["fact"].update(socket=7),
        lambda row: row["fact"]["at"].update(monotonic_s=None),
        lambda row: row["fact"]["at"].update(utc_trust="X"),
        lambda row: row["fact"]["at"].update(utc="yesterday"),
    ],
)
def test_a_row_that_is_not_a_whole_fact_is_damage(change: Any) -> None:
    row = json.loads(row_of(1, MeterSeen(NOW, P1, "1", Decimal("1.0"))))
    change(row)
    with pytest.raises(JournalDamaged):
        fact_of(1, json.dumps(row))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda row: row.update(kind="Wish"), "row 1 is of kind 'Wish'"),
        (lambda row: row["fact"].update(more=1), "MeterSeen has 'more'"),
        (lambda row: row["fact"]["at"].update(leap_s=1), "Instant has 'leap_s'"),
    ],
)
def test_what_a_newer_version_wrote_is_refused_with_the_remedy_and_is_no_damage(change: Any, what: str) -> None:
    row = json.loads(row_of(1, MeterSeen(NOW, P1, "1", Decimal("1.0"))))
    change(row)
    with pytest.raises(WrittenByNewer, match="a newer Laddvakt wrote it: install that version") as told:
        fact_of(1, json.dumps(row))
    assert what in str(told.value)


def test_a_field_that_came_later_means_its_default_in_the_rows_before_it() -> None:
    @dataclass(frozen=True, slots=True)
    class Seen:
        socket: SocketId
        kwh: Decimal
        side: UtcTrust = UtcTrust.UNKNOWN
        words: tuple[int, ...] = (1, 2)

    read = reader_of(Seen)
    assert read({"socket": "p1", "kwh": "1.0"}) == Seen(P1, Decimal("1.0"))
    assert read({"socket": "p1", "kwh": "1.0", "words": [3]}) == Seen(P1, Decimal("1.0"), words=(3,))
    with pytest.raises(ValueError, match="other fields"):
        read({"socket": "p1", "side": "S"})


def test_what_a_fact_cannot_hold_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="cannot hold"):
        row_of(1, replace(JournalBegun(NOW), at=b"now"))  # type: ignore[arg-type]  # the point of the test


def rows(count: int) -> list[StoredRow]:
    head, made = Head(), []
    for at in range(count):
        row = head.next(ControlCheckpoint(NOW, f"text {at}"))
        made.append(row)
        head = Head(row.seq, row.hash)
    return made


@given(st.integers(0, 9), st.data())
def test_any_change_of_the_rows_is_found(place: int, data: st.DataObject) -> None:
    whole = rows(10)
    assert [head.seq for head, _ in verified(whole, Head())] == list(range(1, 11))
    kind = data.draw(st.sampled_from(["flip", "hash", "drop", "swap", "insert"]))
    changed = list(whole)
    row = changed[place]
    match kind:
        case "flip":
            bit = data.draw(st.integers(0, len(row.text) * 8 - 1))
            raw = bytearray(row.text.encode("latin-1"))
            raw[bit // 8] ^= 1 << (bit % 8)
            changed[place] = replace(row, text=raw.decode("latin-1"))
        case "hash":
            changed[place] = replace(row, hash=bytes([row.hash[0] ^ 1]) + row.hash[1:])
        case "drop" if place < 9:
            del changed[place]
        case "swap" if place < 9:
            changed[place], changed[place + 1] = changed[place + 1], changed[place]
        case "insert":
            changed.insert(place, row)
        case _:
            return
    with pytest.raises(JournalDamaged):
        list(verified(changed, Head()))


def test_a_chain_goes_on_from_any_head() -> None:
    whole = rows(5)
    assert len(list(verified(whole[3:], Head(3, whole[2].hash)))) == 2


def test_a_start_reads_only_the_newest_checkpoint_but_checks_every_row() -> None:
    head, made = Head(), []
    trap = 'x","kind":"ControlCheckpoint","seq":4}'
    facts: list[Fact] = [ControlCheckpoint(NOW, "1"), SEEN, ControlCheckpoint(NOW, "3"), ClockSeen(NOW, trap)]
    for fact in facts:
        row = head.next(fact)
        made.append(row)
        head = Head(row.seq, row.hash)
    found = list(verified_newest(made, Head()))
    assert [fact for _, fact in found] == [facts[1], facts[3], facts[2]]
    assert found[-1][0] == head
    made[0] = replace(made[0], text=made[0].text.replace("1", "2", 1))
    with pytest.raises(JournalDamaged):
        list(verified_newest(made, Head()))


def begun(session: str = "s1", kwh: str = "1.00", page: int = 1) -> SessionBegun:
    return SessionBegun(
        NOW,
        "boot",
        P1,
        SessionId(session),
        None,
        None,
        page,
        "V",
        "M",
        None,
        "1",
        Decimal(kwh),
        Decimal("0.01"),
        (),
        WHY,
    )


def ended(session: str = "s1", kwh: str = "2.00", energy: str = "1.00", page: int = 2) -> SessionEnded:
    return SessionEnded(
        NOW, P1, SessionId(session), EndKind.COMPLETED, page, Decimal(kwh), Decimal(energy), True, (), WHY
    )


def page(number: int, edge: Edge = Edge.BEGIN, session: str = "s1") -> PageMade:
    return PageMade("key", number, SessionId(session), edge, f"payload {number}")


SEEN = MeterSeen(NOW, P1, "1", Decimal("1.00"))


@pytest.mark.parametrize(
    "story",
    [
        [begun()],
        [SEEN, SEEN],
        [SEEN, begun(), begun()],
        [SEEN, begun(kwh="1.01")],
        [SEEN, ended()],
        [SEEN, begun(), ended(energy="1.01")],
        [SEEN, begun(), ended(kwh="0.50", energy="-0.50")],
        [SEEN, begun(), EnergyOutside(NOW, P1, "1", Decimal("1.00"), Decimal("1.50")), ended()],
        [EnergyOutside(NOW, P1, "1", Decimal("0.00"), Decimal("1.00"))],
        [SEEN, EnergyOutside(NOW, P1, "1", Decimal("1.00"), Decimal("0.50"))],
        [SEEN, EnergyOutside(NOW, P1, "2", Decimal("1.00"), Decimal("1.50"))],
        [SEEN, MeterExchanged(NOW, P1, "1", Decimal("9.00"), "2", Decimal("0.00"))],
        [SEEN, begun(), page(2)],
        [SEEN, begun(), page(1), page(1)],
        [PageSigned(NOW, "key", 1, "00")],
        [page(1), PageSigned(NOW, "key", 1, "00")],
    ],
)
def test_facts_that_cannot_follow_from_each_other_are_damage(story: list[Fact]) -> None:
    memory = Memory()
    for fact in story[:-1]:
        memory.absorb(fact)
    with pytest.raises(JournalDamaged):
        memory.absorb(story[-1])


def test_memory_forgets_ended_sessions_beyond_the_recent_ones() -> None:
    memory = Memory()
    memory.absorb(SEEN)
    for number in range(RECENT_MAX + 10):
        name, first = f"s{number}", 2 * number + 1
        facts: list[Fact] = [
            begun(name, page=first),
            page(first, Edge.BEGIN, name),
            PageSigned(NOW, "key", first, "00"),
            ended(name, "1.00", "0.00", first + 1),
            page(first + 1, Edge.END, name),
            PageSigned(NOW, "key", first + 1, "00"),
        ]
        for fact in facts:
            memory.absorb(fact)
    assert len(memory.ended) == len(memory.begun) == RECENT_MAX
    assert len(memory.durable) == len(memory.payloads) == 2 * RECENT_MAX
    assert memory.sequence("key").page == 2 * (RECENT_MAX + 10)


def test_only_facts_that_must_be_single_have_a_name() -> None:
    assert unique_name(page(3)) == "page key 3"
    assert unique_name(begun()) == "begin s1"
    assert unique_name(ended()) == "end s1"
    assert unique_name(PageSigned(NOW, "key", 3, "00")) == "signature key 3"
    assert unique_name(JournalBegun(NOW)) == "journal"
    assert unique_name(ClockSeen(NOW, "boot")) is None


def test_memory_is_saved_only_when_no_page_waits_and_a_key_changes_only_between_sessions() -> None:
    memory = Memory()
    made = KeyMade(NOW, "key", "GS")
    for fact in (JournalBegun(NOW), made, MeterSeen(NOW, P1, "1", Decimal("1.00")), begun(), page(1)):
        memory.absorb(fact)
    assert memory.saved(NOW) is None
    over = KeyHandedOver(NOW, "key", 1, "other", "GS2", "00", "00")
    with pytest.raises(JournalDamaged, match="middle of a session"):
        memory.absorb(over)
    memory.absorb(PageSigned(NOW, "key", 1, "00"))
    saved = memory.saved(NOW)
    assert saved is not None
    assert [session.begun for session in saved.running] == [begun()]
    with pytest.raises(JournalDamaged, match="middle of a session"):
        memory.absorb(over)
    again = Memory()
    again.absorb(saved)
    assert again.saved(NOW) == saved
    with pytest.raises(JournalDamaged, match="without a hand-over"):
        again.absorb(made)
