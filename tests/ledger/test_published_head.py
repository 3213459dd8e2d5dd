"""An old copy of the journal is found by the head that the gateway itself published; nobody else's word is heard."""

import argparse
import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest

from gateway.app.journal_check import Tell
from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder, hand_over
from gateway.app.published_head import PublishedHead
from gateway.cli import journal
from gateway.config.plans import Cabinet
from gateway.devices.journal_check import DAMAGE_FILE
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.journal_store import JournalStore
from gateway.devices.key_store import KeyStore
from gateway.devices.mqtt_broker import Broker
from gateway.devices.mqtt_link import Announcement, MqttLink
from gateway.errors import JournalDamaged
from gateway.ids import GatewayId
from gateway.journal.chain import Head
from gateway.journal.heads import HEAD_MESSAGE_BYTES_MAX, RolledBack, head_in_message, head_text
from gateway.journal.outbox import Kind, PendingMessage
from gateway.metering.keys import public_key
from gateway.publish.events import check_text, outbox_message
from gateway.publish.words import Language
from tests.ledger.ledger_bench import HandClock, PocketKey, begin, end, reading, station
from tests.mqtt.broker import broker, ear, needs_mosquitto

TOPIC = "laddvakt/villa-1/journal/head"


class Air:
    """A link that only remembers."""

    def __init__(self) -> None:
        self.listeners: dict[str, Callable[[str, bytes, bool], None]] = {}
        self.looks = 0

    def listen(self, topic_filter: str, listener: Callable[[str, bytes, bool], None]) -> None:
        self.listeners[topic_filter] = listener

    def say(self, topic: str, payload: str) -> None:
        raise AssertionError((topic, payload))

    def outbox_changed(self) -> None:
        self.looks += 1


def signed(head: Head, key: PocketKey | KeyStore, **changes: object) -> bytes:
    """A head as it lies at the broker."""
    serial = public_key(key.public_key_hex).serial
    body = {"utc": "", "serial": serial, "seq": head.seq, "hash": head.hash.hex()}
    return json.dumps(body | {"signature": key.sign(head_text(serial, head)).hex()} | changes).encode()


async def opened(folder: Path) -> Ledger:
    return await Ledger.open(JournalStore.open(folder), KeyFolder(folder), HandClock(), station())


async def charge(ledger: Ledger, name: str, kwh: int) -> None:
    await ledger.record_begin(begin(name, reading(HandClock(), f"{kwh}.00")))
    await ledger.record_end(end(name, reading(HandClock(), f"{kwh}.75")))


def cabinet_of(folder: Path) -> Cabinet:
    """What is asked of a cabinet here."""
    return cast(Cabinet, SimpleNamespace(state_dir=folder, site=SimpleNamespace(gateway_id=GatewayId("villa-1"))))


def watched(folder: Path, ledger: Ledger, tell: Tell) -> tuple[PublishedHead, Air]:
    air = Air()
    return PublishedHead(cabinet_of(folder), ledger, air, tell), air


async def published(ledger: Ledger) -> list[bytes]:
    """Every head that waits for the broker, as the broker would keep it."""
    pending = await ledger.pending_outbox(1000)
    sent = [outbox_message(GatewayId("villa-1"), one, Language.SV) for one in pending if one.kind is Kind.HEAD]
    assert {topic for topic, _ in sent} == {TOPIC}
    return [text.encode() for _, text in sent]


async def hears(folder: Path, ledger: Ledger, *kept: bytes, retained: bool = True) -> None:
    """Takes these messages, and finds nothing; or raises JournalDamaged as the daemon would."""
    told: list[object] = []
    tell = told.append

    watch, air = watched(folder, ledger, tell)
    for payload in kept:
        air.listeners[TOPIC](TOPIC, payload, retained)
        await watch.look()
    assert not told
    assert not air.looks


def head_of(kept: bytes) -> str:
    said = json.loads(kept)
    return f"{said['seq']}:{said['hash']}"


def copied(folder: Path, target: Path) -> None:
    """The journal as it is now, without its key."""
    target.mkdir(mode=0o700)
    for file in folder.glob(f"{JOURNAL_FILE}*"):
        shutil.copy(file, target / file.name)


def put_back(copy: Path, folder: Path) -> None:
    for file in folder.glob(f"{JOURNAL_FILE}*"):
        file.unlink()
    for file in copy.iterdir():
        shutil.copy(file, folder / file.name)


