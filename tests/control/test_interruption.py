"""A session that is interrupted ends as recovered or cancelled, and nothing else, whenever and however often it is."""

from dataclasses import dataclass

import pytest

from gateway.control.past import OpenSession, Past, QueuedSession
from gateway.control.state import SessionPhase
from gateway.ids import SessionId, SocketId, Token
from gateway.site.requests import Source, StartSession, StopSession
from gateway.site.wishes import EndKind, NoteQueued, NoteWithdrawn, RecordBegin, RecordEnd, SaveCheckpoint
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import plain, site

H1 = SocketId("h1")
SITE = site(plain("h1"))
FIRST = SessionId("s-1")
FLEETING = {SessionPhase.READY, SessionPhase.LOWERING}
"""Phases that begin and end within one tick where there is room."""


@dataclass
class Journal:
    """What is durable at a death. late: a record that was wished is taken to be on the disk already, though nobody has
    heard so; else only what was confirmed is."""

    late: bool

    def past(self, cabinet: Cabinet, before: Past) -> Past:
        queued = {one.id: one for one in before.queued}
        opened = {one.id: one for one in before.open_sessions}
        checkpoint = before.checkpoint_text
        for at_s, wish in cabinet.log:
            durable = self.late or at_s + cabinet.journal_delay_s <= cabinet.at_s
            match wish:
                case NoteQueued():
                    queued[wish.session] = QueuedSession(wish.session, H1, wish.token, wish.continues)
                case NoteWithdrawn():
                    queued.pop(wish.session, None)
                case SaveCheckpoint():
                    checkpoint = wish.text
                case RecordBegin() if durable:
                    queued.pop(wish.session, None)
                    opened[wish.session] = OpenSession(wish.session, H1, wish.token, after(wish.session))
                case RecordEnd() if durable:
                    opened.pop(wish.session, None)
                    if wish.successor is not None:
                        queued[wish.successor] = QueuedSession(wish.successor, H1, None, wish.session)
        return Past(tuple(opened.values()), tuple(queued.values()), checkpoint)


def after(session: SessionId) -> SessionId:
    return SessionId(f"{session}+")


def script(cabinet: Cabinet, second: int) -> None:
    """Asked for while the house is full, charges, is paused by the house, charges again, is stopped."""
    if second == 5:
        cabinet.place("h1").car = Car(limit_a=8.0, phases=1)
        cabinet.ask(StartSession(H1, FIRST, Token("u-0001"), Source.MQTT))
    busy = second < 40 or 70 <= second < 130
    cabinet.house_a[0] = 15.0 if busy else 2.0
    if second == 70:
        cabinet.house_a[0] = 22.0
    if second == 380:
        cabinet.ask(StopSession(H1, Source.MQTT))


def phase_of(cabinet: Cabinet) -> SessionPhase | None:
    session = cabinet.state.sockets[H1].session
    return None if session is None else session.phase


def deaths(cabinet: Cabinet, seconds: int, *, scripted: bool) -> list[tuple[SessionPhase | None, float, int]]:
    """Phase, time and length of the log at each tick in which the phase is a new one."""
    seen: list[tuple[SessionPhase | None, float, int]] = []
    last: object = "none yet"
    for second in range(seconds):
        if scripted:
            script(cabinet, second)
        cabinet.step()
        if phase_of(cabinet) is not last:
            last = phase_of(cabinet)
            seen.append((phase_of(cabinet), cabinet.at_s, len(cabinet.log)))
    return seen


def lived(past: Past, at_s: float, seconds: int, *, scripted: bool, delay_s: float) -> Cabinet:
    cabinet = Cabinet(SITE, past=past, at_s=at_s, journal_delay_s=delay_s)
    for second in range(seconds):
        if scripted:
            script(cabinet, second)
        cabinet.step()
    return cabinet


def judge(past: Past, cabinet: Cabinet) -> None:
    """After an interruption: what had begun is recovered once, and what waited waits on, is begun or was withdrawn."""
    ends = [wish for _, wish in cabinet.log if isinstance(wish, RecordEnd)]
    begun = {wish.session for _, wish in cabinet.log if isinstance(wish, RecordBegin)}
    for one in past.open_sessions:
        assert [end.kind for end in ends if end.session == one.id] == [EndKind.RECOVERED]
        assert one.id not in begun
    standing = {*cabinet.state.queue, *begun}
    running = cabinet.state.sockets[H1].session
    standing |= set() if running is None else {running.id}
    for waiting in past.queued:
        assert waiting.id in standing, "one that waited has lost its place"
        assert waiting.id not in {end.session for end in ends if end.kind is EndKind.RECOVERED}


@pytest.mark.parametrize("late", [False, True])
def test_every_pair_of_interruptions_ends_each_session_as_recovered_or_lets_it_wait_on(late: bool) -> None:
    journal, empty = Journal(late), Past((), (), None)
    first_seen: set[SessionPhase | None] = set()
    second_seen: set[SessionPhase | None] = set()
    for phase, at_s, _ in deaths(Cabinet(SITE, past=empty, journal_delay_s=2.0), 400, scripted=True):
        died = lived(empty, 1000.0, round(at_s - 1000.0), scripted=True, delay_s=2.0)
        assert phase_of(died) is phase
        past = journal.past(died, empty)
        first_seen.add(phase)
        judge(past, lived(past, at_s + 5.0, 60, scripted=False, delay_s=2.0))
        for again, again_s, _ in deaths(
            Cabinet(SITE, past=past, at_s=at_s + 5.0, journal_delay_s=2.0), 80, scripted=False
        ):
            second = lived(past, at_s + 5.0, round(again_s - at_s - 5.0), scripted=False, delay_s=2.0)
            assert phase_of(second) is again
            later = journal.past(second, past)
            second_seen.add(again)
            judge(later, lived(later, again_s + 5.0, 60, scripted=False, delay_s=2.0))
    assert first_seen == {None, *SessionPhase} - {SessionPhase.ENDED} - FLEETING
    assert second_seen >= {SessionPhase.READING_END, SessionPhase.SIGNING_END, None}
