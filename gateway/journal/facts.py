"""Facts: what happened, one dataclass per kind. A fact is written once and never changed.

Facts that belong together are appended together, in one transaction: either all of them are durable or none is.
"""

from dataclasses import dataclass
from decimal import Decimal

from gateway.clock import Instant
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.meter_facts import (
    MeterKeyDoubted,
    MeterKeyPinned,
    MeterKeyUpheld,
    MeterRecordKept,
    MeterRecordQuarantined,
    name_of,
)
from gateway.journal.profile_facts import PeriodsSigned, SavedPeriod, SavedSeconds, TimeReferenced
from gateway.metering.ocmf import Unbilled
from gateway.site.because import Because
from gateway.site.outcomes import Edge
from gateway.site.requests import Source
from gateway.site.wishes import EndKind


@dataclass(frozen=True, slots=True)
class JournalBegun:
    """The first row of every journal, durable before a key is made: a key without it has lost its journal."""

    at: Instant


@dataclass(frozen=True, slots=True)
class KeyMade:
    """From here on pages are counted for this key. public_key: SubjectPublicKeyInfo in hex; serial: its records' GS."""

    at: Instant
    public_key: str
    serial: str


@dataclass(frozen=True, slots=True)
class KeyHandedOver:
    """The key `before` ends with its page `page`, and another takes its place, which begins at page 1. Both sign it."""

    at: Instant
    before: str
    page: int
    public_key: str
    serial: str
    signature_before: str
    signature: str


@dataclass(frozen=True, slots=True)
class DaemonStarted:
    """boot_id: the machine's own id of this boot; software: SHA-256 of what makes the records, in hex."""

    at: Instant
    boot_id: str
    version: str
    software: str


@dataclass(frozen=True, slots=True)
class DaemonStopped:
    """An orderly end."""

    at: Instant


@dataclass(frozen=True, slots=True)
class ConfigSeen:
    """What the config says from here on, where it differs from the one before: its tables as JSON, without secrets."""

    at: Instant
    text: str


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """Which wall clock belonged to which monotonic second: at every change of trust."""

    at: Instant
    boot_id: str


@dataclass(frozen=True, slots=True)
class MeterSeen:
    """A socket's first register value: energy is counted from here. kwh: as the meter showed it."""

    at: Instant
    socket: SocketId
    serial: str
    kwh: Decimal


@dataclass(frozen=True, slots=True)
class MeterExchanged:
    """Another serial, or a register below the last one: a new count begins at `kwh`, nothing is booked between."""

    at: Instant
    socket: SocketId
    serial_before: str
    kwh_before: Decimal
    serial: str
    kwh: Decimal


@dataclass(frozen=True, slots=True)
class EnergyOutside:
    """Energy that no session used, between two register values of one meter: the socket's T0."""

    at: Instant
    socket: SocketId
    serial: str
    from_kwh: Decimal
    to_kwh: Decimal


@dataclass(frozen=True, slots=True)
class SessionQueued:
    """The session waits. continues: the session that a restart ended; source: how its user is known, None in the
    journal of an older version."""

    at: Instant
    socket: SocketId
    session: SessionId
    token: Token | None
    continues: SessionId | None
    because: Because
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class SessionWithdrawn:
    """The session left the queue without a begin record."""

    at: Instant
    socket: SocketId
    session: SessionId
    because: Because


@dataclass(frozen=True, slots=True)
class SessionBegun:
    """The begin register of a session. at: when it was read; the record itself is the page of that number; tariff_id:
    of both its records."""

    at: Instant
    boot_id: str
    socket: SocketId
    session: SessionId
    token: Token | None
    continues: SessionId | None
    page: int
    vendor: str
    model: str
    firmware: str | None
    serial: str
    kwh: Decimal
    step_kwh: Decimal
    raw_words: tuple[int, ...]
    because: Because
    source: Source | None = None
    tariff_id: str | None = None


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The end register of a session. kwh: the register at the end; equal to the begin where the meter's own cannot be
    set against it. unbilled: why it is not billed; minimum_wh: the declared minimum measured quantity, if any."""

    at: Instant
    socket: SocketId
    session: SessionId
    kind: EndKind
    page: int
    kwh: Decimal
    energy_kwh: Decimal
    billable: bool
    raw_words: tuple[int, ...]
    because: Because
    unbilled: Unbilled | None = None
    minimum_wh: int | None = None


@dataclass(frozen=True, slots=True)
class PageMade:
    """A page of the key's sequence with the complete text to sign, durable before it is signed."""

    key: str
    page: int
    session: SessionId
    edge: Edge
    payload: str


