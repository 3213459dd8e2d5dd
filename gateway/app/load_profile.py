"""Registers at every quarter hour, of every socket and of the site, and the clock's references, into the ledger.

Nothing is asked of a meter for it: the polls that control lives by are looked at once a second, and the first one of
each quarter hour is kept when the next agrees with it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

from gateway.app.faults import FaultLog
from gateway.devices.protocols import Clock
from gateway.errors import DeviceError, JournalDamaged
from gateway.ids import SocketId
from gateway.metering.clock_watch import Cause, ClockWatch
from gateway.metering.load_profile import SITE, QuarterWatch, Shown
from gateway.metering.ocmf import SERIAL_UNREAD, MeterIdentity, meter_serial
from gateway.metering.time_references import EnteredTime, entered_time
from gateway.meters.grid_plausibility import fused_w_max
from gateway.meters.readings import GridReading, SocketReading
from gateway.meters.socket_decode import polls_agree
from gateway.quantities import EnergyRegister
from gateway.site.topology import Site

LOOK_EVERY_S: Final = 1.0
TOGETHER_S: Final = 3.0
"""What comes within this time of the first reading is written with it; what is lost by a death then is read again."""
FAULT: Final = "load profile"
log = logging.getLogger("laddvakt")


class ProfileLedger(Protocol):
    """The part of the ledger that keeps the load profile."""

    @property
    def accepts_sessions(self) -> bool: ...

    def profile_taken(self) -> Mapping[str, datetime]: ...

    async def register(self, shown: Sequence[Shown]) -> None: ...

    async def refer_time(self, cause: Cause) -> None: ...

    async def enter_time(self, entered: EnteredTime) -> None: ...


class Requests(Protocol):
    """Time references that somebody entered (`devices.time_requests.TimeRequests`)."""

    def waiting(self) -> str | None: ...

    def done(self) -> None: ...


class Meters(Protocol):
    """Where the newest readings lie."""

    @property
    def readings(self) -> Mapping[SocketId, SocketReading]: ...

    @property
    def grid_energy(self) -> GridReading | None: ...


def most_w_by_place(site: Site) -> dict[str, Decimal]:
    """By place of the load profile: the most that the fuse before its meter lets through (W); not the socket's own
    rating, which a car that does not obey may pass for hours."""
    fuses = {SITE: site.main} | {name: socket.fuse for name, socket in site.sockets.items()}
    return {place: Decimal(fused_w_max(site.fuses[fuse].rating_a)) for place, fuse in fuses.items()}


class LoadProfile:
    """To be made right after the ledger was opened, which refers the time of that moment. most_w: `most_w_by_place`; a
    register that rises faster is another meter's."""

    def __init__(
        self,
        ledger: ProfileLedger,
        meters: Meters,
        clock: Clock,
        *,
        identities: Mapping[SocketId, MeterIdentity],
        faults: FaultLog,
        most_w: Mapping[str, Decimal],
        requests: Requests | None = None,
    ) -> None:
        self._ledger = ledger
        self._requests = requests
        self._meters = meters
        self._clock = clock
        self._faults = faults
        self._identities = identities
        self._most_w = most_w
        self._reference = ClockWatch(clock.now())
        taken = ledger.profile_taken()
        self._sockets = {name: QuarterWatch(_polls_agree, taken.get(name)) for name in identities}
        self._site = QuarterWatch(_telegrams_agree, taken.get(SITE))
        self._heard: dict[str, SocketReading | GridReading] = {}
        self._ready: dict[str, Shown] = {}
        self._ready_s = 0.0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Takes what is new and writes what is due. Raises JournalDamaged."""
        now = self._clock.now()
        cause = self._reference.wanted(now)
        try:
            if cause is not None:
                await self._ledger.refer_time(cause)
                self._reference.written(now)
            await self._enter_times()
            for shown in self._new():
                await self._keep(shown)
            if self._ready and now.monotonic_s - self._ready_s >= TOGETHER_S:
                await self.write()
        except DeviceError as problem:
            self._faults.on(FAULT, str(problem))

    async def _enter_times(self) -> None:
        text = None if self._requests is None else self._requests.waiting()
        if self._requests is None or text is None:
            return
        try:
            await self._ledger.enter_time(entered_time(text))
        except ValueError as problem:
            log.warning("a time reference that was entered is not taken: %s", problem)
        self._requests.done()

    async def write(self) -> None:
        """Writes what is ready. On a medium that is nearly full it is left out: the registers go on counting, and what
        is left of the room belongs to the ends of sessions. Raises DeviceError, JournalDamaged."""
        ready, self._ready = self._ready, {}
        if ready and not self._ledger.accepts_sessions:
            raise DeviceError("the disk is nearly full, quarter hours are not kept: make room at the state folder")
        try:
            await self._ledger.register(tuple(ready.values()))
        except DeviceError:
            self._ready = ready | self._ready
            raise
        self._faults.off(FAULT)

    async def close(self) -> None:
        """Writes what is ready; what cannot be written any more is read again by the next life."""
        try:
            await self.write()
        except (DeviceError, JournalDamaged) as problem:
            self._faults.on(FAULT, str(problem))

    async def _keep(self, shown: Shown) -> None:
        if shown.place in self._ready:
            await self.write()
        if not self._ready:
            self._ready_s = shown.at.monotonic_s
        self._ready[shown.place] = shown

    def _new(self) -> list[Shown]:
        found = [self._of_socket(name, reading) for name, reading in self._meters.readings.items()]
        grid = self._meters.grid_energy
        found.append(None if grid is None else self._of_site(grid))
        return [shown for shown in found if shown is not None]

    def _of_socket(self, name: SocketId, reading: SocketReading) -> Shown | None:
        identity = self._identities.get(name)
        if identity is None or reading.energy_import is None or self._heard.get(name) is reading:
            return None
        self._heard[name] = reading
        kept = self._sockets[name].heard(reading)
        if kept is None or kept.energy_import is None:
            return None
        serial = kept.serial or meter_serial(identity, name)
        return Shown(name, serial, kept.at, kept.energy_import, self._most_w.get(name))

    def _of_site(self, reading: GridReading) -> Shown | None:
        if self._heard.get(SITE) is reading:
            return None
        self._heard[SITE] = reading
        kept = self._site.heard(reading)
        if kept is None or kept.import_kwh is None:
            return None
        exponent = kept.import_kwh.as_tuple().exponent
        step_kwh = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
        serial = kept.meter_id or kept.ident or f"{SERIAL_UNREAD}site"
        return Shown(SITE, serial, kept.at, EnergyRegister(kept.import_kwh, step_kwh, ()), self._most_w.get(SITE))


def _polls_agree(first: SocketReading, second: SocketReading) -> bool:
    return first.serial == second.serial and polls_agree(first, second)


def _telegrams_agree(first: GridReading, second: GridReading) -> bool:
    """The grid meter's telegrams are checked one by one; its register never falls and its number stays."""
    if first.import_kwh is None or second.import_kwh is None:
        return False
    return first.meter_id == second.meter_id and first.import_kwh <= second.import_kwh
