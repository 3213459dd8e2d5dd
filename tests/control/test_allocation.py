"""Fair shares: worked examples, and the law that no fuse phase is ever given away twice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.allocation import Asker, share_out


def box(cap_a: float = 16.0, places: tuple[int, ...] = (0, 1, 2), step_a: float = 1.0) -> Asker:
    return Asker(6.0, cap_a, step_a, places)


def amperes(askers: list[Asker], room_a: list[float]) -> list[float]:
    return [share.current_a for share in share_out(askers, room_a)]


def test_two_boxes_share_a_fuse_by_halves() -> None:
    assert amperes([box(step_a=0.1), box(step_a=0.1)], [20.0, 20.0, 20.0]) == pytest.approx([10.0, 10.0])


def test_what_a_small_box_cannot_use_goes_to_the_others() -> None:
    assert amperes([box(cap_a=6.0), box(cap_a=32.0)], [24.0, 24.0, 24.0]) == [6.0, 18.0]


def test_whole_amperes_are_rounded_down_and_the_rest_is_handed_out_in_order() -> None:
    assert amperes([box(), box(), box()], [20.0, 20.0, 20.0]) == [7.0, 7.0, 6.0]


def test_a_share_in_tenths_shows_nothing_of_the_sums_that_made_it() -> None:
    for tenths in range(60, 320):
        assert amperes([box(32.0, step_a=0.1)], [tenths / 10.0 + 0.06] * 3) == [round(tenths / 10.0, 1)]


def test_a_box_on_one_phase_is_not_stopped_by_another_phase() -> None:
    assert amperes([box(places=(0,)), box(places=(1,))], [16.0, 7.0, 0.0]) == [16.0, 7.0]


def test_the_fuse_phase_that_binds_is_named() -> None:
    shares = share_out([box(places=(0, 3)), box(places=(1, 4))], [30.0, 30.0, 0.0, 9.0, 30.0, 0.0])
    assert [share.full_at for share in shares] == [3, None]


def test_a_sub_fuse_binds_its_own_boxes_only() -> None:
    under = (0, 3)
    assert amperes([box(places=under), box(places=under), box(places=(0,))], [40.0, 0, 0, 14.0, 0, 0]) == [7, 7, 16]


def test_shares_rise_in_proportion_to_their_weights_beyond_the_minimum() -> None:
    heavy, light = replace(box(32.0), weight=3.0), box(32.0)
    assert amperes([heavy, light], [32.0] * 3) == [24.0, 8.0]
    assert amperes([heavy, light], [16.0] * 3) == [10.0, 6.0]
    assert amperes([replace(heavy, cap_a=16.0), light], [32.0] * 3) == [16.0, 16.0]


@given(st.lists(st.sampled_from([0.1, 0.3, 1.0, 2.5, 10.0]), min_size=1, max_size=6), st.floats(40.0, 90.0))
def test_whatever_the_weights_no_room_is_given_twice_and_none_is_left(weights: list[float], room_a: float) -> None:
    askers = [replace(box(16.0, step_a=0.1), weight=weight) for weight in weights]
    got = amperes(askers, [room_a] * 3)
    assert sum(got) <= room_a + 1e-4
    assert sum(got) >= min(room_a, 16.0 * len(askers)) - 0.11


@st.composite
def cabinets(draw: st.DrawFn) -> tuple[list[Asker], list[float]]:
    fuses = draw(st.integers(1, 4))
    askers = []
    for _ in range(draw(st.integers(1, 12))):
        phases = draw(st.sets(st.integers(0, 2), min_size=1))
        own = draw(st.integers(0, fuses - 1))
        path = {0, own}
        places = tuple(3 * f + p for p in sorted(phases) for f in sorted(path))
        cap = draw(st.sampled_from([6.0, 10.0, 13.0, 16.0, 32.0]))
        askers.append(Asker(6.0, cap, draw(st.sampled_from([0.1, 1.0])), places))
    room = []
    for place in range(3 * fuses):
        least = sum(6.0 for asker in askers if place in asker.places)
        room.append(least + draw(st.floats(0, 60)))
    return askers, room


@given(cabinets())
def test_no_fuse_phase_is_given_away_twice(cabinet: tuple[list[Asker], list[float]]) -> None:
    askers, room = cabinet
    got = amperes(askers, room)
    for place, room_a in enumerate(room):
        assert sum(a for asker, a in zip(askers, got, strict=True) if place in asker.places) <= room_a + 1e-4
    for asker, current in zip(askers, got, strict=True):
        assert asker.minimum_a <= current <= asker.cap_a


@given(cabinets())
def test_nobody_can_get_more_but_from_one_who_has_less(cabinet: tuple[list[Asker], list[float]]) -> None:
    askers, room = cabinet
    got = amperes(askers, room)
    left = list(room)
    for asker, current in zip(askers, got, strict=True):
        for place in asker.places:
            left[place] -= current
    for mine, current in zip(askers, got, strict=True):
        if current + mine.step_a > mine.cap_a + 1e-6:
            continue
        full = [place for place in mine.places if left[place] < mine.step_a + 1e-4]
        assert full, "there is a whole step of room that nobody gave it"
        residue = {place: sum(one.step_a for one in askers if place in one.places) for place in mine.places}
        fair = [
            place
            for place in mine.places
            if left[place] < residue[place] + 1e-4
            and all(
                other_a <= max(current + 2.0, other.minimum_a) + 1e-4
                for other, other_a in zip(askers, got, strict=True)
                if place in other.places
            )
        ]
        assert fair, "someone on a full fuse phase has more than a step beyond this one"
