"""A stream of bytes from a serial port or a TCP bridge, read only.

A serial port is opened with `O_RDONLY`: nothing that runs here can write to a HAN port, which has no return path by
law (Ei R2017:08: one-way interface). pyserial opens every port for writing, so this is `os.open` and `termios`.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from gateway.errors import DeviceError
from gateway.wire.line import P1_LINE, LineSettings

READ_BYTES: Final = 4096
CONNECT_S_MAX: Final = 10.0
KEEPALIVE_S: Final = 10
"""A bridge that lost its power says nothing; TCP finds out after 3 probes of this many seconds."""

_PTY_MAJORS: Final = range(136, 144)
_TIOCGSERIAL: Final = 0x541E
_TIOCSSERIAL: Final = 0x541F
_ASYNC_LOW_LATENCY: Final = 1 << 13
_SERIAL_STRUCT_BYTES: Final = 128
_FLAGS_OFFSET: Final = 16
"""linux/serial.h: type, line, port, irq, flags, each 4 bytes."""

BytesSink = Callable[[bytes], None]


class SerialStream:
    """One port, `/dev/...` or `socket://host:port`. `run` reads until the line is lost."""

    def __init__(self, port: str, settings: LineSettings = P1_LINE) -> None:
        self._port = port
        self._settings = settings

    async def run(self, on_bytes: BytesSink) -> None:
        """Calls `on_bytes` from the loop's reader as bytes come. Ends only by DeviceError or cancellation."""
        if self._port.startswith("socket://"):
            await self._run_tcp(on_bytes)
        else:
            await self._run_serial(on_bytes)

    async def _run_serial(self, on_bytes: BytesSink) -> None:
        descriptor = _open_serial(self._port, self._settings)
        loop = asyncio.get_running_loop()
        lost: asyncio.Future[str] = loop.create_future()

        def read() -> None:
            try:
                octets = os.read(descriptor, READ_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                octets, reason = b"", error.strerror or str(error)
            else:
                reason = "end of file"
            if octets:
                _deliver(octets, on_bytes, lost)
            elif not lost.done():
                loop.remove_reader(descriptor)
                lost.set_result(reason)

        loop.add_reader(descriptor, read)
        try:
            reason = await lost
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        raise DeviceError(f"{self._port}: the line is lost ({reason}). Check that the cable is plugged in.")

    async def _run_tcp(self, on_bytes: BytesSink) -> None:
        host, port = _host_and_port(self._port)
        loop = asyncio.get_running_loop()
        lost: asyncio.Future[str] = loop.create_future()
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                transport, _ = await loop.create_connection(lambda: _Bridge(on_bytes, lost), host, port)
        except TimeoutError as error:
            raise DeviceError(
                f"{self._port}: no answer within {CONNECT_S_MAX:.0f} s. Check the bridge's power and address."
            ) from error
        except OSError as error:
            raise DeviceError(
                f"{self._port}: cannot connect ({error.strerror or error}). Check the bridge's power, address and port."
            ) from error
        try:
            reason = await lost
        finally:
            transport.abort()
        raise DeviceError(f"{self._port}: the connection is lost ({reason}). Check the bridge and the network.")


class _Bridge(asyncio.Protocol):
    """The reading end of a TCP bridge. Sends nothing."""

    def __init__(self, on_bytes: BytesSink, lost: asyncio.Future[str]) -> None:
        self._on_bytes = on_bytes
        self._lost = lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)

    def data_received(self, data: bytes) -> None:
        _deliver(data, self._on_bytes, self._lost)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(str(exc) if exc else "closed by the bridge")


def _deliver(octets: bytes, on_bytes: BytesSink, lost: asyncio.Future[str]) -> None:
    """What the sink raises is our bug and ends `run`; asyncio would only log it and read on."""
    try:
        on_bytes(octets)
    except Exception as bug:  # noqa: BLE001 - does not go on: `run` raises it, whatever it is
        if not lost.done():
            lost.set_exception(bug)


def _host_and_port(port: str) -> tuple[str, int]:
    try:
        parts = urlsplit(port)
        host, number = parts.hostname, parts.port
    except ValueError as error:
        raise DeviceError(f"{port}: {error}. Write socket://host:port.") from error
    if not host or number is None:
        raise DeviceError(f"{port}: host or port number is missing. Write socket://host:port.")
    return host, number


def _open_serial(port: str, settings: LineSettings) -> int:
    """An open, locked, raw, non-blocking descriptor."""
    try:
        descriptor = os.open(port, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise DeviceError(f"{port}: there is no such port. Plug the cable in, or correct `port`.") from error
    except PermissionError as error:
        raise DeviceError(f"{port}: permission denied. Add the service's user to the group dialout.") from error
    except OSError as error:
        raise DeviceError(
            f"{port}: cannot be opened ({error.strerror}). Close the other program that uses it."
        ) from error
    try:
        _lock(descriptor)
        _set_raw(descriptor, settings)
        # What waits here was sent to somebody who hung or died; nobody knows how old it is.
        termios.tcflush(descriptor, termios.TCIFLUSH)
    except BlockingIOError as error:
        os.close(descriptor)
        raise DeviceError(f"{port}: another program reads it. Stop that program.") from error
    except (OSError, termios.error) as error:
        os.close(descriptor)
        raise DeviceError(f"{port}: is not a usable serial port ({error.args[-1]}). Correct `port`.") from error
    _ask_for_low_latency(descriptor)
    return descriptor


def _lock(descriptor: int) -> None:
    """Two readers would each get half of a telegram.

    A pty keeps TIOCEXCL after its reader died, as long as its other end lives; there the advisory lock must do.
    """
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if os.major(os.fstat(descriptor).st_rdev) not in _PTY_MAJORS:
        fcntl.ioctl(descriptor, termios.TIOCEXCL)


def _set_raw(descriptor: int, settings: LineSettings) -> None:
    """No echo, no translation of CR, LF or 0x11/0x13, no flow control: every byte as it was on the wire."""
    speed = getattr(termios, f"B{settings.baud}", None)
    if speed is None:
        raise OSError(f"{settings.baud} baud is not a standard speed")
    control = termios.CS8 | termios.CREAD | termios.CLOCAL
    if settings.parity != "N":
        control |= termios.PARENB | (termios.PARODD if settings.parity == "O" else 0)
    special = termios.tcgetattr(descriptor)[6]
    special[termios.VMIN] = 1
    special[termios.VTIME] = 0
    termios.tcsetattr(descriptor, termios.TCSANOW, [0, 0, control, 0, speed, speed, special])


def _ask_for_low_latency(descriptor: int) -> None:
    """USB adapters gather bytes for 16 ms unless asked not to. Ports that do not know the request stay as they are."""
    words = bytearray(_SERIAL_STRUCT_BYTES)
    with contextlib.suppress(OSError):
        fcntl.ioctl(descriptor, _TIOCGSERIAL, words)
        (flags,) = struct.unpack_from("i", words, _FLAGS_OFFSET)
        struct.pack_into("i", words, _FLAGS_OFFSET, flags | _ASYNC_LOW_LATENCY)
        fcntl.ioctl(descriptor, _TIOCSSERIAL, words)
