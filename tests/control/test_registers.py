"""A tripped breaker, a register that creeps, a register that stands still: seen, named, and billed to nobody."""

from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.control.registers import OPEN_FOR_S, STILL_WH
from gateway.control.state import SessionPhase
from gateway.ids import SessionId, SocketId
from gateway.meters.readings import SocketReading
from gateway.quantities import UNKNOWN_PER_PHASE, EnergyRegister
from gateway.site.because import Why
from gateway.site.requests import Source, StartSession, StopSession, Unlock
from gateway.site.topology import Purpose, Socket
from gateway.site.wishes import NoteEvent, RecordEnd
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car, Place
from tests.control.planned_site import plain, site, wallbox

H1 = SocketId("h1")


class Oddity(Cabinet):
    """A cabinet whose socket meter shows something odd. dark: no voltage; creep_wh: counted on top; stuck: its register
    never moves; step_kwh: of its register."""

    dark = False
    creep_wh = 0.0
    stuck = False
    step_kwh = Decimal("0.001")
    mute = False

    def reading(self, place: Place) -> SocketReading:
        shown = super().reading(place)
        wh = 0.0 if self.stuck else place.wh + self.creep_wh
        kwh = Decimal(str(wh / 1000.0)).quantize(self.step_kwh, "ROUND_FLOOR")
        register = None if self.mute else EnergyRegister(kwh, self.step_kwh, (0, 0))
        shown = replace(shown, energy_import=register)
        if self.dark:
            shown = replace(shown, voltage_v=(0.0, 0.0, 0.0), current_a=(0.0, 0.0, 0.0), power_w=0.0)
        return shown


def oddity(socket: Socket | None = None) -> Oddity:
    return Oddity(site(socket or plain("h1")), house_a=[1.0, 1.0, 1.0])


def start(cabinet: Cabinet, name: str = "s-1") -> None:
    cabinet.place("h1").car = cabinet.place("h1").car or Car(limit_a=8.0, phases=1)
    cabinet.ask(StartSession(H1, SessionId(name), None, Source.MQTT))


def charging(cabinet: Cabinet) -> None:
    start(cabinet)
    cabinet.run_until(draws, 200)
    cabinet.run(3)


def draws(cabinet: Cabinet) -> bool:
    session = cabinet.state.sockets[H1].session
    flows = cabinet.place("h1").current_a > 0.0
    return flows and session is not None and session.phase is SessionPhase.CHARGING


def notes(cabinet: Cabinet) -> list[Why]:
    return [wish.because.why for _, wish in cabinet.log if isinstance(wish, NoteEvent) and wish.socket == H1]


def ends(cabinet: Cabinet) -> list[RecordEnd]:
    return [wish for _, wish in cabinet.log if isinstance(wish, RecordEnd)]


def problem(cabinet: Cabinet) -> Why | None:
    found = cabinet.state.sockets[H1].problem
    return None if found is None else found.why


def test_a_supply_side_meter_without_voltage_names_the_breaker_and_no_contactor_is_worn() -> None:
    cabinet = oddity(replace(plain("h1"), meter_on_supply=True))
    charging(cabinet)
    cabinet.dark = True
    cabinet.place("h1").dead = True
    cabinet.run(4)
    assert problem(cabinet) is None
    took = 4 + cabinet.run_until(lambda c: problem(c) is Why.BREAKER_OPEN, 5)
    assert took <= 7
    cabinet.run(300)
    assert notes(cabinet).count(Why.BREAKER_OPEN) == 1
    assert Why.CONTACTOR_NOT_CLOSED not in notes(cabinet)
    assert cabinet.state.sockets[H1].locked is None
    assert not cabinet.place("h1").closed, "who puts the breaker on again does not do so under load"
    assert cabinet.state.memory.sockets[H1].switchings == 1
    assert not ends(cabinet), "the session waits"
    cabinet.dark = False
    cabinet.place("h1").dead = False
    cabinet.run_until(draws, 900)
    assert problem(cabinet) is None


def test_without_knowing_where_the_meter_lies_it_is_the_contactor_that_did_not_close() -> None:
    cabinet = oddity()
    charging(cabinet)
    cabinet.dark = True
    cabinet.run_until(lambda c: problem(c) is Why.CONTACTOR_NOT_CLOSED, 10)
    assert Why.BREAKER_OPEN not in notes(cabinet)


