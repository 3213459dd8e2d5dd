"""`laddvakt meter-key show | confirm`: the keys that the meters' own records are proven with.

A key that came with the data is `tofu`, and nothing is green by it. confirm takes the key from outside the data (the
label on the meter, the maker, an authority) and says who compared it, and how; it replaces a tofu key, and no confirmed
one. show -o STORE writes the pins for `laddvakt verify --pins`. Exit code 0: done; 2: refused.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.state_folder import add_state_folder, state_folder
from gateway.errors import ConfigMistake, DeviceError, Mistake

if TYPE_CHECKING:
    from gateway.metering.pins import Pin

EXIT_REFUSED: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("action", choices=["show", "confirm"], help="print the pins; confirm one")
    add_state_folder(parser)
    parser.add_argument("--gateway", metavar="GS", help="as the meter's records say it")
    parser.add_argument("--meter", metavar="MS", help="the meter's serial, as its records say it")
    parser.add_argument("--key", metavar="PEM|HEX|FILE", help="the key, from somewhere else than the data")
    parser.add_argument("--who", help="who compared it")
    parser.add_argument("--how", help="with what: label, maker, authority")
    parser.add_argument("-o", "--output", type=Path, metavar="STORE", help="a file for the pins that are shown")


def run(args: argparse.Namespace) -> int:
    """Prints the pins after it. Raises DeviceError, ConfigMistake, JournalDamaged."""
    from gateway.devices.journal_file import opened_for_reading, verified_facts
    from gateway.journal.imports import pins_of_facts
    from gateway.metering.pins import pins_text

    folder = state_folder(args)
    if args.action == "confirm" and not _confirmed(args, folder):
        return EXIT_REFUSED
    with opened_for_reading(folder) as connection:
        pins = pins_of_facts(verified_facts(connection))
    for pin in pins:
        print(_line(pin))
    if args.output is not None:
        try:
            args.output.write_text(pins_text(pins), "ascii")
        except OSError as problem:
            raise DeviceError(f"{args.output}: {problem.strerror}") from None
    return 0


def _confirmed(args: argparse.Namespace, folder: Path) -> bool:
    from gateway.app.import_orders import Order
    from gateway.cli.handed_in import pinned_key
    from gateway.cli.import_records import ordered
    from gateway.metering.keys import NotAKey, public_key
    from gateway.metering.pins import Pin, PinState

    for name in ("gateway", "meter", "key", "who", "how"):
        if not getattr(args, name):
            mistake = Mistake(f"--{name}", "", "It is not there.", "Say which key is confirmed, by whom and with what.")
            raise ConfigMistake("arguments", (mistake,))
    try:
        key = pinned_key(args.key)
    except (NotAKey, OSError) as problem:
        raise DeviceError(f"--key: {problem}") from None
    pin = Pin(args.gateway, args.meter, key.hex, PinState.CONFIRMED, args.who, "", args.how)
    (outcome,) = ordered(folder, Order((), pin))
    if outcome.reason is not None:
        other = public_key(outcome.detail).fingerprint
        print(f"REFUSED: another key is confirmed for this meter, {other}: find out which one is right")
    return outcome.reason is None


def _line(pin: "Pin") -> str:
    from gateway.metering.keys import public_key
    from gateway.publish.verdict_words import plain

    words = plain(f"{pin.who}, {pin.when}, {pin.how}")
    named = f"gateway {plain(pin.gateway)}, meter {plain(pin.meter or '')}"
    return f"{pin.state.value}: {named}, {public_key(pin.key).fingerprint} ({words})"
