"""`laddvakt commission CONFIG`: before the electrician leaves, is every meter at the socket that the config says?

With the gateway running, the walk goes from socket to socket with a car or a load. Each is switched on by a session, as
from Home Assistant, and all meters are watched: the right one has to move, no other, and it has to stop again. Exit
code 0 if every socket is right, 1 if one is wrong or was not tried.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.time_limit import add_seconds
from gateway.errors import ConfigMistake, DeviceError, JournalDamaged, Mistake

if TYPE_CHECKING:
    import aiomqtt

    from gateway.cli.commission_line import Line
    from gateway.cli.commission_walk import Orders
    from gateway.config.plans import Cabinet, MqttPlan
    from gateway.ids import SocketId
    from gateway.publish.commission_words import Finding
    from gateway.publish.words import Language

SECONDS: Final = 60.0
ONLINE_S: Final = 5.0
"""So long a broker may take to give what it has kept."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the command takes."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the config of the gateway that runs")
    parser.add_argument(
        "--socket", nargs="+", action="extend", metavar="NAME", help="only these, in this order (default: all)"
    )
    add_seconds(parser, f"how long each wait may last (default: {SECONDS:g})")
    parser.add_argument("--token", help="a pseudonym that is let in where a socket has a list of users")
    parser.add_argument("--yes", action="store_true", help="take every prompt as answered; nobody has to press Enter")
    parser.add_argument("--language", choices=["sv", "en"], help="(default: that of the config)")


def run(args: argparse.Namespace) -> int:
    """Walks and prints the table. Raises ConfigMistake, also of a socket that there is not; DeviceError if broker or
    gateway are not there or go away; KeyboardInterrupt when it is ended, after the session of the moment was stopped.
    """
    import asyncio

    from gateway.cli.commission_walk import TEST_TOKEN, Orders
    from gateway.config.load import load_cabinet
    from gateway.publish.board import plain_text
    from gateway.publish.commission_words import PASSED, finding_table, saying
    from gateway.publish.words import Language

    cabinet = load_cabinet(args.config)
    sockets = _chosen(cabinet, args.socket)
    broker = _broker(cabinet, args.config)
    if not args.yes and not sys.stdin.isatty():
        remedy = "Call it from a terminal, or with --yes."
        raise ConfigMistake("arguments", (Mistake("--yes", "not given", "Nobody can answer here.", remedy),))
    language = Language(args.language or cabinet.language)
    orders = Orders(cabinet.site, args.seconds or SECONDS, language, args.token, _say)
    _say(saying("signs", language, token=args.token or TEST_TOKEN))
    _say(saying("fuses", language))
    try:
        findings = asyncio.run(_commission(cabinet, broker, orders, sockets, None if args.yes else sys.stdin.fileno()))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    print()
    print(plain_text([finding_table(cabinet.site, _serials(cabinet, language), findings, language)]))
    wrong = [finding.socket for finding in findings if finding.verdict not in PASSED]
    _say(saying("not_right", language, others=", ".join(wrong)) if wrong else saying("all_right", language))
    return 1 if wrong else 0


