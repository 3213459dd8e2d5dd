"""Charging waits for cheap electricity where prices are known, and for nothing where they are not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.clock import UtcTrust
from gateway.control.checkpoint import ControlCheckpoint
from gateway.control.past import Past
from gateway.control.price_windows import _Hours
from gateway.control.recovery import recover
from gateway.control.state import SessionPhase
from gateway.ids import SessionId, SocketId
from gateway.site.because import Why
from gateway.site.prices import PriceRule, PriceSeries, PriceSlot
from gateway.site.requests import ChargeNow, ChargePlan, PlanCharge, Source, StartSession, StopSession
from gateway.site.restraints import Restraints
from gateway.site.topology import Policy, QueueRules, Site
from gateway.site.wishes import NoteEvent, SaveCheckpoint
from tests.control.cabinet_seen import charging
from tests.control.cabinet_world import Cabinet
from tests.control.planned_site import BOOT, instant, plain, site, wallbox

QUARTER = timedelta(minutes=15)
BELOW = PriceRule(below=0.5)


def series(*prices: float, step: timedelta = QUARTER) -> PriceSeries:
    """From 07:00 UTC on, where the cabinet's clock begins."""
    begins = [BOOT + n * step for n in range(len(prices))]
    return PriceSeries(
        "SEK/kWh", tuple(PriceSlot(at, at + step, price) for at, price in zip(begins, prices, strict=True))
    )


def waiting_site(rule: PriceRule = BELOW, exempt: frozenset[SocketId] = frozenset(), base: Site | None = None) -> Site:
    return replace(base or site(wallbox("p1"), wallbox("p2")), restraints=Restraints(prices=rule, price_exempt=exempt))


def cabinet(rule: PriceRule = BELOW, prices: PriceSeries | None = None, at_s: float = 600.0) -> Cabinet:
    made = Cabinet(waiting_site(rule, frozenset({SocketId("p2")})), house_a=[1.0] * 3, at_s=at_s)
    made.outside = replace(made.outside, prices=prices)
    made.plug("p1")
    return made


def phase_of(made: Cabinet, name: str = "p1") -> SessionPhase | None:
    session = made.state.sockets[SocketId(name)].session
    return None if session is None else session.phase


def noted(made: Cabinet) -> list[Why]:
    return [wish.because.why for _, wish in made.log if isinstance(wish, NoteEvent)]


def test_a_dear_quarter_holds_a_session_back_until_the_first_cheap_one_and_says_until_when() -> None:
    made = cabinet(prices=series(0.9, 0.4, 0.9, 0.9))
    made.run(120)
    because = made.state.sockets[SocketId("p1")].because
    assert because.why is Why.PRICE_WAITS
    assert instant(because.until_s or 0.0).utc == BOOT + QUARTER
    assert phase_of(made) is SessionPhase.QUEUED
    made.run(300)
    assert phase_of(made) is SessionPhase.CHARGING
    made.run(900)
    assert phase_of(made) is SessionPhase.PAUSED
    assert made.place("p1").current_a == 0.0


def test_prices_that_end_hold_nobody_back_and_people_are_told_once() -> None:
    made = cabinet(prices=series(0.9))
    made.run(250)
    assert phase_of(made) is SessionPhase.QUEUED
    made.run(200)
    assert phase_of(made) is SessionPhase.CHARGING
    assert noted(made).count(Why.PRICE_UNKNOWN) == 1


@pytest.mark.parametrize("prices", [None, series(0.9, step=timedelta(seconds=1))])
def test_without_a_price_for_now_charging_goes_on_as_ever(prices: PriceSeries | None) -> None:
    made = cabinet(prices=prices)
    made.run(150)
    assert phase_of(made) is SessionPhase.CHARGING
    assert made.state.restraints.price is not None
    assert not made.state.restraints.price.known


