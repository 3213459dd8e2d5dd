"""`laddvakt phases CONFIG`: on which phases the sockets really lie, and how sure that is.

Each start and stop of a socket is looked for in the grid meter's phases. The evidence is read from the journal, where
the gateway keeps it, also while the gateway runs. Exit code 1 if a socket is proven to lie otherwise than configured.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the gateway's config file")
    parser.add_argument("--language", choices=["sv", "en"], help="(default: that of the config)")


def run(args: argparse.Namespace) -> int:
    """Prints the table. Raises ConfigMistake, DeviceError if there is no journal, JournalDamaged."""
    from gateway.config.load import load_cabinet
    from gateway.control.checkpoint import ControlCheckpoint
    from gateway.control.recovery import known_phases
    from gateway.devices.journal_file import newest_checkpoint, opened_for_reading
    from gateway.publish.board import plain_text
    from gateway.publish.phase_words import phase_table
    from gateway.publish.words import Language

    cabinet = load_cabinet(args.config)
    with opened_for_reading(cabinet.state_dir) as connection:
        text = newest_checkpoint(connection)
    kept = ControlCheckpoint() if text is None else ControlCheckpoint.from_text(text)
    evidence = known_phases(kept, cabinet.site)
    print(plain_text([phase_table(cabinet.site, evidence, Language(args.language or cabinet.language))]))
    return 1 if any(one.named for one in evidence.values()) else 0
