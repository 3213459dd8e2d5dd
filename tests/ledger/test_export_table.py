"""The exported table: read back by csv as it was, and by `laddvakt verify` only if each cell is what was signed."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import export, verify
from gateway.devices.key_store import KEY_FILE
from gateway.journal.table_check import NotATable, table_of
from gateway.journal.tables import HEADER, OLD_HEADER
from gateway.metering.pins import Pin, PinState, pins_text
from tests.ledger.command_bench import called
from tests.ledger.exported_table import NUMBERS, key_of, rows, table, verdict, written
from tests.ledger.ledger_bench import PocketKey


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("decimal", [",", "."])
@pytest.mark.parametrize("more", [[], ["--no-bom"], ["--without-records"]])
def test_a_table_in_every_form_is_read_by_csv_and_proven_by_verify(
    charged_folder: Path,
    tmp_path: Path,
    separator: str,
    decimal: str,
    more: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, records = tmp_path / "t.csv", tmp_path / "t.ocmf"
    content = table(charged_folder, file, "--separator", separator, "--decimal", decimal, *more)
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
        assert verdict(file, key_of(charged_folder), capsys)[0] == 1
        called(export, "--state-dir", str(charged_folder), "--format", "ocmf", "--session", "s1", "-o", str(records))
        other = tmp_path / "s2.ocmf"
        called(export, "--state-dir", str(charged_folder), "--format", "ocmf", "--session", "s2", "-o", str(other))
        beside = [str(records), str(other)]
    code, said = verdict(file, key_of(charged_folder), capsys, *beside)
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
    charged_folder: Path, tmp_path: Path, seal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, forged = tmp_path / "t.csv", tmp_path / "forged.csv"
    found = rows(table(charged_folder, file))
    if seal == "taken away":
        found[-1]["signature"] = ""
        written(forged, found)
        assert verdict(forged, key_of(charged_folder), capsys)[0] == 1
    # What stands in no record is covered by the signature over the table alone.
    loose = set() if seal == "as it was" else {"gateway", "journal_head", "signature", "begin_record", "end_record"}
    changes = 0
    for at, row in enumerate(found):
        if seal == "taken away" and row["kind"] == "outside":
            continue
        for name in HEADER:
            for other in other_texts(row, name) if name not in loose else ():
                written(forged, [row | {name: other} if n == at else every for n, every in enumerate(found)])
                code, said = verdict(forged, key_of(charged_folder), capsys)
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
    charged_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    content = table(charged_folder, file)
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
        code, said = verdict(file, key_of(charged_folder), capsys)
        assert code == 1, said
        assert "table_resaved" in said
        file.write_bytes(
            other.replace(b"7,30", b"7,31").replace("7,30".encode("utf-16-le"), "7,31".encode("utf-16-le"))
        )
        code, said = verdict(file, key_of(charged_folder), capsys)
        assert code == 2, said
        assert "table_changed" in said
        assert "cell_changed" in said


def test_a_table_whose_columns_changed_places_or_names_is_red_whichever_they_are(
    charged_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    table(charged_folder, file)
    found = list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline=""), delimiter=";"))
    for order in ((1, 0, *range(2, 30)), range(1, 30), (*range(10), 11, 10, *range(12, 30))):
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter=";").writerows([row[at] for at in order] for row in found)
        code, said = verdict(file, key_of(charged_folder), capsys)
        assert code == 2
        assert "table_not_right" in said
        assert "nothing_found" not in said
    found[0][1] = "Session"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows(found)
    assert verdict(file, key_of(charged_folder), capsys)[0] == 2


def test_a_row_that_is_taken_out_repeated_or_moved_is_found(
    charged_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    lines = table(charged_folder, file).splitlines(keepends=True)
    for forged in (lines[:1] + lines[2:], [*lines[:2], lines[1], *lines[2:]], [lines[0], lines[2], lines[1], lines[3]]):
        file.write_bytes(b"".join(forged))
        code, said = verdict(file, key_of(charged_folder), capsys)
        assert code == 2
        assert "table_changed" in said
    file.write_bytes(b"".join(lines[:-1]))
    code, said = verdict(file, key_of(charged_folder), capsys)
    assert code == 1
    assert "table_unsigned" in said


def test_a_row_with_another_sessions_records_is_red_even_if_it_shows_what_they_say(
    charged_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    first, second, _ = rows(table(charged_folder, file))
    second["signature"] = ""
    written(file, [first, second | {"begin_record": first["begin_record"], "end_record": first["end_record"]}])
    code, said = verdict(file, key_of(charged_folder), capsys)
    assert code == 2
    assert "replayed" in said
    assert "cell_changed" in said
    written(file, [first, first])
    assert "replayed" in verdict(file, key_of(charged_folder), capsys)[1]


def test_another_key_makes_the_table_and_its_records_red(
    charged_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(charged_folder, tmp_path / "t.csv")
    code, said = verdict(tmp_path / "t.csv", PocketKey().public_key_hex, capsys)
    assert code == 2
    assert "signature_wrong" in said
    assert "table_changed" in said


@pytest.mark.parametrize(("state", "code"), [(PinState.CONFIRMED, 0), (PinState.TOFU, 1), (None, 1)])
def test_a_table_is_as_green_as_the_pin_of_its_gateway(
    charged_folder: Path, tmp_path: Path, state: PinState | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file, store = tmp_path / "t.csv", tmp_path / "pins"
    serial = rows(table(charged_folder, file))[0]["gateway"]
    pins = [] if state is None else [Pin(serial, None, key_of(charged_folder), state, "the board", "2026", "label")]
    store.write_text(pins_text(pins))
    capsys.readouterr()
    assert called(verify, str(file), "--pins", str(store)) == code


def test_a_copy_without_its_key_makes_a_table_that_says_that_it_is_not_signed(
    charged_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_of(charged_folder)
    (charged_folder / KEY_FILE).rename(charged_folder / "away")
    try:
        table(charged_folder, tmp_path / "t.csv")
    finally:
        (charged_folder / "away").rename(charged_folder / KEY_FILE)
    assert "not signed as a whole" in capsys.readouterr().err
    code, said = verdict(tmp_path / "t.csv", key, capsys)
    assert code == 1
    assert "table_unsigned" in said
    assert "outside: 1" in said


def test_a_table_that_cannot_be_read_says_where(charged_folder: Path, tmp_path: Path) -> None:
    lines = table(charged_folder, tmp_path / "t.csv").splitlines(keepends=True)
    for content, words in (
        (lines[0] + b"session;s1\r\n", "line 2 has 2 cells"),
        (lines[0].replace(b"socket", b"sockel"), "its columns"),
        (lines[0] + b'"s;', "line"),
        (lines[0] + b"\xff", "UTF-8"),
    ):
        with pytest.raises(NotATable, match=words):
            table_of(content, "t")


def test_what_a_table_says_is_shown_without_anything_that_a_page_would_act_on(
    charged_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    found = rows(table(charged_folder, file))
    found[0]["socket"] = "<script>\x1b[31m&"
    written(file, found)
    code, said = verdict(file, key_of(charged_folder), capsys)
    assert code == 2
    assert not {"<", ">", "&", "\x1b"} & set(said)


def test_a_table_from_before_records_stood_in_it_is_still_read(
    charged_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, records = tmp_path / "old.csv", tmp_path / "t.ocmf"
    found = rows(table(charged_folder, tmp_path / "t.csv"))[:1]
    called(export, "--state-dir", str(charged_folder), "--format", "ocmf", "--session", "s1", "-o", str(records))
    for changed, code in (({}, 1), ({"end_kwh": "107,40"}, 2), ({"billable": "no"}, 2)):
        with old.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, OLD_HEADER, delimiter=";", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(row | changed for row in found)
        assert verdict(old, key_of(charged_folder), capsys, str(records))[0] == code