def test_while_nobody_knows_the_time_no_price_holds_anybody_back() -> None:
    made = cabinet(prices=series(0.9, 0.9, 0.9, 0.9))
    made.utc_trust = UtcTrust.INFORMATIVE
    made.run(150)
    assert phase_of(made) is SessionPhase.CHARGING
    made.utc_trust = UtcTrust.SYNCHRONISED
    made.run(5)
    assert phase_of(made) is SessionPhase.PAUSED


def test_an_exempt_socket_waits_for_no_price() -> None:
    made = cabinet(prices=series(0.9, 0.9))
    made.plug("p2")
    made.run(150)
    assert phase_of(made, "p1") is SessionPhase.QUEUED
    assert phase_of(made, "p2") is SessionPhase.CHARGING


def test_charge_now_holds_for_its_session_and_no_longer() -> None:
    made = cabinet(prices=series(*[0.9] * 8))
    made.run(100)
    made.ask(ChargeNow(SocketId("p1"), True, Source.MQTT))
    made.run(60)
    assert phase_of(made) is SessionPhase.CHARGING
    made.ask(StopSession(SocketId("p1"), Source.MQTT))
    made.run(40)
    assert made.state.restraints.charge_now == frozenset()
    made.ask(StartSession(SocketId("p1"), SessionId("again"), None, Source.MQTT))
    made.run(60)
    assert phase_of(made) is SessionPhase.QUEUED


def test_charge_now_taken_back_waits_again_and_survives_a_restart_otherwise() -> None:
    made = cabinet(prices=series(*[0.9] * 8))
    made.run(100)
    made.ask(ChargeNow(SocketId("p1"), True, Source.MQTT))
    made.run(60)
    texts = [wish.text for _, wish in made.log if isinstance(wish, SaveCheckpoint)]
    assert recover(made.site, Past((), (), texts[-1]), instant(900.0)).restraints.charge_now == {"p1"}
    older = texts[-1].replace('"charge_now"', '"others"')
    assert ControlCheckpoint.from_text(older).charge_now == ()
    made.ask(ChargeNow(SocketId("p1"), False, Source.MQTT))
    made.run(5)
    assert phase_of(made) is SessionPhase.PAUSED


def test_the_cheapest_hours_before_departure_are_charged_in_and_no_others() -> None:
    """From 07 to 15 UTC, departure at 12: of 07 to 12 the two cheapest are 08 and 10; the cheaper 13 comes too late."""
    rule = replace(PriceRule(cheapest_h=2), depart=(BOOT + timedelta(hours=5)).time())
    hourly = series(0.9, 0.3, 0.8, 0.2, 0.7, 0.9, 0.1, 0.9, step=timedelta(hours=1))
    made = Cabinet(waiting_site(rule), house_a=[1.0] * 3, at_s=600.0)
    made.outside = replace(made.outside, prices=hourly)
    made.plug("p1")
    made.run(120)
    assert phase_of(made) is SessionPhase.QUEUED
    charged = set()
    for hour in range(1, 5):
        made.at_s = hour * 3600.0 + 60.0
        made.state = replace(made.state, at=instant(made.at_s))
        made.run(150)
        if phase_of(made) is SessionPhase.CHARGING:
            charged.add(hour)
    assert charged == {1, 3}


def test_on_the_night_of_23_hours_no_hour_before_the_last_departure_is_chosen() -> None:
    """Departure at 07 in Sweden is 06 UTC on 28 March 2026 and 05 UTC the day after."""
    first = datetime(2026, 3, 28, tzinfo=UTC)
    prices = [0.1 if hour == 5 else 0.2 if hour == 26 else 0.9 for hour in range(30)]
    slots = tuple(
        PriceSlot(first + timedelta(hours=hour), first + timedelta(hours=hour + 1), price)
        for hour, price in enumerate(prices)
    )
    hours = _Hours(PriceRule(cheapest_h=1), PriceSeries("SEK/kWh", slots), ZoneInfo("Europe/Stockholm"), {})
    chosen = hours.chosen(first + timedelta(hours=24), first + timedelta(hours=4))
    assert chosen == {first + timedelta(hours=26)}


