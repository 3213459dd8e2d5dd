"""`laddvakt import FILE… --socket NAME`: records that a meter or a wallbox signed itself, into the journal.

A file holds OCMF, one record a line, or is S.A.F.E. XML. A record is kept word for word and belongs to the session on
that socket during which it was taken; --session says it where the meter's clock does not. What is refused stays in the
journal as evidence. While the gateway runs, it does the work itself. Exit code 0: all are kept or were known; 2: not.
"""

import argparse
import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.state_folder import state_folder
from gateway.errors import DeviceError, FolderInUse

if TYPE_CHECKING:
    from gateway.app.import_orders import Order
    from gateway.devices.inbox import Inbox
    from gateway.journal.imports import Handed, Outcome

EXIT_REFUSED: Final = 2
FILE_BYTES_MAX: Final = 4 * 1024 * 1024
ANSWER_WITHIN_S: Final = 20.0
LOOK_S: Final = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="OCMF one record a line, or S.A.F.E. XML")
    parser.add_argument("--socket", required=True, metavar="NAME", help="whose meter signed them")
    parser.add_argument("--session", metavar="ID", help="the session that they belong to")
    parser.add_argument(
        "--key", metavar="PEM|HEX|FILE", help="the meter's key where it is not in the file; tofu at most"
    )
    parser.add_argument("--config", type=Path, metavar="CONFIG", help="the gateway's config file")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="the state folder, without a config")
    parser.add_argument("--language", choices=["sv", "en"], default="en")


def run(args: argparse.Namespace) -> int:
    """Prints what became of each record. Raises DeviceError, ConfigMistake, JournalDamaged."""
    from gateway.app.import_orders import Order

    folder = state_folder(args)
    handed = [one for file in args.files for one in _handed(args, file)]
    if not handed:
        raise DeviceError("there is no record in these files")
    outcomes = ordered(folder, Order(tuple(_matched(args, folder, handed))))
    for one, outcome in zip(handed, outcomes, strict=True):
        print(f"{one.source}: {_said(outcome, args)}")
    return EXIT_REFUSED if any(_is_refused(outcome) for outcome in outcomes) else 0


def ordered(folder: Path, order: "Order") -> "tuple[Outcome, ...]":
    """What became of an order, carried out here or by the gateway that runs on that folder. Raises DeviceError."""
    from gateway.app.import_orders import carried_out_stopped, order_text
    from gateway.devices.inbox import Inbox
    from gateway.devices.system_clock import SystemClock

    if not folder.is_dir():
        raise DeviceError(f"{folder}: there is no state folder")
    try:
        return asyncio.run(carried_out_stopped(folder, order, SystemClock()))
    except FolderInUse:
        inbox = Inbox(folder)
        return asyncio.run(_answered(inbox, inbox.put(order_text(order))))


async def _answered(inbox: "Inbox", name: str) -> "tuple[Outcome, ...]":
    from gateway.app.import_orders import outcomes_of

    for _ in range(round(ANSWER_WITHIN_S / LOOK_S)):
        answer = inbox.answer(name)
        if answer is not None:
            return outcomes_of(answer)
        await asyncio.sleep(LOOK_S)
    raise DeviceError("the gateway has not taken it yet; it lies in its inbox and is taken when the journal is free")


