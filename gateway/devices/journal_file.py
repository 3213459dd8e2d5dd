"""The journal's SQLite file: settings that are checked by their answers, and reading it beside the daemon.

SQLite 3.37 or later (STRICT tables). Write-ahead log with synchronous=FULL: a commit returns after the log is on the
medium (SQLite, "PRAGMA synchronous"), and no acknowledged row is lost when the power fails.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from gateway.devices.journal_schema import make_or_migrate, require_schema
from gateway.devices.key_store import require_mode, sync_folder
from gateway.errors import DeviceError, JournalDamaged
from gateway.ids import SocketId
from gateway.journal.archive import ArchivedPage, ArchivedSession
from gateway.journal.chain import Head, StoredRow, verified
from gateway.journal.facts import (
    ControlCheckpoint,
    EnergyOutside,
    Fact,
    KeyHandedOver,
    KeyMade,
    MemorySaved,
    MeterExchanged,
    MeterSeen,
    PageMade,
    PageSigned,
    SessionBegun,
    SessionEnded,
)
from gateway.journal.imports import pins_of_facts
from gateway.journal.meter_facts import MeterRecordKept
from gateway.journal.rows import fact_of, kind_of
from gateway.metering.pins import Pin

JOURNAL_FILE: Final = "journal.sqlite3"
FILE_MODE: Final = 0o600
BUSY_S: Final = 0.3
CHECKED_PAGES_MAX: Final = 16_384
"""A file of at most so many pages (64 MiB) is checked as a whole at each start."""
_KINDS_WITH_SERIALS: Final = frozenset(
    kind.__name__ for kind in (MeterSeen, MeterExchanged, EnergyOutside, SessionBegun, MemorySaved)
)

# The log is checkpointed by hand: SQLite's own checkpoint inside a commit keeps its errors to itself.
_SETTINGS: Final = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("cell_size_check", "ON", 1),
    ("wal_autocheckpoint", "0", 0),
)


def open_for_writing(folder: Path) -> sqlite3.Connection:
    """The one writing connection, its schema made or brought up to date and every setting confirmed.

    Raises JournalDamaged if the file is not a whole journal that this version knows, or a setting does not take;
    ConfigMistake on a wrong mode.
    """
    path = folder / JOURNAL_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        os.close(descriptor)
        sync_folder(folder)
    except OSError as problem:
        raise DeviceError(f"{path}: the journal cannot be opened: {problem.strerror}") from None
    require_mode(path, FILE_MODE)
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
    except sqlite3.Error as problem:
        raise JournalDamaged(f"{path}: {problem}") from None
    try:
        _prepare(connection)
    except sqlite3.Error as problem:
        connection.close()
        raise JournalDamaged(f"{path}: {problem}") from None
    except JournalDamaged:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    for name, value, expected in _SETTINGS:
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
        answer = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if answer != expected:
            raise JournalDamaged(f"PRAGMA {name} is {answer!r} instead of {expected!r}")
    make_or_migrate(connection)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    # Of a large file only what no hash covers; the rows that are read are checked by their chain, all by verify.
    scope = "1" if pages <= CHECKED_PAGES_MAX else "outbox"
    problems = connection.execute(f"PRAGMA quick_check({scope})").fetchone()[0]
    if problems != "ok":
        raise JournalDamaged(f"the database file is damaged: {problems}")


def rows_after(connection: sqlite3.Connection, seq: int, count: int = -1) -> Iterator[StoredRow]:
    """Every row behind that place, oldest first, or the first so many. Raises JournalDamaged."""
    try:
        for at, name, text, digest in connection.execute(
            "SELECT seq, name, row, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (seq, count)
        ):
            yield StoredRow(at, text, digest, name)
    except sqlite3.Error as problem:
        raise JournalDamaged(f"the journal cannot be read: {problem}") from None


def rows_newest_first(connection: sqlite3.Connection, count: int) -> Iterator[StoredRow]:
    """The newest rows, newest first. Raises JournalDamaged."""
    try:
        for at, name, text, digest in connection.execute(
            "SELECT seq, name, row, hash FROM journal ORDER BY seq DESC LIMIT ?", (count,)
        ):
            yield StoredRow(at, text, digest, name)
    except sqlite3.Error as problem:
        raise JournalDamaged(f"the journal cannot be read: {problem}") from None


def newest_checkpoint(connection: sqlite3.Connection) -> str | None:
    """Control's memory as it was kept last, None before the first time; only its own row is read with care.

    Raises JournalDamaged.
    """
    for stored in rows_newest_first(connection, -1):
        if kind_of(stored.seq, stored.text) in {ControlCheckpoint.__name__, MemorySaved.__name__}:
            match fact_of(stored.seq, stored.text):
                case ControlCheckpoint() as fact:
                    return fact.text
                case MemorySaved() as fact:
                    return fact.checkpoint
    return None


def newest_serials(connection: sqlite3.Connection) -> dict[SocketId, str]:
    """By socket: its meter's serial as the newest rows say it, an open word among them where it was never read (see
    `metering.ocmf.meter_serial`). Only those rows are read with care. Raises JournalDamaged."""
    serials: dict[SocketId, str] = {}
    for stored in rows_newest_first(connection, -1):
        if kind_of(stored.seq, stored.text) not in _KINDS_WITH_SERIALS:
            continue
        match fact_of(stored.seq, stored.text):
            case MeterSeen() | MeterExchanged() | EnergyOutside() | SessionBegun() as fact:
                serials.setdefault(fact.socket, fact.serial)
            case MemorySaved() as memory:
                return {mark.socket: mark.serial for mark in memory.registers} | serials
    return serials


@contextmanager
def opened_for_reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """One consistent view of the journal, also while the daemon writes. Raises DeviceError, JournalDamaged."""
    with opened_file_for_reading(folder / JOURNAL_FILE) as connection:
        yield connection


@contextmanager
def opened_file_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The same of a journal file wherever it lies."""
    try:
        with closing(opened_piecemeal(path)) as connection:
            connection.execute("BEGIN")
            require_schema(connection)  # the first read is the moment that is seen
            yield connection
    except sqlite3.Error as problem:
        raise JournalDamaged(f"{path}: {problem}") from None


