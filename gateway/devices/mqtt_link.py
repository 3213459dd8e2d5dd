"""The one connection to the MQTT broker, in MQTT 5 over aiomqtt. The control loop never waits for it.

State lives in a map of latest values: after an outage only the newest of each topic goes out. What may not be lost
comes from the journal's outbox and is ticked off after the broker's acknowledgement. One writer awaits each publish
(aiomqtt gains nothing from more at once). After every connection: subscriptions, discovery, state, `online` last.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

import aiomqtt

from gateway.devices.mqtt_broker import Broker, expiring_after, refused_filters
from gateway.errors import DeviceError, IllegalEvent, JournalDamaged
from gateway.journal.outbox import PendingMessage
from gateway.publish.topic_names import OFFLINE, ONLINE, is_retained

LOG: Final = logging.getLogger("laddvakt.mqtt")
TOPICS_MAX: Final = 2000
EVENTS_MAX: Final = 64
OUTBOX_AT_ONCE: Final = 16
OUTBOX_LOOK_S: Final = 5.0
BACK_OFF_S_FIRST: Final = 1.0
BACK_OFF_S_MAX: Final = 60.0
WELL_AFTER_S: Final = 30.0
BIRTH_WAIT_S_MAX: Final = 10.0
FAREWELL_S_MAX: Final = 2.0

Listener = Callable[[str, bytes, bool], None]
"""Topic, payload, whether it was a retained message. Must be quick and must not raise."""


class Outbox(Protocol):
    """What may not be lost: kept by the journal until the broker has acknowledged it."""

    async def pending_outbox(self, limit: int) -> Sequence[PendingMessage]: ...

    async def outbox_delivered(self, ids: Sequence[int]) -> None: ...


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is said at every connection. discovery: topic to payload, in order; birth: Home Assistant's own status."""

    status_topic: str
    discovery: Mapping[str, str]
    birth_topic: str


@dataclass(frozen=True, slots=True)
class _Held:
    """The latest value of one topic. dies_s: when its message expires, on the loop's clock."""

    payload: str
    retain: bool
    qos: int
    dies_s: float | None


