"""Sessions, records and energy outside sessions out of one view of the journal, one at a time.

The rows were held against the chain when the contents were made; the view is the same since.
"""

import sqlite3
from collections.abc import Iterable, Iterator

from gateway.errors import JournalDamaged
from gateway.journal.archive import Archive, ArchivedPage, ArchivedSession
from gateway.journal.contents import Contents
from gateway.journal.facts import EnergyOutside, Fact, PageMade, PageSigned
from gateway.journal.meter_facts import MeterRecordKept
from gateway.journal.rows import fact_of


def sessions_in(connection: sqlite3.Connection, contents: Contents) -> Iterator[ArchivedSession]:
    """Every session of the contents, in the order in which they began. Raises JournalDamaged."""
    for name, rows in contents.sessions.items():
        one = Archive()
        for fact in _facts_at(connection, (*rows, *contents.meter_records.get(name, ()))):
            one.absorb(fact)
        yield one.sessions[name]


def records_in(connection: sqlite3.Connection, contents: Contents) -> Iterator[str]:
    """Every signed record of the contents, in the order of their signatures. Raises JournalDamaged."""
    facts = _facts_at(connection, contents.pages)
    for page, signed in zip(facts, facts, strict=True):
        if not isinstance(page, PageMade) or not isinstance(signed, PageSigned):
            raise JournalDamaged("the journal changed while it was read")
        yield ArchivedPage(page, bytes.fromhex(signed.signature)).record


def outside_in(connection: sqlite3.Connection, contents: Contents) -> Iterator[EnergyOutside]:
    """The energy outside sessions of the contents. Raises JournalDamaged."""
    for fact in _facts_at(connection, contents.outside):
        if not isinstance(fact, EnergyOutside):
            raise JournalDamaged("the journal changed while it was read")
        yield fact


def meter_records_in(connection: sqlite3.Connection, contents: Contents) -> Iterator[MeterRecordKept]:
    """What meters signed themselves: session by session, and then what belongs to none. Raises JournalDamaged."""
    of_sessions = (contents.meter_records.get(name, ()) for name in contents.sessions)
    for rows in (*of_sessions, contents.strays):
        for fact in _facts_at(connection, rows):
            if not isinstance(fact, MeterRecordKept):
                raise JournalDamaged("the journal changed while it was read")
            yield fact


def _facts_at(connection: sqlite3.Connection, rows: Iterable[int]) -> Iterator[Fact]:
    try:
        for seq in rows:
            found = connection.execute("SELECT row FROM journal WHERE seq = ?", (seq,)).fetchone()
            if found is None:
                raise JournalDamaged(f"row {seq} is missing")
            yield fact_of(seq, found[0])
    except sqlite3.Error as problem:
        raise JournalDamaged(f"the journal cannot be read: {problem}") from None
