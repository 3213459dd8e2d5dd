"""The journal on disk: one writer thread, which answers only after the commit.

Any error of the database or the medium is the end of this store: after a failed sync the kernel may have dropped the
pages and report success the next time (PostgreSQL's fsync finding of 2018), so nothing is tried again on the same
connection. The daemon opens the contactors, ends, and reads the journal anew.
"""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gateway.devices.journal_check import require_unmarked
from gateway.devices.journal_file import fact_named, open_for_writing, rows_after, rows_newest_first
from gateway.devices.journal_reserve import SpaceReserve
from gateway.devices.journal_stream import RowStream
from gateway.devices.key_store import make_folder
from gateway.errors import DeviceError, FolderInUse, JournalDamaged
from gateway.journal.chain import Head, verified_newest
from gateway.journal.facts import Fact
from gateway.journal.heads import ROWS_PER_SAVED_MEMORY, start_after
from gateway.journal.outbox import Kind, Message, PendingMessage
from gateway.metering.keys import PublicKey

LOCK_FILE: Final = "journal.lock"
RESERVE_BYTES: Final = 16 * 1024 * 1024
"""Below this much free space no new session begins; what runs ends and is signed with the rest."""
JOBS_MAX: Final = 256
PULSE_S: Final = 0.25
COMMITS_PER_CHECKPOINT: Final = 64
SLICES_PER_CHECKPOINT: Final = 2
"""What the file may grow by when the log of so many commits is moved into it."""
IDLE_PULSES: Final = 20
PAGE_EVERY_S: Final = 4.0
"""So that a stream that begins late, or goes on after an outage, costs the same as every day."""
LOOK_BACK_ROWS: Final = 4 * ROWS_PER_SAVED_MEMORY


