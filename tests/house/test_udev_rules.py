"""The udev rules, as far as a program can read them without udev."""

import re
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "udev"
NAMES = RULES / "70-laddvakt.rules"
BRLTTY = RULES / "95-laddvakt-brltty.rules"
ADAPTERS = {
    "ftdi": ("0403", "6001"),
    "cp210x": ("10c4", "ea60"),
    "ch340": ("1a86", "7523"),
    "ch9102": ("1a86", "55d4"),
    "prolific": ("067b", "2303"),
}
_PART = re.compile(r'[A-Z]+(\{[A-Za-z0-9_$]+\})?(==|!=|=|\+=|-=|:=)"[^"]*"')


def rules(path: Path) -> list[str]:
    """The rules without remarks, long lines joined."""
    text = path.read_text("utf-8").replace("\\\n", "")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("path", sorted(RULES.glob("*.rules")), ids=lambda path: path.name)
def test_every_rule_is_a_list_of_matches_and_assignments_and_every_jump_lands_further_down(path: Path) -> None:
    seen = rules(path)
    for number, rule in enumerate(seen):
        parts = re.split(r",\s*(?=[A-Z])", rule)
        assert all(_PART.fullmatch(part) for part in parts), rule
        for label in re.findall(r'GOTO="([^"]+)"', rule):
            assert f'LABEL="{label}"' in seen[number + 1 :], rule


@pytest.mark.parametrize(("vendor", "model"), ADAPTERS.values(), ids=ADAPTERS.keys())
def test_the_usual_p1_cables_are_known_to_both_files(vendor: str, model: str) -> None:
    for path in (NAMES, BRLTTY):
        lines = [rule for rule in rules(path) if f'"{vendor}"' in rule]
        assert any(model in re.split(r'[|"]', rule) for rule in lines), path.name


def test_ftdi_answers_at_once_and_nobody_else_speaks_to_a_meter() -> None:
    text = NAMES.read_text("utf-8")
    assert 'DRIVER=="ftdi_sio", ATTR{latency_timer}="1"' in text
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in text
    assert 'ENV{ID_MM_PORT_IGNORE}="1"' in text


def test_brltty_is_taken_back_after_its_own_rules_and_for_our_adapters_only() -> None:
    assert BRLTTY.name > "90-brltty-device.rules"
    seen = rules(BRLTTY)
    cleared = next(number for number, rule in enumerate(seen) if 'ENV{SYSTEMD_WANTS}=""' in rule)
    assert any('ENV{LADDVAKT_SERIAL}!="1", GOTO=' in rule for rule in seen[:cleared])
    assert any('ENV{BRLTTY_BRAILLE_DRIVER}!="?*", GOTO=' in rule for rule in seen[:cleared])
