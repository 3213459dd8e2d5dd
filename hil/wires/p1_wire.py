"""The grid meter's port: one telegram each interval in the meter's form, in pieces of 62 bytes, paced or at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hil.faults import Faults
from hil.wires.event_log import EventLog, stamp_ns
from hil.wires.lines import Line
from hil.world.cabinet import Cabinet
from hil.world.grid_forms import FORMS
from hil.world.han_troubles import TROUBLES, Trouble, read_octets, sent_octets, timed
from hil.world.phases import rounded
from hil.world.plans import Scenario
from hil.world.uart import Receiver, Setting

PIECE = 62
_SLEEP_S_MIN = 0.002
_PAUSE_S = 0.003


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
        self._sent = Setting(baud, 8, parity)
        self._octet_s = self._sent.bits / baud
        self._count = 0
        self._chance = Random(cabinet.scenario.seed)
        self._frozen: bytes | None = None

    def _next(self) -> bytes:
        if self._faults.active("p1_frozen") is None:
            self._frozen = None
            return self._made()
        if self._frozen is None:
            self._frozen = self._made()
        return self._frozen

    def _trouble(self) -> Trouble | None:
        """What goes wrong on the line just now; of several, one."""
        for kind in sorted(TROUBLES):
            plan = self._faults.active(kind)
            if plan is not None:
                return Trouble(kind, plan.values)
        return None

    def _made(self) -> bytes:
        trouble, flow, chance = self._trouble(), self._cabinet.grid.flow, self._chance
        octets = sent_octets(self._form, flow, meter_time(), self._count, trouble=trouble, chance=chance)
        self._count += 1
        return octets

    async def _deliver(self, octets: bytes) -> bool:
        """Sends one telegram as the reader's UART makes of it; a pty carries bytes, so the misreading is done here."""
        trouble = self._trouble()
        baud = self._line.reader_baud or self._sent.baud
        receiver = Receiver(replace(self._sent, baud=baud))
        if trouble is None and baud == self._sent.baud:
            return await self._deliver_pieces(octets)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        whole = True
        for at_s, octet in read_octets(timed(octets, 0.0, self._sent, trouble), self._sent, receiver, trouble):
            wait_s = began_s + at_s - loop.time()
            if wait_s > _SLEEP_S_MIN and (self._paced or wait_s > _PAUSE_S):
                await asyncio.sleep(wait_s)
            whole = self._line.send(bytes((octet,))) and whole
        return whole

    async def _deliver_pieces(self, octets: bytes) -> bool:
        whole = True
        for at in range(0, len(octets), PIECE):
            piece = octets[at : at + PIECE]
            if self._paced:
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
