"""What ails the HAN port, in Swedish and English."""

from dataclasses import replace

import pytest

from gateway.meters.grid import Rule
from gateway.meters.han_diagnosis import Diagnosis, Finding, MeterHint
from gateway.meters.han_port import HanSight
from gateway.meters.meter_clock import ClockSight
from gateway.publish.han_facts import han_facts
from gateway.publish.han_words import (
    DIAGNOSES,
    FORMS,
    HINTS,
    PROBLEMS,
    RULES,
    clock_words,
    what_is_wrong,
    what_to_do,
    what_was_found,
)
from gateway.publish.words import Language
from gateway.wire.line import LineSettings
from gateway.wire.telegram import Form

WELL = HanSight(
    finding=Finding(Diagnosis.WELL, 10.0, 0.0),
    line=LineSettings(2400, "E"),
    settled=True,
    form=Form.HDLC,
    ident="6525",
    interval_s=2.4996,
    octets=12_345,
    dropped=7,
    telegrams=40,
    clock=ClockSight(-1.6, 0, trusted=True),
)
BOTH = pytest.mark.parametrize("language", list(Language))


@BOTH
@pytest.mark.parametrize("diagnosis", list(Diagnosis))
def test_every_diagnosis_says_what_is_wrong_and_every_problem_what_to_do(
    diagnosis: Diagnosis, language: Language
) -> None:
    finding = Finding(diagnosis, 0.0, 0.4)
    what, remedy = what_is_wrong(finding, language, 30.0), what_to_do(finding, language)
    assert what[0].isupper()
    assert len(what) <= 90
    assert "{" not in what + remedy
    assert bool(remedy) == (diagnosis in PROBLEMS)
    if remedy:
        assert remedy[0].isupper()
        assert remedy.endswith(".")
        assert remedy == " ".join(remedy.split())


def test_the_tables_are_whole_and_the_languages_differ() -> None:
    assert set(DIAGNOSES) == set(Diagnosis)
    assert set(HINTS) == set(MeterHint)
    assert set(RULES) == set(Rule)
    assert all(swedish and english and swedish != english for swedish, english in RULES.values())
    assert set(FORMS) == set(Form)
    for advice in DIAGNOSES.values():
        assert advice.what_sv != advice.what_en
        assert (advice.remedy_sv == "") == (advice.remedy_en == "")


@BOTH
def test_what_is_known_of_a_silent_meter_follows_the_remedy(language: Language) -> None:
    told = what_to_do(Finding(Diagnosis.WENT_SILENT, 0.0, None, MeterHint.POWER_CYCLE), language)
    assert "Kamstrup" in told
    assert told.startswith(what_to_do(Finding(Diagnosis.WENT_SILENT, 0.0), language))


def test_shares_and_times_are_said_where_they_say_something() -> None:
    assert what_is_wrong(Finding(Diagnosis.BAD_CRC, 0.0, 0.25), Language.SV).endswith("(25 % av de senaste)")
    assert what_is_wrong(Finding(Diagnosis.WENT_SILENT, 10.0), Language.EN, 52.4).endswith("(for 42 s)")
    assert what_is_wrong(Finding(Diagnosis.WELL, 10.0, 0.25), Language.EN, 52.4) == "Telegrams come as they should"


def test_what_was_found_is_one_line() -> None:
    assert what_was_found(WELL, Language.SV) == "DLMS i HDLC, 2400 8E1, 6525"
    assert what_was_found(replace(WELL, line=None, ident=""), Language.EN) == "DLMS in HDLC"


def test_a_clock_is_spoken_of_only_when_it_is_wrong() -> None:
    assert clock_words(None, Language.SV) is None
    assert clock_words(WELL.clock, Language.SV) is None
    assert clock_words(ClockSight(45.2, 1, trusted=True), Language.SV) == "Mätarens klocka går 45 s före värdens"
    assert clock_words(ClockSight(-45.2, 0, trusted=True), Language.EN) == "The meter's clock is 45 s behind the host's"


def test_the_facts_of_a_settled_port_are_all_there() -> None:
    facts = han_facts(WELL, 10.02, Language.EN)
    assert facts == {
        "form": "hdlc",
        "baud": 2400,
        "parity": "E",
        "ident": "6525",
        "interval_s": 10.0,
        "telegram_interval_s": 2.5,
        "diagnosis": "well",
        "diagnosis_text": "Telegrams come as they should",
        "remedy_text": "",
        "diagnosis_problem": "OFF",
        "meter_clock_difference_s": -2.0,
        "meter_clock_convention_h": 0,
        "meter_clock_problem": "OFF",
        "meter_clock_text": None,
    }


def test_what_is_not_known_is_null_and_no_key_is_missing() -> None:
    nothing = han_facts(None, None, Language.SV)
    assert nothing.keys() == han_facts(WELL, 1.0, Language.SV).keys()
    assert set(nothing.values()) == {None}
    looking = han_facts(replace(WELL, settled=False, clock=None), None, Language.SV)
    assert (looking["form"], looking["baud"], looking["parity"]) == (None, None, None)


def test_a_port_that_ails_is_a_problem_with_words() -> None:
    facts = han_facts(replace(WELL, finding=Finding(Diagnosis.NO_KEY, 0.0, 1.0)), None, Language.SV)
    assert facts["diagnosis"] == "no_key"
    assert facts["diagnosis_problem"] == "ON"
    assert "encryption_key" in str(facts["remedy_text"])
