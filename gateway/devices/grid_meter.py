"""The grid meter's HAN port: bytes of its line become readings, inside the call that read them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from gateway.devices.protocols import Clock
from gateway.devices.serial_stream import BytesSink, SerialStream
from gateway.errors import DeviceError
from gateway.meters.grid import grid_reading
from gateway.meters.han_port import HanPlan, HanPort, HanSight
from gateway.meters.readings import GridReading
from gateway.wire.line import P1_LINE, LineSettings
from gateway.wire.telegram import Discarded, Event

LOOK_S: Final = 0.5
BRIDGE: Final = "socket://"


class Line(Protocol):
    """An open line: octets as they come, until it is lost (DeviceError). `SerialStream` is one."""

    async def run(self, on_bytes: BytesSink) -> None: ...


OpenLine = Callable[[LineSettings | None], Line]
"""Opens the port as the settings say; None behind a bridge, where nothing can be set."""


class GridMeter:
    """One HAN port. What is known of it (settings found, intervals, counts) outlives a lost line."""

    def __init__(self, port: str, plan: HanPlan, clock: Clock, open_line: OpenLine | None = None) -> None:
        self._open_line = open_line or (lambda settings: SerialStream(port, settings or P1_LINE))
        self._clock = clock
        self._port = HanPort(plan, bridged=port.startswith(BRIDGE))

    async def run(
        self,
        on_reading: Callable[[GridReading], None],
        on_discard: Callable[[Discarded], None],
        on_sight: Callable[[HanSight], None],
    ) -> None:
        """Reads until the line fails (DeviceError), and opens it anew whenever another setting is to be tried.

        The callbacks run in the reader's call: they must be short. A reading's time is that of the read that brought
        its last byte. What was half read when the line failed is handed to `on_discard`. `on_sight` comes twice a
        second, and once more when the line fails.
        """
        port = self._port
        now_s = asyncio.get_running_loop().time

        def deliver(events: list[Event]) -> None:
            for event in events:
                if isinstance(event, Discarded):
                    on_discard(event)
                    continue
                at = self._clock.now()
                if event.clock is not None:
                    port.told(event.clock, at)
                on_reading(grid_reading(event, at))

        lost = False
        try:
            while True:
                await self._listen(lambda octets: deliver(port.feed(octets, now_s())), on_sight)
                deliver(port.closed(now_s(), lost=False))
        except DeviceError:
            lost = True
            raise
        finally:
            deliver(port.closed(now_s(), lost=lost))
            on_sight(port.look(now_s()))

    async def _listen(self, on_bytes: BytesSink, on_sight: Callable[[HanSight], None]) -> None:
        """Reads with one setting until the line fails or another setting is wanted."""
        port = self._port
        now_s = asyncio.get_running_loop().time
        settings = port.settings
        port.opened(now_s())
        reading = asyncio.create_task(self._open_line(settings).run(on_bytes))
        try:
            while port.settings == settings:
                ended, _ = await asyncio.wait({reading}, timeout=LOOK_S)
                if ended:
                    reading.result()
                on_sight(port.look(now_s()))
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, DeviceError):
                await reading