class MqttLink:
    """`put` and `say` are for the control loop: quick, never waiting. `run` belongs to the TaskGroup."""

    def __init__(
        self,
        broker: Broker,
        announcement: Announcement,
        outbox: Outbox,
        outgoing: Callable[[PendingMessage], tuple[str, str]],
        chance: Random,
    ) -> None:
        self._broker = broker
        self._announcement = announcement
        self._outbox = outbox
        self._outgoing = outgoing
        self._chance = chance
        self._latest: dict[str, _Held] = {}
        self._dirty: dict[str, None] = {}
        self._events: deque[tuple[str, str]] = deque(maxlen=EVENTS_MAX)
        self._listeners: list[tuple[str, Listener]] = []
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._birth: asyncio.TimerHandle | None = None
        self._announce_again = False
        self._connected = False
        self._seen_before = False
        self._away_since_s: float | None = None
        self._look_again_s = 0.0
        self._outbox_fault: str | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker answers now; for display only."""
        return self._connected

    def put(
        self, topic: str, payload: str, *, retain: bool = True, qos: int = 1, expiry_s: float | None = None
    ) -> None:
        """The newest value of a topic; an older one that has not gone out is forgotten."""
        if topic not in self._latest and len(self._latest) >= TOPICS_MAX:
            raise IllegalEvent(f"more than {TOPICS_MAX} MQTT topics; the config's sockets and fuses make fewer")
        dies_s = None if expiry_s is None else asyncio.get_running_loop().time() + expiry_s
        self._latest[topic] = _Held(payload, retain, qos, dies_s)
        self._dirty[topic] = None
        self._wake.set()

    def say(self, topic: str, payload: str) -> None:
        """Something said once, not retained; while the broker is away only the newest few are kept."""
        self._events.append((topic, payload))
        self._wake.set()

    def listen(self, topic_filter: str, listener: Listener) -> None:
        """Calls `listener` for every message that fits the filter. To be called before `run`."""
        self._listeners.append((topic_filter, listener))

    def outbox_changed(self) -> None:
        """There may be something new in the outbox; it is looked at anyway every few seconds."""
        self._look_again_s = 0.0
        self._wake.set()

    def stop(self) -> None:
        """Sends what is waiting, says `offline`, and lets `run` end."""
        self._stopping.set()

    async def run(self) -> None:
        """Connects, serves, and connects again, until `stop`. A broker's absence raises nothing."""
        back_off_s = BACK_OFF_S_FIRST
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began_s = loop.time()
            try:
                async with self._connection() as client:
                    await self._serve(client)
            except* aiomqtt.MqttError as faults:
                self._note_away(str(faults.exceptions[0]))
            if loop.time() - began_s > WELL_AFTER_S:
                back_off_s = BACK_OFF_S_FIRST
            await self._rest(back_off_s * self._chance.uniform(0.5, 1.0))
            back_off_s = min(BACK_OFF_S_MAX, back_off_s * 2)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiomqtt.Client]:
        async with self._broker.client(self._announcement.status_topic, clean_start=not self._seen_before) as client:
            self._seen_before = True
            try:
                yield client
            finally:
                self._connected = False

    async def _serve(self, client: aiomqtt.Client) -> None:
        await self._subscribe(client)
        await self._announce(client)
        self._note_back()
        try:
            async with asyncio.TaskGroup() as group:
                work = [group.create_task(self._read(client)), group.create_task(self._write(client))]
                await self._stopping.wait()
                for task in work:
                    task.cancel()
        finally:
            if self._stopping.is_set() or self._is_cancelled():
                await self._farewell(client)

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        filters = [self._announcement.birth_topic, *(each for each, _ in self._listeners)]
        codes = await client.subscribe([(each, 1) for each in filters])
        for each in refused_filters(filters, codes):
            LOG.warning("broker %s refuses the subscription %s", self._broker.address, each)

    async def _announce(self, client: aiomqtt.Client) -> None:
        for topic, payload in self._announcement.discovery.items():
            await client.publish(topic, payload, qos=1, retain=True)
        self._dirty.update({topic: None for topic, held in self._latest.items() if held.retain})
        await self._flush(client)
        await client.publish(self._announcement.status_topic, ONLINE, qos=1, retain=True)

    async def _read(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            topic, payload = message.topic.value, message.payload
            if topic == self._announcement.birth_topic:
                if payload == ONLINE.encode():
                    self._answer_birth()
                continue
            for topic_filter, listener in self._listeners:
                if message.topic.matches(topic_filter):
                    listener(topic, payload, message.retain)

    def _answer_birth(self) -> None:
        """Not at once: after Home Assistant's start every device of the house answers. Left to the one writer."""
        if self._birth is None:
            pause_s = self._chance.uniform(0.0, BIRTH_WAIT_S_MAX)
            self._birth = asyncio.get_running_loop().call_later(pause_s, self._birth_is_due)

    def _birth_is_due(self) -> None:
        self._birth = None
        self._announce_again = True
        self._wake.set()

    async def _write(self, client: aiomqtt.Client) -> None:
        while True:
            if self._announce_again:
                self._announce_again = False
                await self._announce(client)
            await self._flush(client)
            if asyncio.get_running_loop().time() >= self._look_again_s:
                await self._deliver(client)
                self._look_again_s = asyncio.get_running_loop().time() + OUTBOX_LOOK_S
            try:
                async with asyncio.timeout_at(self._look_again_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _flush(self, client: aiomqtt.Client) -> None:
        self._wake.clear()
        loop = asyncio.get_running_loop()
        while self._dirty:
            topic = next(iter(self._dirty))
            del self._dirty[topic]
            held = self._latest[topic]
            properties = None
            if held.dies_s is not None:
                left_s = int(held.dies_s - loop.time())
                if left_s < 1:
                    continue
                properties = expiring_after(left_s)
            await client.publish(topic, held.payload, qos=held.qos, retain=held.retain, properties=properties)
        while self._events:
            said = self._events[0]
            await client.publish(*said, qos=1, retain=False)
            if self._events and self._events[0] is said:
                self._events.popleft()

    async def _deliver(self, client: aiomqtt.Client) -> None:
        """Empties the outbox. A journal in trouble is control's business; the link goes on telling the state."""
        try:
            while pending := await self._outbox.pending_outbox(OUTBOX_AT_ONCE):
                for message in pending:
                    topic, payload = self._outgoing(message)
                    await client.publish(topic, payload, qos=1, retain=is_retained(topic))
                    await self._outbox.outbox_delivered([message.id])
        except (DeviceError, JournalDamaged) as problem:
            if str(problem) != self._outbox_fault:
                LOG.warning("the outbox waits: %s", problem)
            self._outbox_fault = str(problem)
        else:
            self._outbox_fault = None

    async def _farewell(self, client: aiomqtt.Client) -> None:
        """A clean disconnection discards the will, so `offline` is said by ourselves."""
        try:
            async with asyncio.timeout(FAREWELL_S_MAX):
                await self._flush(client)
                await client.publish(self._announcement.status_topic, OFFLINE, qos=1, retain=True)
                await self._deliver(client)
        except (TimeoutError, aiomqtt.MqttError) as problem:
            LOG.warning("broker %s did not take our offline: %s", self._broker.address, problem)

    async def _rest(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        except TimeoutError:
            return

    @staticmethod
    def _is_cancelled() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _note_away(self, problem: str) -> None:
        if self._away_since_s is None:
            self._away_since_s = asyncio.get_running_loop().time()
            LOG.warning("broker %s is away: %s", self._broker.address, problem)

    def _note_back(self) -> None:
        self._connected = True
        if self._away_since_s is None:
            LOG.info("broker %s reached", self._broker.address)
        else:
            away_s = asyncio.get_running_loop().time() - self._away_since_s
            LOG.info("broker %s reached again after %.0f s", self._broker.address, away_s)
        self._away_since_s = None
