"""How many commands a socket takes: each may cost rows in the journal, and who reaches the broker can send any number.

A person or an automation is never held up. In a flood the newest command of each socket waits for its turn and older
ones are dropped, so that what was asked for last is what comes to be.
"""

from collections.abc import Iterator
from typing import Final

from gateway.ids import SocketId
from gateway.site.requests import (
    Arm,
    ChargeNow,
    ForgetPhases,
    LimitCurrent,
    PlanCharge,
    StartSession,
    StopSession,
    Unlock,
)

COMMANDS_AT_ONCE: Final = 10
COMMAND_EVERY_S: Final = 5.0
"""Sixteen flooded sockets then cost about ten rows a second, which a memory card keeps up with."""

Command = StartSession | StopSession | Arm | LimitCurrent | PlanCharge | ChargeNow | Unlock | ForgetPhases


class CommandPace:
    """Per socket: `COMMANDS_AT_ONCE` at once, then one every `COMMAND_EVERY_S`."""

    def __init__(self) -> None:
        self._late: dict[SocketId, Command] = {}
        self._spent_until_s: dict[SocketId, float] = {}

    @property
    def floods(self) -> bool:
        """Whether some command waits for its turn."""
        return bool(self._late)

    def takes(self, command: Command, now_s: float) -> bool:
        """True: to be taken now. False: it waits, in place of any other of its socket that waited."""
        if command.socket not in self._late and self._spend(command.socket, now_s):
            return True
        self._late[command.socket] = command
        return False

    def due(self, now_s: float) -> Iterator[Command]:
        """Those whose turn has come."""
        for socket in [socket for socket in self._late if self._spend(socket, now_s)]:
            yield self._late.pop(socket)

    def _spend(self, socket: SocketId, now_s: float) -> bool:
        """Credit as the time until which it is spent: at most `COMMANDS_AT_ONCE` turns ahead of now."""
        spent_until_s = max(now_s, self._spent_until_s.get(socket, now_s)) + COMMAND_EVERY_S
        if spent_until_s > now_s + COMMANDS_AT_ONCE * COMMAND_EVERY_S:
            return False
        self._spent_until_s[socket] = spent_until_s
        return True
