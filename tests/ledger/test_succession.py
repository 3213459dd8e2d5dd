"""A session that ends with a successor: its place in the line is there whatever moment the process dies at."""

import asyncio

import pytest

from gateway.app.succession import successor_of
from gateway.ids import SessionId
from gateway.journal.facts import SessionQueued
from gateway.site.because import Because, Why
from gateway.site.wishes import EndKind, NoteQueued, RecordEnd
from tests.ledger.ledger_bench import SOCKETS, Death, Disk, DyingStore, HandClock, PocketKeys, begin, opened, reading

RECOVERED = Because(Why.RECOVERED)


async def killed_after(commits: int, *, after_commit: bool) -> Disk:
    """A session is running; at the restart its end is signed as recovered, and the process dies underway."""
    disk, keys, clock = Disk(), PocketKeys(), HandClock()
    first = await opened(disk, keys, clock)
    await first.record_begin(begin("s1", reading(clock, "10.00"), continues="s0"))
    store = DyingStore(disk, None, after_commit=after_commit)
    ledger = await opened(disk, keys, clock, store=store, boot_id="boot-2")
    (was_open,) = ledger.past().open_sessions
    store.dies_in = commits
    wish = RecordEnd(SOCKETS[0], was_open.id, EndKind.RECOVERED, reading(clock, "11.00"), RECOVERED, was_open.successor)
    try:
        await ledger.record_end(wish)
        store.dies_in = None
    except Death:
        pass
    last = await opened(disk, keys, clock, boot_id="boot-3")
    past = last.past()
    places = [one.successor for one in past.open_sessions] + [one.id for one in past.queued]
    assert places == [was_open.successor], "the person waits exactly once"
    if past.queued:
        assert past.queued[0].continues == "s1"
        assert past.queued[0].token == "resident-7"
        await last.note(NoteQueued(SOCKETS[0], was_open.successor, past.queued[0].token, SessionId("s1"), RECOVERED))
        noted = [fact for fact in disk.facts() if isinstance(fact, SessionQueued)]
        assert len(noted) == 1, "noting it again adds nothing"
    return disk


@pytest.mark.parametrize("commits", [0, 1, 2, 3])
@pytest.mark.parametrize("after_commit", [False, True])
def test_death_between_a_recovered_end_and_its_successor_loses_no_place(commits: int, after_commit: bool) -> None:
    asyncio.run(killed_after(commits, after_commit=after_commit))


def test_a_cancelled_start_is_taken_again_as_what_it_was() -> None:
    async def run() -> None:
        disk, keys, clock = Disk(), PocketKeys(), HandClock()
        ledger = await opened(disk, keys, clock)
        await ledger.record_begin(begin("s1", reading(clock, "10.00"), continues="s0"))
        again = SessionId("s1-r2")
        too_old = Because(Why.START_TOO_OLD)
        wish = RecordEnd(SOCKETS[0], SessionId("s1"), EndKind.CANCELLED, reading(clock, "10.00"), too_old, again)
        await ledger.record_end(wish)
        (queued,) = ledger.past().queued
        assert (queued.id, queued.continues) == (again, "s0")

    asyncio.run(run())


def test_a_successor_of_a_session_has_always_the_same_name() -> None:
    assert successor_of(SessionId("s1")) == successor_of(SessionId("s1")) != successor_of(SessionId("s2"))