@dataclass(frozen=True, slots=True)
class _Append:
    facts: tuple[Fact, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class _Delivered:
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Pending:
    limit: int


@dataclass(frozen=True, slots=True)
class _Named:
    name: str


_Job = _Append | _Delivered | _Pending | _Named
_Answer = tuple[int, ...] | tuple[PendingMessage, ...] | tuple[Fact, ...]


class JournalStore:
    """The journal of one daemon. `progress` rises at least twice a second for as long as the writer thread lives."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: int,
        reserve: SpaceReserve,
        pulse_s: float,
        stream: RowStream | None,
    ) -> None:
        self._connection = connection
        self._lock = lock
        self._reserve = reserve
        self._pulse_s = pulse_s
        self._stream = stream
        self._head = Head()
        self._damage: str | None = None
        self._closing = False
        self._has_room = reserve.has_room()
        self._progress = 0
        self._commits_unchecked = 0
        self._delivered: set[int] = set()
        self._jobs: queue.Queue[tuple[_Job, Future[_Answer]] | None] = queue.Queue(JOBS_MAX)
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        reserve_bytes: int = RESERVE_BYTES,
        pulse_s: float = PULSE_S,
        streams_rows: bool = False,
        page_every_s: float = PAGE_EVERY_S,
    ) -> Self:
        """Opens or makes the journal in the state folder. `facts` must be read to the end before the first append.

        pulse_s: how long the writer waits for work before it looks at the free space; after IDLE_PULSES pulses without
        work it moves its log into the database. streams_rows: the outbox brings every row, a page at most so often.

        Raises FolderInUse if another daemon holds it, DeviceError, ConfigMistake on a wrong mode, JournalDamaged.
        """
        make_folder(folder)
        require_unmarked(folder)
        lock = _locked(folder / LOCK_FILE)
        reserve = SpaceReserve(folder, reserve_bytes)
        try:
            reserve.make_room()  # also for a start on a full disk
            stream = RowStream(page_every_s) if streams_rows else None
            return cls(open_for_writing(folder), lock, reserve, pulse_s, stream)
        except BaseException:
            os.close(lock)
            raise

    def facts(self, trusted: PublicKey | None = None) -> Iterator[Fact]:
        """The facts that a start needs, oldest first, each row checked against the chain; then the writer starts. Of
        the control checkpoints the newest alone, at last.

        trusted: the key that is on this machine; the facts begin with the newest `MemorySaved` that it vouches for.
        Without it, or if there is none, with the very first. Raises JournalDamaged.
        """
        start = None if trusted is None else start_after(rows_newest_first(self._connection, LOOK_BACK_ROWS), trusted)
        self._head = start or Head()
        for head, fact in verified_newest(rows_after(self._connection, self._head.seq), self._head):
            self._head = head
            yield fact
        self._thread.start()

    @property
    def head(self) -> Head:
        """The newest durable row."""
        return self._head

    @property
    def accepts(self) -> bool:
        """False for ever after the first error."""
        return self._damage is None and not self._closing

    @property
    def accepts_sessions(self) -> bool:
        """False also while the medium is nearly full, or its reserve cannot be held."""
        return self.accepts and self._has_room

    @property
    def progress(self) -> int:
        """Turns of the writer thread."""
        return self._progress

    async def append(self, facts: Sequence[Fact], messages: Sequence[Message] = ()) -> tuple[int, ...]:
        """Appends all these facts or none, and their messages; their places, after the commit. Raises JournalDamaged,
        or DeviceError if the writer does not keep up."""
        places = await self._ask(_Append(tuple(facts), tuple(messages)))
        return tuple(place for place in places if isinstance(place, int))

    async def pending_outbox(self, limit: int) -> tuple[PendingMessage, ...]:
        """The oldest messages that have not been delivered."""
        found = await self._ask(_Pending(limit))
        return tuple(message for message in found if isinstance(message, PendingMessage))

    async def outbox_delivered(self, ids: Sequence[int]) -> None:
        """These messages have been taken by the broker."""
        await self._ask(_Delivered(tuple(ids)))

    async def fact_named(self, name: str) -> Fact | None:
        """The fact that bears that unique name, however old it is. Raises JournalDamaged."""
        (found,) = await self._ask(_Named(name)) or (None,)
        return None if found is None or isinstance(found, int | PendingMessage) else found

    async def close(self) -> None:
        """Lets the writer finish what it has, and gives the journal free."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """The same, for a caller that may wait."""
        self._closing = True
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()
        self._connection.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def _ask(self, job: _Job) -> _Answer:
        if not self.accepts:
            raise JournalDamaged(self._damage or "the journal is closed")
        answer: Future[_Answer] = Future()
        try:
            self._jobs.put_nowait((job, answer))
        except queue.Full:
            raise DeviceError(f"{JOBS_MAX} jobs wait for the journal; its disk does not keep up") from None
        return await asyncio.wrap_future(answer)

    def _write(self) -> None:
        """The writer thread: the only user of the connection from here on."""
        quiet_pulses = 0
        while True:
            self._progress += 1
            try:
                job = self._jobs.get(timeout=self._pulse_s)
            except queue.Empty:
                quiet_pulses += 1
                self._has_room = self._reserve.has_room()
                if quiet_pulses == IDLE_PULSES and self._commits_unchecked:
                    self._checkpoint("TRUNCATE")
                continue
            if job is None:
                return
            quiet_pulses = 0
            self._serve(*job)

    def _serve(self, job: _Job, answer: Future[_Answer]) -> None:
        if not answer.set_running_or_notify_cancel():
            return
        if self._damage is not None:
            answer.set_exception(JournalDamaged(self._damage))
            return
        try:
            result = self._done(job)
        except (sqlite3.Error, OSError, ValueError, TypeError, JournalDamaged) as problem:
            self._damage = f"the journal failed and is not tried again: {problem}"
            answer.set_exception(JournalDamaged(self._damage))
            return
        answer.set_result(result)
        if self._commits_unchecked >= COMMITS_PER_CHECKPOINT:
            self._checkpoint("PASSIVE")

    def _done(self, job: _Job) -> _Answer:
        match job:
            case _Append():
                return self._append(job)
            case _Delivered():
                self._delivered.update(job.ids)
                self._forget_delivered()
                return ()
            case _Named():
                named = fact_named(self._connection, job.name)
                return () if named is None else (named,)
            case _Pending():
                self._forget_delivered()
                return self._waiting(job.limit) or self._rows_waiting(job.limit)

    def _forget_delivered(self) -> None:
        """Waits on a full medium, whose last room is for sessions; a death meanwhile sends the messages once more."""
        if self._delivered and self._reserve.has_slices(2):
            with self._transaction():
                self._connection.executemany("DELETE FROM outbox WHERE id = ?", [(at,) for at in self._delivered])
            self._delivered.clear()

    def _waiting(self, limit: int) -> tuple[PendingMessage, ...]:
        most = limit + len(self._delivered)
        found = self._connection.execute("SELECT id, kind, body FROM outbox ORDER BY id LIMIT ?", (most,)).fetchall()
        waiting = [PendingMessage(at, Kind(kind), body) for at, kind, body in found if at not in self._delivered]
        return tuple(waiting[:limit])

    def _rows_waiting(self, limit: int) -> tuple[PendingMessage, ...]:
        """When nothing else waits, the next page of rows; none while the medium is nearly full."""
        page = None if self._stream is None or not self._has_room else self._stream.next_page(self._connection)
        if page is None:
            return ()
        message = page.message()
        with self._transaction():
            values = (page.head.seq, message.kind.value, message.body)
            self._connection.execute("INSERT INTO outbox (seq, kind, body) VALUES (?, ?, ?)", values)
            self._connection.execute("UPDATE streamed SET seq = ?", (page.head.seq,))
        return self._waiting(limit)

    def _append(self, job: _Append) -> tuple[int, ...]:
        self._reserve.make_room()
        head = self._head
        places = []
        with self._transaction():
            for fact in job.facts:
                row = head.next(fact)
                self._connection.execute(
                    "INSERT INTO journal (seq, name, row, hash) VALUES (?, ?, ?, ?)",
                    (row.seq, row.name, row.text, row.hash),
                )
                head = Head(row.seq, row.hash)
                places.append(row.seq)
            self._connection.executemany(
                "INSERT INTO outbox (seq, kind, body) VALUES (?, ?, ?)",
                [(head.seq, message.kind.value, message.body) for message in job.messages],
            )
        self._head = head
        return tuple(places)

    def _transaction(self) -> "_Transaction":
        self._commits_unchecked += 1
        return _Transaction(self._connection)

    def _checkpoint(self, mode: str) -> None:
        """Moves the log into the database file; a reader in the way only means later."""
        if self._damage is not None:
            return
        self._reserve.make_room(SLICES_PER_CHECKPOINT)
        try:
            self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
            self._commits_unchecked = 0
        except sqlite3.Error as problem:
            self._damage = f"the journal's log could not be moved into its file: {problem}"


class _Transaction:
    """BEGIN IMMEDIATE to COMMIT. Nothing is rolled back by hand: after an error the connection is never used again."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")


def _locked(path: Path) -> int:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise DeviceError(f"{path}: {problem.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise FolderInUse(f"{path}: another Laddvakt uses this state folder; stop it first") from None
    return lock
