"""Facts that a memory takes after the session of the bench, and the words in which it refuses one."""

from decimal import Decimal

import pytest

from gateway.errors import JournalDamaged
from gateway.ids import SessionId, SocketId, Token
from gateway.journal.facts import ChainChecked, Fact, PageSigned, SessionQueued
from gateway.journal.meter_facts import MeterKeyDoubted, MeterRecordKept
from gateway.journal.recovery import Memory
from gateway.site.requests import Source
from tests.journal.entry_bench import BEGUN, MADE, NOW, OLD, P1, S1, SEEN, WHY, told_of

P2, S2, S3 = SocketId("p2"), SessionId("s2"), SessionId("s3")
SIGNED = PageSigned(NOW, "AA", 1, "00")
WAITS = SessionQueued(NOW, P2, S2, Token("t8"), OLD, WHY, Source.MQTT)
CHECKED = ChainChecked(NOW, 7, "ab" * 32, 3)
DOUBT = MeterKeyDoubted(NOW, P1, "G", "M")
RUNNING = (SEEN, BEGUN, MADE, SIGNED)
KEPT = MeterRecordKept(NOW, P1, S1, "G", "M", "T1", "AA", Decimal("1.5"), "mqtt", "one")


def refused(words: str, *facts: Fact) -> Memory:
    """All facts but the last are taken; the last is refused in exactly these words."""
    memory = told_of(*facts[:-1])
    with pytest.raises(JournalDamaged) as told:
        memory.absorb(facts[-1])
    assert str(told.value) == words
    return memory
