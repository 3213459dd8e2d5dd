"""The exported table: read back by csv as it was, and by `laddvakt verify` only if each cell is what was signed."""

import argparse
import asyncio
import csv
import io
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import export, verify
from gateway.devices.key_store import KEY_FILE, KeyStore
from gateway.errors import ConfigMistake, DeviceError
from gateway.journal.table_check import NotATable, table_of
from gateway.journal.tables import HEADER, OLD_HEADER, TableForm, _line, unguarded
from gateway.metering.pins import Pin, PinState, pins_text
from tests.ledger.ledger_bench import PocketKey
from tests.ledger.test_ledger_commands import called, charge

NUMBERS = ("begin_kwh", "end_kwh", "energy_kwh", "step_kwh")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions that ended, one of them by a user whose token is a formula, one that runs, and energy outside."""
    state = tmp_path_factory.mktemp("table") / "state"
    asyncio.run(charge(state))
    return state


def key_of(folder: Path) -> str:
    return KeyStore.load(folder).public_key_hex


def table(folder: Path, file: Path, *words: str) -> bytes:
    assert called(export, "--state-dir", str(folder), "--format", "csv", "-o", str(file), *words) == 0
    return file.read_bytes()


def rows(content: bytes, separator: str = ";") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator))


def written(file: Path, found: list[dict[str, str]], separator: str = ";") -> None:
    """As a spreadsheet or a forger would write it."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER, delimiter=separator)
        writer.writeheader()
        writer.writerows(found)


def verdict(file: Path, key: str, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = called(verify, str(file), *words, "--key", key)
    return code, capsys.readouterr().out


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("decimal", [",", "."])
@pytest.mark.parametrize("more", [[], ["--no-bom"], ["--without-records"]])
def test_a_table_in_every_form_is_read_by_csv_and_proven_by_verify(
    folder: Path, tmp_path: Path, separator: str, decimal: str, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file, records = tmp_path / "t.csv", tmp_path / "t.ocmf"
    content = table(folder, file, "--separator", separator, "--decimal", decimal, *more)
    assert content.startswith(b"\xef\xbb\xbf") is ("--no-bom" not in more)
    found = rows(content, separator)
    assert [row["kind"] for row in found] == ["session", "session", "outside"]
    assert [row["energy_kwh"] for row in found] == [f"7{decimal}30", f"1{decimal}00", f"0{decimal}15"]
    assert found[1]["user"] == "'=cmd()|calc"
    assert [row["grade"] for row in found] == ["gateway-signed", "gateway-signed", ""]
    assert [row["verdict"] for row in found] == ["green", "green", ""]
    assert len({row["journal_head"] for row in found}) == 1
    beside = []
    if "--without-records" in more:
        assert verdict(file, key_of(folder), capsys)[0] == 1
        called(export, "--state-dir", str(folder), "--format", "ocmf", "--session", "s1", "-o", str(records))
        other = tmp_path / "s2.ocmf"
        called(export, "--state-dir", str(folder), "--format", "ocmf", "--session", "s2", "-o", str(other))
        beside = [str(records), str(other)]
    code, said = verdict(file, key_of(folder), capsys, *beside)
    assert code == 0, said
    assert "7.30 kWh" in said


def other_texts(row: dict[str, str], name: str) -> Iterator[str]:
    """What a forger might put into a cell."""
    if name in NUMBERS and row[name]:
        yield row[name].replace("0", "1", 1)
        yield row[name].replace(",", "")
    yield "x"
    if row[name]:
        yield ""


@pytest.mark.parametrize("seal", ["as it was", "taken away"])
def test_whatever_cell_is_changed_the_table_is_red(
    folder: Path, tmp_path: Path, seal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, forged = tmp_path / "t.csv", tmp_path / "forged.csv"
    found = rows(table(folder, file))
    if seal == "taken away":
        found[-1]["signature"] = ""
        written(forged, found)
        assert verdict(forged, key_of(folder), capsys)[0] == 1
    # What stands in no record is covered by the signature over the table alone.
    loose = set() if seal == "as it was" else {"gateway", "journal_head", "signature", "begin_record", "end_record"}
    changes = 0
    for at, row in enumerate(found):
        if seal == "taken away" and row["kind"] == "outside":
            continue
        for name in HEADER:
            for other in other_texts(row, name) if name not in loose else ():
                written(forged, [row | {name: other} if n == at else every for n, every in enumerate(found)])
                code, said = verdict(forged, key_of(folder), capsys)
                # Without its signature a table that misses one is only not proven.
                only_unsigned = name == "signature" and other == ""
                assert code == (1 if only_unsigned else 2), (row["kind"], name, other, said)
                changes += 1
    assert changes > 60


def resaved(content: bytes, separator: str = ";", mark: str = "\ufeff", **form: Any) -> bytes:
    """The same cells as another program writes them."""
    found = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, **form).writerows(found)
    return (mark + text.getvalue()).encode()


def test_a_table_that_a_spreadsheet_saved_anew_is_not_called_false_and_not_green(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    content = table(folder, file)
    assert resaved(content) == content
    for other in (
        resaved(content, quoting=csv.QUOTE_ALL),
        resaved(content, separator=","),
        resaved(content, separator="\t"),
        resaved(content, mark=""),
        resaved(content, lineterminator="\n"),
        resaved(content, mark="sep=;\r\n"),
        resaved(content, mark="").decode().encode("utf-16"),
        content + b"\r\n",
    ):
        file.write_bytes(other)
        code, said = verdict(file, key_of(folder), capsys)
        assert code == 1, said
        assert "table_resaved" in said
        file.write_bytes(
            other.replace(b"7,30", b"7,31").replace("7,30".encode("utf-16-le"), "7,31".encode("utf-16-le"))
        )
        code, said = verdict(file, key_of(folder), capsys)
        assert code == 2, said
        assert "table_changed" in said
        assert "cell_changed" in said


def test_a_table_whose_columns_changed_places_or_names_is_red_whichever_they_are(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    table(folder, file)
    found = list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline=""), delimiter=";"))
    for order in ((1, 0, *range(2, 30)), range(1, 30), (*range(10), 11, 10, *range(12, 30))):
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter=";").writerows([row[at] for at in order] for row in found)
        code, said = verdict(file, key_of(folder), capsys)
        assert code == 2
        assert "table_not_right" in said
        assert "nothing_found" not in said
    found[0][1] = "Session"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows(found)
    assert verdict(file, key_of(folder), capsys)[0] == 2


