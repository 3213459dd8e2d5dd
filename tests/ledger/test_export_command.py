"""What `laddvakt export` writes, chooses and refuses, and which files no command writes over."""

import asyncio
import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import export, journal, receipt, verify
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.key_store import KEY_FILE
from gateway.errors import ConfigMistake, DeviceError
from gateway.ids import Token
from tests.ledger.command_bench import called, opened, public_hex
from tests.ledger.ledger_bench import HandClock, begin, end, reading


def rows_of(output: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(output.removeprefix("\ufeff"), newline=""), delimiter=";"))


def test_the_table_has_sessions_and_energy_outside_and_they_add_up(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(export, "--state-dir", str(folder), "--format", "csv", "--socket", "p1") == 0
    output = capsys.readouterr().out
    assert output.startswith("\ufeffkind;session;")
    rows = rows_of(output)
    assert [row["kind"] for row in rows] == ["session", "outside"]
    assert [row["energy_kwh"] for row in rows] == ["7,30", "0,15"]
    assert rows[0]["begin_time"] == "2026-03-01T13:00:00,000+0100 S"
    assert (rows[0]["begin_page"], rows[0]["end_page"], rows[0]["why"]) == ("T1", "T3", "unplugged")


def test_no_cell_is_a_formula_and_separators_are_quoted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--state-dir", str(folder), "--format", "csv", "--session", "s2", "--separator", ","]
    assert called(export, *words) == 0
    output = capsys.readouterr().out.removeprefix("\ufeff")
    (row,) = csv.DictReader(io.StringIO(output, newline=""))
    assert row["user"] == "'=cmd()|calc"
    assert row["energy_kwh"] == "1.00"
    assert row["begin_time"].startswith("2026-03-01T13:10:00,000")


def test_sessions_are_chosen_by_when_they_began(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--state-dir", str(folder), "--format", "csv"]
    called(export, *words, "--from", "2026-03-01T12:05:00+00:00", "--to", "2026-03-01T12:15:00+00:00")
    assert [row["session"] for row in rows_of(capsys.readouterr().out)] == ["s2"]


def test_many_sessions_as_xml_go_into_a_folder_one_file_each(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--state-dir", str(folder), "--format", "safe-xml"]
    with pytest.raises(ConfigMistake) as mistake:
        called(export, *words, "-o", str(tmp_path / "all.xml"))
    assert "--session" in str(mistake.value.mistakes[0])
    out = tmp_path / "out"
    out.mkdir()
    assert called(export, *words, "-o", str(out)) == 0
    assert "1 session(s) have not ended" in capsys.readouterr().err
    assert sorted(file.name for file in out.iterdir()) == ["laddvakt-T1-s1.xml", "laddvakt-T2-s2.xml"]
    pinned = public_hex(folder, capsys)
    assert called(verify, *(str(file) for file in out.iterdir()), "--key", pinned) == 0


def test_a_session_that_is_not_there_and_a_place_that_cannot_be_written_are_said_so(folder: Path) -> None:
    words = ["--state-dir", str(folder), "--format", "ocmf"]
    with pytest.raises(DeviceError, match="no session"):
        called(export, *words, "--session", "s9")
    with pytest.raises(DeviceError, match="No such file"):
        called(export, *words, "-o", str(folder / "nowhere" / "file"))


def test_the_export_works_while_the_gateway_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        clock = HandClock()
        ledger = await opened(tmp_path / "state", clock)
        await ledger.record_begin(begin("s1", reading(clock, "1.00"), token=Token("x")))
        await ledger.record_end(end("s1", reading(clock, "2.00")))
        words = ["--state-dir", str(tmp_path / "state"), "--format", "csv"]
        assert await asyncio.to_thread(called, export, *words) == 0
        await ledger.record_begin(begin("s2", reading(clock, "2.00")))
        await ledger.shut_down()

    asyncio.run(run())
    assert len(rows_of(capsys.readouterr().out)) == 1


def test_no_command_writes_over_what_the_gateway_keeps(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder / JOURNAL_FILE)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for kept in (folder / JOURNAL_FILE, folder / f"{JOURNAL_FILE}-wal", folder / KEY_FILE, link):
        for command, words in (
            (export, ["--format", "csv", "-o", str(kept)]),
            (export, ["--format", "archive", "-o", str(kept)]),
            (receipt, ["s1", "-o", str(kept)]),
            (journal, ["backup", "--copy", str(kept)]),
            (journal, ["stream", "--copy", str(kept)]),
        ):
            with pytest.raises(ConfigMistake, match="1 mistake"):
                called(command, *words, "--state-dir", str(folder))
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert {name: after[name] for name in before if "-shm" not in name} == {
        name: content for name, content in before.items() if "-shm" not in name
    }


def test_a_full_disk_under_the_output_is_said_in_a_sentence(folder: Path) -> None:
    words = ["--state-dir", str(folder), "--format", "ocmf"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli.main", "export", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode() == "laddvakt export: standard output: No space left on device\n"
