"""Records that meters signed themselves come in over MQTT and from the inbox, one after the other, into the journal.
Other orders in the inbox are carried out in the same turn.

Who reaches the broker can send any number. Each socket has a pace, and of what nobody can prove only so much is stored
as evidence: then the sender is told, and nothing is written.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from gateway.app.faults import FaultLog
from gateway.app.import_orders import LedgerTurn, carried_out, order_of, outcomes_text, taken_in
from gateway.app.supervisor import keep_alive
from gateway.config.plans import Cabinet
from gateway.devices.inbox import Inbox
from gateway.devices.protocols import Clock
from gateway.errors import DeviceError
from gateway.ids import SocketId
from gateway.journal.imports import Handed, Outcome
from gateway.metering.verdicts import Reason
from gateway.publish import topic_names
from gateway.publish.commands import Refusal, Rejected
from gateway.publish.events import rejected_event
from gateway.publish.meter_records import KEY, read_meter_record
from gateway.publish.words import Language

WAITING_MAX: Final = 32
LOOK_S: Final = 2.0
AGAIN_S: Final = 1.0
FAULT: Final = "meter records"
log = logging.getLogger("laddvakt")


class Voice(Protocol):
    """What is needed of the broker's link (`devices.mqtt_link.MqttLink`)."""

    def say(self, topic: str, payload: str) -> None: ...

    def listen(self, topic_filter: str, listener: Callable[[str, bytes, bool], None]) -> None: ...


class Credit:
    """So many at once, then one every so many seconds."""

    def __init__(self, at_once: int, every_s: float) -> None:
        self._at_once = at_once
        self._every_s = every_s
        self._spent_until_s = 0.0

    def spend(self, now_s: float) -> bool:
        """Takes one; False if there is none."""
        spent_until_s = max(now_s, self._spent_until_s) + self._every_s
        if spent_until_s > now_s + self._at_once * self._every_s:
            return False
        self._spent_until_s = spent_until_s
        return True

    def has(self, now_s: float) -> bool:
        """Whether one could be taken."""
        return max(now_s, self._spent_until_s) + self._every_s <= now_s + self._at_once * self._every_s


class MeterRecords:
    """The one way of a meter's own records into the journal of a running gateway."""

    def __init__(
        self,
        ledger: LedgerTurn,
        link: Voice | None,
        forget_phases: Callable[[SocketId], Awaitable[None]],
        *,
        cabinet: Cabinet,
        clock: Clock,
        faults: FaultLog,
    ) -> None:
        """forget_phases: comes back when it is durable."""
        self._ledger = ledger
        self._forget_phases = forget_phases
        self._link = link
        self._site = cabinet.site
        self._inbox = Inbox(cabinet.state_dir)
        self._clock = clock
        self._faults = faults
        self._language = Language(cabinet.language)
        self._waiting: asyncio.Queue[Handed] = asyncio.Queue(WAITING_MAX)
        self._paces: dict[SocketId, Credit] = {}
        self._unproven = Credit(at_once=16, every_s=225.0)
        """At 64 KiB each this is at most 48 MB a day of rows, however many come."""
        if link is not None:
            link.listen(topic_names.meter_record_filter(self._site.gateway_id), self.heard)

    async def run(self) -> None:
        """Takes what is heard and what lies in the inbox, for ever. Raises JournalDamaged."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.take())
            group.create_task(keep_alive("inbox", self.watch_inbox, self._faults))

    def heard(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message on a record's topic."""
        made = read_meter_record(topic, payload, retained, self._site)
        if isinstance(made, Rejected):
            self._say(made)
            return
        now_s = self._clock.now().monotonic_s
        for handed in made:
            pace = self._paces.setdefault(handed.socket, Credit(at_once=32, every_s=10.0))
            if self._waiting.full() or not pace.spend(now_s):
                self._say(Rejected(Refusal.TOO_MANY, handed.socket, KEY))
            else:
                self._waiting.put_nowait(handed)

    async def take(self) -> None:
        """Takes what was heard into the journal. Raises JournalDamaged, which ends the gateway."""
        while True:
            handed = await self._waiting.get()
            spares = not self._unproven.has(self._clock.now().monotonic_s)
            outcome = await self._stored(handed, spares=spares)
            if outcome.reason is Reason.REPLAYED:
                self._say(Rejected(Refusal.KNOWN_ALREADY, handed.socket, KEY))
            elif outcome.reason is not None or outcome.pin is None:
                self._unproven.spend(self._clock.now().monotonic_s)
                if spares:
                    self._say(Rejected(Refusal.TOO_MANY, handed.socket, KEY))
            what = "kept" if outcome.reason is None else f"not taken ({outcome.reason.value})"
            log.info("socket %s: a record of its meter is %s", handed.socket, what)

    async def watch_inbox(self) -> None:
        """Carries out what `laddvakt import`, `meter-key` and `phases --forget` leave in the state folder."""
        while True:
            for name, text in await asyncio.to_thread(self._inbox.orders):
                try:
                    order = order_of(text)
                    if order.forget_phases is not None and order.forget_phases in self._site.sockets:
                        await self._forget_phases(order.forget_phases)
                    outcomes = await carried_out(self._ledger, order)
                except (ValueError, TypeError, KeyError, RecursionError) as problem:
                    log.warning("inbox: an order cannot be read: %s", problem)
                    outcomes = ()
                await asyncio.to_thread(self._inbox.finish, name, outcomes_text(outcomes))
            await asyncio.sleep(LOOK_S)

    async def _stored(self, handed: Handed, *, spares: bool) -> Outcome:
        """A journal that is busy is asked again."""
        while True:
            try:
                outcome = await taken_in(self._ledger, handed, spares_disk=spares)
            except DeviceError as problem:
                self._faults.on(FAULT, str(problem))
                await asyncio.sleep(AGAIN_S)
            else:
                self._faults.off(FAULT)
                return outcome

    def _say(self, rejected: Rejected) -> None:
        if self._link is not None:
            self._link.say(*rejected_event(self._site.gateway_id, rejected, self._language, self._clock.now().utc))
