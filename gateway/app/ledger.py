"""The ledger: every begin and end of a session becomes a signed, durable record before anybody hears of it.

The order that makes it hold over any death: (1) the page number and the complete unsigned text, together with the
energy that it books, in one transaction; (2) the signature over exactly that text; (3) the outcome. A death after (1)
is mended at the next start by signing the same text under the same page: no gap, no page used twice.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar

from gateway.app.fact_store import FactStore
from gateway.app.ledger_key import Keys, gateway_serial, key_of, remembered
from gateway.app.signing_thread import SigningThread
from gateway.app.succession import successor_of
from gateway.clock import Instant, UtcTrust
from gateway.control.past import Past
from gateway.devices.protocols import Clock, SignerKey
from gateway.errors import DeviceError, JournalDamaged
from gateway.ids import SocketId
from gateway.journal.chain import Head
from gateway.journal.entries import (
    Entry,
    Note,
    RecordEntry,
    Signer,
    Station,
    announcement,
    begin_entry,
    end_entry,
    note_entry,
    outside_entry,
    start_facts,
)
from gateway.journal.facts import (
    ChainChecked,
    ClockSeen,
    DaemonStopped,
    HeadSigned,
    PageMade,
    PageSigned,
)
from gateway.journal.heads import ROWS_PER_SAVED_MEMORY, ROWS_PER_SIGNED_HEAD, head_message, head_text
from gateway.journal.outbox import PendingMessage
from gateway.journal.profile_facts import PeriodsSigned, TimeReferenced
from gateway.journal.profile_memory import reference_at, reference_fact, signed_period
from gateway.journal.recovery import Memory
from gateway.metering.clock_watch import Cause, Discipline, undisciplined
from gateway.metering.load_profile import Shown, quarter_of
from gateway.metering.time_references import EnteredTime, TimeReference
from gateway.meters.readings import SocketReading
from gateway.site.outcomes import Edge, RecordDurable
from gateway.site.wishes import RecordBegin, RecordEnd

_T = TypeVar("_T")


class Ledger:
    """Signs and stores. All methods may be called again for the same thing: they answer the same and add nothing."""

    def __init__(
        self,
        store: FactStore,
        key: SignerKey,
        clock: Clock,
        station: Station,
        memory: Memory,
        *,
        discipline: Callable[[], Discipline],
    ) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._station = station
        self._memory = memory
        self._discipline = discipline
        self._signer = Signer(key.public_key_hex, gateway_serial(key.public_key_hex))
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()
        self._trust: UtcTrust | None = None
        self._covered_to = 0
        self._saved_to = 0
        self._signing = SigningThread(key)

    @classmethod
    async def open(
        cls,
        store: FactStore,
        keys: Keys,
        clock: Clock,
        station: Station,
        discipline: Callable[[], Discipline] = undisciplined,
    ) -> Self:
        """Reads the journal from the newest saved memory that the key vouches for, makes the key at the very first
        start, signs every page that waits for it.

        Raises JournalDamaged if the facts do not follow from each other, DeviceError, and ConfigMistake if the key and
        the journal do not belong together.
        """
        memory = await asyncio.to_thread(remembered, store, keys)
        now = clock.now()
        key = await key_of(memory, store, keys, now)
        ledger = cls(store, key, clock, station, memory, discipline=discipline)
        started = start_facts(memory, station, now)
        await ledger._append(Entry((*started, await ledger._reference(Cause.BOOT))))
        await ledger._sign_waiting_pages()
        await ledger._sign_head()
        return ledger

    @property
    def accepts(self) -> bool:
        """False for ever after the first error of the journal or the signing key."""
        return self._store.accepts and self._signing.failure is None

    @property
    def accepts_sessions(self) -> bool:
        """False also while the medium is nearly full: what runs may end, nothing new begins."""
        return self._store.accepts_sessions and self._signing.failure is None

    @property
    def writer_progress(self) -> int:
        """Rises at least twice a second for as long as the journal's writer lives."""
        return self._store.progress

    @property
    def public_key_hex(self) -> str:
        """SubjectPublicKeyInfo in hex: what people pin."""
        return self._key.public_key_hex

    def chain(self) -> tuple[Head, ChainChecked | None]:
        """The newest durable row, and when every row was checked last."""
        return self._store.head, self._memory.checked

    def past(self) -> Past:
        """What control recovers from. To be asked once, after opening."""
        return self._memory.past(successor_of)

    async def record_begin(self, wish: RecordBegin) -> RecordDurable:
        """Signs and stores the begin record; energy since the socket's last register value is booked to its T0.

        Raises DeviceError if the reading has no usable register or the medium is nearly full, JournalDamaged.
        """
        return await self._finish(self._record(wish, Edge.BEGIN))

    async def record_end(self, wish: RecordEnd) -> RecordDurable:
        """Signs and stores the end record. A register below the begin, or of another meter, ends the session without
        energy and says so; the energy is then not billed. Raises DeviceError, JournalDamaged."""
        return await self._finish(self._record(wish, Edge.END))

    async def note(self, wish: Note) -> None:
        """Stores a fact that needs no signature. Raises JournalDamaged, DeviceError."""
        await self._finish(self._in_turn(lambda: note_entry(self._memory, wish, self._clock.now())))

    async def book_outside(self, socket: SocketId, reading: SocketReading) -> None:
        """Books the energy since the last register value to the socket's T0, if no session is open on it."""
        await self._finish(self._in_turn(lambda: outside_entry(self._memory, self._station, socket, reading)))

    async def enter(self, entry_of: Callable[[Memory, FactStore, Instant], Coroutine[Any, Any, Entry]]) -> None:
        """Stores what is worked out in the ledger's own turn, and vouches for it at once. Raises JournalDamaged."""
        await self._finish(self._enter(entry_of))

    async def refer_time(self, cause: Cause) -> None:
        """Stores which calendar time belongs to which second of this device, signed. Raises JournalDamaged."""
        await self._finish(self._in_turn(lambda: self._referred(self._reference(cause))))

    async def enter_time(self, entered: EnteredTime) -> None:
        """Stores a reference that somebody entered by hand, signed. Raises JournalDamaged, DeviceError."""
        reference = entered.reference(self._signer.serial)
        await self._finish(self._in_turn(lambda: self._referred(self._time_signed(reference, self._clock.now()))))

    async def register(self, shown: Sequence[Shown]) -> None:
        """Stores these registers as rows of the load profile, each signed twice, in one transaction. Raises
        JournalDamaged, DeviceError."""
        if shown:
            await self._finish(self._register(shown))

    async def pending_outbox(self, limit: int) -> tuple[PendingMessage, ...]:
        """The oldest messages that no broker has taken."""
        return await self._store.pending_outbox(limit)

    async def outbox_delivered(self, ids: Sequence[int]) -> None:
        """The broker has taken these."""
        await self._store.outbox_delivered(ids)

    async def shut_down(self) -> None:
        """The last fact of an orderly end; then the journal is closed."""
        if self.accepts:
            await self._finish(self._in_turn(lambda: Entry((DaemonStopped(self._clock.now()),)), is_last=True))
        await self._store.close()

    def profile_taken(self) -> Mapping[str, datetime]:
        """By place: the newest quarter hour of its load profile."""
        return {place: quarter_of(mark.utc) for place, mark in self._memory.profile.marks.items()}

    async def _referred(self, reference: Coroutine[Any, Any, TimeReferenced]) -> Entry:
        return Entry((await reference,))

    async def _reference(self, cause: Cause) -> TimeReferenced:
        at, boot = self._clock.now(), self._station.boot_id
        reference = reference_at(self._memory.profile, at, boot, self._signer.serial, (cause, self._discipline()))
        return await self._time_signed(reference, at)

    async def _time_signed(self, reference: TimeReference, at: Instant) -> TimeReferenced:
        return await self._signing.apart(
            partial(reference_fact, reference, at, self._signer.public_key, self._signing.signed)
        )

    async def _register(self, shown: Sequence[Shown]) -> None:
        """Each row is signed by itself, so that what else the process does is never held up for long."""
        async with self._turn:
            draft, periods = self._memory.profile.draft(), []
            for one in shown:
                row = draft.next_row(one, self._signer.public_key, self._signer.serial)
                periods.append(await self._signing.apart(partial(signed_period, row, self._signing.signed)))
            boot, key = self._station.boot_id, self._signer.public_key
            await self._append(Entry((PeriodsSigned(self._clock.now(), boot, key, tuple(periods)),)))

    async def _finish(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Runs to its end even if the caller gives up: memory must never lag behind the disk."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _enter(self, entry_of: Callable[[Memory, FactStore, Instant], Coroutine[Any, Any, Entry]]) -> None:
        async with self._turn:
            entry = await entry_of(self._memory, self._store, self._clock.now())
            await self._append(entry)
            if entry.facts:
                await self._sign_head()

    async def _in_turn(self, entry: Callable[[], Entry | Coroutine[Any, Any, Entry]], *, is_last: bool = False) -> None:
        async with self._turn:
            made = entry()
            await self._append(made if isinstance(made, Entry) else await made)
            if is_last or self._store.head.seq - self._covered_to >= ROWS_PER_SIGNED_HEAD:
                await self._sign_head(saves=is_last)

    async def _record(self, wish: RecordBegin | RecordEnd, edge: Edge) -> RecordDurable:
        async with self._turn:
            done = self._memory.durable.get((wish.session, edge))
            if done is not None:
                return RecordDurable(wish.session, edge, done.page, done.at)
            waiting = self._memory.waiting(wish.session, edge)
            if waiting is not None:
                return await self._sign(waiting)
            made = self._entry(wish)
            await self._append(Entry((*self._clock_facts(), *made.entry.facts), made.entry.messages))
            durable = await self._sign(made.page)
            if edge is Edge.END:
                await self._sign_head()
            return durable

    def _entry(self, wish: RecordBegin | RecordEnd) -> RecordEntry:
        if isinstance(wish, RecordEnd):
            return end_entry(self._memory, self._station, self._signer, wish)
        if not self._store.accepts_sessions:
            raise DeviceError("the disk is nearly full: no new session; make room where the state folder lies")
        return begin_entry(self._memory, self._station, self._signer, wish)

    async def _sign(self, made: PageMade) -> RecordDurable:
        """Signs exactly the durable text; with the end's signature the session goes into the outbox."""
        signature = await self._signing.sign(made.payload.encode("ascii"))
        signed = PageSigned(self._clock.now(), made.key, made.page, signature.hex().upper())
        await self._append(Entry((signed,), announcement(self._memory, made, signature)))
        return RecordDurable(made.session, made.edge, made.page, signed.at)

    async def _sign_head(self, *, saves: bool = False) -> None:
        """The key's word for every row so far; whoever hears of it can tell an old copy of the journal."""
        if saves or self._store.head.seq - self._saved_to >= ROWS_PER_SAVED_MEMORY:
            saved = self._memory.saved(self._clock.now())
            await self._append(Entry(() if saved is None else (saved,)))
            self._saved_to = self._store.head.seq
        head = self._store.head
        signature = (await self._signing.sign(head_text(self._signer.serial, head))).hex().upper()
        signed = HeadSigned(self._clock.now(), self._signer.public_key, head.seq, head.hash.hex(), signature)
        await self._append(Entry((signed,), (head_message(signed, self._signer.serial),)))
        self._covered_to = self._store.head.seq

    async def _sign_waiting_pages(self) -> None:
        for made in sorted(self._memory.unsigned.values(), key=lambda page: page.page):
            if made.key != self._signer.public_key:
                raise JournalDamaged(f"page {made.page} waits for the signature of a key that is not here")
            await self._sign(made)

    async def _append(self, entry: Entry) -> None:
        self._signing.require_whole()
        if entry.facts:
            await self._store.append(entry.facts, entry.messages)
        for fact in entry.facts:
            self._memory.absorb(fact)

    def _clock_facts(self) -> tuple[ClockSeen, ...]:
        now = self._clock.now()
        if now.utc_trust is self._trust:
            return ()
        self._trust = now.utc_trust
        return (ClockSeen(now, self._station.boot_id),)
