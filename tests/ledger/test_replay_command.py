"""`laddvakt replay`: a recording of the whole shell, shown as table, CSV and drawing."""

import argparse
import csv
import io
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from gateway.cli import replay
from gateway.devices.flight_files import FOLDER, FlightFiles, recordings
from gateway.errors import ConfigMistake, DeviceError
from tests.journal.test_flight import two_sockets


def called(*words: object) -> int:
    parser = argparse.ArgumentParser()
    replay.add_arguments(parser)
    return replay.run(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder with one recording of two minutes, which begin at 07:17:20 UTC."""
    files = FlightFiles(tmp_path, 10_000_000)
    first, *rest = two_sockets().lines
    assert files.begin("20260115T071720-1040", first)
    assert all(files.add(line) for line in rest)
    files.close(10.0)
    return tmp_path


def test_every_decision_is_shown_with_its_reason_in_both_languages(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(folder) == 0
    swedish = capsys.readouterr().out
    assert "120 beslut, alla som då" in swedish
    assert "Startar: mätarställning läses och signeras" in swedish
    assert called(folder, "--language", "en", "--socket", "box") == 0
    english = capsys.readouterr().out
    assert "120 decisions, all as they were then" in english
    assert "plain" not in english


@pytest.mark.parametrize("option", ["--csv", "--svg"])
def test_no_table_and_no_drawing_takes_the_place_of_the_journal(folder: Path, option: str) -> None:
    journal = folder / "journal.sqlite3"
    journal.write_bytes(b"rows")
    for named in (folder, journal):
        with pytest.raises(ConfigMistake):
            called(named, option, journal)
    assert journal.read_bytes() == b"rows"


@pytest.mark.parametrize("moment", ["0001-01-01", "9999-12-31T23:59-12:00", "1e9", ""])
def test_a_moment_outside_the_calendar_is_told(moment: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        called("anywhere", "--from", moment)
    assert "is no time" in capsys.readouterr().err


def test_a_journal_a_folder_and_a_single_recording_name_the_same(folder: Path) -> None:
    (path,) = recordings(folder / FOLDER)
    (folder / "journal.sqlite3").touch()
    config = folder / "laddvakt.toml"
    config.write_text(f'[gateway]\nid = "x"\nstate_dir = "{folder}"\n', "utf-8")
    for name in (folder, folder / FOLDER, folder / "journal.sqlite3", config, path):
        assert called(name) == 0


def test_csv_has_every_fuse_phase_and_socket_each_so_many_seconds(folder: Path, tmp_path: Path) -> None:
    assert called(folder, "--csv", tmp_path / "t.csv", "--every", "30") == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text("utf-8-sig")), delimiter=";"))
    moments = sorted({row["time"] for row in rows})
    assert len(moments) == 4
    one = [row for row in rows if row["time"] == moments[-1]]
    assert [(row["kind"], row["name"], row["phase"]) for row in one] == [
        *(("fuse", "main", phase) for phase in ("L1", "L2", "L3")),
        *(("socket", "box", phase) for phase in ("L1", "L2", "L3")),
        ("socket", "plain", "L1"),
    ]
    assert all(row["as_live"] == "1" for row in rows)
    assert any("," in row["granted_a"] and row["because"] for row in rows)
    assert called(folder, "--csv", tmp_path / "e.csv", "--language", "en") == 0
    english = list(csv.DictReader(io.StringIO((tmp_path / "e.csv").read_text("utf-8-sig"))))
    assert any("." in row["load_a"] for row in english)


def test_the_drawing_has_a_panel_for_each_fuse_and_socket(folder: Path, tmp_path: Path) -> None:
    assert called(folder, "--svg", tmp_path / "t.svg") == 0
    drawn = ET.parse(tmp_path / "t.svg").getroot()
    words = {"".join(text.itertext()) for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Säkring main", "Plats box", "Plats plain", "gräns", "får", "drar"} <= words
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}path"))) >= 6
    assert any(title.text for title in drawn.iter("{http://www.w3.org/2000/svg}title"))


def test_a_time_without_any_recording_is_told(folder: Path) -> None:
    with pytest.raises(DeviceError, match="nothing is recorded of that time"):
        called(folder, "--from", "2030-01-01")
    with pytest.raises(DeviceError, match="nothing is recorded of that time"):
        called(folder, "--to", "2020-01-01")
    assert called(folder, "--from", "2026-01-15T07:18:00+00:00", "--to", "2026-01-15T07:18:30+00:00") == 0


def test_a_folder_without_recordings_says_why_that_may_be(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="recording_mb = 0"):
        called(tmp_path)


def test_a_socket_that_was_not_there_is_a_slip(folder: Path) -> None:
    with pytest.raises(ConfigMistake):
        called(folder, "--socket", "p9")


@pytest.mark.parametrize("words", [("--hours", "0"), ("--every", "x"), ("--from", "yesterday")])
def test_wrong_words_are_refused(folder: Path, words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        called(folder, *words)


def test_a_decision_that_is_another_than_then_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = FlightFiles(folder, 10_000_000)
    first, *rest = two_sockets().lines
    assert files.begin("20260115T081720-1040", first)
    assert all(files.add(line) for line in rest[:-1])
    assert files.add(f"{rest[-1].rpartition(',')[0]},1]")
    files.close(10.0)
    assert called(recordings(folder / FOLDER)[-1]) == 1
    assert "1 av 120 beslut blir andra än då (version 1.2.3)" in capsys.readouterr().out
