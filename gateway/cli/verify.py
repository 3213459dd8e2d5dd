"""`laddvakt verify FILE… --key KEY | --pins STORE`: are these records this key's own, whole and in order?

With a store each record is checked with the key that is pinned for its gateway and meter; a pin that nobody has
confirmed makes nothing green. Keys inside the files count for nothing.

Exit code 0: all green; 1: yellow or grey; 2: red; 3: the question could not be asked (no file, no key).
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.cli.verdict_words import Language
    from gateway.metering.keys import PublicKey
    from gateway.metering.pins import Pin
    from gateway.metering.verdicts import Finding, Report
    from gateway.metering.verification import Submitted

EXIT_GREEN: Final = 0
EXIT_NOT_PROVEN: Final = 1
EXIT_FALSE: Final = 2
EXIT_NOT_ASKED: Final = 3
FILE_BYTES_MAX: Final = 256 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="S.A.F.E. XML, or OCMF one record a line")
    parser.add_argument(
        "--key", metavar="PEM|HEX|FILE", help="the public key, from somewhere else than the files; needed"
    )
    parser.add_argument("--pins", type=Path, metavar="STORE", help="pinned keys instead of one (laddvakt pins)")
    parser.add_argument("--whole-key", action="store_true", help="the files hold all that the key ever signed")
    parser.add_argument(
        "--to-page", type=int, default=0, metavar="N", help="a page known from a receipt; the files must go so far"
    )
    parser.add_argument("--language", choices=["sv", "en"], default="en")


def run(args: argparse.Namespace) -> int:
    """Prints a verdict per session and a verdict on all. Keys inside the files count for nothing."""
    from gateway.metering.keys import NotAKey
    from gateway.metering.pins import NotAPinStore
    from gateway.metering.safe_xml import NotSafeXml
    from gateway.metering.verdicts import Finding, Reason, Report, Verdict
    from gateway.metering.verification import verified, verified_by_pins

    if (args.key is None) == (args.pins is None) or not args.files:
        return _not_asked("name at least one FILE, and either the public key with --key or a store with --pins")
    pins: tuple[Pin, ...] = ()
    pinned: PublicKey | None = None
    try:
        if args.pins is None:
            pinned = pinned_key(args.key)
        else:
            pins = pinned_keys(args.pins)
    except (NotAKey, NotAPinStore, OSError, UnicodeDecodeError) as problem:
        return _not_asked(f"{'--key' if args.pins is None else args.pins}: {problem}")
    submitted: list[Submitted] = []
    findings: list[Finding] = []
    for file in args.files:
        try:
            submitted += records_in(file)
        except OSError as problem:
            return _not_asked(f"{file}: {problem.strerror}")
        except NotSafeXml as problem:
            findings.append(Finding(Reason.XML_NOT_RIGHT, str(file), str(problem)))
    if pinned is None:
        report = verified_by_pins(submitted, pins, whole_key=args.whole_key)
    else:
        report = verified(submitted, pinned, whole_key=args.whole_key, page_min=args.to_page)
    report = Report(report.sessions, (*findings, *report.findings))
    _print(report, str(args.pins) if pinned is None else pinned.fingerprint, args.language)
    if report.verdict is Verdict.GREEN:
        return EXIT_GREEN
    return EXIT_FALSE if report.verdict is Verdict.RED else EXIT_NOT_PROVEN


def _not_asked(problem: str) -> int:
    print(f"laddvakt verify: {problem}", file=sys.stderr)
    return EXIT_NOT_ASKED


def pinned_key(text: str) -> "PublicKey":
    """The key from the text itself, or from the file of that name."""
    from gateway.metering.keys import NotAKey, public_key

    try:
        return public_key(text)
    except NotAKey:
        path = Path(text)
        if not path.is_file():
            raise
        return public_key(path.read_text("ascii"))


def pinned_keys(store: Path) -> "tuple[Pin, ...]":
    """The pins of a store. Raises OSError, UnicodeDecodeError, NotAPinStore."""
    from gateway.metering.pins import PINS_BYTES_MAX, NotAPinStore, pins_of

    with store.open("rb") as stream:
        content = stream.read(PINS_BYTES_MAX + 1)
    if len(content) > PINS_BYTES_MAX:
        raise NotAPinStore(f"larger than {PINS_BYTES_MAX} bytes")
    return pins_of(content.decode("ascii"))


def records_in(file: Path) -> "list[Submitted]":
    """The records of a file, each with its place. Raises OSError, NotSafeXml."""
    from gateway.metering.safe_xml import safe_values
    from gateway.metering.verification import Submitted

    with file.open("rb") as stream:
        content = stream.read(FILE_BYTES_MAX)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return [
            Submitted(value.record, f"{file}[{at}]", value.key, f"{file}#{value.transaction}")
            for at, value in enumerate(safe_values(content), 1)
        ]
    lines = content.decode("utf-8", errors="replace").lstrip("\ufeff").splitlines()
    if lines and not any(line.startswith("OCMF|") for line in lines):
        return [Submitted("OCMF|", str(file))]
    return [Submitted(line, f"{file}:{at}") for at, line in enumerate(lines, 1) if line.strip()]


def _print(report: "Report", by: str, language: "Language") -> None:
    from gateway.cli.verdict_words import VERDICT_WORDS, plain
    from gateway.metering.ocmf import number_text

    for session in report.sessions:
        energy = "–" if session.energy_kwh is None else f"{number_text(session.energy_kwh)} kWh"
        times = f"{session.begin_time or '–'} … {session.end_time or '–'}"
        words = VERDICT_WORDS[session.verdict][language]
        print(f"{words}: {plain(session.session)} {plain(session.meter_serial or '')} {energy} {times}")
        for finding in session.findings:
            print(f"    {_said(finding, language)}")
    for finding in report.findings:
        print(f"{VERDICT_WORDS[finding.verdict][language]}: {_said(finding, language)}")
    print(f"= {VERDICT_WORDS[report.verdict][language]} ({by})")


def _said(finding: "Finding", language: "Language") -> str:
    from gateway.cli.verdict_words import REASON_WORDS, plain

    detail = f" ({plain(finding.detail)})" if finding.detail else ""
    return f"{plain(finding.where)}: {REASON_WORDS[finding.reason][language]} [{finding.reason.value}]{detail}"
