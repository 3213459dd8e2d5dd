"""The ledger signs what is durable, once, and its energy adds up."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.clock import UtcTrust
from gateway.errors import DeviceError
from gateway.ids import SessionId, SocketId
from gateway.journal.facts import (
    ClockSeen,
    EnergyOutside,
    MeterExchanged,
    PageMade,
    PageSigned,
    SessionEnded,
    SessionQueued,
)
from gateway.journal.outbox import Kind
from gateway.site.because import Because, Why
from gateway.site.requests import Source
from gateway.site.wishes import EndKind, NoteEvent, NoteQueued, NoteWithdrawn, SaveCheckpoint
from tests.ledger.ledger_bench import (
    NOON,
    SOCKETS,
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


def test_a_session_becomes_two_pages_and_the_same_wish_again_adds_nothing() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        ledger = await opened(disk, keys, clock)
        wish = begin("s1", reading(clock, "100.00"))
        first = await ledger.record_begin(wish)
        assert await ledger.record_begin(wish) == first
        clock.pass_s(3600)
        last = await ledger.record_end(end("s1", reading(clock, "107.30")))
        assert await ledger.record_end(end("s1", reading(clock, "109.99"))) == last
        assert (first.page, last.page) == (1, 2)
        assert len(facts_of(disk, PageMade)) == len(facts_of(disk, PageSigned)) == 2
        assert facts_of(disk, SessionEnded)[0].energy_kwh == Decimal("7.30")

    asyncio.run(run())


def test_two_wishes_at_once_for_the_same_record_make_one_page() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        wish = begin("s1", reading(clock, "1.00"))
        answers = await asyncio.gather(*(ledger.record_begin(wish) for _ in range(5)))
        assert {answer.page for answer in answers} == {1}
        assert len(facts_of(disk, PageMade)) == 1

    asyncio.run(run())


def test_a_caller_that_gives_up_leaves_memory_and_disk_in_step() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        calling = asyncio.create_task(ledger.record_begin(begin("s1", reading(clock, "1.00"))))
        await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        durable = await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        assert durable.page == 1
        assert len(facts_of(disk, PageSigned)) == 1

    asyncio.run(run())


def test_energy_between_sessions_is_booked_to_t0_and_everything_adds_up() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        await ledger.record_begin(begin("s1", reading(clock, "100.00")))
        await ledger.record_end(end("s1", reading(clock, "107.31")))
        await ledger.record_begin(begin("s2", reading(clock, "107.45")))
        await ledger.book_outside(SOCKETS[0], reading(clock, "108.00"))  # a session is open: it is the session's
        await ledger.record_end(end("s2", reading(clock, "110.00")))
        await ledger.book_outside(SOCKETS[0], reading(clock, "110.07"))
        await ledger.book_outside(SOCKETS[0], reading(clock, "110.07"))
        outside = [booked.to_kwh - booked.from_kwh for booked in facts_of(disk, EnergyOutside)]
        sessions = [ended.energy_kwh for ended in facts_of(disk, SessionEnded)]
        assert outside == [Decimal("0.14"), Decimal("0.07")]
        assert sum(outside) + sum(sessions) == Decimal("110.07") - Decimal("100.00")

    asyncio.run(run())


@pytest.mark.parametrize(("shown", "serial", "status"), [("99.99", "12345678", "E"), ("101.00", "87654321", "X")])
def test_an_end_that_does_not_fit_its_begin_is_marked_and_never_negative(shown: str, serial: str, status: str) -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        await ledger.record_begin(begin("s1", reading(clock, "100.00")))
        await ledger.record_end(end("s1", reading(clock, shown, serial)))
        taken = payloads(disk)[1]["RD"][0]
        assert (taken["RV"], taken["EF"], taken["ST"], taken["TX"]) == (Decimal("100.00"), "E", status, "A")
        assert payloads(disk)[1]["XO"] == {"MS": serial, "RV": shown, "XW": "0001 E240"}
        assert payloads(disk)[1]["XE"] == "completed"
        ended = facts_of(disk, SessionEnded)[0]
        assert (ended.energy_kwh, ended.billable) == (Decimal("0.00"), False)
        await ledger.record_begin(begin("s2", reading(clock, shown, serial)))
        assert not facts_of(disk, EnergyOutside)

    asyncio.run(run())


def test_a_meter_exchanged_between_sessions_starts_a_new_count_and_is_told() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        await ledger.record_begin(begin("s1", reading(clock, "100.00")))
        await ledger.record_end(end("s1", reading(clock, "101.00")))
        await ledger.record_begin(begin("s2", reading(clock, "0.50", "87654321")))
        (exchanged,) = facts_of(disk, MeterExchanged)
        assert (exchanged.kwh_before, exchanged.kwh) == (Decimal("101.00"), Decimal("0.50"))
        pending = await ledger.pending_outbox(10)
        bodies = [json.loads(message.body) for message in pending if message.kind is not Kind.HEAD]
        assert [body.get("why") for body in bodies] == ["command", "meter_exchanged"]

    asyncio.run(run())


def test_the_stop_time_is_the_start_plus_the_monotonic_duration() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        clock.pass_s(600)
        clock.utc = NOON.replace(year=2036)
        await ledger.record_end(end("s1", reading(clock, "2.00")))
        assert payloads(disk)[0]["RD"][0]["TM"] == "2026-03-01T13:00:00,000+0100 S"
        assert payloads(disk)[1]["RD"][0]["TM"] == "2026-03-01T13:10:00,000+0100 I"
        assert payloads(disk)[1]["XU"] == "2036-03-01T12:00:00.000+00:00"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("first", "last", "signed"),
    [
        (UtcTrust.SYNCHRONISED, UtcTrust.UNKNOWN, "SU"),
        (UtcTrust.INFORMATIVE, UtcTrust.SYNCHRONISED, "RR"),
        (UtcTrust.UNKNOWN, UtcTrust.SYNCHRONISED, "RR"),
    ],
)
def test_an_untrusted_begin_makes_both_relative_and_the_end_is_never_trusted_more(
    first: UtcTrust, last: UtcTrust, signed: str
) -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        clock.trust = first
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        clock.trust = last
        await ledger.record_end(end("s1", reading(clock, "2.00")))
        assert "".join(payload["RD"][0]["TM"][-1] for payload in payloads(disk)) == signed
        assert [seen.at.utc_trust for seen in facts_of(disk, ClockSeen)] == [first, last]

    asyncio.run(run())


def test_after_another_boot_a_clock_behind_the_begin_marks_the_time_unusable() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        ledger = await opened(disk, keys, clock)
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        clock.monotonic_s, clock.utc = 5.0, NOON.replace(year=1970)
        ledger = await opened(disk, keys, clock, boot_id="boot-2")
        await ledger.record_end(end("s1", reading(clock, "2.00"), kind=EndKind.RECOVERED, why=Why.RECOVERED))
        taken = payloads(disk)[1]["RD"][0]
        assert (taken["TM"], taken["EF"], taken["TX"]) == ("2026-03-01T13:00:00,000+0100 U", "t", "P")
        assert facts_of(disk, SessionEnded)[0].energy_kwh == Decimal("1.00")

    asyncio.run(run())


def test_after_another_boot_the_wall_clock_tells_the_end() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        ledger = await opened(disk, keys, clock)
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        clock.pass_s(90)
        clock.monotonic_s = 5.0
        ledger = await opened(disk, keys, clock, boot_id="boot-2")
        await ledger.record_end(end("s1", reading(clock, "2.00"), kind=EndKind.RECOVERED))
        assert payloads(disk)[1]["RD"][0]["TM"] == "2026-03-01T13:01:30,000+0100 S"
        assert "XU" not in payloads(disk)[1]

    asyncio.run(run())


def test_a_reading_without_register_is_refused_and_nothing_is_stored() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        rows = len(disk.rows)
        for kwh in (None, "NaN", "-1.00"):
            with pytest.raises(DeviceError, match="usable import register"):
                await ledger.record_begin(begin("s1", reading(clock, kwh)))
        with pytest.raises(DeviceError, match="no meter"):
            await ledger.record_begin(begin("s1", reading(clock, "1.00"), socket=SocketId("p9")))
        with pytest.raises(DeviceError, match="no begin record"):
            await ledger.record_end(end("s1", reading(clock, "1.00")))
        assert len(disk.rows) == rows

    asyncio.run(run())


def test_a_socket_with_an_open_session_begins_no_second_one() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        with pytest.raises(DeviceError, match="still open"):
            await ledger.record_begin(begin("s2", reading(clock, "2.00")))
        await ledger.record_begin(begin("s3", reading(clock, "2.00"), socket=SOCKETS[1]))

    asyncio.run(run())


def test_a_full_disk_begins_nothing_and_ends_what_runs() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        store = DyingStore(disk)
        ledger = await opened(disk, PocketKeys(), clock, store=store)
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        store.room = False
        assert ledger.accepts
        assert not ledger.accepts_sessions
        with pytest.raises(DeviceError, match="nearly full"):
            await ledger.record_begin(begin("s2", reading(clock, "1.00"), socket=SOCKETS[1]))
        assert (await ledger.record_end(end("s1", reading(clock, "2.00")))).page == 2

    asyncio.run(run())


def test_the_queue_comes_back_in_its_order_and_known_places_are_not_noted_twice() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        ledger = await opened(disk, keys, clock)
        for at, name in enumerate(("a", "b", "c")):
            note = NoteQueued(SOCKETS[at], SessionId(name), None, None, WAITS)
            await ledger.note(note)
            await ledger.note(note)
        await ledger.note(NoteWithdrawn(SOCKETS[1], SessionId("b"), WAITS))
        await ledger.note(NoteWithdrawn(SOCKETS[1], SessionId("b"), WAITS))
        await ledger.note(SaveCheckpoint("{}", WAITS))
        await ledger.note(SaveCheckpoint("{}", WAITS))
        await ledger.record_begin(begin("a", reading(clock, "5.00")))
        await ledger.note(NoteQueued(SOCKETS[0], SessionId("a"), None, None, WAITS))  # too late: it has begun
        again = await opened(disk, keys, clock)
        past = again.past()
        assert [waiting.id for waiting in past.queued] == ["c"]
        assert [session.id for session in past.open_sessions] == ["a"]
        assert past.checkpoint_text == "{}"
        assert len(facts_of(disk, SessionQueued)) == 3

    asyncio.run(run())


def test_events_and_sessions_wait_in_the_outbox_until_they_are_delivered() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        await ledger.note(NoteEvent(SOCKETS[0], Because(Why.CONTACTOR_WELDED, current_a=float("inf"))))
        await ledger.record_begin(begin("s1", reading(clock, "1.00")))
        await ledger.record_end(end("s1", reading(clock, "2.50")))
        opening, first, second, closing = await ledger.pending_outbox(10)
        assert (opening.kind, closing.kind) == (Kind.HEAD, Kind.HEAD)
        assert json.loads(first.body)["why"] == "contactor_welded"
        assert json.loads(second.body)["energy_kwh"] == "1.50"
        assert json.loads(second.body)["end_record"].startswith("OCMF|")
        await ledger.outbox_delivered([opening.id, first.id])
        assert await ledger.pending_outbox(10) == (second, closing)

    asyncio.run(run())


def test_both_records_of_a_session_say_who_it_is_booked_on_and_how_he_is_known() -> None:
    async def run() -> None:
        disk, clock = Disk(), HandClock()
        ledger = await opened(disk, PocketKeys(), clock)
        for name, token, source in (("s1", "u-ann1", Source.PIN), ("s2", "socket:p1", Source.AUTOMATIC)):
            await ledger.record_begin(replace(begin(name, reading(clock, "100.00"), token=token), source=source))
            await ledger.record_end(end(name, reading(clock, "100.00")))
        told = [(said["IS"], said["ID"], said["XA"]) for said in payloads(disk)]
        assert told == [(True, "u-ann1", "pin")] * 2 + [(False, "socket:p1", "automatic")] * 2

    asyncio.run(run())
