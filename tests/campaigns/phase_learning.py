"""Crossed cabinets are named within ten single-phase starts, right ones never: whole sites in virtual time.

Each run draws a site of its own: 2 to 8 sockets of one or three phases, a main fuse that they share, a house with
kettles, ovens, a heat pump, perhaps a roof; telegrams each 1 to 10 s with or without sign, meters read each 1 to 3 s.
Cars come alone and in clusters, and the product's own decisions start, lower and stop them. The world is wired by one
text, the product configured by another. Wrong is: a crossed socket that its eleventh single-phase start finds unnamed,
or named on a phase where it is not; any alarm about a socket that is wired as configured.
"""

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import permutations
from statistics import median

from gateway.control.phase_evidence import PhaseEvidence, PhaseVerdict
from gateway.ids import SocketId
from gateway.quantities import PHASES
from gateway.site.wishes import NoteEvent
from hil.bench.cabinet import BenchCabinet, Wires
from hil.bench.ours import OurPolicy
from hil.bench.site_texts import FuseText, SocketText, site_text
from hil.bench.traces import Trace, Visit
from hil.world.house import Appliance, House, HousePlan
from hil.world.phases import Triple
from tests.campaigns._crossed_daemon import crossed_daemon

STARTS_MAX = 10
RIGHT_STARTS = 4000
CROSSED_RUNS = 120
SAMPLE = (12, 2)
SAMPLE_RUN_S = 2000
DRAWS_A = 3.0
RUN_S = 3 * 3600
NAMES = ("L1", "L2", "L3")


@dataclass(slots=True)
class Figures:
    """What a campaign has found so far."""

    right_starts: int = 0
    right_single: int = 0
    right_runs: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    named_after: list[int] = field(default_factory=list)
    unfinished: int = 0
    balanced_only: int = 0
    seconds: int = 0
    wrong: list[str] = field(default_factory=list)


def house_course(chance: random.Random, seconds: int) -> tuple[Triple, ...]:
    """A house second by second: base, noise, appliances on single phases, a heat pump on all; some roofs feed in."""
    base_a = chance.uniform(-9.0, -4.0) if chance.random() < 0.2 else chance.uniform(0.5, 3.0)
    appliances = [
        Appliance(chance.randrange(3), chance.uniform(2.0, 10.0), (20.0, 400.0), (60.0, 1500.0))
        for _ in range(chance.randint(3, 8))
    ]
    house = House(HousePlan((base_a,) * 3, noise_a=chance.uniform(0.1, 0.6), appliances=appliances), chance)
    pump = House(HousePlan((0.0,) * 3, appliances=[Appliance(0, 3.5, (300.0, 900.0), (300.0, 900.0))]), chance)
    course = []
    for second in range(seconds):
        one = house.step(float(second), 1.0)
        pumped = pump.step(float(second), 1.0)[0]
        course.append((one[0] + pumped, one[1] + pumped, one[2] + pumped))
    return tuple(course)


def visits(chance: random.Random, sockets: list[SocketText], seconds: int, *, phases: int | None) -> tuple[Visit, ...]:
    """Cars that come alone, and some within seconds of another's arrival. phases: of every car; None: one or three."""
    out: list[Visit] = []
    for socket in sockets:
        at_s = chance.uniform(120.0, 400.0)
        while at_s < seconds - 600.0:
            stays_s = chance.uniform(150.0, 500.0) if chance.random() < 0.8 else chance.uniform(30.0, 90.0)
            others = [visit.arrive_s for visit in out if at_s <= visit.arrive_s <= at_s + 300.0]
            if others and chance.random() < 0.4:
                at_s = chance.choice(others) + chance.uniform(0.0, 15.0)
            uses = phases or chance.choice([1, 1, 1, 2, 3])
            limit_a = chance.choice([8.0, 10.0, 13.0, 16.0])
            kind = chance.choice(["car", "car", "car", "slow", "tapering"])
            out.append(Visit(socket.name, at_s, at_s + stays_s, chance.uniform(0.2, 1.5), uses, limit_a, kind))
            at_s += stays_s + chance.uniform(30.0, 300.0)
    return tuple(sorted(out, key=lambda visit: visit.arrive_s))


def rotation(chance: random.Random, phases: int) -> tuple[str, ...]:
    return chance.choice(list(permutations(NAMES, phases)))


