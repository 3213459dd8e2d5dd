"""Closed loop in virtual time: who charges, who waits, who is served."""

from gateway.ids import SessionId, SocketId
from gateway.quantities import Phase
from gateway.site.because import Why
from gateway.site.requests import Arm, LimitCurrent, Source, StopSession
from gateway.site.topology import Access
from gateway.site.wishes import NoteEvent, NoteQueued, NoteWithdrawn, RecordEnd
from tests.control.cabinet_seen import charging, granted, start
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, plain, site, wallbox


def test_four_boxes_on_a_20_a_main_two_charge_two_wait_all_are_served_in_order() -> None:
    cabinet = Cabinet(site(*(wallbox(f"p{n}") for n in (1, 2, 3, 4))))
    for n in (1, 2, 3, 4):
        cabinet.plug(f"p{n}", Car(energy_wh=200.0))
    cabinet.run(60)
    assert charging(cabinet) == {"p1", "p2"}
    assert cabinet.state.queue_position == {SocketId("p3"): 1, SocketId("p4"): 2}
    waits = cabinet.state.sockets[SocketId("p3")].because
    assert (waits.why, waits.fuse) == (Why.QUEUED, "main")
    assert waits.current_a is not None
    assert waits.current_a >= 4.0
    cabinet.run_until(lambda c: all(place.car is None for place in c.places.values()), 900)
    assert cabinet.energised_order == [SocketId(f"p{n}") for n in (1, 2, 3, 4)]
    assert all(place.served_wh >= 200.0 for place in cabinet.places.values())
    assert cabinet.worst_heat < 0.1
    assert cabinet.over_rating_s == 0


def test_a_third_car_is_let_in_by_lowering_the_first_two() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2"), wallbox("p3")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1")
    cabinet.plug("p2")
    cabinet.run(200)
    assert granted(cabinet, "p1") + granted(cabinet, "p2") == 19.0
    cabinet.plug("p3")
    cabinet.run(40)
    assert charging(cabinet) == {"p1", "p2", "p3"}
    assert cabinet.over_rating_s == 0


def test_a_car_gets_its_full_rating_when_it_is_alone() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1")
    cabinet.run(45)
    assert granted(cabinet, "p1") == 16.0
    assert cabinet.state.sockets[SocketId("p1")].because.why is Why.FULL_SPEED


def test_house_load_lowers_in_the_tick_of_its_telegram_and_only_once_for_it() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[4.0, 4.0, 4.0])
    cabinet.plug("p1")
    cabinet.run(100)
    assert granted(cabinet, "p1") == 16.0
    cabinet.house_a = [9.0, 9.0, 9.0]
    before = cabinet.telegrams_sent
    cabinet.run_until(lambda c: c.telegrams_sent > before, 20)
    assert granted(cabinet, "p1") == 11.0
    assert cabinet.state.sockets[SocketId("p1")].because.why is Why.OVERLOAD
    seen: set[float] = set()
    cabinet.run(25, lambda c: seen.add(granted(c, "p1")))
    assert seen == {11.0}


def test_room_that_comes_back_is_taken_when_it_has_been_there_for_long_enough() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[14.0, 4.0, 4.0])
    cabinet.plug("p1")
    cabinet.run(60)
    assert granted(cabinet, "p1") == 6.0
    cabinet.house_a = [8.0, 2.0, 2.0]
    cabinet.run(25)
    cabinet.house_a = [2.0, 2.0, 2.0]
    assert granted(cabinet, "p1") == 6.0
    steps: list[float] = []
    cabinet.run(300, lambda c: steps.append(granted(c, "p1")))
    assert list(dict.fromkeys(steps)) == [6.0, 12.0, 16.0]


def test_a_ramping_car_makes_neither_false_room_nor_a_false_overload() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[3.0, 3.0, 3.0], telegram_every_s=1)
    cabinet.plug("p1")
    houses: list[float] = []
    cabinet.run(20)
    cabinet.run(60, lambda c: houses.append(c.state.house_a[0] or 0.0))
    assert set(houses) == {3.0}
    cabinet.place("p1").car = None
    cabinet.run(60, lambda c: houses.append(c.state.house_a[0] or 0.0))
    assert set(houses) == {3.0}


