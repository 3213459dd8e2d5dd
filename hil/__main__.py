"""python -m hil: a cabinet in software, on real wires (cabinet) or in virtual time against others (bench)."""

import argparse
import asyncio
import math
import os
import sys
import tempfile
from pathlib import Path

from hil.bench.orders import add_commands
from hil.bench.reaction import figures, reactions_ms
from hil.run import Order, Run, say
from hil.wires.lines import BroadcastLine, Line, serial_or_pty
from hil.wires.replay import line_setting, parse_recording, play, read_file
from hil.world.scenario import parse_scenario
from hil.world.table_reader import ScenarioMistake


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hil", description="The cabinet in software.")
    commands = parser.add_subparsers(dest="command", required=True)
    cabinet = commands.add_parser("cabinet", help="play a scenario; commands as JSON lines on standard input")
    cabinet.add_argument("scenario", type=Path, help="a file, or the name of one of our scenarios")
    cabinet.add_argument("--config-out", type=Path, metavar="FILE", help="write the matching gateway config")
    cabinet.add_argument("--state-dir", type=Path, metavar="DIR", help="the gateway's state folder, for that config")
    cabinet.add_argument("--log", type=Path, metavar="FILE", help="append JSON lines of what happens")
    cabinet.add_argument("--log-reads", action="store_true", help="log read requests too")
    cabinet.add_argument("--seconds", type=float, metavar="N", help="end after so long")
    pace = cabinet.add_mutually_exclusive_group()
    pace.add_argument("--wire", dest="paced", action="store_true", help="bytes at the pace of the wire (default)")
    pace.add_argument("--unpaced", dest="paced", action="store_false", help="bytes at once, answers after 1 ms")
    cabinet.set_defaults(paced=True)
    cabinet.add_argument("--p1", metavar="PORT", help="a real serial port in place of a pty")
    cabinet.add_argument("--bus", action="append", default=[], metavar="NAME=PORT", help="a real serial port for a bus")
    cabinet.add_argument("--tcp", action="store_true", help="Modbus TCP and a P1 bridge in place of ptys")
    cabinet.add_argument("--mqtt", metavar="HOST:PORT", help="the broker of wallboxes on MQTT and of the gateway")
    cabinet.add_argument("--seed", type=int, help="in place of the scenario's")
    reaction = commands.add_parser("reaction", help="from telegram to lowering write: figures from a cabinet's log")
    reaction.add_argument("log", type=Path, metavar="FILE")
    add_commands(commands)
    replay = commands.add_parser("replay", help="play a recording of a HAN port at the real pace")
    replay.add_argument("file", type=Path, metavar="FILE", help="of `laddvakt record`, or raw bytes")
    replay.add_argument("--port", metavar="PORT", help="a real serial port in place of a pty")
    replay.add_argument("--tcp", action="store_true", help="a bridge (socket://) in place of a pty")
    replay.add_argument("--speed", type=float, default=1.0, metavar="X", help="so many times faster (default: 1)")
    replay.add_argument("--wait-s", type=float, default=2.0, metavar="N", help="before the first byte (default: 2)")
    replay.add_argument("--again-s", type=float, metavar="N", help="begin anew after so long (default: end)")
    return parser


def _broker(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ScenarioMistake(f"--mqtt {text}: HOST:PORT is needed")
    return host, int(port)


def _find(path: Path) -> Path:
    ours = Path(__file__).parent / "scenarios" / f"{path.stem}.toml"
    if path.exists():
        return path
    if ours.exists():
        return ours
    raise ScenarioMistake(f"{path}: no such scenario")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise ScenarioMistake(f"{path}: is not UTF-8 at byte {wrong.start}; save it as UTF-8 text") from wrong


def _order(given: argparse.Namespace) -> Order:
    path = _find(given.scenario)
    text = _text(path)
    scenario = parse_scenario(text, given.seed)
    names = {bus.name for bus in scenario.buses}
    buses = {}
    for each in given.bus:
        name, _, port = each.partition("=")
        if name not in names or not port:
            raise ScenarioMistake(f"--bus {each}: NAME=PORT with one of {', '.join(sorted(names))}")
        buses[name] = port
    return Order(
        scenario=scenario,
        config_out=given.config_out,
        state_dir=given.state_dir or Path(tempfile.gettempdir()) / f"laddvakt-{scenario.name}",
        log=given.log,
        log_reads=given.log_reads,
        seconds=given.seconds,
        paced=given.paced,
        p1=given.p1,
        buses=buses,
        tcp=given.tcp,
        mqtt=_broker(given.mqtt),
    )


async def _replay(given: argparse.Namespace) -> None:
    octets = read_file(given.file)
    reads = parse_recording(octets)
    if not 0 < given.speed < math.inf:
        raise ScenarioMistake("--speed: a number above 0 is needed")
    line: Line
    if given.tcp:
        bridge = BroadcastLine()
        await bridge.open("127.0.0.1")
        line = bridge
    else:
        line = serial_or_pty(given.port, *line_setting(octets), 1, held=False)
    say({"p1": line.name, "reads": len(reads), "seconds": reads[-1].at_s - reads[0].at_s if reads else 0.0})
    try:
        await asyncio.sleep(given.wait_s)
        await play(reads, line, speed=given.speed, gap_s=given.again_s)
        await asyncio.sleep(0.2)
    finally:
        line.close()


async def _play(order: Order) -> None:
    await Run(order).play()


def main(arguments: list[str]) -> int:
    """0 after a run, 2 if it cannot be played, 130 at Ctrl-C."""
    given = _arguments().parse_args(arguments)
    try:
        if given.command in ("bench", "traces"):
            given.command_of(given)
        elif given.command == "reaction":
            say(figures(reactions_ms(_text(given.log).splitlines())))
        elif given.command == "replay":
            asyncio.run(_replay(given))
        else:
            asyncio.run(_play(_order(given)))
        sys.stdout.flush()
    except ScenarioMistake as mistake:
        sys.stderr.write(f"hil: {mistake}\n")
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except OSError as problem:
        words = f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem)
        sys.stderr.write(f"hil: {words}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
