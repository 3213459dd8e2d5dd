"""`laddvakt open-all CONFIG`: every contactor open, every wallbox at 0 A. systemd runs it whenever the daemon ends."""

import argparse
from pathlib import Path
from typing import Final

WITHIN_S: Final = 20.0
"""Inside TimeoutStopSec of the unit, with room for the start of Python on a small machine."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="the cabinet's TOML file")


def run(args: argparse.Namespace) -> int:
    """0 if everything was reached, 1 if not: then each device that was not is named on stderr."""
    import asyncio
    import sys

    from gateway.app.opening import open_everything
    from gateway.config.load import load_cabinet

    failed = asyncio.run(open_everything(load_cabinet(args.config), within_s=WITHIN_S))
    for problem in failed:
        print(problem, file=sys.stderr)
    return 1 if failed else 0