def test_rotated_single_phase_cars_load_their_own_fuse_phases_only() -> None:
    boxes = (
        wallbox("p1", phases=(Phase.L1, Phase.L2, Phase.L3)),
        wallbox("p2", phases=(Phase.L2, Phase.L3, Phase.L1)),
        wallbox("p3", phases=(Phase.L3, Phase.L1, Phase.L2)),
    )
    cabinet = Cabinet(site(*boxes), house_a=[2.0, 2.0, 2.0])
    for n in (1, 2, 3):
        cabinet.plug(f"p{n}", Car(phases=1))
    cabinet.run(400)
    assert [granted(cabinet, f"p{n}") for n in (1, 2, 3)] == [16.0, 16.0, 16.0]
    assert cabinet.over_rating_s == 0


def test_load_on_l3_does_not_stop_a_car_on_l1() -> None:
    cabinet = Cabinet(site(wallbox("p1", phases=(Phase.L1,))), house_a=[2.0, 2.0, 19.5])
    cabinet.plug("p1", Car(phases=1))
    cabinet.run(60)
    assert granted(cabinet, "p1") == 16.0


def test_a_rising_house_lowers_all_before_it_pauses_the_latest() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[2.0, 2.0, 2.0])
    cabinet.plug("p1")
    cabinet.run(40)
    cabinet.plug("p2")
    cabinet.run(60)
    cabinet.house_a = [8.0, 8.0, 8.0]
    cabinet.run(30)
    assert charging(cabinet) == {"p1", "p2"}
    cabinet.house_a = [9.0, 9.0, 9.0]
    cabinet.run(11)
    assert charging(cabinet) == {"p1"}
    assert cabinet.state.sockets[SocketId("p2")].because.why in (Why.ROOM_LOST, Why.QUEUED)


