"""The text of an external limit: what is taken, what is refused and why, and what people see of it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.restraint_state import DeadPhases, LimitState, RestraintState, TemperatureState
from gateway.ids import FuseId, LimitId
from gateway.publish.commands import Refusal, Rejected
from gateway.publish.discovery import discovery_topics
from gateway.publish.limits import read_limit, read_temperature
from gateway.publish.words import Language
from gateway.site.outside import LimitTold, TemperatureTold
from gateway.site.restraints import CabinetTemperature, ExternalLimit, Restraints
from gateway.site.topology import Fuse, FuseKind, Site
from tests.publish.cabinet_told import MAIN, control_state, site, snapshot, state_topics

HOME, GARAGE, DSO = LimitId("home"), LimitId("garage"), LimitId("dso")
TOPIC = "laddvakt/villa-1/limit/home/set"


def limited() -> Site:
    base = site()
    garage = Fuse(FuseId("garage"), 16.0, FuseKind.GG, MAIN, 1.0, 0.0, None)
    limits = (
        ExternalLimit(HOME, MAIN, safe_a=10.0, valid_for_s=600.0),
        ExternalLimit(GARAGE, garage.id, safe_a=6.0),
        ExternalLimit(DSO, MAIN, wired_a=8.0),
    )
    return replace(base, fuses={**base.fuses, garage.id: garage}, restraints=Restraints(limits=limits))


def told(text: str, topic: str = TOPIC, *, retained: bool = False) -> tuple[LimitId, LimitTold] | Rejected:
    return read_limit(topic, text.encode(), retained, limited(), 1000.0)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("10", LimitTold(10.0, None, 1600.0)),
        (" 7.5\n", LimitTold(7.5, None, 1600.0)),
        ("none", LimitTold(None, None, 1600.0)),
        ('{"current_a": 0}', LimitTold(0.0, None, 1600.0)),
        ('{"current_a": 13.5, "valid_for_s": 60}', LimitTold(13.5, None, 1060.0)),
        ('{"power_w": 6000, "valid_for_s": 60}', LimitTold(None, 6000.0, 1060.0)),
        ('{"current_a": 16, "power_w": 6000}', LimitTold(16.0, 6000.0, 1600.0)),
        ('{"current_a": null, "valid_for_s": 3600}', LimitTold(None, None, 4600.0)),
    ],
)
def test_a_word_that_can_be_read_is_taken_with_its_time(text: str, limit: LimitTold) -> None:
    assert told(text) == (HOME, limit)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", Refusal.WRONG_VALUE),
        ("-1", Refusal.WRONG_VALUE),
        ("ten", Refusal.WRONG_VALUE),
        ("{}", Refusal.WRONG_VALUE),
        ('{"valid_for_s": 60}', Refusal.WRONG_VALUE),
        ('{"current_a": "10"}', Refusal.WRONG_VALUE),
        ('{"current_a": true}', Refusal.WRONG_VALUE),
        ('{"current_a": NaN}', Refusal.WRONG_VALUE),
        ('{"current_a": Infinity}', Refusal.WRONG_VALUE),
        ('{"current_a": 10, "until": 5}', Refusal.WRONG_VALUE),
        ('{"current_a": 10, "valid_for_s": null}', Refusal.WRONG_VALUE),
        ('{"current_a": -0.1}', Refusal.OUT_OF_RANGE),
        ('{"power_w": -1}', Refusal.OUT_OF_RANGE),
        ('{"current_a": 10, "valid_for_s": 0}', Refusal.OUT_OF_RANGE),
        ('{"current_a": 10, "valid_for_s": 86401}', Refusal.OUT_OF_RANGE),
        ("[" * 2000, Refusal.WRONG_VALUE),
        ("9" * 5000, Refusal.TOO_LONG),
        (f'{{"current_a": {10**400}}}', Refusal.OUT_OF_RANGE),
        (f'{{"power_w": -{10**400}}}', Refusal.OUT_OF_RANGE),
        (f'{{"current_a": 10, "valid_for_s": {10**400}}}', Refusal.OUT_OF_RANGE),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_reason(text: str, refusal: Refusal) -> None:
    assert told(text) == Rejected(refusal, None, "limit/home")


def test_a_retained_word_is_refused_since_nobody_knows_its_age() -> None:
    assert told("10", retained=True) == Rejected(Refusal.RETAINED, None, "limit/home")


def test_watts_are_for_the_main_fuse_only() -> None:
    refused = told('{"power_w": 3000}', "laddvakt/villa-1/limit/garage/set")
    assert refused == Rejected(Refusal.OUT_OF_RANGE, None, "limit/garage")


@pytest.mark.parametrize("name", ["dso", "nobody"])
def test_a_wired_limit_and_an_unknown_one_take_no_words(name: str) -> None:
    assert told("10", f"laddvakt/villa-1/limit/{name}/set") == Rejected(Refusal.NOT_A_COMMAND, None, None)


CABINET_TOPIC = "laddvakt/villa-1/cabinet_temperature/set"


@pytest.mark.parametrize(("text", "celsius"), [("41.5", 41.5), (" -7\n", -7.0), ("0", 0.0)])
def test_a_temperature_over_mqtt_is_a_plain_number(text: str, celsius: float) -> None:
    assert read_temperature(CABINET_TOPIC, text.encode(), False, limited(), 5.0) == TemperatureTold(celsius, 5.0)


@pytest.mark.parametrize(
    ("payload", "retained", "refusal"),
    [
        (b"41.5", True, Refusal.RETAINED),
        (b"warm", False, Refusal.WRONG_VALUE),
        (b"\xff\xfe", False, Refusal.WRONG_VALUE),
        (b"nan", False, Refusal.WRONG_VALUE),
        (b"1e3", False, Refusal.WRONG_VALUE),
        (b"400", False, Refusal.OUT_OF_RANGE),
        (b"-90", False, Refusal.OUT_OF_RANGE),
    ],
)
def test_a_temperature_that_cannot_be_is_refused(payload: bytes, retained: bool, refusal: Refusal) -> None:
    made = read_temperature(CABINET_TOPIC, payload, retained, limited(), 5.0)
    assert made == Rejected(refusal, None, "cabinet_temperature")
    assert read_temperature("laddvakt/other/cabinet_temperature/set", payload, False, limited(), 5.0) == Rejected(
        Refusal.NOT_A_COMMAND, None, None
    )


def test_the_cabinets_temperature_and_a_dead_phase_are_seen_by_people() -> None:
    built = replace(site(), restraints=Restraints(temperature=CabinetTemperature(60.0)))
    for seen, told in (
        (None, (None, None, 100.0, "ON")),
        (TemperatureState(55.0, silent=False), (55.0, 55.0, 92.5, "OFF")),
        (TemperatureState(60.0, silent=True), (None, 60.0, 90.0, "ON")),
    ):
        state = replace(
            control_state(), restraints=RestraintState(temperature=seen, dead=DeadPhases(places=frozenset({1})))
        )
        said = state_topics(replace(snapshot(), site=built), state, Language.EN)
        thing = json.loads(said["laddvakt/villa-1/cabinet/state"])
        assert (thing["temperature_c"], thing["assumed_c"], thing["carried_pct"], thing["silent"]) == told
        fuse = json.loads(said["laddvakt/villa-1/fuse/main/state"])
        assert (fuse["dead_phase"], fuse["dead_phases"]) == ("ON", ["L2"])
    device = json.loads(discovery_topics(built, Language.EN, "1")["homeassistant/device/laddvakt_villa-1/config"])
    assert device["cmps"]["cabinet_temperature"]["unit_of_meas"] == "°C"


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise(payload: bytes) -> None:
    made = read_limit(TOPIC, payload, False, limited(), 0.0)
    assert isinstance(made, Rejected) or made[1].until_s > 0.0


def said_of(restraints: RestraintState, language: Language) -> dict[str, str]:
    state = control_state()
    fuses = {**state.fuses, FuseId("garage"): state.fuses[MAIN]}
    return state_topics(
        replace(snapshot(), site=limited()), replace(state, restraints=restraints, fuses=fuses), language
    )


def shown(state: RestraintState) -> dict[str, dict[str, object]]:
    said = said_of(state, Language.SV)
    return {topic.split("/")[3]: json.loads(text) for topic, text in said.items() if "/limit/" in topic}


def test_people_see_what_holds_and_for_how_long() -> None:
    limits = {
        HOME: LimitState(13.0, None, 70.0, calls=False, noted_s=None),
        GARAGE: LimitState(6.0, None, None, calls=True, noted_s=None),
        DSO: LimitState(None, None, None, calls=False, noted_s=None),
    }
    said = shown(RestraintState(limits=limits))
    assert (said["home"]["limit_a"], said["home"]["left_s"], said["home"]["calls"]) == (13.0, 60.0, "ON")
    assert said["home"]["because_text"] == "Begränsad utifrån: säkring main till 13,0 A"
    assert (said["garage"]["expired"], said["garage"]["limit_a"]) == ("ON", 6.0)
    assert said["garage"]["because_text"] == "Yttre gräns är tyst: säkring garage hålls på 6,0 A"
    assert (said["dso"]["calls"], said["dso"]["limit_a"], said["dso"]["because_text"]) == ("OFF", None, None)


def test_every_key_is_there_before_the_first_decision() -> None:
    said = shown(RestraintState())
    assert {frozenset(thing) for thing in said.values()} == {frozenset(said["home"])}


def test_home_assistant_may_set_what_is_sent_and_only_sees_what_is_wired() -> None:
    device = json.loads(discovery_topics(limited(), Language.EN, "1")["homeassistant/device/laddvakt_villa-1/config"])
    number = device["cmps"]["limit_home"]
    assert (number["p"], number["cmd_t"], number["max"]) == ("number", TOPIC, 20.0)
    assert device["cmps"]["limit_garage"]["max"] == 16.0
    assert "limit_dso" not in device["cmps"]
    assert device["cmps"]["limit_dso_calls"]["p"] == "binary_sensor"
    said = said_of(RestraintState(), Language.EN)
    for key, each in device["cmps"].items():
        if key.startswith("limit_"):
            name = each["val_tpl"].removeprefix("{{ value_json.").removesuffix(" }}")
            assert name in json.loads(said[each["stat_t"]]), key
