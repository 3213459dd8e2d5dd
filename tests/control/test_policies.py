"""Who goes first by each policy, that minimum energy comes first, and that nobody waits for longer than stated."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.clock import Instant, UtcTrust
from gateway.control.checkpoint import WAITS_SAVED_EVERY_S, ControlCheckpoint
from gateway.control.draft import open_draft
from gateway.control.past import Past, QueuedSession
from gateway.control.ranking import standing
from gateway.control.recovery import recover
from gateway.control.state import SessionPhase
from gateway.ids import SessionId, SocketId
from gateway.site.because import Why
from gateway.site.requests import ChargePlan, PlanCharge, Source, StartSession
from gateway.site.topology import Access, Policy, QueueRules, Socket
from gateway.site.wishes import SaveCheckpoint
from tests.control.cabinet_seen import charging, granted
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import BOOT, site, wallbox

SLICE_S = 300.0
PATIENCE_S = 1500.0
FLAT = [13.0, 13.0, 13.0]
"""On 20 A one box fits at 6 A."""


def rules(policy: Policy, patience_s: float = PATIENCE_S, solar_import_w: float = 0.0) -> QueueRules:
    return QueueRules(slice_s=SLICE_S, policy=policy, patience_s=patience_s, solar_import_w=solar_import_w)


def box(name: str, priority: int = 0, weight: float = 1.0, minimum_kwh: float = 0.0) -> Socket:
    made = wallbox(name, access=Access.COMMAND)
    values = {slot: getattr(made, slot) for slot in made.__slots__}
    return Socket(**{**values, "priority": priority, "weight": weight, "minimum_kwh": minimum_kwh})


def ask(cabinet: Cabinet, name: str, plan: ChargePlan | None = None) -> None:
    cabinet.plug(name)
    said = plan or ChargePlan()
    cabinet.ask(StartSession(SocketId(name), SessionId(f"s-{name}"), None, Source.MQTT, said))


def why(cabinet: Cabinet, name: str) -> Why:
    return cabinet.state.sockets[SocketId(name)].because.why


def order(cabinet: Cabinet, seconds: int) -> list[str]:
    """Who began to charge, in order."""
    cabinet.energised_order.clear()
    cabinet.run(seconds)
    return [str(name) for name in cabinet.energised_order]


def waiting(policy: Policy, *boxes: Socket, plans: dict[str, ChargePlan] | None = None) -> Cabinet:
    """The first box charges, the others ask one after the other."""
    cabinet = Cabinet(site(*boxes, rules=rules(policy)), house_a=list(FLAT))
    cabinet.run(30)
    for one in boxes:
        ask(cabinet, str(one.id), (plans or {}).get(str(one.id)))
        cabinet.run(15)
    return cabinet


def test_by_fifo_the_earlier_goes_first_whatever_its_priority() -> None:
    cabinet = waiting(Policy.FIFO, box("p0"), box("p1"), box("p2", priority=9))
    assert order(cabinet, 700) == ["p1", "p2"]
    assert why(cabinet, "p0") is Why.QUEUED


def test_by_priority_the_higher_goes_first_and_is_not_sent_away_for_a_lower() -> None:
    cabinet = waiting(Policy.PRIORITY, box("p0"), box("p1"), box("p2", priority=9))
    assert list(cabinet.state.queue_position) == [SocketId("p2"), SocketId("p1")]
    assert order(cabinet, 1000) == ["p2"]
    assert charging(cabinet) == {"p2"}
    assert why(cabinet, "p1") is Why.QUEUED_PRIORITY


def test_equal_priorities_take_turns() -> None:
    cabinet = waiting(Policy.PRIORITY, box("p0", 5), box("p1", 5), box("p2"))
    assert order(cabinet, 1000)[:2] == ["p1", "p0"]


def test_a_session_s_own_priority_holds_before_its_socket_s_and_may_be_said_later() -> None:
    cabinet = waiting(Policy.PRIORITY, box("p0", 1), box("p1", 2), box("p2"), plans={"p2": ChargePlan(priority=5)})
    assert list(cabinet.state.queue_position) == [SocketId("p2"), SocketId("p1")]
    cabinet.ask(PlanCharge(SocketId("p1"), ChargePlan(priority=7), Source.MQTT))
    cabinet.run(2)
    assert list(cabinet.state.queue_position) == [SocketId("p1"), SocketId("p2")]


def test_by_departure_the_one_with_least_time_to_spare_goes_first() -> None:
    """p2 leaves later but wants so much that it has less to spare."""
    plans = {
        "p1": ChargePlan(departs_at=BOOT + timedelta(hours=3), energy_kwh=1.0),
        "p2": ChargePlan(departs_at=BOOT + timedelta(hours=4), energy_kwh=30.0),
    }
    cabinet = waiting(Policy.DEPARTURE, box("p0"), box("p1"), box("p2"), plans=plans)
    assert order(cabinet, 600)[0] == "p2"
    assert why(cabinet, "p0") is Why.QUEUED_DEPARTURE


def test_departures_count_for_nothing_while_the_clock_is_not_trusted() -> None:
    plans = {"p2": ChargePlan(departs_at=BOOT + timedelta(hours=1))}
    cabinet = waiting(Policy.DEPARTURE, box("p0"), box("p1"), box("p2"), plans=plans)
    now = Instant(cabinet.at_s, BOOT + timedelta(seconds=cabinet.at_s), UtcTrust.UNKNOWN)
    draft = open_draft(cabinet._snapshot(()), cabinet.state, now)
    assert standing(draft, draft.sockets[SocketId("p1")]) == standing(draft, draft.sockets[SocketId("p2")])


def test_by_equal_energy_the_one_that_has_got_least_goes_first() -> None:
    cabinet = waiting(Policy.EQUAL, box("p0"), box("p1"))
    cabinet.run(1300)

    got = [cabinet.place(name).served_wh for name in ("p0", "p1")]
    assert abs(got[0] - got[1]) <= 6.0 * 3 * 230.0 * (SLICE_S + 60.0) / 3600.0


def test_minimum_energy_comes_first_under_every_policy_and_is_not_cut_short() -> None:
    for policy in (Policy.FIFO, Policy.PRIORITY):
        cabinet = waiting(policy, box("p0"), box("p1"), box("p2", minimum_kwh=0.8))
        assert order(cabinet, 300)[0] == "p2", policy
        cabinet.run(400)
        assert charging(cabinet) == {"p2"}, policy
        assert why(cabinet, "p1") is Why.QUEUED_MINIMUM
        cabinet.run_until(lambda c: "p2" not in charging(c), 600)
        assert 800.0 <= cabinet.place("p2").served_wh <= 1100.0, policy


def test_weights_share_what_there_is_in_their_proportion() -> None:
    cabinet = Cabinet(site(box("p0"), box("p1", weight=2.0), rules=rules(Policy.PRIORITY)), house_a=[0.5, 0.5, 0.5])
    cabinet.run(30)
    for name in ("p0", "p1"):
        ask(cabinet, name)
    cabinet.run(400)
    assert (granted(cabinet, "p0"), granted(cabinet, "p1")) == (6.0, 13.0)


def test_the_sun_s_surplus_is_all_that_is_used_and_people_are_told() -> None:
    """6900 W of surplus: 10 A on three phases."""
    cabinet = Cabinet(site(box("p0"), rules=rules(Policy.SOLAR, patience_s=1e6)), house_a=[-10.0, -10.0, -10.0])
    cabinet.run(60)
    ask(cabinet, "p0")
    cabinet.run(400)
    assert granted(cabinet, "p0") == 10.0
    assert why(cabinet, "p0") is Why.SOLAR_SURPLUS
    cabinet.house_a = [1.0, 1.0, 1.0]
    cabinet.run(400)
    assert granted(cabinet, "p0") == 0.0
    assert why(cabinet, "p0") in (Why.SOLAR_SURPLUS, Why.RAISE_WAITS)
    cabinet.house_a = [-12.0, -12.0, -12.0]
    cabinet.run(1200)
    assert granted(cabinet, "p0") == 12.0


def test_some_import_may_be_allowed_beside_the_sun() -> None:
    cabinet = Cabinet(site(box("p0"), rules=rules(Policy.SOLAR, 1e6, 690.0)), house_a=[-7.0, -7.0, -7.0])
    cabinet.run(60)
    ask(cabinet, "p0")
    cabinet.run(400)
    assert granted(cabinet, "p0") == 8.0


def test_without_sun_minimum_energy_and_the_patient_are_served_from_the_grid() -> None:
    rule = rules(Policy.SOLAR)
    cabinet = Cabinet(site(box("p0", minimum_kwh=0.5), box("p1"), rules=rule), house_a=[1.0, 1.0, 1.0])
    cabinet.run(60)
    for name in ("p0", "p1"):
        ask(cabinet, name)
    cabinet.run(120)
    assert charging(cabinet) == {"p0"}
    cabinet.run_until(lambda c: charging(c) == set(), 900)
    assert 500.0 <= cabinet.place("p0").served_wh <= 800.0
    took_s = cabinet.run_until(lambda c: "p1" in charging(c), int(PATIENCE_S))
    assert took_s <= PATIENCE_S
    cabinet.run_until(lambda c: "p1" not in charging(c), int(SLICE_S) + 120)


def test_the_told_turn_is_kept_under_every_policy() -> None:
    for policy in (Policy.FIFO, Policy.PRIORITY):
        cabinet = waiting(policy, box("p0", 3), box("p1"))
        cabinet.run(30)
        until_s = cabinet.state.sockets[SocketId("p1")].because.until_s
        assert until_s is not None, policy
        cabinet.run_until(lambda c: "p1" in charging(c), int(PATIENCE_S + SLICE_S) + 60)
        assert cabinet.at_s <= until_s + 60.0, policy


def test_plans_and_waits_are_kept_over_a_restart() -> None:
    plan = ChargePlan(priority=7, weight=2.0, minimum_kwh=1.5, energy_kwh=20.0, departs_at=BOOT + timedelta(hours=5))
    cabinet = waiting(Policy.PRIORITY, box("p0", 9), box("p1"), plans={"p1": plan})
    cabinet.run(200)
    cabinet.ask(PlanCharge(SocketId("p0"), ChargePlan(priority=8), Source.MQTT))
    cabinet.run(2)
    text = next(wish.text for _, wish in reversed(cabinet.log) if isinstance(wish, SaveCheckpoint))
    past = Past((), (QueuedSession(SessionId("s-p1"), SocketId("p1"), None, None),), text)
    state = recover(cabinet.site, past, Instant(5.0, BOOT, cabinet.state.at.utc_trust))
    assert state.memory.sockets[SocketId("p1")].plan == plan
    since_s = state.memory.sockets[SocketId("p1")].waits_since_s
    assert since_s is not None
    assert 200.0 <= 5.0 - since_s <= 230.0


def test_a_cabinet_that_starts_again_and_again_takes_little_of_anybody_s_patience() -> None:
    cabinet = waiting(Policy.PRIORITY, box("p0", 9), box("p1"))
    cabinet.run(1000)
    saved = [(at_s, wish.text) for at_s, wish in cabinet.log if isinstance(wish, SaveCheckpoint)]
    at_s, text = saved[-1]
    assert cabinet.at_s - at_s <= WAITS_SAVED_EVERY_S
    waited_s = ControlCheckpoint.from_text(text).waited_s["p1"]
    assert waited_s >= 1000.0 - WAITS_SAVED_EVERY_S - 60.0


@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([Policy.EQUAL, Policy.PRIORITY, Policy.DEPARTURE]),
    st.lists(st.integers(0, 9), min_size=2, max_size=3),
    st.lists(st.integers(0, 12), min_size=5, max_size=5),
)
def test_nobody_waits_for_longer_than_patience_and_the_slices_of_those_before(
    policy: Policy, priorities: list[int], hours: list[int]
) -> None:
    """However low its priority: patience, and a slice for each of the others."""
    boxes = [box(f"p{n}", priority) for n, priority in enumerate(priorities)]
    cabinet = Cabinet(site(*boxes, rules=rules(policy, 500.0)), house_a=list(FLAT))
    cabinet.run(30)
    for one, left in zip(boxes, hours, strict=False):
        cabinet.place(one.id).car = Car()
        ask(cabinet, str(one.id), ChargePlan(departs_at=BOOT + timedelta(hours=left), energy_kwh=5.0))
    since_s = dict.fromkeys(cabinet.places, cabinet.at_s)
    bound_s = 500.0 + len(boxes) * (SLICE_S + 60.0)

    def look(now: Cabinet) -> None:
        for name, seen in now.state.sockets.items():
            if seen.session is not None and seen.session.phase is SessionPhase.CHARGING:
                since_s[name] = now.at_s
            assert now.at_s - since_s[name] <= bound_s, (policy, name)

    cabinet.run(1.2 * bound_s, look)
    assert cabinet.over_rating_s == 0
