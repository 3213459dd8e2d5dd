"""Wrong tries are few: so many at once, then one after each rest, over sockets and over restarts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.site.requests import Source
from gateway.site.tries import CARD, SECRET, SECRET_OF_SITE, Tries, all_spent, tries_after


def guess(tries: Tries, place: str, now_s: float, means: Source = Source.PIN) -> bool:
    if tries.wait_s(place, means, now_s) > 0.0:
        return False
    tries.spend(place, means)
    return True


def test_at_one_socket_so_many_are_free_and_then_one_after_each_rest() -> None:
    tries = Tries(0.0)
    assert [guess(tries, "socket p1", 0.0) for _ in range(7)] == [True] * SECRET.at_once + [False, False]
    assert tries.wait_s("socket p1", Source.PIN, 0.0) == pytest.approx(SECRET.rest_s)
    assert not guess(tries, "socket p1", SECRET.rest_s - 1.0)
    assert guess(tries, "socket p1", SECRET.rest_s + 1.0)
    assert not guess(tries, "socket p1", SECRET.rest_s + 2.0)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0.0, 3000.0)), max_size=120))
def test_going_from_socket_to_socket_gives_no_more_guesses_than_the_site_allows(walk: list[tuple[str, float]]) -> None:
    tries, now_s, taken = Tries(0.0), 0.0, 0
    for place, passed_s in walk:
        now_s += passed_s
        taken += guess(tries, place, now_s)
    assert taken <= SECRET_OF_SITE.at_once + now_s / SECRET_OF_SITE.rest_s + 1


@given(st.lists(st.floats(0.0, 900.0), max_size=60), st.sets(st.integers(0, 59)))
def test_restarts_give_no_guesses_away(pauses: list[float], restarts: set[int]) -> None:
    tries, now_s, taken = Tries(0.0), 0.0, 0
    for turn, passed_s in enumerate(pauses):
        now_s += passed_s
        taken += guess(tries, "socket p1", now_s)
        if turn in restarts:
            tries = tries_after(tries.lasting(), now_s)
    assert taken <= SECRET.at_once + now_s / SECRET.rest_s + 1


def test_who_is_known_has_spent_nothing() -> None:
    tries = Tries(0.0)
    for _ in range(50):
        assert guess(tries, "socket p1", 0.0)
        tries.give_back("socket p1", Source.PIN)
    assert tries.lasting() == {}


def test_guessed_pins_do_not_keep_cards_out_and_cards_are_bounded_too() -> None:
    tries = Tries(0.0)
    while guess(tries, "socket p1", 0.0):
        pass
    cards = [guess(tries, "socket p1", 0.0, Source.RFID) for _ in range(CARD.at_once + 1)]
    assert cards == [True] * CARD.at_once + [False]
    assert guess(tries, "socket p2", 0.0, Source.RFID)
    assert guess(tries, "socket p1", CARD.rest_s + 1.0, Source.RFID)
    assert all("card" not in name for name in tries.lasting())


def test_a_clock_that_stands_or_runs_backwards_gives_nothing_back() -> None:
    tries = Tries(1000.0)
    while guess(tries, "socket p1", 1000.0):
        pass
    assert tries.wait_s("socket p1", Source.PIN, 10.0) == pytest.approx(SECRET.rest_s)


def test_counts_that_are_lost_count_as_spent() -> None:
    assert all_spent(5.0).wait_s("socket p9", Source.CODE, 5.0) == pytest.approx(SECRET_OF_SITE.rest_s)
    assert all_spent(5.0).wait_s("socket p9", Source.RFID, 5.0) == 0.0
