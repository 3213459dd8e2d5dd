"""`laddvakt run CONFIG`: the gateway itself."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="the cabinet's TOML file; see `laddvakt check-config`")
    parser.add_argument("--verbose", action="store_true", help="log debug lines, too")


def run(args: argparse.Namespace) -> int:
    """0 after an orderly stop; faults of the world and of the config end as sentences, see `cli.main`."""
    import asyncio
    import logging

    from gateway.app.config_child import load_cabinet_apart
    from gateway.devices.systemd import log_to_journal_or_stderr
    from gateway.errors import ConfigMistake, DeviceError, JournalDamaged

    log_to_journal_or_stderr(logging.DEBUG if args.verbose else logging.INFO)
    cabinet = load_cabinet_apart(args.config)
    from gateway.app.run import run_gateway

    try:
        asyncio.run(run_gateway(cabinet))
    except* (ConfigMistake, DeviceError, JournalDamaged) as told:
        first: BaseException = told
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    return 0
