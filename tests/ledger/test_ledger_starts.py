"""The ledger ends and starts again: what the journal and the key say together is believed, nothing else."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.app.succession import successor_of
from gateway.errors import ConfigMistake, JournalDamaged
from gateway.ids import SessionId, Token
from gateway.journal.chain import Head
from gateway.journal.facts import (
    DaemonStarted,
    DaemonStopped,
    EnergyOutside,
    HeadSigned,
    MemorySaved,
    PageMade,
    PageSigned,
)
from gateway.site.because import Because, Why
from gateway.site.requests import Source
from gateway.site.wishes import EndKind, NoteQueued, SaveCheckpoint
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
    opened,
    payloads,
    reading,
)

WAITS = Because(Why.QUEUED)


def test_recovery_cut_short_does_not_queue_two_successors() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        ledger = await opened(disk, keys, clock)
        await ledger.record_begin(begin("a", reading(clock, "5.00")))
        ledger = await opened(disk, keys, clock)
        (was_open,) = ledger.past().open_sessions
        assert was_open.successor == successor_of(SessionId("a"))
        await ledger.note(NoteQueued(SOCKETS[0], was_open.successor, was_open.token, was_open.id, WAITS))
        ledger = await opened(disk, keys, clock)
        assert ledger.past().open_sessions == (was_open,)
        assert ledger.past().queued == ()
        await ledger.record_end(end("a", reading(clock, "6.00"), kind=EndKind.RECOVERED))
        ledger = await opened(disk, keys, clock)
        assert [(waiting.id, waiting.continues) for waiting in ledger.past().queued] == [(was_open.successor, "a")]

    asyncio.run(run())


def test_a_signature_that_was_not_stored_is_made_at_the_next_call_under_the_same_page() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        store = DyingStore(disk)
        ledger = await opened(disk, keys, clock, store=store)
        store.dies_in = 1
        with pytest.raises(Death):
            await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        store.dead, store.dies_in = False, None
        durable = await ledger.record_begin(begin("s1", reading(clock, "9.00")))
        assert durable.page == 1
        assert payloads(disk)[0]["RD"][0]["RV"] == Decimal("1.00")

    asyncio.run(run())


def test_a_page_without_signature_is_signed_at_the_next_start_word_for_word() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        store = DyingStore(disk)
        ledger = await opened(disk, keys, clock, store=store)
        store.dies_in = 1
        with pytest.raises(Death):
            await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        await opened(disk, keys, clock)
        (made,), (signed,) = facts_of(disk, PageMade), facts_of(disk, PageSigned)
        assert keys.key is not None
        assert keys.key.public.verifies(made.payload.encode(), bytes.fromhex(signed.signature))

    asyncio.run(run())


def test_a_key_without_its_journal_or_a_journal_without_its_key_ends_the_start() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        await opened(disk, keys, clock)
        with pytest.raises(ConfigMistake) as lost_journal:
            await opened(Disk(), keys, clock)
        assert "page numbers" in str(lost_journal.value.mistakes[0])
        with pytest.raises(ConfigMistake) as lost_key:
            await opened(disk, PocketKeys(), clock)
        assert "gone" in str(lost_key.value.mistakes[0])
        other = PocketKeys()
        other.make()
        with pytest.raises(ConfigMistake) as other_key:
            await opened(disk, other, clock)
        assert "not the one" in str(other_key.value.mistakes[0])

    asyncio.run(run())


def test_a_page_of_a_lost_key_stops_the_start() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        ledger = await opened(disk, keys, clock)
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        made = facts_of(disk, PageMade)[0]
        await DyingStore(disk).append([replace(made, key="00" * 91, page=1)])
        with pytest.raises(JournalDamaged, match="a key that is not here"):
            await opened(disk, keys, clock)

    asyncio.run(run())


def test_an_orderly_end_is_the_last_fact_and_closes_the_journal() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        store = DyingStore(disk)
        ledger = await opened(disk, PocketKeys(), clock, store=store)
        assert ledger.writer_progress > 0
        await ledger.shut_down()
        assert store.closed
        facts = list(disk.facts())
        assert [type(fact) for fact in facts[-3:-1]] == [DaemonStopped, MemorySaved]
        assert isinstance(facts[-1], HeadSigned), "the key vouches for everything before"
        assert any(isinstance(fact, DaemonStarted) for fact in facts)

    asyncio.run(run())


def test_a_dead_journal_is_closed_without_another_word() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        store = DyingStore(disk)
        ledger = await opened(disk, PocketKeys(), clock, store=store)
        rows = len(disk.rows)
        store.dead = True
        assert not ledger.accepts
        await ledger.shut_down()
        assert store.closed
        assert len(disk.rows) == rows

    asyncio.run(run())


def test_a_start_after_an_orderly_stop_reads_from_the_saved_memory_and_knows_all_that_ran() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        ledger = await opened(disk, keys, clock)
        for at in range(20):
            await ledger.record_begin(begin(f"s{at}", reading(clock, f"{at}.00")))
            await ledger.record_end(end(f"s{at}", reading(clock, f"{at}.50")))
        await ledger.note(NoteQueued(SOCKETS[1], SessionId("waits"), None, None, WAITS))
        await ledger.note(SaveCheckpoint("what control knows", WAITS))
        await ledger.record_begin(begin("runs", reading(clock, "30.00"), socket=SOCKETS[2], token=None))
        await ledger.shut_down()
        store = DyingStore(disk)
        again = await opened(disk, keys, clock, store=store)
        assert store.read == 2, "the saved memory and the head that vouches for it"
        past = again.past()
        assert [session.id for session in past.open_sessions] == ["runs"]
        assert [session.id for session in past.queued] == ["waits"]
        assert past.checkpoint_text == "what control knows"
        durable = await again.record_end(end("runs", reading(clock, "31.00"), socket=SOCKETS[2]))
        assert durable.page == 42
        await again.record_begin(begin("next", reading(clock, "20.00")))
        (outside,) = facts_of(disk, EnergyOutside)[-1:]
        assert (outside.from_kwh, outside.to_kwh) == (Decimal("19.50"), Decimal("20.00"))
        await again.shut_down()
        assert (await opened(disk, PocketKeys(keys.key), clock)).past().open_sessions[0].id == "next"

    asyncio.run(run())


def test_a_saved_memory_that_the_key_does_not_vouch_for_is_not_believed() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        ledger = await opened(disk, keys, clock)
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        await ledger.shut_down()
        facts = list(disk.facts())
        saved, signed = facts[-2:]
        assert isinstance(saved, MemorySaved)
        assert isinstance(signed, HeadSigned)
        forged = replace(saved, registers=(replace(saved.registers[0], kwh=Decimal("0.50")),))
        rows = disk.rows[:-2]
        head = Head(rows[-1].seq, rows[-1].hash)
        first = head.next(forged)
        over = Head(first.seq, first.hash)
        for last in (signed, replace(signed, seq=over.seq, hash=over.hash.hex())):
            disk.rows = [*rows, first, over.next(last)]
            store = DyingStore(disk)
            with pytest.raises(JournalDamaged, match="not what the rows before it say"):
                await opened(disk, keys, clock, store=store)
            assert store.read == len(disk.rows)

    asyncio.run(run())


def test_how_a_user_is_known_outlives_a_death() -> None:
    async def run() -> None:
        disk, clock, keys = Disk(), HandClock(), PocketKeys()
        ledger = await opened(disk, keys, clock)
        waits = NoteQueued(SOCKETS[1], SessionId("w"), Token("u-bo22"), None, WAITS, Source.CODE)
        await ledger.note(waits)
        await ledger.record_begin(replace(begin("s1", reading(clock, "100.00")), source=Source.RFID))
        past = (await opened(disk, keys, clock)).past()
        assert [one.source for one in past.open_sessions] == [Source.RFID]
        assert [one.source for one in past.queued] == [Source.CODE]

    asyncio.run(run())
