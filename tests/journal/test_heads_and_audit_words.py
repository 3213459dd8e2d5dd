"""Signed texts letter for letter, where a start begins, and every refusal of the audit in its words."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.errors import JournalDamaged, WrittenByNewer
from gateway.journal.audit import Audit, Checked
from gateway.journal.chain import GENESIS, Head, StoredRow, link, linked, verified, verified_newest
from gateway.journal.facts import (
    ControlCheckpoint,
    DaemonStopped,
    Fact,
    HeadSigned,
    JournalBegun,
    KeyHandedOver,
    KeyMade,
    MemorySaved,
    PageSigned,
)
from gateway.journal.heads import (
    HEAD_MESSAGE_BYTES_MAX,
    RolledBack,
    archive_text,
    hand_over_text,
    head_in_message,
    head_message,
    head_text,
    published_head,
    require_signed_head,
    start_after,
    table_text,
    vouches,
)
from gateway.journal.meter_facts import MeterRecordKept
from gateway.metering.keys import PublicKey, public_key
from tests.journal.entry_bench import BEGUN, MADE, NOW, P1, S1, SEEN
from tests.ledger.ledger_bench import PocketKey
from tests.metering.makers import MakersMeter

KEY, SECOND = PocketKey(), PocketKey()
HASH = bytes(range(32))
SEVEN = Head(7, HASH)


def signature(key: PocketKey, text: bytes) -> str:
    return key.sign(text).hex()


def own(key: PocketKey) -> PublicKey:
    return public_key(key.public_key_hex)


MADE_KEY = KeyMade(NOW, own(KEY).hex, own(KEY).serial)
BEGINNING = (JournalBegun(NOW), MADE_KEY)


def rows_of(*facts: Fact | Callable[[Head], Fact]) -> list[StoredRow]:
    """The facts chained; one that is a function is told the head before it."""
    rows: list[StoredRow] = []
    head = Head()
    for one in facts:
        row = head.next(one(head) if callable(one) else one)
        head = Head(row.seq, row.hash)
        rows.append(row)
    return rows


def signed_head(signer: PocketKey = KEY, **changes: object) -> Callable[[Head], Fact]:
    def at(head: Head) -> Fact:
        text = head_text(own(signer).serial, head)
        signed = HeadSigned(NOW, own(signer).hex, head.seq, head.hash.hex(), signature(signer, text))
        return replace(signed, **changes)  # type: ignore[arg-type]  # fields by name

    return at


def audited(*facts: Fact | Callable[[Head], Fact]) -> Audit:
    audit = Audit()
    for row in rows_of(*facts):
        audit.absorb(row)
    audit.finish()
    return audit


def refused(words: str, *facts: Fact | Callable[[Head], Fact]) -> None:
    """All but the last are taken; the last is refused in exactly these words."""
    audited(*facts[:-1])
    with pytest.raises(JournalDamaged) as told:
        audited(*facts)
    assert str(told.value) == words


def test_what_is_signed_is_these_letters() -> None:
    at = f"7:{HASH.hex()}"
    assert head_text("0A1B", SEVEN) == f"laddvakt journal head 0A1B {at}".encode()
    assert table_text("0A1B", at, "cd") == f"laddvakt table of 0A1B at head {at} with SHA-256 cd".encode()
    assert archive_text("0A1B", at, "cd") == f"laddvakt archive of 0A1B at head {at} with SHA-256 cd".encode()
    assert hand_over_text("AA", 2, "BB", "0B") == b"laddvakt key hand-over from AA after page T2 to BB 0B"


@pytest.mark.parametrize("text", ["1:" + "0f" * 32, "999999999999999999:" + "AB" * 32, " 7:" + "00" * 32 + "\n"])
def test_a_head_is_read_as_people_write_it(text: str) -> None:
    number, _, digits = text.strip().partition(":")
    assert published_head(text) == Head(int(number), bytes.fromhex(digits))


@pytest.mark.parametrize(
    "text", ["0:" + "00" * 32, "07:" + "00" * 32, "1" * 19 + ":" + "00" * 32, "7:" + "00" * 31, "٣:" + "00" * 32]
)
def test_what_is_no_head_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="head") as told:
        published_head(text)
    assert str(told.value) == "a head is the number of a row, a colon and 64 hex digits"


def test_a_journal_that_was_put_back_says_whether_it_went_on() -> None:
    at = f"7:{HASH.hex()}"
    ended = f"this is an old copy: it ends at row 6, and this gateway published {at}"
    went_on = f"this is an old copy that went on: this gateway published another row, {at}"
    assert str(RolledBack(SEVEN, Head(6, HASH))) == ended
    assert str(RolledBack(SEVEN, Head(7, GENESIS))) == went_on
    assert str(RolledBack(SEVEN, Head(8, HASH))) == went_on


def test_a_head_in_a_message_is_believed_only_from_its_key() -> None:
    public = own(KEY)
    signed = HeadSigned(NOW, public.hex, 7, HASH.hex(), signature(KEY, head_text(public.serial, SEVEN)))
    content = head_message(signed, public.serial).body.encode()
    assert head_in_message(content, public) == SEVEN
    assert head_in_message(content, own(SECOND)) is None
    said = json.loads(content)
    assert head_in_message(json.dumps(said | {"seq": 8}).encode(), public) is None
    for wrong in ({"signature": "zz"}, {"signature": 5}, {"hash": "00"}, {"seq": 0}):
        assert head_in_message(json.dumps(said | wrong).encode(), public) is None
    for name in ("seq", "hash", "signature"):
        assert (
            head_in_message(json.dumps({key: it for key, it in said.items() if key != name}).encode(), public) is None
        )
    for odd in (b"", b"[]", b"7", b"\xff", b"[" * 1000):
        assert head_in_message(odd, public) is None
    longest = content.ljust(HEAD_MESSAGE_BYTES_MAX)
    assert HEAD_MESSAGE_BYTES_MAX == 1024
    assert head_in_message(longest, public) == SEVEN
    assert head_in_message(longest + b" ", public) is None


def test_a_key_vouches_for_the_head_that_it_signed_and_for_no_other() -> None:
    public = own(KEY)
    signed = HeadSigned(NOW, public.hex, 7, HASH.hex(), signature(KEY, head_text("0A1B", SEVEN)))
    assert vouches(signed, public, "0A1B") is True
    assert vouches(signed, public, "0A1C") is False
    assert vouches(replace(signed, seq=8), public, "0A1B") is False
    assert vouches(replace(signed, key="other"), public, "0A1B") is False
    assert vouches(replace(signed, hash="no hex"), public, "0A1B") is False
    assert vouches(replace(signed, signature="no hex"), public, "0A1B") is False
    assert vouches(signed, own(SECOND), "0A1B") is False


def saved_memory(*facts: Fact) -> MemorySaved:
    saved = audited(*facts).memory.saved(NOW)
    assert saved is not None
    return saved


def test_a_start_begins_behind_the_row_before_the_newest_memory_that_is_vouched_for() -> None:
    saved = saved_memory(*BEGINNING)
    rows = rows_of(*BEGINNING, saved, signed_head())
    before = Head(rows[1].seq, rows[1].hash)
    key = own(KEY)

    def start(rows: Sequence[StoredRow]) -> Head | None:
        return start_after(reversed(rows), key)

    assert start(rows) == before
    assert start(rows_of(*BEGINNING, saved, signed_head(), DaemonStopped(NOW))) is not None
    assert start(rows[2:]) is None, "the row before it is not among these"
    assert start(rows[:3]) is None, "nobody signed it"
    assert start(rows_of(*BEGINNING, saved, DaemonStopped(NOW), signed_head())) is None, "another row was signed"
    assert start(rows_of(*BEGINNING, saved, signed_head(seq=2))) is None
    assert start(rows_of(*BEGINNING, saved, signed_head(hash="00"))) is None
    assert start(rows_of(*BEGINNING, saved, signed_head(signature="3006020100020100"))) is None
    assert start(rows_of(*BEGINNING, replace(saved, keys=()), signed_head())) is None
    assert start_after(reversed(rows), own(SECOND)) is None
    twice = rows_of(*BEGINNING, saved, signed_head(), saved, signed_head())
    assert start(twice) == Head(twice[3].seq, twice[3].hash)
    unsigned_newest = rows_of(*BEGINNING, saved, signed_head(), saved, DaemonStopped(NOW))
    assert start(unsigned_newest) == before


def test_a_signed_head_names_the_row_right_before_it() -> None:
    signed = HeadSigned(NOW, "AA", 7, HASH.hex(), "00")
    require_signed_head(signed, SEVEN)
    for other in (Head(8, HASH), Head(6, HASH), Head(7, GENESIS)):
        with pytest.raises(JournalDamaged) as told:
            require_signed_head(signed, other)
        assert str(told.value) == f"row {other.seq + 1} is a signed head of other rows than those before it"


def test_an_audit_begins_with_nothing() -> None:
    audit = Audit()
    assert (audit.expected, audit.head, audit.covered, audit.newer, audit.pages) == (None, Head(), Head(), None, 0)
    audit.finish()
    assert Checked(SEVEN, 3).head == SEVEN


def page_signed(key: PocketKey = KEY, payload: str = MADE.payload, number: int = 1) -> PageSigned:
    return PageSigned(NOW, own(key).hex, number, signature(key, payload.encode()))


PAGED = (*BEGINNING, SEEN, BEGUN, replace(MADE, key=own(KEY).hex))


def test_pages_and_heads_are_counted_where_their_key_signed_them() -> None:
    audit = audited(*PAGED, page_signed(), signed_head(), DaemonStopped(NOW))
    assert (audit.pages, audit.head.seq, audit.covered.seq) == (1, 8, 6)
    wrong = "the signature of page 1 is wrong"
    refused(wrong, *PAGED, page_signed(payload="other"))
    refused(wrong, *PAGED, replace(page_signed(), signature="no hex"))
    refused(wrong, *PAGED, replace(page_signed(), key=own(SECOND).hex))
    refused("the signature of page 2 is wrong", *PAGED, page_signed(number=2))
    over = "the signature over the rows up to 2 is wrong"
    refused(over, *BEGINNING, signed_head(signature="3006020100020100"))
    refused(over, *BEGINNING, signed_head(SECOND))
    refused("row 3 is a signed head of other rows than those before it", *BEGINNING, signed_head(seq=1))


def handed_over(**changes: object) -> KeyHandedOver:
    first, second = own(KEY), own(SECOND)
    text = hand_over_text(first.hex, 0, second.hex, second.serial)
    fact = KeyHandedOver(NOW, first.hex, 0, second.hex, second.serial, signature(KEY, text), signature(SECOND, text))
    return replace(fact, **changes)  # type: ignore[arg-type]  # fields by name


def test_a_key_is_handed_over_with_both_signatures_and_the_new_one_signs_from_then_on() -> None:
    audit = audited(*BEGINNING, handed_over(), signed_head(SECOND))
    assert audit.covered.seq == 3
    without = "row 3: a key is handed over without both signatures"
    refused(without, *BEGINNING, handed_over(signature=handed_over().signature_before))
    refused(without, *BEGINNING, handed_over(signature_before=handed_over().signature))
    refused(without, *BEGINNING, handed_over(signature="no hex"))
    refused(without, *BEGINNING, handed_over(serial="FF"))
    refused("the signature over the rows up to 3 is wrong", *BEGINNING, handed_over(), signed_head(KEY))
    odd = KeyMade(NOW, "zz", "FF")
    refused("row 3: no public key: neither PEM, nor hex, nor base64", JournalBegun(NOW), odd, signed_head(key="zz"))
    text = hand_over_text(own(KEY).hex, 0, "zz", own(SECOND).serial)
    to_none = handed_over(public_key="zz", signature_before=signature(KEY, text))
    refused("row 3: no public key: neither PEM, nor hex, nor base64", *BEGINNING, to_none)


def test_a_page_of_the_key_before_is_wrong_once_another_has_taken_its_place() -> None:
    """The key that was handed over signs no more."""
    late = replace(MADE, key=own(KEY).hex)
    refused("the signature of page 1 is wrong", *BEGINNING, handed_over(), SEEN, BEGUN, late, page_signed())


def kept(maker: MakersMeter, **changes: object) -> MeterRecordKept:
    text = maker.session(NOW.utc, "1.0", NOW.utc, "2.0")
    fact = MeterRecordKept(
        NOW, P1, S1, f"GW-{maker.serial}", maker.serial, "T1", maker.public.hex, Decimal(1), "mqtt", text
    )
    return replace(fact, **changes)  # type: ignore[arg-type]  # fields by name


def test_what_a_meter_signed_is_checked_with_the_key_that_was_pinned_then() -> None:
    audited(*BEGINNING, kept(MakersMeter()))
    audited(*BEGINNING, kept(MakersMeter(), key=None, text="anything"))
    words = "row 3: the meter's own record T1 is not what it signed"
    refused(words, *BEGINNING, kept(MakersMeter(), text="anything"))
    refused(words, *BEGINNING, kept(MakersMeter(), key=own(KEY).hex))
    refused(words, *BEGINNING, kept(MakersMeter(), gateway="other"))
    refused(words, *BEGINNING, kept(MakersMeter(), meter="other"))


def test_names_and_kept_heads_are_told_by_row() -> None:
    rows = rows_of(*BEGINNING)
    for row in (replace(rows[1], name=None), replace(rows[1], name="key other")):
        audit = Audit()
        audit.absorb(rows[0])
        with pytest.raises(JournalDamaged) as told:
            audit.absorb(row)
        assert str(told.value) == "row 2 is stored under another name than its own"
    for expected in (Head(2, rows[1].hash), Head(1, rows[0].hash)):
        audit = Audit(expected)
        for row in rows:
            audit.absorb(row)
        audit.finish()
    audit = Audit(Head(1, HASH))
    with pytest.raises(JournalDamaged) as told:
        audit.absorb(rows[0])
    assert str(told.value) == "row 1 is another one than the one whose head was kept"
    audit = Audit(Head(3, HASH))
    for row in rows:
        audit.absorb(row)
    with pytest.raises(JournalDamaged) as told:
        audit.finish()
    assert str(told.value) == "this is an old copy: it ends at row 2, and row 3 was published"


def test_of_rows_of_newer_versions_the_first_is_named_and_all_behind_it_are_only_chained() -> None:
    audit, head = Audit(), Head()
    for row in rows_of(*BEGINNING, DaemonStopped(NOW), DaemonStopped(NOW), replace(page_signed(), signature="00")):
        text = row.text.replace('"kind":"DaemonStopped"', f'"kind":"Slept{row.seq}"')
        head = Head(row.seq, link(head.hash, text))
        audit.absorb(StoredRow(row.seq, text, head.hash, row.name))
    assert audit.head == head
    assert audit.newer is not None
    with pytest.raises(WrittenByNewer) as told:
        audit.finish()
    assert str(told.value) == f"the chain holds, but what it says is not checked from here on: {audit.newer}"
    assert "Slept3" in str(told.value)


def test_a_row_follows_the_row_before_it() -> None:
    rows = rows_of(*BEGINNING, DaemonStopped(NOW))
    assert linked(rows[0], Head()) == Head(1, rows[0].hash)
    assert str(Head(1, HASH)) == f"1:{HASH.hex()}"
    with pytest.raises(JournalDamaged) as told:
        linked(rows[2], Head(1, rows[0].hash))
    assert str(told.value) == "row 2 is missing: row 3 follows row 1"
    for other in (replace(rows[1], text=rows[1].text + " "), replace(rows[1], text="ö"), replace(rows[1], hash=HASH)):
        with pytest.raises(JournalDamaged) as told:
            linked(other, Head(1, rows[0].hash))
        assert str(told.value) == "row 2 is not the row that was written, or the one before it is not"


def test_of_checkpoints_the_newest_alone_is_read_and_comes_last() -> None:
    rows = rows_of(*BEGINNING, ControlCheckpoint(NOW, "one"), DaemonStopped(NOW), ControlCheckpoint(NOW, "two"), SEEN)
    heads = [Head(row.seq, row.hash) for row in rows]
    every = list(verified(rows, Head()))
    assert [head for head, _ in every] == heads
    told = list(verified_newest(rows, Head()))
    assert [head for head, _ in told] == [heads[0], heads[1], heads[3], heads[5], heads[5]]
    assert [fact for _, fact in told] == [*BEGINNING, DaemonStopped(NOW), SEEN, ControlCheckpoint(NOW, "two")]
    assert list(verified_newest(rows[3:4], heads[2])) == [(heads[3], DaemonStopped(NOW))]
    assert list(verified(rows[3:4], heads[2])) == [(heads[3], DaemonStopped(NOW))]
    with pytest.raises(JournalDamaged, match="row 1 is missing"):
        list(verified_newest(rows[1:], Head()))
