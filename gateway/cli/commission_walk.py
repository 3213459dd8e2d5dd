"""The walk from socket to socket: asks for the load, has the gateway start a session, watches, stops it, and judges.

Control stays the gateway's: a session waits, starts and ends as any other does, and whatever the walk asks for is a
command that Home Assistant could have sent.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

from gateway.cli.commission_line import Line, Person
from gateway.cli.commission_trial import Trial, after_stop, judge
from gateway.errors import DeviceError
from gateway.ids import SocketId
from gateway.publish.commission_words import Finding, Verdict, finding_text, saying
from gateway.publish.words import Language
from gateway.site.topology import Access, Site, Socket

STARTS_BY_ITSELF_S: Final = 5.0
"""So long a socket with open access is left to start by itself once its box has seen a car."""
ANSWERS_S: Final = 10.0
"""A gateway that took a command says the socket's state again at once (`app.announcer`)."""
STOPS_S: Final = 30.0
"""Setpoint 0, open, read and sign: about 10 s where everything answers."""
TEST_TOKEN: Final = "commissioning"  # noqa: S105 - a pseudonym that stands in the record, no secret
CHARGE: Final = "charge"


@dataclass(frozen=True, slots=True)
class Orders:
    """How to walk. seconds: for each wait; token: the pseudonym that sessions name, None: on sockets with a list the
    user is known by card or code, on others `TEST_TOKEN`."""

    site: Site
    seconds: float
    language: Language
    token: str | None
    say: Callable[[str], None]


async def walk(orders: Orders, line: Line, person: Person, sockets: tuple[SocketId, ...]) -> tuple[Finding, ...]:
    """A finding for each socket, in this order. Raises DeviceError if the gateway goes away or does not answer."""
    findings = []
    for name in sockets:
        visit = _Visit(orders, line, person, orders.site.sockets[name])
        findings.append(await visit.found(last=name == sockets[-1]))
    return tuple(findings)


class _Visit:
    """One socket."""

    def __init__(self, orders: Orders, line: Line, person: Person, socket: Socket) -> None:
        self._orders = orders
        self._line = line
        self._person = person
        self._socket = socket
        self._name = socket.id
        self._asked = False
        self._plugged_s: float | None = None

    async def found(self, *, last: bool) -> Finding:
        """Prompts, tries, stops, and waits for the load to be gone."""
        if not self._socket.metered:
            return self._told(Finding(self._name, Verdict.NO_METER))
        self._person.asked()
        obstacle = await self._obstacle()
        if obstacle is not None:
            return self._told(obstacle)
        trial = Trial(self._orders.site, self._socket, dict(self._line.seen))
        try:
            await self._try(trial)
            finding = judge(trial, self._orders.language)
        finally:
            if self._asked or trial.stood:
                # Before a word of it: a terminal that has gone away must not keep the socket on.
                await self._line.command(self._name, CHARGE, "OFF")
                if trial.stood and not self._asked:
                    self._say("by_itself")
                self._say("stops")
        if self._asked or trial.stood:
            moved = {self._name, *trial.movers}
            await self._line.until(lambda: not moved & set(self._busy()), STOPS_S)
            finding = after_stop(finding, still_draws=self._line.seen[self._name].draws)
        self._told(finding)
        if not last:
            await self._unplugged()
        return finding

    async def _obstacle(self) -> Finding | None:
        """What keeps this socket from being tried: it is locked, or it or another charges or draws and goes on so."""
        seen = self._line.seen[self._name]
        if seen.locked:
            return judge(Trial(self._orders.site, self._socket, {}, {self._name: seen}), self._orders.language)
        busy = self._busy()
        if busy:
            self._say("in_use", others=", ".join(busy))
            await self._line.until(lambda: not self._busy() or self._person.skips, self._orders.seconds)
            busy = self._busy()
        if not busy:
            return None
        others = tuple(name for name in busy if name != self._name)
        return Finding(self._name, Verdict.DISTURBED if others else Verdict.IN_USE, others)

    def _busy(self) -> tuple[SocketId, ...]:
        return tuple(name for name, seen in self._line.seen.items() if seen.busy or seen.draws)

    async def _try(self, trial: Trial) -> None:
        self._person.asked()
        self._say("plug_load" if self._socket.wallbox is None else "plug_car", label=self._socket.label)
        if not self._person.absent:
            await self._line.until(lambda: self._person.answered or self._shows(trial), inf)
            if self._person.skips:
                trial.skipped = True
                return
        self._line.refusals.pop(self._name, None)
        self._say("watches", seconds=f"{self._orders.seconds:g}")
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._orders.seconds
        while loop.time() < end_s and not trial.settled(loop.time()):
            if self._shall_ask(loop.time()):
                await self._ask()
            self._look(trial)
            await self._line.news()
        trial.refused = self._line.refusals.get(self._name)

    def _look(self, trial: Trial) -> None:
        now_s = asyncio.get_running_loop().time()
        for name, seen in self._line.seen.items():
            trial.heard(name, seen, now_s)

    def _shows(self, trial: Trial) -> bool:
        """Whether the load is seen without a word from the person."""
        self._look(trial)
        return self._line.seen[self._name].plugged is True or trial.since_s is not None

    def _shall_ask(self, now_s: float) -> bool:
        """A box that sees no car is not started; one that starts by itself is given time to do so."""
        seen = self._line.seen[self._name]
        socket = self._socket
        if self._asked or seen.busy or not (socket.contactor or socket.wallbox is not None):
            return False
        if socket.access is Access.LIST and self._orders.token is None:
            self._asked = True
            self._say("card")
            return False
        if socket.wallbox is None:
            return True
        if seen.plugged is False:
            self._plugged_s = None
            return False
        if self._plugged_s is None:
            self._plugged_s = now_s
        return socket.access is not Access.OPEN or now_s - self._plugged_s >= STARTS_BY_ITSELF_S

    async def _ask(self) -> None:
        self._asked = True
        self._say("starts")
        said = self._line.said[self._name]
        order = {"state": "ON", "token": self._orders.token or TEST_TOKEN}
        await self._line.command(self._name, CHARGE, json.dumps(order))
        if not await self._line.until(lambda: self._line.said[self._name] > said, ANSWERS_S):
            gateway = self._orders.site.gateway_id
            raise DeviceError(f"gateway {gateway} did not answer for {ANSWERS_S:.0f} s; see its log, and begin anew")

    async def _unplugged(self) -> None:
        """A plain socket is dead by now; a box says whether the cable is out."""
        if self._person.absent or not self._line.seen[self._name].plugged:
            return
        self._person.asked()
        self._say("unplug")
        await self._line.until(lambda: self._person.answered or not self._line.seen[self._name].plugged, inf)

    def _told(self, finding: Finding) -> Finding:
        self._orders.say(finding_text(finding, self._orders.language))
        return finding

    def _say(self, key: str, **figures: str) -> None:
        self._orders.say(saying(key, self._orders.language, place=self._name, **figures))
