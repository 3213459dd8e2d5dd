"""`laddvakt export`: sessions out of the journal, also while the gateway runs."""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.state_folder import add_state_folder, state_folder
from gateway.errors import ConfigMistake, DeviceError, Mistake

if TYPE_CHECKING:
    from gateway.journal.archive import Archive, ArchivedSession

BYTE_ORDER_MARK: Final = "\ufeff"
"""Stands before the CSV, so that spreadsheets take it for UTF-8."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    add_state_folder(parser)
    parser.add_argument("--format", choices=["safe-xml", "csv", "ocmf"], required=True)
    parser.add_argument("--session", metavar="ID", help="only this session")
    parser.add_argument("--socket", metavar="NAME", help="only this socket")
    parser.add_argument("--from", dest="since", type=_moment, metavar="TIME", help="begun at or after (ISO 8601)")
    parser.add_argument("--to", dest="until", type=_moment, metavar="TIME", help="begun before (ISO 8601)")
    parser.add_argument("--separator", choices=[";", ","], default=";", help="of CSV; with ',' decimals have a point")
    parser.add_argument(
        "-o", "--output", default="-", metavar="PATH", help="file, '-' for standard output, or a folder for safe-xml"
    )


def run(args: argparse.Namespace) -> int:
    """Writes the selection. Raises DeviceError, JournalDamaged, ConfigMistake."""
    from gateway.devices.journal_file import opened_for_reading, verified_facts
    from gateway.journal.archive import archive_of

    with opened_for_reading(state_folder(args)) as connection:
        archive = archive_of(verified_facts(connection))
    chosen = [session for session in archive.sessions.values() if _is_chosen(args, session)]
    if args.session is not None and not chosen:
        raise DeviceError(f"there is no session {args.session} in this selection")
    match args.format:
        case "safe-xml":
            _write_xml(args, archive, chosen)
        case "csv":
            _write(args.output, BYTE_ORDER_MARK + _csv(args, archive, chosen))
        case _:
            names = {session.begun.session for session in chosen}
            records = [page.record for page in archive.pages if page.page.session in names]
            _write(args.output, "".join(f"{record}\n" for record in records))
    return 0


def _is_chosen(args: argparse.Namespace, session: "ArchivedSession") -> bool:
    begun = session.begun
    return (
        args.session in {None, begun.session}
        and args.socket in {None, begun.socket}
        and (args.since is None or begun.at.utc >= args.since)
        and (args.until is None or begun.at.utc < args.until)
    )


def _csv(args: argparse.Namespace, archive: "Archive", chosen: "list[ArchivedSession]") -> str:
    from gateway.journal.tables import csv_text

    outside = [
        booked
        for booked in archive.outside
        if args.session is None
        and args.socket in {None, booked.socket}
        and (args.since is None or booked.at.utc >= args.since)
        and (args.until is None or booked.at.utc < args.until)
    ]
    return csv_text(chosen, outside, args.separator, "," if args.separator == ";" else ".")


def _write_xml(args: argparse.Namespace, archive: "Archive", chosen: "list[ArchivedSession]") -> None:
    from gateway.metering.safe_xml import safe_xml

    key_of = {page.page.session: page.page.key for page in archive.pages}
    files = {
        f"laddvakt-T{session.begun.page}-{session.begun.session}.xml": safe_xml(
            session.begun.page, session.begin_record, session.end_record, key_of[session.begun.session]
        )
        for session in chosen
        if session.begin_record is not None and session.is_whole
    }
    running = len(chosen) - len(files)
    if running:
        print(f"{running} session(s) have not ended and are left out", file=sys.stderr)
    folder = Path(args.output)
    if args.output != "-" and folder.is_dir():
        for name, text in files.items():
            _write(str(folder / name), text)
        return
    if len(files) != 1:
        problem = f"It would hold {len(files)} sessions, and a S.A.F.E. XML file holds one."
        remedy = "Choose one with --session, or give an existing folder with -o."
        raise ConfigMistake("arguments", (Mistake("--output", args.output, problem, remedy),))
    _write(args.output, next(iter(files.values())))


def _write(output: str, text: str) -> None:
    content = text.encode("utf-8")
    if output == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        Path(output).write_bytes(content)
    except OSError as problem:
        raise DeviceError(f"{output}: {problem.strerror}") from None


def _moment(text: str) -> datetime:
    """An ISO 8601 date or time; without an offset it is this machine's local time."""
    return datetime.fromisoformat(text).astimezone()
