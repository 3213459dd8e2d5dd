"""Years of a cabinet with 16 sockets as rows, made by the pure functions that the ledger itself uses.

Every minute control's memory is saved, every hour each idle socket's T0 is booked, each socket charges three times a
day: queued, begun, ended, both pages signed by a real key, the head signed behind it. As in life a head is signed at
least every 512 rows and memory is saved every 8192, and the daemon restarts every thirty days.
"""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from gateway.app.ledger_key import gateway_serial
from gateway.clock import Instant
from gateway.control.checkpoint import ControlCheckpoint
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.journal_store import JournalStore
from gateway.devices.key_store import KeyStore
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.chain import Head
from gateway.journal.entries import RecordEntry, Signer, begin_entry, end_entry, note_entry, outside_entry
from gateway.journal.facts import (
    ClockSeen,
    DaemonStarted,
    DaemonStopped,
    Fact,
    HeadSigned,
    JournalBegun,
    KeyMade,
    PageSigned,
)
from gateway.journal.heads import ROWS_PER_SAVED_MEMORY, ROWS_PER_SIGNED_HEAD, head_text
from gateway.journal.recovery import Memory
from gateway.metering.ocmf import MeterIdentity
from gateway.site.because import Because, Why
from gateway.site.wishes import NoteEvent, NoteQueued, SaveCheckpoint
from tests.ledger.ledger_bench import HandClock, begin, end, reading, station

SOCKETS = tuple(SocketId(f"socket-{number}") for number in range(1, 17))
SESSIONS_A_DAY = 3
MINUTES = 24 * 60
CHARGES_MIN = 240
RESTART_DAYS = 30
CHECKPOINTS = 601
"""So many different texts of control's memory take turns."""
WAITS = Because(Why.QUEUED)
STATION = replace(station(), meters={socket: MeterIdentity("Eastron", "SDM630", "1.0", None) for socket in SOCKETS})

StoredTuple = tuple[int, str | None, str, bytes]


def checkpoint(chance: random.Random) -> str:
    """Control's memory of a cabinet with 16 sockets behind three fuses."""
    heat = {f"fuse-{fuse}": [round(chance.random(), 4) for _ in range(3)] for fuse in range(3)}
    switchings = {str(socket): [chance.randrange(9000), chance.randrange(9)] for socket in SOCKETS}
    return ControlCheckpoint(heat=heat, switchings=switchings, house_highest_a=(31.5, 28.25, 30.0)).to_text()


class Years:
    """Rows, day after day, until there are `rows` of them; the last day ends with an orderly stop."""

    def __init__(self, key: KeyStore, rows: int, seed: int) -> None:
        self.sessions = 0
        self.days = 0
        self._key = key
        self._rows = rows
        self._chance = random.Random(seed)
        self._texts = [checkpoint(self._chance) for _ in range(CHECKPOINTS)]
        self._clock = HandClock()
        self._memory = Memory()
        self._signer = Signer(key.public_key_hex, gateway_serial(key.public_key_hex))
        self._head = Head()
        self._covered_to = self._saved_to = 0
        self._registers = {socket: Decimal("1000.00") for socket in SOCKETS}
        self._running: dict[SocketId, SessionId] = {}

    def rows(self) -> Iterator[StoredTuple]:
        for fact in self._facts():
            self._memory.absorb(fact)
            row = self._head.next(fact)
            self._head = Head(row.seq, row.hash)
            yield row.seq, row.name, row.text, row.hash

    def _facts(self) -> Iterator[Fact]:
        yield JournalBegun(self._now())
        yield KeyMade(self._now(), self._signer.public_key, self._signer.serial)
        yield from self._start()
        while self._head.seq < self._rows:
            yield from self._day()
            self.days += 1
            if self.days % RESTART_DAYS == 0:
                yield from self._stop()
                yield from self._start()
        yield from self._stop()

    def _start(self) -> Iterator[Fact]:
        yield DaemonStarted(self._now(), STATION.boot_id, STATION.version, STATION.software)
        yield from self._signed_head()
        yield ClockSeen(self._now(), STATION.boot_id)

    def _stop(self) -> Iterator[Fact]:
        for socket in tuple(self._running):
            yield from self._end(socket)
        yield DaemonStopped(self._now())
        yield from self._signed_head(saves=True)

    def _day(self) -> Iterator[Fact]:
        for minute in range(MINUTES):
            self._clock.pass_s(60.0)
            text = self._texts[(self.days + minute) % CHECKPOINTS]
            yield from note_entry(self._memory, SaveCheckpoint(text, WAITS), self._now()).facts
            for number, socket in enumerate(SOCKETS):
                turn = (minute + 29 * number) % (MINUTES // SESSIONS_A_DAY)
                if turn == 0:
                    yield from self._begin(socket)
                elif turn == CHARGES_MIN and socket in self._running:
                    yield from self._end(socket)
                elif minute % 60 == 0 and socket not in self._running:
                    self._registers[socket] += Decimal(self._chance.randrange(3)) / 100
                    taken = reading(self._clock, self._registers[socket])
                    yield from outside_entry(self._memory, STATION, socket, taken).facts
            if self._head.seq - self._covered_to >= ROWS_PER_SIGNED_HEAD:
                yield from self._signed_head()
        overload = NoteEvent(self._chance.choice(SOCKETS), Because(Why.OVERLOAD, current_a=17.25))
        yield from note_entry(self._memory, overload, self._now()).facts

    def _begin(self, socket: SocketId) -> Iterator[Fact]:
        self.sessions += 1
        name = self._running[socket] = SessionId(f"years-{self.sessions}")
        token = f"resident-{self._chance.randrange(40)}"
        yield from note_entry(self._memory, NoteQueued(socket, name, Token(token), None, WAITS), self._now()).facts
        wish = begin(name, reading(self._clock, self._registers[socket]), socket=socket, token=token)
        yield from self._recorded(begin_entry(self._memory, STATION, self._signer, wish))

    def _end(self, socket: SocketId) -> Iterator[Fact]:
        self._registers[socket] += Decimal(self._chance.randrange(500, 5000)) / 100
        wish = end(self._running.pop(socket), reading(self._clock, self._registers[socket]), socket=socket)
        yield from self._recorded(end_entry(self._memory, STATION, self._signer, wish))
        yield from self._signed_head()

    def _recorded(self, made: RecordEntry) -> Iterator[Fact]:
        yield from made.entry.facts
        signature = self._key.sign(made.page.payload.encode("ascii")).hex().upper()
        yield PageSigned(self._now(), self._signer.public_key, made.page.page, signature)

    def _signed_head(self, *, saves: bool = False) -> Iterator[Fact]:
        if saves or self._head.seq - self._saved_to >= ROWS_PER_SAVED_MEMORY:
            saved = self._memory.saved(self._now())
            if saved is None:
                raise RuntimeError("a page waits for its signature")
            yield saved
            self._saved_to = self._head.seq
        head = self._head
        signature = self._key.sign(head_text(self._signer.serial, head)).hex().upper()
        yield HeadSigned(self._now(), self._signer.public_key, head.seq, head.hash.hex(), signature)
        self._covered_to = self._head.seq

    def _now(self) -> Instant:
        return self._clock.now()


def make_years(folder: Path, rows: int, seed: int) -> Years:
    """Fills a state folder: a file made by the real store, the rows put into it in bulk, a real key beside it."""
    JournalStore.open(folder).close_now()
    years = Years(KeyStore.make(folder), rows, seed)
    connection = sqlite3.connect(folder / JOURNAL_FILE, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO journal (seq, name, row, hash) VALUES (?, ?, ?, ?)", years.rows())
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    return years
