"""A second copy of the journal, also while the daemon writes, and a copy put into a folder to be read again.

A copy holds no key. What was signed after it was made is not in it, so nobody may go on signing behind it: pages would
be used twice. A copy is put back to export, verify and print receipts; charging goes on with a new journal and key.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from gateway.devices.journal_file import (
    FILE_MODE,
    JOURNAL_FILE,
    newest_head,
    opened_file_for_reading,
    opened_for_reading,
    require_integrity,
    rows_after,
)
from gateway.devices.journal_stream import is_stream, pages_after, rebuilt
from gateway.devices.key_store import KEY_FILE, make_folder, sync_folder
from gateway.errors import DeviceError, JournalDamaged, WrittenByNewer
from gateway.journal.audit import Audit
from gateway.journal.chain import Head

DRAFT_SUFFIX: Final = ".new"


def audited(connection: sqlite3.Connection, expected: Head | None = None) -> Audit:
    """Every row, booking and signature checked. expected: a head that must be among the rows. Raises JournalDamaged."""
    require_integrity(connection)
    audit = Audit(expected)
    try:
        for row in rows_after(connection, 0):
            audit.absorb(row)
        audit.finish()
    except WrittenByNewer:
        raise
    except JournalDamaged as problem:
        raise JournalDamaged(f"after row {audit.head.seq}: {problem}") from None
    return audit


def backed_up(folder: Path, target: Path) -> Audit:
    """Copies the journal of the state folder into a file, checks the whole copy and only then gives it its name.

    A copy that has that name already must be the beginning of this journal; it is replaced. Raises DeviceError,
    JournalDamaged.
    """
    draft = target.with_name(f"{target.name}{DRAFT_SUFFIX}")
    with _said_by_name(target):
        earlier = _head_of(target) if target.exists() else None
        draft.unlink(missing_ok=True)
        with opened_file_for_reading(folder / JOURNAL_FILE) as source:
            _copy(source, draft)
        with opened_file_for_reading(draft) as copy:
            audit = audited(copy, earlier)
        draft.replace(target)
        sync_folder(target.parent)
    return audit


def put_back(copy: Path, folder: Path, expected: Head | None) -> Audit:
    """Puts a checked copy into a folder that holds neither journal nor key. Raises DeviceError, JournalDamaged."""
    make_folder(folder)
    target, draft = folder / JOURNAL_FILE, folder / f"{JOURNAL_FILE}{DRAFT_SUFFIX}"
    for name in (JOURNAL_FILE, f"{JOURNAL_FILE}-wal", KEY_FILE):
        if (folder / name).exists():
            raise DeviceError(f"{folder / name}: a copy is put into an empty folder; name another one")
    with _said_by_name(copy):
        draft.unlink(missing_ok=True)
        if copy.is_file() and is_stream(copy):
            audit = rebuilt(copy, draft, expected)
        else:
            with opened_file_for_reading(copy) as source:
                audit = audited(source, expected)
                _copy(source, draft)
        draft.rename(target)
        sync_folder(folder)
    return audit


def streamed(folder: Path, target: Path, after: int) -> Audit:
    """Writes the rows behind that place as pages into a new file, and checks the whole journal. Raises DeviceError,
    JournalDamaged."""
    with opened_for_reading(folder) as connection, _said_by_name(target):
        audit = audited(connection)
        with target.open("x", encoding="ascii") as pages:
            for page in pages_after(connection, after):
                pages.write(f"{page.text()}\n")
    return audit


def _head_of(file: Path) -> Head | None:
    with opened_file_for_reading(file) as connection:
        head = newest_head(connection)
    return head if head.seq else None


def _copy(source: sqlite3.Connection, draft: Path) -> None:
    """One moment of the source as a file of its own, without a log beside it, and on the medium."""
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))
    with closing(sqlite3.connect(draft, isolation_level=None)) as target:
        source.backup(target)
        answer = target.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        if answer != "delete":
            raise JournalDamaged(f"the copy's log could not be closed: it is {answer}")
    descriptor = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _said_by_name(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise DeviceError(f"{file}: {problem.strerror}") from None
    except sqlite3.Error as problem:
        raise DeviceError(f"{file}: {problem}") from None
