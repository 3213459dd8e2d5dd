"""What happens when something is silent, lies, sticks or is too hot."""

import pytest

from gateway.control.state import ContactorState, SessionPhase, SocketState
from gateway.ids import SessionId, SocketId
from gateway.site.because import Why
from gateway.site.freshness import Freshness
from gateway.site.requests import Source, StartSession, StopSession, Unlock
from gateway.site.snapshot import Evidence
from gateway.site.topology import Access, FuseKind
from gateway.site.wishes import EndKind, NoteEvent, Open, RecordEnd, SetCurrent
from tests.control.cabinet_world import Cabinet, Car, fuse, plain, site, wallbox
from tests.control.test_queue_and_sharing import charging, granted, start


def seen(cabinet: Cabinet, name: str) -> SocketState:
    return cabinet.state.sockets[SocketId(name)]


def events(cabinet: Cabinet) -> list[Why]:
    return [wish.because.why for _, wish in cabinet.log if isinstance(wish, NoteEvent)]


def test_a_silent_grid_meter_is_stale_then_safe_then_blind_and_trusted_again_after_three_telegrams() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1")
    cabinet.plug("p2")
    cabinet.run(120)
    assert granted(cabinet, "p1") + granted(cabinet, "p2") == 19.0
    cabinet.run_until(lambda c: bool(c.telegrams_sent) and int(c.at_s) % 10 == 0, 20)
    cabinet.grid_silent = True
    silent_s = cabinet.at_s
    cabinet.run_until(lambda c: c.state.grid is Freshness.STALE, 60)
    assert cabinet.at_s - silent_s == pytest.approx(25.0, abs=1.0)
    assert granted(cabinet, "p1") + granted(cabinet, "p2") == 19.0
    cabinet.run_until(lambda c: c.state.grid is Freshness.FALLBACK, 60)
    assert cabinet.at_s - silent_s == pytest.approx(30.0, abs=1.0)
    assert granted(cabinet, "p1") + granted(cabinet, "p2") <= 8.0
    cabinet.run(1)
    cabinet.run_until(lambda c: c.state.grid is Freshness.BLIND, 300)
    assert charging(cabinet) == set()
    assert all(wish.current_a == 0.0 for wish in cabinet.wishes if isinstance(wish, SetCurrent))
    cabinet.grid_silent = False
    cabinet.run(22)
    assert cabinet.state.grid is not Freshness.FRESH
    cabinet.run(12)
    assert cabinet.state.grid is Freshness.FRESH
    cabinet.run(700)
    assert charging(cabinet) == {"p1", "p2"}


def test_safe_currents_are_an_equal_share_or_nothing() -> None:
    cabinet = Cabinet(site(wallbox("p1"), house_load_a_max=(12.0, 12.0, 12.0)), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.grid_silent = True
    cabinet.run(45)
    assert cabinet.state.grid is Freshness.FALLBACK
    assert granted(cabinet, "p1") == 8.0
    crowded = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[1.0, 1.0, 1.0])
    crowded.plug("p1")
    crowded.plug("p2")
    crowded.run(60)
    crowded.grid_silent = True
    crowded.run(45)
    assert charging(crowded) == set()


def test_without_a_declared_house_the_highest_seen_one_is_assumed() -> None:
    cabinet = Cabinet(site(wallbox("p1"), house_load_a_max=None), house_a=[11.0, 5.0, 5.0])
    cabinet.run(60)
    cabinet.house_a = [3.0, 3.0, 3.0]
    cabinet.plug("p1")
    cabinet.run(120)
    assert granted(cabinet, "p1") == 16.0
    cabinet.grid_silent = True
    cabinet.run(45)
    assert granted(cabinet, "p1") == 9.0


def test_nothing_is_ever_energised_before_the_grid_meter_has_been_trusted() -> None:
    cabinet = Cabinet(site(wallbox("p1"), plain("h1")), house_a=[0.0, 0.0, 0.0])
    cabinet.grid_silent = True
    cabinet.plug("p1")
    cabinet.ask(start("h1"))
    cabinet.run(600)
    assert charging(cabinet) == set()
    assert not cabinet.place("h1").closed


