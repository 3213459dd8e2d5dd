"""Whatever moment the process dies at, also while it recovers: nothing is lost, nothing doubled, and it adds up."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.app.ledger import Ledger
from gateway.ids import SessionId, SocketId
from gateway.journal.archive import archive_of
from gateway.journal.facts import (
    EnergyOutside,
    MeterExchanged,
    MeterSeen,
    PageMade,
    PageSigned,
    SessionBegun,
    SessionEnded,
)
from gateway.journal.outbox import Kind
from gateway.metering.verdicts import Verdict
from gateway.metering.verification import Submitted, verified
from gateway.site.because import Because, Why
from gateway.site.outcomes import Edge, RecordDurable
from gateway.site.wishes import EndKind, NoteQueued
from tests.ledger.ledger_bench import (
    SOCKETS,
    Death,
    Disk,
    DyingStore,
    HandClock,
    PocketKeys,
    begin,
    end,
    opened,
    reading,
)

SOCKET_NUMBERS = range(len(SOCKETS))


@dataclass
class Cabinet:
    """Three sockets whose meters count whatever happens to the daemon."""

    disk: Disk = field(default_factory=Disk)
    keys: PocketKeys = field(default_factory=PocketKeys)
    clock: HandClock = field(default_factory=HandClock)
    meters: dict[SocketId, Decimal] = field(default_factory=lambda: dict.fromkeys(SOCKETS, Decimal("10.00")))
    running: dict[SocketId, SessionId] = field(default_factory=dict)
    acknowledged: set[tuple[SessionId, Edge, int]] = field(default_factory=set)
    sessions: int = 0
    deaths: int = 0
    ledger: Ledger | None = None

    def charge(self, socket: SocketId, hundredths: int) -> None:
        self.meters[socket] += Decimal(hundredths) / 100
        self.clock.pass_s(1.0)

    async def start(self, dies_in: int | None, *, after_commit: bool) -> None:
        """Opens the journal and ends as recovered what was open, as control does."""
        store = DyingStore(self.disk, dies_in, after_commit=after_commit)
        try:
            self.ledger = await opened(self.disk, self.keys, self.clock, store=store)
            for was_open in self.ledger.past().open_sessions:
                waits = Because(Why.RECOVERED)
                await self.ledger.note(
                    NoteQueued(was_open.socket, was_open.successor, was_open.token, was_open.id, waits)
                )
                await self.end(was_open.socket, was_open.id, EndKind.RECOVERED)
            self.running.clear()
        except Death:
            self.die()

    async def begin(self, socket: SocketId) -> None:
        if self.ledger is None or socket in self.running:
            return
        self.sessions += 1
        session = SessionId(f"s{self.sessions}")
        wish = begin(session, reading(self.clock, self.meters[socket]), socket=socket)
        self.acknowledge(await self.ledger.record_begin(wish))
        self.running[socket] = session

    async def end(self, socket: SocketId, session: SessionId | None, kind: EndKind) -> None:
        if self.ledger is None or session is None:
            return
        wish = end(session, reading(self.clock, self.meters[socket]), socket=socket, kind=kind)
        self.acknowledge(await self.ledger.record_end(wish))
        self.running.pop(socket, None)

    async def book(self, socket: SocketId) -> None:
        if self.ledger is not None:
            await self.ledger.book_outside(socket, reading(self.clock, self.meters[socket]))

    def acknowledge(self, durable: RecordDurable) -> None:
        self.acknowledged.add((durable.session, durable.edge, durable.page))

    async def stop(self) -> None:
        """An orderly stop, after which the next start reads from the saved memory."""
        if self.ledger is not None:
            await self.ledger.shut_down()
            self.ledger = None

    def die(self) -> None:
        self.deaths += 1
        self.ledger = None

    def require_order(self) -> None:
        """After a last undisturbed start: what the records and bookings must always add up to."""
        facts = list(self.disk.facts())
        made = [fact for fact in facts if isinstance(fact, PageMade)]
        signed = [fact for fact in facts if isinstance(fact, PageSigned)]
        assert [page.page for page in made] == list(range(1, len(made) + 1)), "no gap, no page twice"
        assert sorted(page.page for page in signed) == [page.page for page in made], "every page is signed"
        begun = [fact for fact in facts if isinstance(fact, SessionBegun)]
        ended = [fact for fact in facts if isinstance(fact, SessionEnded)]
        assert Counter(fact.session for fact in begun) == Counter(fact.session for fact in ended), "none lost or double"
        stored = {(page.session, page.edge, page.page) for page in made}
        assert self.acknowledged <= stored, "what was acknowledged is there, under the same page"
        for socket in SOCKETS:
            self.require_sum(socket, facts)
        self.require_green()
        bodies = [json.loads(message.body) for message in self.disk.messages if message.kind is Kind.SESSION]
        assert Counter(body["session"] for body in bodies) == Counter(fact.session for fact in ended), "told once each"

    def require_sum(self, socket: SocketId, facts: Sequence[object]) -> None:
        first = [fact.kwh for fact in facts if isinstance(fact, MeterSeen) and fact.socket == socket]
        outside = [fact for fact in facts if isinstance(fact, EnergyOutside) and fact.socket == socket]
        ended = [fact for fact in facts if isinstance(fact, SessionEnded) and fact.socket == socket]
        assert not any(isinstance(fact, MeterExchanged) for fact in facts)
        booked = sum(((fact.to_kwh - fact.from_kwh) for fact in outside), Decimal(0))
        booked += sum((fact.energy_kwh for fact in ended), Decimal(0))
        if first:
            assert booked == self.meters[socket] - first[0], "sessions and T0 are the register's difference"

    def require_green(self) -> None:
        archive = archive_of(self.disk.facts())
        assert self.keys.key is not None
        submitted = [Submitted(page.record, str(page.page.page)) for page in archive.pages]
        if submitted:
            report = verified(submitted, self.keys.key.public, whole_key=True)
            assert report.verdict is Verdict.GREEN, report


STEPS = st.one_of(
    st.tuples(st.just("charge"), st.sampled_from(SOCKET_NUMBERS), st.integers(0, 500)),
    st.tuples(st.just("begin"), st.sampled_from(SOCKET_NUMBERS), st.just(0)),
    st.tuples(st.just("end"), st.sampled_from(SOCKET_NUMBERS), st.just(0)),
    st.tuples(st.just("book"), st.sampled_from(SOCKET_NUMBERS), st.just(0)),
)
LIVES = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 12)), st.booleans(), st.lists(STEPS, max_size=12)),
    min_size=1,
    max_size=6,
)


async def live(cabinet: Cabinet, steps: list[tuple[str, int, int]]) -> None:
    for verb, number, amount in steps:
        socket = SOCKETS[number]
        match verb:
            case "charge":
                cabinet.charge(socket, amount)
            case "begin":
                await cabinet.begin(socket)
            case "end":
                await cabinet.end(socket, cabinet.running.get(socket), EndKind.COMPLETED)
            case _:
                await cabinet.book(socket)


async def whole_story(lives: list[tuple[int | None, bool, list[tuple[str, int, int]]]]) -> Cabinet:
    cabinet = Cabinet()
    for dies_in, after_commit, steps in lives:
        await cabinet.start(dies_in, after_commit=after_commit)
        try:
            await live(cabinet, steps)
            await cabinet.stop()
        except Death:
            cabinet.die()
    await cabinet.start(None, after_commit=False)
    for socket in SOCKETS:
        await cabinet.book(socket)
    cabinet.require_order()
    return cabinet


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LIVES)
def test_any_lives_and_deaths_leave_an_orderly_journal(
    lives: list[tuple[int | None, bool, list[tuple[str, int, int]]]],
) -> None:
    asyncio.run(whole_story(lives))


SCRIPT = [
    ("begin", 0, 0), ("charge", 0, 250), ("begin", 1, 0), ("charge", 1, 31), ("end", 0, 0), ("charge", 0, 7),
    ("begin", 0, 0), ("charge", 0, 100), ("end", 1, 0), ("begin", 2, 0), ("end", 2, 0), ("end", 0, 0),
]  # fmt: skip


def test_death_at_every_commit_of_a_run_and_at_every_commit_of_its_recovery_leaves_an_orderly_journal() -> None:
    deaths = 0
    for after_commit in (False, True):
        for dies_in in range(20):
            for dies_again in (0, 2, 3):
                lives = [(dies_in, after_commit, SCRIPT), (dies_again, after_commit, []), (None, False, SCRIPT)]
                deaths += asyncio.run(whole_story(lives)).deaths
    assert deaths > 120
