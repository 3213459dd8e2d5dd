"""What happens when a box disobeys, a contactor sticks, a socket or fuse gets too hot, or the journal stands still."""

from gateway.control.state import ContactorState, SessionPhase
from gateway.ids import SessionId, SocketId
from gateway.site.because import Why
from gateway.site.requests import Source, StartSession, StopSession, Unlock
from gateway.site.snapshot import Evidence
from gateway.site.topology import Access, FuseKind
from gateway.site.wishes import EndKind, RecordEnd
from tests.control.cabinet_seen import charging, events, granted, seen, start
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, plain, site, wallbox


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


def test_requests_for_unknown_sockets_are_told_and_harmless() -> None:
    cabinet = Cabinet(site(wallbox("p1")))
    cabinet.ask(StartSession(SocketId("nowhere"), SessionId("x"), None, Source.MQTT))
    cabinet.run(2)
    assert Why.COMMAND in events(cabinet)
