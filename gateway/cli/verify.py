"""`laddvakt verify FILE… --key KEY… | --pins STORE`: are these records this key's own, whole and in order?

It reads S.A.F.E. XML, OCMF with one record a line, and the table of `laddvakt export --format csv`: there every cell
must say what was signed, and the signature in the last cell shows whether rows are missing. A table without records in
it is handed in together with a file that has them. An archive is checked from its bytes to its last record; with --head
also that it is not an old one. Of a load profile each row is judged by itself, and what of the energy is proven.

Where a new key took the old one's place, --key is given for each: a record is checked with the one whose serial it
names. With a store each record is checked with the key that is pinned for its gateway and meter; a pin that nobody has
confirmed makes nothing green. Keys inside the files count for nothing.

Exit code, by the worst of all: 0 green; 1 yellow, not proven; 2 red, false; 4 grey, unsigned; 3 the question could not
be asked (no file, no key).
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from gateway.cli.archive_check import CheckedArchive
    from gateway.cli.handed_in import HandedIn
    from gateway.journal.table_check import Table
    from gateway.metering.keys import PublicKey
    from gateway.metering.pins import Pin
    from gateway.metering.verdicts import Finding, Report, SessionReport, Verdict
    from gateway.publish.verdict_words import Language

EXIT_GREEN: Final = 0
EXIT_NOT_PROVEN: Final = 1
EXIT_FALSE: Final = 2
EXIT_NOT_ASKED: Final = 3
EXIT_UNSIGNED: Final = 4
EXIT_INTERRUPTED: Final = 130
ABSENT_MAX: Final = 8
"""Gaps between pages that are named one by one."""


class Parser(argparse.ArgumentParser):
    """A slip in the arguments is no verdict: 2 would say that something is false."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_NOT_ASKED, f"{self.prog}: {message}\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="S.A.F.E. XML, OCMF, CSV, archive")
    parser.add_argument(
        "--key",
        action="append",
        metavar="PEM|HEX|FILE",
        help="the public key, from somewhere else than the files; needed; again for each key that a new one replaced",
    )
    parser.add_argument("--pins", type=Path, metavar="STORE", help="pinned keys instead of one (laddvakt pins)")
    parser.add_argument("--whole-key", action="store_true", help="the files hold all that the key ever signed")
    parser.add_argument(
        "--to-page", type=int, default=0, metavar="N", help="a page known from a receipt; the files must go so far"
    )
    parser.add_argument("--head", metavar="SEQ:HASH", help="a published head of the journal; archives must go so far")
    parser.add_argument("--language", choices=["sv", "en"], default="en")


def run(args: argparse.Namespace) -> int:
    """Prints a verdict per session and a verdict on all. Keys inside the files count for nothing."""
    from gateway.cli.handed_in import HandedIn, pinned_key, pinned_keys
    from gateway.journal.heads import published_head
    from gateway.metering.keys import NotAKey
    from gateway.metering.pins import NotAPinStore, pins_of_keys
    from gateway.metering.verdicts import Verdict

    if (args.key is None) == (args.pins is None) or not args.files:
        return _not_asked("name at least one FILE, and either the public key with --key or a store with --pins")
    try:
        args.head = None if args.head is None else published_head(args.head)
    except ValueError as problem:
        return _not_asked(f"--head: {problem}")
    try:
        keys = [pinned_key(key) for key in args.key or ()]
        trusted = pinned_keys(args.pins) if args.pins else keys[0] if len(keys) == 1 else pins_of_keys(keys, "--key")
    except (NotAKey, NotAPinStore, OSError, UnicodeDecodeError) as problem:
        return _not_asked(f"{'--key' if args.pins is None else args.pins}: {problem}")
    handed = HandedIn()
    for file in args.files:
        try:
            handed.take(file)
        except OSError as problem:
            return _not_asked(f"{file}: {problem.strerror}")
    if args.head is not None and not handed.archives:
        return _not_asked("--head is for archives, and none of these files is one")
    if args.to_page and len(keys) != 1:
        return _not_asked("--to-page is a page of one key; give exactly one --key with it")
    report = _report(handed, trusted, keys, args)
    if not args.whole_key:
        _print_absent(handed, args.language)
    _print(report, str(args.pins) if args.pins else ", ".join(key.fingerprint for key in keys), args.language)
    return {
        Verdict.GREEN: EXIT_GREEN,
        Verdict.GREY: EXIT_UNSIGNED,
        Verdict.YELLOW: EXIT_NOT_PROVEN,
        Verdict.RED: EXIT_FALSE,
    }[report.verdict]


