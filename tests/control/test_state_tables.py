"""Both tables tried whole: every pair is either in the table or raises."""

import itertools
import re

import pytest

from gateway.cli.main import main
from gateway.control import contactor_machine, session_machine
from gateway.control.contactor_machine import ContactorEvent
from gateway.control.drawing import drawn
from gateway.control.session_machine import SessionEvent
from gateway.control.state import ContactorState, SessionPhase
from gateway.errors import IllegalEvent

CONTACTOR_PAIRS = list(itertools.product(ContactorState, ContactorEvent))
SESSION_PAIRS = list(itertools.product(SessionPhase, SessionEvent))


@pytest.mark.parametrize(("state", "event"), CONTACTOR_PAIRS)
def test_a_contactor_takes_an_event_by_its_table_or_raises(state: ContactorState, event: ContactorEvent) -> None:
    if (state, event) in contactor_machine.TABLE:
        assert contactor_machine.next_state(state, event) is contactor_machine.TABLE[state, event]
    else:
        with pytest.raises(IllegalEvent, match=f"{state}.*{event}"):
            contactor_machine.next_state(state, event)


@pytest.mark.parametrize(("phase", "event"), SESSION_PAIRS)
def test_a_session_takes_an_event_by_its_table_or_raises(phase: SessionPhase, event: SessionEvent) -> None:
    if (phase, event) in session_machine.TABLE:
        assert session_machine.next_phase(phase, event) is session_machine.TABLE[phase, event]
    else:
        with pytest.raises(IllegalEvent, match=f"{phase}.*{event}"):
            session_machine.next_phase(phase, event)


def test_a_contactor_is_closed_only_from_open() -> None:
    closing = {s for (s, e), to in contactor_machine.TABLE.items() if to is ContactorState.CLOSING and s is not to}
    assert closing == {ContactorState.OPEN, ContactorState.CLOSED}


def test_a_welded_contactor_is_freed_by_a_person_only() -> None:
    leaving = {e for (s, e), to in contactor_machine.TABLE.items() if s is ContactorState.WELDED and to is not s}
    assert leaving == {ContactorEvent.FREED}


@pytest.mark.parametrize("state", ContactorState)
def test_opening_may_be_commanded_in_every_state(state: ContactorState) -> None:
    assert contactor_machine.next_state(state, ContactorEvent.COMMANDED_OPEN) is not ContactorState.CLOSED


def test_a_session_charges_only_after_ready_or_paused() -> None:
    before = {s for (s, _), to in session_machine.TABLE.items() if to is SessionPhase.CHARGING}
    assert before == {SessionPhase.READY, SessionPhase.PAUSED}


def test_a_session_with_a_begin_record_ends_only_over_a_signed_end() -> None:
    before = {s for (s, _), to in session_machine.TABLE.items() if to is SessionPhase.ENDED}
    assert before == {
        SessionPhase.QUEUED,
        SessionPhase.READING_BEGIN,
        SessionPhase.SIGNING_BEGIN,
        SessionPhase.SIGNING_END,
    }


@pytest.mark.parametrize("phase", [phase for phase in SessionPhase if phase is not SessionPhase.ENDED])
def test_every_living_session_may_be_asked_to_end(phase: SessionPhase) -> None:
    assert (phase, SessionEvent.END_ASKED) in session_machine.TABLE


def read_back(drawing: str) -> set[tuple[str, str, str]]:
    """State, event and next state of every arrow, read by other means than they were drawn by."""
    arrows = re.findall(r"^    (\w+) --> (\w+): (.+)$", drawing, re.MULTILINE)
    return {(state, event, becomes) for state, becomes, events in arrows for event in events.split(", ")}


def test_the_drawing_of_a_session_is_its_table() -> None:
    drawing = drawn(session_machine.TABLE, SessionPhase, SessionPhase.QUEUED, SessionPhase.ENDED)
    assert drawing in str(session_machine.__doc__)
    assert read_back(drawing) == {(s, e, to) for (s, e), to in session_machine.TABLE.items() if to is not s}
    assert drawing.splitlines()[1].endswith("--> queued")
    assert drawing.splitlines()[-1] == "    ended --> [*]"


@pytest.mark.parametrize(("of", "table"), [("session", session_machine.TABLE), ("contactor", contactor_machine.TABLE)])
def test_the_command_prints_the_table_that_runs(
    of: str, table: dict[tuple[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["states", of]) == 0
    assert read_back(capsys.readouterr().out) == {(s, e, to) for (s, e), to in table.items() if to is not s}
