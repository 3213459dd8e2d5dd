"""How old the currents of a telegram are when its last byte comes, learned from the steps that the sockets make.

A socket's own meter shows when it rose or fell, and the telegrams show the same step later. Two telegrams whose
currents differ clearly are compared with what the sockets drew before each of them, so and so long before: the delays
at which the sockets explain the difference lie between two bounds. That is one step's evidence. All steps together
give the span in which a telegram is taken to have been measured; until there are enough it is the usual one.

A step that the house made at the same moment gives wrong bounds: one in so many may contradict the rest. If more do,
the delay itself may vary, and the span is as wide as all of them say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.ids import SocketId
from gateway.meters.readings import GridReading
from gateway.quantities import PHASES, MaybePerPhase, PerPhase

DELAY_S_MAX: Final = 15.0
"""A telegram is never taken for older."""
GRAIN_S: Final = 0.5
DELAYS_S: Final = tuple(GRAIN_S * k for k in range(int(DELAY_S_MAX / GRAIN_S) + 1))
USUAL_S: Final = (0.0, 3.0)
"""Until it is learned: HAN meters measure and send within 3 s."""
STEPS_MIN: Final = 12
STEPS_KEPT: Final = 40
"""What was before is forgotten, so that another meter is learned by and by."""
WRONG_ONE_IN: Final = 20
LIKELY_PART: Final = 0.9
MARGIN_S: Final = 1.0
"""Sockets are read each second or two: when exactly one stepped is not known."""
TELLS_A: Final = 3.0
"""A smaller difference between two telegrams says nothing."""
TELLS_TIMES: Final = 3.0
"""And it must be so many times what is put down to the house."""
MISSES_TIMES: Final = 2.0
"""A delay at which so many times that is left over is ruled out."""
METER_ERROR: Final = 0.04
"""Two meters of class B and their roundings."""
HOUSE_A_MIN: Final = 0.8
HOUSE_TIMES: Final = 1.5

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TelegramDelay:
    """What is known of one meter's delay. meter: its number, "" where it says none; steps: of each step the least and
    the most delay (s) at which it is explained, the newest last."""

    meter: str = ""
    steps: tuple[Bounds, ...] = ()

    def of_meter(self, meter: str) -> "TelegramDelay":
        """The same, or nothing if another meter speaks."""
        if not meter or meter == self.meter:
            return self
        return TelegramDelay(meter) if self.meter else replace(self, meter=meter)

    def told(self, bounds: Bounds, *, again: bool) -> "TelegramDelay":
        """With one more step. again: it is the last one seen again, and both must hold; if they cannot, the house has
        stepped with it, and nothing is left of it."""
        kept = self.steps
        if again and kept:
            was, kept = kept[-1], kept[:-1]
            bounds = max(was[0], bounds[0]), min(was[1], bounds[1])
            if bounds[0] > bounds[1] + GRAIN_S:
                return replace(self, steps=kept)
        return replace(self, steps=(*kept, (min(bounds), max(bounds)))[-STEPS_KEPT:])

    @property
    def learned_s(self) -> Bounds | None:
        """The least and the most delay (s, 0..15) that the steps leave; None: not enough of them yet."""
        if len(self.steps) < STEPS_MIN:
            return None
        leasts, mosts = sorted(least for least, _ in self.steps), sorted(most for _, most in self.steps)
        wrong = len(self.steps) // WRONG_ONE_IN
        low_s, high_s = leasts[-1 - wrong], mosts[wrong]
        if low_s > high_s + MARGIN_S:  # it varies, or more steps are the house's
            quarter = len(self.steps) // 4
            low_s, high_s = min(mosts[0], leasts[-1 - quarter]), max(leasts[-1], mosts[quarter])
        return max(0.0, min(low_s, high_s) - MARGIN_S), min(DELAY_S_MAX, max(low_s, high_s) + MARGIN_S)

    @property
    def likely_s(self) -> Bounds | None:
        """The least and the most delay (s, within `learned_s`) that nearly as many steps allow as allow any."""
        learned_s = self.learned_s
        if learned_s is None:
            return None
        allow = [sum(least <= delay_s <= most for least, most in self.steps) for delay_s in DELAYS_S]
        enough = LIKELY_PART * max(allow)
        likely_s = [
            delay_s
            for delay_s, number in zip(DELAYS_S, allow, strict=True)
            if number >= enough and learned_s[0] <= delay_s <= learned_s[1]
        ]
        return (likely_s[0], likely_s[-1]) if likely_s else learned_s


@dataclass(frozen=True, slots=True)
class DelaySight:
    """One telegram. amps: import positive, None: not told; silent: sockets that nobody saw; least, most: what the
    others drew at each of `DELAYS_S` before it, on the grid's phases (A)."""

    at_s: float
    amps: MaybePerPhase
    silent: tuple[SocketId, ...]
    least: tuple[PerPhase, ...]
    most: tuple[PerPhase, ...]


@dataclass(frozen=True, slots=True)
class DelayLearning:
    """span_s: how long before its last byte a telegram may have been measured, least and most; likely_s: how long it
    probably was; waiting: a telegram that sockets are still being read after; told_s: when the last step was seen."""

    known: TelegramDelay = field(default_factory=TelegramDelay)
    span_s: Bounds = USUAL_S
    sights: tuple[DelaySight, ...] = ()
    waiting: GridReading | None = None
    told_s: float = float("-inf")
    likely_s: Bounds = USUAL_S

    @classmethod
    def of(cls, known: TelegramDelay) -> "DelayLearning":
        return cls(known, known.learned_s or USUAL_S, likely_s=known.likely_s or USUAL_S)


def step_bounds(before: DelaySight, after: DelaySight, house_a: Sequence[float]) -> Bounds | None:
    """The least and the most delay (s) at which the sockets explain how two telegrams differ; None: it says nothing.

    house_a: how much each phase of the house usually changes meanwhile (A).
    """
    if before.silent != after.silent:
        return None
    misses = [0.0] * len(DELAYS_S)
    tells = False
    for phase in PHASES:
        was, now = before.amps[phase], after.amps[phase]
        if was is None or now is None:
            continue
        change = now - was
        house = max(HOUSE_A_MIN, HOUSE_TIMES * house_a[phase]) + METER_ERROR * abs(change)
        tells = tells or abs(change) >= max(TELLS_A, TELLS_TIMES * house)
        for k in range(len(DELAYS_S)):
            least = after.least[k][phase] - before.most[k][phase]
            most = after.most[k][phase] - before.least[k][phase]
            misses[k] = max(misses[k], (least - change) / house, (change - most) / house)
    left = [delay_s for delay_s, miss in zip(DELAYS_S, misses, strict=True) if miss <= MISSES_TIMES]
    if not tells or min(misses) > 1.0 or len(left) == len(DELAYS_S):
        return None
    return left[0], left[-1]
