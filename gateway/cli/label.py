"""`laddvakt label CONFIG`: the key of this cabinet and its meters, to be glued up in it and pasted into agreements.

Whoever pays compares a key with the label before he trusts what it proves; so the label is printed at the cabinet, from
the key that signs there, and again after each `laddvakt key rotate`.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.errors import ConfigMistake, DeviceError, Mistake

if TYPE_CHECKING:
    import sqlite3

    from gateway.config.plans import Cabinet
    from gateway.ids import SocketId
    from gateway.publish.label_words import Label, LabelledSocket

FORMS: Final = (".svg", ".html", ".txt")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the gateway's config file")
    parser.add_argument(
        "-o", "--out", "--output", type=Path, metavar="FILE", help="FILE.svg or FILE.html with a QR code, or FILE.txt"
    )
    parser.add_argument("--language", choices=["sv", "en"], help="(default: that of the config)")


def run(args: argparse.Namespace) -> int:
    """Prints or writes the label. Raises ConfigMistake, DeviceError if there is no key yet, JournalDamaged."""
    from gateway.cli.label_sheet import html_label, svg_label, text_label
    from gateway.cli.state_folder import require_elsewhere
    from gateway.config.load import load_cabinet
    from gateway.devices.journal_file import opened_for_reading
    from gateway.publish.words import Language

    out: Path | None = args.out
    form = ".txt" if out is None else out.suffix.lower()
    if form not in FORMS:
        mistake = Mistake(
            "--out", str(out), "What to draw is not known.", f"End the name with one of {', '.join(FORMS)}."
        )
        raise ConfigMistake("arguments", (mistake,))
    cabinet = load_cabinet(args.config)
    if out is not None:
        require_elsewhere(cabinet.state_dir, out, "--out")
    with opened_for_reading(cabinet.state_dir) as connection:
        label = _label(cabinet, connection)
    text = {".svg": svg_label, ".html": html_label, ".txt": text_label}[form](
        label, Language(args.language or cabinet.language)
    )
    if out is None:
        print(text, end="")
        return 0
    try:
        out.write_text(text, "utf-8")
    except OSError as problem:
        raise DeviceError(f"{out}: {problem.strerror}") from None
    return 0


def _label(cabinet: "Cabinet", connection: "sqlite3.Connection") -> "Label":
    from zoneinfo import ZoneInfo

    from gateway.devices.journal_file import known_keys, newest_key, newest_serials
    from gateway.journal.facts import KeyHandedOver
    from gateway.metering.keys import public_key
    from gateway.publish.label_words import Label, SupersededKey

    made = newest_key(connection)
    before = SupersededKey(public_key(made.before), made.page) if isinstance(made, KeyHandedOver) else None
    return Label(
        gateway=cabinet.site.gateway_id,
        key=public_key(made.public_key),
        number=len(known_keys(connection)),
        made=made.at.utc.astimezone(ZoneInfo(cabinet.time_zone)).date().isoformat(),
        sure=made.at.utc_trust.is_proven,
        superseded=before,
        sockets=labelled_sockets(cabinet, newest_serials(connection)),
    )


def labelled_sockets(cabinet: "Cabinet", read: "dict[SocketId, str]") -> "tuple[LabelledSocket, ...]":
    """read: serials as the journal has them, which go before the config's wherever the meter can say its own."""
    from gateway.metering.ocmf import SERIAL_UNREAD
    from gateway.publish.label_words import LabelledSocket

    labelled = []
    for plan in cabinet.sockets.values():
        socket = cabinet.site.sockets[plan.id]
        name = serial = None
        if plan.meter is not None:
            name = f"{plan.meter.model.vendor} {plan.meter.model.name}"
            said = None if plan.meter.model.serial is None else read.get(plan.id)
            serial = plan.meter.serial if said is None or said.startswith(SERIAL_UNREAD) else said
        labelled.append(LabelledSocket(plan.id, socket.label, socket.purpose, name, serial))
    return tuple(labelled)
