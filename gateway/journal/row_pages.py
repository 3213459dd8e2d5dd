"""Pages of rows: the journal's second copy as it goes over MQTT, word for word and with the chain around it.

A page is one line of JSON: the head that it stands behind, the rows' texts, and the head that they make. Whoever keeps
all pages has the journal; hashes and names follow from the texts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.journal.chain import GENESIS, Head, StoredRow, link
from gateway.journal.facts import unique_name
from gateway.journal.outbox import Kind, Message
from gateway.journal.rows import fact_of

PAGE_CHARACTERS_MAX: Final = 48_000
"""Of rows; a row that is longer is a page of its own."""
PAGE_ROWS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows that follow each other. after: the head that they stand behind."""

    after: Head
    rows: tuple[StoredRow, ...]

    @property
    def head(self) -> Head:
        return Head(self.rows[-1].seq, self.rows[-1].hash)

    def text(self) -> str:
        texts = [row.text for row in self.rows]
        return json.dumps({"after": str(self.after), "rows": texts, "head": str(self.head)}, ensure_ascii=True)

    def message(self) -> Message:
        """The page for the broker."""
        return Message(Kind.ROWS, self.text())


def next_page(after: Head, rows: Sequence[StoredRow]) -> RowPage | None:
    """As many of the rows behind that head as one page takes; None if there are none."""
    if not rows:
        return None
    taken, characters = [rows[0]], len(rows[0].text)
    for row in rows[1:PAGE_ROWS_MAX]:
        characters += len(row.text)
        if characters > PAGE_CHARACTERS_MAX:
            break
        taken.append(row)
    return RowPage(after, tuple(taken))


def read_page(text: str) -> RowPage:
    """The page in a line. Raises ValueError if it is none, or if its rows do not make the head that it states;
    JournalDamaged, its kind WrittenByNewer, if rows that do are no facts."""
    try:
        said = json.loads(text)
        after, stated, texts = _head(said["after"]), _head(said["head"]), tuple(said["rows"])
        made = [after]
        for row in texts:
            made.append(Head(made[-1].seq + 1, link(made[-1].hash, row)))
    except (KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise ValueError(f"it is no page of rows: {problem!r}") from None
    if not texts or made[-1] != stated:
        raise ValueError("its rows do not make the head that it states")
    rows = (
        StoredRow(head.seq, row, head.hash, unique_name(fact_of(head.seq, row)))
        for head, row in zip(made[1:], texts, strict=True)
    )
    return RowPage(after, tuple(rows))


def _head(text: str) -> Head:
    seq, _, digest = text.partition(":")
    head = Head(int(seq), bytes.fromhex(digest))
    if head.seq < 0 or len(head.hash) != len(GENESIS):
        raise ValueError(f"{text[:80]!r} is no head")
    return head
