"""`laddvakt check-config FILE`: every mistake at once, and apart from them what to know."""

import argparse
import sys
from pathlib import Path

from gateway.config.load import load_cabinet
from gateway.config.plans import Cabinet
from gateway.config.warnings import cautions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the config, such as /etc/laddvakt/laddvakt.toml")
    parser.add_argument("--fallback", action="store_true", help="also what happens when a meter or a box is silent")


def run(args: argparse.Namespace) -> int:
    """Prints what it found; mistakes leave as `ConfigMistake` (exit 2)."""
    cabinet = load_cabinet(args.file)
    told = cautions(cabinet)
    print(f"{args.file}: no mistakes. {_summary(cabinet)}")
    if args.fallback:
        print(_fallback(cabinet))
    sys.stdout.flush()
    if told:
        print(f"{len(told)} to know:", file=sys.stderr)
        for caution in told:
            print(f"  {caution}", file=sys.stderr)
    return 0


def _fallback(cabinet: Cabinet) -> str:
    """The rules for a grid meter that speaks as often as recommended; a faster one is missed sooner."""
    from gateway.publish.board import plain_text
    from gateway.publish.fallback_words import fallback_table
    from gateway.publish.words import Language
    from gateway.site.freshness import INTERVAL_S_ASSUMED

    return plain_text([fallback_table(INTERVAL_S_ASSUMED, Language(cabinet.language))])


def _summary(cabinet: Cabinet) -> str:
    main = cabinet.site.fuses[cabinet.site.main]
    return (
        f"Gateway {cabinet.site.gateway_id}: {len(cabinet.site.sockets)} socket(s), {len(cabinet.site.fuses)} fuse(s)"
        f" under {main.id}, {main.rating_a:g} A {main.kind.value}, {main.steady_a_max:g} A of it for steady load;"
        f" {len(cabinet.buses)} bus(es)."
    )
