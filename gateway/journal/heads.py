"""Signed heads: the key's word for all rows up to one. Whoever changes an older row cannot make the hashes fit again.

A head that was published (MQTT, receipts) also shows that a journal was put back to an old copy: it is not in it.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.errors import JournalDamaged
from gateway.journal.chain import Head, StoredRow
from gateway.journal.facts import HeadSigned, MemorySaved
from gateway.journal.outbox import Kind, Message
from gateway.journal.rows import fact_of, kind_of
from gateway.metering.keys import PublicKey

HEAD_MESSAGE_BYTES_MAX: Final = 1024
"""Of a signed head as it was published."""
_WRITTEN_HEAD: Final = re.compile(r"([1-9][0-9]{0,17}):([0-9A-Fa-f]{64})", re.ASCII)
ROWS_PER_SIGNED_HEAD: Final = 512
"""At most so many rows lie behind the newest signed head while the gateway runs."""
ROWS_PER_SAVED_MEMORY: Final = 8192
"""A start reads at most about so many rows."""


def head_text(serial: str, head: Head) -> bytes:
    """What is signed. serial: of the gateway (GS); never the text of a record, which begins with a brace."""
    return f"laddvakt journal head {serial} {head}".encode("ascii")


def table_text(serial: str, head: str, digest: str) -> bytes:
    """What is signed over an exported table. head: the newest signed one, as SEQ:HASH; digest: SHA-256 in hex of every
    byte of the table before its last row."""
    return f"laddvakt table of {serial} at head {head} with SHA-256 {digest}".encode("ascii")


def archive_text(serial: str, head: str, digest: str) -> bytes:
    """What is signed over an exported archive. digest: SHA-256 in hex of its list of contents."""
    return f"laddvakt archive of {serial} at head {head} with SHA-256 {digest}".encode("ascii")


def hand_over_text(before: str, page: int, public_key: str, serial: str) -> bytes:
    """What both keys sign when one takes the other's place."""
    return f"laddvakt key hand-over from {before} after page T{page} to {public_key} {serial}".encode("ascii")


def head_message(signed: HeadSigned, serial: str) -> Message:
    """The signed head for the broker."""
    body = {
        "utc": signed.at.utc.isoformat(),
        "serial": serial,
        "seq": signed.seq,
        "hash": signed.hash,
        "signature": signed.signature,
    }
    return Message(Kind.HEAD, json.dumps(body, ensure_ascii=True))


def published_head(text: str) -> Head:
    """A head as people write it down: SEQ:HASH. Raises ValueError."""
    said = _WRITTEN_HEAD.fullmatch(text.strip())
    if said is None:
        raise ValueError("a head is the number of a row, a colon and 64 hex digits")
    return Head(int(said[1]), bytes.fromhex(said[2]))


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The journal is an old copy. published: a head that its key signed and its rows do not hold; newest: its own."""

    published: Head
    newest: Head

    def __str__(self) -> str:
        if self.published.seq > self.newest.seq:
            return f"this is an old copy: it ends at row {self.newest.seq}, and this gateway published {self.published}"
        return f"this is an old copy that went on: this gateway published another row, {self.published}"


def head_in_message(content: bytes, key: PublicKey) -> Head | None:
    """The head in a message as `head_message` makes it, None if it is none or that key did not sign it. Anybody may
    have sent the message: it raises nothing."""
    if len(content) > HEAD_MESSAGE_BYTES_MAX:
        return None
    try:
        said = json.loads(content)
        head = published_head(f"{said['seq']}:{said['hash']}")
        signature = bytes.fromhex(said["signature"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return head if key.verifies(head_text(key.serial, head), signature) else None


def vouches(signed: HeadSigned, key: PublicKey, serial: str) -> bool:
    """True if it is this key's signature over the head that the fact names."""
    try:
        head = Head(signed.seq, bytes.fromhex(signed.hash))
        return signed.key == key.hex and key.verifies(head_text(serial, head), bytes.fromhex(signed.signature))
    except ValueError:
        return False


def start_after(newest_first: Iterable[StoredRow], key: PublicKey) -> Head | None:
    """The head behind which a start may begin to read: the row there is a saved memory, and the next one this key's
    signed head over it. None if there is none among these rows (newest first)."""
    signed: HeadSigned | None = None
    is_found = False
    for row in newest_first:
        if is_found:
            return Head(row.seq, row.hash)
        kind = kind_of(row.seq, row.text)
        fact = fact_of(row.seq, row.text) if kind in {HeadSigned.__name__, MemorySaved.__name__} else None
        if isinstance(fact, MemorySaved) and signed is not None:
            is_over = (signed.seq, signed.hash) == (row.seq, row.hash.hex())
            is_found = is_over and vouches(signed, key, _serial(fact, key))
        signed = fact if isinstance(fact, HeadSigned) else None
    return None


def _serial(memory: MemorySaved, key: PublicKey) -> str:
    return next((known.serial for known in memory.keys if known.public_key == key.hex), "")


def require_signed_head(signed: HeadSigned, head: Head) -> None:
    """Raises JournalDamaged unless the signed head is the one that stands right before it."""
    if (signed.seq, signed.hash) != (head.seq, head.hash.hex()):
        raise JournalDamaged(f"row {head.seq + 1} is a signed head of other rows than those before it")
