"""A HAN line opened as the sniffer wants it, and again, and again."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.devices.han_line import HanLine
from gateway.devices.serial_stream import BytesSink
from gateway.errors import DeviceError
from gateway.meters.han_diagnosis import Diagnosis
from gateway.meters.han_port import HanPlan, HanSight
from gateway.wire.line import LineSettings
from gateway.wire.telegram import Event, Telegram
from tests.wire.dlms_frames import AIDON, hdlc, notification
from tests.wire.p1_telegrams import p1_telegram

SLOW = LineSettings(2400, "E")


class ScriptedLine:
    """A line that says one thing and then keeps quiet, or fails."""

    def __init__(self, said: list[tuple[float, bytes]], problem: str | None = None) -> None:
        self._said = said
        self._problem = problem

    async def run(self, on_bytes: BytesSink) -> None:
        for wait_s, octets in self._said:
            await asyncio.sleep(wait_s)
            on_bytes(octets)
        if self._problem is not None:
            raise DeviceError(self._problem)
        await asyncio.Event().wait()


class Ear:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.sights: list[HanSight] = []

    def on_events(self, events: list[Event]) -> None:
        self.events += events


def within(seconds: float, story: Callable[[], Awaitable[None]]) -> None:
    async def timed() -> None:
        async with asyncio.timeout(seconds):
            await story()

    asyncio.run(timed())


def test_a_slower_meter_is_heard_after_the_line_was_opened_anew() -> None:
    opened: list[LineSettings | None] = []
    ear = Ear()
    found = asyncio.Event()

    def open_line(settings: LineSettings | None) -> ScriptedLine:
        opened.append(settings)
        if settings == SLOW:
            return ScriptedLine([(0.45, hdlc(notification(AIDON)))])
        return ScriptedLine([(0.45, bytes(200))])

    def on_sight(sight: HanSight) -> None:
        ear.sights.append(sight)
        if sight.settled:
            found.set()

    async def story() -> None:
        task = asyncio.create_task(HanLine("/dev/meter", HanPlan(), open_line).run(ear.on_events, on_sight))
        await found.wait()
        task.cancel()

    within(8.0, story)
    assert opened == [LineSettings(115200, "N"), SLOW]
    assert any(isinstance(event, Telegram) for event in ear.events)
    assert ear.sights[-1].line == SLOW


def test_a_bridge_is_opened_without_settings() -> None:
    opened: list[LineSettings | None] = []

    def open_line(settings: LineSettings | None) -> ScriptedLine:
        opened.append(settings)
        return ScriptedLine([(0.0, p1_telegram())], "gone")

    ear = Ear()

    async def story() -> None:
        with pytest.raises(DeviceError, match="gone"):
            await HanLine("socket://10.0.0.1:2001", HanPlan(), open_line).run(ear.on_events, ear.sights.append)

    within(5.0, story)
    assert opened == [None]
    assert ear.sights[-1].finding.diagnosis is Diagnosis.LINE_LOST
    assert ear.sights[-1].line is None


def test_what_was_learned_outlives_a_lost_line() -> None:
    lines = iter([ScriptedLine([(0.0, p1_telegram())], "gone"), ScriptedLine([(0.0, b"half")], "gone again")])
    line = HanLine("socket://10.0.0.1:2001", HanPlan(), lambda _: next(lines))
    ear = Ear()

    async def story() -> None:
        for _ in range(2):
            with pytest.raises(DeviceError):
                await line.run(ear.on_events, ear.sights.append)

    within(5.0, story)
    assert ear.sights[-1].telegrams == 1
    assert ear.sights[-1].ident == "TST5GRIDMETER"
    assert ear.sights[-1].octets == len(p1_telegram()) + 4
    assert ear.sights[-1].dropped == 4
