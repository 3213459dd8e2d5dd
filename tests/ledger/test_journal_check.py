"""The whole journal is checked beside the daemon: in slices, with a fact when all is whole, and a full stop if not."""

import argparse
import asyncio
import json
import re
import shutil
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from gateway.app.journal_check import DailyCheck
from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.cli import journal
from gateway.devices.journal_check import DAMAGE_FILE, REST_S, SLICE_S, checked_in_slices
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.journal_store import JournalStore
from gateway.errors import JournalDamaged, WrittenByNewer
from gateway.journal.chain import Head
from gateway.journal.facts import ChainChecked
from gateway.journal.heads import RolledBack
from gateway.publish.events import check_text
from gateway.publish.words import Language
from tests.ledger.ledger_bench import HandClock, begin, end, reading, station


async def opened(folder: Path) -> Ledger:
    return await Ledger.open(JournalStore.open(folder), KeyFolder(folder), HandClock(), station())


async def charge(ledger: Ledger, name: str, kwh: int) -> None:
    await ledger.record_begin(begin(name, reading(HandClock(), f"{kwh}.00")))
    await ledger.record_end(end(name, reading(HandClock(), f"{kwh}.75")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    async def run() -> None:
        ledger = await opened(tmp_path / "state")
        for at in range(1, 9):
            await charge(ledger, f"s{at}", at)
        await ledger.shut_down()

    asyncio.run(run())
    return tmp_path / "state"


def changed(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / JOURNAL_FILE, isolation_level=None)
    connection.execute("DROP TRIGGER IF EXISTS journal_rows_are_never_changed")
    for statement in statements:
        connection.execute(statement)
    connection.close()


class Told:
    """What was shown; the check is over at the `count`-th word."""

    def __init__(self, count: int) -> None:
        self.said: list[ChainChecked | RolledBack | str | None] = []
        self.over = asyncio.Event()
        self._count = count

    def __call__(self, check: ChainChecked | RolledBack | str | None) -> None:
        self.said.append(check)
        if len(self.said) >= self._count:
            self.over.set()


async def checks(folder: Path, ledger: Ledger, count: int) -> list[ChainChecked | RolledBack | str | None]:
    """What a daily check says of the running ledger, that often, without its pauses."""
    told = Told(count)
    task = asyncio.create_task(DailyCheck(folder, ledger, told).run(first_after_s=0.0, every_s=0.0))
    async with asyncio.timeout(30):
        waiting = asyncio.create_task(told.over.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and (problem := task.exception()) is not None:
        raise problem
    return told.said


def test_a_whole_journal_is_said_to_be_whole_and_the_next_start_still_knows(folder: Path) -> None:
    async def run() -> None:
        ledger = await opened(folder)
        first, *later = await checks(folder, ledger, 3)
        assert first is None
        seen = [check for check in later if isinstance(check, ChainChecked)]
        assert [check.pages for check in seen] == [16, 16]
        assert seen[1].seq > seen[0].seq, "the second check covers the fact of the first"
        await charge(ledger, "beside", 20)
        await ledger.shut_down()
        again = await opened(folder)
        assert again.chain()[1] == seen[1]
        assert (await checks(folder, again, 1))[0] == seen[1]
        await again.shut_down()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE journal SET row = replace(row, '2026', '2025') WHERE seq = 12", "row 12 is not the row"),
        ("UPDATE journal SET name = NULL WHERE name = 'begin s3'", "under another name"),
        ("UPDATE journal SET hash = zeroblob(32) WHERE seq = 5", "row 5 is not the row"),
    ],
)
def test_damage_is_kept_told_and_ends_the_daemon_until_people_have_decided(
    folder: Path, tmp_path: Path, statement: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)

    async def run() -> None:
        ledger = await opened(folder)
        changed(folder, statement)
        with pytest.raises(JournalDamaged, match=word):
            await checks(folder, ledger, 9)
        await ledger.shut_down()

    asyncio.run(run())
    with pytest.raises(JournalDamaged, match=rf"{word}.*Nothing is charged.*journal verify"):
        JournalStore.open(folder)
    assert called("verify", "--state-dir", folder) == 2
    assert (folder / DAMAGE_FILE).exists(), "what is damaged stays marked"
    shutil.copy(whole / JOURNAL_FILE, folder / JOURNAL_FILE)
    for log in folder.glob(f"{JOURNAL_FILE}-*"):
        log.unlink()
    assert called("verify", "--state-dir", folder) == 0
    assert "the mark of an earlier finding is taken away" in capsys.readouterr().out
    JournalStore.open(folder).close_now()


def called(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    journal.add_arguments(parser)
    return journal.run(parser.parse_args([str(word) for word in words]))


def test_a_journal_that_was_put_back_under_the_running_daemon_is_found(folder: Path) -> None:
    with pytest.raises(JournalDamaged, match="old copy"):
        checked_in_slices(folder, Head(10_000, bytes(32)), lambda _: True)


def test_an_index_that_does_not_find_a_row_is_damage(folder: Path) -> None:
    """Another row is put where the index looks: as rows they are whole, and the name leads to the wrong one."""
    changed(folder, "PRAGMA wal_checkpoint(TRUNCATE)")
    file = folder / JOURNAL_FILE
    content = file.read_bytes()
    in_index = re.findall(rb"begin s3(?!\{)", content)
    assert len(in_index) == 1
    file.write_bytes(re.sub(rb"begin s3(?!\{)", b"begin t3", content))
    with pytest.raises(JournalDamaged, match="not found by its name"):
        checked_in_slices(folder, Head(), lambda _: True)


def test_rows_of_a_newer_version_end_the_daemon_without_a_mark(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def newer(*_: object) -> None:
        raise WrittenByNewer("row 7 is of kind 'Wish'")

    async def run() -> None:
        ledger = await opened(folder)
        with pytest.raises(WrittenByNewer):
            await checks(folder, ledger, 9)
        await ledger.shut_down()

    monkeypatch.setattr("gateway.app.journal_check.checked_in_slices", newer)
    asyncio.run(run())
    JournalStore.open(folder).close_now()


def test_between_slices_of_work_the_check_rests_nineteen_times_as_long(folder: Path) -> None:
    rests: list[tuple[float, float]] = []

    def rest(seconds: float) -> bool:
        rests.append((time.thread_time(), seconds))
        return True

    began_s = time.thread_time()
    for _ in range(8):
        assert checked_in_slices(folder, Head(), rest) is not None
    worked_s = time.thread_time() - began_s
    assert {seconds for _, seconds in rests} == {REST_S}
    assert sum(seconds for _, seconds in rests) >= 10 * worked_s - 8 * REST_S
    assert REST_S >= 19 * SLICE_S


def test_a_check_that_is_told_to_stop_gives_no_word(folder: Path) -> None:
    stop = threading.Event()
    stop.set()
    answers = [checked_in_slices(folder, Head(), lambda seconds: not stop.wait(seconds)) for _ in range(8)]
    assert None in answers, "at least one of so many checks was longer than a slice"


@pytest.mark.parametrize("language", list(Language))
def test_what_is_shown_is_whole_in_both_languages(language: Language) -> None:
    check = ChainChecked(HandClock().now(), 77, "ab" * 32, 12)
    told = [json.loads(check_text(each, language)) for each in (None, check, "row 5 is not the row")]
    assert [each["problem"] for each in told] == [None, "OFF", "ON"]
    assert len({each["text"] for each in told}) == 3
    assert "77" in told[1]["text"]
    assert told[1]["head"] == "77:" + "ab" * 32
    assert told[2]["finding"] == "row 5 is not the row"
    assert len({tuple(each) for each in told}) == 1, "every key is always there"
