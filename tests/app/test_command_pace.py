"""A flood of commands costs a bounded number of rows, and ends with what was asked for last."""

import asyncio
import logging

from gateway.app.command_pace import COMMAND_EVERY_S, COMMANDS_AT_ONCE, Command, CommandPace
from gateway.app.sight_board import REQUESTS_MAX, SightBoard
from gateway.devices.repeated_lines import SAME_LINE_EVERY_S, RepeatedLines
from gateway.ids import FuseId, GatewayId, SessionId, SocketId
from gateway.site.requests import ShutDown, Source, StartSession, StopSession
from gateway.site.topology import Fuse, FuseKind, Site

P1, P2 = SocketId("p1"), SocketId("p2")


def start(number: int, socket: SocketId = P1) -> StartSession:
    return StartSession(socket, SessionId(f"s-{number}"), None, Source.MQTT)


def stop(socket: SocketId = P1) -> StopSession:
    return StopSession(socket, Source.MQTT)


def test_a_person_s_commands_are_taken_at_once() -> None:
    pace = CommandPace()
    for number in range(100):
        assert pace.takes(start(number), now_s=COMMAND_EVERY_S * number)
    assert not pace.floods


def test_a_thousand_commands_a_second_cost_a_few_and_the_last_one_counts() -> None:
    pace = CommandPace()
    taken: list[Command] = []
    for number in range(10_000):
        command: Command = start(number) if number % 2 else stop()
        if pace.takes(command, number / 1000):
            taken.append(command)
        taken += pace.due(number / 1000)
    assert pace.floods
    assert len(taken) <= COMMANDS_AT_ONCE + 10 / COMMAND_EVERY_S
    assert not pace.takes(stop(), 10.0)
    assert list(pace.due(10.0 + COMMAND_EVERY_S)) == [stop()]
    assert not pace.floods


def test_a_flood_at_one_socket_holds_up_no_other() -> None:
    pace = CommandPace()
    for number in range(100):
        pace.takes(start(number), 0.0)
    assert pace.takes(stop(P2), 0.0)


def test_the_end_is_taken_though_requests_fill_the_board() -> None:
    async def main() -> None:
        main_fuse = Fuse(FuseId("main"), 20.0, FuseKind.GG, None, 1.0, 0.0, None)
        board = SightBoard(Site(GatewayId("test"), main_fuse.id, {main_fuse.id: main_fuse}, {}, None, 30.0), 0.0)
        assert all(board.asked(start(number)) for number in range(REQUESTS_MAX))
        assert not board.asked(stop())
        assert board.asked(ShutDown())
        assert ShutDown() in board.snapshot(1.0, journal_accepts=True).requests

    asyncio.run(main())


def test_a_library_that_repeats_itself_is_heard_once_a_minute() -> None:
    now_s = 0.0
    lines = RepeatedLines(lambda: now_s)

    def passes(text: str) -> bool:
        return lines.filter(logging.LogRecord("wire", logging.WARNING, "", 0, text, None, None))

    assert [passes("queue is full") for _ in range(1000)].count(True) == 1
    assert passes("another line")
    now_s = SAME_LINE_EVERY_S
    assert passes("queue is full")
