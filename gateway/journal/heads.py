"""Signed heads: the key's word for all rows up to one. Whoever changes an older row cannot make the hashes fit again.

A head that was published (MQTT, receipts) also shows that a journal was put back to an old copy: it is not in it.
"""

import json
from typing import Final

from gateway.errors import JournalDamaged
from gateway.journal.chain import Head
from gateway.journal.facts import HeadSigned
from gateway.journal.outbox import Kind, Message

ROWS_PER_SIGNED_HEAD: Final = 512
"""At most so many rows lie behind the newest signed head while the gateway runs."""


def head_text(serial: str, head: Head) -> bytes:
    """What is signed. serial: of the gateway (GS); never the text of a record, which begins with a brace."""
    return f"laddvakt journal head {serial} {head}".encode("ascii")


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
    seq, _, digest = text.strip().partition(":")
    head = Head(int(seq), bytes.fromhex(digest))
    if head.seq < 1 or len(head.hash) != len(Head().hash):
        raise ValueError("a head is the number of a row, a colon and 64 hex digits")
    return head


def require_signed_head(signed: HeadSigned, head: Head) -> None:
    """Raises JournalDamaged unless the signed head is the one that stands right before it."""
    if (signed.seq, signed.hash) != (head.seq, head.hash.hex()):
        raise JournalDamaged(f"row {head.seq + 1} is a signed head of other rows than those before it")
