"""The journal's second copy as pages of rows: taken from the file that is written, and made a journal again."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from gateway.devices.journal_file import FILE_MODE, rows_after
from gateway.devices.journal_schema import make_or_migrate
from gateway.errors import JournalDamaged
from gateway.journal.audit import Audit
from gateway.journal.chain import GENESIS, Head, StoredRow
from gateway.journal.row_pages import PAGE_ROWS_MAX, RowPage, next_page, read_page

SQLITE_MAGIC: Final = b"SQLite format 3\0"


class RowStream:
    """The pages that the broker has not got yet, one at most every so many seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_s = 0.0

    def next_page(self, connection: sqlite3.Connection) -> RowPage | None:
        """The page behind the newest one that went into the outbox; None if it is not its time or nothing is new.

        Raises sqlite3.Error.
        """
        if time.monotonic() < self._next_s:
            return None
        self._next_s = time.monotonic() + self._every_s
        (seq,) = connection.execute("SELECT seq FROM streamed").fetchone()
        return _page_after(connection, seq)


def pages_after(connection: sqlite3.Connection, seq: int) -> Iterator[RowPage]:
    """Every row behind that place, as pages. Raises JournalDamaged."""
    page = _page_after(connection, seq)
    while page is not None:
        yield page
        page = _page_after(connection, page.head.seq)


def _page_after(connection: sqlite3.Connection, seq: int) -> RowPage | None:
    found = connection.execute("SELECT hash FROM journal WHERE seq = ?", (seq,)).fetchone()
    after = Head(seq, GENESIS if found is None else found[0])
    return next_page(after, tuple(rows_after(connection, seq, PAGE_ROWS_MAX)))


def is_stream(file: Path) -> bool:
    """Whether the file is something else than a database. Raises OSError."""
    with file.open("rb") as content:
        return content.read(len(SQLITE_MAGIC)) != SQLITE_MAGIC


def rebuilt(stream: Path, draft: Path, expected: Head | None) -> Audit:
    """Makes a journal out of a file of pages, one a line, and checks all of it. The lines may come in any order and
    more than once. Raises JournalDamaged if rows are missing or do not fit, OSError, sqlite3.Error."""
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))
    audit = Audit(expected)
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        make_or_migrate(connection)
        connection.execute("BEGIN")
        for row in _rows_of(stream, connection):
            audit.absorb(row)
            values = (row.seq, row.name, row.text, row.hash)
            connection.execute("INSERT INTO journal (seq, name, row, hash) VALUES (?, ?, ?, ?)", values)
        audit.finish()
        connection.execute("UPDATE streamed SET seq = ?", (audit.head.seq,))
        connection.execute("COMMIT")
    return audit


def _rows_of(stream: Path, made: sqlite3.Connection) -> Iterator[StoredRow]:
    """The rows in their order, each once. made: where those that came before are found."""
    head = Head()
    places, unreadable = _places(stream)
    with stream.open("rb") as lines:
        for after, number, offset in places:
            if after > head.seq:
                raise JournalDamaged(_gap(head.seq, after, number, unreadable))
            lines.seek(offset)
            page = read_page(lines.readline().decode("ascii"))
            _require_known(made, page.after, number)
            for row in page.rows:
                if row.seq > head.seq:
                    yield row
                    head = Head(row.seq, row.hash)
                else:
                    _require_known(made, Head(row.seq, row.hash), number)
    if not head.seq:
        raise JournalDamaged("it holds neither a journal nor a page of rows")


def _places(stream: Path) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Of each page behind which row it stands, its line and where in the file it begins, in the rows' order; and the
    lines that are no page, such as one that was cut off when its keeper died."""
    places, unreadable, offset = [], [], 0
    with stream.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                places.append((read_page(line.decode("ascii")).after.seq, number, offset))
            except ValueError:
                unreadable.append(number)
            offset += len(line)
    return sorted(places), unreadable


def _gap(newest: int, after: int, number: int, unreadable: list[int]) -> str:
    lines = ", ".join(str(line) for line in unreadable[:10])
    torn = f"; line {lines} is no whole page" if lines else ""
    return (
        f"rows {newest + 1} to {after} are missing: the page in line {number} begins behind row {after}{torn}. Look "
        "for them at others who keep the pages, or have the gateway write them "
        f"(laddvakt journal stream --after {newest}), and put all into one file. Without them the journal can be "
        "restored up to that row, by leaving the later pages out"
    )


def _require_known(made: sqlite3.Connection, head: Head, number: int) -> None:
    """Raises JournalDamaged unless that row is the one that came before under its number."""
    found = made.execute("SELECT hash FROM journal WHERE seq = ?", (head.seq,)).fetchone()
    known = GENESIS if head.seq == 0 else None if found is None else found[0]
    if known != head.hash:
        raise JournalDamaged(
            f"line {number}: row {head.seq} is another one than before: pages of two journals, or of one and of an old "
            "copy of it that was put back, are in this file"
        )
