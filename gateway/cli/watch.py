"""`laddvakt watch`: a live table of a running gateway, read from the broker."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.time_limit import add_seconds
from gateway.errors import ConfigMistake, DeviceError, Mistake

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gateway.publish.board import Board, BoardTable
    from gateway.publish.words import Language

REDRAW_S: Final = 1.0
PLAIN_S: Final = 5.0
RETRY_S: Final = 1.0
PORTS: Final = 65_536

Draw = Callable[["Sequence[BoardTable]"], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The broker, and how to show."""
    parser.add_argument("--host", default="127.0.0.1", help="broker (default: %(default)s)")
    parser.add_argument("--port", type=int, default=1883, help="its port (default: %(default)s)")
    parser.add_argument("--username")
    parser.add_argument("--password-file", type=Path, metavar="FILE")
    parser.add_argument("--gateway", metavar="ID", help="which gateway (default: the first that is heard)")
    parser.add_argument("--language", choices=["sv", "en"], default="sv", help="(default: %(default)s)")
    add_seconds(parser, "end after N seconds (default: at Ctrl-C)")
    parser.add_argument("--plain", action="store_true", help="text blocks every few seconds, without the demo extra")


def run(args: argparse.Namespace) -> int:
    """0 at the end; 1 if the broker was never reached. Raises ConfigMistake of an address that none can have."""
    from gateway.publish.board import Board

    _require_address(args)
    board = Board(gateway=args.gateway)
    if args.plain:
        return asyncio.run(_watch(args, board, _print_plain, PLAIN_S))
    from rich.live import Live

    with Live(auto_refresh=False, screen=False) as live:

        def redraw(tables: "Sequence[BoardTable]") -> None:
            live.update(_rich_tables(tables), refresh=True)

        return asyncio.run(_watch(args, board, redraw, REDRAW_S))


def _require_address(args: argparse.Namespace) -> None:
    from gateway.config.addresses import is_host

    checks = (
        ("--host", args.host, is_host(args.host), "is no host.", "Write the broker's address or name alone."),
        ("--port", args.port, 0 < args.port < PORTS, "is no port.", "A broker's is mostly 1883."),
        ("--gateway", args.gateway, not set(args.gateway or "") & set("/+#\0"), "is no id.", "See [gateway] id."),
    )
    mistakes = tuple(Mistake(name, str(value), *words) for name, value, right, *words in checks if not right)
    if mistakes:
        raise ConfigMistake("arguments", mistakes)


async def _watch(args: argparse.Namespace, board: "Board", draw: Draw, every_s: float) -> int:
    from gateway.publish.words import Language

    fault: list[str] = []
    listening = asyncio.create_task(_listen(args, board, fault))
    drawing = asyncio.create_task(_draw_again(board, Language(args.language), draw, every_s))
    done, _ = await asyncio.wait({listening, drawing}, timeout=args.seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in (listening, drawing):
        task.cancel()
    await asyncio.gather(listening, drawing, return_exceptions=True)
    for task in done:
        task.result()
    draw(board.tables(Language(args.language)))
    if fault and not board.things:
        raise DeviceError(f"broker {args.host}:{args.port}: {fault[-1]}")
    return 0


async def _listen(args: argparse.Namespace, board: "Board", fault: list[str]) -> None:
    import aiomqtt

    password = None if args.password_file is None else _password(args.password_file)
    while True:
        try:
            async with aiomqtt.Client(
                args.host,
                args.port,
                username=args.username,
                password=password,
                protocol=aiomqtt.ProtocolVersion.V5,
                max_queued_incoming_messages=10_000,
            ) as client:
                await client.subscribe(f"laddvakt/{args.gateway or '+'}/#", 1)
                async for message in client.messages:
                    board.heard(message.topic.value, bytes(message.payload))
        except aiomqtt.MqttError as problem:
            board.online = False
            fault[:] = [str(problem)]
            await asyncio.sleep(RETRY_S)


async def _draw_again(board: "Board", language: "Language", draw: Draw, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        draw(board.tables(language))


def _password(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise DeviceError(f"{path}: {problem.strerror}; give a readable --password-file") from None
    except UnicodeDecodeError:
        raise DeviceError(f"{path}: is no UTF-8 text; write the password anew") from None


def _print_plain(tables: "Sequence[BoardTable]") -> None:
    from gateway.publish.board import plain_text

    print(plain_text(tables))
    sys.stdout.flush()


def _rich_tables(tables: "Sequence[BoardTable]") -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = []
    for table in tables:
        rows = Table(title=Text(table.title), title_justify="left", expand=False)
        for head in table.heads:
            rows.add_column(Text(head), no_wrap=head not in ("Orsak", "Reason"))
        for row in table.rows:
            rows.add_row(*(Text(cell) for cell in row))
        shown.append(rows)
    return Group(*shown)
