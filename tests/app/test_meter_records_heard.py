"""What comes over MQTT from whoever reaches the broker: true records are kept, all else costs little and is told."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from gateway.app.faults import FaultLog
from gateway.app.import_orders import EntryOf, LedgerTurn, confirmed
from gateway.app.meter_records import Credit, MeterRecords
from gateway.config.load import load_cabinet
from gateway.config.plans import Cabinet
from gateway.errors import DeviceError
from gateway.ids import GatewayId, SocketId
from gateway.journal.facts import Fact
from gateway.journal.meter_facts import MeterRecordKept, MeterRecordQuarantined
from gateway.metering.pins import Pin, PinState
from gateway.metering.safe_xml import safe_xml
from gateway.publish import topic_names
from tests.ledger.ledger_bench import NOON, Disk, HandClock, PocketKeys, opened
from tests.metering.makers import MakersMeter
from tests.publish.cabinet_told import BOX, GATEWAY, site

EXAMPLE = Path(__file__).parents[2] / "deploy" / "laddvakt.toml.example"


def cabinet(folder: Path) -> Cabinet:
    """The example's, with the site of the tests."""
    return replace(load_cabinet(EXAMPLE), site=site(), state_dir=folder, language="en")


class QuietLink:
    """A broker's link that remembers."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.filters: list[str] = []

    def listen(self, topic_filter: str, listener: Callable[[str, bytes, bool], None]) -> None:
        self.filters.append(topic_filter)

    def say(self, topic: str, payload: str) -> None:
        assert topic == topic_names.event(GATEWAY)
        self.said.append(json.loads(payload))


class Told:
    """A gateway's ear with a ledger behind it."""

    def __init__(self, folder: Path) -> None:
        self.disk, self.keys, self.clock, self.link = Disk(), PocketKeys(), HandClock(), QuietLink()
        self.meter, self.folder = MakersMeter(), folder
        self.forgotten: list[SocketId] = []

    async def __aenter__(self) -> Self:
        self.ledger = await opened(self.disk, self.keys, self.clock)
        self.records = self.taking(self.ledger, self.link)
        pin = Pin(f"GW-{self.meter.serial}", self.meter.serial, self.meter.public.hex, PinState.CONFIRMED, "a", "", "b")
        await confirmed(self.ledger, pin)
        self.task = asyncio.create_task(self.records.take())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await self.ledger.shut_down()

    def taking(self, ledger: LedgerTurn, link: QuietLink | None) -> MeterRecords:
        where, faults = cabinet(self.folder), FaultLog()
        return MeterRecords(ledger, link, self.forget, cabinet=where, clock=self.clock, faults=faults)

    async def forget(self, socket: SocketId) -> None:
        self.forgotten.append(socket)

    def say(self, payload: bytes | str, *, socket: str = BOX, retained: bool = False) -> None:
        octets = payload.encode() if isinstance(payload, str) else payload
        self.records.heard(topic_names.meter_record(GATEWAY, SocketId(socket)), octets, retained)

    async def settled(self) -> None:
        """Until nothing waits: the ledger's disk needs turns of the loop only, its key signs in a thread."""
        quiet_turns = 0
        while quiet_turns < 400:
            await asyncio.sleep(0)
            quiet_turns = 0 if self.ledger._running else quiet_turns + 1

    def facts(self, kind: type[Fact]) -> list[Any]:
        return [fact for fact in self.disk.facts() if isinstance(fact, kind)]

    @property
    def reasons(self) -> list[str]:
        return [one["reason"] for one in self.link.said]


