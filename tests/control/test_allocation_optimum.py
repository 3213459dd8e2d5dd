"""Fair shares against another witness, on random trees: linear programmes that lift whoever has least, in turn."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.control.allocation import Asker, share_out

linprog = pytest.importorskip("scipy.optimize", reason="scipy comes with the extra dev").linprog
FINE_A = 1e-4
"""So small a step leaves nothing to rounding."""
CLOSE_A = 1e-3


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[Asker], list[float]]:
    """Askers anywhere under up to seven fuses, on one phase or three in any turn; room that all minima fit into."""
    parents = [None, *(draw(st.integers(0, number)) for number in range(draw(st.integers(0, 6))))]
    askers = []
    for _ in range(draw(st.integers(1, 9))):
        path, at = [], draw(st.integers(0, len(parents) - 1))
        step: int | None = at
        while step is not None:
            path.append(step)
            step = parents[step]
        phases = draw(st.sampled_from([(0,), (1,), (2,), (0, 1), (0, 1, 2), (1, 2, 0)]))
        least_a = draw(st.sampled_from([0.0, 6.0, 6.0, 8.0]))
        cap_a = least_a + draw(st.sampled_from([0.0, 4.0, 10.0, 26.0]))
        places = tuple(3 * fuse + phase for phase in phases for fuse in path)
        askers.append(Asker(least_a, cap_a, FINE_A, places, draw(st.sampled_from([1.0, 1.0, 0.5, 2.0, 3.0]))))
    room_a = [0.0] * (3 * len(parents))
    for place in range(len(room_a)):
        minima_a = sum(asker.minimum_a for asker in askers if place in asker.places)
        room_a[place] = minima_a + draw(st.integers(0, 60))
    return askers, room_a


def lifted(askers: Sequence[Asker], room_a: Sequence[float]) -> list[float]:
    """Max-min fair shares by their definition: the least of all (by weight) as high as it can be, whoever cannot have
    more stays, then the least of the others, until nobody is left."""
    fixed: dict[int, float] = {}
    while len(fixed) < len(askers):
        level = _solve(askers, room_a, fixed, None, 0.0)
        rising = [n for n in range(len(askers)) if n not in fixed]
        for n in rising:
            own_a = level * askers[n].weight
            if _solve(askers, room_a, fixed, n, level) <= own_a + 1e-6:
                fixed[n] = own_a
        assert any(n in fixed for n in rising)
    return [fixed[n] for n in range(len(askers))]


def _solve(
    askers: Sequence[Asker], room_a: Sequence[float], fixed: dict[int, float], only: int | None, level: float
) -> float:
    """The highest common level (A per weight) of all that are not fixed; or the most for one while all keep it."""
    size = len(askers)
    rows = [[float(place in asker.places) for asker in askers] + [0.0] for place in range(len(room_a))]
    limits = list(room_a)
    bounds: list[tuple[float, float | None]] = []
    for n, asker in enumerate(askers):
        if n in fixed:
            bounds.append((fixed[n], fixed[n]))
            continue
        bounds.append((min(asker.cap_a, max(asker.minimum_a, level * asker.weight - 1e-9)), asker.cap_a))
        if only is None:
            rows.append([-float(other == n) for other in range(size)] + [asker.weight])
            limits.append(0.0)
    bounds.append((0.0, None))
    wanted = size if only is None else only
    solved = linprog([-float(n == wanted) for n in range(size + 1)], A_ub=rows, b_ub=limits, bounds=bounds)
    assert solved.status == 0 or (only is not None and solved.status == 3), solved.message
    return -float(solved.fun)


@settings(max_examples=40, deadline=None)
@given(trees())
def test_shares_are_those_of_a_sequence_of_linear_programmes(tree: tuple[list[Asker], list[float]]) -> None:
    askers, room_a = tree
    ours = [share.current_a for share in share_out(askers, room_a)]
    assert ours == pytest.approx(lifted(askers, room_a), abs=CLOSE_A)
