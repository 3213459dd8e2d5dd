"""The load profile from the journal on disk to the verdict on each of its rows, and every change of it found."""

import argparse
import asyncio
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.app.faults import FaultLog
from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.app.load_profile import LoadProfile
from gateway.cli import export, verify
from gateway.clock import UtcTrust
from gateway.devices.journal_store import JournalStore
from gateway.devices.key_store import KeyStore
from gateway.errors import ConfigMistake, DeviceError
from gateway.ids import SocketId
from gateway.metering.keys import public_key
from gateway.metering.profile_csv import COLUMNS, rows_in
from gateway.metering.profile_proof import SignatureWorth, proven_profile
from gateway.metering.verdicts import Reason, Verdict
from tests.ledger.ledger_bench import NOON, HandClock, PocketKey, station
from tests.ledger.profile_bench import BenchMeters

P1, P2 = SocketId("p1"), SocketId("p2")


async def lived(folder: Path) -> None:
    """Two hours of two sockets; p2's meter is silent for half an hour, and for ten minutes nobody vouches for time."""
    clock = HandClock()
    meters = BenchMeters(clock, (P1, P2))
    boot = station()
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, boot)
    identities = {place: boot.meters[place] for place in (P1, P2)}
    profile = LoadProfile(ledger, meters, clock, identities=identities, faults=FaultLog(), most_w={})
    for minute in range(124):
        meters.silent = {"p2"} if 40 <= minute < 70 else set()
        clock.trust = UtcTrust.INFORMATIVE if 85 <= minute < 95 else UtcTrust.SYNCHRONISED
        for socket, wh in ((P1, 20), (P2, 15)):
            meters.kwh[socket] = meters.kwh.get(socket, Decimal("100.00")) + Decimal(wh) / 1000
        for _ in range(12):
            clock.pass_s(5)
            meters.poll()
            await profile.look()
    await profile.close()
    await ledger.shut_down()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profile") / "state"
    asyncio.run(lived(folder))
    return folder


def exported(folder: Path, output: Path, *words: str) -> bytes:
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    given = ["--state-dir", str(folder), "--format", "load-profile", "-o", str(output), *words]
    assert export.run(parser.parse_args(given)) == 0
    return output.read_bytes()


@dataclass(frozen=True)
class Said:
    """What `laddvakt verify` said of a file."""

    code: int
    text: str


