"""`laddvakt export`: sessions out of the journal, also while the gateway runs.

csv is a table for people and spreadsheets, with both signed records in each row and the gateway's signature over all of
it in the last cell. safe-xml holds one session a file, for public transparency software. ocmf holds one signed record a
line. load-profile is a table of quarter hours, each row signed twice. archive is one file with everything: the
journal's rows, keys, configs, records, the table, and a verifier that needs only Python and cryptography
(`python3 FILE --key KEY`). Each of them is read by `laddvakt verify`.
"""

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, MINYEAR, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from gateway.cli.state_folder import add_state_folder, require_elsewhere, state_folder, time_zone
from gateway.errors import ConfigMistake, DeviceError, Mistake

if TYPE_CHECKING:
    import sqlite3

    from gateway.journal.archive import ArchivedSession
    from gateway.journal.contents import Contents
    from gateway.journal.facts import EnergyOutside, SessionBegun

TIME_ZONE_WITHOUT_CONFIG: Final = "Europe/Stockholm"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    add_state_folder(parser)
    parser.add_argument("--format", choices=["safe-xml", "csv", "ocmf", "load-profile", "archive"], required=True)
    parser.add_argument(
        "--of", choices=["gateway", "meter"], default="gateway", help="whose records, for safe-xml and ocmf"
    )
    parser.add_argument("--session", metavar="ID", help="only this session")
    parser.add_argument("--socket", metavar="NAME", help="only this socket")
    parser.add_argument("--user", metavar="TOKEN", help="only sessions of this user")
    local = "ISO 8601; a date is its midnight in the config's time zone, or in this machine's without CONFIG"
    parser.add_argument("--from", dest="since", type=_moment, metavar="TIME", help=f"begun at or after ({local})")
    parser.add_argument("--to", dest="until", type=_moment, metavar="TIME", help="begun before")
    parser.add_argument("--separator", choices=[";", ","], default=";", help="of CSV")
    parser.add_argument("--decimal", choices=[",", "."], help="of CSV; without it ',' beside ';', and '.' beside ','")
    parser.add_argument("--no-bom", action="store_true", help="CSV without the mark by which spreadsheets know UTF-8")
    parser.add_argument("--without-records", action="store_true", help="CSV that only names the pages of its records")
    parser.add_argument(
        "-o", "--output", default="-", metavar="PATH", help="file, '-' for standard output, or a folder for safe-xml"
    )


def run(args: argparse.Namespace) -> int:
    """Writes the selection. Raises DeviceError, JournalDamaged, ConfigMistake."""
    from gateway.cli.archive_form import part_lines
    from gateway.devices.journal_file import opened_for_reading, rows_after
    from gateway.devices.journal_sessions import records_in
    from gateway.journal.contents import contents_of

    folder = state_folder(args)
    if args.output != "-":
        require_elsewhere(folder, Path(args.output), "--output")
    if args.format == "archive":
        from gateway.cli.archive_writing import write_archive

        write_archive(folder, _whole(args))
        return 0
    zone = time_zone(args)
    _set_period(args, zone)
    if args.format == "load-profile":
        from gateway.cli.export_profile import profile_bytes

        _write(args.output, (profile_bytes(args, folder, zone or ZoneInfo(TIME_ZONE_WITHOUT_CONFIG)),))
        return 0
    with opened_for_reading(folder) as connection:
        contents = contents_of(rows_after(connection, 0), partial(_is_wanted, args))
        _require_known(args, connection, contents)
        match args.format:
            case "safe-xml":
                _write_xml(args, connection, contents)
            case "csv":
                from gateway.cli.export_table import table_lines

                _write(args.output, table_lines(args, folder, connection, contents))
            case _ if args.of == "meter":
                found = (text for _, texts in _meter_texts(connection, contents) for text in texts)
                _write(args.output, part_lines(found))
            case _:
                _write(args.output, part_lines(records_in(connection, contents)))
    return 0


def _whole(args: argparse.Namespace) -> Path:
    """The file for an archive. Raises ConfigMistake if a part of the journal is asked for."""
    if args.output == "-":
        raise ConfigMistake("arguments", (Mistake("--output", "-", "An archive is a file.", "Name it with -o FILE."),))
    asked = {f"--{name}": getattr(args, name) for name in ("session", "socket", "user")}
    asked |= {"--from": args.since, "--to": args.until}
    mistakes = tuple(
        Mistake(name, str(value), "An archive holds the whole journal.", "Leave it out, or take another --format.")
        for name, value in asked.items()
        if value is not None
    )
    if mistakes:
        raise ConfigMistake("arguments", mistakes)
    return Path(args.output)


def _set_period(args: argparse.Namespace, zone: tzinfo | None) -> None:
    """Times without an offset become times of that zone. Raises ConfigMistake if the period ends before it begins."""
    for name in ("since", "until"):
        moment: datetime | None = getattr(args, name)
        if moment is not None and moment.tzinfo is None:
            setattr(args, name, moment.astimezone() if zone is None else moment.replace(tzinfo=zone))
    if args.since is not None and args.until is not None and args.since >= args.until:
        problem, remedy = f"The period ends before it begins, at {args.since}.", "Give a later --to."
        raise ConfigMistake("arguments", (Mistake("--to", str(args.until), problem, remedy),))


