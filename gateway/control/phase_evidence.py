"""On which phases a socket really lies: the likelihood of each possible rotation, gathered step by step.

A step is what changed between two moments at which every socket drew evenly: in the grid meter's phases, and in the
phases of each socket's own meter. Under each rotation that a socket could have, what is left of the grid's change is
the house. House changes are mostly small and sometimes large: a Laplace density with a flat floor, so that a step
speaks for a rotation only as far as the house is quiet, and one chance event can say little. A step is worth at most
`SAYS_MOST`, so at least `PROOF / SAYS_MOST` of them agree before anything is called proven.

Several sockets that step together are weighed together: all combinations of their rotations, each by what is known of
it so far. A current that is the same on three phases fits every rotation: it proves nothing, and is not weighed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from itertools import permutations, product
from math import exp, log
from typing import Final

from gateway.ids import SocketId
from gateway.meters.readings import GridReading
from gateway.quantities import PHASES, PerPhase, Phase

TELLS_A: Final = 3.0
"""A step whose phases differ by less carries no information: meters differ by some percent, and so do cars."""
MOVES_A: Final = 1.0
"""A socket whose phases moved apart by less loads all rotations alike."""
SAYS_MOST: Final = 3.5
PROOF: Final = 13.8
"""ln of a million: so much likelier is another rotation before the config is called wrong."""
DISPROOF: Final = 0.7
"""A config that is called wrong is called so until nothing is twice as likely."""
WEIGHT_MAX: Final = 20.0
"""No more is remembered, so that a cabinet that is wired anew is believed after a dozen steps."""
SURE: Final = 0.999
TOGETHER_MAX: Final = 216
"""Combinations of rotations that are weighed for one step: three sockets of three phases."""
LARGE_W: Final = 64.0
"""Amperes over which a large change of the house may fall."""
METER_ERROR: Final = 0.04
"""Two meters of class B and their roundings, and a car that still creeps."""
EXPORT_UNTOLD: Final = 0.02
EXPORT_TOLD: Final = 0.5
"""How likely a current without a sign was exported, while the meter tells of no export, or of some."""


class PhaseVerdict(StrEnum):
    """What is known of a socket's rotation. PARTLY: some of its phases; CROSSED: it lies otherwise than configured."""

    UNPROVEN = "unproven"
    PARTLY = "partly"
    PROVEN = "proven"
    CROSSED = "crossed"


@cache
def rotations(phases: int) -> tuple[tuple[Phase, ...], ...]:
    """Every way in which a socket of so many phases can lie: 3 of one phase, 6 of two or three."""
    return tuple(permutations(PHASES, phases))


@dataclass(frozen=True, slots=True)
class PhaseEvidence:
    """weights: ln likelihood of each of `rotations`, the likeliest 0; steps: how many told; balanced: steps that were
    alike on all phases; unclear: steps that no telegram showed by itself; named: called crossed, until disproven."""

    weights: tuple[float, ...]
    steps: int = 0
    balanced: int = 0
    unclear: int = 0
    named: bool = False

    @classmethod
    def none(cls, phases: int) -> "PhaseEvidence":
        return cls((0.0,) * len(rotations(phases)))

    @property
    def phases(self) -> int:
        """How many phases the socket has."""
        return 1 if len(self.weights) == len(PHASES) else len(rotations(3)[0])

    def probabilities(self) -> tuple[float, ...]:
        """Of each of `rotations`, as far as the steps go."""
        parts = [exp(weight) for weight in self.weights]
        return tuple(part / sum(parts) for part in parts)

    def of(self, configured: tuple[Phase, ...]) -> float:
        """The probability of one rotation, 0..1."""
        return self.probabilities()[rotations(len(configured)).index(configured)]

    def on(self, own: int, phase: Phase) -> float:
        """The probability that the socket's own phase `own` lies on that phase of the fuse."""
        chances = zip(rotations(self.phases), self.probabilities(), strict=True)
        return sum(chance for rotation, chance in chances if rotation[own] is phase)

    def likeliest(self) -> tuple[Phase | None, ...]:
        """For each own phase where it is proven to lie, None where it is not."""
        return tuple(
            next((phase for phase in PHASES if self.on(own, phase) >= SURE), None) for own in range(self.phases)
        )

    def verdict(self, configured: tuple[Phase, ...]) -> PhaseVerdict:
        """What the evidence says of the rotation in the config."""
        if self.named:
            return PhaseVerdict.CROSSED
        proven = [self.on(own, phase) >= SURE for own, phase in enumerate(configured)]
        if all(proven):
            return PhaseVerdict.PROVEN
        return PhaseVerdict.PARTLY if any(proven) else PhaseVerdict.UNPROVEN

    def judged(self, configured: tuple[Phase, ...]) -> "PhaseEvidence":
        """Names a config that is proven wrong, and takes that back when nothing else is likelier."""
        right = self.weights[rotations(len(configured)).index(configured)]
        named = right <= (-DISPROOF if self.named else -PROOF)
        return self if named == self.named else replace(self, named=named)

    def favours(self, configured: tuple[Phase, ...]) -> bool:
        """Whether no other rotation is likelier."""
        return self.weights[rotations(len(configured)).index(configured)] == max(self.weights)

    def wrong_phase(self, configured: tuple[Phase, ...]) -> Phase | None:
        """Of a socket that is called crossed: where the first of its phases that lies elsewhere is seen."""
        if not self.named:
            return None
        best = rotations(len(configured))[self.weights.index(max(self.weights))]
        return next((there for there, said in zip(best, configured, strict=True) if there is not said), None)

    def told(self, says: Sequence[float]) -> "PhaseEvidence":
        """With one step more. says: ln likelihood of each rotation under it."""
        most = max(says)
        total = [weight + max(say - most, -SAYS_MOST) for weight, say in zip(self.weights, says, strict=True)]
        most = max(total)
        return replace(self, weights=tuple(max(one - most, -WEIGHT_MAX) for one in total), steps=self.steps + 1)