@pytest.fixture
def judged(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def ask(content: bytes, *words: str, key: str | None = None) -> Said:
        file = tmp_path / "profile.csv"
        file.write_bytes(content)
        parser = argparse.ArgumentParser()
        verify.add_arguments(parser)
        pinned = key or KeyStore.load(folder).public_key_hex
        given = parser.parse_args([str(file), *([] if "--pins" in words else ["--key", pinned]), *words])
        return Said(verify.run(given), capsys.readouterr().out)

    return ask


def test_every_row_of_our_own_is_proven_and_the_sums_say_how_much(
    folder: Path, tmp_path: Path, judged: Callable[..., Said]
) -> None:
    said = judged(exported(folder, tmp_path / "p1.csv", "--socket", "p1", "--to", "2026-03-01T13:20:00+00:00"))
    assert said.code == 0, said.text
    assert "load profile p1: 6 rows, 1.480 kWh, of which proven 1.480 kWh" in said.text
    assert "lastprofil p1: 6 rader" in judged((tmp_path / "p1.csv").read_bytes(), "--language", "sv").text


def test_what_cannot_be_proven_is_yellow_and_says_why(
    folder: Path, tmp_path: Path, judged: Callable[..., Said]
) -> None:
    content = exported(folder, tmp_path / "all.csv")
    lines = content.decode("utf-8-sig").splitlines()
    header = lines[0].split(";")
    rows = [dict(zip(header, line.split(";"), strict=True)) for line in lines[1:]]
    p2 = [one for one in rows if one["socket"] == "p2"]
    assert [(one["zst_utc"][11:16], one["err"]) for one in p2] == [
        ("12:00", "LATE"), ("12:15", ""), ("12:30", ""), ("12:45", "MISSING"), ("13:00", "ASYNC GAP"), ("13:15", ""),
        ("13:30", ""), ("13:45", ""), ("14:00", ""),
    ]  # fmt: skip
    assert [one["map_state"] for one in p2] == ["ok"] * 3 + ["unmapped"] + ["ok"] * 2 + ["interpolated"] + ["ok"] * 2
    assert {one["sig_state"] for one in rows} == {"proven", ""}
    said = judged(content)
    assert said.code == 1
    assert "quarter_missing" in said.text
    assert said.text.count("clock_not_trusted") == 2
    assert re.search(r"load profile p2: 9 rows, ([\d.]+) kWh, of which proven \1 kWh", said.text)


def test_other_forms_are_read_as_well(folder: Path, tmp_path: Path, judged: Callable[..., Said]) -> None:
    for words in (("--separator", ","), ("--decimal", "."), ("--separator", ",", "--decimal", ","), ("--no-bom",)):
        until = ("--socket", "p1", "--to", "2026-03-01T13:20:00+00:00")
        assert judged(exported(folder, tmp_path / "f.csv", *until, *words)).code == 0


Change = str | Callable[[str], str]


def changed(content: bytes, line: int, column: str, value: Change) -> bytes:
    lines = content.decode("utf-8-sig").splitlines()
    cells = lines[line].split(";")
    at = COLUMNS.index(column)
    cells[at] = value if isinstance(value, str) else value(cells[at])
    lines[line] = ";".join(cells)
    return "\r\n".join([*lines, ""]).encode()


def test_every_changed_cell_of_a_row_is_found(folder: Path, tmp_path: Path) -> None:
    content = exported(folder, tmp_path / "p1.csv", "--socket", "p1", "--to", "2026-03-01T13:20:00+00:00")
    key = public_key(KeyStore.load(folder).public_key_hex)
    clean = proven_profile(rows_in(content, "f"), key)[0]
    assert clean.verdict is Verdict.GREEN
    others: dict[str, Change] = {
        "si": "9,000", "zst_utc": "2026-03-01T12:45:00+00:00", "zst_local": "2026-03-01T12:30:00+01:00",
        "register_wh": "1", "energy_wh": "299", "mean_w": "1199,0", "status": "X", "map_state": "interpolated",
        "err": "LATE", "device": "AB", "socket": "p2", "meter_serial": "9", "page": "7", "step_wh": "1",
        "read_utc": "2026-03-01T12:30:01.000+00:00", "time_state": "I", "previous": "0" * 64,
        "sig_state": "energy",
        "sig1": lambda text: text[:-2] + ("00" if text[-2:] != "00" else "01"),
        "sig2": lambda text: text[:-2] + ("00" if text[-2:] != "00" else "01"),
    }  # fmt: skip
    assert set(others) == set(COLUMNS)
    for column, value in others.items():
        reports = proven_profile(rows_in(changed(content, 3, column, value), "f"), key)
        verdict = max(report.verdict for report in reports)
        assert verdict is (Verdict.YELLOW if column == "device" else Verdict.RED), column
        if column not in {
            "energy_wh",
            "mean_w",
            "err",
            "zst_utc",
            "zst_local",
            "map_state",
            "sig_state",
            "sig2",
            "read_utc",
        }:
            assert sum(report.proven_wh for report in reports) < clean.proven_wh or column in {"time_state", "previous"}


def test_a_signature_that_was_taken_away_leaves_a_verdict_of_the_other_part(folder: Path, tmp_path: Path) -> None:
    content = exported(folder, tmp_path / "p1.csv", "--socket", "p1", "--to", "2026-03-01T13:20:00+00:00")
    key = public_key(KeyStore.load(folder).public_key_hex)
    clean = proven_profile(rows_in(content, "f"), key)[0]
    (energy,) = proven_profile(rows_in(changed(content, 3, "sig2", ""), "f"), key)
    assert [one.reason for one in energy.findings] == [Reason.TIME_NOT_SIGNED]
    assert energy.proven_wh == clean.proven_wh
    (time,) = proven_profile(rows_in(changed(content, 3, "sig1", ""), "f"), key)
    assert [one.reason for one in time.findings] == [Reason.UNSIGNED]
    assert time.proven_wh < clean.proven_wh == time.energy_wh
    none = changed(changed(content, 3, "sig1", ""), 3, "sig2", "")
    assert proven_profile(rows_in(none, "f"), key)[0].verdict is Verdict.YELLOW


@pytest.mark.parametrize(
    ("register", "time", "state"),
    [
        (True, True, "proven"), (True, None, "energy"), (None, True, "time"), (None, None, "unsigned"),
        (True, False, "false"), (False, True, "false"), (False, None, "false"),
    ],
)  # fmt: skip
def test_the_state_of_the_signatures_has_one_word(register: bool | None, time: bool | None, state: str) -> None:
    assert SignatureWorth(register, time).state.value == state


def test_rows_that_are_taken_out_doubled_or_moved_are_found(folder: Path, tmp_path: Path) -> None:
    content = exported(folder, tmp_path / "p1.csv", "--socket", "p1", "--to", "2026-03-01T13:20:00+00:00")
    key = public_key(KeyStore.load(folder).public_key_hex)
    lines = content.decode("utf-8-sig").splitlines()

    def found(order: list[int]) -> set[Reason]:
        text = "\r\n".join([lines[0], *(lines[at] for at in order), ""])
        return {one.reason for one in proven_profile(rows_in(text.encode(), "f"), key)[0].findings}

    assert Reason.PAGES_MISSING in found([1, 2, 4, 5])
    assert Reason.REPLAYED in found([1, 2, 2, 3])
    assert Reason.PAGES_NOT_RISING in found([1, 3, 2, 4]) | found([3, 4, 1])
    assert found([2, 3, 4]) == {Reason.CELL_CHANGED}  # its first row says energy of a row that is not here


def test_random_changes_are_never_green(folder: Path, tmp_path: Path) -> None:
    content = exported(folder, tmp_path / "p1.csv", "--socket", "p1", "--to", "2026-03-01T13:20:00+00:00", "--no-bom")
    key = public_key(KeyStore.load(folder).public_key_hex)
    lines = content.decode().splitlines()
    chance = random.Random(7)
    tried = 0
    while tried < 300:
        line, cell = chance.randrange(1, len(lines)), chance.choice(COLUMNS)
        cells = lines[line].split(";")
        text = cells[COLUMNS.index(cell)]
        if not text:
            continue
        at = chance.randrange(len(text))
        sign = chance.choice("0123456789ABCDEFgz,-+ ")
        value = text[:at] + sign + text[at + 1 :]
        if value.upper() == text.upper():
            continue
        tried += 1
        reports = proven_profile(rows_in(changed(content, line, cell, value), "f"), key)
        assert max(report.verdict for report in reports) is not Verdict.GREEN, (cell, text, value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("read_utc", "0001-01-01T00:00:00.000+23:59"), ("read_utc", "9999-12-31T23:59:59.999-01:00"),
        ("zst_utc", "9999-12-31T23:45:00-23:59"), ("register_wh", "1E999999999"), ("si", "1E-999999999"),
        ("register_wh", "9" * 4000), ("energy_wh", "1E999999999"), ("mean_w", "NaN"), ("page", "9" * 4096),
        ("meter_serial", "\U0001f50c"), ("err", "REPEATED"), ("sig1", "0\u0660"),
    ],
)  # fmt: skip
def test_a_hostile_cell_is_red_at_once(
    folder: Path, tmp_path: Path, judged: Callable[..., Said], column: str, value: str
) -> None:
    content = exported(folder, tmp_path / "p1.csv", "--socket", "p1", "--to", "2026-03-01T13:20:00+00:00")
    began_s = time.process_time()
    assert judged(changed(content, 3, column, value)).code == 2
    assert time.process_time() - began_s < 1.0