def called(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    journal.add_arguments(parser)
    return journal.run(parser.parse_args([str(word) for word in words]))


def test_an_old_copy_ends_the_daemon_and_stays_marked_until_the_newest_is_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, old, newest = (tmp_path / name for name in ("state", "old", "newest"))

    async def live() -> bytes:
        ledger = await opened(folder)
        await charge(ledger, "s1", 1)
        await ledger.shut_down()
        copied(folder, old)
        ledger = await opened(folder)
        await charge(ledger, "s2", 2)
        await hears(folder, ledger, *await published(ledger))
        heads = await published(ledger)
        await ledger.shut_down()
        return heads[-1]

    kept = asyncio.run(live())
    copied(folder, newest)
    put_back(old, folder)

    async def again() -> None:
        ledger = await opened(folder)
        await charge(ledger, "s3", 3)
        with pytest.raises(JournalDamaged, match=f"^this is an old copy that went on: .*another row, {head_of(kept)}$"):
            await hears(folder, ledger, kept)
        events = [one for one in await ledger.pending_outbox(1000) if one.kind is Kind.EVENT]
        assert [json.loads(one.body)["why"] for one in events] == ["journal_rolled_back"]
        _, text = outbox_message(GatewayId("villa-1"), PendingMessage(1, Kind.EVENT, events[0].body), Language.SV)
        assert "gammal kopia" in text
        await ledger.shut_down()

    asyncio.run(again())
    with pytest.raises(JournalDamaged, match=r"a check found: this is an old copy.*Nothing is charged"):
        JournalStore.open(folder)
    assert called("verify", "--state-dir", folder) == 2, "an old copy is whole in itself"
    assert "DAMAGED: this is an old copy" in capsys.readouterr().out
    assert (folder / DAMAGE_FILE).exists()
    put_back(newest, folder)
    assert called("verify", "--state-dir", folder) == 0
    assert "the mark of an earlier finding is taken away" in capsys.readouterr().out
    JournalStore.open(folder).close_now()


def test_nobody_without_the_newest_key_stops_a_house(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "state"

    async def run() -> None:
        ledger = await opened(folder)
        await charge(ledger, "s1", 1)
        await ledger.shut_down()
        before = KeyStore.load(folder)
        await hand_over(folder, HandClock().now())
        ledger = await opened(folder)
        beyond, newest = Head(9_999, bytes(32)), KeyStore.load(folder)
        forged = [
            b"", b"\xff", b"[]", b"{}", b"null", b"[" * 1000, signed(beyond, PocketKey()), signed(beyond, before),
            signed(beyond, newest, seq=9_998), signed(beyond, newest, signature="zz"),
            signed(beyond, newest, hash=None), signed(beyond, newest, signature=""),
        ]  # fmt: skip
        await hears(folder, ledger, *forged)
        assert caplog.text.count("was not signed with this gateway's key") == len(forged)
        await hears(folder, ledger, signed(beyond, newest), retained=False)
        assert not (folder / DAMAGE_FILE).exists()
        with pytest.raises(JournalDamaged, match="published 9999:0000"):
            await hears(folder, ledger, signed(beyond, newest))
        await ledger.shut_down()

    asyncio.run(run())


def test_the_finding_is_told_and_ends_the_daemon_as_soon_as_the_broker_answers(tmp_path: Path) -> None:
    folder = tmp_path / "state"

    async def run() -> None:
        ledger = await opened(folder)
        told: list[object] = []
        newest, _ = ledger.chain()
        watch, air = watched(folder, ledger, told.append)
        task = asyncio.create_task(watch.run())
        air.listeners[TOPIC](TOPIC, (await published(ledger))[-1], True)
        air.listeners[TOPIC](TOPIC, signed(Head(77, bytes(32)), KeyStore.load(folder)), True)
        async with asyncio.timeout(30):
            with pytest.raises(JournalDamaged):
                await task
        assert told == [RolledBack(Head(77, bytes(32)), newest)]
        assert air.looks == 1
        await ledger.shut_down()

    asyncio.run(run())


def test_a_row_of_another_history_under_the_same_number_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "state"

    async def run() -> None:
        ledger = await opened(folder)
        with pytest.raises(JournalDamaged, match=f"published another row, 2:{'11' * 32}"):
            await hears(folder, ledger, signed(Head(2, b"\x11" * 32), KeyStore.load(folder)))
        await ledger.shut_down()

    asyncio.run(run())


def test_a_published_head_is_read_only_from_a_message_of_its_key() -> None:
    key, head = PocketKey(), Head(7, b"\x07" * 32)
    trusted = public_key(key.public_key_hex)
    whole = signed(head, key)
    assert head_in_message(whole, trusted) == head
    padded = whole + b" " * (HEAD_MESSAGE_BYTES_MAX - len(whole))
    assert head_in_message(padded, trusted) == head
    assert head_in_message(padded + b" ", trusted) is None
    assert head_in_message(whole, public_key(PocketKey().public_key_hex)) is None
    words = f"this is an old copy: it ends at row 6, and this gateway published 7:{'07' * 32}"
    assert str(RolledBack(head, Head(6, bytes(32)))) == words
    words = f"this is an old copy that went on: this gateway published another row, 7:{'07' * 32}"
    assert str(RolledBack(head, Head(7, bytes(32)))) == words


@pytest.mark.parametrize(("language", "word"), [(Language.SV, "gammal kopia"), (Language.EN, "an old copy")])
def test_an_old_copy_is_a_problem_with_words(language: Language, word: str) -> None:
    told = json.loads(check_text(RolledBack(Head(7, bytes(32)), Head(5, bytes(32))), language))
    assert told["problem"] == "ON"
    assert word in told["text"]
    assert told["finding"].startswith("this is an old copy: it ends at row 5")


@needs_mosquitto
def test_the_broker_says_what_it_kept_before_our_own_newest_head_takes_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "state"

    async def run(port: int) -> None:
        ledger = await opened(folder)
        lost = signed(Head(99, bytes(32)), KeyStore.load(folder))
        async with ear(port) as listener:
            await listener.client.publish(TOPIC, lost, qos=1, retain=True)
            await listener.hears(TOPIC)
            link = MqttLink(
                Broker("127.0.0.1", port, "laddvakt-villa-1"),
                Announcement("laddvakt/villa-1/status", {}, "homeassistant/status"),
                ledger,
                lambda one: outbox_message(GatewayId("villa-1"), one, Language.SV),
                Random(1),
            )
            told: list[object] = []
            watch = PublishedHead(cabinet_of(folder), ledger, link, told.append)
            with pytest.RaisesGroup(JournalDamaged):
                async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                    group.create_task(link.run())
                    group.create_task(watch.run())
            assert told
            said = listener.last("laddvakt/villa-1/event")
            assert said is not None
            assert "journal_rolled_back" in json.loads(said).values()
            assert listener.last(TOPIC) != lost.decode()
        await ledger.shut_down()

    with broker(tmp_path) as mosquitto:
        asyncio.run(run(mosquitto.port))
