"""A relay, a wallbox and a meter that do as told, and the socket at which they stand, for tests of deeds."""

import asyncio
from decimal import Decimal

from gateway.errors import DeviceError
from gateway.ids import SocketId
from gateway.meters.readings import SocketReading
from gateway.quantities import PHASES, UNKNOWN_PER_PHASE, EnergyRegister
from gateway.site.snapshot import ContactorSight, Pilot, Position, WallboxSight
from gateway.site.topology import Site
from tests.app.virtual_time import VirtualClock
from tests.control import planned_site

P1 = SocketId("p1")


def site() -> Site:
    return planned_site.site(planned_site.plain(P1, phases=PHASES, rating_a=16.0), house_load_a_max=None)


class RelayDouble:
    """A contactor that does as told, slowly if asked, and lets go after `holds_s` if given."""

    def __init__(
        self,
        *,
        slow_s: float = 0.0,
        holds_s: float | None = None,
        refresh_s: float | None = None,
        renews: bool = True,
    ) -> None:
        self.refresh_s = refresh_s
        self.deeds: list[tuple[float, str]] = []
        self.fails = False
        self._slow_s = slow_s
        self._holds_s = holds_s
        self._renews = renews
        self._closed_s: float | None = None

    async def close(self) -> None:
        held = (await self.look()).coil is Position.CLOSED
        await self._do("close")
        if self._renews or not held:
            self._closed_s = asyncio.get_running_loop().time()

    async def open(self) -> None:
        await self._do("open")
        self._closed_s = None

    async def look(self) -> ContactorSight:
        now_s = asyncio.get_running_loop().time()
        held = self._closed_s is not None and (self._holds_s is None or now_s - self._closed_s < self._holds_s)
        return ContactorSight(Position.CLOSED if held else Position.OPEN, None, now_s)

    async def _do(self, deed: str) -> None:
        await asyncio.sleep(self._slow_s)
        if self.fails:
            raise DeviceError("the board does not answer")
        self.deeds.append((asyncio.get_running_loop().time(), deed))


class BoxDouble:
    """A wallbox that remembers what it was told."""

    refresh_s = 10.0

    def __init__(self, *, commission_fails: bool = False) -> None:
        self.told_a: list[float] = []
        self.commission_fails = commission_fails
        self.commissions = 0
        self.looks = 0
        self.phases = 3
        self.switched_at_a: list[float] = []

    async def commission(self) -> None:
        self.commissions += 1
        await asyncio.sleep(0.8)
        if self.commission_fails:
            raise DeviceError("failsafe register reads back 16 A, not 0 A")

    async def set_current(self, current_a: float) -> None:
        self.told_a.append(current_a)

    async def set_phases(self, phases: int) -> None:
        self.phases = phases
        self.switched_at_a.append(self.told_a[-1])

    async def look(self) -> WallboxSight:
        self.looks += 1
        now_s = asyncio.get_running_loop().time()
        return WallboxSight(Pilot.B, self.told_a[-1] if self.told_a else None, now_s, self.phases)


class MeterDouble:
    """A meter with a counter, dead on demand."""

    def __init__(self) -> None:
        self.dead = False

    async def read(self) -> SocketReading:
        await asyncio.sleep(0.1)
        if self.dead:
            raise DeviceError("unit 11 on rs485-1 does not answer")
        register = EnergyRegister(Decimal("12.34"), Decimal("0.01"), (0, 1234))
        return SocketReading(VirtualClock().now(), UNKNOWN_PER_PHASE, (6.0, 6.0, 6.0), 4140.0, register, None, "1")

    async def read_for_billing(self) -> SocketReading:
        return await self.read()
