"""What an exported table holds: whose sessions, of which days, in which file, with which head."""

import argparse
import csv
import io
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import export
from gateway.errors import ConfigMistake, DeviceError
from gateway.journal.tables import TableForm, _line, unguarded
from tests.ledger.command_bench import called
from tests.ledger.exported_table import rows, table


def test_one_user_one_socket_and_a_period_of_local_days_are_chosen(charged_folder: Path, tmp_path: Path) -> None:
    def chosen(*words: str) -> list[str]:
        return [row["session"] or row["kind"] for row in rows(table(charged_folder, tmp_path / "t.csv", *words))]

    assert chosen("--user", "resident-7") == ["s1"]
    assert chosen("--user", "=cmd()|calc", "--socket", "p2") == ["s2"]
    assert chosen("--socket", "p1") == ["s1", "outside"]
    config = tmp_path / "laddvakt.toml"
    config.write_text(f'[gateway]\nid = "g"\nstate_dir = "{charged_folder}"\ntime_zone = "Pacific/Kiritimati"\n')
    words = [str(config), "--format", "csv", "-o", str(tmp_path / "t.csv")]
    # 12:00 UTC on 1 March is 02:00 of the 2nd there.
    for since, until, expected in (("2026-03-01", "2026-03-02", 0), ("2026-03-02", "2026-03-03", 3)):
        called(export, *words, "--from", since, "--to", until)
        assert len(rows((tmp_path / "t.csv").read_bytes())) == expected


def test_what_was_never_there_is_said_so_instead_of_an_empty_file(
    charged_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--state-dir", str(charged_folder), "--format", "csv", "-o", str(tmp_path / "t.csv")]
    for name, said in (("socket", "p9"), ("user", "nobody"), ("session", "s9")):
        with pytest.raises(DeviceError, match=f"no {name} {said}"):
            called(export, *words, f"--{name}", said)
    with pytest.raises(ConfigMistake) as mistake:
        called(export, *words, "--from", "2026-03-02", "--to", "2026-03-02")
    assert "before it begins" in str(mistake.value.mistakes[0])
    with pytest.raises(SystemExit):
        called(export, *words, "--from", "yesterday")
    assert "is no time; write 2026-03-01" in capsys.readouterr().err
    called(export, *words, "--from", "2030-01-01")
    assert "no session in this selection" in capsys.readouterr().err
    assert rows((tmp_path / "t.csv").read_bytes()) == []


def test_every_export_names_the_journals_head(charged_folder: Path, tmp_path: Path) -> None:
    head = rows(table(charged_folder, tmp_path / "t.csv"))[0]["journal_head"]
    seq, digest = head.split(":")
    assert int(seq) > 0
    assert len(digest) == 64
    called(
        export, "--state-dir", str(charged_folder), "--format", "safe-xml", "--session", "s1", "-o", str(tmp_path / "x")
    )
    assert f"journal head {head} " in (tmp_path / "x").read_text()


@given(cells=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1), separator=st.sampled_from(";,"))
def test_every_text_comes_back_from_a_cell_and_none_is_a_formula(cells: list[str], separator: str) -> None:
    ((*read,),) = csv.reader(io.StringIO(_line(cells, separator), newline=""), delimiter=separator, strict=True)
    assert [unguarded(cell) for cell in read] == cells or cells == [""]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in read)


def test_times_are_of_the_machine_where_no_config_names_a_zone() -> None:
    args = argparse.Namespace(since=datetime(2026, 3, 1), until=None)  # noqa: DTZ001  # the very case: no zone
    export._set_period(args, None)
    assert args.since.tzinfo is not None
    assert TableForm().decimal == ","


def test_a_file_gets_its_name_when_it_is_whole_and_keeps_its_mode(charged_folder: Path, tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("older")
    real.chmod(0o600)
    link.symlink_to(real)
    content = table(charged_folder, link)
    assert link.is_symlink()
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (content, 0o600)

    def torn() -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(DeviceError, match=r"real\.csv: No space left on device"):
        export._write(str(real), torn())
    assert real.read_bytes() == content
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.csv", "real.csv"]


def test_a_table_goes_to_what_is_no_file_too(charged_folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert called(export, "--state-dir", str(charged_folder), "--format", "csv", "-o", str(pipe)) == 0
    assert os.read(reader, 65536).endswith(b"\r\n")
    os.close(reader)
    assert pipe.is_fifo()
