"""What happens when a socket's meter, its box or its contactor board is silent, for a while or from the start."""

from gateway.control.state import ContactorState
from gateway.site.because import Why
from gateway.site.topology import FuseKind
from gateway.site.wishes import Open
from tests.control.cabinet_seen import events, granted, seen, start
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, plain, site, wallbox


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


def test_a_silent_box_counts_at_what_it_falls_back_to() -> None:
    cabinet = Cabinet(site(wallbox("p1", failsafe_a=None)), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(limit_a=7.0))
    cabinet.run(60)
    cabinet.place("p1").box_silent = True
    cabinet.run(40)
    assert seen(cabinet, "p1").reserved_a == (16.0, 16.0, 16.0)
    assert Why.WALLBOX_SILENT in events(cabinet)


def test_meters_that_were_never_read_do_not_warm_a_fuse() -> None:
    boxes = tuple(wallbox(f"p{n}", "garage") for n in (1, 2, 3))
    cabinet = Cabinet(site(*boxes, fuses=(fuse(), fuse("garage", 10.0, FuseKind.C, parent="main"))))
    for place in cabinet.places.values():
        place.meter_silent = True
    cabinet.run(60)
    assert cabinet.worst_heat == 0.0


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
