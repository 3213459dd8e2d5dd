"""`laddvakt decode FILE|-|PORT`: telegrams as JSON lines, and what was dropped."""

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from gateway.cli.han_arguments import add_line, add_meter, is_live, keys_of, plan_of, say
from gateway.cli.time_limit import add_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.meters.han_diagnosis import Diagnosis
    from gateway.meters.han_port import HanPlan, HanSight
    from gateway.wire.telegram import Event, Telegram

READ_BYTES: Final = 65536

DESCRIPTION: Final = """\
Reads the raw bytes of a HAN port and prints one JSON object per line. They come from a file, from standard input
("-"), from a recording of `laddvakt record`, or live from a serial port or a bridge (socket://host:port).
The form is found by itself: P1 text, DLMS in HDLC or M-Bus frames, or a file that holds one bare DLMS message; on a
serial port speed and parity are found too. What ails a live port is told on standard error.

Per telegram:  format, meter_time (the meter's own text), import_w, export_w, current_a and voltage_v (L1, L2, L3),
               import_kwh and export_kwh (text, with the wire's decimals), valid. What the meter does not say is null.
               valid is false where the telegram is whole but breaks a rule of plausibility; "refused" names the rules.
Per dropped stretch of bytes:  discarded (how many) and reason.

Example:  laddvakt decode /var/tmp/han.bin | jq .import_w
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `laddvakt decode`."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", metavar="FILE|-|PORT", help="raw bytes, a recording, a serial port or socket://")
    add_meter(parser)
    add_line(parser)
    add_seconds(parser, "end a live port after N seconds (default: at Ctrl-C)")


def run(args: argparse.Namespace) -> int:
    """0 when the input was read to its end, 1 when it cannot be read. A key that is no key is a ConfigMistake."""
    plan = plan_of(args, keys_of(args))
    if is_live(args.file):
        import asyncio

        asyncio.run(_decode_live(args.file, plan, args.seconds))
        return 0
    try:
        descriptor = sys.stdin.fileno() if args.file == "-" else os.open(args.file, os.O_RDONLY)
        _decode(descriptor, plan)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        say(f"{args.file}: {error.strerror}. Give a file that can be read, or -.")
        return 1
    except ValueError as error:
        say(f"{args.file}: {error}. The recording is damaged there.")
        return 1
    return 0


async def _decode_live(port: str, plan: "HanPlan", seconds: float | None) -> None:
    import asyncio

    from gateway.devices.han_line import HanLine
    from gateway.publish.han_words import what_is_wrong, what_to_do, what_was_found
    from gateway.publish.words import Language

    told: list[tuple[Diagnosis, bool]] = []

    def on_sight(sight: "HanSight") -> None:
        now = sight.finding.diagnosis, sight.settled
        if now not in told[-1:]:
            told[:] = [now]
            found = f" ({what_was_found(sight, Language.EN)})" if sight.settled else ""
            words = f"{what_is_wrong(sight.finding, Language.EN)}{found}. {what_to_do(sight.finding, Language.EN)}"
            say(words.rstrip())

    reading = asyncio.create_task(HanLine(port, plan).run(_print, on_sight))
    await asyncio.wait({reading}, timeout=seconds)
    if reading.done():
        reading.result()
    reading.cancel()


def _decode(descriptor: int, plan: "HanPlan") -> None:
    from gateway.wire.forms import BARE_MESSAGE_OPENINGS, bare_message, framer_of
    from gateway.wire.recording import MAGIC
    from gateway.wire.scan import MESSAGE_BYTES_MAX
    from gateway.wire.telegram import Discarded, DiscardReason

    framer = framer_of(
        plan.form,
        allow_without_crc=plan.allow_without_crc,
        keys=plan.keys,
        kamstrup_energy_wh=plan.kamstrup_energy_wh,
        other_walk=plan.other_walk,
    )
    octets = os.read(descriptor, READ_BYTES)
    if octets.startswith(BARE_MESSAGE_OPENINGS):
        while len(octets) <= MESSAGE_BYTES_MAX and (more := os.read(descriptor, READ_BYTES)):
            octets += more
        message = bare_message(octets, plan.keys, plan.kamstrup_energy_wh, plan.other_walk)
        if message is not DiscardReason.UNKNOWN_LAYOUT:
            _print([Discarded(len(octets), message, b"") if isinstance(message, DiscardReason) else message])
            return
    if octets.startswith(MAGIC.encode()):
        for piece in _recorded(descriptor, octets):
            _print(framer.feed(piece))
    else:
        while octets:
            _print(framer.feed(octets))
            octets = os.read(descriptor, READ_BYTES)
    _print(framer.finish())


def _recorded(descriptor: int, begun: bytes) -> "Iterator[bytes]":
    """The bytes of a recording."""
    from gateway.wire.recording import recorded

    text = bytearray(begun)
    while more := os.read(descriptor, READ_BYTES):
        text += more
    for read in recorded(text.decode("ascii", "replace").splitlines()):
        yield read.octets


def _print(events: "Iterable[Event]") -> None:
    from gateway.wire.telegram import Discarded

    for event in events:
        if isinstance(event, Discarded):
            record: dict[str, object] = {"discarded": event.count, "reason": event.reason}
        else:
            record = _record(event)
        print(json.dumps(record), flush=True)


def _record(telegram: "Telegram") -> dict[str, object]:
    from gateway.clock import Instant, UtcTrust
    from gateway.meters.grid import grid_reading, signed_current_a

    reading = grid_reading(telegram, Instant(time.monotonic(), datetime.now(UTC), UtcTrust.UNKNOWN))
    record: dict[str, object] = {
        "format": reading.form,
        "meter_time": reading.meter_time,
        "import_w": _number(reading.import_w),
        "export_w": _number(reading.export_w),
        "current_a": _numbers(signed_current_a(telegram)),
        "voltage_v": _numbers(reading.voltage_v),
        "import_kwh": _text(reading.import_kwh),
        "export_kwh": _text(reading.export_kwh),
        "valid": not reading.refused,
    }
    if reading.refused:
        record["refused"] = list(reading.refused)
    return record


def _number(value: float | None) -> float | int | None:
    """Whole numbers without ".0"."""
    return int(value) if value is not None and value.is_integer() else value


def _numbers(values: "Sequence[float | None]") -> list[float | int | None]:
    return [_number(value) for value in values]


def _text(energy: Decimal | None) -> str | None:
    return None if energy is None else format(energy, "f")
