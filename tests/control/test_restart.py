"""Restart and shutdown: nothing is lost, nothing is doubled, the order holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.control.checkpoint import ControlCheckpoint
from gateway.control.decide import is_quiet
from gateway.control.past import OpenSession, Past, QueuedSession
from gateway.control.recovery import recover
from gateway.control.state import SessionPhase
from gateway.errors import JournalDamaged
from gateway.ids import SessionId, SocketId, Token
from gateway.site.requests import ShutDown
from gateway.site.wishes import EndKind, NoteQueued, NoteWithdrawn, RecordEnd, SaveCheckpoint, SetCurrent
from tests.control.cabinet_seen import charging
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, instant, plain, site, wallbox

NAMES = ("p1", "p2", "p3", "p4")


def past(running: tuple[str, ...], queued: tuple[str, ...], text: str | None = None) -> Past:
    return Past(
        tuple(OpenSession(SessionId(f"old-{n}"), SocketId(n), Token(f"t-{n}"), SessionId(f"new-{n}")) for n in running),
        tuple(QueuedSession(SessionId(f"wait-{n}"), SocketId(n), Token(f"t-{n}"), None) for n in queued),
        text,
    )


def test_an_open_session_ends_as_recovered_and_its_successor_charges_first() -> None:
    cabinet = Cabinet(site(*(wallbox(n) for n in NAMES)), past=past(("p2", "p1"), ("p4", "p3")))
    for name in NAMES:
        cabinet.plug(name, Car(energy_wh=150.0))
    assert cabinet.state.queue == ("new-p2", "new-p1", "wait-p4", "wait-p3")
    cabinet.run_until(lambda c: all(place.car is None for place in c.places.values()), 900)
    ends = [wish for _, wish in cabinet.log if isinstance(wish, RecordEnd)]
    assert [(wish.session, wish.kind) for wish in ends[:2]] == [
        ("old-p1", EndKind.RECOVERED),
        ("old-p2", EndKind.RECOVERED),
    ]
    assert set(cabinet.energised_order[:2]) == {"p1", "p2"}
    assert cabinet.energised_order[2:] == ["p4", "p3"]
    noted = {wish.session: wish.continues for _, wish in cabinet.log if isinstance(wish, NoteQueued)}
    assert noted == {"new-p1": "old-p1", "new-p2": "old-p2"}
    assert cabinet.sessions_made == 0


def test_a_successor_is_noted_only_when_the_recovered_end_is_durable() -> None:
    cabinet = Cabinet(site(wallbox("p1")), past=past(("p1",), ()))
    cabinet.journal_delay_s = 5.0
    cabinet.run_until(lambda c: any(isinstance(wish, RecordEnd) for _, wish in c.log), 30)
    cabinet.run(4)
    assert not [wish for _, wish in cabinet.log if isinstance(wish, NoteQueued)]
    cabinet.run(2)
    assert [wish.session for _, wish in cabinet.log if isinstance(wish, NoteQueued)] == ["new-p1"]


def test_heat_and_locks_survive_without_cooling_credit() -> None:
    text = ControlCheckpoint(
        heat={"main": [0.7, 0.1, 0.0]}, locked={"p1": "socket_overload"}, obeyed=("p2",), limits_a={"p2": 10.0}
    ).to_text()
    state = recover(site(wallbox("p1"), wallbox("p2")), past((), (), text), instant(99999.0))
    main = state.fuses[fuse().id]
    assert main.heat == (0.7, 0.1, 0.0)
    assert state.sockets[SocketId("p1")].locked is not None
    assert state.sockets[SocketId("p2")].limit_by_command_a == 10.0


def test_a_damaged_checkpoint_stops_the_start() -> None:
    with pytest.raises(JournalDamaged):
        recover(site(wallbox("p1")), past((), (), "{"), instant(0.0))


def test_a_recovered_plain_socket_rests_before_it_closes() -> None:
    cabinet = Cabinet(site(plain("h1")), house_a=[1.0, 1.0, 1.0], past=past(("h1",), ()))
    cabinet.place("h1").car = Car(limit_a=5.0, phases=1)
    began = cabinet.at_s
    cabinet.run(3)
    assert not cabinet.place("h1").closed
    cabinet.run_until(lambda c: c.place("h1").closed, 200)
    assert cabinet.at_s - began >= 60.0


@settings(max_examples=25)
@given(st.permutations(NAMES), st.integers(0, 4))
def test_restart_keeps_the_order(order: list[str], running: int) -> None:
    site_of_four = site(*(wallbox(n) for n in NAMES))
    state = recover(site_of_four, past(tuple(order[:running]), tuple(order[running:])), instant(5.0))
    expected = [f"new-{n}" for n in order[:running]] + [f"wait-{n}" for n in order[running:]]
    assert list(state.queue) == expected
    assert sorted(state.queue_position, key=state.queue_position.__getitem__) == order


def test_shutdown_stops_signs_opens_and_keeps_the_line() -> None:
    boxes = (wallbox("p1", contactor=True), wallbox("p2"), wallbox("p3"), wallbox("p4"))
    cabinet = Cabinet(site(*boxes))
    cabinet.run(80)
    for name in NAMES:
        cabinet.plug(name)
    cabinet.run(60)
    assert len(charging(cabinet)) == 2
    waiting = cabinet.state.queue
    cabinet.ask(ShutDown())
    took = cabinet.run_until(lambda c: is_quiet(c.state), 40)
    assert took <= 20
    assert len(cabinet.ended) == 2
    assert all(wish.kind is EndKind.COMPLETED for _, wish in cabinet.log if isinstance(wish, RecordEnd))
    assert not [wish for _, wish in cabinet.log if isinstance(wish, NoteWithdrawn)]
    assert cabinet.state.queue == waiting
    assert not cabinet.place("p1").closed
    assert all(wish.current_a == 0.0 for wish in cabinet.wishes if isinstance(wish, SetCurrent))
    cabinet.run(30)
    assert charging(cabinet) == set()


def test_shutdown_in_the_middle_of_a_start_cancels_it_and_keeps_its_place() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.journal_delay_s = 3.0
    cabinet.plug("p1")
    cabinet.run_until(
        lambda c: (
            c.state.sockets[SocketId("p1")].session is not None
            and c.state.sockets[SocketId("p1")].session.phase is SessionPhase.SIGNING_BEGIN
        ),
        60,
    )
    cabinet.ask(ShutDown())
    cabinet.run_until(lambda c: is_quiet(c.state), 40)
    assert [wish.kind for _, wish in cabinet.log if isinstance(wish, RecordEnd)] == [EndKind.CANCELLED]
    assert cabinet.state.queue == ("auto-1-r2",)
    assert cabinet.place("p1").served_wh == 0.0


def test_the_checkpoint_is_saved_on_change_and_heat_at_most_once_a_minute() -> None:
    cabinet = Cabinet(site(*(wallbox(n) for n in NAMES)))
    for name in NAMES:
        cabinet.plug(name)
    cabinet.run(60)
    saved = [at for at, wish in cabinet.log if isinstance(wish, SaveCheckpoint)]
    cabinet.run(300)
    later = [at for at, wish in cabinet.log if isinstance(wish, SaveCheckpoint) and at > cabinet.at_s - 300]
    assert 1 <= len(saved) <= 10
    assert len(later) <= 5


def test_the_end_of_an_open_session_is_recorded_together_with_its_successor() -> None:
    cabinet = Cabinet(site(wallbox("p1")), past=past(("p1",), ()))
    cabinet.run_until(lambda c: bool(c.ended), 60)
    (ended,) = [wish for _, wish in cabinet.log if isinstance(wish, RecordEnd)]
    assert (ended.session, ended.kind, ended.successor) == ("old-p1", EndKind.RECOVERED, "new-p1")


def test_an_end_without_a_successor_says_so() -> None:
    cabinet = Cabinet(site(wallbox("p1")), house_a=[1.0, 1.0, 1.0])
    cabinet.plug("p1", Car(energy_wh=50.0))
    cabinet.run_until(lambda c: bool(c.ended), 200)
    (ended,) = [wish for _, wish in cabinet.log if isinstance(wish, RecordEnd)]
    assert ended.successor is None


@settings(max_examples=25)
@given(st.permutations(NAMES), st.integers(0, 4), st.data())
def test_a_restart_that_is_cut_short_anywhere_keeps_the_order(
    order: list[str], running: int, data: st.DataObject
) -> None:
    """Those whose recovered end was durable already come back as waiting, noted after all others."""
    site_of_four = site(*(wallbox(n) for n in NAMES))
    first = past(tuple(order[:running]), tuple(order[running:]))
    cabinet = Cabinet(site_of_four, past=first)
    cabinet.step()
    line = cabinet.state.queue
    (text,) = [wish.text for wish in cabinet.wishes if isinstance(wish, SaveCheckpoint)]
    closed = [one for one in first.open_sessions if data.draw(st.booleans())]
    second = Past(
        tuple(one for one in first.open_sessions if one not in closed),
        (*first.queued, *(QueuedSession(one.successor, one.socket, one.token, one.id) for one in closed)),
        text,
    )
    assert recover(site_of_four, second, instant(2000.0)).queue == line
