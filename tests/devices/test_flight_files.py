"""The recorder's ring of files: bounded, readable where it was cut, and nobody's trouble when the medium is."""

import gzip
import itertools
import json
import os
import stat
from pathlib import Path

import pytest

from gateway.devices import flight_files
from gateway.devices.flight_files import FOLDER, FlightFiles, recorded_lines, recordings
from gateway.errors import DeviceError, JournalDamaged


def written(folder: Path, name: str, lines: int, bytes_max: int = 10_000_000) -> None:
    files = FlightFiles(folder, bytes_max)
    assert files.begin(name, json.dumps({"first": name}))
    for number in range(lines):
        assert files.add(json.dumps([number, "x" * 50, str(hash(f"{name}{number}"))]))
    files.close(10.0)


def test_lines_come_back_as_they_went_and_only_the_owner_may_read_them(tmp_path: Path) -> None:
    written(tmp_path, "20260601T120000-1", 100)
    (path,) = recordings(tmp_path / FOLDER)
    lines = [json.loads(line) for line in recorded_lines(path)]
    assert lines[0] == {"first": "20260601T120000-1"}
    assert [line[0] for line in lines[1:]] == list(range(100))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_recording_that_a_crash_cut_is_read_up_to_the_cut(tmp_path: Path) -> None:
    written(tmp_path, "a", 400)
    (path,) = recordings(tmp_path / FOLDER)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    lines = [json.loads(line) for line in recorded_lines(path)]
    assert 10 < len(lines) < 400
    assert [line[0] for line in lines[1:]] == list(range(len(lines) - 1))


def test_the_oldest_recordings_are_given_up_when_all_are_more_than_agreed(tmp_path: Path) -> None:
    for hour in range(5):
        written(tmp_path, f"2026060{hour}", 300, bytes_max=12_000)
    kept = recordings(tmp_path / FOLDER)
    assert kept[-1].name.startswith("20260604")
    assert 1 <= len(kept) < 5
    assert [path.name for path in kept] == sorted(path.name for path in kept)


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"not packed")
    with pytest.raises(JournalDamaged, match="no whole recording"):
        list(recorded_lines(path))
    with pytest.raises(DeviceError, match="No such file"):
        list(recorded_lines(tmp_path / "b.jsonl.gz"))
    broken = bytearray(gzip.compress(b"[1]\n" * 5000))
    broken[12:40] = b"\xff" * 28
    path.write_bytes(bytes(broken))
    with pytest.raises(JournalDamaged, match="no whole recording"):
        list(recorded_lines(path))


def test_a_medium_that_is_nearly_full_pauses_recording_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(flight_files, "FREE_BYTES_MIN", 1 << 62)
    files = FlightFiles(tmp_path, 10_000_000)
    for _ in range(3):
        files.begin("a", "{}")
        files.add("[]")
    files.close(10.0)
    assert not recordings(tmp_path / FOLDER)
    assert sum("flight recorder pauses" in line for line in caplog.messages) == 1


def test_a_medium_that_fills_up_meanwhile_gets_the_room_of_old_recordings_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The journal needs it more; what was written of the newest recording stays to be read."""
    written(tmp_path, "a", 10)
    written(tmp_path, "b", 10)
    room = os.statvfs(tmp_path)
    empty = os.statvfs_result((*room[:4], 0, *room[5:]))
    answers = itertools.chain([room, room], itertools.repeat(empty))
    monkeypatch.setattr(os, "statvfs", lambda _path: next(answers))
    monkeypatch.setattr(flight_files, "PIECE_S", 0.0)
    files = FlightFiles(tmp_path, 10_000_000)
    assert files.begin("c", "{}")
    files.close(10.0)
    (path,) = recordings(tmp_path / FOLDER)
    assert path.name.startswith("c")
    assert list(recorded_lines(path)) == ["{}\n"]
    assert sum("flight recorder pauses" in line for line in caplog.messages) == 1


def test_a_folder_that_cannot_be_made_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way", "utf-8")
    files = FlightFiles(tmp_path, 1000)
    assert files.begin("a", "{}")
    files.close(10.0)
    assert not files.add("[]")
