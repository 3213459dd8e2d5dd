"""`laddvakt listen PORT|FILE`: a live view of a HAN port for the installer."""

import argparse
import asyncio
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.cli.han_arguments import add_line, add_meter, is_live, keys_of, plan_of
from gateway.cli.time_limit import add_seconds
from gateway.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.devices.protocols import Clock
    from gateway.meters.grid_plausibility import GridTrace
    from gateway.meters.han_port import HanPlan, HanPort, HanSight
    from gateway.meters.readings import GridReading
    from gateway.publish.words import Language
    from gateway.wire.telegram import Event

REDRAW_S: Final = 0.5
PLAIN_S: Final = 5.0
RETRY_S: Final = 2.0
PIECE_BYTES: Final = 62
FILE_BYTES_MAX: Final = 50_000_000
CLEAR: Final = "\x1b[H\x1b[2J"
EPOCH: Final = datetime.fromtimestamp(0, UTC)

DESCRIPTION: Final = """\
Shows what a HAN port sends: form, speed and parity that were found, how often telegrams come, the values of each
phase, what is wrong, and what to do about it. Nothing is written to the port. Also reads files of raw bytes, and
recordings of `laddvakt record` with their times.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `laddvakt listen`."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("port", metavar="PORT|FILE", help="a serial port, socket://host:port, or a file")
    add_line(parser)
    add_meter(parser)
    parser.add_argument("--language", choices=["sv", "en"], default="sv", help="(default: %(default)s)")
    add_seconds(parser, "end after N seconds (default: at Ctrl-C)")
    parser.add_argument("--plain", action="store_true", help="text blocks every few seconds, no screen control")


def run(args: argparse.Namespace) -> int:
    """0 if telegrams came and the port is well, 1 if not."""
    from gateway.publish.words import Language

    plan = plan_of(args, keys_of(args))
    language = Language(args.language)
    if is_live(args.port):
        return asyncio.run(_listen(args, plan, language))
    return _read_file(args.port, plan, language)


class _Ear:
    """What was heard last. clock: None for files, whose times are their own; trace: None where the bytes have no times,
    so that each telegram is judged alone."""

    def __init__(self, port: str, clock: "Clock | None", trace: "GridTrace | None") -> None:
        self._port = port
        self._clock = clock
        self._trace = trace
        self.sight: HanSight | None = None
        self.reading: GridReading | None = None

    def heard(self, events: "Sequence[Event]", port: "HanPort", now_s: float) -> None:
        from gateway.clock import Instant, UtcTrust
        from gateway.meters.grid import grid_reading
        from gateway.wire.telegram import Telegram

        for event in events:
            if isinstance(event, Telegram):
                at = Instant(now_s, EPOCH, UtcTrust.UNKNOWN) if self._clock is None else self._clock.now()
                if event.clock is not None:
                    port.told(event.clock, at)
                self.reading = grid_reading(event, at)
                if self._trace is not None:
                    self._trace, self.reading, _ = self._trace.heard(self.reading)

    def text(self, now_s: float, language: "Language") -> str:
        from gateway.publish.listen_view import Heard, listen_view, plain_text

        if self.sight is None:
            return ""
        return plain_text(listen_view(Heard(self._port, self.sight, self.reading, now_s), language))

    @property
    def exit_code(self) -> int:
        from gateway.meters.han_diagnosis import Diagnosis

        return 0 if self.sight is not None and self.sight.finding.diagnosis is Diagnosis.WELL else 1


async def _listen(args: argparse.Namespace, plan: "HanPlan", language: "Language") -> int:
    from gateway.devices.han_line import HanLine
    from gateway.devices.system_clock import SystemClock
    from gateway.meters.grid_plausibility import GridTrace

    ear = _Ear(args.port, SystemClock(), GridTrace())
    line = HanLine(args.port, plan)
    loop = asyncio.get_running_loop()

    def seen(sight: "HanSight") -> None:
        ear.sight = sight

    async def read_again() -> None:
        while True:
            try:
                await line.run(lambda events: ear.heard(events, line.port, loop.time()), seen)
            except DeviceError as problem:
                print(problem, file=sys.stderr)
            await asyncio.sleep(RETRY_S)

    live = not args.plain and sys.stdout.isatty()
    reading = asyncio.create_task(read_again())
    with suppress(TimeoutError):
        async with asyncio.timeout(args.seconds):
            while True:
                await asyncio.sleep(REDRAW_S if live else PLAIN_S)
                if reading.done():
                    reading.result()
                _show(ear.text(loop.time(), language), clear=live)
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading
    _show(ear.text(loop.time(), language), clear=live)
    return ear.exit_code


def _show(text: str, *, clear: bool) -> None:
    print(f"{CLEAR if clear else ''}{text}", flush=True)


def _read_file(name: str, plan: "HanPlan", language: "Language") -> int:
    """A file at once: a recording with its own times, other bytes as if they came one burst after the other."""
    from gateway.meters.grid_plausibility import GridTrace
    from gateway.meters.han_port import HanPort

    try:
        octets = _bytes_of(name)
    except OSError as problem:
        raise DeviceError(f"{name}: {problem.strerror}. Give a port or a file that can be read.") from problem
    ear = _Ear(name, None, GridTrace() if _is_recording(octets) else None)
    port = HanPort(plan, bridged=True)
    port.opened(0.0)
    now_s = looked_s = 0.0
    for at_s, piece in _timed_pieces(name, octets):
        while looked_s + REDRAW_S <= at_s:
            looked_s += REDRAW_S
            port.look(looked_s)
        now_s = at_s
        ear.heard(port.feed(piece, now_s), port, now_s)
    events, ear.sight = port.conclude(now_s)
    ear.heard(events, port, now_s)
    _show(ear.text(now_s, language), clear=False)
    return ear.exit_code


def _bytes_of(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(FILE_BYTES_MAX)
    descriptor = os.open(name, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(FILE_BYTES_MAX)


def _is_recording(octets: bytes) -> bool:
    from gateway.wire.recording import MAGIC

    return octets.startswith(MAGIC.encode())


def _timed_pieces(name: str, octets: bytes) -> "Iterator[tuple[float, bytes]]":
    """Pieces with seconds. Raw bytes are taken to have come in one go after a quiet second."""
    from gateway.wire.line import P1_LINE
    from gateway.wire.recording import recorded

    if _is_recording(octets):
        try:
            for read in recorded(octets.decode("ascii", "replace").splitlines()):
                yield read.at_s, read.octets
        except ValueError as wrong:
            raise DeviceError(f"{name}: {wrong}. The recording is damaged there.") from wrong
        return
    for begin in range(0, len(octets), PIECE_BYTES):
        yield 1.0 + begin * P1_LINE.octet_s, octets[begin : begin + PIECE_BYTES]
