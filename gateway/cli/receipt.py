"""`laddvakt receipt SESSION`: what one session used, as both parties may see it, with what proves it.

It needs no network and reads only the session's own rows, so it is there at once after the stop. The verdict on it is
that of `laddvakt verify`, over the signed records, with the key of this journal that signed them: whoever doubts that
key verifies the exported file with the key that was handed over.
"""

import argparse
from pathlib import Path

from gateway.cli.state_folder import add_state_folder, require_elsewhere, state_folder
from gateway.errors import DeviceError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("session", metavar="SESSION", help="the session's id")
    add_state_folder(parser)
    parser.add_argument("--format", choices=["text", "html"], default="text")
    parser.add_argument("--language", choices=["sv", "en"], default="sv")
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="'-' for standard output")


def run(args: argparse.Namespace) -> int:
    """Writes the receipt. Raises DeviceError if there is no such session or it still runs; JournalDamaged."""
    from gateway.cli.receipt_text import html_receipt, receipt_of, text_receipt
    from gateway.devices.journal_file import archived_session, meter_pins, newest_head, opened_for_reading

    folder = state_folder(args)
    if args.output != "-":
        require_elsewhere(folder, Path(args.output), "--output")
    with opened_for_reading(folder) as connection:
        session = archived_session(connection, args.session)
        if session is None:
            raise DeviceError(f"there is no session {args.session}")
        if not session.is_whole or session.key is None:
            raise DeviceError(f"session {args.session} has not ended; its receipt is made when it has")
        head, pins = newest_head(connection), meter_pins(connection)
        receipt = receipt_of(session, session.key, head, args.language, pins)
    text = html_receipt(receipt) if args.format == "html" else text_receipt(receipt)
    if args.output == "-":
        print(text, end="")
        return 0
    try:
        Path(args.output).write_text(text, "utf-8")
    except OSError as problem:
        raise DeviceError(f"{args.output}: {problem.strerror}") from None
    return 0
