"""Energy that no session used is booked to each socket's T0: hourly, and at an orderly stop."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from gateway.app.faults import FaultLog
from gateway.devices.protocols import SocketMeter
from gateway.errors import DeviceError
from gateway.ids import SocketId
from gateway.meters.readings import SocketReading

BOOK_EVERY_S: Final = 3600.0


class OutsideLedger(Protocol):
    """The part of the ledger that books T0."""

    async def book_outside(self, socket: SocketId, reading: SocketReading) -> None: ...


class OutsideEnergy:
    """Reads idle sockets for billing and books them.

    Only sockets that are idle before and after the reading: a session's begin is then read after ours, and its
    register is never below what is booked already.
    """

    def __init__(self, meters: Mapping[SocketId, SocketMeter], ledger: OutsideLedger, faults: FaultLog) -> None:
        self._meters = meters
        self._ledger = ledger
        self._faults = faults

    async def book_hourly(self, is_idle: Callable[[SocketId], bool]) -> None:
        while True:
            await asyncio.sleep(BOOK_EVERY_S)
            for socket in self._meters:
                await self._book(socket, is_idle)

    async def book_now(self, is_idle: Callable[[SocketId], bool]) -> None:
        """All at once, for an orderly stop; the caller sets the deadline."""
        await asyncio.gather(*(self._book(socket, is_idle) for socket in self._meters))

    async def _book(self, socket: SocketId, is_idle: Callable[[SocketId], bool]) -> None:
        if not is_idle(socket):
            return
        name = f"socket {socket} booking outside sessions"
        try:
            reading = await self._meters[socket].read_for_billing()
            if is_idle(socket):
                await self._ledger.book_outside(socket, reading)
        except DeviceError as problem:
            self._faults.on(name, str(problem))
        else:
            self._faults.off(name)
