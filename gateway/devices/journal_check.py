"""The whole journal checked beside the running daemon, a few milliseconds at a time, and what a finding leaves behind.

A check of seven years takes minutes of work; it is done in slices between which the thread rests, so that it takes a
twentieth of one processor and holds the interpreter never longer than a slice. No read lasts over a slice, so the
writer's log is moved into the file as always.

Damage leaves a mark in the state folder: no daemon charges with this journal until `laddvakt journal verify` has found
it whole, which takes the mark away. An old copy is whole in itself: its mark names the head that was published, which
must be in it.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from gateway.devices.journal_file import JOURNAL_FILE, opened_piecemeal, rows_after
from gateway.devices.key_store import sync_folder
from gateway.errors import DeviceError, JournalDamaged
from gateway.journal.audit import Audit
from gateway.journal.chain import Head, StoredRow
from gateway.journal.heads import published_head

SLICE_S: Final = 0.005
REST_S: Final = 0.095
ROWS_AT_ONCE: Final = 64
DAMAGE_FILE: Final = "journal.damaged"


def checked_in_slices(folder: Path, expected: Head, rest: Callable[[float], bool]) -> Audit | None:
    """Every row, booking and signature, and that each named row is found by its name. None if `rest` says to stop.

    expected: the newest row when the check began, which must be among them; rest: waits so many seconds, False to stop.
    Raises JournalDamaged, DeviceError.
    """
    audit = Audit(expected)
    began_s = time.thread_time()
    try:
        with closing(opened_piecemeal(folder / JOURNAL_FILE)) as connection:
            while rows := list(rows_after(connection, audit.head.seq, ROWS_AT_ONCE)):
                for row in rows:
                    audit.absorb(row)
                    _require_found_by_name(connection, row)
                    if time.thread_time() - began_s >= SLICE_S:
                        if not rest(REST_S):
                            return None
                        began_s = time.thread_time()
        audit.finish()
    except sqlite3.Error as problem:
        raise JournalDamaged(f"after row {audit.head.seq}: {problem}") from None
    return audit


def _require_found_by_name(connection: sqlite3.Connection, row: StoredRow) -> None:
    if row.name is None:
        return
    found = connection.execute("SELECT seq FROM journal WHERE name = ?", (row.name,)).fetchall()
    if found != [(row.seq,)]:
        raise JournalDamaged(f"row {row.seq} is not found by its name: the file's index is damaged")


def is_among(folder: Path, head: Head) -> bool:
    """Whether that row stands in the journal, found by its number alone. Raises JournalDamaged, DeviceError."""
    try:
        with closing(opened_piecemeal(folder / JOURNAL_FILE)) as connection:
            found = connection.execute("SELECT hash FROM journal WHERE seq = ?", (head.seq,)).fetchone()
    except sqlite3.Error as problem:
        raise JournalDamaged(f"the journal cannot be read: {problem}") from None
    return found is not None and bytes(found[0]) == head.hash


def mark_damaged(folder: Path, problem: str, published: Head | None = None) -> None:
    """Leaves the mark. published: a head that the journal must hold before the mark is taken away. Raises DeviceError
    if it cannot be written."""
    try:
        descriptor = os.open(folder / DAMAGE_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, f"{problem}\n{'' if published is None else published}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(folder)
    except OSError as fault:
        raise DeviceError(f"{folder / DAMAGE_FILE}: {fault.strerror}") from None


def require_unmarked(folder: Path) -> None:
    """Raises JournalDamaged with the finding and the remedy, if a check left its mark."""
    mark = folder / DAMAGE_FILE
    try:
        finding = mark.read_text("utf-8", "replace").strip().partition("\n")[0]
    except FileNotFoundError:
        return
    except OSError as problem:
        raise DeviceError(f"{mark}: {problem.strerror}") from None
    raise JournalDamaged(
        f"{mark}: a check found: {finding}. Nothing is charged with this journal. `laddvakt journal verify` "
        "tells what is wrong, and takes this mark away if all is whole after all; else keep the folder for whoever "
        "looks into it, and begin a new one"
    )


def marked_head(folder: Path) -> Head | None:
    """The head that the mark says the journal must hold, if there is a mark that says one. Raises DeviceError."""
    try:
        lines = (folder / DAMAGE_FILE).read_text("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise DeviceError(f"{folder / DAMAGE_FILE}: {problem.strerror}") from None
    return published_head(lines[1]) if len(lines) > 1 and lines[1] else None


def unmark(folder: Path) -> bool:
    """Takes the mark away; whether there was one. Raises DeviceError."""
    try:
        (folder / DAMAGE_FILE).unlink()
        sync_folder(folder)
    except FileNotFoundError:
        return False
    except OSError as problem:
        raise DeviceError(f"{folder / DAMAGE_FILE}: {problem.strerror}") from None
    return True
