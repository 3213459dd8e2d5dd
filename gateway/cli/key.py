"""`laddvakt key show | rotate`: the public key, to be written down and pinned by those who verify.

rotate replaces the key while the gateway is stopped. The journal keeps the hand-over, signed by both keys; the private
part of the key before is gone. With a [signing_token] in CONFIG the new key is made there, without one in the state
folder. Whoever has pinned the key before compares the hand-over and pins the new one too.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.state_folder import add_state_folder, state_folder

if TYPE_CHECKING:
    from gateway.devices.token_key import TokenPlace
    from gateway.journal.facts import KeyHandedOver, KeyMade


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    words = "print hex, fingerprint and PEM of the public key; or put a new key in its place"
    parser.add_argument("action", choices=["show", "rotate"], help=words)
    add_state_folder(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the key that signs now, its private part never. Raises DeviceError, ConfigMistake, JournalDamaged."""
    import asyncio

    from gateway.app.ledger_key import hand_over, place_words
    from gateway.devices.journal_file import newest_key, opened_for_reading
    from gateway.devices.key_store import KeyStore
    from gateway.devices.system_clock import SystemClock

    folder = state_folder(args)
    if args.action == "rotate":
        asyncio.run(hand_over(folder, SystemClock().now(), _wanted_place(args, folder)))
    with opened_for_reading(folder) as connection:
        made = newest_key(connection)
    _print(made)
    if KeyStore.exists(folder):
        print(f"# private part: {place_words(KeyStore.place(folder))}")
    return 0


def _wanted_place(args: argparse.Namespace, folder: Path) -> "TokenPlace | None":
    """Where the new key is made. Raises ConfigMistake where only a config can say it."""
    from gateway.app.ledger_key import token_place
    from gateway.devices.key_store import KeyStore
    from gateway.errors import ConfigMistake, Mistake

    if args.config is not None:
        from gateway.config.load import load_cabinet

        return token_place(load_cabinet(args.config).signing_token)
    if KeyStore.exists(folder) and KeyStore.place(folder) is not None:
        problem = "The key is on a token; where the new one belongs stands in the config."
        raise ConfigMistake("arguments", (Mistake("--state-dir", str(folder), problem, "Name CONFIG instead."),))
    return None


def _print(made: "KeyMade | KeyHandedOver") -> None:
    from gateway.journal.facts import KeyHandedOver
    from gateway.journal.heads import hand_over_text
    from gateway.metering.keys import public_key

    key = public_key(made.public_key)
    print(f"gateway serial (GS): {made.serial}")
    print(f"made: {made.at.utc.isoformat(timespec='seconds')}")
    print(f"fingerprint (SHA-256): {key.fingerprint}")
    print(f"hex: {key.hex}")
    if isinstance(made, KeyHandedOver):
        print(f"handed over: {hand_over_text(made.before, made.page, made.public_key, made.serial).decode('ascii')}")
        print(f"signature of the key before: {made.signature_before}")
        print(f"signature of this key: {made.signature}")
    print(key.pem, end="")
