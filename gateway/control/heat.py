"""How warm a fuse phase is: our own damage sum, cautious beside every published curve.

While the current is above the rating the heat grows by dt / t_allow(I/In); at or below it the heat falls with a time
constant of 300 s. 0.5: reduce without politeness; 1: open contactors. It is never set back by a cut. The rows are ours,
not a standard's: the gG row stays below the 10 s gates of IEC 60269-1 (table "Gates") and at least 31 times below the
mean melting curves with 10 % tolerance; the automat row is a guess on the safe side of IEC 60898-1 table 7. Where the
config gives the maker's curve, a tenth of its times is allowed instead.
"""

from collections.abc import Mapping
from math import exp, inf
from typing import Final

from gateway.site.topology import Fuse, FuseKind

HEAT_REDUCE: Final = 0.5
HEAT_OPEN: Final = 1.0
COOLING_S: Final = 300.0
"""Time constant of cooling."""

_GG: Final = ((1.00, inf), (1.13, 1800.0), (1.25, 600.0), (1.45, 120.0), (1.60, 60.0), (1.80, 20.0), (2.06, 10.0))
_AUTOMAT: Final = ((1.00, inf), (1.13, 600.0), (1.30, 30.0), (1.45, 15.0), (1.80, 5.0), (2.00, 3.0), (2.55, 0.5))

ROWS: Final[Mapping[FuseKind, tuple[tuple[float, float], ...]]] = {
    FuseKind.GG: _GG,
    FuseKind.B: _AUTOMAT,
    FuseKind.C: _AUTOMAT,
}
"""Pairs (I/In up to, seconds allowed), rising; above the last pair nothing is allowed."""


CURVE_PART: Final = 0.1
"""Of the times of a maker's curve: no fuse comes past a tenth of its melting."""


def allowed_s(fuse: Fuse, multiple: float) -> float:
    """How long a fuse may carry this multiple of its rating (s): infinite up to 1, 0 above its row or curve. Between
    two points of a curve the shorter time counts."""
    if fuse.curve and multiple > 1.0:
        return next((CURVE_PART * seconds for up_to, seconds in fuse.curve if multiple <= up_to), 0.0)
    for up_to, seconds in ROWS[fuse.kind]:
        if multiple <= up_to:
            return seconds
    return 0.0


def heat_after(fuse: Fuse, heat: float, current_a: float | None, elapsed_s: float) -> float:
    """The heat after `elapsed_s` at `current_a`. Unknown current neither warms nor cools."""
    if current_a is None or elapsed_s <= 0.0:
        return heat
    seconds = allowed_s(fuse, current_a / fuse.rating_a)
    if seconds == inf:
        return heat * exp(-elapsed_s / COOLING_S)
    if seconds == 0.0:
        return max(heat, HEAT_OPEN)
    return heat + elapsed_s / seconds
