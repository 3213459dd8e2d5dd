"""Max-min fair filling of a fuse tree, per phase: everybody's share grows alike until a fuse phase or a wish binds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Spot = tuple[str, int]
"""A fuse and one of its phases."""
_TINY_A = 1e-9


@dataclass(slots=True)
class Wish:
    """Who wants current: at least least_a, at most most_a, through these places."""

    places: Sequence[Spot]
    least_a: float
    most_a: float


def fill(wishes: Sequence[Wish], room_a: Mapping[Spot, float]) -> list[float]:
    """The shares (A). The least of all must fit; what is left is filled in evenly."""
    left = dict(room_a)
    shares = [wish.least_a for wish in wishes]
    for wish in wishes:
        for place in wish.places:
            left[place] -= wish.least_a
    growing = [n for n, wish in enumerate(wishes) if wish.most_a > wish.least_a + _TINY_A]
    while growing:
        level = min(shares[n] for n in growing)
        rises = [n for n in growing if shares[n] <= level + _TINY_A]
        above = min((shares[n] for n in growing if shares[n] > level + _TINY_A), default=float("inf"))
        count: dict[Spot, int] = {}
        for n in rises:
            for place in wishes[n].places:
                count[place] = count.get(place, 0) + 1
        step = min(
            above - level,
            *(left[place] / number for place, number in count.items()),
            *(wishes[n].most_a - shares[n] for n in rises),
        )
        step = max(step, 0.0)
        for n in rises:
            shares[n] += step
            for place in wishes[n].places:
                left[place] -= step
        growing = [
            n
            for n in growing
            if shares[n] < wishes[n].most_a - _TINY_A
            and (n not in rises or all(left[place] > _TINY_A for place in wishes[n].places))
        ]
    return shares
