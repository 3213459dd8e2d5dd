"""The signing key on a PKCS#11 token: made there, never out of it, and the end of signing when the token is gone."""

import argparse
import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder, hand_over
from gateway.cli import export, journal, key, verify
from gateway.devices.journal_store import JournalStore
from gateway.devices.key_store import KEY_FILE, NEXT_KEY_FILE, KeyStore
from gateway.devices.token_key import TokenPlace, bare_point
from gateway.errors import ConfigMistake, DeviceError, JournalDamaged
from gateway.metering.keys import has_low_s, public_key
from tests.ledger.ledger_bench import HandClock, begin, end, reading, station

NOW = HandClock().now()
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/libsofthsm2.so", "/usr/lib/libsofthsm2.so")
MODULE = next((Path(name) for name in MODULES if Path(name).exists()), None)
needs_softhsm = pytest.mark.skipif(MODULE is None, reason="SoftHSM2 is not installed (Debian: softhsm2)")
pkcs11 = pytest.importorskip("pkcs11", reason="the extra pkcs11 is not installed")


@dataclass
class Token:
    """A SoftHSM token in a folder of its own."""

    place: TokenPlace
    store: Path

    def objects(self) -> int:
        """How many objects lie on it; SoftHSM keeps each in a file, and its own description in one more."""
        return len([path for path in self.store.rglob("*.object") if path.name != "token.object"])

    def pull(self) -> None:
        shutil.rmtree(self.store)


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Token]:
    store = tmp_path / "tokens"
    store.mkdir()
    config = tmp_path / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {store}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    words = ["softhsm2-util", "--init-token", "--free", "--label", "cabinet", "--so-pin", "87654321", "--pin", "1234"]
    subprocess.run(words, check=True, capture_output=True)
    pin_file = tmp_path / "pin"
    pin_file.write_text("1234\n")
    pin_file.chmod(0o600)
    library = pkcs11.lib(str(MODULE))
    library.reinitialize()
    yield Token(TokenPlace(MODULE or Path(), "cabinet", pin_file, "laddvakt"), store)
    if library.initialized:
        library.finalize()


async def opened(folder: Path, place: TokenPlace | None) -> Ledger:
    store = JournalStore.open(folder)
    keys = KeyFolder(folder, place, as_configured=True)
    keys.follow()
    try:
        return await Ledger.open(store, keys, HandClock(), station())
    except BaseException:
        await store.close()
        raise


async def charge(folder: Path, place: TokenPlace | None, name: str, kwh: int) -> None:
    ledger = await opened(folder, place)
    await ledger.record_begin(begin(name, reading(HandClock(), f"{kwh}.00")))
    await ledger.record_end(end(name, reading(HandClock(), f"{kwh}.75")))
    await ledger.shut_down()


def called(command: object, *words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]  # a command's module
    code: int = command.run(parser.parse_args([str(word) for word in words]))  # type: ignore[attr-defined]  # as above
    return code


def told(wrong: ConfigMistake) -> str:
    (mistake,) = wrong.mistakes
    return str(mistake)


@needs_softhsm
def test_a_key_that_was_made_on_the_token_signs_sessions_that_everybody_can_verify(
    token: Token, tmp_path: Path
) -> None:
    folder, file = tmp_path / "state", tmp_path / "handed-out"
    asyncio.run(charge(folder, token.place, "s1", 1))
    asyncio.run(charge(folder, token.place, "s2", 5))
    text = (folder / KEY_FILE).read_text()
    assert "PRIVATE" not in text
    assert "1234" not in text
    public = KeyStore.load(folder).public_key_hex
    assert called(journal, "verify", "--state-dir", folder, "--key", public) == 0
    for form in ("csv", "ocmf", "load-profile", "archive"):
        assert called(export, "--state-dir", folder, "--format", form, "-o", file) == 0
        assert called(verify, file, "--key", public) == 0, form
    assert token.objects() == 2


