"""Who presents something at a socket: let in, sent away with the right words, or locked out; nothing is given away."""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.app.doorkeeper import WAITING_MAX, Answer, Doorkeeper, Listener
from gateway.app.faults import FaultLog
from gateway.clock import Instant, UtcTrust
from gateway.config.plans import ReaderPlan
from gateway.control.draft import waiting_session
from gateway.control.memory import Successor
from gateway.control.state import Session
from gateway.errors import DeviceError
from gateway.ids import SessionId, SocketId, Token
from gateway.publish.events import EVENT_TYPES, user_refused_event
from gateway.publish.refusal_words import USERS_REFUSED
from gateway.publish.words import Language
from gateway.site.because import Why
from gateway.site.requests import Arm, Source, StartSession, StopSession
from gateway.site.topology import Access
from gateway.site.tries import SECRET, Tries
from gateway.site.users import NotLetIn, OneTimeCode, Presented, Rights, User, UserList, UserRefused
from gateway.site.wishes import NoteEvent
from tests.publish.cabinet_told import BOX, GATEWAY, LIFT, PLAIN, site

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CARD, PIN, CODE = "04A21B99", "481516", "JY8EL5C8"
ANN, BO = Token("u-ann1"), Token("u-bo22")
SITE = replace(site(), sockets={**site().sockets, BOX: replace(site().sockets[BOX], access=Access.LIST)})
TAG = ReaderPlan("door", "tele/door", BOX, "RC522.UID")
BARE = ReaderPlan("bare", "bare/tag", BOX, None)


LOOPS: list[asyncio.AbstractEventLoop] = []


@pytest.fixture(autouse=True)
def _loops_are_closed() -> Iterator[None]:
    yield
    while LOOPS:
        LOOPS.pop().close()


class HandClock:
    def __init__(self) -> None:
        self.monotonic_s = 100.0
        self.trust = UtcTrust.SYNCHRONISED

    def now(self) -> Instant:
        return Instant(self.monotonic_s, NOON + timedelta(seconds=self.monotonic_s - 100.0), self.trust)


def proof_of(means: Source, text: str) -> bytes:
    return f"proof of {means.value} {text}".encode()


@dataclass
class PaperBook:
    """A list of users in memory; proofs are cheap here."""

    listed: UserList
    unreadable: bool = False
    kept: list[dict[str, float]] = field(default_factory=list)

    def users(self) -> UserList:
        if self.unreadable:
            raise DeviceError("users.json is no list of users")
        return self.listed

    def proof(self, salt: bytes, means: Source, text: str) -> bytes:
        assert salt == b"salt"
        return proof_of(means, text)

    def use_up(self, code: OneTimeCode) -> bool:
        before = self.listed.codes
        self.listed = replace(self.listed, codes=tuple(one for one in before if one != code))
        return self.listed.codes != before

    def keep_tries(self, spent: Mapping[str, float]) -> None:
        self.kept.append(dict(spent))


def book() -> PaperBook:
    ann = User(ANN, rights=("p1",), cards=(proof_of(Source.RFID, CARD),), pins=(proof_of(Source.PIN, PIN),))
    bo = User(BO, valid_until=NOON - timedelta(days=1), cards=(proof_of(Source.RFID, "0B0B0B0B"),))
    guest = User(Token("u-gst3"), cards=(proof_of(Source.RFID, "0C0C0C0C"),))
    code = OneTimeCode(ANN, proof_of(Source.CODE, CODE), NOON + timedelta(hours=1))
    return PaperBook(UserList(b"salt", (ann, bo, guest), (code,)))


def running(token: Token | None) -> Session:
    at = Instant(90.0, NOON, UtcTrust.SYNCHRONISED)
    return waiting_session(Successor(SessionId("s-1"), token, Source.RFID, at, None, False), BOX, 90.0)


class Door:
    """A doorkeeper with everything around it in memory."""

    def __init__(self, *, readers: tuple[ReaderPlan, ...] = (TAG, BARE)) -> None:
        self.clock = HandClock()
        self.book = book()
        self.sessions: dict[SocketId, Session] = {}
        self.noted: list[NoteEvent] = []
        self.listeners: dict[str, Listener] = {}
        self.faults = FaultLog()
        self.keeper = Doorkeeper(
            book=self.book,
            tries=Tries(100.0),
            site=SITE,
            rights=Rights(),
            readers=readers,
            session_at=self.sessions.get,
            note=self.noted.append,
            clock=self.clock,
            faults=self.faults,
        )
        self.keeper.listen(self.listeners.__setitem__)

        self.loop = asyncio.new_event_loop()
        LOOPS.append(self.loop)

    async def _answers(self, presented: Sequence[Presented], last: Presented) -> list[Answer]:
        worker = asyncio.create_task(self.keeper.run())
        got: list[Answer] = []
        for one in (*presented, last):
            self.keeper.present(one)
        while not got or not isinstance(got[-1], NotLetIn) or got[-1].socket != LIFT:
            got.append(await self.keeper.next_answer())
        worker.cancel()
        return got[:-1]

    def asked(self, *presented: Presented) -> list[Answer]:
        """The answers to all that was presented, up to that of a stranger who comes last."""
        return self.loop.run_until_complete(self._answers(presented, Presented(LIFT, Source.MQTT, "u-stranger")))

    def tapped(self, topic: str, *payloads: bytes, retained: bool = False) -> list[Answer]:
        for payload in payloads:
            self.listeners[topic](topic, payload, retained)
        return self.asked()


