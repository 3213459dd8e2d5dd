"""The signing key is made once, whole, for the daemon alone, and never shown."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.devices.key_store import KEY_FILE, KeyStore, make_folder
from gateway.errors import ConfigMistake, DeviceError
from gateway.metering.keys import has_low_s, public_key


def test_a_made_key_is_whole_on_disk_and_loads_as_the_same(tmp_path: Path) -> None:
    assert not KeyStore.exists(tmp_path)
    made = KeyStore.make(tmp_path)
    assert KeyStore.exists(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert KeyStore.load(tmp_path).public_key_hex == made.public_key_hex


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert KeyStore.make(tmp_path / "a").public_key_hex != KeyStore.make(tmp_path / "b").public_key_hex


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    first = KeyStore.make(tmp_path)
    with pytest.raises(DeviceError, match="cannot be stored"):
        KeyStore.make(tmp_path)
    assert KeyStore.load(tmp_path).public_key_hex == first.public_key_hex


def test_what_a_power_cut_left_of_the_first_try_is_no_key(tmp_path: Path) -> None:
    draft = tmp_path / f"{KEY_FILE}.new"
    draft.write_text("half a k")
    assert not KeyStore.exists(tmp_path)
    KeyStore.make(tmp_path)
    draft.hardlink_to(tmp_path / KEY_FILE)
    KeyStore.load(tmp_path)
    assert not draft.exists()


def test_signatures_verify_and_have_a_low_s(tmp_path: Path) -> None:
    key = KeyStore.make(tmp_path)
    pinned = public_key(key.public_key_hex)
    for number in range(20):
        payload = f"payload {number}".encode()
        signature = key.sign(payload)
        assert has_low_s(signature)
        assert pinned.verifies(payload, signature)
        assert not pinned.verifies(payload + b" ", signature)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700])
def test_a_key_that_others_may_reach_ends_the_start_with_the_remedy(tmp_path: Path, mode: int) -> None:
    KeyStore.make(tmp_path)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(ConfigMistake) as mistake:
        KeyStore.load(tmp_path)
    assert "chmod 600" in str(mistake.value.mistakes[0])


def test_a_linked_or_missing_or_wrong_file_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(DeviceError):
        KeyStore.load(tmp_path)
    file = tmp_path / KEY_FILE
    file.write_text("no key")
    file.chmod(0o600)
    with pytest.raises(DeviceError, match="not a signing key"):
        KeyStore.load(tmp_path)
    other = ec.generate_private_key(ec.SECP384R1())
    file.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(DeviceError, match="P-256"):
        KeyStore.load(tmp_path)


def test_the_key_does_not_show_itself(tmp_path: Path) -> None:
    key = KeyStore.make(tmp_path)
    private = (tmp_path / KEY_FILE).read_text().splitlines()[1]
    assert private not in repr(key) + str(vars(key))


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceError, match="cannot be made"):
        make_folder(tmp_path / "file" / "state")
    with pytest.raises(DeviceError, match="cannot be stored"):
        KeyStore.make(tmp_path / "nowhere")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_root_reads_the_key_of_the_daemon_and_is_told_to_be_the_daemon_where_it_would_write(tmp_path: Path) -> None:
    made = KeyStore.make(tmp_path)
    for path in (tmp_path / KEY_FILE, tmp_path):
        os.chown(path, 4711, 4711)
    tmp_path.chmod(0o700)
    assert KeyStore.load(tmp_path).public_key_hex == made.public_key_hex
    with pytest.raises(ConfigMistake) as told:
        make_folder(tmp_path)
    (mistake,) = told.value.mistakes
    assert mistake.remedy == "Run this command as that user: sudo -u '#4711' laddvakt ..."
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(ConfigMistake) as told:
        KeyStore.load(tmp_path)
    assert "chown" not in told.value.mistakes[0].remedy