@needs_softhsm
def test_signatures_of_a_token_are_der_with_low_s_and_its_key_cannot_be_taken_out(token: Token, tmp_path: Path) -> None:
    folder = tmp_path
    made = KeyStore.make(folder, token.place)
    assert made.public_key_hex == KeyStore.load(folder).public_key_hex
    for number in range(40):
        signature = made.sign(b"%d" % number)
        assert has_low_s(signature)
        assert public_key(made.public_key_hex).verifies(b"%d" % number, signature)
    (held,) = (
        pkcs11.lib(str(MODULE))
        .get_token(token_label="cabinet")
        .open()
        .get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY})
    )
    assert held[pkcs11.Attribute.SENSITIVE]
    assert not held[pkcs11.Attribute.EXTRACTABLE]
    with pytest.raises(pkcs11.AttributeSensitive):
        _ = held[pkcs11.Attribute.VALUE]


@needs_softhsm
@pytest.mark.parametrize("first", [0x00, 0x41, 0xFF])
def test_a_point_is_read_with_its_header_and_without_whatever_x_begins_with(first: int) -> None:
    point = bytes([4, first, *range(63)])
    assert bare_point(point) == point
    assert bare_point(bytes([4, 65]) + point) == point
    assert bare_point(point[1:]) == point[1:]


