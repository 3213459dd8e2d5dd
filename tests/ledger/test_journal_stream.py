"""The second copy over MQTT: every row, word for word, and a journal again out of the pages that somebody kept."""

import argparse
import asyncio
import json
import random
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.cli import journal
from gateway.devices.journal_file import JOURNAL_FILE, opened_for_reading, rows_after
from gateway.devices.journal_store import JournalStore
from gateway.errors import DeviceError
from gateway.ids import GatewayId
from gateway.journal.chain import Head, StoredRow
from gateway.journal.outbox import Kind
from gateway.journal.row_pages import PAGE_CHARACTERS_MAX, PAGE_ROWS_MAX, next_page, read_page
from gateway.publish.events import outbox_message
from gateway.publish.topic_names import is_retained
from gateway.publish.words import Language
from tests.ledger.ledger_bench import HandClock, begin, end, reading, station


async def life(folder: Path, kept: list[str], sessions: range, *, takes: bool = True) -> None:
    """Charges, with a broker that takes what there is after each session if `takes`."""
    store = JournalStore.open(folder, streams_rows=True, page_every_s=0.0)
    ledger = await Ledger.open(store, KeyFolder(folder), HandClock(), station())
    for at in sessions:
        await ledger.record_begin(begin(f"s{at}", reading(HandClock(), f"{at}.00")))
        await ledger.record_end(end(f"s{at}", reading(HandClock(), f"{at}.75")))
        if takes:
            await take(ledger, kept)
    await ledger.shut_down()