@dataclass(slots=True)
class Run:
    """One site: `world` as it is wired, `config` as it is told, `crossed` where they differ."""

    seed: int
    crossed: bool
    balanced: bool = False
    run_s: int = RUN_S
    starts: Counter[str] = field(default_factory=Counter)
    single: Counter[str] = field(default_factory=Counter)
    named: dict[str, int] = field(default_factory=dict)
    evidence: dict[SocketId, PhaseEvidence] = field(default_factory=dict)

    def play(self, figures: Figures) -> None:
        """Runs until every crossed socket is named or has had its starts, or the time is over."""
        chance = random.Random(self.seed)
        wired = self._sockets(chance)
        told = self._told(chance, wired) if self.crossed else wired
        cars = visits(chance, wired, self.run_s, phases=3 if self.balanced else None)
        rating_a = chance.choice([20.0, 25.0, 35.0]) * (1.0 + len(wired) / 4.0)
        fuses = [FuseText("main", rating_a)]
        course = house_course(chance, self.run_s)
        every_s = chance.choice([10, 10, 10, 5, 2, 1])
        wires = Wires(
            every_s, chance.randint(0, 3), chance.randrange(every_s), chance.randint(1, 3), signed=chance.random() < 0.7
        )
        worlds = site_text("wired", fuses, wired, (25.0,) * 3)
        trace = Trace("phases", tuple(float(t) for t in range(self.run_s)), course, cars, worlds)
        policy = OurPolicy(site_text("told", fuses, told, (25.0,) * 3))
        cabinet = BenchCabinet(trace, wires)
        differ = {one.name for one, other in zip(wired, told, strict=True) if one.phases != other.phases}
        where = {socket.name: socket.phases for socket in wired}
        begun: set[int] = set()
        for second in range(self.run_s):
            news = cabinet.step()
            cabinet.obey(policy.tick(news))
            self._count(cabinet, begun)
            for wish in policy.wishes:
                if isinstance(wish, NoteEvent) and wish.because.why.value == "phases_crossed":
                    self._alarmed(figures, wish, differ, where)
            if differ and all(name in self.named or self.single[name] > STARTS_MAX for name in differ):
                figures.seconds += second
                break
        else:
            figures.seconds += self.run_s
        self.evidence = dict(policy.state.phases)
        self._judge(figures, differ, policy)

    def _sockets(self, chance: random.Random) -> list[SocketText]:
        number = chance.randint(2, 8)
        phases = [3 if self.balanced else chance.choice([1, 3, 3]) for _ in range(number)]
        return [SocketText(f"p{n + 1}", "main", rotation(chance, own)) for n, own in enumerate(phases)]

    def _told(self, chance: random.Random, wired: list[SocketText]) -> list[SocketText]:
        """One or two sockets of the config say other first phases than the wires have."""
        told = list(wired)
        for at in chance.sample(range(len(wired)), min(len(wired), chance.choice([1, 1, 2]))):
            real = wired[at].phases
            others = [one for one in permutations(NAMES, len(real)) if one[0] != real[0]]
            told[at] = SocketText(wired[at].name, "main", chance.choice(others))
        return told

    def _count(self, cabinet: BenchCabinet, begun: set[int]) -> None:
        """A start: a visitor draws for the first time. Single-phase, if on the socket's first phase alone."""
        for number, place, car in cabinet.present():
            if number not in begun and max(place.amperes) >= DRAWS_A:
                begun.add(number)
                self.starts[place.plan.name] += 1
                if min(car.plan.phases, len(place.plan.phases)) == 1:
                    self.single[place.plan.name] += 1

    def _alarmed(self, figures: Figures, wish: NoteEvent, differ: set[str], where: dict[str, tuple[str, ...]]) -> None:
        name, phase = str(wish.socket), wish.because.phase
        if name not in differ:
            figures.wrong.append(f"run {self.seed}: {name} is wired as configured and was named")
        elif phase is None or phase.name not in where[name]:
            figures.wrong.append(f"run {self.seed}: {name} was named on {phase}, it lies on {where[name]}")
        self.named.setdefault(name, self.single[name])

    def _judge(self, figures: Figures, differ: set[str], policy: OurPolicy) -> None:
        for name in differ:
            if name in self.named:
                figures.named_after.append(self.named[name])
            elif self.single[name] > STARTS_MAX:
                figures.wrong.append(
                    f"run {self.seed}: {name} is crossed and unnamed: {self.evidence.get(SocketId(name))}"
                )
            else:
                figures.unfinished += 1
        for name, socket in policy.site.sockets.items():
            evidence = self.evidence.get(name, PhaseEvidence.none(len(socket.phases)))
            if self.balanced:
                figures.balanced_only += self.starts[str(name)]
                if evidence.verdict(socket.phases) is not PhaseVerdict.UNPROVEN:
                    figures.wrong.append(f"run {self.seed}: {name} is called {evidence.verdict(socket.phases)}")
            elif not self.crossed and self.single[str(name)] >= STARTS_MAX:
                figures.verdicts[evidence.verdict(socket.phases).value] += 1
        if not self.crossed and not self.balanced:
            figures.right_starts += sum(self.starts.values())
            figures.right_single += sum(self.single.values())
            figures.right_runs += 1


