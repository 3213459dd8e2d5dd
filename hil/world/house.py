"""What the house draws on each phase: a base that follows a table, noise, and appliances that come and go."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt
from random import Random

from hil.world.phases import Triple, plus


@dataclass(frozen=True, slots=True)
class LoadStep:
    """From at_s on, the base load is load_a (negative: the roof's panels feed in)."""

    at_s: float
    load_a: Triple


@dataclass(frozen=True, slots=True)
class Appliance:
    """A load on one phase that is on and off for random times within the given bounds."""

    phase: int
    load_a: float
    on_s: tuple[float, float]
    off_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class HousePlan:
    """repeat_s: the table of steps starts over after this long; noise_a: standard deviation, with memory noise_s."""

    base_a: Triple
    steps: Sequence[LoadStep] = ()
    repeat_s: float | None = None
    noise_a: float = 0.0
    noise_s: float = 20.0
    appliances: Sequence[Appliance] = ()


@dataclass(slots=True)
class _Running:
    on: bool
    left_s: float


class House:
    """The house at work; `extra_a` is added by a fault (a step in load at the worst moment)."""

    def __init__(self, plan: HousePlan, random: Random) -> None:
        self.plan = plan
        self.extra_a: Triple = (0.0, 0.0, 0.0)
        self._random = random
        self._noise = [0.0, 0.0, 0.0]
        self._since_noise_s = 0.0
        self._running = [_Running(False, random.uniform(*each.off_s)) for each in plan.appliances]

    def _base(self, at_s: float) -> Triple:
        if self.plan.repeat_s is not None:
            at_s %= self.plan.repeat_s
        load = self.plan.base_a
        for step in self.plan.steps:
            if step.at_s <= at_s:
                load = step.load_a
        return load

    def _stir(self, dt_s: float) -> None:
        for each, running in zip(self.plan.appliances, self._running, strict=True):
            running.left_s -= dt_s
            if running.left_s <= 0.0:
                running.on = not running.on
                running.left_s = self._random.uniform(*(each.on_s if running.on else each.off_s))
        self._since_noise_s += dt_s
        if self.plan.noise_a <= 0.0 or self._since_noise_s < 1.0:
            return
        memory = exp(-self._since_noise_s / self.plan.noise_s)
        self._since_noise_s = 0.0
        for phase in range(3):
            fresh = self._random.gauss(0.0, self.plan.noise_a) * sqrt(1.0 - memory * memory)
            self._noise[phase] = self._noise[phase] * memory + fresh

    def step(self, at_s: float, dt_s: float) -> Triple:
        """The load in amperes per phase at this second of the scenario."""
        self._stir(dt_s)
        load = list(plus(self._base(at_s), self.extra_a))
        for each, running in zip(self.plan.appliances, self._running, strict=True):
            if running.on:
                load[each.phase] += each.load_a
        if self.plan.noise_a > 0.0:
            load = [max(0.0, amperes + noise) for amperes, noise in zip(load, self._noise, strict=True)]
        return (load[0], load[1], load[2])
