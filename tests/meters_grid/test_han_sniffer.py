"""The search for a line's setting, told by what bursts look like."""

import pytest

from gateway.meters.han_sniffer import Sniffer, candidates
from gateway.wire.likeness import SETTINGS_RIGHT, Likeness
from gateway.wire.line import LineSettings
from gateway.wire.telegram import Form

P1, SLOW_EVEN, SLOW, BRIDGE = (
    LineSettings(115200, "N"),
    LineSettings(2400, "E"),
    LineSettings(2400, "N"),
    LineSettings(9600, "N"),
)


def sniffer(form: Form | None = None, baud: int | None = None, parity: str | None = None) -> Sniffer:
    return Sniffer(candidates(form, baud, parity))


def test_most_swedish_meters_are_tried_first() -> None:
    assert candidates(None, None, None) == (P1, SLOW_EVEN, SLOW, BRIDGE)


@pytest.mark.parametrize(
    ("form", "baud", "parity", "tried"),
    [
        (Form.P1, None, None, (P1,)),
        (Form.P1, 9600, "N", (BRIDGE,)),
        (Form.P1, None, "E", (LineSettings(115200, "E"),)),
        (None, 2400, None, (SLOW_EVEN, SLOW)),
        (None, 19200, None, (LineSettings(19200, "N"), LineSettings(19200, "E"))),
        (None, 115200, None, (P1, LineSettings(115200, "E"))),
        (Form.HDLC, None, "E", (SLOW_EVEN,)),
        (Form.HDLC, 2400, "N", (SLOW,)),
        (Form.MBUS, None, None, (SLOW_EVEN, SLOW, LineSettings(9600, "E"), BRIDGE)),
    ],
)
def test_what_a_person_pinned_is_not_varied(
    form: Form | None, baud: int | None, parity: str | None, tried: tuple[LineSettings, ...]
) -> None:
    assert candidates(form, baud, parity) == tried


@pytest.mark.parametrize("likeness", [*sorted(SETTINGS_RIGHT), Likeness.STRAY])
def test_a_burst_that_came_over_as_sent_changes_nothing(likeness: Likeness) -> None:
    one = sniffer()
    for _ in range(10):
        assert not one.failed(likeness)
    assert one.settings == P1


def test_a_slower_line_is_tried_slower_at_once_and_that_is_excused() -> None:
    one = sniffer()
    assert one.failed(Likeness.SLOWER)
    assert one.settings == SLOW_EVEN


def test_almost_frames_bring_the_other_parity_of_the_same_speed() -> None:
    one = sniffer(baud=2400)
    assert one.failed(Likeness.PARITY)
    assert one.settings == SLOW
    assert not one.failed(Likeness.PARITY)


def test_a_faster_line_is_tried_faster() -> None:
    one = sniffer()
    one.failed(Likeness.SLOWER)
    one.failed(Likeness.PARITY)
    assert one.settings == SLOW
    assert one.failed(Likeness.FASTER)
    assert one.settings == BRIDGE


def test_noise_is_looked_at_twice_and_never_excused() -> None:
    one = sniffer()
    assert not one.failed(Likeness.NOISE)
    assert one.settings == P1
    assert not one.failed(Likeness.NOISE)
    assert one.settings == SLOW_EVEN


def test_every_setting_gets_its_turn_again_and_again() -> None:
    one = sniffer()
    seen = []
    for _ in range(16):
        seen.append(one.settings)
        one.failed(Likeness.NOISE)
    assert seen == [each for each in (P1, SLOW_EVEN, SLOW, BRIDGE) for _ in (1, 2)] * 2


def test_what_was_found_is_doubted_only_after_three_bad_bursts_in_a_row() -> None:
    one = sniffer()
    one.succeeded()
    for _ in range(5):
        one.failed(Likeness.SLOWER)
        one.failed(Likeness.SLOWER)
        one.succeeded()
    assert one.settings == P1
    for _ in range(3):
        one.failed(Likeness.SLOWER)
    assert not one.settled
    assert one.settings == SLOW_EVEN


def test_after_a_doubt_the_first_bad_burst_moves_on() -> None:
    one = sniffer()
    one.succeeded()
    one.doubt()
    assert one.failed(Likeness.SLOWER)
    assert one.settings == SLOW_EVEN


def test_what_other_settings_look_like_is_excused_while_the_good_one_is_away() -> None:
    one = sniffer()
    one.succeeded()
    for _ in range(3):
        one.failed(Likeness.NOISE)
    assert one.settings == SLOW_EVEN
    assert one.failed(Likeness.FASTER)
    assert one.settings == BRIDGE
    assert one.failed(Likeness.FASTER)


def test_a_single_setting_has_no_excuse_and_stays() -> None:
    one = sniffer(Form.P1)
    assert not one.failed(Likeness.SLOWER)
    assert one.settings == P1
