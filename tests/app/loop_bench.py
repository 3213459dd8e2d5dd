"""The control loop among in-process devices: a plain socket, a journal on a slow disk, a heart that is counted."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from gateway.app.control_loop import ControlLoop, SocketEffects
from gateway.app.effects import ContactorEffects, MeterEffects
from gateway.app.faults import FaultLog
from gateway.app.ledger_effects import LedgerEffects, Note
from gateway.app.sight_board import SightBoard
from gateway.clock import Instant, UtcTrust
from gateway.control.past import Past
from gateway.control.recovery import recover
from gateway.control.state import ControlState
from gateway.ids import SessionId, SocketId
from gateway.meters.readings import GridReading, SocketReading
from gateway.quantities import UNKNOWN_PER_PHASE, EnergyRegister, Phase
from gateway.site.outcomes import Edge, RecordDurable
from gateway.site.snapshot import ContactorSight, Position, SiteSnapshot
from gateway.site.topology import Site
from gateway.site.wishes import NoteQueued, RecordBegin, RecordEnd
from tests.app.virtual_time import VirtualClock
from tests.control import planned_site

P1 = SocketId("p1")
DISK_S = 0.4


def site() -> Site:
    socket = planned_site.plain(P1, phases=(Phase.L2,), minimum_off_s=0.0)
    return planned_site.site(socket, house_load_a_max=(5.0, 5.0, 5.0), raise_after_s=5.0)


class World:
    """One relay, one meter behind it, a heater of 8 A, and a diary of what happened in which order."""

    refresh_s = None

    def __init__(self) -> None:
        self.closed = True
        self.diary: list[str] = []
        self._wh = 1000.0
        self._read_s: float | None = None

    async def close(self) -> None:
        self.diary.append("close")
        self.closed = True

    async def open(self) -> None:
        self.diary.append("open")
        self.closed = False

    async def look(self) -> ContactorSight:
        now_s = asyncio.get_running_loop().time()
        return ContactorSight(Position.CLOSED if self.closed else Position.OPEN, None, now_s)

    async def read(self) -> SocketReading:
        now_s = asyncio.get_running_loop().time()
        current_a = 8.0 if self.closed else 0.0
        self._wh += current_a * 230.0 * (now_s - (self._read_s or now_s)) / 3600.0
        self._read_s = now_s
        register = EnergyRegister(Decimal(round(self._wh)) / 1000, Decimal("0.001"), (0, round(self._wh)))
        volts = 230.0 if self.closed else 0.0
        return SocketReading(
            VirtualClock().now(), (volts, None, None), (current_a, None, None), current_a * 230.0, register, None, "77"
        )

    async def read_for_billing(self) -> SocketReading:
        return await self.read()


class Journal:
    """A ledger whose disk takes its time, and can hang."""

    def __init__(self, diary: list[str]) -> None:
        self.accepts = True
        self.accepts_sessions = True
        self.hung = False
        self._diary = diary
        self._progress = 0

    @property
    def writer_progress(self) -> int:
        self._progress += not self.hung
        return self._progress

    async def record_begin(self, wish: RecordBegin) -> RecordDurable:
        return await self._durable(wish.session, Edge.BEGIN)

    async def record_end(self, wish: RecordEnd) -> RecordDurable:
        return await self._durable(wish.session, Edge.END)

    async def note(self, wish: Note) -> None:
        await asyncio.sleep(DISK_S)
        if isinstance(wish, NoteQueued):
            self._diary.append("queued durable")

    async def _durable(self, session: SessionId, edge: Edge) -> RecordDurable:
        await asyncio.sleep(DISK_S)
        self._diary.append(f"{edge.value} durable")
        return RecordDurable(session, edge, 1, VirtualClock().now())


class Pulses:
    """Counts the watchdog's and the heartbeat's beats."""

    def __init__(self) -> None:
        self.alive_count = 0
        self.beat_count = 0

    def alive(self) -> None:
        self.alive_count += 1

    def beat(self) -> None:
        self.beat_count += 1


class Bench:
    """The loop with everything around it."""

    def __init__(self) -> None:
        self.world = World()
        self.journal = Journal(self.world.diary)
        self.pulses = Pulses()
        self.clock = VirtualClock()
        now = self.clock.now()
        self.board = SightBoard(site(), now.monotonic_s)
        self.published: list[ControlState] = []
        faults = FaultLog()
        self.contactor = ContactorEffects(P1, self.world, self.board, self.clock, faults)
        self.meter = MeterEffects(P1, self.world, self.board, faults)
        self.ledger_effects = LedgerEffects(self.journal, self.board)
        self.loop = ControlLoop(
            state=recover(site(), Past((), (), None), now),
            board=self.board,
            effects={P1: SocketEffects(self.meter, self.contactor, None)},
            ledger_effects=self.ledger_effects,
            journal=self.journal,
            publish=self._publish,
            watchdog=self.pulses,
            heartbeat=self.pulses,
            clock=self.clock,
        )

    def _publish(self, _snapshot: SiteSnapshot, state: ControlState, _now: Instant) -> None:
        self.published.append(state)
        session = state.sockets[P1].session
        if session is not None and "announced" not in self.world.diary:
            self.world.diary.append("announced")

    async def grid(self) -> None:
        while True:
            now = Instant(self.clock.now().monotonic_s, datetime(2026, 6, 1, tzinfo=UTC), UtcTrust.SYNCHRONISED)
            self.board.grid_read(
                GridReading(
                    at=now,
                    form="p1",
                    meter_time=f"{now.monotonic_s:.1f}",
                    import_w=None,
                    export_w=None,
                    current_a=(2.0, 2.0 + 8.0 * self.world.closed, 2.0),
                    voltage_v=(230.0, 230.0, 230.0),
                    net_power_w=UNKNOWN_PER_PHASE,
                    import_kwh=None,
                    export_kwh=None,
                )
            )
            await asyncio.sleep(10.0)

    def start(self) -> list[asyncio.Task[None]]:
        loops = (
            self.grid(),
            self.contactor.drive(),
            self.contactor.watch(),
            self.meter.poll(asyncio.get_running_loop().time),
            self.meter.read_for_billing(),
            self.ledger_effects.write(),
            self.loop.run(until=lambda _: False),
        )
        return [asyncio.get_running_loop().create_task(each) for each in loops]


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
