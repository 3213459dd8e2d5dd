"""What the journal costs: bytes and syncs of a day at 16 sockets; the start and the check of seven years of rows.

The day is lived by the real ledger on a real disk, in virtual time: three sessions on each socket, T0 booked every
hour, control's memory saved every minute, messages taken by the broker. strace counts what the process writes and
syncs. Seven years are made by the same pure functions that the ledger uses, signed with the same kind of key, and put
into the database in bulk; then the real ledger opens them, and `laddvakt journal verify` checks every row.
"""

import argparse
import asyncio
import json
import os
import random
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder, gateway_serial
from gateway.clock import Instant
from gateway.control.checkpoint import ControlCheckpoint
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.journal_store import JournalStore
from gateway.devices.key_store import KeyStore
from gateway.ids import SessionId, SocketId
from gateway.journal.chain import Head, link
from gateway.journal.entries import Entry, Signer, begin_entry, end_entry
from gateway.journal.facts import ControlCheckpoint as ControlCheckpointFact
from gateway.journal.facts import Fact, HeadSigned, JournalBegun, KeyMade, PageSigned
from gateway.journal.heads import head_text
from gateway.journal.recovery import Memory
from gateway.journal.rows import row_of
from gateway.metering.ocmf import MeterIdentity
from gateway.site.because import Because, Why
from gateway.site.wishes import NoteQueued, SaveCheckpoint
from tests.campaigns.strace_kills import forked, heard
from tests.campaigns.tamper import called
from tests.ledger.ledger_bench import HandClock, begin, end, reading, station

SOCKETS = tuple(SocketId(f"socket-{number}") for number in range(1, 17))
SESSIONS_A_DAY = 3
BYTES_A_DAY_MAX = 100_000_000
SYNCS_A_DAY_MAX = 20_000
START_S_MAX = 20.0
WAITS = Because(Why.QUEUED)
STATION = replace(station(), meters={socket: MeterIdentity("Eastron", "SDM630", "1.0", None) for socket in SOCKETS})


def checkpoint(chance: random.Random) -> str:
    """Control's memory of a cabinet with 16 sockets behind three fuses."""
    heat = {f"fuse-{fuse}": [round(chance.random(), 4) for _ in range(3)] for fuse in range(3)}
    switchings = {str(socket): [chance.randrange(9000), chance.randrange(9)] for socket in SOCKETS}
    return ControlCheckpoint(heat=heat, switchings=switchings, house_highest_a=(31.5, 28.25, 30.0)).to_text()


