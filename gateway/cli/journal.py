"""`laddvakt journal verify`: the whole chain, what the facts add up to, and every signature."""

import argparse
from typing import TYPE_CHECKING

from gateway.cli.state_folder import add_state_folder, state_folder

if TYPE_CHECKING:
    from gateway.journal.facts import PageSigned
    from gateway.journal.recovery import Memory

EXIT_DAMAGED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("action", choices=["verify"], help="check every row, booking and signature")
    add_state_folder(parser)


def run(args: argparse.Namespace) -> int:
    """Prints what was found; 0 if the journal is whole, 2 if it is damaged. Raises DeviceError."""
    from gateway.devices.journal_file import opened_for_reading, require_integrity, rows_after
    from gateway.errors import JournalDamaged
    from gateway.journal.chain import Head, verified
    from gateway.journal.facts import PageSigned
    from gateway.journal.recovery import Memory

    memory, head, pages = Memory(), Head(), 0
    try:
        with opened_for_reading(state_folder(args)) as connection:
            require_integrity(connection)
            for at, fact in verified(rows_after(connection, 0), Head()):
                head = at
                if isinstance(fact, PageSigned):
                    _require_signature(memory, fact)
                    pages += 1
                memory.absorb(fact)
    except JournalDamaged as problem:
        print(f"DAMAGED after row {head.seq}: {problem}")
        return EXIT_DAMAGED
    print(f"whole: {head.seq} rows, {pages} signed pages, {len(memory.open)} open session(s)")
    print(f"head: {head.seq} {head.hash.hex()}")
    return 0


def _require_signature(memory: "Memory", signed: "PageSigned") -> None:
    from gateway.errors import JournalDamaged
    from gateway.metering.keys import NotAKey, public_key

    made = memory.unsigned.get((signed.key, signed.page))
    try:
        right = made is not None and public_key(signed.key).verifies(
            made.payload.encode("ascii"), bytes.fromhex(signed.signature)
        )
    except (NotAKey, ValueError):
        right = False
    if not right:
        raise JournalDamaged(f"the signature of page {signed.page} is wrong")
