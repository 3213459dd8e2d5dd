"""A meter of another maker with its pin, records of it as they are handed in, and what taking them in adds up to."""

from datetime import timedelta
from typing import Any

from gateway.ids import SocketId
from gateway.journal.facts import Fact, PageMade, PageSigned, unique_name
from gateway.journal.imports import (
    MQTT,
    Handed,
)
from gateway.journal.meter_facts import (
    MeterKeyPinned,
)
from gateway.journal.recovery import Memory
from gateway.metering.pins import PinState
from gateway.site.outcomes import Edge
from tests.journal.entry_bench import BEGUN, ENDED, LATER, MADE, NOON, NOW, P1, S1, SEEN, told_of
from tests.metering.makers import MakersMeter

P2 = SocketId("p2")
MINUTE = timedelta(minutes=1)
METER, FORGER = MakersMeter(), MakersMeter()
GATEWAY = f"GW-{METER.serial}"
PINNED = MeterKeyPinned(NOW, GATEWAY, METER.serial, METER.public.hex, PinState.CONFIRMED, "who", "label")
TEXT = METER.session(NOON, "1.0", NOON + MINUTE, "2.5")


def handed(text: str = TEXT, **more: Any) -> Handed:
    return Handed(P1, text.encode(), **{"source": MQTT, **more})


def known_of(*facts: Fact) -> dict[str, Fact]:
    return {name: fact for fact in facts if (name := unique_name(fact)) is not None}


def finished() -> Memory:
    end = PageMade("AA", 2, S1, Edge.END, "end")
    return told_of(SEEN, BEGUN, MADE, PageSigned(NOW, "AA", 1, "00"), ENDED, end, PageSigned(LATER, "AA", 2, "01"))
