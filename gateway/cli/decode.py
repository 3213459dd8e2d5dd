"""`laddvakt decode FILE|-`: telegrams as JSON lines, and what was dropped."""

import argparse
import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.wire.ciphering import MeterKeys
    from gateway.wire.scan import Framer
    from gateway.wire.telegram import Event, Telegram

READ_BYTES: Final = 65536

DESCRIPTION: Final = """\
Reads the raw bytes of a HAN port from a file, or from standard input with "-", and prints one JSON object per line.
The form is found by itself: P1 text, DLMS in HDLC or M-Bus frames, or a file that holds one bare DLMS message.

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
    parser.add_argument("file", metavar="FILE", help='a file with raw bytes, or "-" for standard input')
    parser.add_argument("--ek", metavar="HEX", help="encryption key of the meter, 32 hex digits")
    parser.add_argument("--ak", metavar="HEX", help="authentication key of the meter, 32 hex digits")
    parser.add_argument("--allow-without-crc", action="store_true", help="take telegrams that carry no checksum")


def run(args: argparse.Namespace) -> int:
    """0 when the input was read to its end, 1 when it cannot be read, 2 when a key is no key."""
    from gateway.wire.forms import framer_of

    try:
        keys = _keys(args.ek, args.ak)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    framer = framer_of(None, allow_without_crc=args.allow_without_crc, keys=keys)
    try:
        descriptor = sys.stdin.fileno() if args.file == "-" else os.open(args.file, os.O_RDONLY)
        _decode(descriptor, framer, keys)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"{args.file}: {error.strerror}. Give a file that can be read, or -.", file=sys.stderr)
        return 1
    return 0


def _keys(ek: str | None, ak: str | None) -> "MeterKeys | None":
    from gateway.wire.ciphering import MeterKeys

    if ek is None:
        if ak is not None:
            raise ValueError("--ak: an authentication key alone opens nothing. Give --ek too.")
        return None
    return MeterKeys(_key("--ek", ek), None if ak is None else _key("--ak", ak))


def _key(option: str, text: str) -> bytes:
    """16 octets. The text is never repeated in an error: it is a secret."""
    if not re.fullmatch("[0-9A-Fa-f]{32}", text):
        raise ValueError(f"{option}: {len(text)} characters that are not 32 hex digits. Copy the key as it was given.")
    return bytes.fromhex(text)


def _decode(descriptor: int, framer: "Framer", keys: "MeterKeys | None") -> None:
    from gateway.wire.forms import BARE_MESSAGE_OPENINGS, bare_message
    from gateway.wire.scan import MESSAGE_BYTES_MAX
    from gateway.wire.telegram import Discarded, DiscardReason

    octets = os.read(descriptor, READ_BYTES)
    if octets.startswith(BARE_MESSAGE_OPENINGS):
        while len(octets) <= MESSAGE_BYTES_MAX and (more := os.read(descriptor, READ_BYTES)):
            octets += more
        message = bare_message(octets, keys)
        if message is not DiscardReason.UNKNOWN_LAYOUT:
            _print([Discarded(len(octets), message, b"") if isinstance(message, DiscardReason) else message])
            return
    while octets:
        _print(framer.feed(octets))
        octets = os.read(descriptor, READ_BYTES)
    _print(framer.finish())


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
