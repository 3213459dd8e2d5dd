"""`laddvakt journal verify`: the whole chain, what the facts add up to, and every signature.

With --head it also proves that this is not an old copy put back: SEQ:HASH as it was published on MQTT under
`journal/head`, or as it stands on a receipt. Exit code 0: whole; 2: damaged, or not the journal of that head or key.
"""

import argparse
from typing import TYPE_CHECKING

from gateway.cli.state_folder import add_state_folder, state_folder

if TYPE_CHECKING:
    from gateway.journal.audit import Audit
    from gateway.journal.chain import Head
    from gateway.metering.keys import PublicKey

EXIT_DAMAGED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("action", choices=["verify"], help="check every row, booking and signature")
    add_state_folder(parser)
    parser.add_argument("--head", type=_head, metavar="SEQ:HASH", help="a head that was published; it must be in it")
    parser.add_argument("--key", type=_key, metavar="PEM|HEX|FILE", help="the public key that all of it must be of")


def run(args: argparse.Namespace) -> int:
    """Prints what was found; 0 if the journal is whole, 2 if it is damaged. Raises DeviceError."""
    from gateway.devices.journal_file import opened_for_reading, require_integrity, rows_after
    from gateway.errors import JournalDamaged
    from gateway.journal.audit import Audit

    audit = Audit(args.head)
    try:
        with opened_for_reading(state_folder(args)) as connection:
            require_integrity(connection)
            for row in rows_after(connection, 0):
                audit.absorb(row)
        audit.finish()
        _require_key(audit, args.key)
    except JournalDamaged as problem:
        print(f"DAMAGED after row {audit.head.seq}: {problem}")
        return EXIT_DAMAGED
    print(f"whole: {audit.head.seq} rows, {audit.pages} signed pages, {len(audit.memory.open)} open session(s)")
    print(f"signed up to row {audit.covered.seq}")
    print(f"head: {audit.head}")
    return 0


def _require_key(audit: "Audit", key: "PublicKey | None") -> None:
    from gateway.errors import JournalDamaged

    if key is not None and key.hex not in audit.memory.keys:
        raise JournalDamaged("no page of it was signed with the key that was given")


def _head(text: str) -> "Head":
    from gateway.journal.heads import published_head

    try:
        return published_head(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _key(text: str) -> "PublicKey":
    from gateway.cli.verify import pinned_key
    from gateway.metering.keys import NotAKey

    try:
        return pinned_key(text)
    except (NotAKey, OSError, UnicodeDecodeError) as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
