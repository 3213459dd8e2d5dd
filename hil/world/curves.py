"""How long a fuse holds a current: the judge's law.

gG links: mean melting points of Siemens NH gG links (as digitised in pandapower's standard types), joined by straight
lines between logarithms; ratings between two curves (20, 32, 35, 40 A) lie between them at the same multiple of the
rating. IEC 60269-1 promises one hour up to 1.25 times the rating and melting within one hour at 1.6 times; what it
does not promise the judge does not grant: any current above the rating is held for one hour at the most. Its gates
(melted within 5 s) hold where the curve is slower.

Circuit breakers: IEC 60898-1 table 7: 1.13 times the rating for one hour, 2.55 times for 1 s to 60 s (120 s above
32 A; the judge takes the geometric mean), and the lower edge of the magnetic band (B 3, C 5 times) at once.
"""

from bisect import bisect_right
from math import exp, inf, log, sqrt

HOUR_S = 3600.0

MEAN_MELTING: dict[float, tuple[tuple[float, float], ...]] = {
    16.0: ((26, 4000), (35, 400), (75, 2), (150, 0.1), (200, 0.04), (300, 0.01)),
    25.0: ((40, 4000), (50, 1000), (100, 10), (210, 0.2), (400, 0.02), (500, 0.01)),
    50.0: ((86, 4000), (200, 40), (300, 4), (400, 1), (1000, 0.02), (1280, 0.01)),
    63.0: ((100, 4000), (200, 100), (300, 10), (400, 2), (1000, 0.04), (1500, 0.01)),
}
MELTED_WITHIN_5_S_A = {10: 46, 16: 65, 20: 85, 25: 110, 32: 150, 35: 175, 40: 190, 50: 250, 63: 320}
"""IEC 60269-1, gates of gG links: the current that melts the link within 5 s at the latest (35 A interpolated)."""
_RATINGS = tuple(MEAN_MELTING)
_MAGNETIC_MULTIPLE = {"B": 3.0, "C": 5.0}
_MAGNETIC_S = 0.02
_AT_RATING = 1.0 + 1e-9
"""A sum of floats that ought to be the rating is the rating."""


def _line(x: float, left: tuple[float, float], right: tuple[float, float]) -> float:
    """The straight line between two points in the logarithms of both axes."""
    share = log(x / left[0]) / log(right[0] / left[0])
    return exp(log(left[1]) + share * log(right[1] / left[1]))


def _mean_melting_s(curve: float, multiple: float) -> float:
    points = MEAN_MELTING[curve]
    current_a = multiple * curve
    at = bisect_right([amperes for amperes, _ in points], current_a)
    at = min(max(at, 1), len(points) - 1)
    return _line(current_a, points[at - 1], points[at])


def gg_melting_s(rating_a: float, current_a: float) -> float:
    """Seconds that a cold gG link of this rating holds this current; inf at or below its rating."""
    multiple = abs(current_a) / rating_a
    if multiple <= _AT_RATING:
        return inf
    if rating_a <= _RATINGS[0]:
        curve_s = _mean_melting_s(_RATINGS[0], multiple)
    elif rating_a >= _RATINGS[-1]:
        curve_s = _mean_melting_s(_RATINGS[-1], multiple)
    else:
        at = bisect_right(_RATINGS, rating_a)
        low, high = _RATINGS[at - 1], _RATINGS[at]
        share = log(rating_a / low) / log(high / low)
        low_s, high_s = _mean_melting_s(low, multiple), _mean_melting_s(high, multiple)
        curve_s = exp(log(low_s) + share * log(high_s / low_s))
    gate_a = MELTED_WITHIN_5_S_A.get(int(rating_a))
    if gate_a is not None and abs(current_a) >= gate_a:
        curve_s = min(curve_s, 5.0)
    return min(HOUR_S, curve_s)


def breaker_trip_s(rating_a: float, curve: str, current_a: float) -> float:
    """Seconds that a cold breaker of curve B or C holds this current; inf at or below its rating."""
    multiple = abs(current_a) / rating_a
    if multiple <= _AT_RATING:
        return inf
    if multiple >= _MAGNETIC_MULTIPLE[curve]:
        return _MAGNETIC_S
    latest_s = 60.0 if rating_a <= 32.0 else 120.0
    return min(HOUR_S, _line(multiple, (1.13, HOUR_S), (2.55, sqrt(1.0 * latest_s))))


def holding_s(rating_a: float, kind: str, current_a: float) -> float:
    """Seconds that a fuse of this kind (gG, B or C) holds this current."""
    if kind == "gG":
        return gg_melting_s(rating_a, current_a)
    return breaker_trip_s(rating_a, kind, current_a)