async def day(folder: Path) -> None:
    """24 hours of 16 sockets, minute by minute."""
    chance, clock = random.Random(1), HandClock()
    registers = {socket: Decimal("1000.00") for socket in SOCKETS}
    running: dict[SocketId, str] = {}
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, STATION)
    for minute in range(24 * 60):
        clock.pass_s(60.0)
        await ledger.note(SaveCheckpoint(checkpoint(chance), WAITS))
        for number, socket in enumerate(SOCKETS):
            turn = (minute + 29 * number) % (24 * 60 // SESSIONS_A_DAY)
            if turn == 0:
                running[socket] = f"day-{minute}-{socket}"
                await ledger.note(NoteQueued(socket, SessionId(running[socket]), None, None, WAITS))
                await ledger.record_begin(begin(running[socket], reading(clock, registers[socket]), socket=socket))
            elif turn == 240 and socket in running:
                registers[socket] += Decimal(chance.randrange(500, 5000)) / 100
                await ledger.record_end(end(running.pop(socket), reading(clock, registers[socket]), socket=socket))
            elif minute % 60 == 0 and socket not in running:
                registers[socket] += Decimal(chance.randrange(3)) / 100
                await ledger.book_outside(socket, reading(clock, registers[socket]))
        pending = await ledger.pending_outbox(50)
        if pending:
            await ledger.outbox_delivered([message.id for message in pending])
    await ledger.shut_down()


def cost_of_a_day(folder: Path) -> tuple[int, int, int]:
    """Bytes written, syncs, and bytes that the journal grew by."""
    log = folder.parent / "strace.log"
    gate_r, gate_w = os.pipe()
    pid, pipe = forked(lambda _: asyncio.run(day(folder)), gate_r)
    calls = "trace=pwrite64,write,fsync,fdatasync"
    tracer = subprocess.Popen(
        ["strace", "-f", "-e", calls, "-s", "1", "-o", str(log), "-p", str(pid)], stderr=subprocess.PIPE
    )
    assert tracer.stderr is not None
    if b"attached" not in tracer.stderr.readline():
        raise RuntimeError("strace could not attach")
    os.write(gate_w, b"!")
    heard(pipe)
    _, status = os.waitpid(pid, 0)
    tracer.communicate()
    if status != 0:
        raise RuntimeError("the day did not end well")
    text = log.read_text()
    written = sum(int(size) for size in re.findall(r"(?:write|pwrite64)(?:\(| resumed>).*= (\d+)$", text, re.MULTILINE))
    syncs = len(re.findall(r"(?:fsync|fdatasync)\(", text))
    return written, syncs, (folder / JOURNAL_FILE).stat().st_size


class Years:
    """Rows of years, one after the other, as the ledger would write them."""

    def __init__(self, key: KeyStore, rows: int) -> None:
        self._key = key
        self._rows = rows
        self._chance = random.Random(2)
        self._clock = HandClock()
        self._memory = Memory()
        self._signer = Signer(key.public_key_hex, gateway_serial(key.public_key_hex))
        self._head = Head()
        self._registers = {socket: Decimal("1000.00") for socket in SOCKETS}
        self.sessions = 0

    def rows(self) -> Iterator[tuple[int, str | None, str, bytes]]:
        for fact in self._facts():
            if isinstance(fact, str):
                seq = self._head.seq + 1
                text = f"{fact}{seq}}}"
                self._head = Head(seq, link(self._head.hash, text))
                yield seq, None, text, self._head.hash
                continue
            self._memory.absorb(fact)
            yield self._row(fact)
            if self._head.seq >= self._rows and not self._memory.unsigned and not self._memory.open:
                break
        for fact in self._last():
            yield self._row(fact)

    def _row(self, fact: Fact) -> tuple[int, str | None, str, bytes]:
        row = self._head.next(fact)
        self._head = Head(row.seq, row.hash)
        return row.seq, row.name, row.text, row.hash

    def _last(self) -> Iterator[Fact]:
        saved = self._memory.saved(self._now())
        assert saved is not None
        yield saved
        yield self._signed_head()

    def _signed_head(self) -> HeadSigned:
        signature = self._key.sign(head_text(self._signer.serial, self._head)).hex().upper()
        return HeadSigned(self._now(), self._signer.public_key, self._head.seq, self._head.hash.hex(), signature)

    def _facts(self) -> Iterator[Fact | str]:
        """Facts, and of most checkpoints of control the text of their row up to its place."""
        yield JournalBegun(self._now())
        yield KeyMade(self._now(), self._signer.public_key, self._signer.serial)
        saved = [ControlCheckpointFact(self._now(), checkpoint(self._chance)) for _ in range(64)]
        texts = [row_of(0, fact).removesuffix("0}") for fact in saved]
        while True:
            for socket in SOCKETS:
                yield from self._session(socket)
                self._clock.pass_s(90 * 60.0)
                yield saved[0]
                yield from (texts[at % 64] for at in range(90))

    def _session(self, socket: SocketId) -> Iterator[Fact]:
        self.sessions += 1
        name = f"years-{self.sessions}"
        first = begin(name, reading(self._clock, self._registers[socket]), socket=socket)
        begun = begin_entry(self._memory, STATION, self._signer, first)
        yield from self._recorded(begun.entry, begun.page.payload, begun.page.page)
        self._registers[socket] += Decimal(self._chance.randrange(500, 5000)) / 100
        self._clock.utc += timedelta(seconds=3600)
        self._clock.monotonic_s += 3600
        last = end(name, reading(self._clock, self._registers[socket]), socket=socket)
        ended = end_entry(self._memory, STATION, self._signer, last)
        yield from self._recorded(ended.entry, ended.page.payload, ended.page.page)
        yield self._signed_head()

    def _recorded(self, entry: Entry, payload: str, page: int) -> Iterator[Fact]:
        yield from entry.facts
        signature = self._key.sign(payload.encode("ascii")).hex().upper()
        yield PageSigned(self._now(), self._signer.public_key, page, signature)

    def _now(self) -> Instant:
        return self._clock.now()


def make_years(folder: Path, rows: int) -> int:
    """Fills a state folder; the number of sessions."""
    JournalStore.open(folder).close_now()
    years = Years(KeyStore.make(folder), rows)
    connection = sqlite3.connect(folder / JOURNAL_FILE, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO journal (seq, name, row, hash) VALUES (?, ?, ?, ?)", years.rows())
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return years.sessions


async def start_s(folder: Path) -> float:
    """From nothing to a ledger that may charge."""
    began_s = time.monotonic()
    ledger = await Ledger.open(JournalStore.open(folder), KeyFolder(folder), HandClock(), STATION)
    took_s = time.monotonic() - began_s
    if not ledger.accepts:
        raise RuntimeError("it did not open")
    await ledger.shut_down()
    return took_s


def receipt_s(folder: Path, session: int) -> float:
    from gateway.cli import receipt

    began_s = time.monotonic()
    code, said = called(receipt, f"years-{session}", "--state-dir", str(folder))
    if code != 0:
        raise RuntimeError(said)
    return time.monotonic() - began_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="a twentieth of the rows")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seed", type=int, default=1, help="nothing here is left to chance")
    args = parser.parse_args()
    rows = args.rows or (100_000 if args.sample else 5_000_000)
    if shutil.which("strace") is None:
        print("SKIPPED: there is no strace here; apt-get install strace")
        return 0
    from gateway.cli import journal

    with tempfile.TemporaryDirectory(prefix="laddvakt-cost-") as name:
        room = Path(name)
        written, syncs, grown = cost_of_a_day(room / "day")
        print(f"a day at {len(SOCKETS)} sockets: {written} bytes written, {syncs} syncs; the file is {grown} bytes")
        began_s = time.monotonic()
        sessions = make_years(room / "years", rows)
        size = (room / "years" / JOURNAL_FILE).stat().st_size
        print(f"{rows} rows, {sessions} sessions, {size} bytes, made in {time.monotonic() - began_s:.0f} s", flush=True)
        took_s = asyncio.run(start_s(room / "years"))
        again_s = asyncio.run(start_s(room / "years"))
        print(f"start: {took_s:.2f} s, once more {again_s:.2f} s", flush=True)
        shown_s = receipt_s(room / "years", sessions // 2)
        began_s = time.monotonic()
        print(f"a receipt of {sessions // 2}: {shown_s:.2f} s", flush=True)
        make_years(room / "year", rows // 7)
        began_s = time.monotonic()
        code, said = called(journal, "verify", "--state-dir", str(room / "year"))
        checked_s = time.monotonic() - began_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"verify of a year: {checked_s:.1f} s; {json.dumps(said.splitlines()[0])}")
    print(f"greatest memory of all this: {peak_mb:.0f} MB")
    held = written <= BYTES_A_DAY_MAX and syncs <= SYNCS_A_DAY_MAX and took_s <= START_S_MAX and code == 0
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
