"""Ends at their edges: a clock one step away, a begin that is relative, a meter without a serial, a register at 0."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.journal.entries import (
    begin_entry,
    end_entry,
    outside_entry,
)
from gateway.journal.facts import (
    PageMade,
    PageSigned,
    SessionEnded,
)
from gateway.journal.recovery import Memory
from gateway.metering.clock_watch import STEP_MIN
from gateway.metering.ocmf import (
    Ending,
    Page,
    RecordTime,
    end_payload,
    meter_serial,
    payload_hash,
)
from gateway.quantities import EnergyRegister
from gateway.site.because import Why
from gateway.site.wishes import EndKind
from tests.journal.entry_bench import (
    BEGIN,
    END,
    HOUR,
    LATER,
    METER,
    NOON,
    NOW,
    P1,
    SEEN,
    SIGNER,
    STATION,
    STEP,
    SUBJECT,
    WHO,
    running,
    shown,
    told_of,
)

SAID, HEARD = UtcTrust.SYNCHRONISED, UtcTrust.INFORMATIVE


def test_a_meter_that_tells_no_serial_is_named_by_its_socket() -> None:
    wish = replace(BEGIN, reading=shown(NOW, "0", None))
    serial = meter_serial(METER, P1)
    made = begin_entry(Memory(), STATION, SIGNER, wish)
    assert made.entry.facts[0] == replace(SEEN, serial=serial, kwh=Decimal(0))
    assert outside_entry(Memory(), STATION, P1, wish.reading).facts == made.entry.facts[:1]
    memory = told_of(*made.entry.facts, PageSigned(NOW, "AA", 1, "00"))
    ended = end_entry(memory, STATION, SIGNER, replace(END, reading=shown(LATER, "0", None)))
    assert [type(fact) for fact in ended.entry.facts] == [SessionEnded, PageMade]
    assert ended.entry.facts[1] is ended.page
    exchanged = end_entry(memory, STATION, SIGNER, END)
    assert exchanged.entry.facts[-1] is exchanged.page


@pytest.mark.parametrize(
    ("at", "boot", "time"),
    [
        (LATER, "boot", RecordTime(LATER.utc, HOUR, UtcTrust.UNKNOWN, relative=True)),
        (LATER, "other", RecordTime(LATER.utc, HOUR, UtcTrust.UNKNOWN, usable=False, relative=True)),
        (
            replace(LATER, utc=NOON - HOUR),
            "other",
            RecordTime(NOON, HOUR, UtcTrust.UNKNOWN, usable=False, wall=NOON - HOUR, relative=True),
        ),
    ],
)
def test_a_begin_that_is_relative_makes_its_end_relative(at: Instant, boot: str, time: RecordTime) -> None:
    unsure = replace(NOW, utc_trust=UtcTrust.UNKNOWN)
    begun = begin_entry(Memory(), STATION, SIGNER, replace(BEGIN, reading=shown(unsure, "5.00")))
    memory = told_of(*begun.entry.facts, PageSigned(NOW, "AA", 1, "00"))
    wish = replace(END, reading=shown(at, "6.50", words=(3, 4)))
    made = end_entry(memory, replace(STATION, boot_id=boot), SIGNER, wish)
    page = Page(2, payload_hash(begun.page.payload))
    register = EnergyRegister(Decimal("6.50"), STEP, (3, 4))
    ending = Ending(EndKind.COMPLETED, Why.OVERLOAD)
    assert made.page.payload == end_payload(WHO, SUBJECT, page, time, register=register, ending=ending)


@pytest.mark.parametrize(("apart_s", "trust"), [(-0.001, SAID), (0.0, HEARD)])
def test_a_clock_that_is_a_step_away_at_the_end_is_not_wholly_trusted(apart_s: float, trust: UtcTrust) -> None:
    at = replace(LATER, utc=LATER.utc + STEP_MIN + timedelta(seconds=apart_s))
    ended = end_entry(running(), STATION, SIGNER, replace(END, reading=shown(at, "6.50"))).entry.facts[0]
    assert isinstance(ended, SessionEnded)
    assert ended.at.utc_trust is trust
