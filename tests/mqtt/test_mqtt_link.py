"""The broker link against a real mosquitto."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from gateway.devices.mqtt_broker import Broker, refused_filters
from gateway.devices.mqtt_link import EVENTS_MAX, TOPICS_MAX, Announcement, MqttLink
from gateway.errors import DeviceError, IllegalEvent, JournalDamaged
from gateway.journal.outbox import Kind, PendingMessage
from tests.mqtt.broker import PATIENCE_S, Mosquitto, broker, ear, free_port, needs_mosquitto

STATUS = "laddvakt/villa-1/status"
CONFIG = "homeassistant/device/laddvakt_villa-1/config"
STATE = "laddvakt/villa-1/state"
BIRTH = "homeassistant/status"
COMMANDS = "laddvakt/villa-1/socket/+/+/set"
COMMAND = "laddvakt/villa-1/socket/p1/charge/set"


class SlipBox:
    """An outbox in memory."""

    def __init__(self, bodies: Sequence[str] = (), *, fault: Exception | None = None) -> None:
        self.waiting = [PendingMessage(number, Kind.EVENT, body) for number, body in enumerate(bodies, start=1)]
        self.delivered: list[int] = []
        self.fault = fault
        self.asked = 0

    async def pending_outbox(self, limit: int) -> Sequence[PendingMessage]:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return self.waiting[:limit]

    async def outbox_delivered(self, ids: Sequence[int]) -> None:
        self.delivered += ids
        self.waiting = [message for message in self.waiting if message.id not in ids]


class Hasty(Random):
    """Chance that always says: at once."""

    def uniform(self, a: float, b: float) -> float:
        return min(a + 0.05, b)


def link_to(port: int, outbox: SlipBox | None = None) -> MqttLink:
    return MqttLink(
        Broker("127.0.0.1", port, "laddvakt-villa-1"),
        Announcement(STATUS, {CONFIG: '{"o":1}'}, BIRTH),
        outbox or SlipBox(),
        lambda message: ("laddvakt/villa-1/event", message.body),
        Hasty(),
    )


@contextlib.asynccontextmanager
async def running(link: MqttLink) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(link.run())
    try:
        yield task
    finally:
        link.stop()
        async with asyncio.timeout(PATIENCE_S):
            await task


@pytest.fixture
def mosquitto(tmp_path: Path) -> "contextlib.AbstractContextManager[Mosquitto]":
    return broker(tmp_path)


Fixture = contextlib.AbstractContextManager[Mosquitto]


@needs_mosquitto
def test_discovery_goes_first_then_state_and_online_last(mosquitto: Fixture) -> None:
    async def main(port: int) -> None:
        async with ear(port) as listener:
            link = link_to(port)
            link.put(STATE, "{}")
            async with running(link):
                await listener.hears(STATUS, "online")
            await listener.hears(STATUS, "offline")
            topics = [topic for topic, _, _ in listener.heard]
            assert topics == [CONFIG, STATE, STATUS, STATUS]
        async with ear(port) as later:
            await later.hears(STATUS, "offline")
            assert (CONFIG, '{"o":1}', True) in later.heard

    with mosquitto as process:
        asyncio.run(main(process.port))


@needs_mosquitto
def test_only_the_newest_value_goes_out_after_an_outage(mosquitto: Fixture, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "laddvakt.mqtt")

    async def main(process: Mosquitto) -> None:
        link = link_to(process.port)
        async with running(link):
            async with ear(process.port) as listener:
                await listener.hears(STATUS, "online")
            process.kill()
            for number in range(500):
                link.put(STATE, str(number))
                link.put("laddvakt/villa-1/queue/state", str(number))
            process.start()
            async with ear(process.port) as listener:
                await listener.hears(STATUS, "online")
                await listener.hears(STATE, "499")
                assert [said for topic, said, _ in listener.heard if topic == STATE] == ["499"]

    with mosquitto as process:
        asyncio.run(main(process))
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "is away" in line]) == 1
    assert len([line for line in lines if "reached again after" in line]) == 1


def test_an_absent_broker_is_not_felt(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        link = link_to(free_port())
        async with running(link):
            for number in range(200):
                link.put(STATE, str(number))
                link.say("laddvakt/villa-1/event", str(number))
                await asyncio.sleep(0)
            await asyncio.sleep(0.4)
            assert not link.connected

    asyncio.run(main())
    assert len([record for record in caplog.records if "is away" in record.getMessage()]) == 1


@needs_mosquitto
def test_commands_are_heard_with_their_retain_flag(mosquitto: Fixture) -> None:
    async def main(port: int) -> None:
        got: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        async with ear(port) as speaker:
            await speaker.client.publish("laddvakt/villa-1/socket/p2/charge/set", "ON", qos=1, retain=True)
            link = link_to(port)
            link.listen(COMMANDS, lambda topic, payload, retained: got.put_nowait((topic, payload, retained)))
            async with running(link), asyncio.timeout(PATIENCE_S):
                assert await got.get() == ("laddvakt/villa-1/socket/p2/charge/set", b"ON", True)
                await speaker.client.publish(COMMAND, "OFF", qos=1)
                assert await got.get() == (COMMAND, b"OFF", False)
                await speaker.client.publish(COMMAND, "x" * 50_000, qos=1)
                await speaker.client.publish(COMMAND, "ON", qos=1)
                assert await got.get() == (COMMAND, b"ON", False)

    with mosquitto as process:
        asyncio.run(main(process.port))


@needs_mosquitto
def test_when_home_assistant_is_born_everything_is_said_again(mosquitto: Fixture) -> None:
    async def main(port: int) -> None:
        async with ear(port) as listener:
            link = link_to(port)
            link.put(STATE, "{}")
            async with running(link):
                once = await listener.hears(STATUS, "online")
                await listener.client.publish(BIRTH, "offline", qos=1)
                await listener.client.publish(BIRTH, "online", qos=1)
                again = await listener.hears(STATUS, "online", after=once)
                said = [topic for topic, _, _ in listener.heard[once:again]]
                assert said == [BIRTH, BIRTH, CONFIG, STATE, STATUS]

    with mosquitto as process:
        asyncio.run(main(process.port))


@needs_mosquitto
def test_the_outbox_is_ticked_off_one_by_one_in_order_and_never_retained(mosquitto: Fixture) -> None:
    async def main(port: int) -> None:
        slips = SlipBox([f"e{number}" for number in range(40)])
        async with ear(port) as listener:
            link = link_to(port, slips)
            async with running(link):
                await listener.hears("laddvakt/villa-1/event", "e39")
                slips.waiting.append(PendingMessage(41, Kind.EVENT, "late"))
                link.outbox_changed()
                await listener.hears("laddvakt/villa-1/event", "late")
            said = [payload for topic, payload, _ in listener.heard if topic.endswith("/event")]
            assert said == [*(f"e{number}" for number in range(40)), "late"]
            assert slips.delivered == [*range(1, 42)]
        async with ear(port) as later:
            await later.hears(STATUS)
            assert all(not topic.endswith("/event") for topic, _, _ in later.heard)

    with mosquitto as process:
        asyncio.run(main(process.port))


@needs_mosquitto
def test_what_comes_into_the_outbox_at_the_very_end_still_goes_out(mosquitto: Fixture) -> None:
    async def main(port: int) -> None:
        slips = SlipBox()
        async with ear(port) as listener:
            link = link_to(port, slips)
            async with running(link):
                await listener.hears(STATUS, "online")
                slips.waiting.append(PendingMessage(1, Kind.EVENT, "last"))
            await listener.hears("laddvakt/villa-1/event", "last")
        assert slips.delivered == [1]

    with mosquitto as process:
        asyncio.run(main(process.port))


@needs_mosquitto
def test_the_journal_is_not_asked_for_its_outbox_at_every_tick(mosquitto: Fixture) -> None:
    async def main(port: int) -> None:
        slips = SlipBox()
        async with ear(port) as listener, running(link := link_to(port, slips)):
            await listener.hears(STATUS, "online")
            for number in range(30):
                link.put(STATE, str(number))
                await listener.hears(STATE, str(number))
        assert slips.asked <= 3

    with mosquitto as process:
        asyncio.run(main(process.port))


@needs_mosquitto
@pytest.mark.parametrize("fault", [DeviceError("disk is full"), JournalDamaged("chain is broken")])
def test_a_journal_in_trouble_does_not_stop_the_state(
    mosquitto: Fixture, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(port: int) -> None:
        async with ear(port) as listener:
            link = link_to(port, SlipBox(fault=fault))
            async with running(link):
                await listener.hears(STATUS, "online")
                for number in range(5):
                    link.put(STATE, str(number))
                    await listener.hears(STATE, str(number))

    with mosquitto as process:
        asyncio.run(main(process.port))
    assert len([record for record in caplog.records if "outbox waits" in record.getMessage()]) == 1


@needs_mosquitto
def test_a_setpoint_that_has_expired_is_not_said_again(mosquitto: Fixture) -> None:
    setpoint = "laddvakt/villa-1/socket/p2/setpoint"

    async def main(port: int) -> None:
        link = link_to(port)
        link.put(setpoint, "old", expiry_s=0.5)
        link.put(f"{setpoint}/amps", "6", expiry_s=2.5)
        async with ear(port) as listener:
            async with running(link):
                await listener.hears(STATUS, "online")
                assert listener.last(setpoint) is None
                assert listener.last(f"{setpoint}/amps") == "6"
            await asyncio.sleep(2.6)
        async with ear(port) as later:
            await later.hears(STATUS)
            assert later.last(f"{setpoint}/amps") is None

    with mosquitto as process:
        asyncio.run(main(process.port))


@needs_mosquitto
def test_a_cancelled_link_says_offline_too(mosquitto: Fixture) -> None:
    async def main(port: int) -> None:
        async with ear(port) as listener:
            task = asyncio.create_task(link_to(port).run())
            await listener.hears(STATUS, "online")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await listener.hears(STATUS, "offline")

    with mosquitto as process:
        asyncio.run(main(process.port))


def test_refused_subscriptions_are_seen_in_the_brokers_answer() -> None:
    granted = ReasonCode(PacketTypes.SUBACK, "Granted QoS 1")
    against_the_list = ReasonCode(PacketTypes.SUBACK, "Not authorized")
    assert refused_filters(["a", "b", "c"], [granted, against_the_list, 0]) == ("b",)


def test_more_topics_than_the_config_can_make_are_our_bug() -> None:
    link = link_to(1)
    for number in range(TOPICS_MAX):
        link.put(f"t/{number}", "")
    link.put("t/0", "again")
    with pytest.raises(IllegalEvent):
        link.put("one/more", "")


@needs_mosquitto
def test_of_events_said_while_the_broker_is_away_the_newest_few_are_kept(mosquitto: Fixture) -> None:
    async def main(port: int) -> None:
        async with ear(port) as listener:
            link = link_to(port)
            for number in range(EVENTS_MAX + 10):
                link.say("laddvakt/villa-1/event", str(number))
            async with running(link):
                await listener.hears("laddvakt/villa-1/event", str(EVENTS_MAX + 9))
            said = [payload for topic, payload, _ in listener.heard if topic.endswith("/event")]
            assert said == [str(number) for number in range(10, EVENTS_MAX + 10)]

    with mosquitto as process:
        asyncio.run(main(process.port))