def _handed(args: argparse.Namespace, file: Path) -> "Iterator[Handed]":
    """The records of a file, each octet as it stands there. Raises DeviceError."""
    from gateway.cli.handed_in import pinned_key
    from gateway.ids import SessionId, SocketId
    from gateway.journal.imports import Handed
    from gateway.metering.keys import NotAKey
    from gateway.metering.safe_xml import NotSafeXml, safe_values

    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
        key = None if args.key is None else pinned_key(args.key).hex
    except OSError as problem:
        raise DeviceError(f"{file}: {problem.strerror}") from None
    except NotAKey as problem:
        raise DeviceError(f"--key: {problem}") from None
    if len(content) > FILE_BYTES_MAX:
        raise DeviceError(f"{file}: larger than {FILE_BYTES_MAX} bytes")
    session = None if args.session is None else SessionId(args.session)
    content = content.removeprefix(b"\xef\xbb\xbf")
    if content.lstrip()[:1] == b"<":
        try:
            values = safe_values(content)
        except NotSafeXml as problem:
            raise DeviceError(f"{file}: {problem}") from None
        found = [(value.record.encode("utf-8"), key or value.key) for value in values]
    else:
        found = [(line, key) for line in content.splitlines() if line.strip()]
    for at, (octets, brought) in enumerate(found, 1):
        yield Handed(SocketId(args.socket), octets, f"{file.name}:{at}", brought, session)


def _matched(args: argparse.Namespace, folder: Path, handed: "list[Handed]") -> "Iterator[Handed]":
    """The session of each, out of the whole journal. Raises DeviceError if the named socket or session is not there."""
    from dataclasses import replace

    from gateway.devices.journal_file import opened_for_reading, rows_after
    from gateway.devices.journal_sessions import sessions_in
    from gateway.journal.contents import contents_of
    from gateway.journal.facts import EnergyOutside, SessionBegun
    from gateway.journal.imports import is_end, session_at
    from gateway.metering.meter_signed import Refused, claimed

    def is_of_the_socket(fact: SessionBegun | EnergyOutside) -> bool:
        return isinstance(fact, SessionBegun) and fact.socket == args.socket

    with opened_for_reading(folder) as connection:
        contents = contents_of(rows_after(connection, 0), is_of_the_socket)
        sessions = [(session.begun, session.ended) for session in sessions_in(connection, contents)]
    if args.session is not None and args.session not in contents.sessions:
        raise DeviceError(f"there is no session {args.session} on socket {args.socket} in the journal")
    if args.socket not in contents.sockets:
        known = ", ".join(sorted(contents.sockets))
        raise DeviceError(f"there is no socket {args.socket} in the journal; it knows {known}")
    for one in handed:
        form = claimed(one.octets)
        if one.session is not None or isinstance(form, Refused):
            yield one
            continue
        _, record = form
        first, last = record.readings[0].time, record.readings[-1].time
        yield replace(one, session=session_at(sessions, one.socket, first, last, ends=is_end(record)))


def _is_refused(outcome: "Outcome") -> bool:
    from gateway.metering.verdicts import Reason

    return outcome.reason not in {None, Reason.REPLAYED}


def _said(outcome: "Outcome", args: argparse.Namespace) -> str:
    from gateway.metering.ocmf import number_text
    from gateway.metering.pins import PinState
    from gateway.publish.verdict_words import REASON_WORDS, plain

    if outcome.reason is not None:
        word = {"sv": "AVVISAD", "en": "REFUSED"} if _is_refused(outcome) else {"sv": "känd", "en": "known"}
        detail = f" ({plain(outcome.detail)})" if outcome.detail else ""
        reason = REASON_WORDS[outcome.reason][args.language]
        return f"{word[args.language]}: {reason} [{outcome.reason.value}]{detail}"
    pins = {
        PinState.CONFIRMED: {"sv": "bekräftad nyckel", "en": "confirmed key"},
        PinState.TOFU: {"sv": "nyckeln är inte bekräftad (tofu)", "en": "the key is not confirmed (tofu)"},
        None: {"sv": "ingen känner nyckeln: inte bevisad", "en": "nobody knows the key: not proven"},
    }
    none = {"sv": "ingen laddning", "en": "no session"}[args.language]
    energy = "" if outcome.energy_kwh is None else f", {number_text(outcome.energy_kwh)} kWh"
    kept = {"sv": "sparad", "en": "kept"}[args.language]
    return f"{kept}: {plain(outcome.detail)}, {outcome.session or none}{energy}, {pins[outcome.pin][args.language]}"
