"""`laddvakt record PORT FILE`: the raw bytes of a HAN port with their times."""

import argparse
import asyncio
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from gateway.cli.han_arguments import add_line, is_live, plan_of, say
from gateway.cli.time_limit import add_seconds
from gateway.errors import DeviceError

if TYPE_CHECKING:
    from gateway.devices.han_line import Line, OpenLine
    from gateway.devices.serial_stream import BytesSink
    from gateway.wire.line import LineSettings

BYTES_MAX_DEFAULT: Final = 10_000_000
"""An hour of telegrams each second makes 5 MB of text."""

DESCRIPTION: Final = """\
Keeps what a HAN port sends, byte by byte with times, for a bug report; `python -m hil replay FILE` plays it again at
the pace of the wire, and `laddvakt listen FILE` and `laddvakt decode FILE` read it. Nothing is written to the port.

The file is text: lines that begin with "#" say what was recorded and how the line was set, each other line is one
read: seconds since the begin, a space, the bytes in hex. It holds the meter's readings and perhaps its number: look
at it before you send it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `laddvakt record`."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("port", metavar="PORT", help="a serial port, or socket://host:port")
    parser.add_argument("file", metavar="FILE", help='where to keep it; "-" is standard output')
    add_line(parser)
    add_seconds(parser, "end after N seconds (default: at Ctrl-C)")
    parser.add_argument(
        "--bytes-max",
        type=int,
        default=BYTES_MAX_DEFAULT,
        metavar="N",
        help="end when the recording has this many bytes (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """0 when the recording ended as asked, 1 when the port or the file cannot be had; then no empty file is left."""
    if not is_live(args.port):
        raise DeviceError(f"{args.port}: is no serial port and no socket://host:port. Correct the port.")
    if args.file == "-":
        return asyncio.run(_record(args, sys.stdout))
    try:
        descriptor = os.open(args.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        say(f"{args.file}: is there already. Give a new name.")
        return 1
    except OSError as problem:
        raise DeviceError(f"{args.file}: {problem.strerror}. Give a name in a folder that can be written.") from problem
    with os.fdopen(descriptor, "w", encoding="ascii", errors="backslashreplace") as file:
        return asyncio.run(_record(args, file))


async def _record(args: argparse.Namespace, file: TextIO) -> int:
    from gateway.devices.han_line import HanLine, opener
    from gateway.wire.recording import head

    full = asyncio.Event()
    tape = _Tape(file, args.bytes_max, full)
    tape.write(head(args.port, datetime.now(UTC).isoformat(timespec="seconds")))
    line = HanLine(args.port, plan_of(args, None), tape.opener(opener(args.port)))
    reading = asyncio.create_task(line.run(lambda _: None, lambda _: None))
    filling = asyncio.create_task(full.wait())
    try:
        await asyncio.wait({reading, filling}, timeout=args.seconds, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            reading.result()
    except DeviceError:
        if tape.reads == 0 and file is not sys.stdout:
            _drop(Path(args.file))
        raise
    finally:
        for task in (reading, filling):
            task.cancel()
        with suppress(asyncio.CancelledError, DeviceError):
            await reading
        file.flush()
        say(f"{tape.octets} bytes recorded in {tape.reads} reads{' (the greatest size)' if full.is_set() else ''}")
    return 0


def _drop(file: Path) -> None:
    """A head alone tells nothing, and would stand in the way of the next try."""
    file.unlink()
    say(f"{file}: not kept, since nothing came")


class _Tape:
    """Writes reads as they come, up to a size."""

    def __init__(self, file: TextIO, bytes_max: int, full: asyncio.Event) -> None:
        self._file = file
        self._left = bytes_max
        self._full = full
        self._began_s = asyncio.get_running_loop().time()
        self.octets = 0
        self.reads = 0

    def write(self, text: str) -> None:
        if self._full.is_set() or len(text) > self._left:
            self._full.set()
            return
        self._left -= len(text)
        self._file.write(text)
        self._file.flush()

    def heard(self, octets: bytes) -> None:
        from gateway.wire.recording import read_line

        self.write(read_line(asyncio.get_running_loop().time() - self._began_s, octets))
        if not self._full.is_set():
            self.octets += len(octets)
            self.reads += 1

    def opener(self, inner: "OpenLine") -> "OpenLine":
        """Opens lines whose bytes are kept."""

        def open_line(settings: "LineSettings | None") -> "Line":
            from gateway.wire.recording import settings_line

            self.write(settings_line(settings))
            return _TappedLine(inner(settings), self)

        return open_line


class _TappedLine:
    """A line whose bytes are kept before they are used."""

    def __init__(self, line: "Line", tape: _Tape) -> None:
        self._line = line
        self._tape = tape

    async def run(self, on_bytes: "BytesSink") -> None:
        def both(octets: bytes) -> None:
            self._tape.heard(octets)
            on_bytes(octets)

        await self._line.run(both)
