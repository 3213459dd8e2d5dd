"""What people do with the journal from outside: verify, look at the key, check the chain."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from pyocmf.utils.xml import OcmfContainer

from gateway.cli import export, journal, key, verify
from gateway.cli.main import main
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.software_identity import software_identity
from gateway.errors import ConfigMistake
from gateway.metering.safe_xml import safe_values
from gateway.metering.verdicts import Reason, Verdict
from gateway.publish.verdict_words import REASON_WORDS, VERDICT_WORDS
from tests.ledger.command_bench import called, opened, public_hex
from tests.ledger.ledger_bench import HandClock, PocketKey


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
    ("content", "place", "word"),
    [
        (b"[gateway]\nid = 1\n", "gateway.state_dir", "required"),
        (b"[gateway]\nid = \xe5\n", "file", "UTF-8"),
        (b"[gateway\n", "TOML", "(at "),
        (None, "file", "cannot be read"),
    ],
)
def test_a_config_that_names_no_state_folder_is_told_as_check_config_tells_it(
    tmp_path: Path, content: bytes | None, place: str, word: str
) -> None:
    config = tmp_path / "laddvakt.toml"
    if content is not None:
        config.write_bytes(content)
    with pytest.raises(ConfigMistake) as told:
        called(key, "show", str(config))
    (mistake,) = told.value.mistakes
    assert told.value.file == str(config)
    assert mistake.path == place
    assert word in mistake.problem


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
    cases = {"table.csv": ("kind;session\r\n", 4), "bomb.xml": ("<!DOCTYPE a><values/>", 2), "empty": ("", 1)}
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
