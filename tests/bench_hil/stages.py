"""Small sites and traces for tests of the bench, told in a line each."""

from collections.abc import Callable, Sequence

from hil.bench.cabinet import BenchCabinet, Wires
from hil.bench.course import policy_of
from hil.bench.judge import Judge, Verdict
from hil.bench.site_texts import FuseText, SocketText, site_text
from hil.bench.traces import Trace, Visit
from hil.bench.words import Policy
from hil.world.phases import Triple

MAIN_25 = (FuseText("main", 25),)
ALL = ("L1", "L2", "L3")


def socket(
    name: str,
    *phases: str,
    rating_a: float = 16,
    fuse: str = "main",
    step_a: float = 1.0,
    phase_pause_s: float | None = None,
) -> SocketText:
    return SocketText(name, fuse, phases or ALL, rating_a, step_a=step_a, phase_pause_s=phase_pause_s)


def plain(name: str, phase: str, rating_a: float = 10) -> SocketText:
    return SocketText(name, "main", (phase,), rating_a, plain=True)


def car(
    name: str,
    arrive_s: float = 100,
    depart_s: float = 3600,
    kwh: float = 50,
    phases: int = 3,
    limit_a: float = 16,
    kind: str = "car",
) -> Visit:
    return Visit(name, arrive_s, depart_s, kwh, phases, limit_a, kind)


def trace(
    visits: Sequence[Visit],
    house: Sequence[tuple[float, Triple]] = ((0.0, (5.0, 5.0, 5.0)),),
    fuses: Sequence[FuseText] = MAIN_25,
    sockets: Sequence[SocketText] | None = None,
    house_a_max: Triple | None = (12.0, 12.0, 12.0),
) -> Trace:
    """A trace; without sockets, one of 16 A on three phases for each that is visited."""
    names = sorted({visit.socket for visit in visits})
    text = site_text("stage", fuses, sockets or [socket(name) for name in names], house_a_max)
    return Trace("stage", tuple(t for t, _ in house), tuple(load for _, load in house), tuple(visits), text)


class Play:
    """One trace under one policy; after each second `watch` may look."""

    def __init__(self, played: Trace, policy: str | Policy, wires: Wires | None = None) -> None:
        self.cabinet = BenchCabinet(played, wires)
        self.judge = Judge(played, self.cabinet)
        self.policy = policy_of(policy, self.cabinet.site, played.site_text) if isinstance(policy, str) else policy
        self.seconds = played.seconds

    def run(self, seconds: float | None = None, watch: Callable[["Play"], None] | None = None) -> Verdict:
        for _ in range(int(self.seconds - self.cabinet.at_s if seconds is None else seconds)):
            news = self.cabinet.step()
            self.judge.look()
            if watch is not None:
                watch(self)
            self.cabinet.obey(self.policy.tick(news))
        return self.judge.verdict()

    def offered_a(self, name: str) -> float:
        return self.cabinet.places[name].offered_a

    def drawn_a(self, name: str) -> float:
        return max(self.cabinet.places[name].amperes)

    def main_a(self) -> Triple:
        return self.cabinet.fuses.fuses[self.cabinet.site.main].current_a
