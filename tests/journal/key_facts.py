"""A moment, and what a journal has of its first keys and configuration then."""

from datetime import UTC, datetime

from gateway.clock import Instant, UtcTrust
from gateway.journal.facts import ConfigSeen, KeyHandedOver, KeyMade

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOW = Instant(12.5, NOON, UtcTrust.SYNCHRONISED)
KEY, CONFIG = KeyMade(NOW, "AA", "01"), ConfigSeen(NOW, "{}")
HANDED = KeyHandedOver(NOW, "AA", 2, "BB", "02", "00", "00")
