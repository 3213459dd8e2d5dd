"""How far a house rises from one telegram to the next, learned per phase: what it may have come to while none comes.

Rises are counted in half amperes. Of those of the last day or so the 99.9 % quantile is what one interval may bring at
the most; before a thousand have been seen nothing is claimed. What three of four intervals bring is the house's unrest.
"""

from dataclasses import dataclass
from typing import Final, Self

BIN_A: Final = 0.5
BINS: Final = 128
QUANTILE: Final = 0.999
RISES_MIN: Final = 1000
USUAL_QUANTILE: Final = 0.75
USUAL_MIN: Final = 30
RISES_MAX: Final = 16_000
"""Then all counts are halved: what the house did long ago is forgotten (a day and a half at ten seconds)."""


@dataclass(frozen=True, slots=True)
class Rises:
    """Counts of rises of one phase; counts[k]: of more than k - 1 and at most k half amperes, the first of none."""

    counts: tuple[int, ...] = ()
    seen: int = 0

    def with_rise(self, rise_a: float) -> Self:
        """With one more interval, over which the house rose by so much (A; a fall is no rise)."""
        own = min(BINS - 1, max(0, int(-(-rise_a // BIN_A))))
        counts = [*self.counts, *[0] * (own + 1 - len(self.counts))]
        counts[own] += 1
        if self.seen + 1 >= RISES_MAX:
            counts = [number // 2 for number in counts]
        return type(self)(tuple(counts), sum(counts))

    @property
    def highest_a(self) -> float | None:
        """What 999 of 1000 intervals stay below or at (A); None: not known yet."""
        return self._quantile_a(QUANTILE) if self.seen >= RISES_MIN else None

    @property
    def usual_a(self) -> float | None:
        """What three of four intervals stay below or at (A): how restless the house is from one telegram to the next.
        None: not known yet."""
        return self._quantile_a(USUAL_QUANTILE) if self.seen >= USUAL_MIN else None

    def _quantile_a(self, part: float) -> float:
        above = self.seen * (1.0 - part)
        for own in range(len(self.counts) - 1, -1, -1):
            above -= self.counts[own]
            if above < 0.0:
                return own * BIN_A
        return 0.0


def risen_a(house_a: float, rises: Rises, intervals: float, most_a: float) -> float:
    """What a house may have come to so many intervals after it was last seen (A): at most `most_a`, never less than
    what was seen."""
    highest_a = rises.highest_a
    if highest_a is None:
        return house_a
    return max(house_a, min(most_a, house_a + highest_a * intervals))