def test_a_phase_that_the_telegram_does_not_tell_of_is_full() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.raw_grid_a = (1.0, None, 1.0)
    cabinet.plug("p1")
    cabinet.run(120)
    assert charging(cabinet) == set()
    assert cabinet.state.house_a[1] is None


def test_a_refused_telegram_may_lower_but_never_raise() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[8.0, 8.0, 8.0])
    cabinet.plug("p1")
    cabinet.run(60)
    assert granted(cabinet, "p1") == 12.0
    cabinet.grid_refused = ("power above current",)
    cabinet.house_a = [0.0, 0.0, 0.0]
    cabinet.run(60)
    assert granted(cabinet, "p1") == 12.0
    cabinet.house_a = [12.0, 12.0, 12.0]
    cabinet.run(11)
    assert granted(cabinet, "p1") == 8.0


def test_exported_current_is_not_taken_for_load_and_makes_no_house_below_zero() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[-15.0, -15.0, -15.0])
    cabinet.plug("p1")
    cabinet.run(60)
    assert granted(cabinet, "p1") == 16.0
    assert cabinet.state.house_a == (0.0, 0.0, 0.0)


def test_a_silent_socket_meter_counts_its_reservation_and_is_lowered_to_zero_after_a_minute() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(limit_a=6.0))
    cabinet.run(150)
    assert seen(cabinet, "p1").settled
    cabinet.place("p1").meter_silent = True
    cabinet.run(30)
    assert seen(cabinet, "p1").reserved_a[0] == granted(cabinet, "p1") > 6.0
    cabinet.run(35)
    assert granted(cabinet, "p1") == 0.0
    assert seen(cabinet, "p1").because.why is Why.SOCKET_METER_SILENT
    assert seen(cabinet, "p2").because.why is not Why.SOCKET_METER_SILENT


def test_a_plain_socket_whose_meter_is_silent_for_a_minute_is_opened() -> None:
    cabinet = Cabinet(site(plain("h1")), house_a=[1.0, 1.0, 1.0])
    cabinet.place("h1").car = Car(limit_a=8.0, phases=1)
    cabinet.run(90)
    cabinet.ask(start("h1"))
    cabinet.run(20)
    assert cabinet.place("h1").closed
    cabinet.place("h1").meter_silent = True
    cabinet.run(62)
    assert not cabinet.place("h1").closed


def test_a_box_that_does_not_obey_counts_at_its_rating() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(deaf=True, deaf_a=16.0))
    cabinet.run(60)
    cabinet.plug("p2")
    cabinet.run(60)
    assert not seen(cabinet, "p1").obeys
    assert seen(cabinet, "p1").reserved_a == (16.0, 16.0, 16.0)
    assert charging(cabinet) == {"p1"}
    assert Why.WALLBOX_DISOBEYS in events(cabinet)


def test_a_box_that_shows_no_drop_six_seconds_after_it_was_lowered_is_opened_by_its_contactor() -> None:
    cabinet = Cabinet(site(wallbox("p1", contactor=True)), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(deaf=True, deaf_a=15.0))
    cabinet.run(160)
    assert charging(cabinet) == {"p1"}
    cabinet.house_a = [10.0, 10.0, 10.0]
    cabinet.run_until(lambda c: seen(c, "p1").granted_a < 15.0, 12)
    assert 6.0 <= cabinet.run_until(lambda c: not c.place("p1").closed, 12) <= 8.0
    cabinet.run(16)
    assert [wish.because.why for _, wish in cabinet.log if isinstance(wish, RecordEnd)] == [Why.WALLBOX_DISOBEYS]


def test_a_box_that_did_not_obey_is_freed_by_a_person_once_it_draws_nothing() -> None:
    """A meter without a pilot shows nothing of an idle box: only who stands before it can tell."""
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(deaf=True, deaf_a=16.0))
    cabinet.run(60)
    cabinet.house_a = [10.0, 10.0, 10.0]
    cabinet.run(60)
    cabinet.place("p1").box_silent = True
    cabinet.ask(StopSession(SocketId("p1"), Source.MQTT))
    cabinet.run(40)
    cabinet.ask(Unlock(SocketId("p1"), Source.MQTT))
    cabinet.run(2)
    assert not seen(cabinet, "p1").obeys
    cabinet.run(10)
    cabinet.place("p1").car = None
    cabinet.run(40)
    assert not seen(cabinet, "p1").obeys
    assert seen(cabinet, "p1").problem is not None
    cabinet.ask(Unlock(SocketId("p1"), Source.MQTT))
    cabinet.run(2)
    assert seen(cabinet, "p1").obeys


