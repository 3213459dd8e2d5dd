"""Genuine files in the forms that people's programs leave them in are not called false, and no forgery gains by it."""

import argparse
import asyncio
import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.cli import export, import_records, verify
from gateway.devices.journal_store import JournalStore
from gateway.devices.key_store import KeyStore
from gateway.metering.safe_xml import safe_xml
from tests.ledger.ledger_bench import NOON, SOCKETS, HandClock, begin, end, reading, station
from tests.metering.makers import MakersMeter
from tests.metering.makers import reading as said
from tests.metering.records import Pen, pair_texts

NUMBERS = ("begin_kwh", "end_kwh", "energy_kwh", "step_kwh")
TEN = timedelta(minutes=10)


def called(command: ModuleType, *words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args([str(word) for word in words]))
    return code


async def charge(folder: Path) -> None:
    """Two sessions on two sockets, and energy outside them on a third and on the first."""
    clock = HandClock()
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, station())
    await ledger.book_outside(SOCKETS[2], reading(clock, "5.00", "87654321"))
    await ledger.record_begin(begin("s1", reading(clock, "100.00")))
    await ledger.record_begin(begin("s2", reading(clock, "50.00"), socket=SOCKETS[1]))
    clock.pass_s(600)
    await ledger.record_end(end("s1", reading(clock, "107.30")))
    await ledger.record_end(end("s2", reading(clock, "51.00"), socket=SOCKETS[1]))
    await ledger.book_outside(SOCKETS[0], reading(clock, "107.50"))
    await ledger.book_outside(SOCKETS[2], reading(clock, "6.00", "87654321"))
    await ledger.shut_down()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("forms") / "state"
    asyncio.run(charge(state))
    return state


def key_of(folder: Path) -> str:
    return KeyStore.load(folder).public_key_hex


def exported(folder: Path, file: Path, *words: str) -> Path:
    assert called(export, "--state-dir", folder, "-o", file, "--format", *words) == 0
    return file


