"""Cars and plain loads: what hangs on a socket, what it wants, how fast it obeys.

A car with a pilot wire may draw what the box advertises (IEC 61851-1: at least 6 A or nothing) and follows a change
within 5 s; when the pilot goes off it has stopped after 3 s. A load without a pilot draws as soon as there is voltage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MINIMUM_A = 6.0
_STOP_REACTION_S = 0.3
_STOP_RAMP_S = 2.4
PRESS_AGAIN_S = 15.0


@dataclass(frozen=True, slots=True)
class CarPlan:
    """One visit. arrive_s: second of the scenario; it leaves leave_after_full_s after it is full, or at leave_s.

    phases 1 or 3 (as many as the socket has); taper: the share of the wish at the end over which it draws less;
    sleeps_after_s: without an offer for this long it sleeps and does not resume until it is plugged in anew;
    press: the key (charge, arm) that its driver presses on a phone: ON on arrival and again while nothing comes, OFF
    when leaving.
    """

    name: str
    socket: str
    arrive_s: float
    energy_kwh: float
    limit_a: float = 16.0
    phases: int = 3
    pilot: bool = True
    leave_after_full_s: float = 20.0
    leave_s: float | None = None
    reaction_s: float = 1.0
    ramp_s: float = 4.0
    taper: float = 0.08
    sleeps_after_s: float | None = None
    press: str | None = None


class Car:
    """A car (or a plain load) that is plugged in."""

    def __init__(self, plan: CarPlan, at_s: float) -> None:
        self.plan = plan
        self.plugged_in_s = at_s
        self.energy_kwh = 0.0
        self.drawing_since_s: float | None = None
        self.full_since_s: float | None = None
        self.asleep = False
        self._current_a = 0.0
        self._target_a = 0.0
        self._since_change_s = 0.0
        self._rate_a_per_s = 0.0
        self._reaction_s = 0.0
        self._idle_s = 0.0
        self._since_press_s = PRESS_AGAIN_S

    @property
    def wants(self) -> bool:
        return self.full_since_s is None and not self.asleep

    @property
    def current_a(self) -> float:
        return self._current_a

    def _aim(self, target_a: float) -> None:
        if abs(target_a - self._target_a) < 0.01:
            return
        self._target_a = target_a
        self._since_change_s = 0.0
        stop = target_a <= 0.0
        self._reaction_s = _STOP_REACTION_S if stop else self.plan.reaction_s
        ramp_s = _STOP_RAMP_S if stop else self.plan.ramp_s
        self._rate_a_per_s = abs(target_a - self._current_a) / max(ramp_s, 0.01)

    def _move(self, dt_s: float) -> None:
        self._since_change_s += dt_s
        if self._since_change_s < self._reaction_s:
            return
        reach = self._rate_a_per_s * dt_s
        gap = self._target_a - self._current_a
        self._current_a += min(max(gap, -reach), reach)

    def _taper_a(self) -> float:
        band_kwh = self.plan.energy_kwh * self.plan.taper
        if band_kwh <= 0.0:
            return self.plan.limit_a
        left = (self.plan.energy_kwh - self.energy_kwh) / band_kwh
        return self.plan.limit_a * min(1.0, max(left, 0.15))

    def step(self, at_s: float, dt_s: float, offered_a: float, volts: Sequence[float]) -> tuple[float, ...]:
        """Draws for dt and returns amperes per socket phase.

        offered_a: what the pilot advertises (0: off); ignored by a load without a pilot. volts: at the plug, per
        socket phase; nothing flows on a dead phase, and a car whose L1 is dead stops at once.
        """
        if not volts or volts[0] <= 0.0:
            self._current_a = self._target_a = 0.0
            return tuple(0.0 for _ in volts)
        self._sleep(dt_s, offered_a)
        allowed_a = min(offered_a, self.plan.limit_a) if self.plan.pilot else self.plan.limit_a
        least_a = MINIMUM_A if self.plan.pilot else 0.0
        self._aim(allowed_a if self.wants and allowed_a >= least_a else 0.0)
        self._move(dt_s)
        drawn_a = min(self._current_a, self._taper_a())
        amperes = tuple(drawn_a if phase < self.plan.phases and volt > 0.0 else 0.0 for phase, volt in enumerate(volts))
        self.energy_kwh += sum(a * v for a, v in zip(amperes, volts, strict=True)) * dt_s / 3.6e6
        if drawn_a > 1.0 and self.drawing_since_s is None:
            self.drawing_since_s = at_s
        if self.energy_kwh >= self.plan.energy_kwh and self.full_since_s is None:
            self.full_since_s = at_s
        return amperes

    def _sleep(self, dt_s: float, offered_a: float) -> None:
        self._idle_s = 0.0 if offered_a >= MINIMUM_A or not self.plan.pilot else self._idle_s + dt_s
        if self.plan.sleeps_after_s is not None and self._idle_s > self.plan.sleeps_after_s:
            self.asleep = True

    def presses(self, dt_s: float) -> bool:
        """Whether the driver presses ON just now."""
        self._since_press_s += dt_s
        if self.plan.press is None or not self.wants or self._current_a > 1.0 or self._since_press_s < PRESS_AGAIN_S:
            return False
        self._since_press_s = 0.0
        return True

    def leaves(self, at_s: float) -> bool:
        if self.plan.leave_s is not None and at_s >= self.plan.leave_s:
            return True
        return self.full_since_s is not None and at_s - self.full_since_s >= self.plan.leave_after_full_s

    def record(self, at_s: float, left_s: float | None) -> dict[str, object]:
        """What became of the visit: seconds of the scenario, energy delivered, seconds until the first ampere."""
        waited_s = (self.drawing_since_s if self.drawing_since_s is not None else at_s) - self.plugged_in_s
        return {
            "car": self.plan.name,
            "socket": self.plan.socket,
            "arrived_s": round(self.plugged_in_s, 1),
            "waited_s": round(waited_s, 1),
            "started_s": None if self.drawing_since_s is None else round(self.drawing_since_s, 1),
            "full_s": None if self.full_since_s is None else round(self.full_since_s, 1),
            "left_s": None if left_s is None else round(left_s, 1),
            "wish_kwh": self.plan.energy_kwh,
            "energy_kwh": round(self.energy_kwh, 4),
            "full": self.full_since_s is not None,
        }
