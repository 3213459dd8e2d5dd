"""One file that proves itself for years: whole it is green, with anything changed, taken away or put elsewhere red."""

import argparse
import ast
import asyncio
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.cli import export, verify
from gateway.cli.archive_form import DIGEST_BYTES, MANIFEST, RECORDS, ROWS, SIGNATURE, TABLE
from gateway.cli.archive_sources import verifier_sources
from gateway.devices.journal_store import JournalStore
from gateway.devices.key_store import KEY_FILE, KeyStore
from gateway.errors import ConfigMistake, DeviceError
from gateway.journal.heads import archive_text
from gateway.metering.pins import Pin, PinState, pins_text
from tests.ledger.ledger_bench import SOCKETS, HandClock, PocketKey, begin, end, reading, station

FLIPS = 20


def called(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command = export if words[0] == "export" else verify
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args([str(word) for word in words[1:]]))
    return code


async def live(folder: Path) -> None:
    """Two sessions that ended, energy outside, two configs, and a session that runs."""
    clock = HandClock()
    for config in ('{"a": 1}', '{"a": 2}'):
        here = replace(station(), config=config)
        ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, here)
        await ledger.shut_down()
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, here)
    for name, first, last in (("s1", "100.00", "107.30"), ("s2", "107.45", "109.00")):
        await ledger.record_begin(begin(name, reading(clock, first)))
        clock.pass_s(600)
        await ledger.record_end(end(name, reading(clock, last)))
    await ledger.record_begin(begin("s3", reading(clock, "5.00"), socket=SOCKETS[1]))
    await ledger.shut_down()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("archive") / "state"
    asyncio.run(live(state))
    return state


@pytest.fixture(scope="module")
def archive(folder: Path) -> Path:
    file = folder.parent / "all.pyz"
    assert called("export", "--state-dir", folder, "--format", "archive", "-o", file) == 0
    return file


def key_of(folder: Path) -> str:
    return KeyStore.load(folder).public_key_hex