def test_a_table_is_handed_in_with_the_records_that_it_holds_and_nothing_stands_twice(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_of(folder)
    table = exported(folder, tmp_path / "t.csv", "csv")
    records = exported(folder, tmp_path / "s1.xml", "safe-xml", "--session", "s1")
    for files in ([table, records], [records, table]):
        capsys.readouterr()
        assert called(verify, *files, "--key", key) == 0
        assert capsys.readouterr().out.count("7.30 kWh") == 1
    again = tmp_path / "again.xml"
    again.write_bytes(records.read_bytes())
    for files in ([records, again], [table, records, again], [table, table]):
        assert called(verify, *files, "--key", key) == 2
        assert "[replayed]" in capsys.readouterr().out


def rows(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig"), newline=""), delimiter=";"))


def written(file: Path, found: list[dict[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(found[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(found)


@pytest.mark.parametrize("sign", [",", "."])
def test_a_spreadsheet_that_leaves_the_last_zeros_away_makes_a_table_yellow_and_a_changed_number_red(
    folder: Path, tmp_path: Path, sign: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = exported(folder, tmp_path / "t.csv", "csv", "--decimal", sign)
    found = rows(table)
    for row in found:
        row |= {name: row[name].rstrip("0").rstrip(sign) for name in NUMBERS if sign in row[name]}
    assert [row["end_kwh"] for row in found] == [f"107{sign}3", "51", f"107{sign}5", "6"]
    written(table, found)
    assert called(verify, table, "--key", key_of(folder)) == 1
    assert "[table_resaved]" in capsys.readouterr().out
    for at, changes, reason in (
        (0, {"energy_kwh": f"7{sign}4"}, "cell_changed"),
        (2, {"begin_kwh": "107", "energy_kwh": f"0{sign}5"}, "table_changed"),
        (2, {"begin_kwh": "x"}, "table_changed"),
        (3, {"socket": "p1"}, "table_changed"),
    ):
        written(table, [row | changes if place == at else row for place, row in enumerate(found)])
        assert called(verify, table, "--key", key_of(folder)) == 2, changes
        assert f"[{reason}]" in capsys.readouterr().out
    written(table, [*found[:1], *found[2:]])
    assert called(verify, table, "--key", key_of(folder)) == 2


def test_a_page_that_is_known_may_stand_in_an_archive(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, key = exported(folder, tmp_path / "all.pyz", "archive"), key_of(folder)
    assert called(verify, archive, "--key", key, "--to-page", "4") == 0
    assert called(verify, archive, "--key", key, "--to-page", "5") == 1
    assert "[pages_missing]" in capsys.readouterr().out


@pytest.mark.parametrize("slip", ["yesterday", "0001-01-01", "9999-12-31T23:00"])
def test_a_time_at_the_end_of_the_calendar_is_told(folder: Path, slip: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("--from", "--to"):
        with pytest.raises(SystemExit):
            called(export, "--state-dir", folder, "--format", "csv", name, slip)
        assert f"'{slip}' is no time; write 2026-03-01" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n  "])
def test_records_and_keys_are_read_as_editors_save_them(tmp_path: Path, encoding: str, line_end: str) -> None:
    pen, file, key = Pen(), tmp_path / "records", tmp_path / "key"
    texts = [pen.record(text) for text in pair_texts()]
    file.write_bytes(line_end.join(["", *texts, ""]).encode(encoding))
    for saved in (pen.public.hex, pen.public.pem):
        key.write_bytes(saved.encode(encoding))
        assert called(verify, file, "--key", key, "--whole-key") == 0


def test_a_file_that_holds_no_key_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "key"
    for content in (b"", b"\xff\xfe", b"\xef\xbb\xbfkind;session", b"\xe5", bytes(100_000)):
        key.write_bytes(content)
        assert called(verify, key, "--key", key) == 3
        assert "--key: no public key" in capsys.readouterr().err


def spread_record(meter: MakersMeter, value: str) -> str:
    """A record with line ends between its fields, and in a text what Unicode takes for one."""
    first = said(NOON, "B", "<1>", RI="1-0:1.8.0", RU="Wh", ST="G")
    payload = json.dumps(json.loads(meter.payload(first, said(NOON + TEN, "E", "<2>"))), indent=1)
    payload = payload.replace('"<1>"', "2935.0000").replace('"<2>"', value).replace('"Maker"', '"Ma\u2028k\x85er"')
    return meter.record(payload).replace('"SD"', '\n"SD"')


@pytest.mark.parametrize(("value", "energy"), [("2935.0000", "0,0000000"), ("2936.5000", "0,0015000")])
def test_a_meters_record_of_many_lines_and_many_digits_is_proven_in_table_and_archive(
    tmp_path: Path, value: str, energy: str
) -> None:
    state, meter, file = tmp_path / "state", MakersMeter(), tmp_path / "one.xml"
    asyncio.run(charge(state))
    file.write_text(safe_xml(1, spread_record(meter, value), None, meter.public.hex), "utf-8")
    assert called(import_records, file, "--socket", "p1", "--session", "s1", "--state-dir", state) == 0
    table = exported(state, tmp_path / "t.csv", "csv")
    assert rows(table)[0]["meter_energy_kwh"] == energy
    assert rows(table)[0]["grade"] == "meter-signed"
    assert called(verify, table, "--key", key_of(state)) == 0
    assert called(verify, exported(state, tmp_path / "all.pyz", "archive"), "--key", key_of(state)) == 0


def test_a_makers_text_may_hold_what_unicode_takes_for_a_line_end(tmp_path: Path) -> None:
    meter, file = MakersMeter(), tmp_path / "records"
    one = meter.session(NOON, "1.0", NOON + TEN, "2.5", MM="a\u2028b\x85c\x0c")
    file.write_text(one, "utf-8")
    assert called(verify, file, "--key", meter.public.hex) == 0


def test_keys_of_a_gateway_and_of_a_meter_are_given_in_any_order(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    meter, file = MakersMeter(), tmp_path / "records"
    table = exported(folder, tmp_path / "t.csv", "csv")
    file.write_text(meter.session(NOON, "1.0", NOON + TEN, "2.5"))
    keys = (key_of(folder), meter.public.hex)
    for first, second in (keys, keys[::-1]):
        assert called(verify, table, file, "--key", first, "--key", second) == 0
    file.write_text(MakersMeter().session(NOON, "1.0", NOON + TEN, "2.5"))
    assert called(verify, table, file, "--key", keys[1], "--key", keys[0]) == 2
    assert "[signature_wrong]" in capsys.readouterr().out