def at_box(means: Source, text: str) -> Presented:
    return Presented(BOX, means, text)


def refused(answers: list[Answer]) -> list[UserRefused]:
    return [one.why for one in answers if isinstance(one, NotLetIn)]


@pytest.mark.parametrize(
    ("means", "text"), [(Source.RFID, CARD), (Source.PIN, PIN), (Source.CODE, CODE), (Source.MQTT, str(ANN))]
)
def test_who_is_on_the_list_and_has_the_right_starts_as_a_pseudonym(means: Source, text: str) -> None:
    (answer,) = Door().asked(at_box(means, text))
    assert isinstance(answer, StartSession)
    assert (answer.socket, answer.token, answer.source) == (BOX, ANN, means)


@pytest.mark.parametrize(
    ("means", "text", "why"),
    [
        (Source.RFID, "FFFFFFFF", UserRefused.UNKNOWN),
        (Source.RFID, "0B0B0B0B", UserRefused.EXPIRED),
        (Source.RFID, "0C0C0C0C", UserRefused.NO_RIGHT),
        (Source.PIN, "000000", UserRefused.UNKNOWN),
        (Source.CODE, "AAAAAAAA", UserRefused.UNKNOWN),
        (Source.MQTT, "u-nobody", UserRefused.UNKNOWN),
        (Source.PIN, CARD, UserRefused.UNKNOWN),
    ],
)
def test_everybody_else_is_told_why_not(means: Source, text: str, why: UserRefused) -> None:
    assert Door().asked(at_box(means, text)) == [NotLetIn(BOX, why)]


def test_a_code_is_good_for_one_session() -> None:
    door = Door()
    first, second = door.asked(at_box(Source.CODE, CODE), at_box(Source.CODE, CODE))
    assert isinstance(first, StartSession)
    assert second == NotLetIn(BOX, UserRefused.UNKNOWN)


def test_a_code_is_not_used_up_where_somebody_charges_already() -> None:
    door = Door()
    door.sessions[BOX] = running(BO)
    assert refused(door.asked(at_box(Source.CODE, CODE))) == [UserRefused.TAKEN]
    door.sessions.clear()
    assert isinstance(door.asked(at_box(Source.CODE, CODE))[0], StartSession)


def test_a_socket_that_does_not_ask_books_on_whoever_presents_himself() -> None:
    (answer,) = Door().asked(Presented(PLAIN, Source.RFID, "0C0C0C0C", arms=True))
    assert isinstance(answer, Arm)
    assert (answer.socket, answer.token, answer.source) == (PLAIN, Token("u-gst3"), Source.RFID)
    assert refused(Door().asked(Presented(PLAIN, Source.RFID, "FFFFFFFF"))) == [UserRefused.UNKNOWN]


def test_a_reader_starts_at_the_first_tap_and_ends_at_the_next_of_the_same_user() -> None:
    door = Door()
    message = json.dumps({"Time": "2026-06-01T12:00:00", "RC522": {"UID": "04a2 1b99", "Type": "x"}}).encode()
    assert isinstance(door.tapped("tele/door", message)[0], StartSession)
    door.sessions[BOX] = running(ANN)
    door.clock.monotonic_s += 60.0
    assert door.tapped("tele/door", message) == [StopSession(BOX, Source.RFID)]
    door.sessions[BOX] = running(BO)
    door.clock.monotonic_s += 60.0
    assert door.tapped("tele/door", message) == [NotLetIn(BOX, UserRefused.TAKEN)]


def test_a_card_that_lies_on_the_reader_is_one_tap() -> None:
    door = Door()
    for _ in range(30):
        door.listeners["bare/tag"]("bare/tag", b"04:A2:1B:99", False)
        door.clock.monotonic_s += 1.0
    assert len(door.asked()) == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b'{"RC522": 7}',
        b'{"RC522": {"UID": 7}}',
        b'{"Time": "x"}',
        b"[" * 4000,
        b"x" * 5000,
    ],
)
def test_what_a_reader_says_beside_cards_is_no_tap(payload: bytes) -> None:
    door = Door()
    assert door.tapped("tele/door", payload) == []


