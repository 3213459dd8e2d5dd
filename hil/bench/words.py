"""What wires carry between the cabinet and whoever controls it, second by second. Nothing else reaches a policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hil.world.phases import Triple


@dataclass(frozen=True, slots=True)
class Telegram:
    """One telegram of the HAN port: when its last byte came, the meter's own clock, currents (unsigned, 0.1 A) and
    signed powers (W) per phase. currents None: the meter leaves them out."""

    at_s: float
    meter_clock: str
    current_a: Triple | None
    power_w: Triple | None


@dataclass(frozen=True, slots=True)
class MeterWords:
    """One poll of a socket's meter, in the socket's own phases; kwh is its register."""

    socket: str
    at_s: float
    current_a: tuple[float, ...]
    kwh: float


@dataclass(frozen=True, slots=True)
class BoxWords:
    """A wallbox as last asked: pilot state A (nobody), B or C, what it offers; phases: on how many, if it switches."""

    socket: str
    at_s: float
    pilot: str
    offered_a: float
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class CoilWords:
    """A contactor's coil read back."""

    socket: str
    at_s: float
    closed: bool


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody asks for current where none comes by itself: on when arriving, and off when leaving a socket without
    pilot."""

    socket: str
    on: bool


@dataclass(frozen=True, slots=True)
class News:
    """What came in until this second."""

    at_s: float
    telegrams: tuple[Telegram, ...] = ()
    meters: tuple[MeterWords, ...] = ()
    boxes: tuple[BoxWords, ...] = ()
    coils: tuple[CoilWords, ...] = ()
    presses: tuple[Press, ...] = ()


@dataclass(frozen=True, slots=True)
class Orders:
    """What shall be from now on: setpoints of boxes (A; 0 off), contactors (True closed), phases of boxes. Who
    is not named stays."""

    current_a: Mapping[str, float] = field(default_factory=dict)
    closed: Mapping[str, bool] = field(default_factory=dict)
    phases: Mapping[str, int] = field(default_factory=dict)


class Policy(Protocol):
    """Whoever controls the cabinet. Called once a second."""

    def tick(self, news: News) -> Orders: ...