async def take(ledger: Ledger, kept: list[str]) -> None:
    while pending := await ledger.pending_outbox(5):
        for message in pending:
            topic, payload = outbox_message(GatewayId("villa-1"), message, Language.SV)
            if message.kind is Kind.ROWS:
                assert topic == "laddvakt/villa-1/journal/rows"
                assert not is_retained(topic)
                kept.append(payload)
            await ledger.outbox_delivered([message.id])


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The state folder, and the pages that a broker took in three lives, in one of which it was away."""
    folder, kept = tmp_path_factory.mktemp("stream") / "state", list[str]()
    asyncio.run(life(folder, kept, range(1, 5)))
    asyncio.run(life(folder, kept, range(5, 16), takes=False))
    asyncio.run(life(folder, kept, range(16, 18)))
    return folder, kept


def rows_in(folder: Path) -> list[StoredRow]:
    with opened_for_reading(folder) as connection:
        return list(rows_after(connection, 0))


def called(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    journal.add_arguments(parser)
    return journal.run(parser.parse_args([str(word) for word in words]))


def restored(tmp_path: Path, pages: list[str], *more: str) -> int:
    (tmp_path / "rows.jsonl").write_text("".join(f"{page}\n" for page in pages), "ascii")
    return called("restore", "--state-dir", tmp_path / "again", "--copy", tmp_path / "rows.jsonl", *more)


def test_the_pages_hold_every_row_once_also_after_a_broker_was_away(lived: tuple[Path, list[str]]) -> None:
    folder, kept = lived
    pages = [read_page(page) for page in kept]
    streamed = [row for page in pages for row in page.rows]
    assert streamed == rows_in(folder)[: len(streamed)]
    assert [page.after for page in pages[1:]] == [page.head for page in pages[:-1]]
    assert max(len(page.rows) for page in pages) == PAGE_ROWS_MAX
    assert len(rows_in(folder)) - len(streamed) < 5, "only what came after the broker's last look is not there yet"


def test_a_journal_is_made_again_out_of_the_pages(
    lived: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, kept = lived
    assert restored(tmp_path, kept) == 0
    assert "whole: " in capsys.readouterr().out
    rows = rows_in(tmp_path / "again")
    assert rows == rows_in(folder)[: len(rows)]
    assert called("verify", "--state-dir", tmp_path / "again") == 0
    assert {file.name for file in (tmp_path / "again").iterdir()} == {JOURNAL_FILE}


@settings(max_examples=15, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_lines_may_come_twice_in_any_order_and_torn(
    lived: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory, chance: random.Random
) -> None:
    folder, kept = lived
    room = tmp_path_factory.mktemp("mixed")
    lines = [*kept, *chance.choices(kept, k=5), *(page[: chance.randrange(1, len(page))] for page in kept[:3])]
    chance.shuffle(lines)
    assert restored(room, lines) == 0
    rows = rows_in(room / "again")
    assert rows == rows_in(folder)[: len(rows)]


def test_a_gap_is_named_and_closed_by_what_the_gateway_writes(
    lived: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, kept = lived
    lost = read_page(kept[3])
    assert restored(tmp_path, kept[:3] + kept[4:]) == 2
    said = capsys.readouterr().out
    assert f"rows {lost.after.seq + 1} to {lost.head.seq} are missing: the page in line 4" in said
    assert f"laddvakt journal stream --after {lost.after.seq}" in said
    assert not (tmp_path / "again" / JOURNAL_FILE).exists()
    torn = kept[3][: len(kept[3]) // 2]
    assert restored(tmp_path, [*kept[:3], torn, *kept[4:]]) == 2
    assert "line 4 is no whole page" in capsys.readouterr().out
    more = tmp_path / "more.jsonl"
    assert called("stream", "--state-dir", folder, "--copy", more, "--after", str(lost.after.seq)) == 0
    assert restored(tmp_path, [*kept[:3], *kept[4:], *more.read_text("ascii").splitlines()]) == 0
    assert rows_in(tmp_path / "again") == rows_in(folder)
    with pytest.raises(DeviceError, match="File exists"):
        called("stream", "--state-dir", folder, "--copy", more)


def test_a_stream_that_ends_before_a_published_head_is_found(
    lived: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, kept = lived
    head = str(read_page(kept[-1]).head)
    assert restored(tmp_path, kept[:-1], "--head", head) == 2
    assert "this is an old copy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda pages, other: [*pages, *other], "another one than before: pages of two journals"),
        (lambda pages, _: [pages[0], pages[1].replace("2026", "2025"), *pages[2:]], "is no whole page"),
        (lambda pages, _: [pages[0].replace(' "rows"', ' "row"'), *pages[1:]], "rows 1 to"),
        (lambda _, __: ["nothing of the kind"], "neither a journal nor a page"),
        (lambda _, __: [], "neither a journal nor a page"),
    ],
)
def test_pages_that_do_not_fit_each_other_make_no_journal(
    lived: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str], change: object, word: str
) -> None:
    other: list[str] = []
    asyncio.run(life(tmp_path / "other", other, range(1, 3)))
    assert callable(change)
    assert restored(tmp_path, change(lived[1], other)) == 2
    assert word in capsys.readouterr().out
    assert not (tmp_path / "again" / JOURNAL_FILE).exists()


def test_without_the_wish_nothing_is_streamed_and_a_late_wish_begins_at_the_first_row(tmp_path: Path) -> None:
    async def plain() -> None:
        ledger = await Ledger.open(JournalStore.open(tmp_path / "s"), KeyFolder(tmp_path / "s"), HandClock(), station())
        await take(ledger, kept)
        assert await ledger.pending_outbox(5) == ()
        await ledger.shut_down()

    kept: list[str] = []
    asyncio.run(plain())
    assert kept == []
    asyncio.run(life(tmp_path / "s", kept, range(1, 2)))
    assert read_page(kept[0]).after == Head()


def test_pages_come_one_at_a_time_and_wait_for_a_medium_with_room(tmp_path: Path) -> None:
    async def run(page_every_s: float, reserve_bytes: int) -> int:
        store = JournalStore.open(
            tmp_path / "s", streams_rows=True, page_every_s=page_every_s, reserve_bytes=reserve_bytes
        )
        ledger = await Ledger.open(store, KeyFolder(tmp_path / "s"), HandClock(), station())
        kept: list[str] = []
        await take(ledger, kept)
        await take(ledger, kept)
        await ledger.shut_down()
        return len(kept)

    assert asyncio.run(run(3600.0, 1 << 62)) == 0
    for _ in range(30):
        asyncio.run(run(3600.0, 1 << 62))
    assert asyncio.run(run(3600.0, 0)) == 1
    assert asyncio.run(run(0.0, 0)) > 1


def test_a_page_takes_so_many_rows_and_a_long_row_is_a_page_of_its_own() -> None:
    def row(seq: int, length: int) -> StoredRow:
        return StoredRow(seq, "x" * length, bytes(32))

    assert next_page(Head(), ()) is None
    for lengths, count in (
        ([10] * 200, PAGE_ROWS_MAX),
        ([PAGE_CHARACTERS_MAX * 2, 10], 1),
        ([10, PAGE_CHARACTERS_MAX], 1),
        ([PAGE_CHARACTERS_MAX - 10, 10, 1], 2),
    ):
        page = next_page(Head(), [row(seq, length) for seq, length in enumerate(lengths, 1)])
        assert page is not None
        assert len(page.rows) == count


@pytest.mark.parametrize("text", ["", "7", "[]", "{}", '{"after":1,"rows":[],"head":1}', '{"after":"0:","rows":[1]}'])
def test_what_is_no_page_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_page(text)


def test_a_page_says_exactly_what_lies_in_the_file(lived: tuple[Path, list[str]]) -> None:
    folder, kept = lived
    connection = sqlite3.connect(folder / JOURNAL_FILE)
    first = connection.execute("SELECT row FROM journal WHERE seq = 1").fetchone()[0]
    connection.close()
    assert json.loads(kept[0])["rows"][0] == first