def test_disobediences_count_together_only_within_a_day() -> None:
    cabinet = Cabinet(site(wallbox("p1", contactor=True)), house_a=[1.0, 1.0, 1.0])
    cabinet.run(120)
    for _ in range(4):
        cabinet.plug("p1", Car(deaf=True, deaf_a=15.0))
        cabinet.run_until(lambda c: granted(c, "p1") >= 15.0, 400)
        cabinet.house_a = [10.0, 10.0, 10.0]
        cabinet.run_until(lambda c: not c.place("p1").closed, 60)
        cabinet.place("p1").car = None
        cabinet.house_a = [1.0, 1.0, 1.0]
        cabinet.run(60)
        cabinet.at_s += 90_000.0
        cabinet.run(120)
    assert seen(cabinet, "p1").locked is None


def test_a_box_with_a_contactor_gets_power_when_idle_and_keeps_it_between_sessions() -> None:
    cabinet = Cabinet(site(wallbox("p1", contactor=True)), house_a=[1.0, 1.0, 1.0])
    cabinet.run(5)
    assert not cabinet.place("p1").closed
    cabinet.run(90)
    assert cabinet.place("p1").closed
    cabinet.plug("p1", Car(energy_wh=100.0))
    cabinet.run(200)
    assert cabinet.ended == ["auto-1"]
    assert cabinet.place("p1").closed


def test_an_unproven_box_with_a_contactor_is_powered_alone_to_show_that_it_obeys() -> None:
    boxes = (wallbox("p1", contactor=True, failsafe_a=None), wallbox("p2", contactor=True, failsafe_a=None))
    cabinet = Cabinet(site(*boxes), house_a=[7.0, 7.0, 7.0])
    powered: list[int] = []
    cabinet.run(
        120,
        lambda c: powered.append(
            sum(place.closed and not c.state.sockets[name].obeys for name, place in c.places.items())
        ),
    )
    assert max(powered[5:]) == 1
    assert all(seen(cabinet, name).obeys for name in ("p1", "p2"))


def test_boot_opens_every_contactor_and_counts_it_full_until_it_is_seen() -> None:
    cabinet = Cabinet(site(plain("h1"), wallbox("p1", contactor=True)))
    for place in cabinet.places.values():
        place.board_silent = True
        place.meter_silent = True
    cabinet.step()
    opens = [wish for wish in cabinet.wishes if isinstance(wish, Open)]
    assert {wish.socket for wish in opens} == {"h1", "p1"}
    assert all(wish.trip for wish in opens)
    cabinet.run(60)
    assert seen(cabinet, "h1").contactor is ContactorState.UNKNOWN
    assert seen(cabinet, "h1").reserved_a == (10.0, 0.0, 0.0)
    assert seen(cabinet, "p1").reserved_a == (16.0, 16.0, 16.0)


def test_a_welded_contactor_is_locked_counted_full_and_freed_by_a_person() -> None:
    cabinet = Cabinet(site(plain("h1")), house_a=[1.0, 1.0, 1.0])
    cabinet.place("h1").car = Car(limit_a=6.0, phases=1)
    cabinet.run(90)
    cabinet.ask(start("h1"))
    cabinet.run(20)
    cabinet.place("h1").welded = True
    cabinet.ask(StopSession(SocketId("h1"), Source.MQTT))
    cabinet.run(12)
    assert seen(cabinet, "h1").contactor is ContactorState.WELDED
    assert seen(cabinet, "h1").reserved_a == (10.0, 0.0, 0.0)
    assert seen(cabinet, "h1").contactor_evidence is Evidence.METER
    assert Why.CONTACTOR_WELDED in events(cabinet)
    cabinet.run(10)
    assert cabinet.ended == ["s-h1"]
    cabinet.ask(start("h1", "again"))
    cabinet.run(3)
    assert seen(cabinet, "h1").session is None
    cabinet.place("h1").welded = False
    cabinet.ask(Unlock(SocketId("h1"), Source.MQTT))
    cabinet.run(5)
    assert seen(cabinet, "h1").contactor is ContactorState.OPEN
    assert seen(cabinet, "h1").locked is None


