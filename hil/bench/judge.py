"""The bench's judge: what came of a trace under a policy, from physics alone."""

from dataclasses import asdict, dataclass, field
from statistics import median

from hil.bench.cabinet import BenchCabinet
from hil.bench.traces import Trace

DRAWS_A = 1.0
SHOWN_PART = 0.01
"""Less than a hundredth above the rating is within what a HAN port shows (0.1 A) and a house does in a second."""


@dataclass(slots=True)
class Stay:
    """One visit as it went. dry_s: the stretch without current that runs now, while the car wants."""

    arrive_s: float
    got_kwh: float = 0.0
    first_s: float | None = None
    dry_s: float = 0.0
    dry_s_longest: float = 0.0
    cut: int = 0
    full: bool = False
    offered_a: float = 0.0
    changes: int = 0
    slept: bool = False


@dataclass(frozen=True, slots=True)
class FuseVerdict:
    """heat_worst: 1 is melted; over_s_*: seconds above the rating, of the worst phase."""

    heat_worst: float
    over_s_total: int
    over_s_longest: int
    current_a_worst: float
    melted: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """One trace under one policy. switchings: times that a car which wanted more was switched off; shown_over_s: the
    longest that an overload which shedding can cure went on after the telegram (or, below the main fuse, the second)
    that showed it; fairness: Jain's index of what each got of what it could have taken alone."""

    energy_kwh: float
    wished_kwh: float
    fuses: dict[str, FuseVerdict]
    switchings: int
    changes: int
    wait_s_longest: float
    first_s_median: float
    first_s_longest: float
    never: int
    fairness: float
    shown_over_s: int
    got_kwh: tuple[float, ...]
    log: tuple[tuple[float, ...], ...] = field(default=(), repr=False)

    @property
    def melted(self) -> int:
        return sum(each.melted for each in self.fuses.values())

    @property
    def heat_worst(self) -> float:
        return max(each.heat_worst for each in self.fuses.values())

    @property
    def over_s(self) -> int:
        return sum(each.over_s_total for each in self.fuses.values())

    @property
    def over_s_longest(self) -> int:
        return max(each.over_s_longest for each in self.fuses.values())

    def as_json(self) -> dict[str, object]:
        """For machines: plain values, the log left out."""
        words = asdict(self)
        del words["log"]
        return {**words, "melted": self.melted, "heat_worst": self.heat_worst, "over_s": self.over_s}


class Judge:
    """Watches a cabinet; `look` after every second."""

    def __init__(self, trace: Trace, cabinet: BenchCabinet, *, keeps_log: bool = False) -> None:
        self._trace = trace
        self._cabinet = cabinet
        self._stays = [Stay(visit.arrive_s) for visit in trace.visits]
        self._shown: dict[int, int] = {}
        self._house_shown_a: dict[int, float] = {}
        self.shown_over_s = 0
        self.shown_at_s = 0
        self._keeps_log = keeps_log
        self._log: list[tuple[float, ...]] = []

    def look(self) -> None:
        at_s = self._cabinet.at_s
        for number, place, car in self._cabinet.present():
            stay = self._stays[number]
            stay.got_kwh = car.energy_kwh
            stay.full = car.full_since_s is not None
            stay.slept = stay.slept or car.asleep
            if car.current_a > DRAWS_A and stay.first_s is None:
                stay.first_s = at_s - stay.arrive_s
            offered_a = place.offered_a if place.plan.boxed else place.plan.rating_a * place.closed
            if offered_a != stay.offered_a:
                stay.changes += 1
                stay.cut += offered_a == 0.0 and car.wants
                stay.offered_a = offered_a
            stay.dry_s = stay.dry_s + 1.0 if car.wants and car.current_a <= DRAWS_A else 0.0
            stay.dry_s_longest = max(stay.dry_s_longest, stay.dry_s)
        self._look_at_the_main_fuse()
        if self._keeps_log and at_s % 10 == 0:
            main = self._cabinet.fuses.fuses[self._cabinet.site.main]
            drawn = sum(max(each) for each in self._cabinet.drawn_a.values())
            self._log.append((float(at_s), *main.current_a, *self._cabinet.house_a, drawn))

    def _look_at_the_main_fuse(self) -> None:
        """An overload is shown by the first telegram that samples it; what the house adds later, by the next one."""
        cabinet, wires = self._cabinet, self._cabinet.wires
        main = cabinet.fuses.fuses[cabinet.site.main]
        sampled = (cabinet.at_s - wires.telegram_phase_s) % wires.telegram_every_s == 0
        for phase in range(3):
            over = main.current_a[phase] > main.plan.rating_a * (1.0 + SHOWN_PART)
            curable = any(drawn[phase] > DRAWS_A for drawn in cabinet.drawn_a.values())
            tolerance_a = main.plan.rating_a * SHOWN_PART
            grown = cabinet.house_a[phase] > self._house_shown_a.get(phase, float("inf")) + tolerance_a
            if sampled:
                self._house_shown_a[phase] = cabinet.house_a[phase]
            if not over or not curable or grown:
                self._shown.pop(phase, None)
            if not over or not curable:
                continue
            if phase in self._shown:
                self._shown[phase] += 1
            elif sampled:
                self._shown[phase] = -wires.telegram_delay_s
            if self._shown.get(phase, 0) > self.shown_over_s:
                self.shown_over_s = self._shown[phase]
                self.shown_at_s = cabinet.at_s

    def verdict(self) -> Verdict:
        sockets = self._cabinet.site.sockets
        reach = [visit.reachable_kwh(sockets[visit.socket].rating_a) for visit in self._trace.visits]
        parts = [stay.got_kwh / could for stay, could in zip(self._stays, reach, strict=True) if could > 0.0]
        squares = sum(part * part for part in parts)
        firsts = [
            visit.depart_s - visit.arrive_s if stay.first_s is None else stay.first_s
            for stay, visit in zip(self._stays, self._trace.visits, strict=True)
        ]
        return Verdict(
            energy_kwh=sum(stay.got_kwh for stay in self._stays),
            wished_kwh=sum(visit.energy_kwh for visit in self._trace.visits),
            fuses={
                name: FuseVerdict(
                    max(fuse.heat_worst),
                    round(max(fuse.over_s_total)),
                    round(max(fuse.over_s_longest)),
                    max(fuse.current_a_worst),
                    any(fuse.melted),
                )
                for name, fuse in self._cabinet.fuses.fuses.items()
            },
            switchings=sum(stay.cut for stay in self._stays),
            changes=sum(stay.changes for stay in self._stays),
            wait_s_longest=max((stay.dry_s_longest for stay in self._stays), default=0.0),
            first_s_median=median(firsts) if firsts else 0.0,
            first_s_longest=max(firsts, default=0.0),
            never=sum(stay.first_s is None for stay in self._stays),
            fairness=sum(parts) ** 2 / (len(parts) * squares) if squares else 0.0,
            shown_over_s=self.shown_over_s,
            got_kwh=tuple(round(stay.got_kwh, 4) for stay in self._stays),
            log=tuple(self._log),
        )
