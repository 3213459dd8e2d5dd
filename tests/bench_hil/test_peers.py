"""Each peer's rule does what that peer is documented to do, and fails as its users complain that it fails."""

from collections.abc import Mapping

import pytest

from hil.bench.peers.evcc import Evcc
from hil.bench.peers.everest import Everest
from hil.bench.peers.hass_evse import HassEvse, risk_per_s
from hil.bench.peers.openwb import BLIND_A, OpenWb
from hil.bench.peers.plain import EqualShare, Fifo
from hil.bench.site_plan import SitePlan, read_site
from hil.bench.site_texts import site_text
from hil.bench.words import BoxWords, MeterWords, News, Policy, Telegram
from hil.world.phases import Triple
from tests.bench_hil.stages import MAIN_25, socket


def site(*names: str, house_a_max: float = 12.0) -> SitePlan:
    sockets = [socket(name) for name in names]
    return read_site(site_text("stage", MAIN_25, sockets, (house_a_max, house_a_max, house_a_max)))


class Room:
    """A policy with its wires by hand: what the grid meter and the sockets' meters say, who is plugged in."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.at_s = 0
        self.offers: dict[str, float] = {}

    def second(
        self, grid_a: Triple | None, plugged: Mapping[str, float | tuple[float, ...]], clock: str | None = None
    ) -> None:
        """One second. plugged: who is there and draws what on each of his three phases."""
        self.at_s += 1
        draws = {name: amperes if isinstance(amperes, tuple) else (amperes,) * 3 for name, amperes in plugged.items()}
        telegrams: tuple[Telegram, ...] = ()
        if grid_a is not None:
            power = (grid_a[0] * 230.0, grid_a[1] * 230.0, grid_a[2] * 230.0)
            amperes = (abs(grid_a[0]), abs(grid_a[1]), abs(grid_a[2]))
            telegrams = (Telegram(float(self.at_s), clock or str(self.at_s), amperes, power),)
        meters = tuple(MeterWords(name, self.at_s, each, 0.0) for name, each in draws.items())
        boxes = tuple(BoxWords(name, self.at_s, "C", self.offers.get(name, 0.0)) for name in draws)
        orders = self.policy.tick(News(float(self.at_s), telegrams, meters, boxes))
        self.offers.update(orders.current_a)


def flat(amperes: float) -> Triple:
    return (amperes, amperes, amperes)


def test_evcc_lets_a_load_point_grow_by_what_its_circuit_has_left() -> None:
    room = Room(Evcc(site("p1")))
    room.second(flat(12.3), {"p1": 0.0})
    assert room.offers["p1"] == 12.0


def test_evcc_throttles_nobody_for_a_newcomer() -> None:
    """evcc 30340, 20113."""
    room = Room(Evcc(site("p1", "p2")))
    room.second(flat(5.0), {"p1": 0.0})
    for _ in range(60):
        room.second(flat(21.0), {"p1": 16.0, "p2": 0.0})
    assert room.offers == {"p1": 16.0, "p2": 0.0}


def test_evcc_grants_the_same_room_to_two_before_either_draws_it() -> None:
    """evcc 19166."""
    room = Room(Evcc(site("p1", "p2")))
    room.second(flat(5.0), {"p1": 0.0, "p2": 0.0})
    assert room.offers == {"p1": 16.0, "p2": 16.0}


def test_evcc_takes_the_highest_phase_for_all() -> None:
    """evcc 29532: a car on L1 stands still for a load on L3."""
    room = Room(Evcc(site("p1")))
    room.second((1.0, 1.0, 22.0), {"p1": (0.0, 0.0, 0.0)})
    assert room.offers["p1"] == 0.0


def test_evcc_stops_all_when_its_circuits_meter_is_silent_for_a_minute() -> None:
    room = Room(Evcc(site("p1")))
    room.second(flat(5.0), {"p1": 0.0})
    for _ in range(80):
        room.second(None, {"p1": 16.0})
    assert room.offers["p1"] == 0.0


def test_openwb_gives_all_their_minimum_and_shares_the_rest_by_phase() -> None:
    room = Room(OpenWb(site("p1", "p2", "p3")))
    for at_s in range(24):
        room.second(flat(5.0) if at_s % 10 == 9 else None, {"p1": 0.0, "p2": 0.0})
    assert room.offers == {"p1": 10.0, "p2": 10.0, "p3": 0.0}


def test_openwb_hands_out_seven_kilowatts_blind_when_its_meter_is_lost() -> None:
    """openWB discussion 3648: what people take for a limit of the house is a budget of the points."""
    room = Room(OpenWb(site("p1")))
    room.second(flat(22.0), {"p1": 0.0})
    assert room.offers["p1"] == 0.0
    for _ in range(90):
        room.second(None, {"p1": 0.0})
    assert room.offers["p1"] == pytest.approx(BLIND_A, abs=1.0)


def test_openwb_takes_a_car_that_has_just_ramped_out_of_an_older_telegram() -> None:
    """openWB 1605: own points by their meters now, the counter of before: the room looks larger than it is."""
    room = Room(OpenWb(site("p1", "p2")))
    for at_s in range(12):
        room.second(flat(15.0) if at_s == 0 else None, {"p1": 0.0 if at_s < 8 else 10.0, "p2": 0.0})
    for _ in range(3):
        room.second(None, {"p1": 10.0, "p2": 0.0})
    assert room.offers["p1"] + room.offers["p2"] > 10.0


def test_everest_sells_the_minimum_first_and_then_half_amperes_in_rounds() -> None:
    room = Room(Everest(site("p1", "p2", "p3", house_a_max=5.0)))
    room.second(flat(0.0), {"p1": 0.0, "p2": 0.0, "p3": 0.0})
    assert room.offers == {"p1": 7.0, "p2": 6.5, "p3": 6.5}


def test_everest_sells_the_minimum_or_nothing() -> None:
    room = Room(Everest(site("p1", "p2", "p3", house_a_max=8.0)))
    room.second(flat(0.0), {"p1": 0.0, "p2": 0.0, "p3": 0.0})
    assert room.offers == {"p1": 8.5, "p2": 8.5, "p3": 0.0}


def test_everest_does_not_look_at_the_house() -> None:
    """Its node's power meter is not subtracted: whoever installs it has to leave room, and loses it for good."""
    room = Room(Everest(site("p1"), reserves_house=False))
    room.second(flat(24.0), {"p1": 0.0})
    assert room.offers["p1"] == 16.0
    careful = Room(Everest(site("p1", house_a_max=20.0)))
    careful.second(flat(1.0), {"p1": 0.0})
    assert careful.offers["p1"] == 0.0


