"""The whole cabinet, stepped with dt: house, fuses, sockets, visitors. Seeded: the same seed gives the same day."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from hil.world.cars import Car, CarPlan
from hil.world.fuses import FuseTree
from hil.world.house import House
from hil.world.modbus import Unit
from hil.world.phases import PHASES, ZERO, Triple, plus, rounded
from hil.world.plans import ArrivalsPlan, Place, Scenario
from hil.world.relay_boards import RelayBoard
from hil.world.sockets import LEAST_V, Socket
from hil.world.telegram import GridMeter

SOURCE_OHM = 0.1


@dataclass(frozen=True, slots=True)
class Slave:
    """Who sits at a place of a bus: role meter, wallbox or board; owner: the socket's or the board's name."""

    unit: Unit
    role: str
    owner: str


class Cabinet:
    """Physics only. `events` collects what happened since somebody took it: dictionaries with at least `kind`."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.random = Random(scenario.seed)
        self.power = True
        self.started = scenario.starts != "gateway"
        self.at_s = 0.0
        self.events: list[dict[str, object]] = []
        self.house = House(scenario.house, self.random)
        self.fuses = FuseTree(scenario.fuses)
        self.grid = GridMeter(self.random.uniform(5000.0, 20000.0), self.random.uniform(0.0, 500.0))
        self.boards = {plan.name: RelayBoard(renews=plan.renews) for plan in scenario.boards}
        self.sockets = {
            plan.name: Socket(
                plan, None if plan.contactor is None else self.boards[plan.contactor.board], self.random, self.tell
            )
            for plan in scenario.sockets
        }
        self.volts: Triple = (scenario.volts,) * 3
        self.house_a: Triple = ZERO
        self._coming = sorted(scenario.cars, key=lambda plan: plan.arrive_s)
        self._random_next_s: dict[str, float | None] = {
            plan.socket: self.random.uniform(*plan.gap_s) / 2 for plan in scenario.arrivals
        }
        self._visits = 0
        self.presses: list[tuple[str, str, bool]] = []
        self.departed: list[dict[str, object]] = []

    def tell(self, kind: str, **words: object) -> None:
        self.events.append({"kind": kind, "at_s": round(self.at_s, 3), **words})

    def take_events(self) -> list[dict[str, object]]:
        events, self.events = self.events, []
        return events

    def slaves(self) -> Mapping[Place, Slave]:
        """Every slave of every bus."""
        slaves: dict[Place, Slave] = {}
        for board in self.scenario.boards:
            slaves[board.place] = Slave(self.boards[board.name], "board", board.name)
        for socket in self.sockets.values():
            if socket.meter is not None and socket.plan.meter is not None:
                slaves[socket.plan.meter.place] = Slave(socket.meter, "meter", socket.plan.name)
            if socket.box is not None and socket.plan.box is not None and socket.plan.box.place is not None:
                slaves[socket.plan.box.place] = Slave(socket.box, "wallbox", socket.plan.name)
        return slaves

    def arrive(self, plan: CarPlan) -> None:
        """Adds a visitor to those who are still to come."""
        self._coming = sorted([*self._coming, plan], key=lambda each: each.arrive_s)

    def leave(self, socket: str) -> bool:
        """Unplugs whoever is there."""
        place = self.sockets[socket]
        if place.car is None:
            return False
        record = place.car.record(self.at_s, self.at_s)
        self.departed.append(record)
        if place.car.plan.press is not None:
            self.presses.append((socket, place.car.plan.press, False))
        self.tell("car_left", **record)
        place.car = None
        return True

    def _visit(self, plan: ArrivalsPlan) -> CarPlan:
        self._visits += 1
        return CarPlan(
            name=f"visitor-{self._visits}",
            socket=plan.socket,
            arrive_s=self.at_s,
            energy_kwh=round(self.random.uniform(*plan.energy_kwh), 3),
            limit_a=self.random.choice(plan.limit_a),
            phases=self.random.choice(plan.phases),
            pilot=plan.pilot,
            leave_after_full_s=plan.leave_after_full_s,
            ramp_s=plan.ramp_s,
            press=plan.press,
        )

    def take_presses(self) -> list[tuple[str, str, bool]]:
        """What drivers pressed on their phones since it was taken: socket, key, ON or OFF."""
        presses, self.presses = self.presses, []
        return presses

    def _traffic(self, dt_s: float) -> None:
        for name, socket in self.sockets.items():
            if socket.car is not None and socket.car.presses(dt_s) and socket.car.plan.press is not None:
                self.presses.append((name, socket.car.plan.press, True))
            if socket.car is not None and socket.car.leaves(self.at_s):
                self.leave(name)
        for arrivals in self.scenario.arrivals:
            due_s = self._random_next_s[arrivals.socket]
            free = self.sockets[arrivals.socket].car is None
            if due_s is None and free:
                self._random_next_s[arrivals.socket] = self.at_s + self.random.uniform(*arrivals.gap_s)
            elif due_s is not None and self.at_s >= due_s and free:
                self._random_next_s[arrivals.socket] = None
                self.arrive(self._visit(arrivals))
        waiting = []
        for plan in self._coming:
            if plan.arrive_s <= self.at_s and self.sockets[plan.socket].car is None:
                self.sockets[plan.socket].car = Car(plan, self.at_s)
                self.tell("car_arrived", car=plan.name, socket=plan.socket, wish_kwh=plan.energy_kwh)
            else:
                waiting.append(plan)
        self._coming = waiting

    def step(self, dt_s: float) -> None:
        """Lets dt pass."""
        if self.started:
            self.at_s += dt_s
        self._traffic(dt_s)
        self.house_a = self.house.step(self.at_s, dt_s) if self.power else ZERO
        loads: dict[str, Triple] = {}
        for board in self.boards.values():
            board.step(self._volts_below(self.fuses.main)[0] > LEAST_V, dt_s)
        for socket in self.sockets.values():
            drawn = socket.step(self.at_s, dt_s, self._volts_below(socket.plan.fuse))
            loads[socket.plan.fuse] = plus(loads.get(socket.plan.fuse, ZERO), drawn)
        main = self.fuses.main
        alive = self.fuses.alive(main)
        house = (self.house_a[0] * alive[0], self.house_a[1] * alive[1], self.house_a[2] * alive[2])
        loads[main] = plus(loads.get(main, ZERO), house)
        for name, pole in self.fuses.step(loads, dt_s, power=self.power):
            self.tell("fuse_melted", fuse=name, phase=PHASES[pole])
        self._settle(dt_s)

    def _volts_below(self, fuse: str) -> Triple:
        alive = self.fuses.alive(fuse)
        return (self.volts[0] * alive[0], self.volts[1] * alive[1], self.volts[2] * alive[2])

    def _settle(self, dt_s: float) -> None:
        main = self.fuses.fuses[self.fuses.main]
        alive = self.fuses.alive(self.fuses.main)
        source = self.scenario.volts if self.power else 0.0
        self.volts = (
            max(source - SOURCE_OHM * main.current_a[0], 0.0) if source else 0.0,
            max(source - SOURCE_OHM * main.current_a[1], 0.0) if source else 0.0,
            max(source - SOURCE_OHM * main.current_a[2], 0.0) if source else 0.0,
        )
        behind = (self.volts[0] * alive[0], self.volts[1] * alive[1], self.volts[2] * alive[2])
        self.grid.step(behind, main.current_a, dt_s)

    def sample(self) -> dict[str, object]:
        """What the judge sees just now."""
        return {
            "house_a": rounded(self.house_a),
            "fuse_a": {name: rounded(fuse.current_a) for name, fuse in self.fuses.fuses.items()},
            "heat": {name: rounded(fuse.heat, 4) for name, fuse in self.fuses.fuses.items()},
            "over_s": {name: rounded(fuse.over_s) for name, fuse in self.fuses.fuses.items()},
            "socket_a": {name: rounded(socket.amperes) for name, socket in self.sockets.items()},
            "offered_a": {n: s.box.offered_a for n, s in self.sockets.items() if s.box is not None},
        }

    def report(self) -> dict[str, object]:
        """The judge's words on the whole run so far."""
        present = [s.car.record(self.at_s, None) for s in self.sockets.values() if s.car is not None]
        cars = [*self.departed, *present]
        verdicts = self.fuses.verdict()
        melted = [f"{name} {phase}" for name, words in verdicts.items() for phase in _phases(words["melted"])]
        return {
            "scenario": self.scenario.name,
            "seed": self.scenario.seed,
            "at_s": round(self.at_s, 1),
            "melted": melted,
            "fuses": verdicts,
            "cars": cars,
            "cars_full": sum(1 for car in cars if car["full"]),
            "cars_to_come": len(self._coming),
            "sockets": {name: socket.record() for name, socket in self.sockets.items()},
            "grid_import_kwh": round(self.grid.flow.import_kwh, 4),
            "grid_export_kwh": round(self.grid.flow.export_kwh, 4),
        }


def _phases(words: object) -> list[str]:
    return [str(word) for word in words] if isinstance(words, list) else []
