"""What a try proves: the right meter, another's, two, none, and everything that may look like one of these."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.cli.commission_trial import SETTLE_S, SocketSeen, Trial, after_stop, judge, seen_of
from gateway.control.state import ContactorState
from gateway.ids import SocketId
from gateway.publish.commission_words import Finding, Verdict
from gateway.publish.words import Language
from gateway.quantities import Phase
from gateway.site.because import Because, Why
from gateway.site.topology import Access
from tests.control.planned_site import plain, site, wallbox

BOX, OTHER, PLAIN = SocketId("box"), SocketId("other"), SocketId("plain")
SITE = site(wallbox("box", access=Access.COMMAND), wallbox("other"), plain("plain", phases=(Phase.L2,)))

REST = SocketSeen(current_a=(0.0, 0.0, 0.0), power_w=0.0, voltage_v=(230.0, 230.0, 230.0), plugged=False)
PLUGGED = replace(REST, plugged=True)
ON = replace(PLUGGED, stands=True, busy=True, session="s-1", setpoint_a=16.0, applied_a=16.0)
CHARGES = replace(ON, current_a=(15.8, 15.7, 15.9), power_w=10_900.0)
MOVES = replace(REST, current_a=(15.8, 15.7, 15.9), power_w=10_900.0)
OPEN = SocketSeen(current_a=(0.0,), power_w=0.0, voltage_v=(0.0,), closed=False, contactor=ContactorState.OPEN)
CLOSED = replace(
    OPEN, stands=True, busy=True, setpoint_a=10.0, voltage_v=(230.0,), closed=True, contactor=ContactorState.CLOSED
)
HEATS = replace(CLOSED, current_a=(8.7,), power_w=2000.0)
QUIET = {BOX: REST, OTHER: REST, PLAIN: OPEN}


def tried(own: SocketId, after: Mapping[SocketId, SocketSeen]) -> Trial:
    """A try at this socket, after which the topics show this; what is not told stays at rest."""
    trial = Trial(SITE, SITE.sockets[own], QUIET)
    for name, seen in {**QUIET, **after}.items():
        trial.heard(name, seen, 10.0)
    return trial


def found(own: SocketId, after: Mapping[SocketId, SocketSeen]) -> Finding:
    return judge(tried(own, after), Language.EN)


def test_the_right_meter_is_told_with_its_phases_and_its_session() -> None:
    finding = found(BOX, {BOX: CHARGES})
    assert (finding.verdict, finding.others, finding.session) == (Verdict.RIGHT, (), "s-1")
    assert finding.phases == ((Phase.L1, 15.8), (Phase.L2, 15.7), (Phase.L3, 15.9))


def test_a_load_on_one_phase_shows_that_phase_alone() -> None:
    assert found(BOX, {BOX: replace(CHARGES, current_a=(0.0, 15.7, 0.1))}).phases == ((Phase.L2, 15.7),)
    assert found(PLAIN, {PLAIN: HEATS}).phases == ((Phase.L2, 8.7),)


@pytest.mark.parametrize(
    ("own", "after", "verdict", "others"),
    [
        (BOX, {BOX: ON, OTHER: MOVES}, Verdict.CROSSED, (OTHER,)),
        (BOX, {BOX: ON, OTHER: MOVES, PLAIN: HEATS}, Verdict.DISTURBED, (PLAIN,)),
        (BOX, {BOX: CHARGES, OTHER: MOVES}, Verdict.DOUBLE, (OTHER,)),
        (BOX, {BOX: ON}, Verdict.NOTHING, ()),
        (PLAIN, {PLAIN: CLOSED}, Verdict.NOTHING, ()),
        (PLAIN, {PLAIN: CLOSED, BOX: MOVES}, Verdict.CROSSED, (BOX,)),
        (PLAIN, {PLAIN: CLOSED, BOX: MOVES, OTHER: MOVES}, Verdict.CROSSED, (BOX, OTHER)),
        # A weld or disobedience that the gateway reports elsewhere is the crossed meter's doing.
        (BOX, {BOX: ON, OTHER: replace(MOVES, problem=Why.WALLBOX_DISOBEYS)}, Verdict.CROSSED, (OTHER,)),
        (BOX, {BOX: replace(ON, current_a=(None, None, None), power_w=None)}, Verdict.METER_SILENT, ()),
        (BOX, {BOX: replace(ON, applied_a=0.0)}, Verdict.DISOBEYS, ()),
        (BOX, {BOX: replace(ON, problem=Why.WALLBOX_SILENT)}, Verdict.DISOBEYS, ()),
        (BOX, {BOX: replace(CHARGES, problem=Why.WALLBOX_DISOBEYS)}, Verdict.DISOBEYS, ()),
        (BOX, {BOX: replace(CHARGES, problem=Why.PHASES_CROSSED)}, Verdict.WRONG_PHASES, ()),
        (BOX, {BOX: replace(CHARGES, problem=Why.METER_STANDS_STILL)}, Verdict.FAULT, ()),
        (BOX, {BOX: replace(REST, stands=True, busy=True), OTHER: PLUGGED}, Verdict.BOX_CROSSED, (OTHER,)),
        (BOX, {OTHER: replace(CHARGES, session="auto")}, Verdict.BOX_CROSSED, (OTHER,)),
        (PLAIN, {PLAIN: replace(HEATS, closed=False)}, Verdict.CONTACTOR, ()),
        (PLAIN, {PLAIN: replace(HEATS, problem=Why.AUXILIARY_DISAGREES)}, Verdict.CONTACTOR, ()),
        (PLAIN, {PLAIN: replace(CLOSED, contactor=ContactorState.NOT_CLOSED)}, Verdict.CONTACTOR, ()),
        (PLAIN, {PLAIN: replace(OPEN, current_a=(8.7,), power_w=2000.0)}, Verdict.DRAWS_UNASKED, ()),
        (PLAIN, {PLAIN: OPEN}, Verdict.NOT_STARTED, ()),
        (PLAIN, {PLAIN: replace(CLOSED, setpoint_a=0.0)}, Verdict.NOT_STARTED, ()),
        (PLAIN, {PLAIN: replace(OPEN, locked=True)}, Verdict.LOCKED, ()),
        (BOX, {BOX: REST}, Verdict.NO_CAR, ()),
        (BOX, {BOX: PLUGGED}, Verdict.NOT_STARTED, ()),
    ],
)
def test_each_way_to_be_wrong_has_its_verdict(
    own: SocketId, after: dict[SocketId, SocketSeen], verdict: Verdict, others: tuple[SocketId, ...]
) -> None:
    finding = found(own, after)
    assert (finding.verdict, finding.others) == (verdict, others)


def test_voltage_at_another_meter_names_where_the_contactor_closed() -> None:
    dark = replace(OPEN, voltage_v=(0.0,))
    trial = Trial(SITE, SITE.sockets[PLAIN], {**QUIET, OTHER: replace(REST, voltage_v=(0.0, 0.0, 0.0))})
    trial.heard(PLAIN, replace(CLOSED, voltage_v=dark.voltage_v), 1.0)
    trial.heard(OTHER, REST, 1.0)
    finding = judge(trial, Language.EN)
    assert (finding.verdict, finding.others) == (Verdict.ELSEWHERE, (OTHER,))


def test_a_meter_that_was_dark_before_its_contactor_closed_rises_from_nothing() -> None:
    before = {**QUIET, PLAIN: replace(OPEN, current_a=(None,), power_w=None, voltage_v=(None,))}
    trial = Trial(SITE, SITE.sockets[PLAIN], before)
    trial.heard(PLAIN, HEATS, 1.0)
    assert judge(trial, Language.EN).verdict is Verdict.RIGHT


def test_what_drew_before_the_try_has_not_moved() -> None:
    trial = Trial(SITE, SITE.sockets[BOX], {**QUIET, OTHER: MOVES})
    trial.heard(OTHER, replace(MOVES, current_a=(15.9, 15.7, 15.9)), 1.0)
    trial.heard(BOX, CHARGES, 1.0)
    assert judge(trial, Language.EN).verdict is Verdict.RIGHT


def test_a_try_settles_only_when_the_others_have_had_time_to_move_too() -> None:
    trial = Trial(SITE, SITE.sockets[BOX], QUIET)
    trial.heard(BOX, ON, 1.0)
    assert not trial.settled(1000.0)
    trial.heard(BOX, CHARGES, 5.0)
    assert not trial.settled(5.0 + SETTLE_S - 0.1)
    assert trial.settled(5.0 + SETTLE_S)
    trial.heard(BOX, ON, 6.0)
    trial.heard(BOX, CHARGES, 7.0)
    assert not trial.settled(5.0 + SETTLE_S), "a spike is no load"


@pytest.mark.parametrize(
    ("before", "still_draws", "after"),
    [
        (Verdict.RIGHT, True, Verdict.STAYS_ON),
        (Verdict.RIGHT, False, Verdict.RIGHT),
        (Verdict.CROSSED, True, Verdict.CROSSED),
    ],
)
def test_a_right_meter_has_to_fall_again(before: Verdict, still_draws: bool, after: Verdict) -> None:
    assert after_stop(Finding(BOX, before), still_draws=still_draws).verdict is after


def test_what_the_gateway_says_of_a_session_that_waits_is_told() -> None:
    waits = replace(PLUGGED, stands=True, busy=True, setpoint_a=0.0, because=Because(Why.GRID_STALE))
    assert found(BOX, {BOX: waits}).reason == "Grid meter is late: no raise"
    trial = tried(BOX, {BOX: PLUGGED})
    trial.refused = "Refused: locked"
    assert judge(trial, Language.EN).reason == "Refused: locked"
    assert found(PLAIN, {PLAIN: replace(OPEN, locked=True, problem=Why.CONTACTOR_WELDED)}).reason == (
        "Contactor has welded: locked"
    )


def test_a_box_that_had_not_been_heard_before_is_named_when_it_sees_the_cable() -> None:
    trial = Trial(SITE, SITE.sockets[BOX], {**QUIET, OTHER: replace(REST, plugged=None)})
    trial.heard(BOX, replace(MOVES, problem=Why.WALLBOX_DISOBEYS), 1.0)
    trial.heard(OTHER, ON, 1.0)
    finding = judge(trial, Language.EN)
    assert (finding.verdict, finding.others, finding.reason) == (Verdict.BOX_CROSSED, (OTHER,), None)


def test_a_car_that_stood_at_another_box_all_the_time_says_nothing() -> None:
    trial = Trial(SITE, SITE.sockets[BOX], {**QUIET, OTHER: PLUGGED})
    trial.heard(OTHER, PLUGGED, 1.0)
    trial.heard(BOX, REST, 1.0)
    assert judge(trial, Language.EN).verdict is Verdict.NO_CAR


def test_what_is_no_state_message_of_ours_is_unknown() -> None:
    assert seen_of({}) == SocketSeen()
    odd = {"current_a": "12", "power_w": True, "contactor": 1, "plug": "?", "because_code": "x", "session_id": 5}
    assert seen_of({**odd, "problem_code": None, "locked": "yes", "contactor_state": 3}) == SocketSeen()
    assert seen_of({"current_a": [1, None, "x"]}).current_a == (1.0, None, None)
    assert not SocketSeen().heard
    assert not SocketSeen().draws
