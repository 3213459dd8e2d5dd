"""The commissioning test's line to the running gateway, over its broker, and the person who stands at the socket."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, Self

from gateway.cli.commission_trial import SocketSeen, seen_of
from gateway.errors import DeviceError
from gateway.ids import SocketId
from gateway.publish import topic_names
from gateway.site.topology import Site

LOOK_S: Final = 0.5
PAYLOAD_BYTES_MAX: Final = 65_536
LINE_BYTES_MAX: Final = 4096
SKIP: Final = "s"


class Line:
    """What the gateway says, told by `heard`, and commands to it. send: publishes a text on a topic."""

    def __init__(self, site: Site, send: Callable[[str, str], Awaitable[None]]) -> None:
        self._gateway = site.gateway_id
        self._send = send
        self._states = {topic_names.socket_state(self._gateway, name): name for name in site.sockets}
        self._news = asyncio.Event()
        self.online: bool | None = None
        self.seen: dict[SocketId, SocketSeen] = {}
        self.said: dict[SocketId, int] = {}
        """How many messages have come of each socket."""
        self.refusals: dict[SocketId, str] = {}
        """The newest sentence that the gateway said once about each socket, such as why it refused a start."""

    async def command(self, socket: SocketId, key: str, payload: str) -> None:
        """The same command as Home Assistant's."""
        await self._send(topic_names.socket_command(self._gateway, socket, key), payload)

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Whether it came to hold within the time. Raises DeviceError if the gateway goes away meanwhile."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        while not holds():
            left_s = end_s - loop.time()
            if left_s <= 0.0:
                return False
            await self.news(left_s)
        return True

    async def news(self, within_s: float = LOOK_S) -> None:
        """Returns at the next message, or after half a second at most. Raises as `until`."""
        if self.online is False:
            raise DeviceError(f"gateway {self._gateway} is offline; see its log, and begin anew")
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(within_s, LOOK_S)):
                await self._news.wait()

    def heard(self, topic: str, payload: bytes) -> None:
        """Takes in one message; what is not the gateway's or cannot be read is left out."""
        self._news.set()
        if topic == topic_names.gateway_status(self._gateway):
            self.online = payload == topic_names.ONLINE.encode()
            return
        thing = _object(payload)
        if thing is None:
            return
        if topic == topic_names.event(self._gateway):
            socket, text = thing.get("socket"), thing.get("text")
            if isinstance(socket, str) and isinstance(text, str):
                self.refusals[SocketId(socket)] = "".join(sign for sign in text if sign.isprintable())
        elif topic in self._states:
            name = self._states[topic]
            self.seen[name] = seen_of(thing)
            self.said[name] = self.said.get(name, 0) + 1


class Person:
    """Who presses Enter. fd: the terminal, None if every prompt is taken as answered."""

    def __init__(self, fd: int | None) -> None:
        self.absent = fd is None
        self._fd = fd
        self._rest = b""
        self._lines: list[str] = []
        self._gone = False

    def __enter__(self) -> Self:
        if self._fd is not None:
            asyncio.get_running_loop().add_reader(self._fd, self._read, self._fd)
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def asked(self) -> None:
        """Forgets what was typed before the question."""
        self._lines.clear()

    @property
    def answered(self) -> bool:
        return self.absent or self._gone or bool(self._lines)

    @property
    def skips(self) -> bool:
        """A terminal that was closed skips whatever is left."""
        return self._gone or SKIP in self._lines

    def _read(self, fd: int) -> None:
        try:
            octets = os.read(fd, LINE_BYTES_MAX)
        except OSError:
            octets = b""
        if not octets:
            self._gone = True
            self._leave()
            return
        *lines, rest = (self._rest + octets).split(b"\n")
        self._rest = rest[-LINE_BYTES_MAX:]
        self._lines += [line.decode("utf-8", "replace").strip().lower() for line in lines]

    def _leave(self) -> None:
        if self._fd is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._fd = None


def _object(payload: bytes) -> Mapping[str, object] | None:
    if len(payload) > PAYLOAD_BYTES_MAX:
        return None
    try:
        said: object = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