def test_signing_is_handed_over_from_the_file_to_the_token_and_on_and_back(token: Token, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    keys: list[str] = []
    for name, place, pairs in (("s1", None, 0), ("s2", token.place, 1), ("s3", token.place, 1), ("s4", None, 0)):
        if keys:
            fact = asyncio.run(hand_over(folder, NOW, place))
            assert fact.before == keys[-1]
        assert token.objects() == 2 * pairs
        asyncio.run(charge(folder, place, name, 5 * (len(keys) + 1)))
        keys.append(KeyStore.load(folder).public_key_hex)
        assert not (folder / NEXT_KEY_FILE).exists()
    assert len(set(keys)) == 4
    assert called(journal, "verify", "--state-dir", folder, "--key", keys[0]) == 0


@needs_softhsm
def test_a_death_after_the_hand_over_to_the_token_is_durable_is_mended_at_the_next_start(
    token: Token, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    asyncio.run(charge(folder, None, "s1", 1))
    before = (folder / KEY_FILE).read_bytes()
    fact = asyncio.run(hand_over(folder, NOW, token.place))
    (folder / KEY_FILE).rename(folder / NEXT_KEY_FILE)
    (folder / KEY_FILE).write_bytes(before)
    (folder / KEY_FILE).chmod(0o600)
    asyncio.run(charge(folder, token.place, "s2", 5))
    assert KeyStore.load(folder).public_key_hex == fact.public_key
    assert called(journal, "verify", "--state-dir", folder) == 0


@needs_softhsm
def test_a_config_that_names_another_place_of_the_key_than_the_journals_is_refused_until_the_key_is_rotated(
    token: Token, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "state"
    asyncio.run(charge(folder, None, "s1", 1))
    with pytest.raises(ConfigMistake) as wrong:
        asyncio.run(opened(folder, token.place))
    assert "key rotate" in told(wrong.value)
    asyncio.run(hand_over(folder, NOW, token.place))
    for other in (None, replace(token.place, label="another")):
        with pytest.raises(ConfigMistake, match="1 mistake"):
            asyncio.run(opened(folder, other))
    with pytest.raises(ConfigMistake) as wrong:
        called(key, "rotate", "--state-dir", folder)
    assert "Name CONFIG" in told(wrong.value)
    assert called(key, "show", "--state-dir", folder) == 0
    assert "key laddvakt on token cabinet" in capsys.readouterr().out


@needs_softhsm
def test_the_pin_file_and_the_library_may_move(token: Token, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "state", tmp_path / "pin-2"
    asyncio.run(charge(folder, token.place, "s1", 1))
    token.place.pin_file.rename(elsewhere)
    asyncio.run(charge(folder, replace(token.place, pin_file=elsewhere), "s2", 5))
    assert KeyStore.place(folder) == replace(token.place, pin_file=elsewhere)


@needs_softhsm
def test_what_is_missing_is_named_in_a_sentence(token: Token, tmp_path: Path) -> None:
    place = token.place
    empty, open_to_all, wrong_pin = (tmp_path / name for name in ("empty", "open", "wrong"))
    for path, text, mode in ((empty, "", 0o600), (open_to_all, "1234", 0o644), (wrong_pin, "9999", 0o600)):
        path.write_text(text)
        path.chmod(mode)
    for bad, words in (
        (replace(place, module=tmp_path / "none.so"), "There is no such file"),
        (replace(place, module=empty), "does not start"),
        (replace(place, token="other"), "No token bears this label"),
        (replace(place, pin_file=tmp_path / "none"), "no such file"),
        (replace(place, pin_file=empty), "It is empty"),
        (replace(place, pin_file=open_to_all), "Others than the daemon"),
        (replace(place, pin_file=wrong_pin), "refuses it: PinIncorrect"),
    ):
        with pytest.raises(ConfigMistake) as wrong:
            KeyStore.make(tmp_path, bad)
        assert words in told(wrong.value)
    assert token.objects() == 0


@needs_softhsm
def test_a_pin_that_was_refused_is_not_tried_again_until_its_file_is_another(token: Token, tmp_path: Path) -> None:
    token.place.pin_file.write_text("9999")
    for words in ("refuses it", "not tried again", "not tried again"):
        with pytest.raises(ConfigMistake) as wrong:
            KeyStore.make(tmp_path, token.place)
        assert words in told(wrong.value)
    token.place.pin_file.write_text("1234")
    KeyStore.make(tmp_path, token.place)


@needs_softhsm
def test_a_token_without_the_journals_key_is_refused(token: Token, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    asyncio.run(charge(folder, token.place, "s1", 1))
    for path in list(token.store.rglob("*.object")):
        if path.name != "token.object":
            path.unlink()
    pkcs11.lib(str(MODULE)).reinitialize()
    with pytest.raises(ConfigMistake) as wrong:
        asyncio.run(opened(folder, token.place))
    assert "does not hold the journal's key" in told(wrong.value)


@needs_softhsm
def test_a_token_that_goes_away_ends_signing_for_good_and_the_page_is_signed_when_it_is_back(
    token: Token, tmp_path: Path
) -> None:
    folder, kept = tmp_path / "state", tmp_path / "kept"

    async def life() -> None:
        ledger = await opened(folder, token.place)
        await ledger.record_begin(begin("s1", reading(HandClock(), "1.00")))
        shutil.copytree(token.store, kept)
        token.pull()
        with pytest.raises(JournalDamaged, match="token cabinet does not sign"):
            await ledger.record_end(end("s1", reading(HandClock(), "1.75")))
        assert not ledger.accepts
        assert not ledger.accepts_sessions
        with pytest.raises(JournalDamaged, match="not tried again"):
            await ledger.record_begin(begin("s2", reading(HandClock(), "2.00")))
        await ledger.shut_down()

    asyncio.run(life())
    pkcs11.lib(str(MODULE)).finalize()
    with pytest.raises(ConfigMistake, match="1 mistake"):
        asyncio.run(opened(folder, token.place))
    shutil.copytree(kept, token.store)
    pkcs11.lib(str(MODULE)).reinitialize()
    asyncio.run(charge(folder, token.place, "s3", 5))
    assert called(journal, "verify", "--state-dir", folder, "--key", KeyStore.load(folder).public_key_hex) == 0


@pytest.mark.parametrize(
    "text", ['{"token_key": 1}', '{"token_key": 2}', "{", '{"token_key": 1, "module": 3}'], ids=range(4)
)
def test_a_broken_reference_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text(text)
    (tmp_path / KEY_FILE).chmod(0o600)
    with pytest.raises(DeviceError, match="not a signing key"):
        KeyStore.load(tmp_path)
