"""Full cars end, sleeping ones are woken once and named, and a street does not start in one second."""

from collections import Counter

import pytest

from gateway.control.checkpoint import ControlCheckpoint
from gateway.control.past import Past, QueuedSession
from gateway.control.recovery import recover
from gateway.control.state import SessionPhase
from gateway.ids import SessionId, SocketId
from gateway.site.because import Why
from gateway.site.freshness import Freshness
from gateway.site.topology import QueueRules, Site
from gateway.site.wishes import RecordEnd
from tests.control.cabinet_seen import charging, events, granted
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, instant, site, wallbox


def ends(cabinet: Cabinet) -> list[Why]:
    return [wish.because.why for _, wish in cabinet.log if isinstance(wish, RecordEnd)]


def test_a_full_car_ends_its_session_after_the_configured_time_and_starts_no_other() -> None:
    rules = QueueRules(full_end_s=300.0)
    cabinet = Cabinet(site(wallbox("p1"), rules=rules), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(energy_wh=200.0, leaves_when_full=False))
    cabinet.run_until(lambda c: c.place("p1").served_wh >= 200.0, 400)
    cabinet.run(280)
    assert ends(cabinet) == []
    cabinet.run(60)
    assert ends(cabinet) == [Why.CAR_FULL]
    cabinet.run(120)
    assert cabinet.state.sockets[SocketId("p1")].session is None
    assert cabinet.sessions_made == 1


def test_a_full_car_that_made_way_for_others_ends_as_well() -> None:
    rules = QueueRules(full_end_s=300.0)
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2"), rules=rules), house_a=[12.0, 12.0, 12.0])
    cabinet.plug("p1", Car(energy_wh=100.0, leaves_when_full=False))
    cabinet.plug("p2")
    cabinet.run_until(lambda c: ends(c) == [Why.CAR_FULL], 1500)
    assert charging(cabinet) == {"p2"}


@pytest.mark.parametrize(("standby_end_s", "ended"), [(240.0, [Why.CAR_STANDBY]), (float("inf"), [])])
def test_a_car_that_never_charges_ends_only_if_the_config_says_so(standby_end_s: float, ended: list[Why]) -> None:
    rules = QueueRules(standby_end_s=standby_end_s)
    cabinet = Cabinet(site(wallbox("p1"), rules=rules), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(energy_wh=0.0, leaves_when_full=False))
    cabinet.run(340)
    assert ends(cabinet) == ended
    assert granted(cabinet, "p1") >= 6.0 or ended


def paused_once(car: Car) -> Cabinet:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[8.0, 8.0, 8.0])
    cabinet.plug("p1", car)
    cabinet.run(60)
    cabinet.house_a = [15.0, 15.0, 15.0]
    cabinet.run_until(lambda c: charging(c) == set(), 60)
    cabinet.house_a = [8.0, 8.0, 8.0]
    car.energy_wh = 0.0
    cabinet.run_until(lambda c: charging(c) == {"p1"}, 300)
    return cabinet


def setpoints_taken_away(cabinet: Cabinet, seconds: int) -> int:
    was = granted(cabinet, "p1")
    times = 0
    for _ in range(seconds):
        cabinet.step()
        times += was > 0.0 and granted(cabinet, "p1") == 0.0
        was = granted(cabinet, "p1")
    return times


def test_a_car_that_does_not_resume_is_woken_once_and_then_named() -> None:
    cabinet = paused_once(Car(leaves_when_full=False))
    assert setpoints_taken_away(cabinet, 700) == 1
    assert events(cabinet).count(Why.CAR_ASLEEP) == 1
    own = cabinet.state.sockets[SocketId("p1")]
    assert own.because.why is Why.CAR_ASLEEP
    assert own.granted_a >= 6.0, "it keeps its current where there is room"


def test_a_car_that_wakes_is_not_named_and_would_be_woken_again_another_time() -> None:
    car = Car(leaves_when_full=False)
    cabinet = paused_once(car)
    cabinet.run_until(lambda c: granted(c, "p1") == 0.0, 200)
    car.energy_wh = 1e6
    cabinet.run(300)
    assert Why.CAR_ASLEEP not in events(cabinet)
    assert cabinet.place("p1").current_a >= 6.0


def street(number: int, rules: QueueRules | None = None) -> Site:
    return site(*(wallbox(f"p{n}") for n in range(number)), rules=rules)


def waiting(*names: str) -> Past:
    text = ControlCheckpoint(saved_at_s=90_000.0).to_text()
    return Past((), tuple(QueuedSession(SessionId(f"w-{n}"), SocketId(n), None, None) for n in names), text)