def _report(
    handed: "HandedIn",
    trusted: "PublicKey | tuple[Pin, ...]",
    keys: "Sequence[PublicKey]",
    args: argparse.Namespace,
) -> "Report":
    """keys: those of --key, of which one must prove what none of them is pinned for."""
    from gateway.cli.profile_verdict import profile_reports
    from gateway.metering.verdicts import Finding, Reason, Report
    from gateway.metering.verification import verified, verified_by_pins

    archives = [_checked_archive(file, trusted, args) for file in handed.archives]
    submitted = handed.once()
    if isinstance(trusted, tuple):
        report = verified_by_pins(submitted, trusted, whole_key=args.whole_key, otherwise=keys)
    else:
        in_archives = max((one.page for one in archives), default=0)
        page_min = 0 if in_archives >= args.to_page else args.to_page
        report = verified(submitted, trusted, whole_key=args.whole_key, page_min=page_min)
    findings: list[Finding] = list(handed.findings)
    proven = {session.session: _proven(session) for session in report.sessions}
    for table in handed.tables:
        findings += _table_findings(table, handed, trusted, proven)
    sessions = list(report.sessions)
    for one in archives:
        sessions += one.report.sessions
        findings += one.report.findings
    profiles = [report for rows in handed.profiles for report in profile_reports(rows, trusted)]
    # A table of a period in which nobody charged holds no record, and is judged by its own signature; of what could not
    # be read that is said.
    others = handed.tables or handed.archives or handed.profiles or handed.findings
    findings += [one for one in report.findings if not (others and one.reason is Reason.NOTHING_FOUND)]
    return Report(tuple(sessions), tuple(findings), tuple(profiles))


def _proven(session: "SessionReport") -> "Verdict":
    """What the records prove, whatever the pin of their key is worth."""
    from gateway.metering.verdicts import Reason, Verdict

    verdicts = (one.verdict for one in session.findings if one.reason is not Reason.KEY_NOT_CONFIRMED)
    return max(verdicts, default=Verdict.GREEN)


def _checked_archive(file: Path, trusted: "PublicKey | tuple[Pin, ...]", args: argparse.Namespace) -> "CheckedArchive":
    """Of a gateway whose key was handed over only one key needs to be pinned: each vouches for the next."""
    from gateway.cli.archive_check import checked_archive
    from gateway.metering.keys import public_key
    from gateway.metering.pins import PinState
    from gateway.metering.verdicts import Finding, Reason

    if not isinstance(trusted, tuple):
        return checked_archive(file, trusted, args.head)
    of_archive = checked_archive(file, None, args.head)
    pins = [pin for pin in trusted if pin.gateway in of_archive.serials]
    if not pins:
        return of_archive
    pin = next((pin for pin in pins if pin.state is PinState.CONFIRMED), pins[0])
    checked = checked_archive(file, public_key(pin.key), args.head)
    if pin.state is PinState.CONFIRMED:
        return checked
    doubt = Finding(Reason.KEY_NOT_CONFIRMED, str(file), public_key(pin.key).fingerprint)
    return replace(checked, report=replace(checked.report, findings=(*checked.report.findings, doubt)))


