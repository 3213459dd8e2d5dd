"""`python -m hil bench` and `python -m hil traces`: what was asked for, and its answer."""

import argparse
import sys
from pathlib import Path

from hil.bench.cabinet import Wires
from hil.bench.course import POLICIES, run_course
from hil.bench.ladder import climb
from hil.bench.optimum import clairvoyant
from hil.bench.table import COLUMNS, Entry, as_json, summary, table
from hil.bench.trace_kinds import KINDS, make_trace
from hil.bench.traces import find_traces, read_trace, write_trace
from hil.world.table_reader import ScenarioMistake


def bench(given: argparse.Namespace) -> None:
    """Runs every policy over every trace of the folder and prints the table."""
    policies = list(POLICIES) if given.policy is None else [name.strip() for name in given.policy.split(",")]
    unknown = [name for name in policies if name not in POLICIES]
    if unknown:
        raise ScenarioMistake(f"--policy {unknown[0]}: one of {', '.join(POLICIES)}")
    entries = []
    for folder in find_traces(given.traces):
        trace = read_trace(folder)
        if given.seconds is not None:
            trace = trace.shortened(given.seconds)
        best = None if given.no_optimum else clairvoyant(trace)
        rungs = None if given.no_optimum else climb(trace)
        wires = Wires(telegram_every_s=given.telegram_every, meter_every_s=given.meter_every)
        verdicts = {name: run_course(trace, name, wires, keeps_log=given.plot is not None) for name in policies}
        entries.append(Entry(trace, best, rungs, verdicts))
        if not given.json:
            print(table(entries[-1]), flush=True)
        if given.plot is not None:
            from hil.bench.plots import draw

            for path in draw(entries[-1], given.plot):
                sys.stderr.write(f"{path}\n")
    if given.json:
        print(as_json(entries))
    else:
        print(f"\n{summary(entries)}\n\n{COLUMNS}")


def traces(given: argparse.Namespace) -> None:
    """Writes an invented trace."""
    trace = make_trace(given.kind, given.seed, tight=given.tight)
    write_trace(trace, given.out)
    print(f"{given.out}: {trace.name}, {len(trace.visits)} visits in {trace.seconds / 3600:.1f} h")


def _whole(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number of seconds from 1 on is needed")
    return int(text)


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The two commands and their words."""
    one = commands.add_parser("bench", help="policies against each other and the clairvoyant optimum, in virtual time")
    one.add_argument("--traces", type=Path, required=True, metavar="FOLDER", help="a trace, or a folder of traces")
    one.add_argument("--policy", metavar="NAME,…", help=f"of {', '.join(POLICIES)}; default all")
    one.add_argument("--json", action="store_true", help="for machines")
    one.add_argument("--plot", type=Path, metavar="DIR", help="draw currents and energy (needs matplotlib)")
    one.add_argument("--seconds", type=_whole, metavar="N", help="only the beginning of each trace")
    one.add_argument("--no-optimum", action="store_true", help="leave out the optimum (needs scipy)")
    one.add_argument("--telegram-every", type=_whole, default=10, metavar="S", help="HAN interval (default 10)")
    one.add_argument("--meter-every", type=_whole, default=1, metavar="S", help="polls of a socket's meter (default 1)")
    one.set_defaults(command_of=bench)
    other = commands.add_parser("traces", help="invent a trace")
    other.add_argument("kind", choices=sorted(KINDS))
    other.add_argument("--seed", type=int, default=1)
    other.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    tight = other.add_mutually_exclusive_group()
    tight.add_argument("--tight", dest="tight", action="store_true", default=None, help="more wished than there is")
    tight.add_argument("--loose", dest="tight", action="store_false", help="room enough (default: every third seed)")
    other.set_defaults(command_of=traces)
