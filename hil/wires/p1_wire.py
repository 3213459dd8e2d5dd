"""The grid meter's port: one telegram each interval in the meter's form, in pieces of 62 bytes, paced or at once."""

import asyncio
from datetime import UTC, datetime, timedelta

from hil.faults import Faults
from hil.wires.event_log import EventLog, stamp_ns
from hil.wires.lines import Line
from hil.world.cabinet import Cabinet
from hil.world.grid_forms import FORMS, with_wrong_check
from hil.world.phases import rounded
from hil.world.plans import Scenario

PIECE = 62
_DRIBBLE_S = 0.004


def line_settings(scenario: Scenario) -> tuple[int, str]:
    """Baud and parity of the grid meter's port."""
    form = FORMS[scenario.p1_form]
    return scenario.p1_baud or form.baud, form.parity


def meter_time() -> datetime:
    """Standard time all the year (UTC+1), as Sagemcom and Landis+Gyr meters in Sweden tell it."""
    return datetime.now(UTC) + timedelta(hours=1)


class P1Wire:
    """Sends telegrams until it is cancelled."""

    def __init__(self, line: Line, cabinet: Cabinet, faults: Faults, log: EventLog, *, paced: bool) -> None:
        self._line = line
        self._cabinet = cabinet
        self._faults = faults
        self._log = log
        self._paced = paced and not line.paces_itself
        self._form = FORMS[cabinet.scenario.p1_form]
        baud, parity = line_settings(cabinet.scenario)
        self._octet_s = (10 + (parity != "N")) / baud
        self._count = 0
        self._frozen: bytes | None = None

    def _next(self) -> bytes:
        if self._faults.active("p1_frozen") is None:
            self._frozen = None
            return self._made()
        if self._frozen is None:
            self._frozen = self._made()
        return self._frozen

    def _made(self) -> bytes:
        octets = self._form.octets(self._cabinet.grid.flow, meter_time(), self._count)
        self._count += 1
        return octets if self._faults.active("p1_bad_crc") is None else with_wrong_check(self._form, octets)

    async def _deliver(self, octets: bytes) -> bool:
        dribbled = self._faults.active("p1_dribble") is not None
        size = 1 if dribbled else PIECE
        whole = True
        for at in range(0, len(octets), size):
            piece = octets[at : at + size]
            if dribbled:
                await asyncio.sleep(_DRIBBLE_S)
            elif self._paced:
                await asyncio.sleep(len(piece) * self._octet_s)
            whole = self._line.send(piece) and whole
        return whole

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            if self._cabinet.power and self._faults.active("p1_silence") is None:
                current_a = rounded(self._cabinet.grid.flow.amperes)
                first_ns = stamp_ns()
                whole = await self._deliver(self._next())
                at_s = round(self._cabinet.at_s, 3)
                words = {"at_s": at_s, "first_ns": first_ns, "current_a": current_a, "whole": whole}
                self._log.write("telegram", words)
            due_s = max(due_s + self._cabinet.scenario.p1_interval_s, loop.time())
            await asyncio.sleep(due_s - loop.time())
