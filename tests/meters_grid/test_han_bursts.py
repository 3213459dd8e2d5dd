"""The port's octets cut into bursts."""

import pytest

from gateway.meters.han_bursts import Burst, Bursts


def opened() -> Bursts:
    bursts = Bursts()
    bursts.opened(0.0)
    return bursts


def test_a_pause_ends_a_burst_whether_time_is_looked_at_or_octets_come() -> None:
    looked, fed = opened(), opened()
    for bursts in (looked, fed):
        assert bursts.came(b"abc", 1.0) is None
        assert bursts.came(b"def", 1.2) is None
    expected = Burst(b"abcdef", 0, 6, 0, whole=True, lasted_s=1.2 - 1.0)
    assert looked.look(1.5) is None
    assert looked.look(1.7) == expected
    assert looked.look(9.0) is None
    assert fed.came(b"next", 2.0) == expected
    assert fed.begins == 6


def test_octets_right_after_the_opening_are_a_burst_joined_midway() -> None:
    bursts = opened()
    bursts.came(b"tail", 0.1)
    burst = bursts.look(1.0)
    assert burst is not None
    assert not burst.whole
    bursts.came(b"whole", 1.0)
    following = bursts.look(2.0)
    assert following is not None
    assert following.whole


def test_what_a_telegram_took_is_not_kept_and_its_first_octets_moment_is_told() -> None:
    bursts = opened()
    for place in range(5):
        bursts.came(b"x" * 100, 1.0 + place / 10)
    assert bursts.taken(120, 450) == pytest.approx(1.1)
    burst = bursts.look(2.0)
    assert burst == Burst(b"x" * 50, 0, 500, 1, whole=True, lasted_s=1.4 - 1.0)


def test_a_burst_of_telegrams_only_ends_empty() -> None:
    bursts = opened()
    bursts.came(b"x" * 100, 1.0)
    bursts.taken(0, 100)
    assert bursts.look(1.5) == Burst(b"", 0, 100, 1, whole=True)


def test_a_telegram_that_began_in_the_burst_before_takes_only_what_is_left() -> None:
    bursts = opened()
    bursts.came(b"x" * 100, 1.0)
    assert bursts.look(2.0) is not None
    bursts.came(b"y" * 50, 2.0)
    assert bursts.taken(20, 140) == pytest.approx(1.0)
    assert bursts.look(3.0) == Burst(b"y" * 10, 100, 150, 1, whole=True)


def test_octets_without_end_are_looked_at_every_two_kilobytes() -> None:
    bursts = opened()
    ended = [burst for number in range(100) if (burst := bursts.came(b"z" * 62, number * 0.006)) is not None]
    assert len(ended) == 2
    assert all(burst.whole and len(burst.octets) == 2048 for burst in ended)


def test_a_trickle_without_end_is_looked_at_after_twelve_seconds() -> None:
    bursts = opened()
    ended = [burst for number in range(50) if (burst := bursts.came(b"z", 1.0 + number * 0.3)) is not None]
    assert len(ended) == 1
    assert ended[0].unending


def test_a_new_opening_forgets_what_was_half_heard() -> None:
    bursts = opened()
    bursts.came(b"half", 1.0)
    bursts.opened(1.1)
    assert bursts.look(9.0) is None
    assert bursts.conclude() is None
    assert bursts.place == 4
