"""`laddvakt pins show | collect | confirm STORE`: the keys that records are verified with, and who vouches for them.

collect takes the keys that lie inside S.A.F.E. XML files: they become `tofu`, and nothing is green by them. confirm
takes a key from outside the data (a label, a contract, the maker): it confirms the pin, or makes a confirmed one. A key
that differs from the pinned one is refused, whoever brings it. Exit code 0: done; 2: refused.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigMistake, DeviceError, Mistake

if TYPE_CHECKING:
    from gateway.metering.pins import Pin

EXIT_REFUSED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("action", choices=["show", "collect", "confirm"], help="show; take tofu keys; confirm one")
    parser.add_argument("store", type=Path, metavar="STORE", help="the file with the pins")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="S.A.F.E. XML files, for collect")
    parser.add_argument("--gateway", metavar="GS", help="the gateway's serial, as its records say it")
    parser.add_argument("--meter", metavar="MS", help="one meter's serial; without it the pin is for all of its meters")
    parser.add_argument("--key", metavar="PEM|HEX|FILE", help="the key, from somewhere else than the data")
    parser.add_argument("--who", help="who compared it")
    parser.add_argument("--how", help="with what: label, contract, maker")


def run(args: argparse.Namespace) -> int:
    """Prints the pins after it. Raises DeviceError, ConfigMistake."""
    if args.action == "show" and not args.store.exists():
        print(f"{args.store}: there is no such file; nothing is pinned in it", file=sys.stderr)
    pins = list(_stored(args.store))
    refused: list[str] = []
    if args.action == "collect":
        refused = _collect(pins, args.files)
    elif args.action == "confirm":
        refused = _confirm(pins, args)
    if args.action != "show" and not refused:
        _store(args.store, pins)
    for pin in pins:
        words = f"{pin.who}, {pin.when}, {pin.how}"
        print(f"{pin.state.value}: gateway {pin.gateway}, meter {pin.meter or 'all'}, {_fingerprint(pin)} ({words})")
    for problem in refused:
        print(f"REFUSED: {problem}")
    return EXIT_REFUSED if refused else 0


def _collect(pins: "list[Pin]", files: Sequence[Path]) -> list[str]:
    """Adds a tofu pin for each meter whose record is its embedded key's own; what was refused, in sentences."""
    from gateway.cli.handed_in import records_in
    from gateway.metering.keys import NotAKey, public_key
    from gateway.metering.pins import Pin, PinState, pin_for
    from gateway.metering.record import Record, checked_record
    from gateway.metering.safe_xml import NotSafeXml

    refused: list[str] = []
    for file in files:
        try:
            records = records_in(file)
        except OSError as problem:
            raise DeviceError(f"{file}: {problem.strerror}") from None
        except NotSafeXml as problem:
            raise DeviceError(f"{file}: {problem}") from None
        for one in records:
            try:
                key = public_key(one.key or "")
            except NotAKey:
                refused.append(f"{one.where} brings no key")
                continue
            record = checked_record(one.text, key, one.where)
            if not isinstance(record, Record):
                refused.append(f"{one.where} is not signed with the key that it brings")
                continue
            gateway, meter = record.identity
            known = pin_for(pins, gateway, meter)
            if known is None:
                pins.append(Pin(gateway, meter, key.hex, PinState.TOFU, "", _now(), file.name))
            elif known.key != key.hex:
                refused.append(f"{one.where}: another key is pinned for gateway {gateway}, meter {meter}")
    return refused


def _confirm(pins: "list[Pin]", args: argparse.Namespace) -> list[str]:
    from gateway.cli.handed_in import pinned_key
    from gateway.metering.keys import NotAKey
    from gateway.metering.pins import Pin, PinState

    for name in ("gateway", "key", "who", "how"):
        if not getattr(args, name):
            mistake = Mistake(f"--{name}", "", "It is not there.", "Say which key is confirmed, by whom and with what.")
            raise ConfigMistake("arguments", (mistake,))
    try:
        key = pinned_key(args.key)
    except (NotAKey, OSError) as problem:
        raise DeviceError(f"--key: {problem}") from None
    mine = [pin for pin in pins if pin.gateway == args.gateway and args.meter in {None, pin.meter}]
    if any(pin.key != key.hex for pin in mine):
        return [f"another key is pinned for gateway {args.gateway}: find out which one is right before anything else"]
    pins[:] = [pin for pin in pins if pin not in mine]
    pins.append(Pin(args.gateway, args.meter, key.hex, PinState.CONFIRMED, args.who, _now(), args.how))
    return []


def _stored(store: Path) -> "tuple[Pin, ...]":
    from gateway.cli.handed_in import pinned_keys
    from gateway.metering.pins import NotAPinStore

    if not store.exists():
        return ()
    try:
        return pinned_keys(store)
    except OSError as problem:
        raise DeviceError(f"{store}: {problem.strerror}") from None
    except (UnicodeDecodeError, NotAPinStore) as problem:
        raise DeviceError(f"{store}: is no store of pins ({problem}). Name another file, or begin a new one.") from None


def _store(store: Path, pins: "Sequence[Pin]") -> None:
    """The whole store or the old one, whatever happens."""
    from gateway.metering.pins import pins_text

    draft = store.with_name(f"{store.name}.new")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(pins_text(pins).encode("ascii"))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(store)
    except OSError as problem:
        raise DeviceError(f"{store}: {problem.strerror}") from None


def _fingerprint(pin: "Pin") -> str:
    from gateway.metering.keys import public_key

    return public_key(pin.key).fingerprint


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
