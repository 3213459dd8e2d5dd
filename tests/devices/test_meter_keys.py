"""The keys of an encrypting grid meter, from their file."""

from pathlib import Path

import pytest

from gateway.devices.meter_keys import read_meter_keys
from gateway.errors import ConfigMistake

EK, AK = "000102030405060708090A0B0C0D0E0F", "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"


def key_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "meter-keys"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def test_both_keys_are_read_with_remarks_and_empty_lines(tmp_path: Path) -> None:
    keys = read_meter_keys(key_file(tmp_path, f"# from the grid company\n\n{EK}\n  {AK}  # authentication\n"))
    assert keys.encryption == bytes.fromhex(EK)
    assert keys.authentication == bytes.fromhex(AK)
    assert read_meter_keys(key_file(tmp_path, EK)).authentication is None


@pytest.mark.parametrize(
    ("text", "mode", "word"),
    [
        (EK, 0o640, "chmod 600"),
        (EK, 0o604, "chmod 600"),
        ("", 0o600, "holds 0 keys"),
        (f"{EK}\n{AK}\n{EK}", 0o600, "holds 3 keys"),
        (EK[:-1], 0o600, "key 1 is not"),
        (f"{EK}\n{AK}0", 0o600, "key 2 is not"),
        ("nyckel å", 0o600, "no plain text"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_without_what_it_holds(
    tmp_path: Path, text: str, mode: int, word: str
) -> None:
    with pytest.raises(ConfigMistake) as wrong:
        read_meter_keys(key_file(tmp_path, text, mode))
    (mistake,) = wrong.value.mistakes
    assert word in str(mistake)
    assert EK[:8] not in str(mistake)
    assert AK[:8] not in str(mistake)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigMistake) as wrong:
        read_meter_keys(tmp_path / "none")
    assert "cannot be read" in str(wrong.value.mistakes[0])


def test_keys_are_never_shown_by_themselves(tmp_path: Path) -> None:
    keys = read_meter_keys(key_file(tmp_path, f"{EK}\n{AK}"))
    assert EK.lower() not in repr(keys).lower()
    assert repr(bytes.fromhex(EK)) not in repr(keys)
