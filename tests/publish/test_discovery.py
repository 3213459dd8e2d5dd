"""Home Assistant device discovery: what it takes without a warning."""

import json
from typing import Any

import pytest

from gateway.publish import topic_names
from gateway.publish.discovery import discovery_topics
from gateway.publish.events import check_text
from gateway.publish.shown import ShownState
from gateway.publish.words import Language
from gateway.site.because import Why
from tests.publish.cabinet_told import control_state, site, snapshot, state_topics

PLATFORM_KEYS = {
    "sensor": set(),
    "binary_sensor": {"pl_on", "pl_off"},
    "switch": {"cmd_t", "pl_on", "pl_off"},
    "number": {"cmd_t", "min", "max", "step"},
    "button": {"cmd_t", "pl_prs"},
    "event": {"evt_typ", "stat_t"},
}
"""What each platform needs beyond a name and a unique id (Home Assistant MQTT integration, per platform)."""
UNITS_OF_CLASS = {
    "power": {"W", "kW"},
    "energy": {"Wh", "kWh", "MWh"},
    "current": {"A", "mA"},
    "voltage": {"V", "mV"},
}
STATE_CLASSES_OF_CLASS = {
    "power": {"measurement"},
    "energy": {"total", "total_increasing"},
    "current": {"measurement"},
    "voltage": {"measurement"},
}
"""By device class: what Home Assistant takes without a warning (SensorDeviceClass)."""


def devices(language: Language = Language.EN) -> dict[str, dict[str, Any]]:
    return {topic: json.loads(text) for topic, text in discovery_topics(site(), language, "0.1.0").items()}


def components(language: Language = Language.EN) -> list[tuple[str, dict[str, Any]]]:
    return [(key, each) for device in devices(language).values() for key, each in device["cmps"].items()]


def test_the_gateway_comes_first_and_every_socket_points_at_it() -> None:
    topics = list(devices())
    assert topics[0] == "homeassistant/device/laddvakt_villa-1/config"
    assert topics[1:] == [f"homeassistant/device/laddvakt_villa-1_{name}/config" for name in ("p1", "p3", "p4")]
    for topic in topics[1:]:
        assert devices()[topic]["dev"]["via_device"] == "laddvakt_villa-1"
    assert devices()[topics[0]]["dev"]["ids"] == ["laddvakt_villa-1"]


def test_every_device_has_an_origin_and_every_component_a_unique_id() -> None:
    for device in devices().values():
        assert device["o"]["name"]
        assert device["dev"]["ids"]
    unique = [each["uniq_id"] for _, each in components()]
    assert len(set(unique)) == len(unique)


def test_units_and_state_classes_are_those_that_home_assistant_takes() -> None:
    for key, each in components():
        device_class = each.get("dev_cla")
        if each["p"] == "sensor" and device_class in UNITS_OF_CLASS:
            assert each["unit_of_meas"] in UNITS_OF_CLASS[device_class], key
            assert each["stat_cla"] in STATE_CLASSES_OF_CLASS[device_class], key
        if device_class in ("enum", "timestamp"):
            assert "unit_of_meas" not in each
            assert "stat_cla" not in each


def test_meters_are_counted_up_and_sessions_start_anew() -> None:
    by_key = dict(components())
    assert by_key["energy"]["stat_cla"] == "total_increasing"
    assert by_key["grid_import"]["stat_cla"] == "total_increasing"
    assert by_key["session_energy"]["stat_cla"] == "total"
    assert "session_start" in by_key["session_energy"]["lrst_val_tpl"]


def test_each_platform_has_its_keys() -> None:
    for key, each in components():
        assert PLATFORM_KEYS[each["p"]] <= each.keys(), key
        assert each["p"] in ("button", "event") or {"stat_t"} <= each.keys(), key


def test_only_measurements_expire() -> None:
    for key, each in components():
        assert ("exp_aft" in each) == (each.get("stat_cla") == "measurement" and key not in NOT_AGING), key


NOT_AGING = {"setpoint", "queue_position", "queue_length", "active_sessions"}


def test_every_template_reads_a_key_that_is_always_published() -> None:
    said = state_topics(snapshot(), control_state(), Language.EN)
    said[topic_names.journal_check(snapshot().site.gateway_id)] = check_text(None, Language.EN)
    for key, each in components():
        if "val_tpl" in each:
            name = each["val_tpl"].removeprefix("{{ value_json.").removesuffix(" }}").split("[")[0]
            assert name in json.loads(said[each["stat_t"]]), key


def test_every_state_that_can_be_shown_is_an_announced_option() -> None:
    by_key = dict(components())
    assert by_key["state"]["ops"] == [each.value for each in ShownState]
    assert {"unknown", "fault"} <= set(by_key["state"]["ops"])
    assert by_key["han_freshness"]["ops"] == ["fresh", "stale", "fallback", "blind"]
    happenings = {
        "command_rejected",
        "token_refused",
        "meter_exchanged",
        "meter_record_kept",
        "meter_record_refused",
        "meter_key_pinned",
        "meter_key_doubted",
        "meter_key_upheld",
    }
    assert happenings | {why.value for why in Why} == set(by_key["happening"]["evt_typ"])


def test_a_socket_shows_only_what_it_has() -> None:
    device = {topic.split("_")[-1].split("/")[0]: each["cmps"].keys() for topic, each in devices().items()}
    assert {"limit", "plug", "contactor", "charge", "unlock"} <= device["p1"]
    assert "arm" not in device["p1"]
    assert {"arm", "charge", "contactor"} <= device["p3"]
    assert not {"limit", "plug"} & device["p3"]
    assert "current_l2" not in device["p3"]
    assert {"power", "energy"} <= device["p4"]
    assert not {"charge", "limit", "contactor", "plug", "setpoint", "unlock"} & device["p4"]


def test_a_silent_meter_takes_its_figures_away_but_leaves_the_switch() -> None:
    p1 = devices()["homeassistant/device/laddvakt_villa-1_p1/config"]["cmps"]
    status = {"t": "laddvakt/villa-1/socket/p1/status"}
    assert status in p1["power"]["avty"]
    assert status in p1["energy"]["avty"]
    for key in ("charge", "because", "problem", "state"):
        assert p1[key]["avty"] == [{"t": "laddvakt/villa-1/status"}]


def test_a_fuse_shows_load_and_limit_of_each_phase() -> None:
    by_key = dict(components())
    for name in ("load", "limit"):
        for number in range(3):
            shown = by_key[f"fuse_main_{name}_l{number + 1}"]
            assert shown["val_tpl"] == f"{{{{ value_json.{name}_a[{number}] }}}}"
            assert (shown["stat_t"], shown["unit_of_meas"]) == ("laddvakt/villa-1/fuse/main/state", "A")


def test_the_connectivity_sensor_does_not_vanish_when_it_has_something_to_say() -> None:
    by_key = dict(components())
    assert "avty" not in by_key["connectivity"]
    assert by_key["connectivity"]["stat_t"] == "laddvakt/villa-1/status"


@pytest.mark.parametrize("language", list(Language))
def test_names_follow_the_language_and_ids_do_not(language: Language) -> None:
    assert [each["uniq_id"] for _, each in components(language)] == [each["uniq_id"] for _, each in components()]
    names = {each["uniq_id"]: each["name"] for _, each in components(language)}
    assert names["laddvakt_villa-1_p1_power"] == ("Effekt" if language is Language.SV else "Power")
    for device in devices(language).values():
        named = [each["name"] for each in device["cmps"].values()]
        assert len(set(named)) == len(named)