def test_a_socket_above_its_rating_ends_its_session_and_is_locked_the_third_time() -> None:
    cabinet = Cabinet(site(plain("h1")), house_a=[1.0, 1.0, 1.0])
    cabinet.run(90)
    for turn in (1, 2, 3):
        cabinet.place("h1").car = Car(limit_a=13.0, phases=1)
        cabinet.ask(start("h1", f"turn-{turn}"))
        cabinet.run(90)
        assert not cabinet.place("h1").closed
    overloads = [wish.because for _, wish in cabinet.log if isinstance(wish, RecordEnd)]
    assert [because.why for because in overloads] == [Why.SOCKET_OVERLOAD] * 3
    assert overloads[0].current_a == 13.0
    assert seen(cabinet, "h1").locked is not None


def test_a_short_inrush_does_not_end_a_session_but_half_again_does_at_once() -> None:
    cabinet = Cabinet(site(plain("h1")), house_a=[1.0, 1.0, 1.0])
    cabinet.place("h1").car = Car(limit_a=9.0, phases=1)
    cabinet.run(90)
    cabinet.ask(start("h1"))
    cabinet.run(20)
    cabinet.place("h1").car = Car(limit_a=14.0, phases=1)
    cabinet.run(4)
    cabinet.place("h1").car = Car(limit_a=9.0, phases=1)
    cabinet.run(10)
    assert cabinet.place("h1").closed
    cabinet.place("h1").car = Car(limit_a=15.5, phases=1)
    cabinet.run(2)
    assert not cabinet.place("h1").closed


def test_a_used_up_heat_opens_the_latest_session_first() -> None:
    main = fuse(kind=FuseKind.C)
    cabinet = Cabinet(site(plain("h1"), plain("h2"), fuses=(main,)), house_a=[0.0, 0.0, 0.0])
    for name in ("h1", "h2"):
        cabinet.place(name).car = Car(limit_a=8.0, phases=1)
    cabinet.run(90)
    cabinet.ask(start("h1"), start("h2"))
    cabinet.run(90)
    assert charging(cabinet) == {"h1", "h2"}
    cabinet.place("h1").car = Car(limit_a=11.0, phases=1)
    cabinet.place("h2").car = Car(limit_a=11.0, phases=1)
    cabinet.house_a = [5.0, 0.0, 0.0]
    cabinet.run(12)
    assert charging(cabinet) == {"h1"}


def test_a_journal_that_accepts_nothing_starts_nothing() -> None:
    cabinet = Cabinet(site(wallbox("p1", access=Access.COMMAND)), house_a=[1.0, 1.0, 1.0])
    cabinet.run(40)
    cabinet.journal_accepts = False
    cabinet.ask(start("p1"))
    cabinet.run(20)
    assert seen(cabinet, "p1").session is None
    assert Why.JOURNAL_STOPPED in events(cabinet)


def test_a_start_reading_that_grew_too_old_is_cancelled_signed_and_taken_again() -> None:
    cabinet = Cabinet(site(wallbox("p1", access=Access.COMMAND)), house_a=[1.0, 1.0, 1.0])
    cabinet.run(40)
    cabinet.journal_delay_s = 8.0
    cabinet.plug("p1")
    cabinet.ask(start("p1"))
    cabinet.run(24)
    cancelled = [wish for _, wish in cabinet.log if isinstance(wish, RecordEnd)]
    assert [(wish.kind, wish.because.why) for wish in cancelled] == [(EndKind.CANCELLED, Why.START_TOO_OLD)]
    assert cabinet.place("p1").served_wh == 0.0
    cabinet.journal_delay_s = 1.0
    cabinet.run(90)
    session = seen(cabinet, "p1").session
    assert session is not None
    assert (session.id, session.phase) == ("s-p1-r2", SessionPhase.CHARGING)


