"""Arguments that listen, record and decode share: where bytes come from, and what is known of them."""

import argparse
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.errors import ConfigMistake, Mistake

if TYPE_CHECKING:
    from gateway.meters.han_port import HanPlan
    from gateway.wire.ciphering import MeterKeys

BRIDGE: Final = "socket://"
BAUDS: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


def add_line(parser: argparse.ArgumentParser) -> None:
    """How the line is set, where a person knows."""
    parser.add_argument("--format", choices=["auto", "p1", "hdlc", "mbus"], default="auto", help="(default: auto)")
    parser.add_argument("--baud", type=int, choices=BAUDS, metavar="N", help="speed of the line (default: found)")
    parser.add_argument("--parity", choices=["N", "E", "O"], help="(default: found)")


def add_meter(parser: argparse.ArgumentParser) -> None:
    """What is known of the meter."""
    parser.add_argument("--ek", metavar="HEX", help="encryption key of the meter, 32 hex digits")
    parser.add_argument("--ak", metavar="HEX", help="authentication key of the meter, 32 hex digits")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="file with both keys, one a line, mode 0600")
    parser.add_argument("--allow-without-crc", action="store_true", help="take telegrams that carry no checksum")
    parser.add_argument(
        "--kamstrup-energy-wh", type=int, choices=[1, 10], help="what one count of a Kamstrup's energies is"
    )


def is_live(source: str) -> bool:
    """Whether it is a serial port or a bridge, and not a file or standard input."""
    if source.startswith(BRIDGE):
        return True
    path = Path(source)
    return source != "-" and path.exists() and stat.S_ISCHR(path.stat().st_mode)


def keys_of(args: argparse.Namespace) -> "MeterKeys | None":
    """The keys that were given. Raises ConfigMistake; what a key holds is never part of a message."""
    from gateway.devices.meter_keys import read_meter_keys
    from gateway.wire.ciphering import MeterKeys

    if args.key_file is not None:
        if args.ek is not None or args.ak is not None:
            raise _mistake("--key-file", "the keys stand on the command line too.", "Give one of the two.")
        return read_meter_keys(args.key_file)
    if args.ek is None:
        if args.ak is not None:
            raise _mistake("--ak", "an authentication key alone opens nothing.", "Give --ek too.")
        return None
    return MeterKeys(_key("--ek", args.ek), None if args.ak is None else _key("--ak", args.ak))


def plan_of(args: argparse.Namespace, keys: "MeterKeys | None") -> "HanPlan":
    """What a person says of the port; commands without a line leave that to be found."""
    from gateway.devices.dlms_oracle import DlmsOracle
    from gateway.meters.han_port import HanPlan
    from gateway.wire.telegram import Form

    return HanPlan(
        form=None if args.format == "auto" else Form(args.format),
        baud=args.baud,
        parity=args.parity,
        allow_without_crc=getattr(args, "allow_without_crc", False),
        kamstrup_energy_wh=getattr(args, "kamstrup_energy_wh", None),
        other_walk=DlmsOracle(),
        keys=keys,
    )


def say(words: str) -> None:
    """On standard error."""
    print(words, file=sys.stderr)


def _key(option: str, text: str) -> bytes:
    """16 octets. The text is never repeated in an error: it is a secret."""
    if not re.fullmatch("[0-9A-Fa-f]{32}", text):
        raise _mistake(option, f"{len(text)} characters that are not 32 hex digits.", "Copy the key as it was given.")
    return bytes.fromhex(text)


def _mistake(option: str, problem: str, remedy: str) -> ConfigMistake:
    return ConfigMistake("command line", (Mistake(option, "(not shown)", problem, remedy),))