def campaign(seed: int, right_starts: int, crossed_runs: int, run_s: int) -> Figures:
    """Right cabinets until they have had their starts, crossed ones, and some with balanced cars alone."""
    figures = Figures()
    run = 0
    while figures.right_starts < right_starts:
        Run(seed * 100_003 + run, crossed=False, run_s=run_s).play(figures)
        run += 1
    for run in range(crossed_runs):
        Run(seed * 100_003 + 50_000 + run, crossed=True, run_s=run_s).play(figures)
    for run in range(max(1, crossed_runs // 20)):
        Run(seed * 100_003 + 90_000 + run, crossed=False, balanced=True, run_s=run_s).play(figures)
    return figures


def told(seed: int, figures: Figures, took_s: float) -> None:
    """The figures in words."""
    after = figures.named_after
    print(f"seed {seed}: {figures.seconds / 3600:.0f} h of cabinets in {took_s:.0f} s")
    print(
        f"wired as configured: {figures.right_runs} cabinets, {figures.right_starts} starts, "
        f"{figures.right_single} of them single-phase: {sum('as configured' in one for one in figures.wrong)} alarms; "
        f"after {STARTS_MAX} single-phase starts {dict(figures.verdicts)}"
    )
    if after:
        print(
            f"crossed: {len(after)} sockets named, after {min(after)} to {max(after)} single-phase starts, "
            f"median {median(after):g}; {figures.unfinished} had fewer than {STARTS_MAX} when the time was over"
        )
    print(f"balanced three-phase cars alone: {figures.balanced_only} starts, all unproven")
    for line in figures.wrong:
        print(f"WRONG {line}")
    print("held" if not figures.wrong else f"{len(figures.wrong)} wrong")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--sample", action="store_true", help="a few cabinets, the same on every machine")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--starts", type=int, default=RIGHT_STARTS, help="of cabinets wired as configured")
    options.add_argument("--runs", type=int, default=CROSSED_RUNS, help="cabinets that are crossed")
    options.add_argument("--run", type=int, help="one crossed cabinet by its own seed, as it stands in a WRONG line")
    options.add_argument("--right", action="store_true", help="with --run: wired as configured")
    options.add_argument("--daemon", action="store_true", help="the whole daemon too, as in a full run")
    chosen = options.parse_args()
    begun_s = time.monotonic()
    if chosen.run is not None:
        figures, one = Figures(), Run(chosen.run, crossed=not chosen.right)
        one.play(figures)
        for name, evidence in one.evidence.items():
            weights = ", ".join(f"{weight:.1f}" for weight in evidence.weights)
            where = [[f"{evidence.on(own, phase):.3f}" for phase in PHASES] for own in range(evidence.phases)]
            print(f"{name}: {evidence.steps}/{evidence.balanced}/{evidence.unclear} ln [{weights}] {where}")
    else:
        figures = campaign(
            chosen.seed, *((*SAMPLE, SAMPLE_RUN_S) if chosen.sample else (chosen.starts, chosen.runs, RUN_S))
        )
    told(chosen.seed, figures, time.monotonic() - begun_s)
    if chosen.daemon or not (chosen.sample or chosen.run):
        figures.wrong += crossed_daemon(chosen.seed)
        print(*figures.wrong, sep="\n")
    return 1 if figures.wrong or (not figures.named_after and not chosen.right) else 0


if __name__ == "__main__":
    sys.exit(main())
