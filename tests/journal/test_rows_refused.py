"""Rows read back: each way in which chain, head, audit and page refuse them, in exact words."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.errors import JournalDamaged, WrittenByNewer
from gateway.journal.audit import Audit
from gateway.journal.chain import GENESIS, Head, StoredRow, link, linked, verified, verified_newest
from gateway.journal.contents import contents_of
from gateway.journal.facts import ControlCheckpoint, Fact, HeadSigned, JournalBegun
from gateway.journal.heads import RolledBack, published_head, require_signed_head
from gateway.journal.row_pages import PAGE_CHARACTERS_MAX, PAGE_ROWS_MAX, next_page, read_page
from gateway.journal.rows import fact_of, kind_of, row_of
from tests.journal.short_life import BEGUN, HANDED, KEY, MADE, NOW, SEEN, SIGNED


def chained(*facts: Fact) -> list[StoredRow]:
    rows: list[StoredRow] = []
    head = Head()
    for fact in facts:
        rows.append(head.next(fact))
        head = Head(rows[-1].seq, rows[-1].hash)
    return rows


ROWS = chained(*(ControlCheckpoint(NOW, f"text {at}") for at in range(4)))
CHANGED = "row 3 is not the row that was written, or the one before it is not"


@pytest.mark.parametrize(
    ("row", "head", "words"),
    [
        (ROWS[2], Head(1, ROWS[0].hash), "row 2 is missing: row 3 follows row 1"),
        (ROWS[0], Head(1, ROWS[0].hash), "row 2 is missing: row 1 follows row 1"),
        (ROWS[2], Head(2, ROWS[0].hash), CHANGED),
        (replace(ROWS[2], text=ROWS[2].text + " "), Head(2, ROWS[1].hash), CHANGED),
        (replace(ROWS[2], text=ROWS[2].text + "å"), Head(2, ROWS[1].hash), CHANGED),
        (replace(ROWS[2], hash=GENESIS), Head(2, ROWS[1].hash), CHANGED),
    ],
)
def test_a_row_that_does_not_fit_the_chain_is_named(row: StoredRow, head: Head, words: str) -> None:
    with pytest.raises(JournalDamaged) as told:
        linked(row, head)
    assert str(told.value) == words


def test_rows_read_come_with_the_head_that_each_makes() -> None:
    rows = chained(JournalBegun(NOW), ControlCheckpoint(NOW, "a"), KEY, ControlCheckpoint(NOW, "b"), SEEN)
    heads = [Head(row.seq, row.hash) for row in rows]
    facts = [fact_of(row.seq, row.text) for row in rows]
    assert list(verified(rows, Head())) == list(zip(heads, facts, strict=True))
    assert list(verified(rows[2:], heads[1])) == list(zip(heads[2:], facts[2:], strict=True))
    newest = [(heads[at], facts[at]) for at in (0, 2, 4)]
    assert list(verified_newest(rows, Head())) == [*newest, (heads[4], facts[3])]
    assert list(verified_newest(rows[:1], Head())) == newest[:1]
    assert list(verified_newest(rows[2:], heads[1])) == [*newest[1:], (heads[4], facts[3])]
    for read in (verified, verified_newest):
        with pytest.raises(JournalDamaged, match="row 2 is missing: row 3 follows row 1"):
            list(read([rows[0], rows[2]], Head()))


def test_heads_are_named_by_place_and_hash() -> None:
    assert Head() == Head(0, bytes(32))
    assert str(Head(3, bytes(range(32)))) == "3:" + bytes(range(32)).hex()
    made = Head(3, bytes(range(32))).next(KEY)
    text = row_of(4, KEY)
    assert made == StoredRow(4, text, link(bytes(range(32)), text), "key AA")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (Head(2, GENESIS), "row 3 is a signed head of other rows than those before it"),
        (Head(1, bytes(31) + b"\1"), "row 2 is a signed head of other rows than those before it"),
    ],
)
def test_a_signed_head_is_that_of_the_row_before(head: Head, words: str) -> None:
    signed = HeadSigned(NOW, "AA", 1, GENESIS.hex(), "00")
    require_signed_head(signed, Head(1, GENESIS))
    with pytest.raises(JournalDamaged) as told:
        require_signed_head(signed, head)
    assert str(told.value) == words


@pytest.mark.parametrize("text", ["", "1", "0:" + "0" * 64, "01:" + "0" * 64, "1:" + "0" * 63, "1:" + "0" * 65])
def test_a_head_that_people_wrote_wrong_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a head is the number of a row, a colon and 64 hex digits$"):
        published_head(text)


def test_a_head_that_people_wrote_is_read() -> None:
    assert published_head(" 17:" + "aB" * 32 + "\n") == Head(17, bytes.fromhex("ab" * 32))


def test_an_old_copy_says_how_it_is_known() -> None:
    five = Head(5, GENESIS)
    ends = f"this is an old copy: it ends at row 4, and this gateway published {five}"
    went_on = f"this is an old copy that went on: this gateway published another row, {five}"
    assert str(RolledBack(five, Head(4))) == ends
    assert str(RolledBack(five, Head(5))) == went_on
    assert str(RolledBack(five, Head(6))) == went_on


def test_an_audit_names_the_row_that_somebody_kept() -> None:
    other = Head(2, GENESIS)
    audit = Audit(other)
    audit.absorb(ROWS[0])
    with pytest.raises(JournalDamaged) as told:
        audit.absorb(ROWS[1])
    assert str(told.value) == "row 2 is another one than the one whose head was kept"
    audit = Audit(Head(2, ROWS[1].hash))
    audit.absorb(ROWS[0])
    with pytest.raises(JournalDamaged) as told:
        audit.finish()
    assert str(told.value) == "this is an old copy: it ends at row 1, and row 2 was published"
    audit.absorb(ROWS[1])
    audit.finish()
    assert (audit.head, audit.covered, audit.pages) == (Head(2, ROWS[1].hash), Head(), 0)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ((KEY, SEEN, BEGUN, MADE, SIGNED), "row 5: "),
        ((KEY, SIGNED), "the signature of page 1 is wrong"),
        ((KEY, HANDED), "row 2: "),
    ],
)
def test_an_audit_says_which_signature_is_wrong(facts: Sequence[Fact], words: str) -> None:
    audit, rows = Audit(), chained(*facts)
    for row in rows[:-1]:
        audit.absorb(row)
    with pytest.raises(JournalDamaged) as told:
        audit.absorb(rows[-1])
    assert str(told.value).startswith(words)


def test_a_row_under_another_name_than_its_own_is_named() -> None:
    audit = Audit()
    with pytest.raises(JournalDamaged) as told:
        audit.absorb(replace(chained(KEY)[0], name=None))
    assert str(told.value) == "row 1 is stored under another name than its own"


def test_behind_a_newer_row_the_chain_alone_is_checked_and_the_end_says_so() -> None:
    text = row_of(1, JournalBegun(NOW)).replace("JournalBegun", "Wish")
    row = StoredRow(1, text, link(GENESIS, text))
    audit = Audit()
    audit.absorb(row)
    audit.absorb(Head(1, row.hash).next(SIGNED))
    with pytest.raises(WrittenByNewer) as told:
        audit.finish()
    said = "row 1 is of kind 'Wish'; a newer Laddvakt wrote it: install that version or a later one"
    assert str(told.value) == f"the chain holds, but what it says is not checked from here on: {said}"


def test_an_export_refuses_a_signature_without_its_page() -> None:
    with pytest.raises(JournalDamaged) as told:
        contents_of(chained(KEY, SIGNED))
    assert str(told.value) == "row 2 signs page 1, which was never made or is signed already"


def test_the_kind_of_a_row_is_read_from_its_end_alone() -> None:
    text = row_of(7, KEY)
    assert kind_of(7, text) == "KeyMade"
    assert kind_of(6, text) == ""
    assert kind_of(7, '","seq":7}') == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "row 1 cannot be read: KeyError('seq')"),
        ('{"seq":2}', "row 1 says that it is row 2"),
        ('{"seq":1}', "row 1 cannot be read: KeyError('kind')"),
        (row_of(1, replace(KEY, serial="x")).replace('"x"', "1"), "row 1 cannot be read: TypeError"),
        (row_of(1, KEY).replace('"monotonic_s":12.5', '"monotonic_s":null'), "None is not a number"),
        (row_of(1, KEY).replace('"monotonic_s":12.5', '"monotonic_s":true'), "True is not a number"),
        (row_of(1, KEY).replace('"public_key":"AA",', ""), "KeyMade has other fields: ['at', 'serial']"),
        (row_of(1, MADE).replace('"page":1', '"page":"1"'), "'1' is not of type int"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(text: str, words: str) -> None:
    with pytest.raises(JournalDamaged) as told:
        fact_of(1, text)
    assert words in str(told.value)


def test_a_newer_kind_is_named_in_forty_characters_at_most() -> None:
    text = row_of(1, JournalBegun(NOW)).replace("JournalBegun", "W" * 50)
    with pytest.raises(WrittenByNewer) as told:
        fact_of(1, text)
    assert str(told.value).startswith(f"row 1 is of kind {'W' * 40!r}; a newer")
    with pytest.raises(WrittenByNewer) as told:
        fact_of(1, row_of(1, KEY).replace('"public_key"', f'"{"a" * 50}":1,"public_key"'))
    assert str(told.value).startswith(f"row 1: KeyMade has {'a' * 40!r}; a newer Laddvakt wrote it")


def test_a_page_takes_so_many_rows_and_characters_and_no_more() -> None:
    rows = chained(*(ControlCheckpoint(NOW, "") for _ in range(PAGE_ROWS_MAX + 1)))
    page = next_page(Head(), rows)
    assert page is not None
    assert (page.after, len(page.rows), page.head.seq) == (Head(), PAGE_ROWS_MAX, PAGE_ROWS_MAX)
    frame = len(chained(ControlCheckpoint(NOW, ""))[0].text)
    for more, taken in ((0, 2), (1, 1)):
        texts = ("x" * (PAGE_CHARACTERS_MAX - 2 * frame + more), "", "")
        page = next_page(Head(), chained(*(ControlCheckpoint(NOW, text) for text in texts)))
        assert page is not None
        assert len(page.rows) == taken
    page = next_page(Head(), chained(ControlCheckpoint(NOW, "x" * PAGE_CHARACTERS_MAX), SEEN))
    assert page is not None
    assert len(page.rows) == 1
    assert next_page(Head(), ()) is None


def test_a_page_comes_back_as_it_went() -> None:
    page = next_page(Head(1, ROWS[0].hash), ROWS[1:])
    assert page is not None
    assert read_page(page.text()) == page
    keyed = next_page(Head(), chained(KEY))
    assert keyed is not None
    assert read_page(keyed.text()).rows[0].name == "key AA"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "it is no page of rows: KeyError('after')"),
        ("[]", "it is no page of rows: TypeError"),
        ('{"after":1,"head":"","rows":[]}', "it is no page of rows: AttributeError"),
        (f'{{"after":"{Head()}","head":"{Head()}","rows":[]}}', "its rows do not make the head that it states"),
        (f'{{"after":"{Head()}","head":"{Head()}","rows":["a"]}}', "its rows do not make the head that it states"),
        (f'{{"after":"-1:{GENESIS.hex()}","head":"{Head()}","rows":[]}}', f"'-1:{GENESIS.hex()}' is no head"),
        ('{"after":"0:00","head":"0:00","rows":[]}', "'0:00' is no head"),
        (f'{{"after":"0:{"00" * 80}","head":"0:00","rows":[]}}', f"'0:{'00' * 39}' is no head"),
    ],
)
def test_a_line_that_is_no_page_says_why(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"head|page") as told:
        read_page(text)
    assert str(told.value).startswith(words)
