"""Our own policy: the product's `decide`, fed by the product's sight board with what the wires brought.

Nothing is shortened: telegrams and readings become the shell's values, readings for billing and signed records come
back as outcomes after the time that a bus and a disk take, sessions start as the shell starts them.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from gateway.app.sight_board import SightBoard
from gateway.clock import Instant, UtcTrust
from gateway.config.load import cabinet_of
from gateway.control.commands import automatic_starts
from gateway.control.decide import decide
from gateway.control.past import Past
from gateway.control.recovery import recover
from gateway.ids import SessionId, SocketId
from gateway.meters.readings import GridReading, SocketReading
from gateway.quantities import UNKNOWN_PER_PHASE, EnergyRegister
from gateway.site.outcomes import Edge, Outcome, ReadingTaken, RecordDurable
from gateway.site.requests import Arm, Source, StartSession, StopSession
from gateway.site.snapshot import ContactorSight, Pilot, Position, WallboxSight
from gateway.site.wishes import Close, Open, RecordBegin, RecordEnd, SetCurrent, SetPhases, TakeReading, Wish
from hil.bench.words import MeterWords, News, Orders, Telegram

_BOOT: Final = datetime(2026, 1, 15, 7, 0, tzinfo=UTC)
_READS_S: Final = 2.0
"""A reading for billing is two agreeing polls."""
_SIGNS_S: Final = 1.0
"""Signing and one durable row, and the tick that learns of it."""
_VOLTS: Final = 230.0


def _instant(at_s: float) -> Instant:
    return Instant(at_s, _BOOT + timedelta(seconds=at_s), UtcTrust.SYNCHRONISED)


def grid_reading(telegram: Telegram) -> GridReading:
    """The telegram as the wire rooms would give it."""
    return GridReading(
        at=_instant(telegram.at_s),
        form="p1",
        meter_time=telegram.meter_clock,
        import_w=None,
        export_w=None,
        current_a=UNKNOWN_PER_PHASE if telegram.current_a is None else telegram.current_a,
        voltage_v=(_VOLTS, _VOLTS, _VOLTS),
        net_power_w=UNKNOWN_PER_PHASE if telegram.power_w is None else telegram.power_w,
        import_kwh=None,
        export_kwh=None,
    )


def socket_reading(words: MeterWords) -> SocketReading:
    """The poll as the meter's register map would give it."""
    amperes: list[float | None] = [*words.current_a, None, None]
    return SocketReading(
        _instant(words.at_s),
        (_VOLTS, _VOLTS, _VOLTS),
        (amperes[0], amperes[1], amperes[2]),
        sum(words.current_a) * _VOLTS,
        EnergyRegister(Decimal(f"{words.kwh:.3f}"), Decimal("0.001"), (0, 0)),
        None,
        "1",
    )


class OurPolicy:
    """The product at work."""

    def __init__(self, site_text: str) -> None:
        self.site = cabinet_of(site_text, "site.toml").site
        self.board = SightBoard(self.site, 0.0)
        self.state = recover(self.site, Past((), (), None), _instant(0.0))
        self.wishes: tuple[Wish, ...] = ()
        self._newest: dict[SocketId, SocketReading] = {}
        self._reading: dict[tuple[SessionId, Edge], tuple[float, SocketId]] = {}
        self._signing: dict[tuple[SessionId, Edge], float] = {}
        self._sessions = 0
        self._pages = 0

    def tick(self, news: News) -> Orders:
        """One tick of the shell."""
        self._hear(news)
        for outcome in self._come_true(news.at_s):
            self.board.came_of_it(outcome)
        snapshot = self.board.snapshot(news.at_s, journal_accepts=True)
        decision = decide(snapshot, self.state, _instant(news.at_s))
        self.state, self.wishes = decision.state, decision.wishes
        currents: dict[str, float] = {}
        closed: dict[str, bool] = {}
        phases: dict[str, int] = {}
        for wish in decision.wishes:
            match wish:
                case SetCurrent():
                    currents[wish.socket] = wish.current_a
                case SetPhases():
                    phases[wish.socket] = wish.phases
                case Close() | Open():
                    closed[wish.socket] = isinstance(wish, Close)
                case TakeReading():
                    self._reading.setdefault((wish.session, wish.edge), (news.at_s, wish.socket))
                case RecordBegin():
                    self._signing.setdefault((wish.session, Edge.BEGIN), news.at_s)
                case RecordEnd():
                    self._signing.setdefault((wish.session, Edge.END), news.at_s)
                case _:
                    pass
        for socket in automatic_starts(snapshot, self.state):
            self.board.asked(StartSession(socket, self._new_session(), None, Source.AUTOMATIC))
        return Orders(currents, closed, phases)

    def _new_session(self) -> SessionId:
        self._sessions += 1
        return SessionId(f"session-{self._sessions}")

    def _hear(self, news: News) -> None:
        for telegram in news.telegrams:
            self.board.grid_read(grid_reading(telegram))
        for meter in news.meters:
            reading = socket_reading(meter)
            self._newest[SocketId(meter.socket)] = reading
            self.board.socket_read(SocketId(meter.socket), reading)
        for box in news.boxes:
            sight = WallboxSight(Pilot(box.pilot), box.offered_a, box.at_s, box.phases)
            self.board.wallbox_seen(SocketId(box.socket), sight)
        for coil in news.coils:
            position = Position.CLOSED if coil.closed else Position.OPEN
            self.board.contactor_seen(SocketId(coil.socket), ContactorSight(position, None, coil.at_s))
        for press in news.presses:
            socket = SocketId(press.socket)
            if press.on and self.site.sockets[socket].wallbox is not None:
                self.board.asked(StartSession(socket, self._new_session(), None, Source.MQTT))
            elif press.on:
                self.board.asked(Arm(socket, self._new_session(), None, Source.MQTT))
            else:
                self.board.asked(StopSession(socket, Source.MQTT))

    def _come_true(self, at_s: float) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for (session, edge), (wished_s, socket) in list(self._reading.items()):
            reading = self._newest.get(socket)
            if at_s >= wished_s + _READS_S and reading is not None and reading.at.monotonic_s > wished_s:
                del self._reading[session, edge]
                outcomes.append(ReadingTaken(socket, session, edge, reading))
        for (session, edge), wished_s in list(self._signing.items()):
            if at_s >= wished_s + _SIGNS_S:
                del self._signing[session, edge]
                self._pages += 1
                outcomes.append(RecordDurable(session, edge, self._pages, _instant(at_s)))
        return outcomes
