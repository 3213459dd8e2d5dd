"""A second copy is whole or not there; it never replaces the copy of another journal, and nobody signs behind it."""

import argparse
import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from gateway.cli import export, journal, receipt
from gateway.devices.journal_file import JOURNAL_FILE, newest_head, opened_for_reading
from gateway.devices.key_store import KEY_FILE
from gateway.errors import ConfigMistake, DeviceError
from tests.ledger.folder_ledger import charge, opened
from tests.ledger.ledger_bench import HandClock, begin, end, reading


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    asyncio.run(charge(tmp_path / "state", "s1", 1))
    return tmp_path / "state"


def called(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    journal.add_arguments(parser)
    return journal.run(parser.parse_args([str(word) for word in words]))


def test_a_copy_made_while_the_gateway_runs_is_whole_and_its_own(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run() -> None:
        ledger = await opened(folder)
        await ledger.record_begin(begin("s2", reading(HandClock(), "5.00")))
        assert await asyncio.to_thread(called, "backup", "--state-dir", folder, "--copy", tmp_path / "copy") == 0
        await ledger.record_end(end("s2", reading(HandClock(), "6.00")))
        await ledger.shut_down()

    asyncio.run(run())
    assert "1 open session(s)" in capsys.readouterr().out
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy", "state"], "no log and no draft beside it"
    assert b"PRIVATE" not in (tmp_path / "copy").read_bytes()


def test_a_copy_is_replaced_by_what_continues_it_and_by_nothing_else(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    assert called("backup", "--state-dir", folder, "--copy", copy) == 0
    asyncio.run(charge(folder, "s2", 5))
    assert called("backup", "--state-dir", folder, "--copy", copy) == 0
    newest = copy.read_bytes()
    asyncio.run(charge(tmp_path / "other", "x", 1))
    assert called("backup", "--state-dir", tmp_path / "other", "--copy", copy) == 2
    assert copy.read_bytes() == newest
    said = capsys.readouterr().out
    assert "DAMAGED: " in said
    assert "was published" in said or "was kept" in said


def test_a_damaged_journal_gives_no_copy(folder: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(folder / JOURNAL_FILE)
    connection.execute("DROP TRIGGER journal_rows_are_never_changed")
    connection.execute("UPDATE journal SET row = replace(row, '1.75', '1.70')")
    connection.commit()
    connection.close()
    assert called("backup", "--state-dir", folder, "--copy", tmp_path / "copy") == 2
    assert not (tmp_path / "copy").exists()


def test_a_copy_that_was_put_back_is_read_like_the_journal_and_never_signed_behind(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, again = tmp_path / "copy", tmp_path / "again"
    called("backup", "--state-dir", folder, "--copy", copy)
    with opened_for_reading(folder) as connection:
        head = str(newest_head(connection))
    assert called("restore", "--state-dir", again, "--copy", copy, "--head", head) == 0
    capsys.readouterr()
    for command, words in ((receipt, ["s1"]), (export, ["--format", "ocmf"])):
        said = []
        for place in (folder, again):
            parser = argparse.ArgumentParser()
            command.add_arguments(parser)
            assert command.run(parser.parse_args([*words, "--state-dir", str(place)])) == 0
            said.append(capsys.readouterr().out)
        assert said[0] == said[1]
    with pytest.raises(ConfigMistake) as mistake:
        asyncio.run(opened(again))
    assert "signing key is gone" in str(mistake.value.mistakes[0])


def test_an_old_copy_is_not_put_back_for_the_newest(folder: Path, tmp_path: Path) -> None:
    called("backup", "--state-dir", folder, "--copy", tmp_path / "copy")
    asyncio.run(charge(folder, "s2", 5))
    with opened_for_reading(folder) as connection:
        head = str(newest_head(connection))
    words = ("restore", "--state-dir", tmp_path / "again", "--copy", tmp_path / "copy", "--head", head)
    assert called(*words) == 2
    assert not (tmp_path / "again" / JOURNAL_FILE).exists()


@pytest.mark.parametrize("name", [JOURNAL_FILE, KEY_FILE])
def test_a_copy_is_put_into_an_empty_folder_only(folder: Path, tmp_path: Path, name: str) -> None:
    called("backup", "--state-dir", folder, "--copy", tmp_path / "copy")
    (tmp_path / "used").mkdir(mode=0o700)
    (tmp_path / "used" / name).touch(0o600)
    with pytest.raises(DeviceError, match="empty folder"):
        called("restore", "--state-dir", tmp_path / "used", "--copy", tmp_path / "copy")


def test_what_cannot_be_done_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no journal"):
        called("restore", "--state-dir", tmp_path / "again", "--copy", tmp_path / "nowhere")
    with pytest.raises(DeviceError, match="nowhere"):
        called("backup", "--state-dir", folder, "--copy", tmp_path / "nowhere" / "copy")
    for words in (("backup",), ("restore",), ("verify", "--copy", "x")):
        with pytest.raises(ConfigMistake):
            called(*words, "--state-dir", folder)
