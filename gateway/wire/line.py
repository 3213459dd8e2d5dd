"""How a serial line is set."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class LineSettings:
    """baud; parity: N, E or O (8 data bits with N, E, O; 1 stop bit)."""

    baud: int = 115200
    parity: str = "N"

    @property
    def octet_s(self) -> float:
        """How long one octet takes: start bit, 8 data bits, perhaps a parity bit, stop bit."""
        return (10 if self.parity == "N" else 11) / self.baud

    def __str__(self) -> str:
        return f"{self.baud} 8{self.parity}1"


P1_LINE: Final = LineSettings()
"""HAN P1 companion 5.0.2, 5.6."""