def _table_findings(
    table: "Table",
    handed: "HandedIn",
    trusted: "PublicKey | tuple[Pin, ...]",
    proven: "Mapping[str, Verdict]",
) -> "Iterator[Finding]":
    from gateway.journal.table_check import row_findings, seal_findings
    from gateway.metering.keys import public_key
    from gateway.metering.pins import PinState
    from gateway.metering.verdicts import Finding, Reason

    pins = trusted if isinstance(trusted, tuple) else ()
    yield from row_findings(table, handed.submitted, proven, pins)
    if not isinstance(trusted, tuple):
        yield from seal_findings(table, trusted)
        return
    # Pins of single meters behind one gateway are of its one key.
    pin = next((pin for pin in trusted if pin.gateway == table.gateway), None)
    yield from seal_findings(table, None if pin is None else public_key(pin.key))
    if pin is not None and pin.state is not PinState.CONFIRMED:
        yield Finding(Reason.KEY_NOT_CONFIRMED, table.where, public_key(pin.key).fingerprint)


def verify_own_archive(argv: Sequence[str]) -> int:
    """The same for the archive that this program was started from: argv[0] is its file. A verdict that could not be
    written out is none."""
    from gateway.cli.streams import drop_output, fill_closed_streams, soften_streams

    fill_closed_streams()
    soften_streams()
    parser = Parser(prog=f"python3 {Path(argv[0]).name}", description="Verifies this archive.")
    add_arguments(parser)
    try:
        code = run(parser.parse_args([argv[0], *argv[1:]]))
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return EXIT_NOT_ASKED
    except OSError as problem:
        drop_output()
        return _not_asked(f"{problem.filename or 'standard output'}: {problem.strerror}")
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code


def _not_asked(problem: str) -> int:
    print(f"laddvakt verify: {problem}", file=sys.stderr)
    return EXIT_NOT_ASKED


def _print(report: "Report", by: str, language: "Language") -> None:
    from gateway.metering.ocmf import number_text
    from gateway.publish.verdict_words import VERDICT_WORDS, plain, profile_words

    for session in report.sessions:
        energy = "–" if session.energy_kwh is None else f"{number_text(session.energy_kwh)} kWh"
        times = f"{session.begin_time or '–'} … {session.end_time or '–'}"
        words = VERDICT_WORDS[session.verdict][language]
        print(f"{words}: {plain(session.session)} {plain(session.meter_serial or '')} {energy} {times}")
        for finding in session.findings:
            print(f"    {_said(finding, language)}")
    for profile in report.profiles:
        print(f"{VERDICT_WORDS[profile.verdict][language]}: {profile_words(profile, language)}")
        for finding in profile.findings:
            print(f"    {VERDICT_WORDS[finding.verdict][language]}: {_said(finding, language)}")
    for finding in report.findings:
        print(f"{VERDICT_WORDS[finding.verdict][language]}: {_said(finding, language)}")
    print(f"= {VERDICT_WORDS[report.verdict][language]} ({by})")


def _print_absent(handed: "HandedIn", language: "Language") -> None:
    """What a selection leaves out is no fault of it, but nobody shall take a part for the whole."""
    from gateway.cli.handed_in import absent_pages
    from gateway.publish.verdict_words import ABSENT_WORDS, plain

    sealed = {one.text for table in handed.tables for one in table.submitted()}
    for serial, gaps in absent_pages(one for one in handed.submitted if one.text not in sealed).items():
        said = ", ".join(f"T{low}" if low == high else f"T{low}–T{high}" for low, high in gaps[:ABSENT_MAX])
        more = "…" if len(gaps) > ABSENT_MAX else ""
        print(f"{plain(serial)}: {ABSENT_WORDS[language]}: {said}{more}")


def _said(finding: "Finding", language: "Language") -> str:
    from gateway.publish.verdict_words import REASON_WORDS, plain

    detail = f" ({plain(finding.detail)})" if finding.detail else ""
    return f"{plain(finding.where)}: {REASON_WORDS[finding.reason][language]} [{finding.reason.value}]{detail}"
