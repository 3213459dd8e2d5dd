"""One session at one socket, from which entries are drawn up: facts, wishes and payloads written by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from gateway.clock import Instant, UtcTrust
from gateway.ids import GatewayId, SessionId, SocketId, Token
from gateway.journal.entries import (
    Signer,
    Station,
)
from gateway.journal.facts import (
    Fact,
    JournalBegun,
    KeyMade,
    MeterSeen,
    PageMade,
    PageSigned,
    SessionBegun,
    SessionEnded,
)
from gateway.journal.recovery import Memory
from gateway.metering.ocmf import (
    NO_PAGE_BEFORE,
    Ending,
    GatewayIdentity,
    MeterIdentity,
    Page,
    RecordTime,
    Subject,
    begin_payload,
    end_payload,
    payload_hash,
)
from gateway.meters.readings import SocketReading
from gateway.quantities import UNKNOWN_PER_PHASE, EnergyRegister
from gateway.site.because import Because, Why
from gateway.site.outcomes import Edge
from gateway.site.requests import Source
from gateway.site.wishes import EndKind, RecordBegin, RecordEnd
from tests.ledger.ledger_bench import STOCKHOLM

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = Instant(100.0, NOON, UtcTrust.SYNCHRONISED)
LATER = Instant(160.0, NOON + timedelta(seconds=60), UtcTrust.SYNCHRONISED)
HOUR = timedelta(hours=1)
P1, S1, S2, OLD = SocketId("p1"), SessionId("s1"), SessionId("s2"), SessionId("old")
STEP = Decimal("0.01")
METER = MeterIdentity("Vendor", "Model", "1.2", None)
STATION = Station(GatewayId("villa"), "9.9", "ab" * 32, "boot", STOCKHOLM, {P1: METER}, config="{}")
SIGNER = Signer("AA", "0A1B")
WHO = GatewayIdentity(GatewayId("villa"), "0A1B", "9.9", "ab" * 32)
SUBJECT = Subject(S1, P1, Token("t7"), OLD, replace(METER, serial="M1"), Source.RFID)
WHY, STOP = Because(Why.COMMAND), Because(Why.OVERLOAD)


def shown(at: Instant, kwh: str | None, serial: str | None = "M1", words: tuple[int, ...] = (1, 2)) -> SocketReading:
    register = None if kwh is None else EnergyRegister(Decimal(kwh), STEP, words)
    return SocketReading(at, UNKNOWN_PER_PHASE, UNKNOWN_PER_PHASE, 0.0, register, None, serial)


BEGIN = RecordBegin(P1, S1, Token("t7"), OLD, shown(NOW, "5.00"), WHY, Source.RFID)
END = RecordEnd(P1, S1, EndKind.COMPLETED, shown(LATER, "6.50", words=(3, 4)), STOP)
BEGIN_TIME = RecordTime(NOON, HOUR, UtcTrust.SYNCHRONISED)
BEGIN_PAYLOAD = begin_payload(
    WHO,
    SUBJECT,
    Page(1, NO_PAGE_BEFORE),
    BEGIN_TIME,
    register=EnergyRegister(Decimal("5.00"), STEP, (1, 2)),
    why=Why.COMMAND,
)
BEGUN = SessionBegun(
    NOW,
    "boot",
    P1,
    S1,
    Token("t7"),
    OLD,
    1,
    "Vendor",
    "Model",
    "1.2",
    "M1",
    Decimal("5.00"),
    STEP,
    (1, 2),
    WHY,
    Source.RFID,
)
MADE = PageMade("AA", 1, S1, Edge.BEGIN, BEGIN_PAYLOAD)
SEEN = MeterSeen(NOW, P1, "M1", Decimal("5.00"))
ENDED = SessionEnded(
    LATER, P1, S1, EndKind.COMPLETED, 2, Decimal("6.50"), Decimal("1.50"), True, (3, 4), STOP, None, None
)


def told_of(*facts: Fact) -> Memory:
    memory = Memory()
    for fact in (JournalBegun(NOW), KeyMade(NOW, "AA", "0A1B"), *facts):
        memory.absorb(fact)
    return memory


def running(**begun: Any) -> Memory:
    return told_of(SEEN, replace(BEGUN, **begun), MADE, PageSigned(NOW, "AA", 1, "00"))


def ended_payload(time: RecordTime, ending: Ending, kwh: str = "6.50", words: tuple[int, ...] = (3, 4)) -> str:
    register = EnergyRegister(Decimal(kwh), STEP, words)
    return end_payload(WHO, SUBJECT, Page(2, payload_hash(BEGIN_PAYLOAD)), time, register=register, ending=ending)