def test_hass_evse_lets_an_overload_be_until_its_risk_is_full() -> None:
    """20 % too much: half a minute."""
    assert [risk_per_s(part * 25.0, 25.0) for part in (0.1, 0.2, 0.5, 1.5)] == [1.0, 2.0, 6.0, 60.0]
    room = Room(HassEvse(site("p1")))
    seconds = 0
    room.second(flat(20.0), {"p1": 16.0})
    while room.offers["p1"] == 16.0:
        room.second(flat(30.0), {"p1": 16.0})
        seconds += 1
    assert seconds == 30
    assert room.offers["p1"] == 11.0


def test_hass_evse_forgets_the_heat_after_a_cut_and_its_lock_holds_up_the_next() -> None:
    """30 s too much, a cut, still 20 % too much: another 30 s, as if nothing had been."""
    room = Room(HassEvse(site("p1")))
    room.second(flat(20.0), {"p1": 16.0})
    changed = []
    for second in range(80):
        before = room.offers["p1"]
        room.second(flat(30.0), {"p1": 16.0})
        if room.offers["p1"] != before:
            changed.append(second)
    assert len(changed) >= 2
    assert changed[1] - changed[0] > 20


def test_hass_evse_believes_a_meter_that_repeats_itself() -> None:
    room = Room(HassEvse(site("p1")))
    for at_s in range(600):
        room.second(flat(5.0) if at_s % 10 == 0 else None, {"p1": 16.0}, clock="the same")
    assert room.offers["p1"] == 16.0


def test_fifo_gives_all_to_the_first() -> None:
    room = Room(Fifo(site("p1", "p2")))
    room.second(flat(5.0), {"p2": 0.0})
    for at_s in range(12):
        room.second(flat(5.0) if at_s == 9 else None, {"p1": 0.0, "p2": 0.0})
    assert room.offers == {"p1": 0.0, "p2": 16.0}


def test_equal_share_divides_what_the_house_never_uses() -> None:
    room = Room(EqualShare(site("p1", "p2", "p3")))
    room.second(flat(24.0), {"p1": 0.0, "p2": 0.0})
    assert room.offers == {"p1": 6.0, "p2": 6.0, "p3": 0.0}
