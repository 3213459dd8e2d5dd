"""`laddvakt export`: sessions out of the journal, also while the gateway runs.

csv is a table for people and spreadsheets, with both signed records in each row and the gateway's signature over all of
it in the last cell. safe-xml holds one session a file, for public transparency software. ocmf holds one signed record a
line. load-profile is a table of quarter hours, each row signed twice. archive is one file with everything: the
journal's rows, keys, configs, records, the table, and a verifier that needs only Python and cryptography
(`python3 FILE --key KEY`). Each of them is read by `laddvakt verify`.
"""

import argparse
import sys
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from gateway.cli.state_folder import add_state_folder, state_folder, time_zone
from gateway.errors import ConfigMistake, DeviceError, Mistake

if TYPE_CHECKING:
    from gateway.ids import SessionId
    from gateway.journal.archive import Archive, ArchivedSession
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
    from gateway.devices.journal_file import opened_for_reading, verified_facts
    from gateway.journal.archive import archive_of

    folder = state_folder(args)
    if args.format == "archive":
        from gateway.cli.archive_writing import write_archive

        write_archive(folder, _whole(args))
        return 0
    zone = time_zone(args)
    _set_period(args, zone)
    if args.format == "load-profile":
        from gateway.cli.export_profile import profile_bytes

        _write(args.output, profile_bytes(args, folder, zone or ZoneInfo(TIME_ZONE_WITHOUT_CONFIG)))
        return 0
    with opened_for_reading(folder) as connection:
        archive = archive_of(verified_facts(connection))
    chosen = [session for session in archive.sessions.values() if _is_chosen(args, session)]
    _require_known(args, archive, chosen)
    match args.format:
        case "safe-xml":
            _write_xml(args, archive, chosen)
        case "csv":
            from gateway.cli.export_table import table_bytes

            outside = [] if args.session or args.user else [one for one in archive.outside if _is_in(args, one)]
            _write(args.output, table_bytes(args, folder, archive, chosen, outside))
        case _:
            if args.of == "meter":
                kept = (text for texts in _meter_texts(archive, chosen).values() for text in texts)
                _write(args.output, "".join(f"{text}\n" for text in kept).encode("utf-8"))
                return 0
            names = {session.begun.session for session in chosen}
            records = [page.record for page in archive.pages if page.page.session in names]
            _write(args.output, "".join(f"{record}\n" for record in records).encode("utf-8"))
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


def _is_chosen(args: argparse.Namespace, session: "ArchivedSession") -> bool:
    begun = session.begun
    return args.session in {None, begun.session} and args.user in {None, begun.token} and _is_in(args, begun)


def _is_in(args: argparse.Namespace, fact: "SessionBegun | EnergyOutside") -> bool:
    return (
        args.socket in {None, fact.socket}
        and (args.since is None or fact.at.utc >= args.since)
        and (args.until is None or fact.at.utc < args.until)
    )


def _require_known(args: argparse.Namespace, archive: "Archive", chosen: "list[ArchivedSession]") -> None:
    """Raises DeviceError if something was named that the journal has never heard of, or a session is left out."""
    every = archive.sessions.values()
    known: dict[str, set[str | None]] = {
        "socket": {*(session.begun.socket for session in every), *(booked.socket for booked in archive.outside)},
        "user": {session.begun.token for session in every},
        "session": set(archive.sessions),
    }
    for name, names in known.items():
        asked = getattr(args, name)
        if asked is not None and asked not in names:
            raise DeviceError(f"there is no {name} {asked} in the journal; see the column {name} of an export of all")
    if args.session is not None and not chosen:
        raise DeviceError(f"there is no session {args.session} in this selection")
    if not chosen:
        print("no session in this selection", file=sys.stderr)


def _write_xml(args: argparse.Namespace, archive: "Archive", chosen: "list[ArchivedSession]") -> None:
    head = "" if archive.head is None else f"{archive.head.seq}:{archive.head.hash}"
    files = _meter_files(archive, chosen, head) if args.of == "meter" else _files(chosen, head)
    left_out = len(chosen) - len(files)
    if left_out:
        why = "have not ended" if args.of == "gateway" else "have no record of a meter"
        print(f"{left_out} session(s) {why} and are left out", file=sys.stderr)
    folder = Path(args.output)
    if args.output != "-" and folder.is_dir():
        for name, text in files.items():
            _write(str(folder / name), text.encode("utf-8"))
        return
    if len(files) != 1:
        problem = f"It would hold {len(files)} sessions, and a S.A.F.E. XML file holds one."
        remedy = "Choose one with --session, or give an existing folder with -o."
        raise ConfigMistake("arguments", (Mistake("--output", args.output, problem, remedy),))
    _write(args.output, next(iter(files.values())).encode("utf-8"))


def _files(chosen: "list[ArchivedSession]", head: str) -> dict[str, str]:
    from gateway.metering.safe_xml import safe_xml

    return {
        f"laddvakt-T{session.begun.page}-{session.begun.session}.xml": safe_xml(
            session.begun.page, session.begin_record, session.end_record, session.key, head
        )
        for session in chosen
        if session.begin_record is not None and session.key is not None and session.is_whole
    }


def _meter_texts(archive: "Archive", chosen: "list[ArchivedSession]") -> "dict[SessionId, list[str]]":
    """By session: what its meter signed itself."""
    from gateway.journal.imports import pins_of_facts
    from gateway.metering.meter_signed import those_proven

    pins = pins_of_facts(archive.meter_keys)
    return {
        session.begun.session: [
            text.strip() for text in those_proven((record.text for record in session.meter_records), pins)
        ]
        for session in chosen
        if session.meter_records
    }


def _meter_files(archive: "Archive", chosen: "list[ArchivedSession]", head: str) -> dict[str, str]:
    """One file for each session whose meter signed: its first record and its last, with the key that is pinned."""
    from gateway.journal.imports import pins_of_facts
    from gateway.metering.pins import pin_for
    from gateway.metering.record import claimed_identity
    from gateway.metering.safe_xml import safe_xml

    pins, files = pins_of_facts(archive.meter_keys), {}
    for name, texts in _meter_texts(archive, chosen).items():
        identity = claimed_identity(texts[0])
        pin = None if identity is None else pin_for(pins, *identity)
        if pin is not None:
            page = archive.sessions[name].begun.page
            last = texts[-1] if len(texts) > 1 else None
            files[f"meter-T{page}-{name}.xml"] = safe_xml(page, texts[0], last, pin.key, head)
    return files


def _write(output: str, content: bytes) -> None:
    if output == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        Path(output).write_bytes(content)
    except OSError as problem:
        raise DeviceError(f"{output}: {problem.strerror}") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        problem = f"{text!r} is no time; write 2026-03-01 or 2026-03-01T12:00 or 2026-03-01T12:00+01:00"
        raise argparse.ArgumentTypeError(problem) from None
