"""Energy outside sessions: booked while a socket is idle, never from a reading that a session's begin overtook."""

import asyncio
from decimal import Decimal

from gateway.app.faults import FaultLog
from gateway.app.outside_energy import BOOK_EVERY_S, OutsideEnergy
from gateway.errors import DeviceError
from gateway.ids import SocketId
from gateway.meters.readings import SocketReading
from gateway.quantities import UNKNOWN_PER_PHASE, EnergyRegister
from tests.app.virtual_time import VirtualClock, run_virtually

P1, P2 = SocketId("p1"), SocketId("p2")


class SlowMeter:
    """A meter whose billing reading takes a second, or that is silent."""

    def __init__(self, *, dead: bool = False) -> None:
        self._dead = dead

    async def read(self) -> SocketReading:
        return await self.read_for_billing()

    async def read_for_billing(self) -> SocketReading:
        await asyncio.sleep(1.0)
        if self._dead:
            raise DeviceError("unit 12 on rs485-1 does not answer")
        register = EnergyRegister(Decimal("5.00"), Decimal("0.01"), (0, 500))
        return SocketReading(VirtualClock().now(), UNKNOWN_PER_PHASE, UNKNOWN_PER_PHASE, 0.0, register, None, "5")


class Bookings:
    """A ledger that remembers what was booked."""

    def __init__(self) -> None:
        self.booked: list[SocketId] = []

    async def book_outside(self, socket: SocketId, reading: SocketReading) -> None:
        assert reading.energy_import is not None
        self.booked.append(socket)


def test_idle_sockets_are_booked_every_hour_and_a_silent_meter_does_not_stop_the_others() -> None:
    async def main() -> None:
        ledger = Bookings()
        outside = OutsideEnergy({P1: SlowMeter(dead=True), P2: SlowMeter()}, ledger, FaultLog())
        task = asyncio.create_task(outside.book_hourly(lambda _: True))
        await asyncio.sleep(2.5 * BOOK_EVERY_S)
        assert ledger.booked == [P2, P2]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtually(main())


def test_a_socket_with_a_session_is_not_booked() -> None:
    async def main() -> None:
        ledger = Bookings()
        await OutsideEnergy({P1: SlowMeter()}, ledger, FaultLog()).book_now(lambda _: False)
        assert ledger.booked == []

    run_virtually(main())


def test_a_session_that_starts_during_the_reading_wins() -> None:
    async def main() -> None:
        ledger = Bookings()
        busy: set[SocketId] = set()
        outside = OutsideEnergy({P1: SlowMeter()}, ledger, FaultLog())
        task = asyncio.create_task(outside.book_now(lambda name: name not in busy))
        await asyncio.sleep(0.5)
        busy.add(P1)
        await task
        assert ledger.booked == []

    run_virtually(main())
