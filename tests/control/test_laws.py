"""Laws over random cabinets in virtual time. The world itself asserts that nothing is energised without a durable begin
record; the tests add the fuse laws."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control.allocation import TINY_A
from gateway.control.commands import automatic_starts
from gateway.control.decide import decide
from gateway.control.grants import EXCESS_A
from gateway.control.state import ControlState, SessionPhase
from gateway.ids import SessionId, SocketId
from gateway.quantities import Phase
from gateway.site.freshness import Freshness
from gateway.site.requests import Source, StopSession
from gateway.site.topology import FuseKind, Site
from tests.control.cabinet_seen import start
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import MAIN, fuse, instant, plain, site, wallbox

ROTATIONS = ((Phase.L1, Phase.L2, Phase.L3), (Phase.L2, Phase.L3, Phase.L1), (Phase.L3,), (Phase.L2,))
MANY = settings(max_examples=30, suppress_health_check=list(HealthCheck))
SOME = settings(MANY, max_examples=15)
"""Of long courses; the campaign `control_ticks` plays thousands."""


def random_site(chance: random.Random) -> Site:
    fuses = [fuse("main", chance.choice([16.0, 20.0, 35.0, 63.0]), chance.choice(list(FuseKind)), share=0.95)]
    for n in range(chance.randint(0, 2)):
        fuses.append(fuse(f"g{n}", chance.choice([10.0, 16.0, 25.0]), FuseKind.C, chance.choice(fuses).id, 0.9))
    sockets = []
    for n in range(chance.randint(1, 8)):
        on = chance.choice(fuses).id
        phases = chance.choice(ROTATIONS)
        if chance.random() < 0.25:
            sockets.append(plain(f"s{n}", on, phases[:1], chance.choice([6.0, 10.0])))
        else:
            step = chance.choice([0.1, 1.0])
            sockets.append(wallbox(f"s{n}", on, phases, 16.0, chance.random() < 0.3, step_a=step, failsafe_a=None))
    declared = chance.choice([None, (8.0, 8.0, 8.0)])
    return site(*sockets, fuses=tuple(fuses), house_load_a_max=declared)


def disturb(cabinet: Cabinet, chance: random.Random, *, faults: bool) -> None:
    if chance.random() < 0.03:
        cabinet.house_a = [chance.uniform(0.0, 12.0) for _ in range(3)]
    for name, place in cabinet.places.items():
        roll = chance.random()
        if roll < 0.01 and place.car is None:
            cars = 1 if place.socket.wallbox is None else chance.choice([1, 3])
            limit = 0.9 * place.socket.rating_a if place.socket.wallbox is None else chance.uniform(6.0, 32.0)
            place.car = Car(chance.uniform(50.0, 800.0), limit, cars)
            if place.socket.wallbox is None:
                cabinet.ask(start(str(name), f"{name}-{cabinet.at_s}"))
        elif roll < 0.013:
            place.car = None
        elif roll < 0.015:
            cabinet.ask(StopSession(name, Source.MQTT))
        if faults and chance.random() < 0.002:
            place.meter_silent = not place.meter_silent
        if faults and chance.random() < 0.002:
            place.box_silent = not place.box_silent
    if faults and chance.random() < 0.005:
        cabinet.grid_silent = not cabinet.grid_silent
    if faults and chance.random() < 0.005:
        cabinet.journal_delay_s = chance.choice([1.0, 2.0, 9.0])


def was_given_more(before: ControlState, after: ControlState, name: SocketId) -> bool:
    old, new = before.sockets[name], after.sockets[name]
    admitted = (
        old.session is not None
        and new.session is not None
        and old.session.id == new.session.id
        and old.session.phase is SessionPhase.QUEUED
        and new.session.phase is SessionPhase.READING_BEGIN
    )
    return admitted or new.granted_a > old.granted_a + TINY_A


def check_nothing_is_given_twice(before: ControlState, cabinet: Cabinet) -> None:
    after = cabinet.state
    for name in cabinet.site.sockets:
        if not was_given_more(before, after, name):
            continue
        assert after.grid is Freshness.FRESH
        for above in cabinet.site.fuses_above(name):
            one = after.fuses[above.id]
            for own, phase in enumerate(cabinet.site.sockets[name].phases):
                if after.sockets[name].reserved_a[own] == 0.0:
                    continue  # a car that was seen not to use this phase
                assert one.allocated_a[phase] <= one.limit_a[phase] + EXCESS_A + 0.001, (name, above.id, phase)
                assert one.limit_a[phase] <= above.steady_a_max


@SOME
@given(st.integers(0, 2**32))
def test_whatever_is_raised_or_admitted_fits_with_all_reservations_on_every_fuse_phase(seed: int) -> None:
    chance = random.Random(seed)
    cabinet = Cabinet(random_site(chance))
    for _ in range(400):
        disturb(cabinet, chance, faults=True)
        before = cabinet.state
        cabinet.step()
        check_nothing_is_given_twice(before, cabinet)


@SOME
@given(st.integers(0, 2**32))
def test_an_overload_that_shedding_can_cure_is_gone_within_ten_seconds_of_its_telegram(seed: int) -> None:
    """A telegram taken while a socket was coming down does not show whose current it is, and what the house adds after
    it is not in it: the next one shows both."""
    chance = random.Random(seed)
    cabinet = Cabinet(random_site(chance))
    shown_s: float | None = None
    fell_s = 0.0
    house_shown_a: list[float] = []
    drawn_a: dict[SocketId, float] = {}
    for _ in range(600):
        disturb(cabinet, chance, faults=False)
        cabinet.step()
        rating = cabinet.site.fuses[MAIN].rating_a
        now_a = {name: place.current_a for name, place in cabinet.places.items()}
        if any(now_a[name] < was - 0.4 for name, was in drawn_a.items()):
            fell_s = cabinet.at_s
        drawn_a = now_a
        over = any(amps > rating + 0.3 for amps in cabinet.main_a())
        if int(cabinet.at_s) % 10 == 0:
            house_shown_a = list(cabinet.house_a)
        grown = any(now > shown for now, shown in zip(cabinet.house_a, house_shown_a, strict=False))
        if not over or grown:
            shown_s = None
        elif shown_s is None and int(cabinet.at_s) % 10 == 0 and cabinet.at_s - fell_s > 4.0:
            shown_s = cabinet.at_s
        if shown_s is not None and max(cabinet.house_a) <= rating:
            assert cabinet.at_s - shown_s <= 10.0


@MANY
@given(st.integers(0, 2**32))
def test_a_telegram_that_shows_an_overload_lowers_in_the_same_tick(seed: int) -> None:
    chance = random.Random(seed)
    cabinet = Cabinet(site(*(wallbox(f"s{n}") for n in range(3)), fuses=(fuse(rating_a=35.0),)), house_a=[2.0] * 3)
    for n in range(3):
        cabinet.plug(f"s{n}")
    cabinet.run(150 + chance.randint(0, 30))
    before = sum(one.granted_a for one in cabinet.state.sockets.values())
    rise = chance.uniform(4.0, 12.0)
    cabinet.house_a = [2.0 + rise] * 3
    sent = cabinet.telegrams_sent
    cabinet.run_until(lambda c: c.telegrams_sent > sent, 12)
    after = sum(one.granted_a for one in cabinet.state.sockets.values())
    assert after <= min(before, 35.0 - 2.0 - rise + 0.001)


@MANY
@given(st.integers(0, 2**32))
def test_deciding_twice_from_the_same_gives_the_same(seed: int) -> None:
    chance = random.Random(seed)
    cabinet = Cabinet(random_site(chance))
    for _ in range(120):
        disturb(cabinet, chance, faults=True)
        cabinet.step()
    snapshot = cabinet._snapshot(())
    now = instant(cabinet.at_s + 1.0)
    first, second = decide(snapshot, cabinet.state, now), decide(snapshot, cabinet.state, now)
    assert first.wishes == second.wishes
    assert first.state == second.state
    assert automatic_starts(snapshot, cabinet.state) == automatic_starts(snapshot, cabinet.state)


@MANY
@given(st.integers(0, 2**32), st.sampled_from(["house", "meters", "boxes", "boards"]))
def test_what_is_unknown_is_full(seed: int, unknown: str) -> None:
    chance = random.Random(seed)
    cabinet = Cabinet(random_site(chance))
    cabinet.grid_silent = unknown == "house"
    for place in cabinet.places.values():
        place.meter_silent = unknown == "meters"
        place.box_silent = unknown == "boxes"
        place.board_silent = unknown == "boards"
    for name, place in cabinet.places.items():
        place.car = Car(phases=1, limit_a=5.0)
        cabinet.ask(start(str(name), SessionId(f"s-{name}")))
    cabinet.run(120)
    for name, one in cabinet.state.sockets.items():
        socket = cabinet.site.sockets[name]
        if unknown == "boards" and not socket.contactor:
            continue
        if unknown == "boxes" and socket.wallbox is None:
            continue
        assert one.granted_a == 0.0
        if unknown == "boards":
            assert one.reserved_a[0] >= socket.rating_a
    if unknown == "house":
        assert cabinet.state.house_a == (None, None, None)
