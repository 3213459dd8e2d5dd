"""A new key takes the old one's place in order, at any death; nobody can put one in its place without the old one."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app.ledger_key import hand_over
from gateway.cli import export, journal, key, receipt, verify
from gateway.devices.journal_file import opened_for_reading, rows_after, verified_facts
from gateway.devices.key_store import KEY_FILE, NEXT_KEY_FILE, KeyStore
from gateway.errors import ConfigMistake, DeviceError, JournalDamaged
from gateway.journal.audit import Audit
from gateway.journal.chain import Head
from gateway.journal.facts import Fact, KeyHandedOver, KeyMade
from gateway.journal.rows import fact_of
from gateway.metering.keys import public_key
from tests.ledger.command_bench import called
from tests.ledger.folder_ledger import charge, opened
from tests.ledger.ledger_bench import HandClock, PocketKey, begin, reading

NOW = HandClock().now()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    asyncio.run(charge(tmp_path / "state", "s1", 1))
    return tmp_path / "state"


def test_a_rotated_key_signs_on_from_page_one_and_both_keys_records_stay_verifiable(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = KeyStore.load(folder).public_key_hex
    assert called(key, "rotate", "--state-dir", folder) == 0
    shown = capsys.readouterr().out
    after = KeyStore.load(folder).public_key_hex
    assert before != after
    assert f"hex: {after}" in shown
    assert f"from {before} after page T2 to {after}" in shown
    assert "PRIVATE" not in shown
    asyncio.run(charge(folder, "s2", 5))
    assert called(journal, "verify", "--state-dir", folder, "--key", after) == 0
    assert called(journal, "verify", "--state-dir", folder, "--key", before) == 0
    for session, pinned, code in (("s1", before, 0), ("s2", after, 0), ("s1", after, 2), ("s2", before, 2)):
        file = tmp_path / "session.xml"
        words = ("--state-dir", folder, "--format", "safe-xml", "--session", session, "-o", file)
        assert called(export, *words) == 0
        assert called(verify, file, "--key", pinned, "--whole-key") == code
    assert sorted(path.name for path in folder.iterdir() if "key" in path.name) == [KEY_FILE]


def test_the_receipt_of_a_session_from_before_the_rotation_is_still_green_and_names_its_own_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = KeyStore.load(folder).public_key_hex
    asyncio.run(hand_over(folder, NOW))
    asyncio.run(charge(folder, "s2", 5))
    after = KeyStore.load(folder).public_key_hex
    for session, signer in (("s1", before), ("s2", after)):
        assert called(receipt, session, "--state-dir", folder) == 0
        said = capsys.readouterr().out
        assert "GRÖN bevisad" in said
        assert public_key(signer).fingerprint in said


@pytest.mark.parametrize("form", ["csv", "ocmf", "archive"])
def test_what_was_exported_after_a_rotation_is_green_by_both_keys_and_red_by_the_new_one_alone(
    form: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = KeyStore.load(folder).public_key_hex
    asyncio.run(hand_over(folder, NOW))
    asyncio.run(charge(folder, "s2", 5))
    after = KeyStore.load(folder).public_key_hex
    file, foreign = tmp_path / "exported", PocketKey().public_key_hex
    assert called(export, "--state-dir", folder, "--format", form, "-o", file) == 0
    assert called(verify, file, "--key", after, "--key", before) == 0
    assert called(verify, file, "--key", before, "--key", after) == 0
    alone = 0 if form == "archive" else 2  # in an archive each key vouches for the next
    assert called(verify, file, "--key", after) == alone
    assert called(verify, file, "--key", foreign, "--key", PocketKey().public_key_hex) in {1, 2}
    assert called(verify, file, "--key", after, "--key", before, "--to-page", "3") == 3
    assert "one key" in capsys.readouterr().err


def test_records_of_a_forger_are_red_whichever_of_two_keys_are_given(tmp_path: Path) -> None:
    asyncio.run(charge(tmp_path / "forged", "s1", 1))
    keys = [word for _ in range(2) for word in ("--key", PocketKey().public_key_hex)]
    for form in ("csv", "ocmf", "safe-xml"):
        file = tmp_path / "handed-in"
        assert called(export, "--state-dir", tmp_path / "forged", "--format", form, "-o", file) == 0
        assert called(verify, file, *keys) == 2


def test_the_hand_over_is_signed_by_both_keys(folder: Path) -> None:
    signed = asyncio.run(hand_over(folder, NOW))
    text = f"laddvakt key hand-over from {signed.before} after page T2 to {signed.public_key} {signed.serial}".encode()
    assert public_key(signed.before).verifies(text, bytes.fromhex(signed.signature_before))
    assert public_key(signed.public_key).verifies(text, bytes.fromhex(signed.signature))


def test_a_death_before_the_hand_over_is_durable_leaves_the_old_key(folder: Path) -> None:
    before = KeyStore.load(folder).public_key_hex
    KeyStore.make_next(folder)
    asyncio.run(charge(folder, "s2", 5))
    assert KeyStore.load(folder).public_key_hex == before
    asyncio.run(hand_over(folder, NOW))
    assert KeyStore.load(folder).public_key_hex != before
    assert not (folder / NEXT_KEY_FILE).exists()


def test_a_death_after_the_hand_over_is_durable_is_mended_at_the_next_start(folder: Path) -> None:
    old = (folder / KEY_FILE).read_bytes()
    signed = asyncio.run(hand_over(folder, NOW))
    new = (folder / KEY_FILE).read_bytes()
    (folder / KEY_FILE).write_bytes(old)
    (folder / NEXT_KEY_FILE).write_bytes(new)
    (folder / NEXT_KEY_FILE).chmod(0o600)
    asyncio.run(charge(folder, "s2", 5))
    assert KeyStore.load(folder).public_key_hex == signed.public_key
    assert not (folder / NEXT_KEY_FILE).exists()
    assert called(journal, "verify", "--state-dir", folder) == 0
    (folder / KEY_FILE).write_bytes(old)
    with pytest.raises(ConfigMistake):
        asyncio.run(opened(folder))


def test_a_key_is_not_handed_over_while_a_session_is_open_or_the_daemon_runs_or_before_there_is_one(
    folder: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        ledger = await opened(folder)
        await ledger.record_begin(begin("s2", reading(HandClock(), "5.00")))
        with pytest.raises(DeviceError, match="another Laddvakt"):
            await hand_over(folder, NOW)
        await ledger.shut_down()
        with pytest.raises(DeviceError, match="a session is open"):
            await hand_over(folder, NOW)
        with pytest.raises(DeviceError, match="no key yet"):
            await hand_over(tmp_path / "fresh", NOW)

    asyncio.run(run())


def audited(facts: Sequence[Fact]) -> None:
    audit, head = Audit(), Head()
    for fact in facts:
        row = head.next(fact)
        head = Head(row.seq, row.hash)
        audit.absorb(row)


def test_nobody_puts_a_key_into_the_journal_without_the_one_before(folder: Path) -> None:
    signed = asyncio.run(hand_over(folder, NOW))
    with opened_for_reading(folder) as connection:
        facts = [fact_of(row.seq, row.text) for row in rows_after(connection, 0)]
        assert list(verified_facts(connection)) == facts
    audited(facts)
    stranger = PocketKey().public_key_hex
    forgeries = (
        KeyMade(NOW, stranger, "FF"),
        replace(signed, signature_before=signed.signature),
        replace(signed, signature=signed.signature_before),
        replace(signed, signature="zz"),
        replace(signed, public_key=stranger),
        replace(signed, public_key="00", serial="0"),
        replace(signed, before=stranger),
        replace(signed, page=1),
        replace(signed, public_key=signed.before),
    )
    for forged in forgeries:
        with pytest.raises(JournalDamaged):
            audited([*facts[:-1], forged])
    assert isinstance(facts[-1], KeyHandedOver)
    with pytest.raises(JournalDamaged):
        audited([*facts, signed])
