"""What people do with the journal from outside: export, verify, look at the key, check the chain."""

import argparse
import asyncio
import csv
import io
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from pyocmf.utils.xml import OcmfContainer

from gateway.app.ledger import Ledger, open_ledger
from gateway.cli import export, journal, key, receipt, verify
from gateway.cli.main import main
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.key_store import KEY_FILE
from gateway.devices.software_identity import software_identity
from gateway.errors import ConfigMistake, DeviceError
from gateway.ids import Token
from gateway.metering.safe_xml import safe_values
from gateway.metering.verdicts import Reason, Verdict
from gateway.publish.verdict_words import REASON_WORDS, VERDICT_WORDS
from gateway.site.because import Why
from tests.ledger.ledger_bench import SOCKETS, STOCKHOLM, HandClock, PocketKey, begin, end, reading, station


def called(command: ModuleType, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args([str(word) for word in words]))
    return code


async def opened(folder: Path, clock: HandClock) -> Ledger:
    here = station()
    return await open_ledger(
        folder,
        clock,
        gateway_id=here.gateway_id,
        version="0.1.0",
        time_zone=STOCKHOLM,
        meters=here.meters,
        minimum_wh={},
    )


async def charge(folder: Path) -> None:
    clock = HandClock()
    ledger = await opened(folder, clock)
    await ledger.record_begin(begin("s1", reading(clock, "100.00")))
    clock.pass_s(600)
    await ledger.record_begin(begin("s2", reading(clock, "50.00"), socket=SOCKETS[1], token="=cmd()|calc"))
    clock.pass_s(600)
    await ledger.record_end(end("s1", reading(clock, "107.30"), why=Why.UNPLUGGED))
    await ledger.record_end(end("s2", reading(clock, "51.00"), socket=SOCKETS[1]))
    await ledger.record_begin(begin("s3", reading(clock, "107.45")))
    await ledger.shut_down()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    asyncio.run(charge(tmp_path / "state"))
    return tmp_path / "state"


def public_hex(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert called(key, "show", "--state-dir", str(folder)) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("hex: ")]
    return line.removeprefix("hex: ")


def test_the_shown_key_is_the_public_one_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(key, "show", "--state-dir", str(folder)) == 0
    shown = capsys.readouterr().out
    assert "BEGIN PUBLIC KEY" in shown
    assert "PRIVATE" not in shown


def test_an_exported_session_verifies_with_us_and_with_pyocmf(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned = public_hex(folder, capsys)
    file = tmp_path / "session.xml"
    words = ["--state-dir", str(folder), "--format", "safe-xml", "--session", "s1", "-o", str(file)]
    assert called(export, *words) == 0
    assert called(verify, str(file), "--key", pinned) == 0
    said = capsys.readouterr().out
    assert "GREEN proven: s1 12345678 7.30 kWh" in said
    first, last = OcmfContainer.from_xml(file, strict=True)
    right, issues = first.ocmf.verify(pinned, last.ocmf)
    assert right
    assert not issues
    assert last.ocmf.verify_signature(pinned)


def forged(file: Path, forger: PocketKey, *, embed: bool) -> None:
    """Signs everything anew with another key, and puts that key into the file if asked to."""
    text = file.read_text()
    for value in safe_values(text.encode()):
        _, payload, _ = value.record.split("|")
        signature = forger.sign(payload.encode()).hex().upper()
        record = f'OCMF|{payload}|{{"SA":"ECDSA-secp256r1-SHA256","SD":"{signature}"}}'
        text = text.replace(value.record, record)
        if embed and value.key is not None:
            text = text.replace(value.key, forger.public_key_hex)
    file.write_text(text)


def test_a_changed_digit_and_a_foreign_key_and_a_foreign_key_embedded_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned = public_hex(folder, capsys)
    file = tmp_path / "session.xml"
    words = ["--state-dir", str(folder), "--format", "safe-xml", "--session", "s1", "-o", str(file)]
    called(export, *words)
    whole = file.read_text()

    file.write_text(whole.replace("107.30", "107.20"))
    assert called(verify, str(file), "--key", pinned) == 2
    assert "signature_wrong" in capsys.readouterr().out

    assert called(verify, str(file), "--key", PocketKey().public_key_hex) == 2
    capsys.readouterr()

    for embed, reason in ((False, "signature_wrong"), (True, "foreign_key")):
        file.write_text(whole)
        forged(file, PocketKey(), embed=embed)
        assert called(verify, str(file), "--key", pinned) == 2
        assert reason in capsys.readouterr().out
        right = [record.ocmf.verify_signature(pinned) for record in OcmfContainer.from_xml(file)]
        assert right == [False, False]


def test_the_whole_journal_as_ocmf_is_yellow_only_for_the_session_that_still_runs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned = public_hex(folder, capsys)
    file = tmp_path / "all.ocmf"
    assert called(export, "--state-dir", str(folder), "--format", "ocmf", "-o", str(file)) == 0
    assert len(file.read_text().splitlines()) == 5
    assert called(verify, str(file), "--key", pinned, "--whole-key", "--language", "sv") == 1
    said = capsys.readouterr().out
    assert said.count("GRÖN") == 2
    assert "slutposten saknas" in said
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:2], *lines[3:4]]))
    assert called(verify, str(file), "--key", pinned, "--whole-key") == 1
    assert "pages_missing" in capsys.readouterr().out


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


