"""What a HAN port yields: telegrams, and stretches of bytes that were dropped, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

EXCERPT_BYTES: Final = 64

Item = tuple[Decimal, str]
"""One register: the number and its unit, both as they stand on the wire ("" where the meter sends no unit)."""


class Form(StrEnum):
    """How a telegram was wrapped on the wire."""

    P1 = "p1"
    HDLC = "hdlc"
    MBUS = "mbus"
    APDU = "apdu"  # a DLMS message without frame: files only


class DiscardReason(StrEnum):
    """Why bytes did not become a telegram."""

    NOISE = "noise"  # no telegram begins here
    TRUNCATED = "truncated"  # a telegram begins, its end never comes
    OVERLONG = "overlong"  # no end within the greatest length of a telegram
    BAD_CRC = "bad_crc"  # whole, but its checksum does not fit
    TEXT_MODE = "text_mode"  # a bridge put a 0D before every 0A: it must be set to raw
    NO_KEY = "no_key"  # encrypted, and no key that opens it
    WRONG_KEY = "wrong_key"  # encrypted, and the key does not open it
    UNKNOWN_LAYOUT = "unknown_layout"  # whole, but no list of any maker that is known here
    WITHOUT_CRC = "without_crc"  # whole, carries no checksum, and the config does not allow that


@dataclass(frozen=True, slots=True)
class Telegram:
    """One telegram whose checksum holds (or that was allowed to have none).

    ident: what the meter says of itself (not unique per meter); meter_id: its own number, "" where it sends none;
    items: OBIS code as `1-0:1.7.0` to its register; clock: the meter's own time as raw text; twice: electricity codes
    that stood on more than one line (the greatest is in `items`, so that no overload hides); size: bytes on the wire,
    checksum and line end included.
    """

    form: Form
    ident: str
    items: Mapping[str, Item]
    clock: str | None
    twice: tuple[str, ...]
    size: int
    meter_id: str = ""


@dataclass(frozen=True, slots=True)
class Discarded:
    """One stretch of dropped bytes. excerpt: its first bytes, at most 64."""

    count: int
    reason: DiscardReason
    excerpt: bytes


Event = Telegram | Discarded