def test_after_an_outage_starts_are_spread_over_two_minutes_in_the_order_of_the_line() -> None:
    cabinet = Cabinet(street(4), house_a=[0.0, 0.0, 0.0], past=waiting("p3", "p1", "p2", "p0"))
    for n in range(4):
        cabinet.plug(f"p{n}")
    began = cabinet.at_s
    starts = [cabinet.state.memory.sockets[SocketId(n)].start_after_s - began for n in ("p3", "p1", "p2", "p0")]
    assert starts == sorted(starts)
    assert len(set(starts)) == 4
    assert all(0.0 <= start <= 120.0 for start in starts)
    cabinet.run(200)
    assert cabinet.energised_order[:3] == ["p3", "p1", "p2"]
    again = recover(street(4), waiting("p3", "p1", "p2", "p0"), instant(began))
    assert again.memory.sockets[SocketId("p3")].start_after_s - began == starts[0]


def test_a_restart_of_the_daemon_alone_spreads_nothing() -> None:
    text = ControlCheckpoint(saved_at_s=900.0).to_text()
    state = recover(street(3), Past((), (), text), instant(1000.0))
    assert all(memory.start_after_s == 0.0 for memory in state.memory.sockets.values())


def test_the_line_says_that_it_waits_after_an_outage() -> None:
    rules = QueueRules(restart_spread_s=3000.0)
    cabinet = Cabinet(street(3, rules), house_a=[0.0, 0.0, 0.0], past=waiting("p0", "p1", "p2"))
    cabinet.run(60)
    whys = {one.because.why for one in cabinet.state.sockets.values() if one.session is not None}
    assert Why.RESTART_WAITS in whys


def test_a_car_that_woke_after_it_had_made_way_gets_its_turn_when_its_patience_is_over() -> None:
    """Its own timer starts it at night, but at setpoint 0 it cannot show that."""
    patience_s, slice_s = 1800.0, 450.0
    rules = QueueRules(slice_s=slice_s, patience_s=patience_s)
    boxes = [wallbox(name) for name in ("p1", "p2", "p3")]
    cabinet = Cabinet(site(*boxes, fuses=(fuse(rating_a=16.0),), rules=rules), house_a=[1.0] * 3)
    cabinet.plug("p1", Car(limit_a=0.0))
    cabinet.run(300)
    cabinet.plug("p2")
    cabinet.plug("p3")
    cabinet.run(2 * patience_s)
    shares_wh = [cabinet.place(name).wh for name in ("p2", "p3")]
    assert min(shares_wh) > 0.9 * 6.0 * 3 * 230.0 * 2 * patience_s / 3600.0, "a turn for a sleeper costs little"
    sleeper = cabinet.place("p1").car
    assert sleeper is not None
    sleeper.limit_a = 16.0
    cabinet.run_until(lambda c: c.place("p1").wh > 1000.0, int(patience_s + 2 * slice_s))
    assert cabinet.over_rating_s == 0


def test_the_spread_after_an_outage_begins_when_the_grid_meter_is_trusted() -> None:
    """Until then nobody could begin: who was to begin meanwhile would begin with all others in that second."""
    names = [f"p{n}" for n in range(24)]
    cabinet = Cabinet(site(*(wallbox(n) for n in names), fuses=(fuse(rating_a=400.0),)), past=waiting(*names))
    cabinet.grid_silent = True
    for name in names:
        cabinet.plug(name)
    cabinet.run(70)
    cabinet.grid_silent = False
    cabinet.run_until(lambda c: c.state.grid is Freshness.FRESH, 60)
    trusted_s = cabinet.at_s
    began: dict[str, float] = {}
    for _ in range(140):
        cabinet.step()
        for name in names:
            session = cabinet.state.sockets[SocketId(name)].session
            if session is not None and session.phase is not SessionPhase.QUEUED:
                began.setdefault(name, cabinet.at_s)
    assert set(began) == set(names)
    assert max(Counter(began.values()).values()) <= 4
    assert max(began.values()) <= trusted_s + 121.0
    assert max(began.values()) - min(began.values()) >= 60.0


def test_the_spread_after_an_outage_leaves_the_contactors_their_rest_and_still_spreads() -> None:
    names = [f"p{n}" for n in range(24)]
    boxes = (wallbox(n, contactor=True) for n in names)
    known = ControlCheckpoint(saved_at_s=90_000.0, obeyed=tuple(names))
    past = Past((), waiting(*names).queued, known.to_text())
    cabinet = Cabinet(site(*boxes, fuses=(fuse(rating_a=400.0),)), past=past)
    for name in names:
        cabinet.plug(name)
    began: dict[str, float] = {}
    for _ in range(200):
        cabinet.step()
        for name in names:
            session = cabinet.state.sockets[SocketId(name)].session
            if session is not None and session.phase is not SessionPhase.QUEUED:
                began.setdefault(name, cabinet.at_s)
    assert set(began) == set(names)
    assert max(Counter(began.values()).values()) <= 4
