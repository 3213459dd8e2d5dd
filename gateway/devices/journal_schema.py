"""The schema of the journal's file by version, and the way from each version to the next.

A file states its version in its header (`PRAGMA user_version`). An older one is brought up to date once, by the writer,
in one transaction: whoever dies in it finds the old file again, whole. A newer one is refused. Rows are never touched:
what they mean is the business of `journal.rows`.
"""

import sqlite3
from typing import Final

from gateway.errors import JournalDamaged, WrittenByNewer

APPLICATION_ID: Final = 0x4C565654  # "LVVT": what `file` and a lost memory card's finder can tell it by

STEPS: Final = (
    f"""
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    name TEXT UNIQUE,
    row TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    seq INTEGER NOT NULL REFERENCES journal (seq),
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER journal_rows_are_never_changed BEFORE UPDATE ON journal
    BEGIN SELECT RAISE (ABORT, 'a journal row is never changed'); END;
CREATE TRIGGER journal_rows_are_never_deleted BEFORE DELETE ON journal
    BEGIN SELECT RAISE (ABORT, 'a journal row is never deleted'); END;
PRAGMA application_id = {APPLICATION_ID};
""",
    """
CREATE TABLE streamed (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL CHECK (seq >= 0)
) STRICT;
INSERT INTO streamed (id, seq) VALUES (1, 0);
""",
)
"""From no tables at all to version 1, from there to version 2 and so on. A step that was released is never changed.

2: up to which row the broker has taken the journal's second copy.
"""
SCHEMA_VERSION: Final = len(STEPS)


def make_or_migrate(connection: sqlite3.Connection) -> None:
    """Makes the schema of today, or brings an older one to it. Raises JournalDamaged, its kind WrittenByNewer, and
    sqlite3.Error if it cannot be done now; then the file is as it was."""
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != 0:
            raise JournalDamaged(f"the file says schema {version} and has no tables")
    else:
        version = require_schema(connection)
    if version < SCHEMA_VERSION:
        steps = "".join(STEPS[version:])
        connection.executescript(f"BEGIN EXCLUSIVE;{steps}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")


def require_schema(connection: sqlite3.Connection) -> int:
    """The version of a journal that this program can read. Raises JournalDamaged, its kind WrittenByNewer."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID or version < 1:
        raise JournalDamaged("this is not a Laddvakt journal")
    if version > SCHEMA_VERSION:
        raise WrittenByNewer(
            f"the journal has schema {version}, and this version of Laddvakt knows {SCHEMA_VERSION} at most: a newer "
            "Laddvakt wrote it: install that version or a later one"
        )
    return version
