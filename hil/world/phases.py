"""Three phases as plain triples; index 0 is L1."""

from collections.abc import Sequence

PHASES = ("L1", "L2", "L3")

Triple = tuple[float, float, float]

ZERO: Triple = (0.0, 0.0, 0.0)


def plus(one: Triple, other: Triple) -> Triple:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2])


def triple(values: Sequence[float]) -> Triple:
    """Three numbers, or one for all three; ValueError otherwise."""
    if len(values) == 1:
        return (float(values[0]),) * 3
    if len(values) != 3:
        raise ValueError(f"three values are needed, one per phase, not {len(values)}")
    return (float(values[0]), float(values[1]), float(values[2]))


def rounded(values: Sequence[float], digits: int = 2) -> list[float]:
    return [round(value, digits) for value in values]
