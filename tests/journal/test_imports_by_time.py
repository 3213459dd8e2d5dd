"""To which session a record of a meter belongs: the one that is named, or the one of that time."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.ids import SessionId, SocketId
from gateway.journal.facts import SessionBegun
from gateway.journal.imports import (
    MQTT,
    import_entry,
    session_at,
)
from gateway.journal.meter_facts import (
    MeterRecordKept,
)
from tests.journal.entry_bench import BEGUN, ENDED, LATER, NOON, NOW, P1, S1, S2, running
from tests.journal.maker_bench import METER, MINUTE, P2, PINNED, finished, handed, known_of
from tests.metering.makers import reading


def test_a_session_that_is_named_must_be_one_of_that_socket() -> None:
    memory = running()
    for known, found in (
        (known_of(PINNED, BEGUN), S1),
        (known_of(PINNED, replace(BEGUN, socket=P2)), None),
        (known_of(PINNED), None),
    ):
        _, outcome = import_entry(memory, handed(session=S1), known, LATER)
        assert outcome.session == found
    elsewhere, outcome = import_entry(memory, replace(handed(session=S2), socket=P2), known_of(PINNED, BEGUN), LATER)
    assert outcome.session is None
    fact = elsewhere.facts[0]
    assert isinstance(fact, MeterRecordKept)
    assert (fact.socket, fact.session) == (P2, None)


def timed(begin: datetime, begin_state: str, end: datetime, end_state: str) -> str:
    first = reading(begin, "B", "<1>", begin_state, RI="1-0:1.8.0", RU="kWh", ST="G")
    payload = METER.payload(first, reading(end, "E", "<2>", end_state))
    return METER.record(payload.replace('"<1>"', "1.0").replace('"<2>"', "2.5"))


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("states", "source", "taken", "come", "is_found"),
    [
        ("SS", MQTT, NOON, LATER, True),
        ("SS", MQTT, NOON - DAY, LATER, False),
        ("SS", MQTT, NOON, Instant(1e5, NOON + DAY, UtcTrust.SYNCHRONISED), True),
        ("US", MQTT, NOON - DAY, LATER, True),
        ("SU", MQTT, NOON - DAY, LATER, True),
        ("II", MQTT, NOON - DAY, LATER, True),
        ("UU", MQTT, NOON, Instant(1e5, NOON + DAY, UtcTrust.SYNCHRONISED), False),
        ("UU", "file", NOON, Instant(1e5, NOON + DAY, UtcTrust.SYNCHRONISED), True),
        ("UU", "file", NOON - DAY, LATER, False),
        ("RR", MQTT, NOON - DAY, LATER, False),
    ],
)
def test_a_record_of_a_clock_that_nobody_set_belongs_to_what_runs_when_it_comes(
    states: str, source: str, taken: datetime, come: Instant, is_found: bool
) -> None:
    text = timed(taken, states[0], taken + MINUTE, states[1])
    memory = finished()
    _, outcome = import_entry(memory, handed(text, source=source), {}, come)
    assert outcome.reason is None
    assert outcome.session == (S1 if is_found else None)


def begun(session: str, at: datetime, socket: SocketId = P1) -> SessionBegun:
    return replace(BEGUN, session=SessionId(session), socket=socket, at=replace(NOW, utc=at))


QUARTER = timedelta(minutes=15)
BIT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("first", "last", "is_found"),
    [
        (NOON, NOON + MINUTE, True),
        (NOON - QUARTER, NOON, True),
        (NOON - QUARTER - BIT, NOON, False),
        (NOON, NOON + MINUTE + QUARTER, True),
        (NOON, NOON + MINUTE + QUARTER + BIT, False),
        (NOON + MINUTE + QUARTER + BIT, NOON, True),
    ],
)
def test_both_moments_lie_within_the_session_give_or_take_a_quarter_of_an_hour(
    first: datetime, last: datetime, is_found: bool
) -> None:
    sessions = [(begun("s1", NOON), replace(ENDED, at=LATER))]
    assert session_at(sessions, P1, first, last) == (S1 if is_found else None)
    assert session_at(sessions, P2, first, last) is None


def test_of_several_sessions_the_one_that_began_nearest_is_taken() -> None:
    one, two, three = (begun(f"s{at}", NOON + at * 5 * MINUTE) for at in range(3))
    elsewhere = begun("s9", NOON + 6 * MINUTE, P2)
    sessions = [(one, None), (two, None), (elsewhere, None), (three, None)]
    assert session_at(sessions, P1, NOON + 6 * MINUTE, NOON + DAY) == "s1"
    assert session_at(sessions, P1, NOON + 4 * MINUTE, NOON + DAY) == "s1"
    assert session_at(sessions, P1, NOON + 9 * MINUTE, NOON + DAY) == "s2"
    assert session_at(sessions, P1, NOON - MINUTE, NOON + DAY) == "s0"
    assert session_at([], P1, NOON, NOON) is None


def test_an_end_record_belongs_to_the_session_that_ended_then_and_not_to_the_next_one() -> None:
    """The next car begins five minutes after the first one has left; the third still charges."""
    ends = [NOON + at * 60 * MINUTE + 55 * MINUTE for at in range(2)]
    ended = [replace(ENDED, session=SessionId(f"s{at}"), at=replace(LATER, utc=end)) for at, end in enumerate(ends)]
    sessions = [(begun(f"s{at}", NOON + at * 60 * MINUTE), (*ended, None)[at]) for at in range(3)]
    for minutes, expected in ((54, "s0"), (59, "s0"), (114, "s1"), (117, "s1"), (118, "s2"), (121, "s2"), (500, "s2")):
        at = NOON + minutes * MINUTE
        assert session_at(sessions, P1, at, at, ends=True) == expected, minutes
    assert session_at(sessions, P1, ends[0], ends[0]) == "s1"
    both = NOON, ends[0]
    assert session_at(sessions, P1, *both) == "s0"


@pytest.mark.parametrize(("letter", "session"), [("B", "s2"), ("C", "s2"), *[(letter, "s1") for letter in "ELRAP"]])
def test_a_record_of_one_reading_goes_by_its_begin_or_by_its_end(letter: str, session: str) -> None:
    memory = finished()
    memory.absorb(replace(BEGUN, session=S2, page=3, kwh=ENDED.kwh, at=replace(LATER, utc=LATER.utc + MINUTE)))
    text = METER.edge(letter, LATER.utc + timedelta(seconds=10 if letter in "ELRAP" else 59), "1.0")
    assert import_entry(memory, handed(text), {}, LATER)[1].session == session
    unset = METER.record(METER.payload(reading(NOON, letter, "<1>", "U", RI="1-0:1.8.0", RU="kWh", ST="G")))
    come = replace(LATER, utc=LATER.utc + timedelta(seconds=20))
    assert import_entry(memory, handed(unset.replace('"<1>"', "1.0")), {}, come)[1].session == session
