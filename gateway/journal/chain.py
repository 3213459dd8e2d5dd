"""The hash chain: each row's hash covers its own bytes and, through the hash before, every row before it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from gateway.errors import JournalDamaged
from gateway.journal.facts import ControlCheckpoint, Fact, unique_name
from gateway.journal.rows import fact_of, kind_of, row_of

GENESIS: Final = bytes(32)
"""Stands before the first row."""


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row as it lies in the store. name: what no second row may bear; it follows from the fact."""

    seq: int
    text: str
    hash: bytes
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row: its place and its hash. An empty journal's head is row 0 with the genesis hash."""

    seq: int = 0
    hash: bytes = GENESIS

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"

    def next(self, fact: Fact) -> StoredRow:
        """The row that this fact becomes behind this head."""
        text = row_of(self.seq + 1, fact)
        return StoredRow(self.seq + 1, text, link(self.hash, text), unique_name(fact))


def link(before: bytes, text: str) -> bytes:
    """SHA-256 over the hash before and the row's bytes."""
    return sha256(before + text.encode("ascii")).digest()


def verified(rows: Iterable[StoredRow], head: Head) -> Iterator[tuple[Head, Fact]]:
    """Every row as its fact, with the head that it makes. Raises JournalDamaged at the first row that does not fit.

    head: where the rows go on from; `Head()` for the whole journal.
    """
    for row in rows:
        head = linked(row, head)
        yield head, fact_of(row.seq, row.text)


def verified_newest(rows: Iterable[StoredRow], head: Head) -> Iterator[tuple[Head, Fact]]:
    """The same, every row checked, but of the control checkpoints only the newest is read, and comes last: they are
    by far the most rows, and each replaces the one before."""
    newest: StoredRow | None = None
    for row in rows:
        head = linked(row, head)
        if kind_of(row.seq, row.text) == ControlCheckpoint.__name__:
            newest = row
        else:
            yield head, fact_of(row.seq, row.text)
    if newest is not None:
        yield head, fact_of(newest.seq, newest.text)


def linked(row: StoredRow, head: Head) -> Head:
    """The head that this row makes behind `head`. Raises JournalDamaged if it is not the row that follows."""
    seq = head.seq + 1
    if row.seq != seq:
        raise JournalDamaged(f"row {seq} is missing: row {row.seq} follows row {seq - 1}")
    if not row.text.isascii() or link(head.hash, row.text) != row.hash:
        raise JournalDamaged(f"row {row.seq} is not the row that was written, or the one before it is not")
    return Head(row.seq, row.hash)
