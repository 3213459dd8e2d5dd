"""A HAN port's line: opened read-only as the sniffer wants it, its bytes fed into the core, again and again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from gateway.devices.serial_stream import BytesSink, SerialStream
from gateway.errors import DeviceError
from gateway.meters.han_port import HanPlan, HanPort, HanSight
from gateway.wire.line import P1_LINE, LineSettings
from gateway.wire.telegram import Event

LOOK_S: Final = 0.5
BRIDGE: Final = "socket://"


class Line(Protocol):
    """An open line: octets as they come, until it is lost (DeviceError). `SerialStream` is one."""

    async def run(self, on_bytes: BytesSink) -> None: ...


OpenLine = Callable[[LineSettings | None], Line]
"""Opens the port as the settings say; None behind a bridge, where nothing can be set."""


def opener(port: str) -> OpenLine:
    """Opens a serial port or a bridge."""
    return lambda settings: SerialStream(port, settings or P1_LINE)


class HanLine:
    """One HAN port. What is known of it (settings found, intervals, counts) outlives a lost line."""

    def __init__(self, port: str, plan: HanPlan, open_line: OpenLine | None = None) -> None:
        self._open_line = open_line or opener(port)
        self.port = HanPort(plan, bridged=port.startswith(BRIDGE))

    async def run(self, on_events: Callable[[list[Event]], None], on_sight: Callable[[HanSight], None]) -> None:
        """Reads until the line fails (DeviceError), and opens it anew whenever another setting is to be tried.

        Both callbacks must be short; `on_events` runs in the reader's call. What was half read when the line was
        closed is among its events. `on_sight` comes twice a second, and once more when the line has failed.
        """
        port = self.port
        now_s = asyncio.get_running_loop().time
        lost = False
        try:
            while True:
                await self._listen(lambda octets: on_events(port.feed(octets, now_s())), on_sight)
                on_events(port.closed(now_s(), lost=False))
        except DeviceError:
            lost = True
            raise
        finally:
            on_events(port.closed(now_s(), lost=lost))
            on_sight(port.look(now_s()))

    async def _listen(self, on_bytes: BytesSink, on_sight: Callable[[HanSight], None]) -> None:
        """Reads with one setting until the line fails or another setting is wanted."""
        port = self.port
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