@dataclass(frozen=True, slots=True)
class PhaseAmps:
    """One phase of the grid meter before and after a step (A). signed: import positive, else magnitudes, of which
    `exported` says how likely each was export."""

    before: float
    after: float
    signed: bool
    exported: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class HouseNoise:
    """How the house changes on one phase over half a minute: usual_a the mean of small changes, large how often (0..1)
    it is a large one. Learned between steps."""

    usual_a: float = 1.0
    large: float = 0.2

    def heard(self, change_a: float) -> "HouseNoise":
        """After one more change of the house."""
        big = abs(change_a) > TELLS_A
        usual = self.usual_a if big else self.usual_a + (abs(change_a) - self.usual_a) * _PACE
        return HouseNoise(max(usual, _USUAL_LEAST_A), max(self.large + (big - self.large) * _PACE, _LARGE_LEAST))

    def density(self, change_a: float, unsure_a: float) -> float:
        """Of a change of the house, while what sockets changed on this phase is unsure by so much."""
        width = self.usual_a + unsure_a
        return (1.0 - self.large) * exp(-abs(change_a) / width) / (2.0 * width) + self.large / LARGE_W


_PACE: Final = 1.0 / 32.0
_USUAL_LEAST_A: Final = 0.3
_LARGE_LEAST: Final = 0.05

Noise = tuple[HouseNoise, HouseNoise, HouseNoise]


@dataclass(frozen=True, slots=True)
class Sight:
    """The grid's phases (A; None: not told) and every socket's own phases at one telegram. blur_a: by how much those
    that were on their way up or down changed around it."""

    at_s: float
    amps: tuple[float | None, float | None, float | None]
    signed: tuple[bool, bool, bool]
    exported: float
    sockets: Mapping[SocketId, PerPhase]
    blur_a: Mapping[SocketId, float]


@dataclass(frozen=True, slots=True)
class Step:
    """Between two sights. sockets: what each changed by, in its own phases (A), and by how much that is uncertain;
    grid: L1, L2, L3, None where the meter does not tell."""

    sockets: Mapping[SocketId, PerPhase]
    blur_a: Mapping[SocketId, float]
    grid: Sequence[PhaseAmps | None]


@dataclass(frozen=True, slots=True)
class PhaseLearning:
    """What is known, and the last quiet sights. waiting: a telegram that sockets are still being read after."""

    evidence: Mapping[SocketId, PhaseEvidence] = field(default_factory=dict)
    noise: Noise = (HouseNoise(), HouseNoise(), HouseNoise())
    sights: tuple[Sight, ...] = ()
    waiting: GridReading | None = None


def apart(step_a: PerPhase, phases: int) -> float:
    """By how much the phases of a step differ (A); of one phase, the step itself."""
    own = step_a[:phases]
    return abs(own[0]) if phases == 1 else max(own) - min(own)