async def _commission(
    cabinet: "Cabinet", plan: "MqttPlan", orders: "Orders", sockets: "tuple[SocketId, ...]", terminal: int | None
) -> "tuple[Finding, ...]":
    """The walk beside the ear. Whatever ends it, the walk is let to stop its session before the line is closed."""
    import asyncio
    import signal

    import aiomqtt

    from gateway.cli.commission_line import Line, Person
    from gateway.cli.commission_walk import walk

    async def walked(line: Line) -> "tuple[Finding, ...]":
        await _greeted(line, cabinet, f"{plan.host}:{plan.port}")
        with Person(terminal) as person:
            return await walk(orders, line, person, sockets)

    if (task := asyncio.current_task()) is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    begun = False
    try:
        async with aiomqtt.Client(
            plan.host,
            plan.port,
            username=plan.username,
            password=_password(plan),
            protocol=aiomqtt.ProtocolVersion.V5,
            max_queued_incoming_messages=10_000,
        ) as client:
            begun = True
            line = Line(cabinet.site, partial(client.publish, qos=1))
            listening, walking = asyncio.create_task(_listen(client, line, cabinet)), asyncio.create_task(walked(line))
            try:
                await asyncio.wait({listening, walking}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                lost = listening.done()
                for each in (walking, listening):
                    each.cancel()
                    await asyncio.gather(each, return_exceptions=True)
            if lost:
                listening.result()
            return walking.result()
    except aiomqtt.MqttError as problem:
        left = "; a session that was begun may still run" if begun else ""
        raise DeviceError(f"broker {plan.host}:{plan.port}: {problem}{left}") from None


async def _listen(client: "aiomqtt.Client", line: "Line", cabinet: "Cabinet") -> None:
    """For ever. Raises aiomqtt.MqttError when the broker goes away."""
    from gateway.publish.topic_names import gateway_root

    await client.subscribe(f"{gateway_root(cabinet.site.gateway_id)}/#", 1)
    async for message in client.messages:
        line.heard(message.topic.value, bytes(message.payload))


async def _greeted(line: "Line", cabinet: "Cabinet", address: str) -> None:
    """Returns when the gateway is online and has told every socket."""
    gateway, sockets = cabinet.site.gateway_id, cabinet.site.sockets
    await line.until(lambda: line.online is False or (line.online is True and len(line.seen) == len(sockets)), ONLINE_S)
    if not line.online:
        words = "knows no gateway" if line.online is None else "says that nobody runs gateway"
        raise DeviceError(f"broker {address} {words} {gateway}; start it: systemctl start laddvakt")
    unknown = ", ".join(name for name in sockets if name not in line.seen)
    if unknown:
        raise DeviceError(f"gateway {gateway} tells nothing of {unknown}; restart it with this config")


def _chosen(cabinet: "Cabinet", names: list[str] | None) -> "tuple[SocketId, ...]":
    from gateway.ids import SocketId

    there = cabinet.site.sockets
    chosen = tuple(dict.fromkeys(SocketId(name) for name in names or there))
    mistakes = tuple(
        Mistake("--socket", name, "There is no such socket.", f"One of: {', '.join(there)}.")
        for name in chosen
        if name not in there
    )
    if mistakes:
        raise ConfigMistake("arguments", mistakes)
    return chosen


def _broker(cabinet: "Cabinet", path: Path) -> "MqttPlan":
    if cabinet.mqtt is None:
        mistake = Mistake("mqtt", "absent", "The test speaks with the gateway over its broker.", "Add [mqtt].")
        raise ConfigMistake(str(path), (mistake,))
    return cabinet.mqtt


def _password(plan: "MqttPlan") -> str | None:
    if plan.password_file is None:
        return None
    try:
        return plan.password_file.read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise DeviceError(f"{plan.password_file}: {problem.strerror}; run as root or as the gateway's user") from None
    except UnicodeDecodeError:
        raise DeviceError(f"{plan.password_file}: is no UTF-8 text; write the password anew") from None


def _serials(cabinet: "Cabinet", language: "Language") -> "dict[SocketId, str | None]":
    """As the label has them: as the meters say, else as the config says."""
    from gateway.cli.label import labelled_sockets
    from gateway.devices.journal_file import newest_serials, opened_for_reading
    from gateway.ids import SocketId
    from gateway.publish.commission_words import saying

    read: dict[SocketId, str] = {}
    try:
        with opened_for_reading(cabinet.state_dir) as connection:
            read = newest_serials(connection)
    except (DeviceError, JournalDamaged) as problem:
        _say(saying("unread", language, why=str(problem)))
    return {SocketId(socket.name): socket.serial for socket in labelled_sockets(cabinet, read)}


def _say(text: str) -> None:
    print(text)
    sys.stdout.flush()
