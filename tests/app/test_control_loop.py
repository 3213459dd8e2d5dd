"""The shell in virtual time with in-process devices: what a tick hands over, in which order, and when it refuses."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.app.control_loop import (
    JOURNAL_HUNG_S,
    STANDSTILL_S_MAX,
    TICK_REST_S_MIN,
    lowering_first,
)
from gateway.clock import Instant, UtcTrust
from gateway.control.past import Past
from gateway.control.recovery import recover
from gateway.control.state import ControlState, SessionPhase
from gateway.errors import DeviceError, JournalDamaged
from gateway.ids import SessionId, SocketId
from gateway.site.because import Because, Why
from gateway.site.requests import ShutDown, Source, StartSession
from gateway.site.wishes import Close, Open, SetCurrent, Wish
from tests.app.loop_bench import P1, Bench, ended, site
from tests.app.virtual_time import run_virtually


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