def test_a_retained_tap_is_none() -> None:
    assert Door().tapped("bare/tag", CARD.encode(), retained=True) == []


def test_after_so_many_wrong_pins_not_even_the_right_one_is_looked_at() -> None:
    door = Door()
    wrong = [at_box(Source.PIN, f"00000{n}") for n in range(SECRET.at_once)]
    assert refused(door.asked(*wrong)) == [UserRefused.UNKNOWN] * SECRET.at_once
    late = door.asked(at_box(Source.PIN, PIN), at_box(Source.PIN, PIN))
    assert refused(late) == [UserRefused.LOCKED_OUT] * 2
    assert isinstance(late[0], NotLetIn)
    assert late[0].wait_s == pytest.approx(SECRET.rest_s)
    assert [(one.socket, one.because.why) for one in door.noted] == [(BOX, Why.USERS_LOCKED_OUT)], "journalled once"
    assert isinstance(door.asked(at_box(Source.RFID, CARD))[0], StartSession), "cards are counted apart"
    door.clock.monotonic_s += SECRET.rest_s + 1.0
    assert isinstance(door.asked(at_box(Source.PIN, PIN))[0], StartSession)


def test_a_guess_is_on_the_disk_before_it_is_judged_and_a_right_one_is_given_back() -> None:
    door = Door()
    door.asked(at_box(Source.PIN, "000000"))
    assert door.book.kept == [{"socket p1 guessable": 1.0, "site guessable": 1.0}]
    door.asked(at_box(Source.PIN, PIN))
    assert [kept["site guessable"] for kept in door.book.kept] == pytest.approx([1.0, 2.0, 1.0], abs=0.01)


def test_a_list_that_cannot_be_read_lets_nobody_in_and_heals() -> None:
    door = Door()
    door.book.unreadable = True
    assert refused(door.asked(at_box(Source.RFID, CARD))) == [UserRefused.LIST_UNREADABLE]
    assert door.faults.now
    door.book.unreadable = False
    assert isinstance(door.asked(at_box(Source.RFID, CARD))[0], StartSession)
    assert not door.faults.now


def test_a_flood_is_bounded_and_answered() -> None:
    door = Door()
    for n in range(500):
        door.keeper.present(at_box(Source.MQTT, f"u-{n:04d}"))

    async def all_answers() -> list[Answer]:
        sent_away = [await door.keeper.next_answer() for _ in range(4 * WAITING_MAX)]
        worker = asyncio.create_task(door.keeper.run())
        looked_at = [await door.keeper.next_answer() for _ in range(WAITING_MAX)]
        worker.cancel()
        return [*sent_away, *looked_at]

    got = refused(door.loop.run_until_complete(all_answers()))
    assert got == [UserRefused.BUSY] * 4 * WAITING_MAX + [UserRefused.UNKNOWN] * WAITING_MAX
    assert isinstance(door.asked(at_box(Source.CODE, CODE))[0], StartSession), "and then all is as before"


def test_nothing_that_was_presented_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    door = Door()
    wrong = [at_box(Source.PIN, "987654") for _ in range(SECRET.at_once + 1)]
    answers = door.asked(*wrong, at_box(Source.RFID, "DEADBEEF"), at_box(Source.RFID, CARD))
    door.book.unreadable = True
    answers += door.asked(at_box(Source.CODE, CODE))
    said = caplog.text + repr(wrong) + repr(answers) + repr(door.noted)
    for one in answers:
        if isinstance(one, NotLetIn):
            said += user_refused_event(GATEWAY, one, Language.SV, NOON)[1]
    for secret in ("987654", "DEADBEEF", CARD, CODE):
        assert secret not in said


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("why", UserRefused)
def test_every_refusal_has_its_words(why: UserRefused, language: Language) -> None:
    topic, payload = user_refused_event(GATEWAY, NotLetIn(BOX, why, 61.0), language, NOON)
    told = json.loads(payload)
    assert topic == "laddvakt/villa-1/event"
    assert told["event_type"] == "token_refused"
    assert told["event_type"] in EVENT_TYPES
    assert (told["socket"], told["reason"], told["wait_s"]) == (BOX, why.value, 61)
    assert "{" not in told["text"]
    assert ("2 min" in told["text"]) is (why is UserRefused.LOCKED_OUT)


def test_the_refusals_words_differ_by_language() -> None:
    assert set(USERS_REFUSED) == set(UserRefused)
    assert all(swedish != english for swedish, english in USERS_REFUSED.values())