@dataclass(frozen=True, slots=True)
class PageSigned:
    """The signature over that page's payload (DER in hex). at: when the record was complete."""

    at: Instant
    key: str
    page: int
    signature: str


@dataclass(frozen=True, slots=True)
class EventNoted:
    """Something people must know. socket None: the whole gateway."""

    at: Instant
    socket: SocketId | None
    because: Because


@dataclass(frozen=True, slots=True)
class ControlCheckpoint:
    """Control's memory over restarts, as its own text."""

    at: Instant
    text: str


@dataclass(frozen=True, slots=True)
class ChainChecked:
    """Every row up to that one was read again and is whole, with so many signed pages."""

    at: Instant
    seq: int
    hash: str
    pages: int


@dataclass(frozen=True, slots=True)
class SavedKey:
    """A key, the serial that its records bear, and its newest page with the hash of that page's text."""

    public_key: str
    serial: str
    page: int
    hash: str


@dataclass(frozen=True, slots=True)
class SavedMark:
    """Up to where the energy of a socket's meter is booked."""

    socket: SocketId
    serial: str
    kwh: Decimal


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A session that runs, with its begin record."""

    begun: SessionBegun
    payload: str
    signed: PageSigned


@dataclass(frozen=True, slots=True)
class MemorySaved:
    """What a start needs to know of all the rows before; no page waits for a signature then. config: SHA-256 in hex of
    the newest `ConfigSeen`.

    Behind it stands a signed head that vouches for it, so that a start reads the newest rows alone, however many years
    lie before them.
    """

    at: Instant
    keys: tuple[SavedKey, ...]
    registers: tuple[SavedMark, ...]
    running: tuple[SavedSession, ...]
    queued: tuple[SessionQueued, ...]
    checkpoint: str | None
    doubted: tuple[SessionId, ...] = ()
    profile: tuple[SavedPeriod, ...] = ()
    seconds: SavedSeconds | None = None
    config: str | None = None
    checked: ChainChecked | None = None
    doubted_keys: tuple[MeterKeyDoubted, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadSigned:
    """The key's signature (DER in hex) over the row right before this one, and so over every row up to it."""

    at: Instant
    key: str
    seq: int
    hash: str
    signature: str


Fact = (
    JournalBegun
    | KeyMade
    | KeyHandedOver
    | DaemonStarted
    | DaemonStopped
    | ConfigSeen
    | ClockSeen
    | TimeReferenced
    | PeriodsSigned
    | MeterSeen
    | MeterExchanged
    | EnergyOutside
    | SessionQueued
    | SessionWithdrawn
    | SessionBegun
    | SessionEnded
    | PageMade
    | PageSigned
    | EventNoted
    | ControlCheckpoint
    | ChainChecked
    | MeterKeyPinned
    | MeterKeyDoubted
    | MeterKeyUpheld
    | MeterRecordKept
    | MeterRecordQuarantined
    | HeadSigned
    | MemorySaved
)


def unique_name(fact: Fact) -> str | None:
    """The name that no second fact may bear: the last line against a page used twice or a session ended twice."""
    match fact:
        case JournalBegun():
            return "journal"
        case KeyMade() | KeyHandedOver():
            return f"key {fact.public_key}"
        case PageMade():
            return f"page {fact.key} {fact.page}"
        case PageSigned():
            return f"signature {fact.key} {fact.page}"
        case SessionBegun():
            return f"begin {fact.session}"
        case SessionEnded():
            return f"end {fact.session}"
        case MeterKeyPinned() | MeterRecordKept() | MeterRecordQuarantined():
            return name_of(fact)
        case _:
            return None
