"""The doorkeeper: what somebody presents at a socket is looked up in the list of users, one after the other.

A proof costs tens of milliseconds of a processor, so it is worked out in a thread, one at a time, and what waits is
bounded. Nothing that was presented is logged, published or journalled; a lock-out is, once when it begins.
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from gateway.app.faults import FaultLog
from gateway.config.plans import Cabinet, ReaderPlan
from gateway.control.state import Session
from gateway.devices.protocols import Clock
from gateway.devices.user_store import UserStore
from gateway.errors import DeviceError
from gateway.ids import SessionId, SocketId
from gateway.publish.commands import PAYLOAD_BYTES_MAX, uniform
from gateway.site.because import Because, Why
from gateway.site.requests import Arm, Source, StartSession, StopSession
from gateway.site.topology import Access, Site
from gateway.site.tries import GUESSABLE, Tries
from gateway.site.users import (
    NotLetIn,
    OneTimeCode,
    Presented,
    Rights,
    User,
    UserList,
    UserRefused,
    refusal,
)
from gateway.site.wishes import NoteEvent

WAITING_MAX: Final = 16
SAME_CARD_S: Final = 4.0
"""Readers repeat a card for as long as it lies there: so long it counts as the same tap."""
FAULT: Final = "list of users"

Answer = StartSession | Arm | StopSession | NotLetIn
Listener = Callable[[str, bytes, bool], None]


class UserBook(Protocol):
    """Where users, their proofs and the counts of wrong tries are kept (`devices.user_store.UserStore`)."""

    def users(self) -> UserList: ...

    def proof(self, salt: bytes, means: Source, text: str) -> bytes: ...

    def use_up(self, code: OneTimeCode) -> bool: ...

    def keep_tries(self, spent: Mapping[str, float]) -> None: ...


class Doorkeeper:
    """`present` is quick and never waits; `run` belongs to the TaskGroup."""

    def __init__(
        self,
        *,
        book: UserBook,
        tries: Tries,
        site: Site,
        rights: Rights,
        readers: Sequence[ReaderPlan],
        session_at: Callable[[SocketId], Session | None],
        note: Callable[[NoteEvent], None],
        clock: Clock,
        faults: FaultLog,
    ) -> None:
        self._book = book
        self._tries = tries
        self._site = site
        self._rights = rights
        self._readers = readers
        self._session_at = session_at
        self._note = note
        self._clock = clock
        self._faults = faults
        self._waiting: asyncio.Queue[Presented] = asyncio.Queue(WAITING_MAX)
        self._answers: asyncio.Queue[Answer] = asyncio.Queue(4 * WAITING_MAX)
        self._last_taps: dict[str, tuple[str, float]] = {}
        self._locked: set[str] = set()

    def listen(self, subscribe: Callable[[str, Listener], None]) -> None:
        """Subscribes to every reader's topic. To be called before the link runs."""
        for plan in self._readers:
            subscribe(plan.topic, partial(self._heard, plan))

    def present(self, presented: Presented) -> None:
        """Takes what somebody presents; the answer comes by `next_answer`."""
        try:
            self._waiting.put_nowait(presented)
        except asyncio.QueueFull:
            self._answer(NotLetIn(presented.socket, UserRefused.BUSY))

    async def next_answer(self) -> Answer:
        """A request that somebody known has made, or why he is not let in."""
        return await self._answers.get()

    async def run(self) -> None:
        while True:
            presented = await self._waiting.get()
            try:
                answer = await self._judged(presented)
            except DeviceError as problem:
                self._faults.on(FAULT, str(problem))
                answer = NotLetIn(presented.socket, UserRefused.LIST_UNREADABLE)
            else:
                self._faults.off(FAULT)
            self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        """Bounded too: who floods the gateway gets no answer any more."""
        if not self._answers.full():
            self._answers.put_nowait(answer)

    def _heard(self, plan: ReaderPlan, _topic: str, payload: bytes, retained: bool) -> None:
        """A reader's message. What holds no card (its other telemetry) is none, and neither is a retained one."""
        text = None if retained or len(payload) > PAYLOAD_BYTES_MAX else uniform(Source.RFID, _card_in(plan, payload))
        if text is None:
            return
        now_s = self._clock.now().monotonic_s
        before, at_s = self._last_taps.get(plan.name, ("", 0.0))
        self._last_taps[plan.name] = (text, now_s)
        if before != text or now_s - at_s > SAME_CARD_S:
            self.present(Presented(plan.socket, Source.RFID, text, reader=plan.name, toggles=True))

    async def _judged(self, presented: Presented) -> Answer:
        place = f"socket {presented.socket}" if presented.reader is None else f"reader {presented.reader}"
        means, now = presented.means, self._clock.now()
        wait_s = self._tries.wait_s(place, means, now.monotonic_s)
        if wait_s > 0.0:
            self._lock(place, presented.socket)
            return NotLetIn(presented.socket, UserRefused.LOCKED_OUT, wait_s)
        self._locked.discard(place)
        await self._count(place, means, spend=True)
        users = await asyncio.to_thread(self._book.users)
        user, code = await self._known(users, presented)
        if user is not None:
            await self._count(place, means, spend=False)
        asks = self._site.sockets[presented.socket].access is Access.LIST
        why = refusal(user, code, self._rights if asks else None, presented.socket, now)
        if user is None or why is not None:
            return NotLetIn(presented.socket, why or UserRefused.UNKNOWN)
        return await self._let_in(presented, user, code)

    async def _known(self, users: UserList, presented: Presented) -> tuple[User | None, OneTimeCode | None]:
        means = presented.means
        if means is Source.MQTT:
            return users.user(presented.text), None
        proof = await asyncio.to_thread(self._book.proof, users.salt, means, presented.text)
        if means is not Source.CODE:
            return users.user_of_proof(means, proof), None
        code = users.code(proof)
        return (None, None) if code is None else (users.user(code.user), code)

    async def _let_in(self, presented: Presented, user: User, code: OneTimeCode | None) -> Answer:
        """Nobody ends or takes over somebody else's session; a code is used up only for a session of its own."""
        socket, means = presented.socket, presented.means
        session = self._session_at(socket)
        if session is not None:
            if session.token == user.name and presented.toggles:
                return StopSession(socket, means)
            if session.token != user.name:
                return NotLetIn(socket, UserRefused.TAKEN)
        elif code is not None and not await asyncio.to_thread(self._book.use_up, code):
            return NotLetIn(socket, UserRefused.UNKNOWN)
        fresh = SessionId(str(uuid.uuid4()))
        asked = Arm if presented.arms else StartSession
        return asked(socket, fresh, user.name, means, presented.plan)

    async def _count(self, place: str, means: Source, *, spend: bool) -> None:
        """A try at what can be guessed is on the disk before it is judged."""
        if spend:
            self._tries.spend(place, means)
        else:
            self._tries.give_back(place, means)
        if means in GUESSABLE:
            await asyncio.to_thread(self._book.keep_tries, self._tries.lasting())

    def _lock(self, place: str, socket: SocketId) -> None:
        if place not in self._locked:
            self._locked.add(place)
            self._note(NoteEvent(socket, Because(Why.USERS_LOCKED_OUT)))


def doorkeeper_of(
    cabinet: Cabinet,
    session_at: Callable[[SocketId], Session | None],
    note: Callable[[NoteEvent], None],
    clock: Clock,
    faults: FaultLog,
) -> Doorkeeper:
    """The doorkeeper of a cabinet, with the list of users that lies beside its journal."""
    book = UserStore(cabinet.state_dir)
    return Doorkeeper(
        book=book,
        tries=book.tries(clock.now().monotonic_s),
        site=cabinet.site,
        rights=cabinet.rights,
        readers=cabinet.readers,
        session_at=session_at,
        note=note,
        clock=clock,
        faults=faults,
    )


def _card_in(plan: ReaderPlan, payload: bytes) -> object:
    """The card's number: the whole payload, or the field of a JSON object that the plan names."""
    try:
        text = payload.decode("utf-8")
        if plan.field is None:
            return text
        said: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for key in plan.field.split("."):
        said = said.get(key) if isinstance(said, dict) else None
    return said
