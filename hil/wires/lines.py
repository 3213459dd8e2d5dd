"""Lines that carry bytes: a pty, a real serial port, or a listening TCP socket. Each has a name to open it by."""

import asyncio
import os
import select
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import serial

Received = Callable[[bytes], None]
_READ_BAUDS = {getattr(termios, f"B{baud}"): baud for baud in (1200, 2400, 4800, 9600, 19200, 57600, 115200)}
"""By termios' constants; 38400 is what a pty has before anybody sets it."""


class Line(Protocol):
    """One end of a wire. `paces_itself`: the hardware sends at its baud, so nobody needs to pace it.

    reader_baud: how the far end is set, where that must be played; None where bits are real, or nobody has set it.
    """

    @property
    def name(self) -> str: ...

    @property
    def paces_itself(self) -> bool: ...

    @property
    def reader_baud(self) -> int | None: ...

    def send(self, octets: bytes) -> bool:
        """Whether all of it left; bytes that nobody can take are lost, as on a wire."""
        ...

    def listen(self, received: Received) -> None: ...

    def close(self) -> None: ...


class PtyLine:
    """A pseudo terminal. held: we keep the far end open too, so that a client may come and go unseen.

    Not held: what is sent while nobody has it open is lost, and what a client left unread is flushed when it goes,
    as on a serial port.
    """

    paces_itself = False

    def __init__(self, *, held: bool) -> None:
        self._near, far = os.openpty()
        tty.setraw(far)
        self.name = os.ttyname(far)
        os.set_blocking(self._near, False)
        self._far: int | None = far if held else None
        self._was_listened = False
        self._loop: asyncio.AbstractEventLoop | None = None
        if not held:
            os.close(far)

    @property
    def reader_baud(self) -> int | None:
        """A pty knows the speed that its reader has set, though it carries bytes at any; parity it forgets."""
        return _READ_BAUDS.get(termios.tcgetattr(self._near)[5])

    def _listened(self) -> bool:
        if self._far is not None:
            return True
        poll = select.poll()
        poll.register(self._near, select.POLLIN)
        listened = not any(event & select.POLLHUP for _, event in poll.poll(0))
        if self._was_listened and not listened:
            far = os.open(self.name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            termios.tcflush(far, termios.TCIOFLUSH)
            os.close(far)
        self._was_listened = listened
        return listened

    def send(self, octets: bytes) -> bool:
        if not self._listened():
            return False
        try:
            return os.write(self._near, octets) == len(octets)
        except BlockingIOError:
            return False

    def listen(self, received: Received) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._near, lambda: received(os.read(self._near, 4096)))

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._near)
        os.close(self._near)
        if self._far is not None:
            os.close(self._far)


class SerialLine:
    """A real serial port (a USB adapter wired to the gateway's)."""

    paces_itself = True
    reader_baud = None

    def __init__(self, port: str, baud: int, parity: str, stop_bits: int) -> None:
        self.name = port
        self._port = serial.Serial(port, baud, parity=parity, stopbits=stop_bits, timeout=0, write_timeout=0)
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, octets: bytes) -> bool:
        try:
            return self._port.write(octets) == len(octets)
        except serial.SerialTimeoutException:
            return False

    def listen(self, received: Received) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._port.fileno(), lambda: received(self._port.read(4096)))

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._port.fileno())
        self._port.close()


class BroadcastLine:
    """A serial-to-network bridge: whoever is connected hears what is sent."""

    paces_itself = False
    reader_baud = None

    def __init__(self) -> None:
        self.name = ""
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def open(self, host: str) -> None:
        self._server = await asyncio.start_server(self._serve, host, 0)
        port = self._server.sockets[0].getsockname()[1]
        self.name = f"socket://{host}:{port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while await reader.read(256):
                pass
        except ConnectionError:
            return
        finally:
            self._clients.discard(writer)
            writer.close()

    def send(self, octets: bytes) -> bool:
        for writer in self._clients:
            if writer.transport.get_write_buffer_size() < 8192:
                writer.write(octets)
        return bool(self._clients)

    def listen(self, received: Received) -> None:
        """A bridge to a P1 port carries nothing backwards."""

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._clients:
            writer.close()


def serial_or_pty(port: str | None, baud: int, parity: str, stop_bits: int, *, held: bool) -> Line:
    """The given port, or a new pty."""
    if port is None:
        return PtyLine(held=held)
    if not Path(port).exists():
        raise FileNotFoundError(f"{port}: no such serial port")
    return SerialLine(port, baud, parity, stop_bits)
