"""`laddvakt replay JOURNAL`: what the gateway decided, when, and why, decided again from what it saw.

The running gateway keeps recordings in the folder `flight` beside its journal (`recording_mb` in the config). Each of
them is run through the same decision as then; the first line tells whether this version decides all of it as it was
decided. JOURNAL is a config, a state folder, a journal, or one recording (which may come from elsewhere: it holds the
cabinet too, and no token). The recording under way is written a minute at a time.
"""

import argparse
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TextIO

from gateway.errors import ConfigMistake, DeviceError, Mistake

if TYPE_CHECKING:
    from gateway.journal.flight import ReplayedTick
    from gateway.publish.words import Language

HOURS: Final = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("journal", type=Path, metavar="JOURNAL", help="config, state folder, journal, or a recording")
    parser.add_argument("--from", dest="since", type=_moment, metavar="TIME", help="ISO 8601, local without an offset")
    parser.add_argument("--to", dest="until", type=_moment, metavar="TIME")
    last = f"without --from and --to: the newest recording and so many hours before it (default: {HOURS:g})"
    parser.add_argument("--hours", type=_hours, default=HOURS, metavar="N", help=last)
    parser.add_argument(
        "--socket", action="append", default=[], metavar="NAME", help="only this socket; may be repeated"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every fuse phase and socket, each --every seconds")
    parser.add_argument("--every", type=_seconds, default=10.0, metavar="S", help="of CSV (default: %(default)g)")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="a drawing: a panel for each fuse and socket")
    parser.add_argument("--language", choices=["sv", "en"], default="sv", help="(default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Prints the table, writes the files asked for. 0: all as it was decided then; 1: not all.

    Raises DeviceError if nothing is recorded, JournalDamaged, ConfigMistake.
    """
    from gateway.ids import SocketId
    from gateway.publish.board import plain_text
    from gateway.publish.replay_drawing import ReplayCurves, drawing
    from gateway.publish.replay_view import ReplayRows
    from gateway.publish.words import Language

    language = Language(args.language)
    only = frozenset(SocketId(name) for name in args.socket)
    view = ReplayRows(language, None, only)
    curves = ReplayCurves(only)
    _require_elsewhere(args)
    rows: list[tuple[str, ...]] = []
    version = ""
    site = None
    with _csv_file(args) as table:
        due_s = 0.0
        for tick, recorded_by in _ticks(args):
            version = recorded_by
            if site is None:
                site = tick.snapshot.site
                _require_sockets(args, set(site.sockets))
            rows.extend(view.heard(tick))
            if args.svg is not None:
                curves.heard(tick, language)
            if table.file is not None and tick.now.utc.timestamp() >= due_s:
                due_s = tick.now.utc.timestamp() + args.every
                table.write(tick, language)
    if site is None:
        raise DeviceError("nothing is recorded of that time; see --from and --hours")
    title = view.title(site, version)
    print(plain_text([view.table(title, rows)]))
    if args.svg is not None:
        _write(args.svg, drawing(curves, title, language, None))
    return 1 if view.otherwise else 0


def _ticks(args: argparse.Namespace) -> "Iterator[tuple[ReplayedTick, str]]":
    """Every tick of the time asked for, with the version that recorded it. Each recording is decided from its start."""
    from zoneinfo import ZoneInfo

    from gateway.devices.flight_files import recorded_lines
    from gateway.journal.flight import recorded_version, replayed

    files = _recordings(args.journal)
    since, until = _period(args, files)
    starts = [_begun(path) for path in files]
    for number, path in enumerate(files):
        ends = starts[number + 1] if number + 1 < len(files) else None
        begins = starts[number]
        if (since and ends and ends < since.timestamp()) or (until and begins and begins > until.timestamp()):
            continue
        lines = recorded_lines(path)
        first = next(lines, "")
        if not first:
            continue  # begun less than a minute ago
        version = recorded_version(first)
        for tick in replayed(_again(first, lines), ZoneInfo):
            if until is not None and tick.now.utc >= until:
                return
            if since is None or tick.now.utc >= since:
                yield tick, version


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _period(args: argparse.Namespace, files: list[Path]) -> tuple[datetime | None, datetime | None]:
    """What was asked for; else from so long before the newest recording began."""
    newest_s = _begun(files[-1])
    if args.since is not None or args.until is not None or files == [args.journal] or newest_s is None:
        return args.since, args.until
    return datetime.fromtimestamp(newest_s - 3600.0 * args.hours).astimezone(), None


def _begun(path: Path) -> float | None:
    """When a recording began, by its name; None if it bears another."""
    try:
        return datetime.strptime(f"{path.name[:15]}+0000", "%Y%m%dT%H%M%S%z").timestamp()
    except ValueError:
        return None


def _recordings(journal: Path) -> list[Path]:
    """Raises DeviceError if there are none, ConfigMistake if the config does not name its state folder."""
    from gateway.devices.flight_files import FOLDER, SUFFIX, recordings

    if journal.name.endswith(SUFFIX):
        return [journal]
    folder = _folder_of(journal)
    files = recordings(folder / FOLDER) or recordings(folder)
    if not files:
        raise DeviceError(
            f"{folder / FOLDER}: there is no recording. The gateway makes them while it runs, "
            "unless the config says recording_mb = 0"
        )
    return files


def _folder_of(journal: Path) -> Path:
    from gateway.cli.state_folder import state_folder

    if not journal.is_file():
        return journal
    named = journal.suffix == ".toml"
    return state_folder(argparse.Namespace(config=journal, state_dir=None)) if named else journal.parent


def _require_elsewhere(args: argparse.Namespace) -> None:
    """Raises ConfigMistake if a file to be written is one of the gateway's own."""
    from gateway.cli.state_folder import require_elsewhere

    for option, output in (("--csv", args.csv), ("--svg", args.svg)):
        if output is not None:
            require_elsewhere(_folder_of(args.journal), output, option)


def _require_sockets(args: argparse.Namespace, known: set[str]) -> None:
    for name in args.socket:
        if name not in known:
            mistake = Mistake("--socket", name, "There is no such socket.", f"One of {', '.join(sorted(known))}.")
            raise ConfigMistake("arguments", (mistake,))


class _CsvFile:
    """The CSV file, if one was asked for."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.file: TextIO | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self.file = self._path.open("w", encoding="utf-8-sig", newline="")
            except OSError as problem:
                raise DeviceError(f"{self._path}: {problem.strerror}") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()

    def write(self, tick: "ReplayedTick", language: "Language") -> None:
        """One moment; the heads before the first."""
        from gateway.publish.replay_view import CSV_HEAD, csv_line, csv_lines

        if self.file is None:
            return
        if self.file.tell() == 0:
            self.file.write(csv_line(CSV_HEAD, language) + "\r\n")
        self.file.writelines(line + "\r\n" for line in csv_lines(tick, language, None))


def _csv_file(args: argparse.Namespace) -> _CsvFile:
    return _CsvFile(args.csv)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as problem:
        raise DeviceError(f"{path}: {problem.strerror}") from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):  # the calendar's first and last hours lie outside it elsewhere
        problem = f"{text!r} is no time; write 2026-03-01T12:00 or 2026-03-01T12:00+01:00"
        raise argparse.ArgumentTypeError(problem) from None


def _hours(text: str) -> float:
    return _positive(text, "hours")


def _seconds(text: str) -> float:
    return _positive(text, "seconds")


def _positive(text: str, unit: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r}: a number of {unit} above 0 is needed")
    return value
