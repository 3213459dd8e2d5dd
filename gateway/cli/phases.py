"""`laddvakt phases CONFIG [--forget SOCKET]`: on which phases the sockets really lie, and how sure that is.

Each start and stop of a socket is looked for in the grid meter's phases. The evidence is read from the journal, where
the gateway keeps it, also while the gateway runs. After the wiring has been corrected `--forget` drops what was learned
of a socket, in the journal, also beside the running gateway; then it is learned anew. Exit code 1 if a socket is proven
to lie otherwise than configured.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigMistake, Mistake

if TYPE_CHECKING:
    from gateway.config.plans import Cabinet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the gateway's config file")
    parser.add_argument(
        "--forget", metavar="SOCKET", help="drop what was learned of this socket, after its wiring was corrected"
    )
    parser.add_argument("--language", choices=["sv", "en"], help="(default: that of the config)")


def run(args: argparse.Namespace) -> int:
    """Prints the table. Raises ConfigMistake, also of a socket that there is not, DeviceError if there is no journal,
    JournalDamaged."""
    from gateway.config.load import load_cabinet
    from gateway.control.checkpoint import ControlCheckpoint
    from gateway.control.recovery import known_phases
    from gateway.devices.journal_file import newest_checkpoint, opened_for_reading
    from gateway.publish.board import plain_text
    from gateway.publish.phase_words import phase_table
    from gateway.publish.words import Language

    cabinet = load_cabinet(args.config)
    if args.forget is not None:
        _forget(cabinet, args.forget)
    with opened_for_reading(cabinet.state_dir) as connection:
        text = newest_checkpoint(connection)
    kept = ControlCheckpoint() if text is None else ControlCheckpoint.from_text(text)
    evidence = known_phases(kept, cabinet.site)
    print(plain_text([phase_table(cabinet.site, evidence, Language(args.language or cabinet.language))]))
    return 1 if any(one.named for one in evidence.values()) else 0


def _forget(cabinet: "Cabinet", name: str) -> None:
    """Comes back when it is in the journal."""
    from gateway.app.import_orders import Order
    from gateway.cli.import_records import ordered
    from gateway.devices.journal_file import opened_for_reading
    from gateway.ids import SocketId

    socket = SocketId(name)
    if socket not in cabinet.site.sockets:
        there = ", ".join(cabinet.site.sockets)
        raise ConfigMistake("arguments", (Mistake("--forget", name, "There is no such socket.", f"One of: {there}."),))
    with opened_for_reading(cabinet.state_dir):
        pass  # says where it looked if there is no journal
    ordered(cabinet.state_dir, Order(forget_phases=socket))
