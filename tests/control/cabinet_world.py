"""A cabinet in virtual time for tests of control: its places, a house, telegrams each 10 s, a journal.

Ordinary classes, one second per step. It shows control nothing but what wires would carry, and judges by its own sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from gateway.clock import Instant, UtcTrust
from gateway.control.commands import automatic_starts
from gateway.control.decide import decide
from gateway.control.past import Past
from gateway.control.recovery import recover
from gateway.control.state import ControlState, SessionPhase
from gateway.ids import SessionId, SocketId
from gateway.meters.readings import GridReading, SocketReading
from gateway.quantities import PHASES, EnergyRegister, MaybePerPhase, Phase
from gateway.site.freshness import GridWatch
from gateway.site.outcomes import Edge, Outcome, ReadingTaken, RecordDurable
from gateway.site.outside import OutsideSight
from gateway.site.requests import Request, Source, StartSession
from gateway.site.snapshot import ContactorSight, Pilot, Position, SiteSnapshot, SocketSight, WallboxSight
from gateway.site.topology import (
    Site,
)
from gateway.site.wishes import Close, Open, RecordBegin, RecordEnd, SetCurrent, SetPhases, TakeReading, Wish
from tests.control.car_places import VOLTS, Car, Place
from tests.control.planned_site import MAIN, instant


@dataclass
class Cabinet:
    """The world and the loop around `decide`. `step` is one second."""

    site: Site
    house_a: list[float] = field(default_factory=lambda: [7.0, 7.0, 7.0])
    past: Past = field(default_factory=lambda: Past((), (), None))
    at_s: float = 1000.0
    telegram_every_s: int = 10
    telegram_lag_s: int = 0
    poll_every_s: int = 1
    polled_before_s: float = 0.0
    journal_delay_s: float = 1.0
    journal_accepts: bool = True
    grid_silent: bool = False
    grid_refused: tuple[str, ...] = ()
    raw_grid_a: tuple[float | None, float | None, float | None] | None = None
    raw_volts: MaybePerPhase | None = None
    outside: OutsideSight = field(default_factory=OutsideSight)
    utc_trust: UtcTrust = UtcTrust.SYNCHRONISED
    utc_steps_s: float = 0.0
    tells_register: bool = False
    dead: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        self.places = {socket.id: Place(socket) for socket in self.site.sockets.values()}
        self.watch = GridWatch.at_boot(self.at_s)
        self.state: ControlState = recover(self.site, self.past, instant(self.at_s))
        self.requests: list[Request] = []
        self.due: list[tuple[float, Outcome]] = []
        self.log: list[tuple[float, Wish]] = []
        self.wishes: tuple[Wish, ...] = ()
        self.worst_heat = 0.0
        self.over_rating_s = 0
        self.durable: set[SessionId] = set()
        self.ended: list[SessionId] = []
        self.sessions_made = 0
        self.energised_order: list[SocketId] = []
        self.telegrams_sent = 0
        self.flowed: list[list[float]] = []
        self.imported_wh = 100_000.0

    def place(self, name: str) -> Place:
        return self.places[SocketId(name)]

    def socket(self, name: str) -> object:
        return self.state.sockets[SocketId(name)]

    def plug(self, name: str, car: Car | None = None) -> None:
        self.place(name).car = car or Car()

    def ask(self, *requests: Request) -> None:
        self.requests.extend(requests)

    def main_a(self) -> list[float]:
        total = list(self.house_a)
        for place in self.places.values():
            for own, current in enumerate(place.phase_currents()):
                total[place.socket.phases[own]] += current
        return total

    def run(self, seconds: float, watch: object = None) -> None:
        for _ in range(int(seconds)):
            self.step()
            if callable(watch):
                watch(self)

    def run_until(self, holds: object, at_most_s: int = 3600) -> float:
        started = self.at_s
        assert callable(holds)
        for _ in range(at_most_s):
            self.step()
            if holds(self):
                return self.at_s - started
        raise AssertionError("it never came true")

    def step(self) -> None:
        self.at_s += 1.0
        for place in self.places.values():
            place.flow()
        self.flowed = [*self.flowed[-self.telegram_lag_s :], self.main_a()] if self.telegram_lag_s else [self.main_a()]
        self.imported_wh += max(0.0, sum(self.main_a())) * VOLTS / 3600.0
        self._see()
        readings = self._telegrams()
        snapshot = self._snapshot(readings)
        started = automatic_starts(snapshot, self.state)
        for socket in started:
            self.sessions_made += 1
            self.requests.append(StartSession(socket, SessionId(f"auto-{self.sessions_made}"), None, Source.AUTOMATIC))
        if started:
            snapshot = self._snapshot(readings)
        self.requests = []
        self.due = [(at, outcome) for at, outcome in self.due if at > self.at_s]
        decision = decide(snapshot, self.state, self._now())
        self.state, self.wishes = decision.state, decision.wishes
        for wish in decision.wishes:
            self._obey(wish)
        self._judge()

    def _now(self) -> Instant:
        """The clocks that control is shown; the wall clock may step."""
        utc = instant(self.at_s + self.utc_steps_s).utc
        return Instant(self.at_s, utc, self.utc_trust)

    def volts(self, phases: tuple[Phase, ...], own: frozenset[int] = frozenset()) -> MaybePerPhase:
        """At a meter on these grid phases; `own`: dead for it alone."""
        said: list[float | None] = [0.0 if phase in self.dead | own else VOLTS for phase in phases]
        said += [None] * (3 - len(said))
        return said[0], said[1], said[2]

    def _see(self) -> None:
        for turn, place in enumerate(self.places.values()):
            polled = (int(self.at_s) + turn) % self.poll_every_s == 0
            if polled and not place.meter_silent and place.socket.metered:
                place.last_reading = self.reading(place)
            if place.socket.contactor and not place.board_silent:
                position = Position.CLOSED if place.closed else Position.OPEN
                place.contactor_sight = ContactorSight(position, None, self.at_s)
            if place.socket.wallbox is not None and place.live() and not place.box_silent:
                pilot = Pilot.A if place.car is None else Pilot.C if place.current_a > 0.5 else Pilot.B
                said = None if place.socket.wallbox.switching is None or place.mute else place.offers
                place.box_sight = WallboxSight(pilot, place.setpoint_a, self.at_s, said)

    def reading(self, place: Place) -> SocketReading:
        currents = place.phase_currents()
        amps: list[float | None] = [currents[own] if own < len(currents) else None for own in range(3)]
        kwh = Decimal(str(round(place.wh / 1000.0, 3)))
        return SocketReading(
            instant(self.at_s - self.polled_before_s),
            self.volts(place.socket.phases, place.dead_phases),
            (amps[0], amps[1], amps[2]),
            sum(currents) * VOLTS,
            EnergyRegister(kwh, Decimal("0.001"), (0, 0)),
            None,
            "1",
        )

    def _telegrams(self) -> tuple[GridReading, ...]:
        if self.grid_silent or int(self.at_s) % self.telegram_every_s:
            self.watch = self.watch.aged(self.at_s)
            return ()
        grid = self.raw_grid_a or tuple((self.flowed or [self.main_a()])[0])
        amps = tuple(None if one is None else abs(one) for one in grid)
        net = tuple(None if one is None else one * VOLTS for one in grid)
        self.telegrams_sent += 1
        reading = GridReading(
            at=instant(self.at_s),
            form="p1",
            meter_time=str(self.telegrams_sent),
            import_w=None,
            export_w=None,
            current_a=(amps[0], amps[1], amps[2]),
            voltage_v=self.volts(PHASES) if self.raw_volts is None else self.raw_volts,
            net_power_w=(net[0], net[1], net[2]),
            import_kwh=Decimal(f"{self.imported_wh / 1000.0:.3f}") if self.tells_register else None,
            export_kwh=None,
            refused=self.grid_refused,
        )
        self.watch = self.watch.heard(reading)
        return (reading,)

    def _snapshot(self, readings: tuple[GridReading, ...]) -> SiteSnapshot:
        return SiteSnapshot(
            site=self.site,
            grid=self.watch.sight(self.at_s),
            grid_readings=readings,
            sockets={
                name: SocketSight(place.last_reading, place.contactor_sight, place.box_sight)
                for name, place in self.places.items()
            },
            requests=tuple(self.requests),
            outcomes=tuple(outcome for at, outcome in self.due if at <= self.at_s),
            journal_accepts=self.journal_accepts,
            outside=self.outside,
        )

    def _obey(self, wish: Wish) -> None:
        if not isinstance(wish, SetCurrent | SetPhases | Close | Open):
            self.log.append((self.at_s, wish))
        match wish:
            case SetCurrent(socket=socket, current_a=current):
                place = self.places[socket]
                if current > 0.0:
                    self._needs_a_durable_begin(socket)
                if current > 0.0 and place.setpoint_a == 0.0:
                    self.energised_order.append(socket)
                if not place.box_silent:
                    place.setpoint_a = current
            case SetPhases(socket=socket, phases=phases):
                self.places[socket].offer(phases)
            case Close(socket=socket):
                place = self.places[socket]
                if place.socket.wallbox is None:
                    self._needs_a_durable_begin(socket)
                if not place.closed and place.socket.wallbox is None:
                    self.energised_order.append(socket)
                if not place.board_silent:
                    place.closed = True
            case Open(socket=socket):
                if not self.places[socket].board_silent:
                    self.places[socket].closed = False
            case TakeReading(socket=socket, session=session, edge=edge):
                place = self.places[socket]
                if not place.meter_silent:
                    self.due.append((self.at_s + 1, ReadingTaken(socket, session, edge, self.reading(place))))
            case RecordBegin(session=session):
                done = self.at_s + self.journal_delay_s
                self.durable.add(session)
                self.due.append((done, RecordDurable(session, Edge.BEGIN, len(self.durable), instant(done))))
            case RecordEnd(session=session):
                done = self.at_s + self.journal_delay_s
                self.ended.append(session)
                self.due.append((done, RecordDurable(session, Edge.END, 0, instant(done))))

    def _needs_a_durable_begin(self, socket: SocketId) -> None:
        session = self.state.sockets[socket].session
        assert session is not None, f"{socket} is energised without a session"
        assert session.id in self.durable, f"{socket} is energised without a begin record"
        assert session.begin_durable
        assert session.phase is SessionPhase.CHARGING

    def _judge(self) -> None:
        rating = self.site.fuses[MAIN].rating_a
        if max(self.main_a()) > rating + 0.01:
            self.over_rating_s += 1
        for one in self.state.fuses.values():
            self.worst_heat = max(self.worst_heat, *one.heat)
