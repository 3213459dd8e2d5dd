"""The facts of a short journal, written by hand: a key, a meter, one session that runs and ends, and what follows."""

from datetime import UTC, datetime
from decimal import Decimal

from gateway.clock import Instant, UtcTrust
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.facts import (
    EnergyOutside,
    Fact,
    JournalBegun,
    KeyHandedOver,
    KeyMade,
    MeterSeen,
    PageMade,
    PageSigned,
    SessionBegun,
    SessionEnded,
)
from gateway.site.because import Because, Why
from gateway.site.outcomes import Edge
from gateway.site.wishes import EndKind

NOW = Instant(12.5, datetime(2026, 3, 1, 9, tzinfo=UTC), UtcTrust.SYNCHRONISED)
P1, S1, S2 = SocketId("p1"), SessionId("s1"), SessionId("s2")
WHY = Because(Why.COMMAND)
KEY = KeyMade(NOW, "AA", "01")
SEEN = MeterSeen(NOW, P1, "M1", Decimal("1.0"))
BEGUN = SessionBegun(
    NOW, "boot", P1, S1, Token("t"), None, 1, "V", "M", None, "M1", Decimal("1.0"), Decimal("0.1"), (1,), WHY
)
MADE = PageMade("AA", 1, S1, Edge.BEGIN, "{}")
SIGNED = PageSigned(NOW, "AA", 1, "00")
ENDED = SessionEnded(NOW, P1, S1, EndKind.COMPLETED, 2, Decimal("1.5"), Decimal("0.5"), True, (1,), WHY)
RUNNING: tuple[Fact, ...] = (JournalBegun(NOW), KEY, SEEN, BEGUN, MADE, SIGNED)
OUTSIDE = EnergyOutside(NOW, P1, "M1", Decimal("1.0"), Decimal("1.2"))
HANDED = KeyHandedOver(NOW, "AA", 0, "BB", "02", "00", "00")
