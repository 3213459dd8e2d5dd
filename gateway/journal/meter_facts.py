"""Facts of records that a meter or a wallbox signed itself, and of the keys that they are proven with."""

import json
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

from gateway.clock import Instant
from gateway.ids import SessionId, SocketId
from gateway.metering.pins import PinState


@dataclass(frozen=True, slots=True)
class MeterKeyPinned:
    """From here on the records of that meter must be of this key (SubjectPublicKeyInfo in hex). gateway, meter: GS and
    MS of its records; who and how: of the confirmation; of a tofu key, where it was seen."""

    at: Instant
    gateway: str
    meter: str
    key: str
    state: PinState
    who: str
    how: str


@dataclass(frozen=True, slots=True)
class MeterRecordKept:
    """A record word for word. page: as T7; key: that it was proven with, None if nobody knew one; session: that it
    belongs to, None if it fits none; energy_kwh: what it and the records before it prove of that session; source: where
    it came from."""

    at: Instant
    socket: SocketId
    session: SessionId | None
    gateway: str
    meter: str
    page: str
    key: str | None
    energy_kwh: Decimal | None
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class MeterRecordQuarantined:
    """A record that was refused, with every octet of it in hex. reason: code of a `Reason`."""

    at: Instant
    socket: SocketId
    gateway: str | None
    meter: str | None
    reason: str
    detail: str
    source: str
    octets: str


@dataclass(frozen=True, slots=True)
class MeterKeyDoubted:
    """A record of another key than the pinned one came for that socket: from here on its sessions are signed and not
    billed, until somebody has compared the key of that meter again."""

    at: Instant
    socket: SocketId
    gateway: str
    meter: str


@dataclass(frozen=True, slots=True)
class MeterKeyUpheld:
    """Somebody has compared a doubted meter's key again, and the confirmed one is right. who, how: as with a pin."""

    at: Instant
    gateway: str
    meter: str
    who: str
    how: str


NamedMeterFact = MeterKeyPinned | MeterRecordKept | MeterRecordQuarantined
MeterFact = NamedMeterFact | MeterKeyDoubted | MeterKeyUpheld


def pin_name(state: PinState, gateway: str, meter: str) -> str:
    """What no second pin of that state may bear: a confirmed key is never replaced."""
    return f"meter key {state.value} {json.dumps([gateway, meter])}"


def record_name(gateway: str, meter: str, page: str) -> str:
    """Of a proven record: a page of a meter is used once."""
    return f"meter record {json.dumps([gateway, meter, page])}"


def unproven_name(text: str) -> str:
    """Of a record that nobody could prove: anybody can claim any page, so it takes none."""
    return f"meter record unproven {sha256(text.encode('utf-8')).hexdigest()}"


def quarantine_name(octets: bytes) -> str:
    """Of a refused record: one copy of it is kept."""
    return f"meter quarantine {sha256(octets).hexdigest()}"


def name_of(fact: NamedMeterFact) -> str:
    """The fact's unique name."""
    match fact:
        case MeterKeyPinned():
            return pin_name(fact.state, fact.gateway, fact.meter)
        case MeterRecordKept():
            proven = fact.key is not None
            return record_name(fact.gateway, fact.meter, fact.page) if proven else unproven_name(fact.text)
        case MeterRecordQuarantined():
            return quarantine_name(bytes.fromhex(fact.octets))
