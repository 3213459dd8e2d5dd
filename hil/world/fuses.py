"""The fuse tree and its judge: heat per fuse and phase, what melted, how long a rating was exceeded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, isfinite

from hil.world.curves import holding_s
from hil.world.phases import PHASES, ZERO, Triple, plus, rounded

COOLING_S = 600.0
"""Time constant of a link's cooling at or below its rating: our own cautious figure (small links cool faster)."""


@dataclass(frozen=True, slots=True)
class FusePlan:
    """One fuse of three poles; unmetered_load_a flows below it on every phase."""

    name: str
    rating_a: float
    kind: str
    parent: str | None
    unmetered_load_a: float = 0.0


@dataclass(slots=True)
class Fuse:
    """One fuse at work. heat: Miner sum of dt over holding time; a pole is gone at 1."""

    plan: FusePlan
    current_a: Triple = ZERO
    heat: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    heat_worst: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    over_s: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    over_s_longest: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    over_s_total: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    current_a_worst: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    melted: list[bool] = field(default_factory=lambda: [False, False, False])

    def step(self, current_a: Triple, dt_s: float) -> tuple[int, ...]:
        """Heats and cools the poles; returns the poles that went in this step (all three for a breaker)."""
        self.current_a = current_a
        gone = []
        for pole in range(3):
            amperes = abs(current_a[pole])
            self.current_a_worst[pole] = max(self.current_a_worst[pole], amperes)
            held_s = holding_s(self.plan.rating_a, self.plan.kind, amperes)
            if isfinite(held_s):
                self.heat[pole] += dt_s / held_s
                self.over_s[pole] += dt_s
                self.over_s_total[pole] += dt_s
            else:
                self.heat[pole] *= exp(-dt_s / COOLING_S)
                self.over_s[pole] = 0.0
            self.heat_worst[pole] = max(self.heat_worst[pole], self.heat[pole])
            self.over_s_longest[pole] = max(self.over_s_longest[pole], self.over_s[pole])
            if self.heat[pole] >= 1.0 and not self.melted[pole]:
                gone.append(pole)
        if gone and self.plan.kind != "gG":
            gone = [pole for pole in range(3) if not self.melted[pole]]
        for pole in gone:
            self.melted[pole] = True
        return tuple(gone)

    def verdict(self) -> dict[str, object]:
        """The judge's words: worst heat (1 = melted), longest and total seconds above the rating, melted poles."""
        return {
            "rating_a": self.plan.rating_a,
            "kind": self.plan.kind,
            "heat_worst": round(max(self.heat_worst), 4),
            "over_s_longest": round(max(self.over_s_longest), 2),
            "over_s_total": round(max(self.over_s_total), 2),
            "current_a_worst": rounded(self.current_a_worst),
            "melted": [PHASES[pole] for pole in range(3) if self.melted[pole]],
        }


class FuseTree:
    """All fuses. The first plan without a parent is the main fuse, behind the grid meter."""

    def __init__(self, plans: Sequence[FusePlan]) -> None:
        self.fuses = {plan.name: Fuse(plan) for plan in plans}
        self.main = next(plan.name for plan in plans if plan.parent is None)
        self._leaves_first = sorted(self.fuses, key=lambda name: -len(self._path(name)))

    def _path(self, name: str) -> list[str]:
        path = [name]
        while (parent := self.fuses[path[-1]].plan.parent) is not None:
            path.append(parent)
        return path

    def alive(self, name: str) -> tuple[bool, bool, bool]:
        """Which phases still reach what hangs below this fuse."""
        above = [self.fuses[at].melted for at in self._path(name)]
        return (not any(m[0] for m in above), not any(m[1] for m in above), not any(m[2] for m in above))

    def step(self, loads_a: Mapping[str, Triple], dt_s: float, *, power: bool) -> list[tuple[str, int]]:
        """Lets the loads (per fuse that they hang on, signed) flow up the tree; returns (fuse, pole) that went."""
        flow = {name: loads_a.get(name, ZERO) for name in self.fuses}
        gone = []
        for name in self._leaves_first:
            fuse = self.fuses[name]
            if power:
                alive = self.alive(name)
                extra = fuse.plan.unmetered_load_a
                flow[name] = plus(flow[name], (extra * alive[0], extra * alive[1], extra * alive[2]))
            gone += [(name, pole) for pole in fuse.step(flow[name], dt_s)]
            if fuse.plan.parent is not None:
                flow[fuse.plan.parent] = plus(flow[fuse.plan.parent], flow[name])
        return gone

    def verdict(self) -> dict[str, dict[str, object]]:
        return {name: fuse.verdict() for name, fuse in self.fuses.items()}
