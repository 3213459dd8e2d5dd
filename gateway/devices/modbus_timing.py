"""When the next request may go: frame gaps, rest after trouble, and pauses for units that are silent.

Plain arithmetic on a monotonic clock that is handed in; nothing here waits.
"""

import math
from typing import Final

GAP_CHARS: Final = 3.5
GAP_S_MIN: Final = 0.00175
"""Above 19200 baud the gap is fixed (Modbus over serial line 1.02 §2.5.1.1)."""
QUIET_S: Final = 0.3
"""After a timeout or a bad frame: a reply that comes now belongs to nobody and must be gone before the next request."""
QUIET_S_MAX: Final = 1.0
"""A device that babbles without end does not keep the wire from everybody else."""
PAUSE_S_FIRST: Final = 1.0
PAUSE_S_MAX: Final = 60.0
PRESSING_PAUSE_S_MAX: Final = 4.0


class LineTiming:
    """The wire between requests. baud None: no wire that needs gaps (TCP)."""

    def __init__(self, baud: int | None, parity: str, stop_bits: int, quiet_s: float = QUIET_S) -> None:
        bits = 9 + stop_bits + (0 if parity == "N" else 1)
        self.char_s: Final = 0.0 if baud is None else bits / baud
        self.gap_s: Final = 0.0 if baud is None else max(GAP_CHARS * self.char_s, GAP_S_MIN if baud > 19200 else 0.0)
        self._quiet_s: Final = quiet_s
        self._free_from_s = 0.0
        self._quiet_until_s = 0.0
        self._quiet_ends_s = 0.0
        self._stray_ends_s = 0.0

    def sent(self, octets: int, now_s: float) -> None:
        self._free_from_s = now_s + octets * self.char_s + self.gap_s
        self._stray_ends_s = math.inf

    def ended(self, now_s: float) -> None:
        """The transaction is over: what comes now is nobody's, and holds the next request up for a bounded time."""
        self._stray_ends_s = now_s + QUIET_S_MAX

    def heard(self, now_s: float) -> None:
        """Bytes came. While the wire rests they start its rest anew, up to a limit."""
        self._free_from_s = max(self._free_from_s, min(now_s + self.gap_s, self._stray_ends_s))
        if now_s < self._quiet_until_s:
            self._quiet_until_s = min(now_s + self._quiet_s, self._quiet_ends_s)

    def trouble(self, now_s: float) -> None:
        """A timeout, a bad frame or a foreign answer: the wire rests."""
        self._quiet_until_s = now_s + self._quiet_s
        self._quiet_ends_s = now_s + max(QUIET_S_MAX, self._quiet_s)

    def wait_s(self, now_s: float) -> float:
        """How long the wire must still rest; 0 or less: it is free."""
        return max(self._free_from_s, self._quiet_until_s) - now_s


class UnitPauses:
    """Units that do not answer are left alone for 1, 2, 4 … 60 s, so that a dead one costs the others little.

    What presses (writes, and readings for billing) is tried again at once, since a word may be lost; from the second
    one that nobody answers it waits as well, for 4 s at the most. Otherwise a dead board with a few relays would keep
    the wire from every other unit.
    """

    def __init__(self, first_s: float = PAUSE_S_FIRST) -> None:
        self._first_s: Final = first_s
        self._pauses: dict[int, tuple[float, float]] = {}
        self._pressing_pauses: dict[int, tuple[float, float]] = {}

    def remaining_s(self, unit: int, now_s: float, *, presses: bool = False) -> float:
        until_s, _ = (self._pressing_pauses if presses else self._pauses).get(unit, (now_s, 0.0))
        return until_s - now_s

    def silent(self, unit: int, now_s: float, *, presses: bool = False) -> None:
        """Starts or doubles the unit's pause. What pressed and failed inside a pause does not lengthen it."""
        until_s, length_s = self._pauses.get(unit, (0.0, 0.0))
        if now_s >= until_s:
            length_s = min(max(2 * length_s, self._first_s), PAUSE_S_MAX)
            self._pauses[unit] = (now_s + length_s, length_s)
        if presses:
            _, next_s = self._pressing_pauses.get(unit, (0.0, 0.0))
            self._pressing_pauses[unit] = (now_s + next_s, min(max(2 * next_s, self._first_s), PRESSING_PAUSE_S_MAX))

    def heard(self, unit: int) -> None:
        self._pauses.pop(unit, None)
        self._pressing_pauses.pop(unit, None)


class UnitRests:
    """Units that need rest between two requests to themselves; others may be asked meanwhile."""

    def __init__(self) -> None:
        self._silence_s: dict[int, float] = {}
        self._free_from_s: dict[int, float] = {}

    def needs(self, unit: int, silence_s: float) -> None:
        self._silence_s[unit] = silence_s

    def silence_s(self, unit: int) -> float:
        return self._silence_s.get(unit, 0.0)

    def ended(self, unit: int, now_s: float) -> None:
        """A request to it is over, answered or not."""
        if unit in self._silence_s:
            self._free_from_s[unit] = now_s + self._silence_s[unit]

    def wait_s(self, unit: int, now_s: float) -> float:
        """How long it must still rest; 0: it has rested."""
        return max(0.0, self._free_from_s.get(unit, now_s) - now_s)