def test_a_house_that_swings_around_the_limit_does_not_start_and_stop_a_session() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[7.5, 7.5, 7.5])
    cabinet.plug("p1")
    cabinet.plug("p2")
    cabinet.run(60)
    changes = 0
    was = charging(cabinet)
    for swing in range(1800):
        cabinet.house_a = [7.5 + (0.9 if (swing // 10) % 2 else 0.0)] * 3
        cabinet.step()
        changes += charging(cabinet) != was
        was = charging(cabinet)
    assert changes <= 6


def test_a_plain_socket_closes_only_when_its_full_rating_fits() -> None:
    cabinet = Cabinet(site(plain("h1")), house_a=[11.0, 0.0, 0.0])
    cabinet.place("h1").car = Car(limit_a=4.0, phases=1)
    cabinet.run(90)
    cabinet.ask(Arm(SocketId("h1"), SessionId("arm-1"), None, Source.MQTT))
    cabinet.run(60)
    assert not cabinet.place("h1").closed
    assert cabinet.state.sockets[SocketId("h1")].because.why is Why.QUEUED
    cabinet.house_a = [9.0, 0.0, 0.0]
    cabinet.run(30)
    assert cabinet.place("h1").closed
    assert cabinet.state.sockets[SocketId("h1")].reserved_a == (10.0, 0.0, 0.0)
    cabinet.run(70)
    assert cabinet.state.sockets[SocketId("h1")].reserved_a == (5.0, 0.0, 0.0)


def test_an_armed_socket_lets_go_after_idle_minutes() -> None:
    cabinet = Cabinet(site(plain("h1", idle_release_s=120.0)), house_a=[1.0, 1.0, 1.0])
    cabinet.place("h1").car = Car(limit_a=8.0, phases=1, energy_wh=50.0)
    cabinet.run(90)
    cabinet.ask(Arm(SocketId("h1"), SessionId("arm-1"), None, Source.MQTT))
    cabinet.run(20)
    assert cabinet.place("h1").closed
    cabinet.run(400)
    ended = [wish for _, wish in cabinet.log if isinstance(wish, RecordEnd)]
    assert [wish.because.why for wish in ended] == [Why.IDLE_RELEASE]
    assert not cabinet.place("h1").closed


def test_a_contactor_rests_before_it_closes_again() -> None:
    cabinet = Cabinet(site(plain("h1")), house_a=[1.0, 1.0, 1.0])
    cabinet.run(90)
    cabinet.ask(start("h1", "one"))
    cabinet.run(20)
    assert cabinet.place("h1").closed
    cabinet.ask(StopSession(SocketId("h1"), Source.MQTT))
    cabinet.run(1)
    opened = cabinet.at_s
    cabinet.run(10)
    cabinet.ask(start("h1", "two"))
    cabinet.run(1)
    assert cabinet.state.sockets[SocketId("h1")].because.why is Why.MINIMUM_OFF
    cabinet.run_until(lambda c: c.place("h1").closed, 120)
    assert cabinet.at_s - opened >= 60.0


def test_a_waiting_session_that_is_stopped_leaves_the_line_without_a_record() -> None:
    cabinet = Cabinet(site(wallbox("p1", access=Access.COMMAND)), house_a=[19.0, 19.0, 19.0])
    cabinet.ask(start("p1"))
    cabinet.run(60)
    assert [type(wish) for _, wish in cabinet.log if isinstance(wish, NoteQueued)] == [NoteQueued]
    cabinet.ask(StopSession(SocketId("p1"), Source.MQTT))
    cabinet.run(3)
    assert [wish.session for _, wish in cabinet.log if isinstance(wish, NoteWithdrawn)] == ["s-p1"]
    assert cabinet.state.queue == ()


def test_a_car_that_was_stopped_does_not_start_again_until_it_is_unplugged() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.ask(StopSession(SocketId("p1"), Source.MQTT))
    cabinet.run(60)
    assert charging(cabinet) == set()
    assert cabinet.sessions_made == 1
    cabinet.place("p1").car = None
    cabinet.run(10)
    cabinet.plug("p1")
    cabinet.run(30)
    assert charging(cabinet) == {"p1"}


def test_a_full_car_makes_way_for_one_that_waits() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[12.0, 12.0, 12.0])
    cabinet.plug("p1", Car(energy_wh=100.0, leaves_when_full=False))
    cabinet.plug("p2", Car(energy_wh=100.0, leaves_when_full=False))
    cabinet.run(900)
    assert cabinet.place("p1").served_wh >= 100.0
    assert cabinet.place("p2").served_wh >= 100.0


def test_a_car_that_draws_little_is_counted_with_that_though_what_it_may_draw_moves() -> None:
    """A tapering car leaves its room to those that wait, however restless the house."""
    cabinet = Cabinet(site(wallbox("p0"), wallbox("p1")), house_a=[7.0, 7.0, 7.0])
    cabinet.plug("p0", Car(limit_a=2.0))
    cabinet.run(40)
    for turn in range(12):
        cabinet.house_a = [7.0 + 1.5 * (turn % 2)] * 3
        cabinet.run(20)
    assert cabinet.state.sockets[SocketId("p0")].reserved_a == (3.0, 3.0, 3.0)


def test_a_car_that_has_waited_long_is_counted_with_all_that_it_may_draw_as_soon_as_it_may() -> None:
    cabinet = Cabinet(site(wallbox("p0"), wallbox("p1")), house_a=[16.0, 16.0, 16.0])
    cabinet.plug("p0")
    cabinet.run(300)
    assert charging(cabinet) == set()
    cabinet.house_a = [4.0, 4.0, 4.0]
    cabinet.run_until(lambda c: granted(c, "p0") > 0.0, 60)
    for _ in range(5):
        told_a = granted(cabinet, "p0")
        assert cabinet.state.sockets[SocketId("p0")].reserved_a == (told_a, told_a, told_a)
        cabinet.step()


def test_others_are_lowered_for_one_that_comes_back_no_sooner_than_they_need_to_obey() -> None:
    cabinet = Cabinet(site(wallbox("p0"), wallbox("p1")), house_a=[2.0, 2.0, 2.0])
    cabinet.plug("p0")
    cabinet.run(40)
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.house_a = [9.0, 9.0, 9.0]
    cabinet.run(11)
    assert charging(cabinet) == {"p0"}
    cabinet.house_a = [4.0, 4.0, 4.0]
    lowered_s: list[float] = []
    cabinet.run_until(lambda c: granted(c, "p0") > 12.0, 120)

    def watch(one: Cabinet) -> None:
        if granted(one, "p0") < 12.0:
            lowered_s.append(one.at_s)

    while "p1" not in charging(cabinet):
        cabinet.run(1, watch)
    assert 1 <= len(lowered_s) <= 12


def test_no_more_sessions_run_below_a_fuse_than_its_config_allows() -> None:
    fuses = (fuse(), fuse("garage", 32.0, parent="main", sessions_max=1))
    cabinet = Cabinet(site(wallbox("p1", "garage"), wallbox("p2", "garage"), fuses=fuses), house_a=[0.0, 0.0, 0.0])
    cabinet.plug("p1")
    cabinet.plug("p2")
    cabinet.run(60)
    assert charging(cabinet) == {"p1"}
    assert cabinet.state.sockets[SocketId("p2")].because.why is Why.SESSIONS_MAX


def test_a_sub_fuse_with_unmetered_load_binds_and_is_named() -> None:
    fuses = (fuse(rating_a=50.0), fuse("garage", 16.0, parent="main", unmetered_a=4.0))
    cabinet = Cabinet(site(wallbox("p1", "garage"), fuses=fuses), house_a=[5.0, 5.0, 5.0])
    cabinet.plug("p1")
    cabinet.run(60)
    because = cabinet.state.sockets[SocketId("p1")].because
    assert granted(cabinet, "p1") == 12.0
    assert (because.why, because.fuse) == (Why.FUSE_BINDS, "garage")


def test_a_limit_by_command_caps_and_a_limit_of_zero_pauses() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.ask(LimitCurrent(SocketId("p1"), 8.0, Source.MQTT))
    cabinet.run(1)
    assert granted(cabinet, "p1") == 8.0
    assert cabinet.state.sockets[SocketId("p1")].because.why is Why.LIMIT_BY_COMMAND
    cabinet.ask(LimitCurrent(SocketId("p1"), 0.0, Source.MQTT))
    cabinet.run(5)
    assert granted(cabinet, "p1") == 0.0
    cabinet.ask(LimitCurrent(SocketId("p1"), None, Source.MQTT))
    cabinet.run(60)
    assert granted(cabinet, "p1") >= 6.0


def test_a_later_session_overtakes_a_plain_socket_only_so_often() -> None:
    cabinet = Cabinet(
        site(plain("h1"), wallbox("p1", phases=(Phase.L1,), access=Access.COMMAND)), house_a=[8.0, 0.0, 0.0]
    )
    cabinet.place("h1").car = Car(limit_a=9.0, phases=1)
    cabinet.ask(start("p1", "first"))
    cabinet.run(90)
    cabinet.ask(start("h1"))
    cabinet.run(5)
    for turn in range(8):
        cabinet.ask(StopSession(SocketId("p1"), Source.MQTT))
        cabinet.run(1)
        cabinet.ask(start("p1", f"turn-{turn}"))
        cabinet.run(20)
    assert cabinet.place("h1").closed


def test_a_socket_without_a_meter_has_no_session_and_people_are_told() -> None:
    cabinet = Cabinet(site(plain("h1", metered=False)))
    cabinet.run(60)
    cabinet.ask(start("h1"))
    cabinet.run(60)
    assert cabinet.state.sockets[SocketId("h1")].session is None
    assert not cabinet.place("h1").closed
    assert Why.SOCKET_METER_SILENT in [wish.because.why for _, wish in cabinet.log if isinstance(wish, NoteEvent)]


def test_an_uncontrolled_socket_is_counted_at_what_it_draws() -> None:
    lift = plain("lift", phases=(Phase.L1, Phase.L2, Phase.L3), rating_a=6.0, contactor=False)
    cabinet = Cabinet(site(lift, wallbox("p1")), house_a=[2.0, 2.0, 2.0])
    cabinet.plug("lift", Car(limit_a=5.0))
    cabinet.plug("p1")
    cabinet.run(60)
    assert cabinet.state.house_a == (2.0, 2.0, 2.0)
    assert granted(cabinet, "p1") == 13.0


def test_steady_load_uses_only_the_configured_share_of_a_fuse() -> None:
    cabinet = Cabinet(site(wallbox("p1"), fuses=(fuse(share=0.8),)), house_a=[4.0, 4.0, 4.0])
    cabinet.plug("p1")
    cabinet.run(100)
    assert granted(cabinet, "p1") == 12.0
