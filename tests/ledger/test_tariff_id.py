"""Both signed records of a session name the tariff that held at its begin, whatever happens between."""

import asyncio
import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app.ledger import Ledger
from gateway.app.wiring import tariff_ids
from gateway.cli.receipt_text import WORDS, receipt_of
from gateway.config.load import cabinet_of
from gateway.ids import SessionId, SocketId
from gateway.journal.archive import ArchivedSession, archive_of
from gateway.journal.chain import Head
from gateway.journal.facts import SessionBegun
from gateway.journal.recovery import Memory
from gateway.journal.rows import fact_of, row_of
from gateway.metering.keys import public_key
from gateway.metering.verdicts import Verdict
from gateway.metering.verification import Submitted, verified
from gateway.publish.verdict_words import Language
from gateway.site.wishes import EndKind
from tests.ledger.ledger_bench import (
    SOCKETS,
    Death,
    Disk,
    DyingStore,
    HandClock,
    PocketKeys,
    begin,
    end,
    facts_of,
    payloads,
    reading,
    station,
)

EXAMPLE = Path(__file__).parents[2] / "deploy" / "laddvakt.toml.example"
P1 = SOCKETS[0]


async def opened_with(disk: Disk, keys: PocketKeys, clock: HandClock, tariff_id: str | None, boot: str) -> Ledger:
    tariffs = {} if tariff_id is None else {P1: tariff_id, SocketId("elsewhere"): "other"}
    return await Ledger.open(DyingStore(disk), keys, clock, replace(station(boot), tariff_ids=tariffs))


async def two_lives(disk: Disk, keys: PocketKeys, before: str | None, after: str | None) -> None:
    """One session over a restart with another config, then one that is all of the second life."""
    clock = HandClock()
    first = await opened_with(disk, keys, clock, before, "boot-1")
    await first.record_begin(begin("over", reading(clock, "100.00")))
    clock.pass_s(60)
    second = await opened_with(disk, keys, clock, after, "boot-2")
    await second.record_end(end("over", reading(clock, "101.00"), kind=EndKind.RECOVERED))
    await second.record_begin(begin("next", reading(clock, "101.00")))
    clock.pass_s(60)
    await second.record_end(end("next", reading(clock, "102.00")))


def archived(disk: Disk) -> list[ArchivedSession]:
    return list(archive_of(disk.facts()).sessions.values())


@pytest.mark.parametrize(
    ("before", "after"), [("old", "new"), ("old", None), (None, "new"), ("same", "same"), (None, None)]
)
def test_a_session_ends_with_the_tariff_that_it_began_with(before: str | None, after: str | None) -> None:
    disk, keys = Disk(), PocketKeys()
    asyncio.run(two_lives(disk, keys, before, after))
    assert [page.get("TT") for page in payloads(disk)] == [before, before, after, after]
    assert [begun.tariff_id for begun in facts_of(disk, SessionBegun)] == [before, after]
    texts = [text for one in archived(disk) for text in (one.begin_record, one.end_record) if text is not None]
    assert len(texts) == 4
    report = verified([Submitted(text, "here") for text in texts], public_key(keys.load().public_key_hex))
    assert report.verdict is Verdict.GREEN


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize("dies_in", range(4))
def test_whatever_death_comes_at_the_end_recovery_signs_the_tariff_of_the_begin(
    dies_in: int, after_commit: bool
) -> None:
    disk, keys, clock = Disk(), PocketKeys(), HandClock()
    store = DyingStore(disk, after_commit=after_commit)
    stop = end("over", reading(clock, "101.00"), kind=EndKind.RECOVERED)

    async def first_life() -> None:
        ledger = await Ledger.open(store, keys, clock, replace(station("boot-1"), tariff_ids={P1: "old"}))
        await ledger.record_begin(begin("over", reading(clock, "100.00")))
        store.dies_in = dies_in
        await ledger.record_end(stop)

    async def second_life() -> None:
        ledger = await opened_with(disk, keys, clock, "new", "boot-2")
        await ledger.record_end(stop)

    with contextlib.suppress(Death):
        asyncio.run(first_life())
    asyncio.run(second_life())
    assert [page.get("TT") for page in payloads(disk)] == ["old", "old"]
    assert archived(disk)[0].is_whole


def test_the_begin_fact_keeps_its_tariff_in_the_saved_memory() -> None:
    disk, keys, clock = Disk(), PocketKeys(), HandClock()

    async def life() -> None:
        ledger = await opened_with(disk, keys, clock, "old", "boot-1")
        await ledger.record_begin(begin("over", reading(clock, "100.00")))

    asyncio.run(life())
    told = Memory()
    for fact in disk.facts():
        told.absorb(fact)
    saved = told.saved(clock.now())
    assert saved is not None
    again = Memory()
    again.absorb(fact_of(1, row_of(1, saved)))
    assert again.open[SessionId("over")].tariff_id == "old"


def test_a_begin_of_an_older_version_has_no_tariff() -> None:
    disk = Disk()
    asyncio.run(two_lives(disk, PocketKeys(), "old", "new"))
    row = json.loads(row_of(7, facts_of(disk, SessionBegun)[0]))
    assert row["fact"].pop("tariff_id") == "old"
    old = fact_of(7, json.dumps(row))
    assert isinstance(old, SessionBegun)
    assert old.tariff_id is None


def test_the_receipt_names_the_tariff_if_there_is_one() -> None:
    disk, keys = Disk(), PocketKeys()
    asyncio.run(two_lives(disk, keys, "old", None))
    with_one, without = archived(disk)
    key = keys.load().public_key_hex
    assert WORDS["tariff"] == {"sv": "Taxa", "en": "Tariff"}
    languages: tuple[Language, ...] = ("sv", "en")
    for language in languages:
        lines = receipt_of(with_one, key, Head(1, b"\0" * 32), language).lines
        assert [value for label, value in lines if label == WORDS["tariff"][language]] == ["old"]
        lines = receipt_of(without, key, Head(1, b"\0" * 32), language).lines
        assert WORDS["tariff"][language] not in [label for label, _ in lines]


def test_a_socket_has_its_own_tariff_or_the_sites_or_none() -> None:
    text = EXAMPLE.read_text("utf-8")
    own, common = 'tariff_id = "villa-guest-2026"', 'tariff_id = "villa-2026"'
    assert tariff_ids(cabinet_of(text, "x"))[P1] == "villa-guest-2026"
    assert tariff_ids(cabinet_of(text.replace(own, ""), "x"))[P1] == "villa-2026"
    assert tariff_ids(cabinet_of(text.replace(common, ""), "x")) == {P1: "villa-guest-2026"}
    assert tariff_ids(cabinet_of(text.replace(common, "").replace(own, "").replace("[billing]", ""), "x")) == {}
    longest = "~" + "a " * 124 + "{"
    assert tariff_ids(cabinet_of(text.replace("villa-guest-2026", longest), "x"))[P1] == longest
    assert tariff_ids(cabinet_of(text.replace("villa-guest-2026", "!"), "x"))[P1] == "!"
