"""What the config may say of the HAN port."""

from pathlib import Path

import pytest

from gateway.config.load import cabinet_of
from gateway.config.warnings import cautions
from gateway.errors import ConfigMistake, Mistake
from gateway.meters.han_port import HanPlan
from gateway.wire.ciphering import MeterKeys
from gateway.wire.telegram import Form

EXAMPLE = (Path(__file__).parents[2] / "deploy" / "laddvakt.toml.example").read_text("utf-8")
MAIN_FUSE = 'main_fuse = "main"'
SECRET = "0123456789abcdef0123456789ABCDEF"


def with_lines(*lines: str, port: str = '"/dev/laddvakt-p1"') -> str:
    text = EXAMPLE.replace('"/dev/laddvakt-p1"', port)
    head, tail = text.split(MAIN_FUSE, 1)
    kept = "\n".join(line for line in head.splitlines() if not line.startswith("format"))
    return kept + "\n" + "\n".join((*lines, MAIN_FUSE)) + tail


def plan(*lines: str) -> HanPlan:
    return cabinet_of(with_lines(*lines), "example").grid_meter.han


def mistakes(*lines: str, port: str = '"/dev/laddvakt-p1"') -> tuple[Mistake, ...]:
    with pytest.raises(ConfigMistake) as wrong:
        cabinet_of(with_lines(*lines, port=port), "example")
    return wrong.value.mistakes


def test_nothing_stated_means_that_all_is_found() -> None:
    assert plan() == HanPlan()
    assert plan('format = "auto"') == HanPlan()


@pytest.mark.parametrize("form", ["p1", "hdlc", "mbus"])
def test_a_form_can_be_pinned(form: str) -> None:
    assert plan(f'format = "{form}"').form is Form(form)


def test_speed_parity_and_kamstrups_step_can_be_pinned() -> None:
    stated = plan("baud = 2400", 'parity = "E"', "kamstrup_energy_wh = 10")
    assert (stated.baud, stated.parity, stated.kamstrup_energy_wh) == (2400, "E", 10)


def test_keys_in_the_file_become_bytes_and_are_cautioned_of() -> None:
    lines = (f'encryption_key = "{SECRET}"', f'authentication_key = "{SECRET[::-1]}"')
    stated = plan(*lines)
    assert stated.keys == MeterKeys(bytes.fromhex(SECRET), bytes.fromhex(SECRET[::-1]))
    told = [str(caution) for caution in cautions(cabinet_of(with_lines(*lines), "example"))]
    assert any("key_file" in words for words in told)
    assert not any(SECRET in words for words in told)
    assert SECRET not in repr(stated)


def test_a_key_file_is_handed_to_the_shell() -> None:
    cabinet = cabinet_of(with_lines('key_file = "/etc/laddvakt/meter-keys"'), "example")
    assert cabinet.grid_meter.key_file == Path("/etc/laddvakt/meter-keys")
    assert cabinet.grid_meter.han.keys is None


@pytest.mark.parametrize(
    ("lines", "path", "word"),
    [
        (('format = "dlms"',), "grid_meter.format", '"auto"'),
        (("baud = 300",), "grid_meter.baud", "2400"),
        (('parity = "none"',), "grid_meter.parity", '"N"'),
        (("kamstrup_energy_wh = 100",), "grid_meter.kamstrup_energy_wh", "10"),
        ((f'encryption_key = "{SECRET[:-1]}"',), "grid_meter.encryption_key", "32 hex digits"),
        ((f'authentication_key = "{SECRET}"',), "grid_meter.authentication_key", "encryption_key"),
        ((f'encryption_key = "{SECRET}"', 'key_file = "/etc/k"'), "grid_meter.key_file", "one of the two"),
        (('key_file = "keys"',), "grid_meter.key_file", "absolute"),
        ((f'encyption_key = "{SECRET}"',), "grid_meter.encyption_key", 'Did you mean "encryption_key"?'),
        ((f"encryption_key = 0x{SECRET[:8]}",), "grid_meter.encryption_key", "quotes"),
    ],
)
def test_a_slip_is_told_with_its_place_and_never_with_a_key(lines: tuple[str, ...], path: str, word: str) -> None:
    told = mistakes(*lines)
    (mistake,) = [mistake for mistake in told if mistake.path == path]
    assert word in str(mistake)
    assert not any(SECRET[:8] in str(each) or str(int(SECRET[:8], 16)) in str(each) for each in told)


def test_a_key_in_the_wrong_place_is_not_shown_either() -> None:
    with pytest.raises(ConfigMistake) as wrong:
        cabinet_of(f'encryption_key = "{SECRET}"\n' + EXAMPLE, "example")
    assert not any(SECRET in str(mistake) for mistake in wrong.value.mistakes)


@pytest.mark.parametrize("line", ["baud = 2400", 'parity = "E"'])
def test_a_bridge_has_no_speed_of_ours(line: str) -> None:
    (mistake,) = mistakes(line, port='"socket://192.168.1.20:2001"')
    assert mistake.path == f"grid_meter.{line.split(maxsplit=1)[0]}"
    assert "in the bridge" in str(mistake)