def test_text_json_and_xml_are_taken_and_each_octet_is_kept(tmp_path: Path) -> None:
    async def run() -> None:
        async with Told(tmp_path) as told:
            texts = [told.meter.session(NOON, f"{at}.0", NOON, f"{at}.5") for at in range(3)]
            told.say(texts[0])
            told.say(json.dumps({"record": texts[1], "key": told.meter.public.hex, "session": "s1"}))
            told.say(safe_xml(1, texts[2], None, told.meter.public.hex))
            told.say(texts[0])
            await told.settled()
            assert [fact.text for fact in told.facts(MeterRecordKept)] == texts
            assert told.reasons == ["known_already"]
            assert told.link.filters == [f"laddvakt/{GATEWAY}/wallbox/+/record"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"x" * 70_000, "too_long"),
        (b"{", "wrong_value"),
        (b"{" * 60_000, "wrong_value"),
        (b'{"record": 1}', "wrong_value"),
        (b'{"record": "a", "record": "b"}', "wrong_value"),
        (b'{"record": "a", "more": 1}', "wrong_value"),
        (b'{"record": "\\ud800"}', "wrong_value"),
        (b'{"record": "a", "key": 5}', "wrong_value"),
        (b"\xff{", None),
        (b"<!DOCTYPE a><values/>", "wrong_value"),
        (b"<values>", "wrong_value"),
    ],
)
def test_what_cannot_be_read_is_answered_and_never_raises(payload: bytes, reason: str | None, tmp_path: Path) -> None:
    async def run() -> None:
        async with Told(tmp_path) as told:
            told.say(payload)
            await told.settled()
            assert told.reasons == ([] if reason is None else [reason])
            assert len(told.facts(MeterRecordQuarantined)) == (1 if reason is None else 0)

    asyncio.run(run())


def test_a_retained_message_and_a_foreign_socket_are_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with Told(tmp_path) as told:
            told.say(told.meter.session(NOON, "1.0", NOON, "2.0"), retained=True)
            told.say("OCMF", socket="nobody's")
            told.records.heard("laddvakt/other/wallbox/x/record", b"", False)
            assert told.reasons == ["retained", "unknown_socket", "unknown_socket"]

    asyncio.run(run())


def test_a_flood_of_false_records_costs_a_bounded_number_of_rows_and_true_ones_still_come_through(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with Told(tmp_path) as told:
            for at in range(3000):
                told.say(f"OCMF|{at}|{{}}")
                told.clock.pass_s(0.02)
                if at % 20 == 0:
                    await told.settled()
            assert len(told.facts(MeterRecordQuarantined)) <= 17
            assert told.reasons.count("too_many") > 2000
            told.clock.pass_s(600)
            told.say(told.meter.session(NOON, "1.0", NOON, "2.0"))
            await told.settled()
            assert len(told.facts(MeterRecordKept)) == 1

    asyncio.run(run())


def test_when_too_much_is_unproven_a_true_record_is_still_kept(tmp_path: Path) -> None:
    async def run() -> None:
        async with Told(tmp_path) as told:
            for at in range(20):
                told.say(f"OCMF|{at}|{{}}")
            await told.settled()
            quarantined = len(told.facts(MeterRecordQuarantined))
            told.say(told.meter.session(NOON, "1.0", NOON, "2.0"))
            told.say("OCMF|one more|{}")
            await told.settled()
            assert len(told.facts(MeterRecordKept)) == 1
            assert quarantined == len(told.facts(MeterRecordQuarantined)) == 16

    asyncio.run(run())


class BusyLedger:
    """A ledger whose disk does not keep up the first time."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.asked = 0

    async def enter(self, entry_of: EntryOf) -> None:
        self.asked += 1
        if self.asked == 1:
            raise DeviceError("256 jobs wait for the journal")
        await self._ledger.enter(entry_of)


def test_a_record_that_finds_the_journal_busy_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.app.meter_records.AGAIN_S", 0.0)

    async def run() -> None:
        async with Told(tmp_path) as told:
            busy = BusyLedger(told.ledger)
            records = told.taking(busy, None)
            task = asyncio.create_task(records.take())
            text = told.meter.session(NOON, "1.0", NOON, "2.0")
            records.heard(topic_names.meter_record(GATEWAY, BOX), text.encode(), False)
            await told.settled()
            task.cancel()
            assert busy.asked == 2
            assert len(told.facts(MeterRecordKept)) == 1

    asyncio.run(run())


def test_credit_is_so_many_at_once_and_then_one_at_a_time() -> None:
    credit = Credit(at_once=3, every_s=10.0)
    assert [credit.spend(100.0) for _ in range(4)] == [True, True, True, False]
    assert not credit.has(109.0)
    assert credit.has(110.0)
    assert [credit.spend(110.0) for _ in range(2)] == [True, False]


def test_the_topic_is_the_wallbox_own() -> None:
    assert topic_names.meter_record(GatewayId("g"), SocketId("p1")) == "laddvakt/g/wallbox/p1/record"
