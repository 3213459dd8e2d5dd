"""A record that a meter signed itself becomes facts, messages and an answer: each of their fields, each refusal."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from gateway.journal.entries import Entry, ended_message
from gateway.journal.facts import Fact
from gateway.journal.imports import (
    CLOCKS_APART,
    MQTT,
    OCTETS_MAX,
    Handed,
    Outcome,
    confirm_entry,
    import_entry,
    names_of,
    pins_of_facts,
)
from gateway.journal.meter_facts import (
    MeterKeyDoubted,
    MeterKeyPinned,
    MeterKeyUpheld,
    MeterRecordKept,
    MeterRecordQuarantined,
    pin_name,
    quarantine_name,
    record_name,
    unproven_name,
)
from gateway.journal.outbox import meter_message
from gateway.journal.recovery import Memory
from gateway.metering.pins import Pin, PinState
from gateway.metering.verdicts import Reason
from tests.journal.entry_bench import BEGUN, ENDED, LATER, NOON, NOW, P1, S1, S2, running
from tests.journal.maker_bench import FORGER, GATEWAY, METER, MINUTE, P2, PINNED, TEXT, finished, handed, known_of

TOFU = replace(PINNED, state=PinState.TOFU, who="", how="mqtt")


def kept(text: str = TEXT, page: str = "T1", **changes: Any) -> MeterRecordKept:
    fact = MeterRecordKept(NOW, P1, S1, GATEWAY, METER.serial, page, METER.public.hex, Decimal("1.5"), MQTT, text)
    return replace(fact, **changes)


def told(*facts: Any) -> Entry:
    return Entry(facts, tuple(meter_message(fact) for fact in facts))


def test_clocks_and_octets_have_these_bounds() -> None:
    assert timedelta(minutes=15) == CLOCKS_APART
    assert OCTETS_MAX == 65_536
    assert MQTT == "mqtt"
    assert Handed(P1, b"", MQTT) == Handed(P1, b"", MQTT, None, None)
    assert Outcome(None) == Outcome(None, "", None, None, None)


def test_the_facts_that_decide_about_a_record_are_looked_up_by_these_names() -> None:
    assert names_of(handed()) == (
        quarantine_name(TEXT.encode()),
        record_name(GATEWAY, METER.serial, "T1"),
        unproven_name(TEXT),
        pin_name(PinState.TOFU, GATEWAY, METER.serial),
        pin_name(PinState.CONFIRMED, GATEWAY, METER.serial),
    )
    odd = Handed(P1, b"x" * (OCTETS_MAX + 1), MQTT, session=S1)
    assert names_of(odd) == (quarantine_name(b"x" * OCTETS_MAX), "begin s1", "end s1")
    assert names_of(handed("garbage")) == (quarantine_name(b"garbage"),)


@pytest.mark.parametrize(("pinned", "state"), [(PINNED, PinState.CONFIRMED), (TOFU, PinState.TOFU)])
def test_a_record_of_the_pinned_key_is_kept_with_the_energy_that_it_proves(
    pinned: MeterKeyPinned, state: PinState
) -> None:
    memory = running()
    entry, outcome = import_entry(memory, handed(), known_of(pinned), LATER)
    assert entry == told(kept(at=LATER))
    assert outcome == Outcome(None, "T1", S1, Decimal("1.5"), state)


def test_a_record_of_the_session_that_ended_last_tells_it_again() -> None:
    memory = finished()
    entry, outcome = import_entry(memory, handed(), known_of(PINNED), LATER)
    fact = kept(at=LATER)
    again = ended_message(memory, S1, Decimal("1.5"))
    assert len(again) == 1
    assert entry == Entry((fact,), (meter_message(fact), *again))
    assert outcome.session == S1
    memory.ended[S2] = replace(ENDED, session=S2)
    older, _ = import_entry(memory, handed(), known_of(PINNED), LATER)
    assert older == told(fact), "only the newest session is told again"


def test_a_first_key_that_comes_with_its_record_is_pinned_as_tofu() -> None:
    entry, outcome = import_entry(running(), handed(key=METER.public.hex), {}, LATER)
    first = MeterKeyPinned(LATER, GATEWAY, METER.serial, METER.public.hex, PinState.TOFU, "", MQTT)
    assert entry == told(first, kept(at=LATER))
    assert outcome == Outcome(None, "T1", S1, Decimal("1.5"), PinState.TOFU)


def test_a_record_of_which_nobody_knows_the_key_proves_nothing() -> None:
    entry, outcome = import_entry(finished(), handed(), {}, LATER)
    assert entry == told(kept(at=LATER, key=None, energy_kwh=None))
    assert outcome == Outcome(None, "T1", S1, None, None)


def test_what_the_session_has_already_counts_with_it() -> None:
    begin, end = METER.edge("B", NOON, "1.0"), METER.edge("E", NOON + MINUTE, "4.0")
    memory = running()
    entry, outcome = import_entry(memory, handed(begin), known_of(PINNED), LATER)
    first = entry.facts[0]
    assert isinstance(first, MeterRecordKept)
    assert (first.energy_kwh, outcome.energy_kwh) == (None, None)
    memory.absorb(first)
    _, outcome = import_entry(memory, handed(end), known_of(PINNED, first), LATER)
    assert outcome.energy_kwh == Decimal(3)


def test_a_record_that_fits_no_session_is_kept_for_itself() -> None:
    entry, outcome = import_entry(Memory(), handed(source="file.xml"), known_of(PINNED), LATER)
    assert entry == told(kept(at=LATER, session=None, energy_kwh=None, source="file.xml"))
    assert outcome == Outcome(None, "T1", None, None, PinState.CONFIRMED)


def test_a_record_that_comes_again_adds_nothing() -> None:
    again = METER.record(TEXT.split("|")[1])
    for text in (TEXT, again):
        entry, outcome = import_entry(running(), handed(text), known_of(PINNED, kept()), LATER)
        assert entry == Entry(())
        assert outcome == Outcome(Reason.REPLAYED, "s1", S1)
    before = kept(session=None, key=None)
    _, outcome = import_entry(running(), handed(), known_of(before), LATER)
    assert outcome == Outcome(Reason.REPLAYED, "", None)
    _, outcome = import_entry(running(), handed(), known_of(PINNED, before), LATER)
    assert outcome == Outcome(Reason.REPLAYED, "", None)


def test_a_page_that_is_used_for_another_text_is_refused_and_kept_as_evidence() -> None:
    other = kept(METER.record(TEXT.split("|")[1].replace("2.5", "3.5")))
    entry, outcome = import_entry(running(), handed(), known_of(PINNED, other), LATER)
    evidence = MeterRecordQuarantined(LATER, P1, GATEWAY, METER.serial, "page_reused", "T1", MQTT, TEXT.encode().hex())
    assert entry == told(evidence)
    assert outcome == Outcome(Reason.PAGE_REUSED, "T1")
    unproven, outcome = import_entry(running(), handed(), known_of(other), LATER)
    assert outcome.reason is None, "an unproven record takes no page"
    assert len(unproven.facts) == 1


def test_a_record_of_another_key_is_evidence_and_doubts_the_socket_once() -> None:
    forged = FORGER.session(NOON, "1.0", NOON + MINUTE, "9.5")
    with_key = handed(forged, key=FORGER.public.hex)
    evidence = MeterRecordQuarantined(
        LATER, P1, GATEWAY, METER.serial, "foreign_key", FORGER.public.fingerprint, MQTT, forged.encode().hex()
    )
    entry, outcome = import_entry(running(), with_key, known_of(PINNED), LATER)
    assert entry == told(evidence, MeterKeyDoubted(LATER, P1, GATEWAY, METER.serial))
    assert outcome == Outcome(Reason.FOREIGN_KEY, FORGER.public.fingerprint)
    memory = running()
    memory.absorb(MeterKeyDoubted(NOW, P1, "any", "any"))
    assert import_entry(memory, with_key, known_of(PINNED), LATER) == (told(evidence), outcome)
    assert import_entry(running(), with_key, known_of(PINNED, evidence), LATER) == (Entry(()), outcome)
    without = import_entry(running(), handed(forged), known_of(PINNED), LATER)
    assert without[1].reason is Reason.SIGNATURE_WRONG
    assert len(without[0].facts) == 1, "without a key of its own nobody is doubted"


def test_what_is_no_record_is_kept_up_to_its_bound() -> None:
    octets = b"x" * (OCTETS_MAX + 1)
    entry, outcome = import_entry(running(), Handed(P1, octets, "file"), {}, LATER)
    assert outcome == Outcome(Reason.TOO_LONG, "65537")
    assert entry == told(MeterRecordQuarantined(LATER, P1, None, None, "too_long", "65537", "file", octets[:-1].hex()))
    known = known_of(*entry.facts)
    assert import_entry(running(), Handed(P1, octets, "file"), known, LATER) == (Entry(()), outcome)


def test_a_long_detail_is_cut_in_the_journal_and_whole_in_the_answer() -> None:
    odd = TEXT.replace(f'"{METER.serial}"', f'"{METER.serial}", "{"q" * 300}": 1, "{"q" * 300}": 2')
    entry, outcome = import_entry(running(), handed(odd), {}, LATER)
    assert outcome.reason is Reason.DUPLICATE_NAME
    assert len(outcome.detail) > 200
    fact = entry.facts[0]
    assert isinstance(fact, MeterRecordQuarantined)
    assert fact.detail == outcome.detail[:200]


def test_what_a_gateway_of_ours_signed_is_refused_as_a_meters_word() -> None:
    text = METER.session(NOON, "1.0", NOON + MINUTE, "2.5", XI="ab" * 32, XS="s1")
    for key in (None, METER.public.hex):
        entry, outcome = import_entry(running(), handed(text, key=key), {}, LATER)
        assert outcome == Outcome(Reason.NOT_OF_A_METER, "XI")
        assert [type(fact) for fact in entry.facts] == [MeterRecordQuarantined]


def test_a_confirmed_pin_goes_before_the_one_that_came_with_the_data() -> None:
    east = timezone(timedelta(hours=2))
    when = replace(PINNED, at=replace(NOW, utc=datetime(2026, 3, 1, 14, 0, 0, 999, tzinfo=east)))
    pin = Pin(GATEWAY, METER.serial, METER.public.hex, PinState.CONFIRMED, "who", "2026-03-01T12:00:00+00:00", "label")
    assert pins_of_facts([when]) == (pin,)
    first = replace(pin, state=PinState.TOFU, who="", how="mqtt")
    assert pins_of_facts([TOFU]) == (first,)
    orders: list[list[Fact]] = [[TOFU, PINNED], [PINNED, TOFU], [kept(), PINNED, BEGUN]]
    for facts in orders:
        assert pins_of_facts(facts) == (pin,)
    another = replace(TOFU, key="other")
    assert pins_of_facts([TOFU, another]) == (first,)
    beside = replace(TOFU, meter="other")
    behind = replace(TOFU, gateway="other")
    assert pins_of_facts([TOFU, beside, behind]) == (
        first,
        replace(first, meter="other"),
        replace(first, gateway="other"),
    )
    assert pins_of_facts([]) == ()


PIN = Pin(GATEWAY, METER.serial, METER.public.hex, PinState.CONFIRMED, "who", "", "label")


def test_whoever_compares_a_key_first_pins_it_whatever_came_with_the_data() -> None:
    fact = replace(PINNED, at=LATER)
    for facts in ([], [TOFU], [replace(TOFU, key="other")]):
        assert confirm_entry(Memory(), facts, PIN, LATER) == (told(fact), None)
    whole = replace(fact, meter="")
    assert confirm_entry(Memory(), [], replace(PIN, meter=None), LATER) == (told(whole), None)


def test_a_confirmed_key_gives_way_to_none_and_confirming_it_again_ends_a_doubt() -> None:
    stands = Pin(
        GATEWAY, METER.serial, METER.public.hex, PinState.CONFIRMED, "who", "2026-03-01T12:00:00+00:00", "label"
    )
    other = replace(PIN, key=FORGER.public.hex)
    memory = Memory()
    assert confirm_entry(memory, [TOFU, PINNED], other, LATER) == (Entry(()), stands)
    assert confirm_entry(memory, [PINNED], PIN, LATER) == (Entry(()), None)
    memory.absorb(MeterKeyDoubted(NOW, P2, GATEWAY, "another"))
    assert confirm_entry(memory, [PINNED], PIN, LATER) == (Entry(()), None)
    memory.absorb(MeterKeyDoubted(NOW, P1, GATEWAY, METER.serial))
    upheld = MeterKeyUpheld(LATER, GATEWAY, METER.serial, "board", "seen")
    assert confirm_entry(memory, [PINNED], replace(PIN, who="board", how="seen"), LATER) == (told(upheld), None)
    assert confirm_entry(memory, [PINNED], other, LATER) == (Entry(()), stands)
    whole = replace(PINNED, meter="")
    memory.absorb(MeterKeyDoubted(NOW, P1, GATEWAY, ""))
    upheld = MeterKeyUpheld(LATER, GATEWAY, "", "who", "label")
    assert confirm_entry(memory, [whole], replace(PIN, meter=None), LATER) == (told(upheld), None)