def opened_piecemeal(path: Path) -> sqlite3.Connection:
    """A connection that reads and never writes; each read sees its own moment. Raises DeviceError, JournalDamaged,
    sqlite3.Error."""
    if not path.is_file():
        raise DeviceError(f"{path}: there is no journal here")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = ON").fetchall()
        connection.execute("PRAGMA trusted_schema = OFF").fetchall()
        connection.execute("PRAGMA cell_size_check = ON").fetchall()
        require_schema(connection)
    except (sqlite3.Error, JournalDamaged):
        connection.close()
        raise
    return connection


def verified_facts(connection: sqlite3.Connection) -> Iterator[Fact]:
    """Every fact, each row checked against the chain. Raises JournalDamaged."""
    for _, fact in verified(rows_after(connection, 0), Head()):
        yield fact


def newest_key(connection: sqlite3.Connection) -> KeyMade | KeyHandedOver:
    """The key that signs now, without reading the rest. Raises DeviceError if there is none yet, JournalDamaged."""
    found = connection.execute("SELECT seq, row FROM journal WHERE name GLOB 'key *' ORDER BY seq DESC").fetchone()
    if found is None:
        raise DeviceError("there is no key yet; it is made when the gateway starts for the first time")
    fact = fact_of(*found)
    if not isinstance(fact, KeyMade | KeyHandedOver):
        raise JournalDamaged(f"row {found[0]} is not a key")
    return fact


def fact_named(connection: sqlite3.Connection, name: str) -> Fact | None:
    """The fact that bears that unique name, without reading the rest. Raises JournalDamaged."""
    found = connection.execute("SELECT seq, row FROM journal WHERE name = ?", (name,)).fetchone()
    return None if found is None else fact_of(*found)


def known_keys(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Every key that ever signed here, in hex, newest first, without reading the rest."""
    found = connection.execute("SELECT name FROM journal WHERE name GLOB 'key *' ORDER BY seq DESC").fetchall()
    return tuple(name.removeprefix("key ") for (name,) in found)


def newest_head(connection: sqlite3.Connection) -> Head:
    """The newest row's place and hash."""
    found = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    return Head() if found is None else Head(*found)


def archived_session(connection: sqlite3.Connection, session: str) -> ArchivedSession | None:
    """One session with its signed pages, found by name: as quick after seven years as on the first day.

    Its records prove themselves by their signatures; the chain around them is not checked. Raises JournalDamaged.
    """
    begun, ended = fact_named(connection, f"begin {session}"), fact_named(connection, f"end {session}")
    if not isinstance(begun, SessionBegun):
        return None
    archived = ArchivedSession(begun, ended if isinstance(ended, SessionEnded) else None)
    archived.begin_record, archived.key = _record(connection, begun.session, begun.page)
    archived.meter_records = list(meter_records_of(connection, session))
    if archived.ended is not None:
        archived.end_record, _ = _record(connection, begun.session, archived.ended.page)
    return archived


def meter_records_of(connection: sqlite3.Connection, session: str) -> tuple[MeterRecordKept, ...]:
    """What meters signed themselves of a session. Raises JournalDamaged."""
    found = connection.execute(
        "SELECT seq, row FROM journal WHERE name GLOB 'meter record *' AND instr(row, ?) ORDER BY seq", (session,)
    )
    facts = (fact_of(*row) for row in found.fetchall())
    return tuple(fact for fact in facts if isinstance(fact, MeterRecordKept) and fact.session == session)


def meter_pins(connection: sqlite3.Connection) -> tuple[Pin, ...]:
    """The pinned keys of meters. Raises JournalDamaged."""
    found = connection.execute("SELECT seq, row FROM journal WHERE name GLOB 'meter key *' ORDER BY seq")
    return pins_of_facts(fact_of(*row) for row in found.fetchall())


def _record(connection: sqlite3.Connection, session: str, page: int) -> tuple[str, str] | tuple[None, None]:
    """The signed page, and the key that it was signed with."""
    for key in known_keys(connection):
        made = fact_named(connection, f"page {key} {page}")
        signed = fact_named(connection, f"signature {key} {page}")
        if isinstance(made, PageMade) and isinstance(signed, PageSigned) and made.session == session:
            return ArchivedPage(made, bytes.fromhex(signed.signature)).record, key
    return None, None


def require_integrity(connection: sqlite3.Connection) -> None:
    """SQLite's own check of the whole file, its indexes among it. Raises JournalDamaged."""
    answer = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if answer != "ok":
        raise JournalDamaged(f"the database file is damaged: {answer}")