def test_a_wallbox_behind_a_tripped_breaker_is_paused_too() -> None:
    cabinet = oddity(replace(wallbox("h1"), meter_on_supply=True))
    cabinet.plug("h1")
    cabinet.run_until(draws, 200)
    cabinet.dark = True
    cabinet.run_until(lambda c: c.state.sockets[H1].session.phase is SessionPhase.PAUSED, 10)
    assert problem(cabinet) is Why.BREAKER_OPEN


def test_a_register_that_moves_behind_an_open_contactor_is_named_once() -> None:
    cabinet = oddity()
    cabinet.run(OPEN_FOR_S + 20)
    assert problem(cabinet) is None
    cabinet.creep_wh = 1.0
    cabinet.run(3)
    assert problem(cabinet) is Why.REGISTER_CREEPS
    cabinet.creep_wh = 5.0
    cabinet.run(10)
    assert notes(cabinet) == [Why.REGISTER_CREEPS]


def test_the_last_step_that_a_meter_shows_late_is_no_creep() -> None:
    cabinet = oddity()
    charging(cabinet)
    cabinet.place("h1").car = None
    cabinet.house_a = [22.0, 1.0, 1.0]
    cabinet.run_until(lambda c: not c.place("h1").closed, 60)
    cabinet.run(10)
    cabinet.creep_wh = 1.0
    cabinet.run(120)
    assert problem(cabinet) is None


def test_what_flowed_between_two_polls_of_a_slow_meter_is_no_creep() -> None:
    cabinet = oddity()
    cabinet.poll_every_s = 20
    cabinet.run(OPEN_FOR_S + 90)
    cabinet.run_until(lambda c: int(c.at_s) % 20 == 1, 20)
    start(cabinet)
    cabinet.run_until(lambda c: c.place("h1").closed, 10)
    cabinet.creep_wh = 1.0
    cabinet.ask(StopSession(H1, Source.MQTT))
    cabinet.run_until(lambda c: not c.place("h1").closed, 6)
    cabinet.run(120)
    assert problem(cabinet) is None


def test_what_creeps_while_a_session_is_paused_is_not_the_sessions_any_more() -> None:
    cabinet = oddity()
    charging(cabinet)
    cabinet.house_a = [22.0, 1.0, 1.0]
    cabinet.run_until(lambda c: not c.place("h1").closed, 60)
    cabinet.run(OPEN_FOR_S + 10)
    assert cabinet.state.sockets[H1].session is not None
    cabinet.creep_wh = 1.0
    cabinet.run(10)
    (end,) = ends(cabinet)
    assert end.because.why is Why.REGISTER_CREEPS
    assert cabinet.state.sockets[H1].session is None


@pytest.mark.parametrize("purpose", Purpose)
def test_a_register_that_stands_still_under_load_is_named_and_bills_nothing_more(purpose: Purpose) -> None:
    cabinet = oddity(replace(plain("h1"), purpose=purpose))
    cabinet.stuck = True
    charging(cabinet)
    cabinet.run_until(lambda c: Why.METER_STANDS_STILL in notes(c), 200)
    assert cabinet.place("h1").wh >= STILL_WH
    cabinet.run(60)
    billed = purpose is Purpose.BILLING
    assert bool(ends(cabinet)) is billed
    assert (cabinet.state.sockets[H1].locked is not None) is billed
    assert notes(cabinet).count(Why.METER_STANDS_STILL) == 1
    if billed:
        cabinet.stuck = False
        cabinet.ask(Unlock(H1, Source.MQTT))
        start(cabinet, "s-2")
        cabinet.run_until(draws, 400)
        cabinet.run(200)
        assert problem(cabinet) is None


def test_a_coarse_register_has_its_time_to_move() -> None:
    cabinet = oddity(replace(plain("h1"), purpose=Purpose.BILLING))
    cabinet.step_kwh = Decimal("0.1")
    charging(cabinet)
    cabinet.run(1800)
    assert problem(cabinet) is None
    assert not ends(cabinet)


def test_a_car_that_draws_nothing_makes_no_register_stand_still() -> None:
    cabinet = oddity(replace(plain("h1"), purpose=Purpose.BILLING))
    start(cabinet)
    cabinet.place("h1").car = None
    cabinet.run(1200)
    assert problem(cabinet) is None


def test_a_meter_without_a_register_is_not_judged_by_it() -> None:
    cabinet = oddity()
    cabinet.mute = True
    cabinet.run(100)
    cabinet.places[H1].meter_silent = True
    cabinet.places[H1].last_reading = replace(
        cabinet.reading(cabinet.places[H1]), voltage_v=UNKNOWN_PER_PHASE, energy_import=None
    )
    cabinet.run(30)
    assert Why.REGISTER_CREEPS not in notes(cabinet)
