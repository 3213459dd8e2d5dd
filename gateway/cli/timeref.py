"""`laddvakt timeref list | add`: which calendar time belongs to which second of this device.

The device's seconds never step; the wall clock may. A reference ties the two together. The gateway writes one at each
start, at each step of the clock, at each change of its trust, and daily, each signed. Where there is no time from any
network somebody can enter one: read the second that `list` shows, note the exact time, and say who did it. It may be
entered beside the running gateway. Quarter hours are placed by it only where no trusted clock says anything.

Exit code of list: 0, or 2 if the signature of a reference is wrong.
"""

import argparse
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.state_folder import add_state_folder, state_folder
from gateway.errors import ConfigMistake, Mistake

if TYPE_CHECKING:
    from gateway.clock import Instant
    from gateway.journal.profile_archive import ProfileArchive

EXIT_FALSE: Final = 2
WAIT_S: Final = 15.0
AHEAD_S: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("action", choices=["list", "add"], help="print every reference; or enter one")
    add_state_folder(parser)
    parser.add_argument("--si", type=_second, metavar="SECOND", help="the device's second, as `list` showed it")
    parser.add_argument("--utc", type=_utc, metavar="TIME", help="the time then: ISO 8601 with its offset, or Z")
    parser.add_argument("--by", metavar="NAME", help="who read both")


def run(args: argparse.Namespace) -> int:
    """Prints the references, or enters one. Raises DeviceError, ConfigMistake, JournalDamaged."""
    from gateway.devices.journal_file import opened_for_reading
    from gateway.devices.system_clock import SystemClock
    from gateway.devices.time_requests import time_facts
    from gateway.journal.profile_archive import profile_archive_of

    folder = state_folder(args)
    _require_whole(args)
    with opened_for_reading(folder) as connection:
        archive = profile_archive_of(time_facts(connection))
    now = SystemClock().now()
    if args.action == "list":
        return _list(archive, _second_now(archive, now))
    return _add(args, folder, archive, now)


def _require_whole(args: argparse.Namespace) -> None:
    given = [args.si is not None, args.utc is not None, args.by is not None]
    if (args.action == "add" and not all(given)) or (args.action == "list" and any(given)):
        problem = "add takes all three of them, list none."
        raise ConfigMistake("arguments", (Mistake("--si, --utc, --by", "", problem, "See laddvakt timeref --help."),))


def _list(archive: "ProfileArchive", second: Decimal | None) -> int:
    from gateway.metering.keys import public_key
    from gateway.metering.load_profile import utc_text
    from gateway.metering.ocmf import number_text
    from gateway.publish.verdict_words import plain

    wrong = 0
    for one in archive.references:
        said = one.reference
        right = public_key(one.key).verifies(said.text, bytes.fromhex(one.signature))
        wrong += not right
        words = [f"{said.cause.value:7}", plain(said.source)]
        if said.uncertainty_s is not None:
            words.append(f"± {number_text(said.uncertainty_s)} s")
        if said.by is not None:
            words.append(f"by {plain(said.by)}")
        words.append(f"signed {said.device}" if right else "SIGNATURE WRONG")
        print(f"{number_text(said.si_s):>16} s = {utc_text(said.utc)} {said.state:6} {' '.join(words)}")
    if second is not None:
        print(f"now: second {number_text(second)} of this device")
    return EXIT_FALSE if wrong else 0


def _add(args: argparse.Namespace, folder: Path, archive: "ProfileArchive", now: "Instant") -> int:
    import asyncio

    from gateway.app.time_entry import enter_time
    from gateway.metering.time_references import BY_LENGTH_MAX, EnteredTime

    boot = archive.boot_of(args.si)
    newest = _second_now(archive, now)
    known = max((one.reference.si_s for one in archive.references), default=Decimal(0)) if newest is None else newest
    if boot is None or args.si > known + (0 if newest is None else AHEAD_S):
        problem = f"This device has not had that second; it is now at {known}." if boot else "It lies before all."
        raise ConfigMistake("arguments", (Mistake("--si", str(args.si), problem, "Run laddvakt timeref list."),))
    if not args.by.strip() or len(args.by) > BY_LENGTH_MAX:
        problem = f"A name has 1 to {BY_LENGTH_MAX} signs."
        raise ConfigMistake("arguments", (Mistake("--by", args.by, problem, "Say who read the second and the time."),))
    entered = EnteredTime(boot, args.si, args.utc, args.by.strip())
    if asyncio.run(enter_time(folder, entered, now, wait_s=WAIT_S)):
        print("entered and signed")
    else:
        print("it waits in the state folder; the gateway that runs there takes it when it comes to it")
    return 0


def _second_now(archive: "ProfileArchive", now: "Instant") -> Decimal | None:
    """The device's second at this moment; None if the gateway has not run since the machine's start."""
    from gateway.devices.boot_id import read_boot_id
    from gateway.metering.load_profile import seconds_index

    boot = read_boot_id()
    base_s = archive.base_of(boot)
    return None if base_s is None else seconds_index(now, base_s)


def _second(text: str) -> Decimal:
    try:
        second = Decimal(text.replace(",", ".")).quantize(Decimal("0.001"))
    except InvalidOperation:
        second = Decimal(-1)
    if not second.is_finite() or second < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no second; write it as `laddvakt timeref list` shows it")
    return second


def _utc(text: str) -> datetime:
    from gateway.metering.time_references import moment_entered

    try:
        return moment_entered(text)
    except ValueError:
        problem = f"{text!r} is no time with its offset; write 2026-03-01T12:00:00+01:00 or …Z"
        raise argparse.ArgumentTypeError(problem) from None
