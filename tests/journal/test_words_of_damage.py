"""Each way in which rows cannot follow from the rows before them, with the exact words that people then read."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.control.past import Past
from gateway.errors import JournalDamaged
from gateway.journal.facts import ControlCheckpoint, Fact, KeyMade, MeterExchanged
from gateway.journal.profile_facts import PeriodsSigned, SignedPeriod, TimeReferenced
from gateway.journal.recovery import Memory, PageSequence, RegisterMark
from gateway.metering.clock_watch import Cause
from gateway.metering.ocmf import payload_hash
from gateway.site.outcomes import Edge
from tests.journal.short_life import BEGUN, ENDED, HANDED, KEY, MADE, NOW, OUTSIDE, P1, RUNNING, S1, S2, SEEN, SIGNED


def told_of(facts: Sequence[Fact]) -> Memory:
    memory = Memory()
    for fact in facts:
        memory.absorb(fact)
    return memory


SAVED = told_of(RUNNING).saved(NOW)
assert SAVED is not None
REFERENCE = TimeReferenced(
    NOW, "AA", Cause.BOOT, "boot", Decimal("20.000"), NOW.utc, "S", "chrony", Decimal("0.010"), None, "00"
)
PERIOD = SignedPeriod("p1", "M1", 2, Decimal("21.000"), Decimal("5.0"), Decimal("0.1"), "", NOW.utc, "S", "00", "00")
ENERGY_WORDS = "session s1 ends without its begin, or with other energy"
BEGIN_WORDS = "session s1 begins twice, or not where the meter was booked to"


@pytest.mark.parametrize(
    ("before", "fact", "words"),
    [
        ((KEY,), KeyMade(NOW, "BB", "02"), "a second key is made without a hand-over"),
        (
            (KEY,),
            replace(HANDED, before="CC"),
            "a key is handed over by another key, or at another page, than the newest",
        ),
        ((KEY,), replace(HANDED, page=1), "a key is handed over by another key, or at another page, than the newest"),
        ((KEY,), replace(HANDED, public_key="AA"), "a key is handed over in the middle of a session, or to itself"),
        (RUNNING, replace(HANDED, page=1), "a key is handed over in the middle of a session, or to itself"),
        (RUNNING[:-2], HANDED, "a key is handed over in the middle of a session, or to itself"),
        ((KEY, MADE), replace(HANDED, page=1), "a key is handed over in the middle of a session, or to itself"),
        (RUNNING, BEGUN, BEGIN_WORDS),
        ((KEY,), BEGUN, BEGIN_WORDS),
        ((KEY, SEEN), replace(BEGUN, kwh=Decimal("1.1")), BEGIN_WORDS),
        ((KEY, SEEN), replace(BEGUN, serial="M2"), BEGIN_WORDS),
        ((KEY, SEEN), ENDED, ENERGY_WORDS),
        (RUNNING, replace(ENDED, energy_kwh=Decimal("0.6")), ENERGY_WORDS),
        (RUNNING, replace(ENDED, kwh=Decimal("0.9"), energy_kwh=Decimal("-0.1")), ENERGY_WORDS),
        ((*RUNNING, OUTSIDE), ENDED, "energy of session s1 was booked while it ran"),
        ((SEEN,), SEEN, "socket p1 sees its first meter twice"),
        (
            (SEEN,),
            MeterExchanged(NOW, P1, "M1", Decimal("1.1"), "M2", Decimal("0.0")),
            "socket p1 exchanges a meter that it did not have",
        ),
        (
            (),
            MeterExchanged(NOW, P1, "M1", Decimal("1.0"), "M2", Decimal("0.0")),
            "socket p1 exchanges a meter that it did not have",
        ),
        ((), OUTSIDE, "socket p1: energy is booked from another value than the last"),
        ((SEEN, OUTSIDE), OUTSIDE, "socket p1: energy is booked from another value than the last"),
        (
            (SEEN,),
            replace(OUTSIDE, to_kwh=Decimal("0.9")),
            "socket p1: energy is booked from another value than the last",
        ),
        ((KEY,), replace(MADE, page=3), "page 3 follows page 0"),
        (RUNNING, replace(MADE, page=1), "page 1 follows page 1"),
        (RUNNING, SIGNED, "page 1 is signed twice, or was never made"),
        ((KEY, MADE), SIGNED, "page 1 belongs to no session"),
        ((*RUNNING, replace(MADE, page=2, edge=Edge.END)), replace(SIGNED, page=2), "page 2 belongs to no session"),
        (
            RUNNING,
            replace(SAVED, registers=()),
            "what was saved for the next start is not what the rows before it say",
        ),
        (RUNNING[:-1], SAVED, "what was saved for the next start is not what the rows before it say"),
        (
            (KEY, REFERENCE),
            replace(REFERENCE, si_s=Decimal("19.999")),
            "second 19.999 of the device follows second 20.000",
        ),
        (
            (KEY,),
            PeriodsSigned(NOW, "boot", "AA", (PERIOD,)),
            "a load profile goes on in a boot whose seconds are not known",
        ),
        (
            (KEY, REFERENCE),
            PeriodsSigned(NOW, "other", "AA", (PERIOD,)),
            "a load profile goes on in a boot whose seconds are not known",
        ),
        (
            (KEY, REFERENCE),
            PeriodsSigned(NOW, "boot", "AA", (PERIOD,)),
            "row 2 of p1's load profile should be row 1",
        ),
    ],
)
def test_a_fact_that_cannot_follow_is_damage_said_in_exact_words(
    before: Sequence[Fact], fact: Fact, words: str
) -> None:
    memory = told_of(before)
    with pytest.raises(JournalDamaged) as told:
        memory.absorb(fact)
    assert str(told.value) == words


def test_facts_add_up_to_a_memory_field_by_field() -> None:
    memory = told_of(RUNNING)
    assert memory.journal_begun
    assert memory.keys == {"AA": "01"}
    assert memory.newest_key == "AA"
    assert memory.sequences == {"AA": PageSequence(1, payload_hash("{}"))}
    assert memory.unsigned == {}
    assert memory.open == memory.begun == {S1: BEGUN}
    assert memory.registers == {P1: RegisterMark("M1", Decimal("1.0"))}
    assert memory.payloads == {(S1, Edge.BEGIN): "{}"}
    assert memory.durable == {(S1, Edge.BEGIN): SIGNED}
    memory.absorb(ENDED)
    assert memory.open == {}
    assert memory.ended == {S1: ENDED}
    assert memory.registers == {P1: RegisterMark("M1", Decimal("1.5"))}
    memory.absorb(replace(MADE, page=2, edge=Edge.END, payload='{"a":1}'))
    assert memory.waiting(S1, Edge.END) is memory.unsigned["AA", 2]
    assert memory.waiting(S1, Edge.BEGIN) is None
    assert memory.waiting(S2, Edge.END) is None
    assert memory.saved(NOW) is None
    memory.absorb(replace(SIGNED, page=2))
    assert memory.durable[S1, Edge.END] == replace(SIGNED, page=2)


def test_an_empty_memory_knows_nothing() -> None:
    memory = Memory()
    assert (memory.journal_begun, memory.newest_key, memory.checkpoint) == (False, None, None)
    assert (memory.checked, memory.config, memory.profile.seconds) == (None, None, None)
    assert memory.sequence("AA") == PageSequence()
    assert memory.past(lambda session: session) == Past((), (), None)


def test_a_start_from_what_was_saved_remembers_the_same() -> None:
    assert SAVED is not None
    whole, started = told_of((*RUNNING, ControlCheckpoint(NOW, "state"))), Memory()
    saved = whole.saved(NOW)
    assert saved is not None
    started.absorb(saved)
    assert started == whole
    started.absorb(saved)
    assert started.saved(NOW) == saved
    started.absorb(replace(saved, checkpoint="another moment's"))
    assert started.checkpoint == "state"
