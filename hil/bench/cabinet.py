"""The site in virtual time, one second a step: cars, boxes, contactors and fuses of `hil.world`, and slow wires.

What a policy is shown left its source earlier: a telegram is `telegram_delay_s` old when its last byte comes, a
socket's meter was sampled a second before and is asked every `meter_every_s`, what a box is told acts a second later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

from hil.bench.site_plan import SitePlan, SocketPlan, read_site
from hil.bench.traces import VOLTS, Trace, Visit
from hil.bench.words import BoxWords, CoilWords, MeterWords, News, Orders, Press, Telegram
from hil.world.cars import MINIMUM_A, Car, CarPlan
from hil.world.fuses import FuseTree
from hil.world.phases import ZERO, Triple, plus

_NEVER_S: Final = 1e9
_TINY_A: Final = 1e-6
SLOW_A_PER_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Fault:
    """What is broken from `from_s` until `to_s`: han_silent, han_frozen (one telegram for ever), han_without_currents,
    meter_silent (one socket), or weak_signal (the box of one socket does not hear)."""

    kind: str
    from_s: float
    to_s: float
    socket: str = ""


@dataclass(frozen=True, slots=True)
class Wires:
    """How slow the wires are. signed: the telegram also gives signed power per phase."""

    telegram_every_s: int = 10
    telegram_delay_s: int = 1
    telegram_phase_s: int = 0
    meter_every_s: int = 1
    signed: bool = True
    faults: tuple[Fault, ...] = ()


def _plan(visit: Visit, number: int, place: SocketPlan) -> CarPlan:
    return CarPlan(
        name=f"visit-{number}",
        socket=visit.socket,
        arrive_s=visit.arrive_s,
        energy_kwh=visit.energy_kwh,
        limit_a=visit.limit_a,
        phases=visit.phases,
        pilot=place.boxed,
        leave_after_full_s=_NEVER_S,
        leave_s=visit.depart_s,
        taper=0.2 if visit.kind == "tapering" else 0.04,
        sleeps_after_s=900.0 if visit.kind == "sleeper" else None,
    )


class Place:
    """One socket at work. told_a acts from the next second on."""

    def __init__(self, plan: SocketPlan) -> None:
        self.plan = plan
        self.car: Car | None = None
        self.visit: int | None = None
        self.told_a = 0.0
        self.closed = not plan.contactor
        self.amperes: tuple[float, ...] = (0.0,) * len(plan.phases)
        self.kwh = 0.0
        self.slow = False
        self.connected = len(plan.phases)
        self.phase_switchings = 0
        self.phase_switchings_hot = 0
        self._taken_a = 0.0

    @property
    def offered_a(self) -> float:
        """What the pilot advertises: a whole step, at least 6 A, at most the rating."""
        if not self.plan.boxed or not self.closed:
            return 0.0
        steps_a = floor(min(self.told_a, self.plan.rating_a) / self.plan.step_a + _TINY_A) * self.plan.step_a
        return steps_a if steps_a >= MINIMUM_A - _TINY_A else 0.0

    @property
    def pilot(self) -> str:
        if self.car is None:
            return "A"
        return "C" if self.car.wants and self.offered_a > 0.0 else "B"

    def _taken_up_a(self) -> float:
        """What the car takes of the offer: a slow one climbs, but falls as fast as the standard demands."""
        offered_a = self.offered_a
        if self.slow and offered_a > 0.0:
            climbed_a = max(self._taken_a, MINIMUM_A) + SLOW_A_PER_S
            offered_a = min(offered_a, climbed_a)
        self._taken_a = offered_a
        return offered_a

    def connect(self, phases: int) -> None:
        """Its second contactor moves, under load or not."""
        if self.plan.switches and phases != self.connected:
            self.connected = phases
            self.phase_switchings += 1
            self.phase_switchings_hot += max(self.amperes) > 1.0

    def flow(self, at_s: float, volts: Triple) -> Triple:
        """Draws for a second; amperes per fuse phase."""
        if self.car is None:
            self.amperes = (0.0,) * len(self.plan.phases)
            return ZERO
        before_kwh = self.car.energy_kwh
        live = self.connected if self.closed else 0
        own_volts = tuple(volts[phase] if own < live else 0.0 for own, phase in enumerate(self.plan.phases))
        self.amperes = self.car.step(at_s, 1.0, self._taken_up_a(), own_volts)
        self.kwh += self.car.energy_kwh - before_kwh
        loads = [0.0, 0.0, 0.0]
        for phase, amperes in zip(self.plan.phases, self.amperes, strict=True):
            loads[phase] += amperes
        return (loads[0], loads[1], loads[2])


class BenchCabinet:
    """The site at work. `step` lets a second pass and gives what wires bring; `obey` takes what comes back."""

    def __init__(self, trace: Trace, wires: Wires | None = None) -> None:
        self.trace = trace
        self.wires = wires or Wires()
        self.site: SitePlan = read_site(trace.site_text)
        self.at_s = 0
        self.places = {name: Place(plan) for name, plan in self.site.sockets.items()}
        self.fuses = FuseTree(tuple(self.site.fuses.values()))
        self.house_a: Triple = ZERO
        self.drawn_a: dict[str, Triple] = {}
        self._melted = False
        self._coming = sorted(enumerate(trace.visits), key=lambda each: each[1].arrive_s)
        self._on_the_way: list[Telegram] = []
        self._frozen: Telegram | None = None
        self._said: News = News(0.0)
        self._presses: list[Press] = []

    def _broken(self, kind: str, socket: str = "") -> bool:
        return any(
            fault.kind == kind and fault.socket == socket and fault.from_s <= self.at_s < fault.to_s
            for fault in self.wires.faults
        )

    def _traffic(self) -> None:
        for place in self.places.values():
            car = place.car
            if car is not None and car.leaves(self.at_s):
                if not car.plan.pilot:
                    self._presses.append(Press(place.plan.name, on=False))
                place.car = place.visit = None
        waiting = []
        for number, visit in self._coming:
            if visit.arrive_s > self.at_s or self.places[visit.socket].car is not None:
                waiting.append((number, visit))
            elif visit.depart_s > self.at_s:
                place = self.places[visit.socket]
                place.car = Car(_plan(visit, number, place.plan), self.at_s)
                place.visit = number
                place.slow = visit.kind == "slow"
                if place.plan.asked or not place.plan.boxed:
                    self._presses.append(Press(visit.socket, on=True))
        self._coming = waiting

    def _volts(self, fuse: str) -> Triple:
        if not self._melted:
            return (VOLTS, VOLTS, VOLTS)
        alive = self.fuses.alive(fuse)
        return (VOLTS * alive[0], VOLTS * alive[1], VOLTS * alive[2])

    def step(self) -> News:
        """Lets a second pass."""
        self.at_s += 1
        self._traffic()
        alive = [volt > 0.0 for volt in self._volts(self.site.main)]
        house = self.trace.house_at(self.at_s)
        self.house_a = (house[0] * alive[0], house[1] * alive[1], house[2] * alive[2])
        loads: dict[str, Triple] = {}
        self.drawn_a = {}
        for name, place in self.places.items():
            if place.car is None and not any(place.amperes):
                continue
            drawn = place.flow(self.at_s, self._volts(place.plan.fuse))
            self.drawn_a[name] = drawn
            loads[place.plan.fuse] = plus(loads.get(place.plan.fuse, ZERO), drawn)
        loads[self.site.main] = plus(loads.get(self.site.main, ZERO), self.house_a)
        if self.fuses.step(loads, 1.0, power=True):
            self._melted = True
        self._speak()
        said, self._said = self._said, self._sights()
        arrived = tuple(each for each in self._on_the_way if each.at_s <= self.at_s)
        self._on_the_way = [each for each in self._on_the_way if each.at_s > self.at_s]
        presses, self._presses = tuple(self._presses), []
        return News(float(self.at_s), arrived, said.meters, said.boxes, said.coils, presses)

    def _speak(self) -> None:
        """The grid meter takes a sample when it is time, and sends it."""
        wires = self.wires
        if (self.at_s - wires.telegram_phase_s) % wires.telegram_every_s or self._broken("han_silent"):
            return
        due_s = float(self.at_s + wires.telegram_delay_s)
        if self._broken("han_frozen") and self._frozen is not None:
            frozen = self._frozen
            self._on_the_way.append(Telegram(due_s, frozen.meter_clock, frozen.current_a, frozen.power_w))
            return
        main = self.fuses.fuses[self.site.main].current_a
        current_a = (round(abs(main[0]), 1), round(abs(main[1]), 1), round(abs(main[2]), 1))
        power_w = (round(main[0] * VOLTS), round(main[1] * VOLTS), round(main[2] * VOLTS))
        telegram = Telegram(
            due_s,
            f"{self.at_s}",
            None if self._broken("han_without_currents") else current_a,
            (float(power_w[0]), float(power_w[1]), float(power_w[2])) if wires.signed else None,
        )
        self._frozen = telegram
        self._on_the_way.append(telegram)

    def _sights(self) -> News:
        """What meters, boxes and boards say of this second; heard in the next."""
        at_s = self.at_s + 0.2
        meters: list[MeterWords] = []
        boxes: list[BoxWords] = []
        coils: list[CoilWords] = []
        for number, (name, place) in enumerate(self.places.items()):
            asked = (self.at_s + number) % self.wires.meter_every_s == 0
            if asked and not (self.wires.faults and self._broken("meter_silent", name)):
                currents = tuple(round(amperes, 2) for amperes in place.amperes)
                meters.append(MeterWords(name, at_s, currents, place.kwh))
            if place.plan.boxed and place.closed:
                phases = place.connected if place.plan.switches else None
                boxes.append(BoxWords(name, at_s, place.pilot, place.offered_a, phases))
            if place.plan.contactor:
                coils.append(CoilWords(name, at_s, place.closed))
        return News(at_s, (), tuple(meters), tuple(boxes), tuple(coils))

    def obey(self, orders: Orders) -> None:
        """Boxes and contactors take what they are told."""
        for name, current_a in orders.current_a.items():
            if not (self.wires.faults and self._broken("weak_signal", name)):
                self.places[name].told_a = current_a
        for name, phases in orders.phases.items():
            self.places[name].connect(phases)
        for name, closed in orders.closed.items():
            if self.places[name].plan.contactor:
                self.places[name].closed = closed

    def present(self) -> Sequence[tuple[int, Place, Car]]:
        """Visits that are plugged in now: number, place, car."""
        return [
            (place.visit, place, place.car)
            for place in self.places.values()
            if place.car is not None and place.visit is not None
        ]