def _is_wanted(args: argparse.Namespace, fact: "SessionBegun | EnergyOutside") -> bool:
    from gateway.journal.facts import SessionBegun

    if not isinstance(fact, SessionBegun):
        return not args.session and not args.user and _is_in(args, fact)
    return args.session in {None, fact.session} and args.user in {None, fact.token} and _is_in(args, fact)


def _is_in(args: argparse.Namespace, fact: "SessionBegun | EnergyOutside") -> bool:
    return (
        args.socket in {None, fact.socket}
        and (args.since is None or fact.at.utc >= args.since)
        and (args.until is None or fact.at.utc < args.until)
    )


def _require_known(args: argparse.Namespace, connection: "sqlite3.Connection", contents: "Contents") -> None:
    """Raises DeviceError if something was named that the journal has never heard of, or a session is left out."""
    from gateway.devices.journal_file import fact_named

    known = {
        "socket": args.socket in {None, *contents.sockets},
        "user": args.user in {None, *contents.users},
        "session": args.session is None or fact_named(connection, f"begin {args.session}") is not None,
    }
    for name, is_known in known.items():
        if not is_known:
            asked = getattr(args, name)
            raise DeviceError(f"there is no {name} {asked} in the journal; see the column {name} of an export of all")
    if args.session is not None and not contents.sessions:
        raise DeviceError(f"there is no session {args.session} in this selection")
    if not contents.sessions:
        print("no session in this selection", file=sys.stderr)


def _write_xml(args: argparse.Namespace, connection: "sqlite3.Connection", contents: "Contents") -> None:
    files = _meter_files(connection, contents) if args.of == "meter" else _files(connection, contents)
    is_folder = args.output != "-" and Path(args.output).is_dir()
    count, only = 0, ""
    for name, text in files:
        count += 1
        if is_folder:
            _write(str(Path(args.output) / name), (text.encode("utf-8"),))
        else:
            only = text
    left_out = len(contents.sessions) - count
    if left_out:
        why = "have not ended" if args.of == "gateway" else "have no record of a meter"
        print(f"{left_out} session(s) {why} and are left out", file=sys.stderr)
    if is_folder:
        return
    if count != 1:
        problem = f"It would hold {count} sessions, and a S.A.F.E. XML file holds one."
        remedy = "Choose one with --session, or give an existing folder with -o."
        raise ConfigMistake("arguments", (Mistake("--output", args.output, problem, remedy),))
    _write(args.output, (only.encode("utf-8"),))


def _files(connection: "sqlite3.Connection", contents: "Contents") -> Iterator[tuple[str, str]]:
    from gateway.devices.journal_sessions import sessions_in
    from gateway.metering.safe_xml import safe_xml

    for session in sessions_in(connection, contents):
        if session.begin_record is not None and session.key is not None and session.is_whole:
            page = session.begun.page
            text = safe_xml(page, session.begin_record, session.end_record, session.key, contents.head)
            yield f"laddvakt-T{page}-{session.begun.session}.xml", text


def _meter_texts(
    connection: "sqlite3.Connection", contents: "Contents"
) -> "Iterator[tuple[ArchivedSession, list[str]]]":
    """Each session whose meter signed, and what of that is proven."""
    from gateway.devices.journal_sessions import sessions_in
    from gateway.journal.imports import pins_of_facts
    from gateway.metering.meter_signed import those_proven

    pins = pins_of_facts(contents.meter_keys)
    for session in sessions_in(connection, contents):
        if session.meter_records:
            texts = those_proven((record.text for record in session.meter_records), pins)
            yield session, [text.strip() for text in texts]


def _meter_files(connection: "sqlite3.Connection", contents: "Contents") -> Iterator[tuple[str, str]]:
    """One file for each session whose meter signed: its first record and its last, with the key that is pinned."""
    from gateway.journal.imports import pins_of_facts
    from gateway.metering.pins import pin_for
    from gateway.metering.record import claimed_identity
    from gateway.metering.safe_xml import safe_xml

    pins = pins_of_facts(contents.meter_keys)
    for session, texts in _meter_texts(connection, contents):
        identity = claimed_identity(texts[0])
        pin = None if identity is None else pin_for(pins, *identity)
        if pin is not None:
            page = session.begun.page
            last = texts[-1] if len(texts) > 1 else None
            yield f"meter-T{page}-{session.begun.session}.xml", safe_xml(page, texts[0], last, pin.key, contents.head)


def _write(output: str, pieces: Iterable[bytes]) -> None:
    """Writes piece by piece; a file gets its name when it is whole. Raises DeviceError."""
    if output == "-":
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        return
    target = Path(output)
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                stream.writelines(pieces)
            return
        target = target.resolve()
        draft = target.with_name(f"{target.name}.new")
        try:
            with draft.open("wb") as stream:
                stream.writelines(pieces)
            if target.exists():
                shutil.copymode(target, draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as problem:
        raise DeviceError(f"{output}: {problem.strerror}") from None


def _moment(text: str) -> datetime:
    try:
        moment: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    # In the first year and the last one a time zone may lead out of the calendar.
    if moment is None or not MINYEAR < moment.year < MAXYEAR:
        problem = f"{text!r} is no time; write 2026-03-01 or 2026-03-01T12:00 or 2026-03-01T12:00+01:00"
        raise argparse.ArgumentTypeError(problem)
    return moment