def test_quarters_are_weighed_by_the_hour_so_that_nothing_switches_each_quarter() -> None:
    rule = replace(PriceRule(cheapest_h=1), depart=(BOOT + timedelta(hours=2)).time())
    made = cabinet(rule, series(0.0, 0.9, 0.9, 0.9, 0.5, 0.5, 0.5, 0.5))
    made.run(200)
    because = made.state.sockets[SocketId("p1")].because
    assert because.why is Why.PRICE_WAITS
    assert instant(because.until_s or 0.0).utc == BOOT + timedelta(hours=1)


def test_fewer_known_hours_than_wanted_are_all_charged_in() -> None:
    made = cabinet(PriceRule(cheapest_h=24), series(0.9, 0.9, 0.9, 0.9))
    made.run(200)
    assert phase_of(made) is SessionPhase.CHARGING


def test_a_plain_socket_waits_with_its_contactor_open() -> None:
    base = site(plain("p1"))
    made = Cabinet(waiting_site(base=base), house_a=[1.0] * 3, at_s=600.0)
    made.outside = replace(made.outside, prices=series(0.9, 0.4))
    made.ask(StartSession(SocketId("p1"), SessionId("s-1"), None, Source.MQTT))
    made.run(200)
    assert not made.place("p1").closed
    made.run(200)
    assert made.place("p1").closed


def test_a_price_never_loosens_a_fuse() -> None:
    made = Cabinet(waiting_site(), house_a=[12.0] * 3, at_s=600.0)
    made.outside = replace(made.outside, prices=series(*[0.1] * 8))
    made.plug("p1")
    made.plug("p2")
    made.run(400)
    assert made.over_rating_s == 0
    assert made.state.restraints.price is not None
    assert made.state.restraints.price.known


def test_waiting_for_a_price_uses_up_nobody_s_patience_and_the_policy_holds_when_it_is_cheap() -> None:
    """Room for three of four; all have waited for longer than the patience when the cheap hour comes."""
    base = site(*(wallbox(f"p{n}") for n in range(1, 5)), rules=QueueRules(policy=Policy.PRIORITY, patience_s=900.0))
    made = Cabinet(waiting_site(base=base), house_a=[1.0] * 3, at_s=600.0)
    made.outside = replace(made.outside, prices=series(0.9, 0.9, 0.9, 0.4, 0.4, 0.4))
    for n in range(1, 5):
        made.plug(f"p{n}")
        made.ask(PlanCharge(SocketId(f"p{n}"), ChargePlan(priority=n), Source.MQTT))
        made.run(5)
    made.run(2400)
    assert charging(made) == {"p2", "p3", "p4"}
    assert made.state.sockets[SocketId("p1")].because.why is Why.QUEUED_PRIORITY
    made.run_until(lambda cabinet: "p1" in charging(cabinet), 900)
    assert made.at_s >= 2700.0 + 900.0 - 30.0


def planned(rule: PriceRule, prices: PriceSeries, plan: ChargePlan) -> Cabinet:
    """One car with a plan, 10 min after seven."""
    made = Cabinet(waiting_site(rule, base=site(wallbox("p1"))), house_a=[1.0] * 3, at_s=600.0)
    made.outside = replace(made.outside, prices=prices)
    made.ask(PlanCharge(SocketId("p1"), plan, Source.MQTT))
    made.plug("p1")
    made.run(120)
    return made


def jump(made: Cabinet, at_s: float) -> bool:
    """Whether it charges then."""
    made.at_s = at_s
    made.state = replace(made.state, at=instant(at_s))
    made.run(150)
    return phase_of(made) is SessionPhase.CHARGING