def test_another_key_proves_nothing_and_a_pin_that_nobody_confirmed_makes_nothing_green(
    folder: Path, tmp_path: Path, judged: Callable[..., Said]
) -> None:
    content = exported(folder, tmp_path / "p1.csv", "--socket", "p1", "--to", "2026-03-01T13:20:00+00:00")
    said = judged(content, key=PocketKey().public_key_hex)
    assert said.code == 1
    assert "of which proven 0" in said.text
    assert "key_not_pinned" in said.text
    store = tmp_path / "pins.json"
    store.write_text('{"version": 1, "pins": []}')
    assert "of which proven 0" in judged(content, "--pins", str(store)).text


def test_a_selection_that_makes_no_sense_is_refused_in_words(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no load profile of p9"):
        exported(folder, tmp_path / "f.csv", "--socket", "p9")
    with pytest.raises(ConfigMistake, match="arguments"):
        exported(folder, tmp_path / "f.csv", "--session", "s1")
    assert exported(folder, tmp_path / "f.csv", "--from", "2030-01-01").count(b"\r\n") == 1


def test_a_file_that_is_no_load_profile_after_all_is_red(judged: Callable[..., Said]) -> None:
    said = judged(b"si;zst_utc;what\r\n1;2;3\r\n")
    assert said.code == 2
    assert "table_not_right" in said.text


def test_days_are_cut_at_local_midnight(folder: Path, tmp_path: Path) -> None:
    until = NOON.replace(tzinfo=UTC) + timedelta(hours=1)
    rows = rows_in(exported(folder, tmp_path / "f.csv", "--to", until.isoformat(), "--socket", "p1"), "f")
    assert max(datetime.fromisoformat(one.cells["zst_utc"]) for one in rows) < until
