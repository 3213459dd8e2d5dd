"""Relay boards and wallboxes as data: addresses, timed commands and setpoints come out as their sources say."""

from importlib import resources

import pytest

from gateway.actuators.catalogue import parse_relay_board, parse_wallbox
from gateway.actuators.wallbox import PilotLetter
from gateway.errors import ConfigMistake

MODELS = resources.files("gateway.actuators") / "models"
WAVESHARE = (MODELS / "relay_boards" / "waveshare-modbus-rtu-relay-8ch.toml").read_text(encoding="utf-8")
HEIDELBERG = (MODELS / "wallboxes" / "heidelberg-energy-control.toml").read_text(encoding="utf-8")


def test_channels_are_counted_from_one_as_printed_on_the_board() -> None:
    board = parse_relay_board(WAVESHARE)
    assert (board.coil(1), board.coil(8)) == (0, 7)
    for channel in (0, 9):
        with pytest.raises(ValueError, match="channels 1 to 8"):
            board.coil(channel)


def test_a_timed_close_is_in_tenths_of_a_second() -> None:
    board = parse_relay_board(WAVESHARE)
    assert board.flash_command(1, 0.7) == (0x0200, 7)
    assert board.flash_command(4, 30.0) == (0x0203, 300)
    for impossible_s in (0.0, 4000.0):
        with pytest.raises(ValueError, match="cannot close"):
            board.flash_command(1, impossible_s)


def test_a_board_without_timed_close_says_so() -> None:
    board = parse_relay_board(WAVESHARE[: WAVESHARE.index("[flash]")])
    assert not board.supports_flash
    with pytest.raises(ValueError, match="no timed close"):
        board.flash_command(1, 30.0)


@pytest.mark.parametrize(
    ("current_a", "value"),
    [
        (0.0, 0), (5.99, 0), (6.0, 60), (6.09, 60), (6.1, 61), (13.79999, 137), (13.8, 138), (16.0, 160),
        (32.0, 160), (float("inf"), 160), (float("nan"), 0), (-1.0, 0),
    ],
)  # fmt: skip
def test_a_setpoint_is_rounded_down_and_never_lies_between_nothing_and_six_amperes(
    current_a: float, value: int
) -> None:
    assert parse_wallbox(HEIDELBERG).setpoint_value(current_a) == value


def test_no_setpoint_is_ever_above_what_was_asked() -> None:
    box = parse_wallbox(HEIDELBERG)
    for milliamperes in range(0, 20000, 7):
        value = box.setpoint_value(milliamperes / 1000)
        assert value == 0 or 60 <= value <= 160
        assert value * 100 <= milliamperes


def test_a_heidelberg_box_falls_to_its_failsafe_after_fifteen_seconds() -> None:
    box = parse_wallbox(HEIDELBERG)
    assert box.has_failsafe
    assert box.failsafe_after_s == 15.0
    assert box.watchdog is not None
    assert (box.watchdog.address, box.watchdog.value) == (257, 15000)


def test_every_state_of_the_register_table_has_a_letter() -> None:
    box = parse_wallbox(HEIDELBERG)
    assert sorted(box.state.pilots) == list(range(2, 12))
    assert box.state.pilots[6] is PilotLetter.C


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ("minimum_a = 6.0", "minimum_a = 3.0", "minimum_a"),
        ('2 = "A"', '2 = "G"', "state.pilots.2"),
        ("after_s = 15.0", "after_s = 3600", "watchdog.after_s"),
        ("[failsafe]", "[failsave]", "failsave"),
    ],
)
def test_slips_in_a_wallbox_file_are_named(before: str, after: str, path: str) -> None:
    with pytest.raises(ConfigMistake) as caught:
        parse_wallbox(HEIDELBERG.replace(before, after))
    assert path in [mistake.path for mistake in caught.value.mistakes]


def test_a_relay_board_without_channels_is_a_mistake() -> None:
    with pytest.raises(ConfigMistake) as caught:
        parse_relay_board(WAVESHARE.replace("channels = 8", ""))
    assert caught.value.mistakes[0].path == "channels"
