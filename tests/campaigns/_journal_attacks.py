"""What somebody with all rights can do to the rows of a journal: each attack gives other rows."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

from gateway.journal.chain import GENESIS, link

Rows = list[tuple[int, str | None, str, bytes]]


def rewritten(file: Path, rows: Rows) -> None:
    """Puts these rows in place of what the file has, as somebody with all rights would."""
    connection = sqlite3.connect(file, isolation_level=None)
    for statement in (
        "PRAGMA foreign_keys = OFF",
        "DROP TRIGGER journal_rows_are_never_changed",
        "DROP TRIGGER journal_rows_are_never_deleted",
        "BEGIN",
        "DELETE FROM journal",
    ):
        connection.execute(statement)
    connection.executemany("INSERT INTO journal (seq, name, row, hash) VALUES (?, ?, ?, ?)", rows)
    connection.execute("COMMIT")
    connection.close()


def flipped(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]


def rechained(rows: Rows) -> Rows:
    """The same texts with places and hashes that fit: what a forger without the key can do at best."""
    made: Rows = []
    before = GENESIS
    for at, (seq, name, text, _) in enumerate(rows, 1):
        fitting = text.removesuffix(f'"seq":{seq}}}') + f'"seq":{at}}}'
        before = link(before, fitting)
        made.append((at, name, fitting, before))
    return made


def bit_in_row(rows: Rows, chance: random.Random) -> Rows:
    at = chance.randrange(len(rows))
    seq, name, text, digest = rows[at]
    match chance.randrange(3):
        case 0:
            text = flipped(text.encode(), chance).decode("latin-1")
        case 1:
            digest = flipped(digest, chance)
        case _:
            name = None if name is not None else "forged"
    return [*rows[:at], (seq, name, text, digest), *rows[at + 1 :]]


def row_deleted(rows: Rows, chance: random.Random) -> Rows:
    at = chance.randrange(len(rows) - 1)
    return rows[:at] + rows[at + 1 :]


def row_deleted_rechained(rows: Rows, chance: random.Random) -> Rows:
    return rechained(row_deleted(rows, chance))


def row_inserted(rows: Rows, chance: random.Random) -> Rows:
    """A row that was there before, once more, under a place of its own."""
    at, source = chance.randrange(len(rows)), chance.randrange(len(rows))
    _, _, text, digest = rows[source]
    moved = [(seq + 1, name, body, hashed) for seq, name, body, hashed in rows[at:]]
    return [*rows[:at], (at + 1, None, text, digest), *moved]


def row_inserted_rechained(rows: Rows, chance: random.Random) -> Rows:
    at = chance.randrange(len(rows))
    text = (
        '{"fact":{"at":' + rows[-1][2].split('{"fact":{"at":')[1].split("}")[0] + '}},"kind":"DaemonStopped","seq":0}'
    )
    return rechained([*rows[:at], (0, None, text, b""), *rows[at:]])


def rows_swapped(rows: Rows, chance: random.Random) -> Rows:
    first, second = sorted(chance.sample(range(len(rows)), 2))
    swapped = list(rows)
    swapped[first] = (rows[first][0], *rows[second][1:])
    swapped[second] = (rows[second][0], *rows[first][1:])
    return swapped


def digit_changed_rechained(rows: Rows, chance: random.Random) -> Rows:
    """A kWh more or less in one fact, with every hash behind it made to fit."""
    while True:
        at = chance.randrange(len(rows))
        seq, name, text, digest = rows[at]
        if '"kwh":"1' in text:
            changed = text.replace('"kwh":"1', '"kwh":"2', 1)
            return rechained([*rows[:at], (seq, name, changed, digest), *rows[at + 1 :]])


def signed_heads_removed_rechained(rows: Rows, chance: random.Random) -> Rows:
    """An event made to vanish together with every signed head that would tell."""
    events = [at for at, row in enumerate(rows) if '"kind":"EventNoted"' in row[2]]
    at = chance.choice(events)
    return rechained([row for n, row in enumerate(rows) if n != at and '"kind":"HeadSigned"' not in row[2]])


def cut_off(rows: Rows, chance: random.Random) -> Rows:
    return rows[: -chance.randint(3, len(rows) // 2)]


ROW_ATTACKS: tuple[Callable[[Rows, random.Random], Rows], ...] = (
    bit_in_row,
    row_deleted,
    row_deleted_rechained,
    row_inserted,
    row_inserted_rechained,
    rows_swapped,
    digit_changed_rechained,
    signed_heads_removed_rechained,
    cut_off,
)
