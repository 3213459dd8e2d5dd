"""The audit: signatures over records and over heads, names, and a head that somebody kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.errors import JournalDamaged, WrittenByNewer
from gateway.journal.audit import Audit
from gateway.journal.chain import Head, StoredRow, link
from gateway.journal.facts import Fact, HeadSigned, KeyMade, MemorySaved, PageSigned
from gateway.journal.heads import published_head, start_after, vouches
from gateway.journal.rows import fact_of, kind_of
from tests.ledger.ledger_bench import Disk, HandClock, PocketKey, PocketKeys, begin, end, opened, reading

KEYS = PocketKeys()


def lived() -> tuple[StoredRow, ...]:
    """Rows of a life with two sessions, stopped in order."""

    async def run() -> None:
        ledger = await opened(disk, KEYS, clock)
        for at in range(2):
            await ledger.record_begin(begin(f"s{at}", reading(clock, f"{at + 1}.00")))
            await ledger.record_end(end(f"s{at}", reading(clock, f"{at + 1}.50")))
        await ledger.shut_down()

    disk, clock = Disk(), HandClock()
    asyncio.run(run())
    return tuple(disk.rows)


ROWS = lived()
FACTS = tuple(fact_of(row.seq, row.text) for row in ROWS)


def audited(rows: Sequence[StoredRow], expected: Head | None = None) -> Audit:
    audit = Audit(expected)
    for row in rows:
        audit.absorb(row)
    audit.finish()
    return audit


def rows_of(facts: Sequence[Fact]) -> list[StoredRow]:
    """The facts chained anew, as somebody without the key would do it."""
    rows: list[StoredRow] = []
    head = Head()
    for fact in facts:
        row = head.next(fact)
        head = Head(row.seq, row.hash)
        rows.append(row)
    return rows


def changed(kind: type[Fact], **changes: object) -> list[StoredRow]:
    at = max(at for at, fact in enumerate(FACTS) if isinstance(fact, kind))
    return rows_of([*FACTS[:at], replace(FACTS[at], **changes), *FACTS[at + 1 :]])  # type: ignore[arg-type]  # any fact


def test_a_whole_journal_is_whole_and_its_last_row_is_the_keys_word_for_all_others() -> None:
    audit = audited(ROWS)
    assert (audit.pages, audit.head.seq, audit.covered.seq) == (4, len(ROWS), len(ROWS) - 1)
    assert isinstance(FACTS[-1], HeadSigned)


def test_a_row_under_another_name_is_found() -> None:
    for row in (ROWS[0], ROWS[-1]):
        forged = [replace(each, name="forged") if each is row else each for each in ROWS]
        with pytest.raises(JournalDamaged, match="another name"):
            audited(forged)


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        (changed(PageSigned, signature="00"), "signature of page 4"),
        (changed(PageSigned, signature="no hex"), "signature of page 4"),
        (changed(PageSigned, key="other"), "signature of page 4"),
        (changed(HeadSigned, signature="3006020100020100"), "signature over the rows"),
        (changed(HeadSigned, signature="no hex"), "signature over the rows"),
        (changed(HeadSigned, key="other"), "signature over the rows"),
        (changed(HeadSigned, seq=3), "other rows than those before"),
        (changed(MemorySaved, registers=()), "not what the rows before it say"),
        (changed(KeyMade, serial="FF"), "other rows than those before"),
    ],
)
def test_what_is_made_to_fit_without_the_key_is_found(rows: Sequence[StoredRow], word: str) -> None:
    with pytest.raises(JournalDamaged, match=word):
        audited(rows)


def test_a_key_that_is_none_is_found_at_its_first_signature() -> None:
    made = next(fact for fact in FACTS if isinstance(fact, KeyMade))
    first = rows_of([FACTS[0], replace(made, public_key="3059")])
    signed = HeadSigned(made.at, "3059", 2, first[-1].hash.hex(), "00")
    with pytest.raises(JournalDamaged, match="no public key"):
        audited(rows_of([FACTS[0], replace(made, public_key="3059"), signed]))


def test_a_journal_that_ends_before_a_head_that_was_published_is_an_old_copy() -> None:
    newest = Head(ROWS[-1].seq, ROWS[-1].hash)
    assert audited(ROWS, newest).head == newest
    with pytest.raises(JournalDamaged, match="old copy"):
        audited(ROWS[:-2], newest)
    with pytest.raises(JournalDamaged, match="another one than the one whose head was kept"):
        audited(ROWS, Head(5, bytes(32)))


def test_behind_a_row_of_a_newer_version_the_chain_is_still_checked() -> None:
    head, rows = Head(), []
    for row in ROWS:
        text = row.text.replace('"kind":"DaemonStarted"', '"kind":"DaemonBorn"')
        head = Head(row.seq, link(head.hash, text))
        rows.append(StoredRow(row.seq, text, head.hash, row.name))
    with pytest.raises(WrittenByNewer, match=r"the chain holds.* kind 'DaemonBorn'.*install that version"):
        audited(rows)
    rows[-1] = replace(rows[-1], text=rows[-1].text.replace('"at":', '"am":'))
    with pytest.raises(JournalDamaged, match="not the row that was written") as told:
        audited(rows)
    assert not isinstance(told.value, WrittenByNewer)


def test_a_published_head_is_read_as_it_is_written_down() -> None:
    head = Head(7, bytes(range(32)))
    assert published_head(f" {head}\n") == head
    for text in ("", "7", "7:00", "0:" + "00" * 32, "x:" + "00" * 32, "7:" + "zz" * 32, "9" * 5000 + ":" + "00" * 32):
        with pytest.raises(ValueError, match="a colon and 64 hex digits"):
            published_head(text)


def test_a_start_begins_at_the_newest_saved_memory_that_its_own_key_vouches_for() -> None:
    public = KEYS.load().public_key_hex
    assert KEYS.key is not None
    saved = next(at for at, fact in enumerate(FACTS) if isinstance(fact, MemorySaved))
    assert start_after(reversed(ROWS), KEYS.key.public) == Head(ROWS[saved - 1].seq, ROWS[saved - 1].hash)
    assert start_after(reversed(ROWS[:-1]), KEYS.key.public) is None, "nobody vouches for it"
    assert start_after(reversed(ROWS), PocketKey().public) is None, "another key does not"
    memory = FACTS[saved]
    assert isinstance(memory, MemorySaved)
    forged = rows_of([*FACTS[:saved], replace(memory, keys=()), *FACTS[saved + 1 :]])
    assert start_after(reversed(forged), KEYS.key.public) is None
    last = FACTS[-1]
    assert isinstance(last, HeadSigned)
    assert not vouches(replace(last, hash="zz"), KEYS.key.public, "00")
    assert last.key == public


def test_the_kind_of_a_row_is_read_from_its_end() -> None:
    assert {kind_of(row.seq, row.text) for row in ROWS} == {type(fact).__name__ for fact in FACTS}
    assert kind_of(2, ROWS[0].text) == ""
    assert kind_of(1, '","seq":1}') == ""
