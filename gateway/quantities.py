"""Quantities that carry their unit in their name, per-phase triples, and energy registers.

Control numbers are `float`; billed numbers are `Decimal` exactly as the meter shows them. `None` means unknown
and counts as full.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final


class Phase(IntEnum):
    """A phase of a fuse, usable as an index into a triple."""

    L1 = 0
    L2 = 1
    L3 = 2


PHASES: Final = (Phase.L1, Phase.L2, Phase.L3)

PerPhase = tuple[float, float, float]
"""Known values of L1, L2, L3."""

MaybePerPhase = tuple[float | None, float | None, float | None]
"""Values of L1, L2, L3; `None` where unknown."""

ZERO_PER_PHASE: Final[PerPhase] = (0.0, 0.0, 0.0)
UNKNOWN_PER_PHASE: Final[MaybePerPhase] = (None, None, None)


@dataclass(frozen=True, slots=True)
class EnergyRegister:
    """A cumulative energy register as the meter shows it.

    kwh: value in kWh with the register's own decimals; step_kwh: the register's resolution (for float registers the
    distance to the next float); raw_words: the 16-bit words as they came over the wire, high address last.
    """

    kwh: Decimal
    step_kwh: Decimal
    raw_words: tuple[int, ...]
