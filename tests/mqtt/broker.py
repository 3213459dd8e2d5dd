"""A real mosquitto on a free loopback port, and a plain listener beside the link under test."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import aiomqtt
import pytest

MOSQUITTO: Final = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt-get install mosquitto")
PATIENCE_S: Final = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """One broker process; ended by its own handle."""

    def __init__(self, folder: Path, port: int) -> None:
        assert MOSQUITTO is not None
        self.port = port
        self._config = folder / f"mosquitto-{port}.conf"
        self._config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_packet_size 100000\n")
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._running = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            time.sleep(0.02)
        self.kill()
        raise AssertionError("mosquitto did not start")

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(folder, free_port())
    mosquitto.start()
    try:
        yield mosquitto
    finally:
        mosquitto.kill()


class Ear:
    """Hears everything on a broker, in order, and can speak."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.heard: list[tuple[str, str, bool]] = []
        self._news = asyncio.Condition()

    async def listen(self) -> None:
        async for message in self.client.messages:
            async with self._news:
                self.heard.append((message.topic.value, bytes(message.payload).decode(), message.retain))
                self._news.notify_all()

    async def hears(self, topic: str, payload: str | None = None, *, after: int = 0) -> int:
        """Waits for that message; its place in `heard`, plus one."""

        def place() -> int:
            for number, (said_topic, said, _) in enumerate(self.heard[after:], start=after + 1):
                if said_topic == topic and payload in (None, said):
                    return number
            return 0

        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: place() > 0)
        return place()

    def last(self, topic: str) -> str | None:
        return next((said for heard, said, _ in reversed(self.heard) if heard == topic), None)


@contextlib.asynccontextmanager
async def ear(port: int) -> AsyncIterator[Ear]:
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        listener = Ear(client)
        await client.subscribe("#", 1)
        listening = asyncio.create_task(listener.listen())
        try:
            yield listener
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