def test_a_session_that_leaves_before_the_cheapest_hours_charges_in_the_cheapest_until_then() -> None:
    """It leaves at 10:30; of the whole hours before, 08 is the cheapest, whatever 10 to 13 cost."""
    rule = replace(PriceRule(cheapest_h=1), depart=(BOOT + timedelta(hours=8)).time())
    hourly = series(0.9, 0.6, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, step=timedelta(hours=1))
    made = planned(rule, hourly, ChargePlan(minimum_kwh=2.0, departs_at=BOOT + timedelta(hours=3.5)))
    because = made.state.sockets[SocketId("p1")].because
    assert because.why is Why.PRICE_WAITS
    assert instant(because.until_s or 0.0).utc == BOOT + timedelta(hours=1)
    assert jump(made, 3660.0)
    made.run(900)
    assert made.place("p1").served_wh >= 2000.0
    assert not jump(made, 7260.0)
    assert not jump(made, 10860.0)
    assert jump(made, 12660.0), "it should have left, and charges now"


@pytest.mark.parametrize("rule", [BELOW, PriceRule(cheapest_h=1)])
def test_with_no_cheap_time_before_it_leaves_a_session_charges_at_once(rule: PriceRule) -> None:
    made = planned(rule, series(*[0.9] * 4, *[0.1] * 8), ChargePlan(departs_at=BOOT + timedelta(minutes=50)))
    assert phase_of(made) is SessionPhase.CHARGING
    made.run(600)
    assert phase_of(made) is SessionPhase.CHARGING


@pytest.mark.parametrize("rule", [BELOW, PriceRule(cheapest_h=1)])
def test_minimum_energy_that_cheap_time_may_not_hold_begins_now_and_what_it_holds_waits(rule: PriceRule) -> None:
    """One cheap hour at the least current: 4.1 kWh, with the start 3.1. Of 4 kWh one is charged before it is cheap."""
    leaves = BOOT + timedelta(hours=2)
    made = planned(rule, series(*[0.9] * 4, *[0.1] * 4), ChargePlan(minimum_kwh=4.0, departs_at=leaves))
    assert phase_of(made) is SessionPhase.CHARGING
    made.run_until(lambda cabinet: phase_of(cabinet) is SessionPhase.PAUSED, 1200)
    assert 850.0 <= made.place("p1").served_wh <= 1100.0
    because = made.state.sockets[SocketId("p1")].because
    assert because.why is Why.PRICE_WAITS
    assert instant(because.until_s or 0.0).utc == BOOT + timedelta(hours=1)
    made.ask(PlanCharge(SocketId("p1"), ChargePlan(minimum_kwh=4.0), Source.MQTT))
    made.run(60)
    assert phase_of(made) is SessionPhase.PAUSED


def test_hours_that_went_by_before_a_plan_came_are_not_counted_as_charged_in() -> None:
    """By the site's departure 12 is the cheapest; at 09 one says that it leaves at 11, when 07 was cheaper than both
    that are left."""
    rule = replace(PriceRule(cheapest_h=1), depart=(BOOT + timedelta(hours=8)).time())
    made = planned(rule, series(0.5, 0.9, 0.8, 0.7, 0.9, 0.1, 0.9, 0.9, step=timedelta(hours=1)), ChargePlan())
    assert not jump(made, 7260.0)
    made.ask(PlanCharge(SocketId("p1"), ChargePlan(departs_at=BOOT + timedelta(hours=4)), Source.MQTT))
    assert not jump(made, 7500.0)
    assert jump(made, 10860.0)
    assert made.place("p1").served_wh > 0.0


def test_prices_that_are_not_known_until_it_leaves_are_waited_for() -> None:
    made = planned(BELOW, series(0.9, 0.9), ChargePlan(minimum_kwh=2.0, departs_at=BOOT + timedelta(hours=9)))
    because = made.state.sockets[SocketId("p1")].because
    assert because.why is Why.PRICE_WAITS
    assert instant(because.until_s or 0.0).utc == BOOT + 2 * QUARTER
    made.outside = replace(made.outside, prices=series(*[0.9] * 36))
    made.run(60)
    assert phase_of(made) is SessionPhase.CHARGING