def test_a_silent_box_counts_at_what_it_falls_back_to() -> None:
    cabinet = Cabinet(site(wallbox("p1", failsafe_a=None)), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(limit_a=7.0))
    cabinet.run(60)
    cabinet.place("p1").box_silent = True
    cabinet.run(40)
    assert seen(cabinet, "p1").reserved_a == (16.0, 16.0, 16.0)
    assert Why.WALLBOX_SILENT in events(cabinet)


def test_requests_for_unknown_sockets_are_told_and_harmless() -> None:
    cabinet = Cabinet(site(wallbox("p1")))
    cabinet.ask(StartSession(SocketId("nowhere"), SessionId("x"), None, Source.MQTT))
    cabinet.run(2)
    assert Why.COMMAND in events(cabinet)


def test_meters_that_were_never_read_do_not_warm_a_fuse() -> None:
    boxes = tuple(wallbox(f"p{n}", "garage") for n in (1, 2, 3))
    cabinet = Cabinet(site(*boxes, fuses=(fuse(), fuse("garage", 10.0, FuseKind.C, parent="main"))))
    for place in cabinet.places.values():
        place.meter_silent = True
    cabinet.run(60)
    assert cabinet.worst_heat == 0.0


def test_a_house_that_rises_while_a_car_ramps_is_seen_in_the_telegram_that_exceeds_the_limit() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[5.0, 5.0, 5.0])
    cabinet.telegram_lag_s = 2
    cabinet.run(30)
    cabinet.plug("p1")
    cabinet.run_until(lambda c: c.place("p1").current_a > 0.0 and int(c.at_s) % 10 == 7, 60)
    cabinet.place("p1").current_a = 4.0
    cabinet.house_a = [14.0, 14.0, 14.0]
    cabinet.run(4)
    shown = granted(cabinet, "p1")
    cabinet.run(20)
    assert cabinet.main_a()[0] <= 20.3
    assert shown <= 15.0


def test_nobody_is_called_silent_at_boot_before_they_could_be_heard_but_all_are_counted_full() -> None:
    boxes = (wallbox("p1"), wallbox("p2", contactor=True), plain("h1"))
    cabinet = Cabinet(site(*boxes))
    for place in cabinet.places.values():
        place.meter_silent = place.box_silent = place.board_silent = True
    cabinet.run(4)
    assert events(cabinet) == [Why.GRID_FALLBACK] or events(cabinet) == []
    assert all(one.problem is None for one in cabinet.state.sockets.values())
    assert seen(cabinet, "p1").reserved_a == (16.0, 16.0, 16.0)
    assert seen(cabinet, "h1").reserved_a == (10.0, 0.0, 0.0)
    for place in cabinet.places.values():
        place.meter_silent = place.box_silent = place.board_silent = False
    cabinet.run(60)
    assert not {Why.WALLBOX_SILENT, Why.SOCKET_METER_SILENT, Why.CONTACTOR_UNKNOWN} & set(events(cabinet))


def test_a_device_that_is_never_heard_is_named_after_its_quiet_time() -> None:
    cabinet = Cabinet(site(wallbox("p1"), wallbox("p2"), plain("h1")))
    cabinet.place("p1").meter_silent = True
    cabinet.place("p2").box_silent = True
    cabinet.place("h1").board_silent = True
    cabinet.run(40)
    whys = {str(name): None if one.problem is None else one.problem.why for name, one in cabinet.state.sockets.items()}
    assert whys == {"p1": Why.SOCKET_METER_SILENT, "p2": Why.WALLBOX_SILENT, "h1": Why.CONTACTOR_UNKNOWN}
    told = [why for why in events(cabinet) if why in whys.values()]
    assert sorted(told) == sorted(set(told)), "once each"


def test_a_box_that_gets_its_power_has_time_to_boot_before_it_is_called_silent() -> None:
    cabinet = Cabinet(site(wallbox("p1", contactor=True)), house_a=[1.0, 1.0, 1.0])
    cabinet.place("p1").box_silent = True
    cabinet.run_until(lambda c: c.place("p1").closed and c.at_s > 1010.0, 200)
    cabinet.run(20)
    assert Why.WALLBOX_SILENT not in events(cabinet)
    cabinet.run(20)
    assert Why.WALLBOX_SILENT in events(cabinet)


