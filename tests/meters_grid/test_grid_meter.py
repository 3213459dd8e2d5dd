import asyncio
import os
import pty
import time
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.devices.grid_meter import GridMeter
from gateway.devices.serial_stream import SerialStream
from gateway.errors import DeviceError
from gateway.meters.han_port import HanPlan, HanSight
from gateway.meters.readings import GridReading
from gateway.wire.telegram import Discarded, DiscardReason, Form
from tests.wire.dlms_frames import AIDON, hdlc, notification
from tests.wire.p1_telegrams import p1_telegram

DEADLINE_S = 5.0
TURNS_TO_OPEN_MAX = 20


class SteppingClock:
    """A clock whose seconds count how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def now(self) -> Instant:
        self.asked += 1
        return Instant(float(self.asked), datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.SYNCHRONISED)


class Ear:
    """Remembers what a grid meter told, and can be waited for."""

    def __init__(self) -> None:
        self.readings: list[GridReading] = []
        self.discarded: list[Discarded] = []
        self.sights: list[HanSight] = []
        self.heard = asyncio.Event()

    def on_reading(self, reading: GridReading) -> None:
        self.readings.append(reading)
        self.heard.set()

    def on_discard(self, discarded: Discarded) -> None:
        self.discarded.append(discarded)
        self.heard.set()

    def on_sight(self, sight: HanSight) -> None:
        self.sights.append(sight)


@contextmanager
def wire() -> Iterator[tuple[int, str]]:
    """A pty: the descriptor of the meter's end and the port of ours."""
    far, near = pty.openpty()
    tty.setraw(near)
    try:
        yield far, os.ttyname(near)
    finally:
        os.close(near)
        with suppress(OSError):
            os.close(far)


@asynccontextmanager
async def listening(port: str, ear: Ear) -> AsyncIterator[asyncio.Task[None]]:
    meter = GridMeter(port, HanPlan(Form.P1), SteppingClock())
    task = asyncio.create_task(meter.run(ear.on_reading, ear.on_discard, ear.on_sight))
    for _ in range(TURNS_TO_OPEN_MAX):  # what comes before the port is open does not count
        if os.O_RDONLY in open_modes(port):
            break
        await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, DeviceError):
            await task


def open_modes(port: str) -> list[int]:
    """How this very program has the port open: O_RDONLY, O_WRONLY or O_RDWR, once per descriptor."""
    return [
        os.O_ACCMODE & int(Path("/proc/self/fdinfo", entry.name).read_text(encoding="ascii").split()[3], 8)
        for entry in Path("/proc/self/fd").iterdir()
        if entry.is_symlink() and os.path.realpath(entry) == port
    ]


def within_deadline(story: Callable[[], Awaitable[None]]) -> None:
    async def timed() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story()

    asyncio.run(timed())


def test_a_telegram_in_pieces_on_a_serial_line_becomes_one_reading() -> None:
    async def story() -> None:
        with wire() as (far, port):
            ear = Ear()
            async with listening(port, ear):
                telegram = p1_telegram()
                for begin in range(0, len(telegram), 62):
                    os.write(far, telegram[begin : begin + 62])
                    await asyncio.sleep(0)
                await ear.heard.wait()
            (reading,) = ear.readings
            assert reading.current_a == (5.0, 3.0, 2.5)
            assert reading.at.monotonic_s == 1.0
            assert ear.discarded == []

    within_deadline(story)


def test_the_line_is_raw_so_that_no_byte_is_changed_or_eaten() -> None:
    async def story() -> None:
        far, near = pty.openpty()
        port = os.ttyname(near)
        every_byte = bytes(range(256))
        seen = bytearray()
        done = asyncio.Event()

        def collect(octets: bytes) -> None:
            seen.extend(octets)
            if len(seen) >= len(every_byte):
                done.set()

        task = asyncio.create_task(SerialStream(port).run(collect))
        await asyncio.sleep(0.01)
        os.write(far, every_byte)
        await done.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        os.close(near)
        os.close(far)
        assert bytes(seen) == every_byte

    within_deadline(story)


