"""A ledger on a bench: a clock that is set by hand, meters that count, a store that can die at any append."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.app.ledger import Ledger
from gateway.clock import Instant, UtcTrust
from gateway.devices.protocols import SignerKey
from gateway.ids import GatewayId, SessionId, SocketId, Token
from gateway.journal.chain import Head, StoredRow, verified
from gateway.journal.entries import Station
from gateway.journal.facts import Fact, PageMade, unique_name
from gateway.journal.heads import start_after
from gateway.journal.outbox import Message, PendingMessage
from gateway.metering.keys import PublicKey, public_key, with_low_s
from gateway.metering.ocmf import MeterIdentity
from gateway.meters.readings import SocketReading
from gateway.quantities import UNKNOWN_PER_PHASE, EnergyRegister
from gateway.site.because import Because, Why
from gateway.site.wishes import EndKind, RecordBegin, RecordEnd

_F = TypeVar("_F")
NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
STEP_KWH = Decimal("0.01")


class HandClock:
    """Both clocks, moved by the test."""

    def __init__(self) -> None:
        self.monotonic_s = 1000.0
        self.utc = NOON
        self.trust = UtcTrust.SYNCHRONISED

    def now(self) -> Instant:
        return Instant(self.monotonic_s, self.utc, self.trust)

    def pass_s(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.utc += timedelta(seconds=seconds)


class PocketKey:
    """A signing key in memory."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key_hex(self) -> str:
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex().upper()

    @property
    def public(self) -> PublicKey:
        return public_key(self.public_key_hex)

    def sign(self, payload: bytes) -> bytes:
        return with_low_s(self._key.sign(payload, ec.ECDSA(hashes.SHA256())))


@dataclass
class PocketKeys:
    """A key store in memory that outlives the daemon."""

    key: PocketKey | None = None
    next: PocketKey | None = None

    def adopt_next(self, public_key_hex: str) -> SignerKey | None:
        if self.next is None or self.next.public_key_hex != public_key_hex:
            return None
        self.key, self.next = self.next, None
        return self.key

    def require_place(self) -> None:
        """A pocket is a pocket."""

    def exists(self) -> bool:
        return self.key is not None

    def make(self) -> SignerKey:
        assert self.key is None
        self.key = PocketKey()
        return self.key

    def load(self) -> SignerKey:
        assert self.key is not None
        return self.key


class Death(BaseException):
    """The process is no more."""


@dataclass
class Disk:
    """What outlives the daemon: rows and messages. Rows are stored as text, as on a real disk."""

    rows: list[StoredRow] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    messages: list[PendingMessage] = field(default_factory=list)
    messages_ever: int = 0

    def facts(self) -> Iterator[Fact]:
        return (fact for _, fact in verified(tuple(self.rows), Head()))


class DyingStore:
    """A store on a `Disk`; `dies_in` appends from now the process dies, before or after the commit."""

    def __init__(self, disk: Disk, dies_in: int | None = None, *, after_commit: bool = False) -> None:
        self.disk = disk
        self.dies_in = dies_in
        self.after_commit = after_commit
        self.room = True
        self.dead = False
        self.closed = False
        self.read = 0

    @property
    def accepts(self) -> bool:
        return not self.dead

    @property
    def accepts_sessions(self) -> bool:
        return self.accepts and self.room

    @property
    def progress(self) -> int:
        return len(self.disk.rows)

    @property
    def head(self) -> Head:
        rows = self.disk.rows
        return Head(rows[-1].seq, rows[-1].hash) if rows else Head()

    def facts(self, trusted: PublicKey | None = None) -> Iterator[Fact]:
        rows = tuple(self.disk.rows)
        start = (None if trusted is None else start_after(reversed(rows), trusted)) or Head()
        self.read = len(rows) - start.seq
        return (fact for _, fact in verified(rows[start.seq :], start))

    async def append(self, facts: Sequence[Fact], messages: Sequence[Message] = ()) -> tuple[int, ...]:
        assert not self.dead, "nobody writes after death"
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                self.dead = True
                if self.after_commit:
                    self._commit(facts, messages)
                raise Death
        return self._commit(facts, messages)

    def _commit(self, facts: Sequence[Fact], messages: Sequence[Message]) -> tuple[int, ...]:
        places = []
        for fact in facts:
            head = Head(len(self.disk.rows), self.disk.rows[-1].hash) if self.disk.rows else Head()
            name = unique_name(fact)
            if name is not None:
                assert name not in self.disk.names, f"{name} twice"
                self.disk.names.add(name)
            row = head.next(fact)
            self.disk.rows.append(row)
            places.append(row.seq)
        for message in messages:
            self.disk.messages_ever += 1
            self.disk.messages.append(PendingMessage(self.disk.messages_ever, message.kind, message.body))
        return tuple(places)

    async def pending_outbox(self, limit: int) -> tuple[PendingMessage, ...]:
        return tuple(self.disk.messages[:limit])

    async def outbox_delivered(self, ids: Sequence[int]) -> None:
        self.disk.messages = [message for message in self.disk.messages if message.id not in ids]

    async def fact_named(self, name: str) -> Fact | None:
        return next((fact for fact in self.disk.facts() if unique_name(fact) == name), None)

    async def close(self) -> None:
        self.closed = True


SOCKETS = (SocketId("p1"), SocketId("p2"), SocketId("p3"))
STOCKHOLM = ZoneInfo("Europe/Stockholm")


def station(boot_id: str = "boot-1") -> Station:
    meters = {socket: MeterIdentity("Eastron", "SDM630", "1.0", None) for socket in SOCKETS}
    return Station(GatewayId("villa-1"), "0.1.0", "ab" * 32, boot_id, STOCKHOLM, meters)


async def opened(
    disk: Disk, keys: PocketKeys, clock: HandClock, *, store: DyingStore | None = None, boot_id: str = "boot-1"
) -> Ledger:
    return await Ledger.open(store or DyingStore(disk), keys, clock, station(boot_id))


def reading(clock: HandClock, kwh: str | Decimal | None, serial: str | None = "12345678") -> SocketReading:
    register = None
    if kwh is not None:
        value = Decimal(kwh)
        register = EnergyRegister(value, STEP_KWH, (0x0001, 0xE240))
    return SocketReading(clock.now(), UNKNOWN_PER_PHASE, UNKNOWN_PER_PHASE, 0.0, register, None, serial)


def begin(
    session: str,
    taken: SocketReading,
    *,
    socket: SocketId = SOCKETS[0],
    token: str | None = "resident-7",
    continues: str | None = None,
) -> RecordBegin:
    return RecordBegin(
        socket,
        SessionId(session),
        None if token is None else Token(token),
        None if continues is None else SessionId(continues),
        taken,
        Because(Why.COMMAND),
    )


def end(
    session: str,
    taken: SocketReading,
    *,
    socket: SocketId = SOCKETS[0],
    kind: EndKind = EndKind.COMPLETED,
    why: Why = Why.COMMAND,
) -> RecordEnd:
    return RecordEnd(socket, SessionId(session), kind, taken, Because(why))


def facts_of(disk: Disk, kind: type[_F]) -> list[_F]:
    return [fact for fact in disk.facts() if isinstance(fact, kind)]


def payloads(disk: Disk) -> list[dict[str, Any]]:
    return [json.loads(page.payload, parse_float=Decimal) for page in facts_of(disk, PageMade)]