def test_a_box_that_is_too_tight_to_be_powered_names_the_fuse_and_the_missing_amperes() -> None:
    fuses = (fuse(rating_a=50.0), fuse("garage", 10.0, FuseKind.C, parent="main"))
    cabinet = Cabinet(site(wallbox("p1", "garage", contactor=True, failsafe_a=None), fuses=fuses), house_a=[1.0] * 3)
    cabinet.run(120)
    because = seen(cabinet, "p1").because
    assert (because.why, because.fuse) == (Why.POWER_WAITS, "garage")
    assert because.current_a == pytest.approx(16.0 - 11.3)
    cabinet.ask(start("p1"))
    cabinet.run(5)
    assert seen(cabinet, "p1").because.why is Why.POWER_WAITS
    assert not cabinet.place("p1").closed


def test_two_boxes_are_not_powered_into_the_same_room() -> None:
    boxes = tuple(wallbox(f"p{n}", contactor=True, failsafe_a=10.0) for n in (1, 2))
    cabinet = Cabinet(site(*boxes), house_a=[1.0, 1.0, 1.0])
    unproven: list[int] = []
    cabinet.run(
        90,
        lambda c: unproven.append(
            sum(place.closed and not c.state.sockets[name].obeys for name, place in c.places.items())
        ),
    )
    assert max(unproven[5:]) == 1
    assert all(place.closed for place in cabinet.places.values())


def test_a_house_that_is_above_the_fuse_by_itself_is_said_at_once_and_once() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.run(60)
    cabinet.house_a = [1.0, 21.0, 1.0]
    cabinet.run(11)
    told = [wish.because for _, wish in cabinet.log if isinstance(wish, NoteEvent)]
    alarms = [because for because in told if because.why is Why.HOUSE_OVERLOAD]
    assert [(one.fuse, one.phase, one.current_a) for one in alarms] == [("main", 1, 21.0)]
    assert cabinet.worst_heat < 0.5
    cabinet.run(60)
    cabinet.house_a = [1.0, 19.5, 1.0]
    cabinet.run(20)
    cabinet.house_a = [1.0, 21.0, 1.0]
    cabinet.run(20)
    assert events(cabinet).count(Why.HOUSE_OVERLOAD) == 1
    cabinet.house_a = [1.0, 10.0, 1.0]
    cabinet.run(20)
    cabinet.house_a = [1.0, 21.0, 1.0]
    cabinet.run(20)
    assert events(cabinet).count(Why.HOUSE_OVERLOAD) == 2


def test_a_house_together_with_cars_above_the_fuse_is_no_alarm_of_the_house() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[4.0, 4.0, 4.0])
    cabinet.plug("p1")
    cabinet.run(100)
    cabinet.house_a = [12.0, 12.0, 12.0]
    cabinet.run(60)
    assert Why.HOUSE_OVERLOAD not in events(cabinet)


def test_unproven_boxes_are_powered_one_at_a_time_though_there_is_room_for_all() -> None:
    boxes = tuple(wallbox(f"p{n}", contactor=True, failsafe_a=None) for n in range(3))
    cabinet = Cabinet(site(*boxes, fuses=(fuse(rating_a=125.0),)), house_a=[1.0, 1.0, 1.0])
    unproven: list[int] = []
    cabinet.run(
        120,
        lambda c: unproven.append(
            sum(place.closed and not c.state.sockets[name].obeys for name, place in c.places.items())
        ),
    )
    assert max(unproven[5:]) == 1
    assert all(place.closed for place in cabinet.places.values())


def test_a_safe_current_that_fits_ends_all_the_same_when_the_grid_meter_is_silent_for_five_minutes() -> None:
    cabinet = Cabinet(site(wallbox("p1", contactor=True)), house_a=[1.0, 1.0, 1.0])
    cabinet.run(80)
    cabinet.plug("p1")
    cabinet.run(60)
    cabinet.grid_silent = True
    cabinet.run(60)
    assert granted(cabinet, "p1") == 8.0
    cabinet.run(260)
    assert cabinet.state.grid is Freshness.BLIND
    assert granted(cabinet, "p1") == 0.0
    assert not cabinet.place("p1").closed
    assert seen(cabinet, "p1").because.why is Why.GRID_BLIND
