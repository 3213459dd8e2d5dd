"""What control shows and remembers of its restraints from tick to tick. Frozen: each tick makes a new one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.ids import LimitId


@dataclass(frozen=True, slots=True)
class LimitState:
    """One external limit now. current_a: A per phase that it leaves its fuse, None: it lowers nothing by current;
    power_w: the same for the site's power; until_s: when the sender's word runs out (monotonic); calls: a wired contact
    calls, or no word of the sender is valid; noted_s: when people were last told of that."""

    current_a: float | None
    power_w: float | None
    until_s: float | None
    calls: bool
    noted_s: float | None


@dataclass(frozen=True, slots=True)
class HousePower:
    """What the house draws without the sockets (W), by the newest telegram, smoothed, and when it came."""

    now_w: float
    smooth_w: float
    volts: float
    at_s: float


@dataclass(frozen=True, slots=True)
class RestraintState:
    """All restraints now."""

    limits: Mapping[LimitId, LimitState] = field(default_factory=dict)
    house: HousePower | None = None
