"""What a load profile's next row builds on, field by field."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.journal.profile_facts import PeriodsSigned, SavedPeriod, SavedSeconds, SignedPeriod, TimeReferenced
from gateway.journal.profile_memory import (
    ProfileMemory,
    reference_at,
    reference_fact,
    reference_of,
    signed_period,
)
from gateway.metering.clock_watch import Cause, Discipline
from gateway.metering.load_profile import NO_ROW_BEFORE, PeriodRow
from gateway.metering.time_references import BOOT_LEAP_S, TimeReference

UTC_NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
NOW = Instant(10.0, UTC_NOW, UtcTrust.SYNCHRONISED)
FACT = TimeReferenced(
    NOW, "AA", Cause.BOOT, "boot", Decimal("20.000"), UTC_NOW, "S", "chrony", Decimal("0.010"), None, "0F"
)
PERIOD = SignedPeriod("p1", "M1", 1, Decimal("21.000"), Decimal(500), Decimal(10), "ok", UTC_NOW, "S", "0A", "0B")
ROW = PeriodRow(
    device="0A1B",
    place="p1",
    serial="M1",
    page=1,
    si_s=Decimal("21.000"),
    register_wh=Decimal(500),
    step_wh=Decimal(10),
    status="ok",
    utc=UTC_NOW,
    state="S",
    previous=NO_ROW_BEFORE,
)
SERIALS = {"AA": "0A1B", "BB": "0C2D"}


def begun() -> ProfileMemory:
    memory = ProfileMemory()
    memory.absorb_reference(FACT)
    return memory


def test_seconds_go_on_within_a_boot_and_leap_to_the_next() -> None:
    assert ProfileMemory().second(NOW, "boot") == Decimal("10.000")
    memory = begun()
    assert memory.seconds == SavedSeconds("boot", Decimal("10.000"), Decimal("20.000"))
    assert memory.second(NOW, "boot") == Decimal("20.000")
    assert memory.second(replace(NOW, monotonic_s=11.5), "boot") == Decimal("21.500")
    leapt = Decimal("20.000") + BOOT_LEAP_S
    assert memory.second(replace(NOW, monotonic_s=9.0), "boot") == leapt + 9
    assert memory.second(NOW, "other") == leapt + 10


def test_a_reference_that_people_entered_moves_no_seconds() -> None:
    memory = begun()
    memory.absorb_reference(replace(FACT, cause=Cause.MANUAL, si_s=Decimal("1.000"), boot="other"))
    assert memory.seconds == SavedSeconds("boot", Decimal("10.000"), Decimal("20.000"))
    memory.absorb_reference(FACT)
    memory.absorb_reference(replace(FACT, si_s=Decimal("25.000"), boot="other"))
    assert memory.seconds == SavedSeconds("other", Decimal("15.000"), Decimal("25.000"))


def test_stored_periods_stand_for_whole_rows_each_behind_the_one_before() -> None:
    memory = begun()
    other = replace(PERIOD, place="p0", si_s=Decimal("20.500"))
    rows = memory.rows_of(PeriodsSigned(NOW, "boot", "AA", (PERIOD, other)), SERIALS)
    assert rows == [ROW, replace(ROW, place="p0", si_s=Decimal("20.500"))]
    assert memory.seconds == SavedSeconds("boot", Decimal("10.000"), Decimal("21.000"))
    mark = SavedPeriod("p1", "AA", 1, ROW.hash, "M1", Decimal(500), UTC_NOW)
    assert memory.marks["p1"] == mark
    assert memory.saved() == (memory.marks["p0"], mark)
    (second,) = memory.rows_of(PeriodsSigned(NOW, "boot", "AA", (replace(PERIOD, page=2),)), SERIALS)
    assert (second.page, second.previous) == (2, ROW.hash)
    (anew,) = memory.rows_of(PeriodsSigned(NOW, "boot", "BB", (PERIOD,)), SERIALS)
    assert anew == replace(ROW, device="0C2D")
    assert memory.rows_of(PeriodsSigned(NOW, "boot", "AA", ()), SERIALS) == []
    assert memory.seconds == SavedSeconds("boot", Decimal("10.000"), Decimal("21.000"))


def test_a_draft_leaves_the_memory_as_it_was() -> None:
    memory = begun()
    draft = memory.draft()
    assert draft == memory
    draft.absorb(PeriodsSigned(NOW, "boot", "AA", (PERIOD,)), SERIALS)
    assert memory.marks == {}
    assert draft.marks.keys() == {"p1"}


@pytest.mark.parametrize(
    ("trust", "known_s", "uncertainty_s"),
    [
        (UtcTrust.SYNCHRONISED, 0.0104, Decimal("0.010")),
        (UtcTrust.UNKNOWN, 0.0104, None),
        (UtcTrust.SYNCHRONISED, None, None),
    ],
)
def test_a_reference_bears_what_the_discipline_says_of_a_clock_that_is_trusted(
    trust: UtcTrust, known_s: float | None, uncertainty_s: Decimal | None
) -> None:
    said = (Cause.STEP, Discipline(source="chrony", uncertainty_s=known_s))
    reference = reference_at(begun(), replace(NOW, utc_trust=trust), "boot", "0A1B", said)
    assert reference == TimeReference(
        device="0A1B",
        cause=Cause.STEP,
        boot="boot",
        si_s=Decimal("20.000"),
        utc=UTC_NOW.replace(microsecond=123000),
        state=trust.value,
        source="chrony",
        uncertainty_s=uncertainty_s,
    )


def test_a_reference_is_stored_with_its_signature_and_comes_back() -> None:
    by_hand = replace(FACT, cause=Cause.MANUAL, by="Eva")
    reference = reference_of(by_hand, "0A1B")
    asked: list[bytes] = []

    def sign(text: bytes) -> str:
        asked.append(text)
        return "0F"

    assert reference_fact(reference, NOW, "AA", sign) == by_hand
    assert asked == [reference.text]
    assert reference.device == "0A1B"


def test_a_row_is_stored_with_both_its_signatures() -> None:
    texts = {ROW.register_text: "0A", ROW.time_text: "0B"}
    assert signed_period(ROW, texts.__getitem__) == PERIOD