def test_a_row_that_is_taken_out_repeated_or_moved_is_found(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    lines = table(folder, file).splitlines(keepends=True)
    for forged in (lines[:1] + lines[2:], [*lines[:2], lines[1], *lines[2:]], [lines[0], lines[2], lines[1], lines[3]]):
        file.write_bytes(b"".join(forged))
        code, said = verdict(file, key_of(folder), capsys)
        assert code == 2
        assert "table_changed" in said
    file.write_bytes(b"".join(lines[:-1]))
    code, said = verdict(file, key_of(folder), capsys)
    assert code == 1
    assert "table_unsigned" in said


def test_a_row_with_another_sessions_records_is_red_even_if_it_shows_what_they_say(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    first, second, _ = rows(table(folder, file))
    second["signature"] = ""
    written(file, [first, second | {"begin_record": first["begin_record"], "end_record": first["end_record"]}])
    code, said = verdict(file, key_of(folder), capsys)
    assert code == 2
    assert "replayed" in said
    assert "cell_changed" in said
    written(file, [first, first])
    assert "replayed" in verdict(file, key_of(folder), capsys)[1]


def test_another_key_makes_the_table_and_its_records_red(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(folder, tmp_path / "t.csv")
    code, said = verdict(tmp_path / "t.csv", PocketKey().public_key_hex, capsys)
    assert code == 2
    assert "signature_wrong" in said
    assert "table_changed" in said


@pytest.mark.parametrize(("state", "code"), [(PinState.CONFIRMED, 0), (PinState.TOFU, 1), (None, 1)])
def test_a_table_is_as_green_as_the_pin_of_its_gateway(
    folder: Path, tmp_path: Path, state: PinState | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file, store = tmp_path / "t.csv", tmp_path / "pins"
    serial = rows(table(folder, file))[0]["gateway"]
    pins = [] if state is None else [Pin(serial, None, key_of(folder), state, "the board", "2026", "label")]
    store.write_text(pins_text(pins))
    capsys.readouterr()
    assert called(verify, str(file), "--pins", str(store)) == code


def test_a_copy_without_its_key_makes_a_table_that_says_that_it_is_not_signed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_of(folder)
    (folder / KEY_FILE).rename(folder / "away")
    try:
        table(folder, tmp_path / "t.csv")
    finally:
        (folder / "away").rename(folder / KEY_FILE)
    assert "not signed as a whole" in capsys.readouterr().err
    code, said = verdict(tmp_path / "t.csv", key, capsys)
    assert code == 1
    assert "table_unsigned" in said
    assert "outside: 1" in said


def test_a_table_that_cannot_be_read_says_where(folder: Path, tmp_path: Path) -> None:
    lines = table(folder, tmp_path / "t.csv").splitlines(keepends=True)
    for content, words in (
        (lines[0] + b"session;s1\r\n", "line 2 has 2 cells"),
        (lines[0].replace(b"socket", b"sockel"), "its columns"),
        (lines[0] + b'"s;', "line"),
        (lines[0] + b"\xff", "UTF-8"),
    ):
        with pytest.raises(NotATable, match=words):
            table_of(content, "t")


def test_what_a_table_says_is_shown_without_anything_that_a_page_would_act_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    found = rows(table(folder, file))
    found[0]["socket"] = "<script>\x1b[31m&"
    written(file, found)
    code, said = verdict(file, key_of(folder), capsys)
    assert code == 2
    assert not {"<", ">", "&", "\x1b"} & set(said)


def test_one_user_one_socket_and_a_period_of_local_days_are_chosen(folder: Path, tmp_path: Path) -> None:
    def chosen(*words: str) -> list[str]:
        return [row["session"] or row["kind"] for row in rows(table(folder, tmp_path / "t.csv", *words))]

    assert chosen("--user", "resident-7") == ["s1"]
    assert chosen("--user", "=cmd()|calc", "--socket", "p2") == ["s2"]
    assert chosen("--socket", "p1") == ["s1", "outside"]
    config = tmp_path / "laddvakt.toml"
    config.write_text(f'[gateway]\nid = "g"\nstate_dir = "{folder}"\ntime_zone = "Pacific/Kiritimati"\n')
    words = [str(config), "--format", "csv", "-o", str(tmp_path / "t.csv")]
    # 12:00 UTC on 1 March is 02:00 of the 2nd there.
    for since, until, expected in (("2026-03-01", "2026-03-02", 0), ("2026-03-02", "2026-03-03", 3)):
        called(export, *words, "--from", since, "--to", until)
        assert len(rows((tmp_path / "t.csv").read_bytes())) == expected


def test_what_was_never_there_is_said_so_instead_of_an_empty_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--state-dir", str(folder), "--format", "csv", "-o", str(tmp_path / "t.csv")]
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


def test_every_export_names_the_journals_head(folder: Path, tmp_path: Path) -> None:
    head = rows(table(folder, tmp_path / "t.csv"))[0]["journal_head"]
    seq, digest = head.split(":")
    assert int(seq) > 0
    assert len(digest) == 64
    called(export, "--state-dir", str(folder), "--format", "safe-xml", "--session", "s1", "-o", str(tmp_path / "x"))
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


def test_a_table_from_before_records_stood_in_it_is_still_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, records = tmp_path / "old.csv", tmp_path / "t.ocmf"
    found = rows(table(folder, tmp_path / "t.csv"))[:1]
    called(export, "--state-dir", str(folder), "--format", "ocmf", "--session", "s1", "-o", str(records))
    for changed, code in (({}, 1), ({"end_kwh": "107,40"}, 2), ({"billable": "no"}, 2)):
        with old.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, OLD_HEADER, delimiter=";", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(row | changed for row in found)
        assert verdict(old, key_of(folder), capsys, str(records))[0] == code


def test_a_file_gets_its_name_when_it_is_whole_and_keeps_its_mode(folder: Path, tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("older")
    real.chmod(0o600)
    link.symlink_to(real)
    content = table(folder, link)
    assert link.is_symlink()
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (content, 0o600)

    def torn() -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(DeviceError, match=r"real\.csv: No space left on device"):
        export._write(str(real), torn())
    assert real.read_bytes() == content
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.csv", "real.csv"]


def test_a_table_goes_to_what_is_no_file_too(folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert called(export, "--state-dir", str(folder), "--format", "csv", "-o", str(pipe)) == 0
    assert os.read(reader, 65536).endswith(b"\r\n")
    os.close(reader)
    assert pipe.is_fifo()
