"""`laddvakt journal verify | backup | stream | restore`.

verify checks the whole chain, what the facts add up to, and every signature. With --head it also proves that this is
not an old copy put back: SEQ:HASH as it was published on MQTT under `journal/head`, or as it stands on a receipt.

A daemon does the same every day while it charges. Damage leaves a mark in the state folder, with which no daemon
charges; verify takes it away if the journal is whole. So does an old copy that was put back where a newer head of the
same key lies on the broker; verify takes that mark away only if the newer rows are there again.

stream writes the journal as pages of rows, the same that go out on MQTT with `journal_rows = true`, into a file of one
page a line; --after SEQ leaves out what lies before. Whoever keeps what the gateway publishes, such as
`mosquitto_sub -q 1 -c -i keeper -t laddvakt/ID/journal/rows >> rows.jsonl`, has a second copy that restore takes, too:
lines may come twice and in any order, and a gap is named.

backup makes a checked copy while the gateway runs; a copy of the same name must be the beginning of this journal, and
is replaced. restore puts a copy into an empty folder, for exports and receipts. No key is in a copy: whoever charges on
begins a new journal with a new key.

Exit code 0: whole; 2: damaged, written by a newer version, or not the journal of that head or key.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.state_folder import add_state_folder, require_elsewhere, state_folder
from gateway.errors import ConfigMistake, Mistake

if TYPE_CHECKING:
    from gateway.journal.audit import Audit
    from gateway.journal.chain import Head
    from gateway.metering.keys import PublicKey

EXIT_DAMAGED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    actions = ["verify", "backup", "stream", "restore"]
    words = "check every row, booking and signature; copy; write pages of rows; put a copy or pages back"
    parser.add_argument("action", choices=actions, help=words)
    add_state_folder(parser)
    parser.add_argument("--copy", type=Path, metavar="FILE", help="the copy to make, or to put back")
    parser.add_argument("--after", type=int, default=0, metavar="SEQ", help="of stream: only the rows behind this one")
    parser.add_argument("--head", type=_head, metavar="SEQ:HASH", help="a head that was published; it must be in it")
    parser.add_argument("--key", type=_key, metavar="PEM|HEX|FILE", help="the public key that all of it must be of")


def run(args: argparse.Namespace) -> int:
    """Prints what was found; 0 if the journal is whole, 2 if it is damaged. Raises DeviceError, ConfigMistake."""
    from gateway.errors import JournalDamaged, WrittenByNewer

    try:
        audit = _audit(args, state_folder(args))
        _require_key(audit, args.key)
    except WrittenByNewer as problem:
        print(f"NOT READ TO ITS END: {problem}")
        return EXIT_DAMAGED
    except JournalDamaged as problem:
        print(f"DAMAGED: {problem}")
        return EXIT_DAMAGED
    if args.action == "verify" and _unmarked(args):
        print("the mark of an earlier finding is taken away: the gateway may charge with this journal again")
    print(f"whole: {audit.head.seq} rows, {audit.pages} signed pages, {len(audit.memory.open)} open session(s)")
    print(f"signed up to row {audit.covered.seq}")
    print(f"head: {audit.head}")
    return 0


def _audit(args: argparse.Namespace, folder: Path) -> "Audit":
    from gateway.devices.journal_check import is_among, marked_head
    from gateway.devices.journal_copy import audited, backed_up, put_back, streamed
    from gateway.devices.journal_file import opened_for_reading
    from gateway.errors import JournalDamaged
    from gateway.journal.heads import RolledBack

    if (args.copy is None) != (args.action == "verify"):
        remedy = "Name the file for backup, stream and restore, and only for them."
        problem = f"{args.action} needs it." if args.copy is None else f"{args.action} takes no file."
        mistake = Mistake("--copy", "(missing)" if args.copy is None else str(args.copy), problem, remedy)
        raise ConfigMistake("arguments", (mistake,))
    if args.action in {"backup", "stream"}:
        require_elsewhere(folder, args.copy, "--copy")
    if args.action == "backup":
        return backed_up(folder, args.copy)
    if args.action == "stream":
        return streamed(folder, args.copy, args.after)
    if args.action == "restore":
        return put_back(args.copy, folder, args.head)
    with opened_for_reading(folder) as connection:
        audit = audited(connection, args.head)
    published = marked_head(folder)
    if published is not None and not is_among(folder, published):
        raise JournalDamaged(str(RolledBack(published, audit.head)))
    return audit


def _unmarked(args: argparse.Namespace) -> bool:
    from gateway.devices.journal_check import unmark

    return unmark(state_folder(args))


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
    from gateway.cli.handed_in import pinned_key
    from gateway.metering.keys import NotAKey

    try:
        return pinned_key(text)
    except (NotAKey, OSError) as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
