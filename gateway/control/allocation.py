"""Max-min fair shares over the fuse tree, phase by phase: nobody can get more but from one who has less.

All askers' shares rise together from their minimum; where a fuse phase is full its askers stop, the others go on
("progressive filling", Bertsekas and Gallager, Data Networks, 6.5.2). Then each share is rounded down to what the
device can be told, and what the rounding left is handed out in whole steps: one each, coarse devices and small shares
first, then the rest in fine steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, inf
from typing import Final, NamedTuple

TINY_A: Final = 1e-6
COARSE_A: Final = 0.5


@dataclass(slots=True)
class Asker:
    """Who wants a share: from minimum_a to cap_a (A per phase) in steps, loading every fuse phase of `places`. Shares
    rise in proportion to the weights."""

    minimum_a: float
    cap_a: float
    step_a: float
    places: tuple[int, ...]
    weight: float = 1.0


class Share(NamedTuple):
    """What one gets (A). full_at: the fuse phase that stopped it, None if its own cap did."""

    current_a: float
    full_at: int | None


def share_out(askers: Sequence[Asker], room_a: Sequence[float]) -> list[Share]:
    """One share per asker, in their order. room_a: per fuse phase, what is free for all of them together (A).

    The minima are given in any case (whoever cannot be given its minimum must not ask); beyond them the sum of the
    shares is at most the room on every fuse phase.
    """
    water = _Water(askers, room_a)
    water.rise()
    shares = [_stepped(asker, current) for asker, current in zip(askers, water.current_a, strict=True)]
    left = list(room_a)
    for asker, current in zip(askers, shares, strict=True):
        for place in asker.places:
            left[place] -= current
    by_need = sorted(range(len(askers)), key=lambda one: (-askers[one].step_a, shares[one]))
    fine = [index for index in by_need if askers[index].step_a < COARSE_A]
    for whole_rest, order in ((False, by_need), (True, fine)):
        for index in order:
            asker = askers[index]
            if shares[index] + asker.step_a > asker.cap_a + TINY_A:
                continue
            more = _more_a(asker, shares[index], left, whole_rest=whole_rest)
            if more > 0.0:
                for place in asker.places:
                    left[place] -= more
                shares[index] = _whole_ua(shares[index] + more)
    return [
        Share(current, None if current + asker.step_a > asker.cap_a + TINY_A else stop)
        for asker, current, stop in zip(askers, shares, water.full_at, strict=True)
    ]


def _more_a(asker: Asker, current_a: float, left_a: Sequence[float], *, whole_rest: bool) -> float:
    """Of what rounding left: one step, or the whole rest in steps."""
    most = min([left_a[place] for place in asker.places], default=inf)
    if most + TINY_A < asker.step_a:
        return 0.0
    most = min(most, asker.cap_a - current_a)
    if not whole_rest:
        most = min(most, asker.step_a)
    return floor((most + TINY_A) / asker.step_a) * asker.step_a


class _Water:
    """The common level, A per weight, that all rising askers have; lives inside one call of `share_out`."""

    def __init__(self, askers: Sequence[Asker], room_a: Sequence[float]) -> None:
        self.askers = askers
        self.current_a = [asker.minimum_a for asker in askers]
        self.full_at: list[int | None] = [None] * len(askers)
        self.free_a = list(room_a)
        self.rising = [False] * len(askers)
        self.users: list[list[int]] = [[] for _ in self.free_a]
        self.rising_at = [0] * len(self.free_a)
        self.weight_at = [0.0] * len(self.free_a)
        for index, asker in enumerate(askers):
            for place in asker.places:
                self.free_a[place] -= asker.minimum_a
                self.users[place].append(index)
        self.crowded = [place for place, users in enumerate(self.users) if users]

    def rise(self) -> None:
        """From turn to turn: at its minimum an asker begins to rise, at its cap it stops."""
        turns: list[tuple[float, bool, int]] = []
        for index, asker in enumerate(self.askers):
            if asker.cap_a > asker.minimum_a:
                turns.append((asker.minimum_a / asker.weight, False, index))
                turns.append((asker.cap_a / asker.weight, True, index))
        turns.sort()
        level = 0.0
        for until, stops, index in turns:
            if until > level:
                level = self._rise_to(level, until)
            if not stops:
                self._begin(index)
            elif self.rising[index]:
                self._stop(index, until)

    def _rise_to(self, level: float, until: float) -> float:
        while level < until:
            rise, narrowest = until - level, None
            for place in self.crowded:
                weight = self.weight_at[place]
                if weight and self.free_a[place] < rise * weight:
                    rise, narrowest = max(0.0, self.free_a[place]) / weight, place
            for place in self.crowded:
                if self.weight_at[place]:
                    self.free_a[place] -= rise * self.weight_at[place]
            if narrowest is None:
                return until
            level += rise
            for index in self.users[narrowest]:
                if self.rising[index]:
                    self._stop(index, level)
                    self.full_at[index] = narrowest
        return until

    def _begin(self, index: int) -> None:
        self.rising[index] = True
        weight, rising_at, weight_at = self.askers[index].weight, self.rising_at, self.weight_at
        for place in self.askers[index].places:
            rising_at[place] += 1
            weight_at[place] += weight

    def _stop(self, index: int, level: float) -> None:
        self.rising[index] = False
        asker = self.askers[index]
        weight, rising_at, weight_at = asker.weight, self.rising_at, self.weight_at
        self.current_a[index] = min(asker.cap_a, level * weight)
        for place in asker.places:
            rising_at[place] -= 1
            weight_at[place] = weight_at[place] - weight if rising_at[place] else 0.0


def _stepped(asker: Asker, current_a: float) -> float:
    steps = floor((current_a + TINY_A) / asker.step_a) * asker.step_a
    return min(asker.cap_a, max(asker.minimum_a, _whole_ua(steps)))


def _whole_ua(current_a: float) -> float:
    """To the nearest microampere, which takes the error out of a sum of steps; several times as fast as `round`."""
    return floor(current_a * 1e6 + 0.5) / 1e6
