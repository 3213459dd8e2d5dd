"""A session that is interrupted ends as recovered or cancelled, and nothing else, whenever and however often it is."""

from collections.abc import Iterator
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
DELAY_S = 2.0
DOWN_S = 5.0
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


def deaths(cabinet: Cabinet, seconds: int, *, scripted: bool) -> Iterator[SessionPhase | None]:
    """The phase at each tick in which it is a new one; meanwhile the cabinet stands as at a death in that tick."""
    last: object = "none yet"
    for second in range(seconds):
        if scripted:
            script(cabinet, second)
        cabinet.step()
        if phase_of(cabinet) is not last:
            last = phase_of(cabinet)
            yield phase_of(cabinet)


def lived(past: Past, at_s: float) -> Cabinet:
    """A minute after a restart."""
    cabinet = Cabinet(SITE, past=past, at_s=at_s, journal_delay_s=DELAY_S)
    cabinet.run(60)
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
    died = Cabinet(SITE, past=empty, journal_delay_s=DELAY_S)
    for phase in deaths(died, 400, scripted=True):
        first_seen.add(phase)
        past, back_s = journal.past(died, empty), died.at_s + DOWN_S
        judge(past, lived(past, back_s))
        died_again = Cabinet(SITE, past=past, at_s=back_s, journal_delay_s=DELAY_S)
        for again in deaths(died_again, 80, scripted=False):
            second_seen.add(again)
            later = journal.past(died_again, past)
            judge(later, lived(later, died_again.at_s + DOWN_S))
    assert first_seen == {None, *SessionPhase} - {SessionPhase.ENDED} - FLEETING
    assert second_seen >= {SessionPhase.READING_END, SessionPhase.SIGNING_END, None}