def test_a_lost_line_is_a_device_error_that_names_the_port_and_what_was_half_read() -> None:
    async def story() -> None:
        far, near = pty.openpty()
        port = os.ttyname(near)
        tty.setraw(near)
        os.close(near)
        ear = Ear()
        meter = GridMeter(port, HanPlan(Form.P1), SteppingClock())
        task = asyncio.create_task(meter.run(ear.on_reading, ear.on_discard, ear.on_sight))
        await asyncio.sleep(0.01)
        os.write(far, p1_telegram()[:100])
        await asyncio.sleep(0.01)
        os.close(far)
        with pytest.raises(DeviceError, match=port):
            await task
        assert [(event.count, event.reason) for event in ear.discarded] == [(100, DiscardReason.TRUNCATED)]

    within_deadline(story)


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("/dev/no-such-port", "no such port"),
        ("/dev/null", "not a usable serial port"),
        ("socket://127.0.0.1", "socket://host:port"),
        ("socket://127.0.0.1:99999", "socket://host:port"),
    ],
)
def test_a_port_that_cannot_be_read_says_which_and_what_to_do(port: str, words: str) -> None:
    async def story() -> None:
        with pytest.raises(DeviceError, match=words) as refusal:
            await SerialStream(port).run(lambda _: None)
        assert port in str(refusal.value)

    within_deadline(story)


def test_a_second_reader_of_the_same_port_is_turned_away() -> None:
    async def story() -> None:
        with wire() as (_, port):
            async with listening(port, Ear()):
                await asyncio.sleep(0.01)
                with pytest.raises(DeviceError, match="another program"):
                    await SerialStream(port).run(lambda _: None)

    within_deadline(story)


def test_a_port_can_be_opened_again_after_it_was_lost_to_cancellation() -> None:
    async def story() -> None:
        with wire() as (far, port):
            async with listening(port, Ear()):
                await asyncio.sleep(0.01)
            ear = Ear()
            async with listening(port, ear):
                await asyncio.sleep(0.01)
                os.write(far, p1_telegram())
                await ear.heard.wait()
            assert len(ear.readings) == 1

    within_deadline(story)


def test_our_end_of_the_line_cannot_be_written_to() -> None:
    async def story() -> None:
        with wire() as (_, port):
            async with listening(port, Ear()):
                await asyncio.sleep(0.01)
                modes = open_modes(port)
            assert sorted(modes) == [os.O_RDONLY, os.O_RDWR], "ours and the test's own"

    within_deadline(story)


def test_a_tcp_bridge_is_read_and_its_closing_is_a_device_error() -> None:
    async def story() -> None:
        async def bridge(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(p1_telegram(line_end="\n"))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(bridge, "127.0.0.1", 0)
        host, number = server.sockets[0].getsockname()
        ear = Ear()
        meter = GridMeter(f"socket://{host}:{number}", HanPlan(Form.P1), SteppingClock())
        with pytest.raises(DeviceError, match="closed by the bridge"):
            await meter.run(ear.on_reading, ear.on_discard, ear.on_sight)
        server.close()
        await server.wait_closed()
        assert len(ear.readings) == 1

    within_deadline(story)


def test_nobody_at_the_bridges_address_is_a_device_error() -> None:
    async def story() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        number = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        with pytest.raises(DeviceError, match="cannot connect"):
            await SerialStream(f"socket://127.0.0.1:{number}").run(lambda _: None)

    within_deadline(story)


def test_a_reading_is_told_soon_after_its_last_byte() -> None:
    async def story() -> None:
        with wire() as (far, port):
            ear = Ear()
            delays_s = []
            async with listening(port, ear):
                await asyncio.sleep(0.01)
                for _ in range(20):
                    os.write(far, p1_telegram())
                    written_s = time.perf_counter()
                    await ear.heard.wait()
                    delays_s.append(time.perf_counter() - written_s)
                    ear.heard.clear()
            assert sorted(delays_s)[10] < 0.005

    within_deadline(story)


@pytest.mark.parametrize("form", [Form.HDLC, None])
def test_an_hdlc_push_on_the_same_line_becomes_a_reading(form: Form | None) -> None:
    async def story() -> None:
        with wire() as (far, port):
            ear = Ear()
            meter = GridMeter(port, HanPlan(form), SteppingClock())
            task = asyncio.create_task(meter.run(ear.on_reading, ear.on_discard, ear.on_sight))
            await asyncio.sleep(0.01)
            os.write(far, hdlc(notification(AIDON)))
            await ear.heard.wait()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            (reading,) = ear.readings
            assert reading.form == "hdlc"
            assert reading.current_a == (5.0, 3.0, 3.5)

    within_deadline(story)