def weighed(evidence: Mapping[SocketId, PhaseEvidence], step: Step, noise: Noise) -> dict[SocketId, PhaseEvidence]:
    """The evidence of every socket that stepped, after one step."""
    balanced_a = balanced_blur_a = 0.0
    moved: dict[SocketId, PerPhase] = {}
    out: dict[SocketId, PhaseEvidence] = {}
    for name, step_a in step.sockets.items():
        own = evidence[name]
        if own.phases == 1 or apart(step_a, own.phases) >= MOVES_A:
            moved[name] = step_a
        else:
            balanced_blur_a += step.blur_a.get(name, 0.0)
            balanced_a += sum(step_a[: own.phases]) / len(PHASES)
            if max(abs(one) for one in step_a) >= TELLS_A:
                out[name] = replace(own, balanced=own.balanced + 1)
    telling = [name for name, step_a in moved.items() if apart(step_a, evidence[name].phases) >= TELLS_A]
    if not telling:
        return out
    options = {name: _options(evidence[name], sure=False) for name in moved}
    if _combinations(options) > TOGETHER_MAX:
        options = {name: _options(evidence[name], sure=True) for name in moved}
        telling = [name for name in telling if len(options[name]) > 1]
    if _combinations(options) > TOGETHER_MAX or all(phase is None for phase in step.grid):
        return out | {name: replace(evidence[name], unclear=evidence[name].unclear + 1) for name in telling}
    fits = _Fits(balanced_a, METER_ERROR * abs(balanced_a) + balanced_blur_a, step, noise)
    says = _says(evidence, moved, options, fits)
    return out | {name: evidence[name].told(says[name]) for name in telling}


def _options(evidence: PhaseEvidence, *, sure: bool) -> tuple[int, ...]:
    """The rotations that are weighed: all, or the one alone that is as good as sure."""
    if sure and max(evidence.probabilities()) >= SURE:
        return (evidence.weights.index(max(evidence.weights)),)
    return tuple(range(len(evidence.weights)))


def _combinations(options: Mapping[SocketId, tuple[int, ...]]) -> int:
    number = 1
    for own in options.values():
        number *= len(own)
    return number


def _says(
    evidence: Mapping[SocketId, PhaseEvidence],
    moved: Mapping[SocketId, PerPhase],
    options: Mapping[SocketId, tuple[int, ...]],
    fits: "_Fits",
) -> dict[SocketId, list[float]]:
    """ln likelihood of each rotation of each moved socket, over all that the others may be."""
    names = list(moved)
    known = {name: evidence[name].probabilities() for name in names}
    sums = {name: [0.0] * len(evidence[name].weights) for name in names}
    for combination in product(*(options[name] for name in names)):
        change = [0.0, 0.0, 0.0]
        unsure_a = [0.0, 0.0, 0.0]
        for name, number in zip(names, combination, strict=True):
            for own, phase in enumerate(rotations(evidence[name].phases)[number]):
                change[phase] += moved[name][own]
                unsure_a[phase] += METER_ERROR * abs(moved[name][own]) + fits.step.blur_a.get(name, 0.0)
        likely = fits.likelihood(change, unsure_a)
        for name, number in zip(names, combination, strict=True):
            likely *= known[name][number]
        for name, number in zip(names, combination, strict=True):
            sums[name][number] += likely / known[name][number]
    return {name: [_ln(total) for total in sums[name]] for name in names}


@dataclass(frozen=True, slots=True)
class _Fits:
    """A step, and what balanced sockets changed on each of the grid's phases in it."""

    balanced_a: float
    unsure_a: float
    step: Step
    noise: Noise

    def likelihood(self, change_a: Sequence[float], unsure_a: Sequence[float]) -> float:
        """Of what the others changed on each phase."""
        likely = 1.0
        for phase in PHASES:
            seen = self.step.grid[phase]
            if seen is not None:
                unsure = unsure_a[phase] + self.unsure_a
                likely *= _fit(seen, change_a[phase] + self.balanced_a, unsure, self.noise[phase])
        return likely


def _fit(seen: PhaseAmps, change_a: float, unsure_a: float, noise: HouseNoise) -> float:
    """How well one phase fits what the sockets changed on it; unsigned currents under each pair of signs."""
    if seen.signed:
        return noise.density(seen.after - seen.before - change_a, unsure_a)
    total = 0.0
    for before, chance_before in ((seen.before, 1.0 - seen.exported[0]), (-seen.before, seen.exported[0])):
        for after, chance_after in ((seen.after, 1.0 - seen.exported[1]), (-seen.after, seen.exported[1])):
            total += chance_before * chance_after * noise.density(after - before - change_a, unsure_a)
    return total


def _ln(likelihood: float) -> float:
    return log(likelihood) if likelihood > 0.0 else -1e3