def test_the_state_folder_comes_from_the_config_or_by_name_but_not_both(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "laddvakt.toml"
    config.write_text(f'[gateway]\nstate_dir = "{folder}"\n')
    assert called(key, "show", str(config)) == 0
    for words in (["show"], ["show", str(config), "--state-dir", str(folder)], ["show", str(tmp_path / "none.toml")]):
        with pytest.raises(ConfigMistake):
            called(key, *words)
    config.write_text("[gateway]\n")
    with pytest.raises(ConfigMistake, match="1 mistake"):
        called(key, "show", str(config))
    assert "PUBLIC KEY" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [[], ["--key", "zz"], ["none.xml"], ["none.xml", "--key", "zz"], ["none.xml", "--key", "KEY"]]
)
def test_a_question_that_cannot_be_asked_has_its_own_exit_code(
    words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pinned = PocketKey().public_key_hex
    assert called(verify, *(pinned if word == "KEY" else word for word in words)) == 3
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [("--keys", "K"), ("--to-page", "many"), ("--language", "tlh")])
def test_a_slip_in_the_arguments_of_verify_is_not_told_as_red(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["verify", "file.xml", *words])
    assert ended.value.code == 3
    assert words[0] in capsys.readouterr().err


def test_the_key_may_stand_in_a_file_and_other_files_are_judged_honestly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem = tmp_path / "key.pem"
    pem.write_text(PocketKey().public.pem)
    cases = {"table.csv": ("kind;session\r\n", 1), "bomb.xml": ("<!DOCTYPE a><values/>", 2), "empty": ("", 1)}
    cases["esc.txt"] = ("OCMF|\x1b[31m<script>|{}", 2)
    for name, (text, code) in cases.items():
        file = tmp_path / name
        file.write_text(text)
        assert called(verify, str(file), "--key", str(pem)) == code, name
        said = capsys.readouterr().out
        assert "\x1b" not in said
        assert "<" not in said


def test_every_verdict_and_reason_has_words_in_both_languages() -> None:
    for words in (*(VERDICT_WORDS[verdict] for verdict in Verdict), *(REASON_WORDS[reason] for reason in Reason)):
        assert words["sv"]
        assert words["en"]
        assert words["sv"] != words["en"]


def test_the_journal_says_that_it_is_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(journal, "verify", "--state-dir", str(folder)) == 0
    assert "5 signed pages, 1 open session(s)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE journal SET row = replace(row, '107.30', '107.20')",
        "DELETE FROM journal WHERE seq = 5",
        "UPDATE journal SET hash = zeroblob(32) WHERE seq = 4",
    ],
)
def test_the_journal_says_where_it_is_damaged(folder: Path, harm: str, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(folder / JOURNAL_FILE)
    connection.execute("DROP TRIGGER journal_rows_are_never_changed")
    connection.execute("DROP TRIGGER journal_rows_are_never_deleted")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(harm)
    connection.commit()
    connection.close()
    assert called(journal, "verify", "--state-dir", str(folder)) == 2
    assert "DAMAGED: after row" in capsys.readouterr().out


def test_a_daemon_that_fails_to_open_gives_the_folder_free(folder: Path) -> None:
    (folder / "signing-key.pem").rename(folder / "away")

    async def run() -> None:
        with pytest.raises(ConfigMistake):
            await opened(folder, HandClock())
        (folder / "away").rename(folder / "signing-key.pem")
        ledger = await opened(folder, HandClock())
        assert [session.id for session in ledger.past().open_sessions] == ["s3"]
        await ledger.shut_down()

    asyncio.run(run())


def test_the_software_identity_is_one_hash_and_stays_the_same() -> None:
    assert len(software_identity()) == 64
    assert software_identity() == software_identity()


def test_the_version_names_the_software_that_stands_in_each_record(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert main(["version", "--legal"]) == 0
    name, shown = capsys.readouterr().out.splitlines()[1].split()
    assert (name, shown) == ("metering", software_identity())
    assert main(["export", "--state-dir", str(folder), "--format", "ocmf"]) == 0
    records = capsys.readouterr().out.splitlines()
    assert records
    assert all(f'"XI":"{shown}"' in record for record in records)
