"""The shell in virtual time with in-process devices: what a tick hands over, in which order, and when it refuses."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.app.control_loop import (
    JOURNAL_HUNG_S,
    STANDSTILL_S_MAX,
    TICK_REST_S_MIN,
    ControlLoop,
    SocketEffects,
    lowering_first,
)
from gateway.app.effects import ContactorEffects, MeterEffects
from gateway.app.faults import FaultLog
from gateway.app.ledger_effects import LedgerEffects, Note
from gateway.app.sight_board import SightBoard
from gateway.clock import Instant, UtcTrust
from gateway.control.past import Past
from gateway.control.recovery import recover
from gateway.control.state import ControlState, SessionPhase
from gateway.errors import DeviceError, JournalDamaged
from gateway.ids import FuseId, GatewayId, SessionId, SocketId
from gateway.meters.readings import GridReading, SocketReading
from gateway.quantities import UNKNOWN_PER_PHASE, EnergyRegister, Phase
from gateway.site.because import Because, Why
from gateway.site.outcomes import Edge, RecordDurable
from gateway.site.requests import ShutDown, Source, StartSession
from gateway.site.snapshot import ContactorSight, Position, SiteSnapshot
from gateway.site.topology import Access, Fuse, FuseKind, Purpose, Site, Socket
from gateway.site.wishes import Close, NoteQueued, Open, RecordBegin, RecordEnd, SetCurrent, Wish
from tests.app.virtual_time import VirtualClock, run_virtually

P1 = SocketId("p1")
DISK_S = 0.4


def site() -> Site:
    main = Fuse(FuseId("main"), 20.0, FuseKind.GG, None, 1.0, 0.0, None)
    socket = Socket(
        id=P1,
        label="Uttag",
        fuse=main.id,
        phases=(Phase.L2,),
        rating_a=10.0,
        contactor=True,
        wallbox=None,
        metered=True,
        purpose=Purpose.INTERNAL,
        access=Access.COMMAND,
        dead_man=False,
        minimum_off_s=0.0,
        idle_release_s=600.0,
    )
    return Site(GatewayId("test"), main.id, {main.id: main}, {P1: socket}, (5.0, 5.0, 5.0), 5.0)


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


def test_boot_opens_and_a_session_closes_only_after_its_begin_is_durable() -> None:
    async def main() -> None:
        bench = Bench()
        tasks = bench.start()
        await asyncio.sleep(40.0)
        assert bench.world.diary == ["open"]
        bench.board.asked(StartSession(P1, SessionId("s-1"), None, Source.MQTT))
        await asyncio.sleep(30.0)
        diary = bench.world.diary
        assert diary.index("announced") > diary.index("queued durable")
        assert [line for line in diary if line != "announced"] == ["open", "queued durable", "begin durable", "close"]
        bench.board.asked(ShutDown())
        await asyncio.sleep(20.0)
        assert diary[5:] == ["open", "end durable"]
        await ended(tasks)

    run_virtually(main())


def test_every_tick_pets_the_watchdog_and_beats_the_heart_about_once_a_second() -> None:
    async def main() -> None:
        bench = Bench()
        tasks = bench.start()
        await asyncio.sleep(60.0)
        assert 60 <= bench.pulses.alive_count <= 75
        assert bench.pulses.beat_count == bench.pulses.alive_count
        await ended(tasks)

    run_virtually(main())


def test_a_hung_journal_ends_the_loop_and_petting_stops() -> None:
    async def main() -> None:
        bench = Bench()
        tasks = bench.start()
        await asyncio.sleep(30.0)
        bench.journal.hung = True
        with pytest.raises(JournalDamaged):
            await asyncio.wait_for(asyncio.shield(tasks[-1]), JOURNAL_HUNG_S + 3.0)
        await ended(tasks)

    run_virtually(main())


def test_a_loop_that_stood_still_for_longer_than_the_watchdog_ends_and_decides_nothing() -> None:
    async def main() -> None:
        bench = Bench()
        bench.loop.tick()
        await asyncio.sleep(STANDSTILL_S_MAX - 1.0)
        bench.loop.tick()
        petted = bench.pulses.alive_count
        decided = bench.loop.state
        await asyncio.sleep(STANDSTILL_S_MAX + 1.0)
        with pytest.raises(DeviceError, match="stood still for 11 s"):
            bench.loop.tick()
        assert bench.pulses.alive_count == petted
        assert bench.loop.state is decided

    run_virtually(main())


def test_a_flood_of_telegrams_leaves_the_wires_their_time() -> None:
    async def main() -> None:
        bench = Bench()
        tasks = bench.start()
        await asyncio.sleep(5.0)
        before = bench.pulses.alive_count
        for _ in range(1000):
            bench.board.wake.set()
            await asyncio.sleep(0.001)
        assert bench.pulses.alive_count - before <= 60
        await ended(tasks)

    run_virtually(main())


def test_the_room_stays_reserved_while_the_start_is_read_and_signed() -> None:
    async def main() -> None:
        bench = Bench()
        tasks = bench.start()
        await asyncio.sleep(40.0)
        bench.board.asked(StartSession(P1, SessionId("s-1"), None, Source.MQTT))
        await asyncio.sleep(0.0)
        phases = set()
        for _ in range(200):
            await asyncio.sleep(0.05)
            socket = bench.loop.state.sockets[P1]
            if socket.session is not None and socket.session.phase in (
                SessionPhase.READING_BEGIN,
                SessionPhase.SIGNING_BEGIN,
                SessionPhase.READY,
            ):
                phases.add(socket.session.phase)
                assert socket.reserved_a[0] >= 10.0
        assert SessionPhase.SIGNING_BEGIN in phases
        await ended(tasks)

    run_virtually(main())


def test_whatever_opens_or_lowers_goes_to_its_wire_first() -> None:
    p2 = SocketId("p2")
    one = site()
    both = replace(one, sockets={P1: one.sockets[P1], p2: replace(one.sockets[P1], id=p2)})
    now = Instant(0.0, datetime(2026, 6, 1, tzinfo=UTC), UtcTrust.SYNCHRONISED)
    state = recover(both, Past((), (), None), now)
    told = {P1: 8.0, p2: 10.0}
    before = replace(state, sockets={name: replace(it, granted_a=told[name]) for name, it in state.sockets.items()})
    because = Because(Why.FUSE_BINDS)
    raised, lowered = SetCurrent(P1, 9.0, because), SetCurrent(p2, 7.0, because)
    closed, opened = Close(P1, because), Open(p2, because)
    wishes: list[Wish] = [raised, closed, lowered, opened]
    assert lowering_first(wishes, before) == [lowered, opened, raised, closed]


def test_a_telegram_right_after_a_timed_tick_is_decided_at_once_and_a_flood_of_them_leaves_time_for_the_wires() -> None:
    async def main() -> None:
        bench = Bench()
        now_s = asyncio.get_running_loop().time
        ticks_s: list[float] = []

        def never(_state: ControlState) -> bool:
            ticks_s.append(now_s())
            return False

        task = asyncio.get_running_loop().create_task(bench.loop.run(until=never))
        await asyncio.sleep(3.001)
        timed = len(ticks_s)
        bench.board.wake.set()
        await asyncio.sleep(0.0001)
        assert len(ticks_s) == timed + 1, "one millisecond after a tick by time"
        for _ in range(1000):
            bench.board.wake.set()
            await asyncio.sleep(0.001)
        assert len(ticks_s) - timed <= 1.0 / TICK_REST_S_MIN + 2
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtually(main())