def parts(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def packed(file: Path, content: dict[str, bytes], *, lists: bool = True, twice: str | None = None) -> Path:
    """An archive as somebody without the key would make it: every check sum right."""
    if lists and MANIFEST in content:
        manifest = json.loads(content[MANIFEST])
        manifest["parts"] = {
            name: [len(part), hashlib.sha256(part).hexdigest()]
            for name, part in content.items()
            if name not in {MANIFEST, SIGNATURE}
        }
        content = content | {MANIFEST: json.dumps(manifest).encode()}
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as zipped:
        for name, part in content.items():
            zipped.writestr(name, part)
        if twice is not None:
            with pytest.warns(UserWarning, match="Duplicate"):
                zipped.writestr(twice, b"other")
        zipped.comment = b"laddvakt archive, SHA-256 of all before: " + b"0" * DIGEST_BYTES
    before = held.getvalue()[:-DIGEST_BYTES]
    file.write_bytes(before + hashlib.sha256(before).hexdigest().encode())
    return file


def test_a_whole_archive_is_green_with_us_and_with_the_verifier_that_lies_in_it(
    folder: Path, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("verify", archive, "--key", key_of(folder)) == 0
    said = capsys.readouterr().out
    assert "7.30 kWh" in said
    assert "1.55 kWh" in said
    words = [sys.executable, "-I", str(archive), "--key", key_of(folder)]
    done = subprocess.run(words, cwd="/", env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, said)
    done = subprocess.run(words[:3], cwd="/", env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "--key" in done.stderr
    done = subprocess.run([*words[:2], "-S", *words[2:]], env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs cryptography" in done.stderr


def test_the_verifier_of_an_archive_speaks_to_any_terminal_and_says_when_nobody_hears_it(
    folder: Path, archive: Path
) -> None:
    words = [sys.executable, "-I", str(archive), "--key", key_of(folder), "--language", "sv"]
    plain = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([words[0], *words[2:]], env=plain, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"GRON" in done.stdout
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, env={}, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (3, b"laddvakt verify: standard output: No space left on device\n")
    with subprocess.Popen(words, env={}, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait() == 3


def test_an_archive_takes_the_place_of_no_device(folder: Path, tmp_path: Path) -> None:
    device = tmp_path / "null"
    os.mkfifo(device)
    with pytest.raises(DeviceError, match="is no file"):
        called("export", "--state-dir", folder, "--format", "archive", "-o", device)
    assert device.is_fifo()


def test_the_verifier_needs_python_and_cryptography_alone() -> None:
    sources = verifier_sources()
    own = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in sources}
    for name, source in sources.items():
        for node in ast.walk(ast.parse(source)) if name.endswith(".py") else ():
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in names:
                root = module.partition(".")[0]
                assert module in own or root in {*sys.stdlib_module_names, "cryptography"}, (name, module)
    assert not {name for name in own if name.startswith(("gateway.devices", "gateway.app", "gateway.config"))}


def test_an_archive_holds_rows_records_table_keys_and_every_config(folder: Path, archive: Path) -> None:
    held = parts(archive)
    contents = json.loads(held[MANIFEST])
    assert contents["head"].split(":")[0] == str(len(held[ROWS].splitlines()))
    assert len(held[RECORDS].splitlines()) == 5
    assert held[TABLE].count(b"\r\n") == 4
    assert [held[f"config/000{at}.json"] for at in (1, 2)] == [b'{"a": 1}\n', b'{"a": 2}\n']
    assert held[f"keys/{contents['gateway']}.pem"].startswith(b"-----BEGIN PUBLIC KEY")
    assert not any(b"PRIVATE KEY" in part for name, part in held.items() if not name.endswith(".py"))
    assert not list(archive.parent.glob("*.new"))


def test_every_bit_that_is_flipped_and_every_end_that_is_cut_off_is_found(
    folder: Path, archive: Path, tmp_path: Path
) -> None:
    chance, whole, file = random.Random(5), archive.read_bytes(), tmp_path / "forged"
    for turn in range(FLIPS):
        at = len(whole) - 1 - turn if turn < 10 else chance.randrange(len(whole))
        flipped = bytes([whole[at] ^ (1 << chance.randrange(8))])
        file.write_bytes(whole[:at] + flipped + whole[at + 1 :])
        assert called("verify", file, "--key", key_of(folder)) == 2, at
    for size in (len(whole) - 1, len(whole) // 2, 100, 4):
        file.write_bytes(whole[:size])
        assert called("verify", file, "--key", key_of(folder)) == 2, size


def test_a_part_that_is_changed_deleted_or_swapped_is_found_though_every_check_sum_is_made_to_fit(
    folder: Path, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held, file = parts(archive), tmp_path / "forged"
    lines = held[ROWS].splitlines(keepends=True)
    records = held[RECORDS].splitlines(keepends=True)
    forgeries = {
        "row deleted": {ROWS: b"".join(lines[:5] + lines[6:])},
        "rows swapped": {ROWS: b"".join([*lines[:5], lines[6], lines[5], *lines[7:]])},
        "digit in a row": {ROWS: held[ROWS].replace(b"107.30", b"107.20")},
        "tail cut off": {ROWS: b"".join(lines[:-1])},
        "row added": {ROWS: held[ROWS] + lines[-1]},
        "no row": {ROWS: b""},
        "not a row": {ROWS: b"[]\n"},
        "deep row": {ROWS: b"[" * 100_000},
        "record deleted": {RECORDS: b"".join(records[1:])},
        "cell": {TABLE: held[TABLE].replace(b"7,30", b"7,20")},
        "table row": {TABLE: b"".join(held[TABLE].splitlines(keepends=True)[:-1])},
        "no table": {TABLE: b"x"},
        "config": {"config/0001.json": b'{"a": 3}\n'},
        "config added": {"config/0003.json": b"{}"},
        "key": {next(name for name in held if name.startswith("keys/")): PocketKey().public.pem.encode()},
        "verifier": {"gateway/cli/verify.py": b"print('GREEN')"},
        "manifest": {MANIFEST: b"{}"},
        "signature": {SIGNATURE: held[SIGNATURE].lower()},
        "signature garbage": {SIGNATURE: b"zz"},
    }
    for name, changed in forgeries.items():
        packed(file, held | changed, lists=name != "manifest")
        assert called("verify", file, "--key", key_of(folder)) == 2, name
    for name in sorted(held):
        packed(file, {part: content for part, content in held.items() if part != name})
        code = called("verify", file, "--key", key_of(folder))
        assert code == (1 if name == SIGNATURE else 2), name
    first, second = "config/0001.json", "config/0002.json"
    packed(file, held | {first: held[second], second: held[first]})
    assert called("verify", file, "--key", key_of(folder)) == 2
    packed(file, held, twice=RECORDS)
    assert called("verify", file, "--key", key_of(folder)) == 2
    packed(file, held | {"more.txt": b"x"}, lists=False)
    assert called("verify", file, "--key", key_of(folder)) == 2
    capsys.readouterr()


def test_without_the_signature_over_it_each_part_is_still_held_against_the_journal(
    folder: Path, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held, file = parts(archive), tmp_path / "forged"
    del held[SIGNATURE]
    packed(file, held)
    assert called("verify", file, "--key", key_of(folder)) == 1
    assert "archive_unsigned" in capsys.readouterr().out
    for name, changed in {
        "record": {RECORDS: b"".join(held[RECORDS].splitlines(keepends=True)[1:])},
        "outside": {TABLE: held[TABLE].replace(b"0,15", b"0,25").replace(b"107,45", b"107,55")},
        "table row": {TABLE: b"".join(held[TABLE].splitlines(keepends=True)[:-1])},
        "config": {"config/0001.json": b'{"a": 3}\n'},
        "key added": {"keys/other.pem": PocketKey().public.pem.encode()},
    }.items():
        packed(file, held | changed)
        assert called("verify", file, "--key", key_of(folder)) == 2, name


def test_a_forger_who_signs_the_contents_with_his_own_key_is_found(
    folder: Path, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forger, held = PocketKey(), parts(archive)
    contents = json.loads(held[MANIFEST])
    digest = hashlib.sha256(held[MANIFEST]).hexdigest()
    signature = forger.sign(archive_text(contents["gateway"], contents["head"], digest)).hex().upper()
    file = packed(tmp_path / "forged", held | {SIGNATURE: signature.encode()}, lists=False)
    assert called("verify", file, "--key", key_of(folder)) == 2
    assert "MANIFEST.sig" in capsys.readouterr().out
    assert called("verify", archive, "--key", forger.public_key_hex) == 2
    assert "foreign_key" in capsys.readouterr().out


def test_an_old_archive_is_told_from_the_newest_by_a_published_head(
    folder: Path, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = json.loads(parts(archive)[MANIFEST])["head"]
    seq, digest = head.split(":")
    words = ("verify", archive, "--key", key_of(folder), "--head")
    assert called(*words, head) == 0
    assert called(*words, f"{int(seq) + 5}:{digest}") == 2
    assert "old copy" in capsys.readouterr().out
    assert called(*words, f"{seq}:{'0' * 64}") == 2
    assert called(*words, "nonsense") == 3


@pytest.mark.parametrize(("state", "code"), [(PinState.CONFIRMED, 0), (PinState.TOFU, 1), (None, 1)])
def test_an_archive_is_as_green_as_the_pin_of_its_gateway(
    folder: Path, archive: Path, tmp_path: Path, state: PinState | None, code: int
) -> None:
    serial, store = json.loads(parts(archive)[MANIFEST])["gateway"], tmp_path / "pins"
    pins = [] if state is None else [Pin(serial, None, key_of(folder), state, "the board", "2026", "label")]
    store.write_text(pins_text(pins))
    assert called("verify", archive, "--pins", store) == code


def test_a_part_that_would_fill_the_memory_is_refused(
    folder: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gateway.cli.archive_check.MANIFEST_BYTES_MAX", 10)
    assert called("verify", archive, "--key", key_of(folder)) == 2
    assert "archive_damaged" in capsys.readouterr().out


def test_an_archive_is_of_everything_and_a_file(folder: Path, tmp_path: Path) -> None:
    words = ("export", "--state-dir", folder, "--format", "archive")
    with pytest.raises(ConfigMistake, match="1 mistake"):
        called(*words)
    with pytest.raises(ConfigMistake, match="2 mistake"):
        called(*words, "-o", tmp_path / "a", "--socket", "p1", "--from", "2026-01-01")
    with pytest.raises(DeviceError, match="nowhere"):
        called(*words, "-o", tmp_path / "nowhere" / "a")


def test_a_copy_without_its_key_makes_an_archive_that_says_that_it_is_not_signed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_of(folder)
    (folder / KEY_FILE).rename(folder / "away")
    try:
        called("export", "--state-dir", folder, "--format", "archive", "-o", tmp_path / "a")
    finally:
        (folder / "away").rename(folder / KEY_FILE)
    assert "not signed as a whole" in capsys.readouterr().err
    assert called("verify", tmp_path / "a", "--key", key) == 1


def test_an_archive_lives_through_a_change_of_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gateway.app.ledger_key import hand_over

    async def run() -> tuple[str, str]:
        clock, folder = HandClock(), tmp_path / "state"
        keys = []
        for name, kwh in (("s1", "1.00"), ("s2", "2.00")):
            ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, station())
            keys.append(ledger.public_key_hex)
            await ledger.record_begin(begin(name, reading(clock, kwh)))
            await ledger.record_end(end(name, reading(clock, kwh)))
            await ledger.shut_down()
            if name == "s1":
                await hand_over(folder, clock.now())
        return keys[0], keys[1]

    for key in asyncio.run(run()):
        called("export", "--state-dir", tmp_path / "state", "--format", "archive", "-o", tmp_path / "a")
        assert called("verify", tmp_path / "a", "--key", key) == 0
        assert capsys.readouterr().out.count("GREEN") == 3
