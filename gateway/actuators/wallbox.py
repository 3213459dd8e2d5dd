"""What a wallbox controller's registers mean: setpoint, state, currents, and what it does when we fall silent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from gateway.meters.register_map import Confidence


class PilotLetter(StrEnum):
    """IEC 61851-1 Annex A: A no car, B plugged, C charging, D ventilated, E/F fault."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


@dataclass(frozen=True, slots=True)
class CurrentRegister:
    """A holding register with a current: value = current / scale_a."""

    address: int
    scale_a: Decimal

    def value(self, current_a: float) -> int:
        """The largest register value that is not above `current_a` (a rounding error of a millionth is forgiven)."""
        return math.floor(current_a / float(self.scale_a) + 1e-6)

    def current_a(self, value: int) -> float:
        return float(value * self.scale_a)


@dataclass(frozen=True, slots=True)
class StateRegister:
    """Where the state stands. pilots: register value to letter; lowered: values at which the box offers less than its
    setpoint by its own will, so that its setpoint says nothing."""

    function: int
    address: int
    pilots: Mapping[int, PilotLetter]
    lowered: frozenset[int]


@dataclass(frozen=True, slots=True)
class WatchdogRegister:
    """After `after_s` without any request the box falls to its failsafe current; value = time / tick_s."""

    address: int
    tick_s: Decimal
    after_s: float

    @property
    def value(self) -> int:
        return int(Decimal(str(self.after_s)) / self.tick_s)


@dataclass(frozen=True, slots=True)
class PhaseRegister:
    """A holding register with the number of phases that the box offers, 1 or 3. pause_s: so long the box stands still
    around a switching, by its maker."""

    address: int
    pause_s: float


@dataclass(frozen=True, slots=True)
class FixedSetting:
    """A holding register that must hold one value for us to be in charge."""

    address: int
    value: int
    why: str


@dataclass(frozen=True, slots=True)
class WallboxModel:
    """One wallbox controller type, all of it data. Currents per phase."""

    id: str
    vendor: str
    name: str
    sources: tuple[str, ...]
    confidence: Confidence
    silence_s: float
    minimum_a: float
    maximum_a: float
    step_a: float
    setpoint: CurrentRegister
    state: StateRegister
    watchdog: WatchdogRegister | None
    failsafe: CurrentRegister | None
    settings: tuple[FixedSetting, ...]
    phases: PhaseRegister | None = None

    @property
    def has_failsafe(self) -> bool:
        return self.watchdog is not None and self.failsafe is not None

    @property
    def failsafe_after_s(self) -> float | None:
        return None if self.watchdog is None else self.watchdog.after_s

    def setpoint_value(self, current_a: float) -> int:
        """What to write for at most `current_a`: rounded down to the box's step, 0 below its minimum (IEC 61851-1 knows
        nothing between 0 and 6 A), at most its maximum."""
        if math.isnan(current_a) or current_a < self.minimum_a:
            return 0
        steps = math.floor(min(current_a, self.maximum_a) / self.step_a + 1e-6)
        return self.setpoint.value(steps * self.step_a)
