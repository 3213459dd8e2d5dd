"""The wire of a box is free, and the box rested, when a telegram comes that may demand a lowering."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from gateway.app.effects import WallboxEffects
from gateway.app.faults import FaultLog
from gateway.app.sight_board import DECIDED_WITHIN_S, TELEGRAM_LATE_S, SightBoard
from gateway.ids import FuseId, GatewayId, SocketId
from gateway.meters.readings import GridReading
from gateway.quantities import UNKNOWN_PER_PHASE
from gateway.site.because import Because, Why
from gateway.site.snapshot import Pilot, WallboxSight
from gateway.site.topology import Fuse, FuseKind, Site
from gateway.site.wishes import SetCurrent
from tests.app.virtual_time import VirtualClock, run_virtually

P1 = SocketId("p1")
BECAUSE = Because(Why.FUSE_BINDS)
LOOK_S = 0.24


def board() -> SightBoard:
    main = Fuse(FuseId("main"), 20.0, FuseKind.GG, None, 1.0, 0.0, None)
    site = Site(GatewayId("test"), main.id, {main.id: main}, {}, None, 30.0)
    return SightBoard(site, asyncio.get_running_loop().time())


def telegram() -> GridReading:
    return GridReading(
        at=VirtualClock().now(),
        form="p1",
        meter_time=f"{VirtualClock().now().monotonic_s:.3f}",
        import_w=4830.0,
        export_w=0.0,
        current_a=(7.0, 7.0, 7.0),
        voltage_v=(230.0, 230.0, 230.0),
        net_power_w=UNKNOWN_PER_PHASE,
        import_kwh=Decimal("1234.567"),
        export_kwh=Decimal("0.000"),
    )


@dataclass
class SlowBox:
    """A box whose looks take a while; it remembers when it was talked to."""

    refresh_s: float = 5.0
    looks_s: list[tuple[float, float]] = field(default_factory=list)
    told: list[tuple[float, float]] = field(default_factory=list)

    async def commission(self) -> None:
        await asyncio.sleep(0)

    async def set_current(self, current_a: float) -> None:
        self.told.append((asyncio.get_running_loop().time(), current_a))

    async def set_phases(self, phases: int) -> None:
        raise AssertionError(f"it has no phases to switch, and was told {phases}")

    async def look(self) -> WallboxSight:
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(LOOK_S)
        self.looks_s.append((began_s, asyncio.get_running_loop().time()))
        return WallboxSight(Pilot.C, 10.0, asyncio.get_running_loop().time())


class Story:
    """A box, its effects, and a grid meter that sends every `every_s`."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self.box = SlowBox()
        self.board = board()
        self.effects = WallboxEffects(P1, self.box, self.board, VirtualClock(), FaultLog())
        self.sent_s: list[float] = []
        self.wished_a = 10.0

    async def play(self, for_s: float) -> None:
        loop = asyncio.get_running_loop()
        tasks = [
            loop.create_task(it) for it in (self._send(), self._wish(), self.effects.drive(), self.effects.watch())
        ]
        await asyncio.sleep(for_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def nearest_s(self, at_s: float) -> float:
        """From the last telegram to this moment, or (negative) from this moment to the next."""
        return min((at_s - sent_s for sent_s in self.sent_s), key=abs)

    async def _send(self) -> None:
        while True:
            self.sent_s.append(asyncio.get_running_loop().time())
            self.board.grid_read(telegram())
            await asyncio.sleep(self.every_s)

    async def _wish(self) -> None:
        while True:
            self.effects.wish(SetCurrent(P1, self.wished_a, BECAUSE))
            await asyncio.sleep(0.5)


def told(main: Coroutine[object, object, None]) -> None:
    run_virtually(main)


@pytest.mark.parametrize("every_s", [1.0, 2.0, 10.0])
def test_no_look_and_no_repetition_lies_across_a_telegram(every_s: float) -> None:
    async def main() -> None:
        story = Story(every_s)
        await story.play(120.0)
        begun_s = story.sent_s[2]
        looks_s = [look for look in story.box.looks_s if look[0] > begun_s]
        assert len(looks_s) > 50
        assert not [look for look in looks_s for sent_s in story.sent_s if look[0] <= sent_s <= look[1] + 0.1]
        repeated_s = [at_s for at_s, _ in story.box.told if at_s > begun_s]
        assert len(repeated_s) > 15
        assert not [at_s for at_s in repeated_s if -0.1 < story.nearest_s(at_s) <= 0.0]

    told(main())


def test_a_telegram_that_stays_away_holds_nothing_up() -> None:
    async def main() -> None:
        story = Story(10.0)
        await story.play(45.0)
        looks = len(story.box.looks_s)
        story.every_s = 1e9
        await story.play(60.0)
        assert len(story.box.looks_s) - looks > 45

    told(main())


def test_a_lowering_goes_at_once_and_a_raise_waits_for_the_telegram_that_is_due() -> None:
    async def main() -> None:
        story = Story(10.0)
        playing = asyncio.get_running_loop().create_task(story.play(80.0))
        await asyncio.sleep(39.95)
        story.effects.wish(SetCurrent(P1, 8.0, BECAUSE))
        story.wished_a = 8.0
        await asyncio.sleep(0.01)
        assert story.box.told[-1][1] == 8.0
        await asyncio.sleep(9.94)
        story.effects.wish(SetCurrent(P1, 9.0, BECAUSE))
        story.wished_a = 9.0
        await asyncio.sleep(0.05)
        assert story.box.told[-1][1] == 8.0, "the telegram at 50 s may forbid it"
        await asyncio.sleep(0.6)
        assert story.box.told[-1][1] == 9.0
        await playing

    told(main())


def test_after_a_telegram_no_read_begins_until_what_it_demands_has_been_decided() -> None:
    async def main() -> None:
        sights = board()
        for _ in range(4):
            await asyncio.sleep(10.0)
            sights.grid_read(telegram())
        now_s = asyncio.get_running_loop().time()
        assert sights.clear_of_telegram_s(now_s, 0.1) == 0.0
        assert sights.clear_of_writes_s(now_s, 0.1) == pytest.approx(DECIDED_WITHIN_S)
        assert sights.clear_of_writes_s(now_s + DECIDED_WITHIN_S, 0.1) <= 0.0
        assert sights.clear_of_writes_s(now_s + 9.95, 0.1) == pytest.approx(0.05 + TELEGRAM_LATE_S)

    told(main())
