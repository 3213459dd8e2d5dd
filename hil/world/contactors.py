"""A contactor: its coil is told, its poles follow a little later, unless they are welded."""

from dataclasses import dataclass

HOT_A = 1.0
"""Opening above this current wears the contacts (counted as hot)."""


@dataclass(slots=True)
class Contactor:
    """close_s/open_s: from coil to poles (typical of a 25 A DIN rail contactor)."""

    close_s: float = 0.03
    open_s: float = 0.02
    closed: bool = False
    welded: bool = False
    auxiliary_stuck: bool = False
    auxiliary_closed: bool = False
    closings: int = 0
    openings_cold: int = 0
    openings_hot: int = 0
    _moving_s: float = 0.0

    def step(self, coil: bool, current_a: float, dt_s: float) -> bool:
        """Follows the coil; current_a is the highest phase current just now. Returns whether the poles moved."""
        moved = False
        if coil == self.closed or (self.welded and self.closed):
            self._moving_s = 0.0
        else:
            self._moving_s += dt_s
            if self._moving_s >= (self.close_s if coil else self.open_s):
                self._count(coil, current_a)
                self.closed = coil
                self._moving_s = 0.0
                moved = True
        if not self.auxiliary_stuck:
            self.auxiliary_closed = self.closed
        return moved

    def _count(self, closing: bool, current_a: float) -> None:
        if closing:
            self.closings += 1
        elif current_a > HOT_A:
            self.openings_hot += 1
        else:
            self.openings_cold += 1
