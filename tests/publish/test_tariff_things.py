"""What people see of the power guard: this interval so far, what it will come to, the target, the month's peaks."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from gateway.clock import UtcTrust
from gateway.control.restraint_state import Meanwhile, RestraintState, TariffState
from gateway.control.state import ControlState
from gateway.ids import TariffId
from gateway.publish.discovery import discovery_topics
from gateway.publish.words import Language
from gateway.site.power_tariffs import Peak, PeakBook, PowerTariff
from gateway.site.restraints import Restraints
from gateway.site.topology import Site
from tests.publish.cabinet_told import control_state, site, snapshot, state_topics

TOPIC = "laddvakt/villa-1/power_tariff/winter-days/state"
NAME = TariffId("winter-days")
BOOK = PeakBook("2026-06", (Peak(date(2026, 6, 2), Decimal("6200.5")), Peak(date(2026, 6, 1), Decimal(5100))))


def guarded() -> Site:
    return replace(site(), restraints=Restraints(tariffs=(PowerTariff(NAME, peaks=3, target_w=5000.0),)))


def said(state: ControlState, language: Language = Language.SV) -> dict[str, object]:
    told: dict[str, object] = json.loads(state_topics(replace(snapshot(), site=guarded()), state, language)[TOPIC])
    return told


def at_work() -> ControlState:
    interval = Meanwhile(datetime(2026, 6, 1, 12, tzinfo=UTC), seen_wh=1234.5678, seen_s=900.0)
    kept = TariffState(BOOK, interval, True, 5000.0, 5123.4, 4870.6)
    return replace(control_state(), restraints=RestraintState(tariffs={NAME: kept}))


def test_the_interval_so_far_and_what_it_will_come_to_are_told() -> None:
    told = said(at_work())
    assert (told["so_far_kwh"], told["expected_w"], told["target_w"], told["allowed_w"]) == (
        1.235,
        4871.0,
        5000.0,
        5123.0,
    )
    assert told["interval_begin"] == "2026-06-01T12:00:00+00:00"
    assert told["counts"] == "ON"
    assert told["because_text"] == "Effektvakt: medeleffekten hålls under 5,00 kW"
    assert said(at_work(), Language.EN)["because_text"] == "Power guard: mean power is kept below 5.00 kW"


def test_the_months_peaks_are_told_with_their_days_and_their_mean() -> None:
    told = said(at_work())
    assert told["peak_mean_w"] == 5650.0
    assert told["peaks"] == [{"day": "2026-06-02", "w": 6200.5}, {"day": "2026-06-01", "w": 5100}]


def test_every_key_is_there_before_anything_is_known_and_a_clock_that_nobody_trusts_is_told() -> None:
    nothing = said(control_state())
    assert nothing.keys() == said(at_work()).keys()
    assert (nothing["so_far_kwh"], nothing["peak_mean_w"], nothing["peaks"], nothing["counts"]) == (
        None,
        None,
        [],
        "OFF",
    )
    state = control_state()
    doubted = replace(state, at=replace(state.at, utc_trust=UtcTrust.INFORMATIVE))
    assert (said(state)["clock_problem"], said(doubted)["clock_problem"]) == ("OFF", "ON")


def test_home_assistant_sees_figures_that_are_always_published() -> None:
    device = json.loads(discovery_topics(guarded(), Language.EN, "1")["homeassistant/device/laddvakt_villa-1/config"])
    mine = {key: each for key, each in device["cmps"].items() if key.startswith("tariff_winter-days")}
    assert {each["stat_t"] for each in mine.values()} == {TOPIC}
    assert len(mine) == 7
    for key, each in mine.items():
        assert each["val_tpl"].removeprefix("{{ value_json.").removesuffix(" }}") in said(at_work()), key
        assert ("exp_aft" in each) == (each.get("stat_cla") == "measurement"), key
