"""What the facts so far add up to: what must be done after a start, and what the next fact builds on.

`Memory.absorb` is the one way in which memory changes, at recovery and while running, so that both agree.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from gateway.clock import Instant
from gateway.control.past import OpenSession, Past, QueuedSession
from gateway.errors import JournalDamaged
from gateway.ids import SessionId, SocketId
from gateway.journal.facts import (
    ChainChecked,
    ClockSeen,
    ConfigSeen,
    ControlCheckpoint,
    EnergyOutside,
    Fact,
    JournalBegun,
    KeyHandedOver,
    KeyMade,
    MemorySaved,
    MeterExchanged,
    MeterSeen,
    PageMade,
    PageSigned,
    SavedKey,
    SavedMark,
    SavedSession,
    SessionBegun,
    SessionEnded,
    SessionQueued,
    SessionWithdrawn,
)
from gateway.journal.meter_facts import MeterKeyDoubted, MeterKeyPinned, MeterKeyUpheld, MeterRecordKept
from gateway.journal.profile_facts import PeriodsSigned, TimeReferenced
from gateway.journal.profile_memory import ProfileMemory
from gateway.metering.clock_watch import Cause, is_doubt
from gateway.metering.ocmf import NO_PAGE_BEFORE, payload_hash
from gateway.metering.pins import PinState
from gateway.site.outcomes import Edge

RECENT_MAX: Final = 256
"""So many ended sessions are remembered, in case somebody asks for the same end again."""


@dataclass(frozen=True, slots=True)
class RegisterMark:
    """Up to where a meter's energy is booked."""

    serial: str
    kwh: Decimal


@dataclass(frozen=True, slots=True)
class PageSequence:
    """Where one key's pages stand: the newest number and the hash of its payload."""

    page: int = 0
    hash: str = NO_PAGE_BEFORE


def text_hash(text: str) -> str:
    """SHA-256 in hex of the text as UTF-8."""
    return sha256(text.encode("utf-8")).hexdigest()


@dataclass(slots=True)
class Memory:
    """The sum of the facts.

    keys: public keys with their serials, the newest last;
    unsigned: pages by (key, number) that wait for a signature; open: sessions with a begin and no end; begun: the
    begin facts of open and recent sessions; durable: complete records by session and edge, of the same sessions;
    doubted: open sessions during which the wall clock was not trusted, or stepped;
    doubted_keys: sockets for which a record of another key than their meter's came, and nobody has looked at it since;
    config: SHA-256 in hex of what the config said last; meter_records: what meters signed themselves of open and recent
    sessions since the start; meter_kwh: the energy that this proves.
    """

    journal_begun: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    sequences: dict[str, PageSequence] = field(default_factory=dict)
    unsigned: dict[tuple[str, int], PageMade] = field(default_factory=dict)
    open: dict[SessionId, SessionBegun] = field(default_factory=dict)
    queued: dict[SessionId, SessionQueued] = field(default_factory=dict)
    registers: dict[SocketId, RegisterMark] = field(default_factory=dict)
    begun: dict[SessionId, SessionBegun] = field(default_factory=dict)
    ended: dict[SessionId, SessionEnded] = field(default_factory=dict)
    payloads: dict[tuple[SessionId, Edge], str] = field(default_factory=dict)
    durable: dict[tuple[SessionId, Edge], PageSigned] = field(default_factory=dict)
    checkpoint: str | None = None
    checked: ChainChecked | None = None
    doubted: set[SessionId] = field(default_factory=set)
    profile: ProfileMemory = field(default_factory=ProfileMemory)
    config: str | None = None
    meter_records: dict[SessionId, tuple[str, ...]] = field(default_factory=dict)
    meter_kwh: dict[SessionId, Decimal] = field(default_factory=dict)
    doubted_keys: dict[SocketId, MeterKeyDoubted] = field(default_factory=dict)

    @property
    def newest_key(self) -> str | None:
        """The key that signs now; None before the first."""
        return next(reversed(self.keys), None)

    def sequence(self, key: str) -> PageSequence:
        """Where that key's pages stand; before the first: page 0."""
        return self.sequences.get(key, PageSequence())

    def waiting(self, session: SessionId, edge: Edge) -> PageMade | None:
        """The session's page that is durable but not signed yet."""
        return next((page for page in self.unsigned.values() if (page.session, page.edge) == (session, edge)), None)

    def absorb(self, fact: Fact) -> None:
        """Takes the next fact. Raises JournalDamaged if it cannot follow from the facts before it."""
        match fact:
            case JournalBegun():
                self.journal_begun = True
            case KeyMade() | KeyHandedOver():
                self._absorb_key(fact)
            case ControlCheckpoint() | ChainChecked() | ConfigSeen():
                self._absorb_newest(fact)
            case MeterRecordKept() | MeterKeyDoubted() | MeterKeyUpheld() | MeterKeyPinned():
                self._absorb_meter_fact(fact)
            case MemorySaved():
                self._absorb_saved(fact)
            case SessionQueued() | SessionWithdrawn() | SessionBegun() | SessionEnded():
                self._absorb_session(fact)
            case MeterSeen() | MeterExchanged() | EnergyOutside():
                self._absorb_energy(fact)
            case ClockSeen() | TimeReferenced():
                self._absorb_clock(fact)
            case PeriodsSigned():
                self.profile.absorb(fact, self.keys)
            case PageMade():
                self._absorb_page(fact)
            case PageSigned():
                self._absorb_signature(fact)
            case _:
                pass

    def saved(self, at: Instant) -> MemorySaved | None:
        """All that later facts build on; None while a page waits for its signature."""
        if self.unsigned:
            return None
        keys = ((key, serial, self.sequence(key)) for key, serial in self.keys.items())
        begin = {session: self.durable[session, Edge.BEGIN] for session in self.open}
        return MemorySaved(
            at=at,
            keys=tuple(SavedKey(key, serial, newest.page, newest.hash) for key, serial, newest in keys),
            registers=tuple(SavedMark(socket, mark.serial, mark.kwh) for socket, mark in self.registers.items()),
            running=tuple(
                SavedSession(begun, self.payloads[session, Edge.BEGIN], begin[session])
                for session, begun in self.open.items()
            ),
            queued=tuple(self.queued.values()),
            checkpoint=self.checkpoint,
            doubted=tuple(sorted(self.doubted)),
            profile=self.profile.saved(),
            seconds=self.profile.seconds,
            config=self.config,
            checked=self.checked,
            doubted_keys=tuple(self.doubted_keys.values()),
        )

    def _absorb_saved(self, saved: MemorySaved) -> None:
        """The first fact of a start takes the place of all before it; a later one must say what is known anyway."""
        if self.journal_begun:
            known = self.saved(saved.at)
            if known is None or replace(known, checkpoint=saved.checkpoint, **_unsaid(saved)) != saved:
                raise JournalDamaged("what was saved for the next start is not what the rows before it say")
            return
        self.journal_begun = True
        self.keys = {key.public_key: key.serial for key in saved.keys}
        self.sequences = {key.public_key: PageSequence(key.page, key.hash) for key in saved.keys if key.page}
        self.registers = {mark.socket: RegisterMark(mark.serial, mark.kwh) for mark in saved.registers}
        self.queued = {waiting.session: waiting for waiting in saved.queued}
        self.doubted = set(saved.doubted)
        self.doubted_keys = {doubted.socket: doubted for doubted in saved.doubted_keys}
        self.profile.restore(saved)
        self.checkpoint, self.config, self.checked = saved.checkpoint, saved.config, saved.checked
        for session in saved.running:
            name = session.begun.session
            self.open[name] = self.begun[name] = session.begun
            self.payloads[name, Edge.BEGIN] = session.payload
            self.durable[name, Edge.BEGIN] = session.signed

    def _absorb_newest(self, fact: ControlCheckpoint | ChainChecked | ConfigSeen) -> None:
        """Of these each takes the place of the one before."""
        match fact:
            case ControlCheckpoint():
                self.checkpoint = fact.text
            case ChainChecked():
                self.checked = fact
            case ConfigSeen():
                self.config = text_hash(fact.text)

    def _absorb_key(self, fact: KeyMade | KeyHandedOver) -> None:
        if isinstance(fact, KeyMade):
            if self.keys:
                raise JournalDamaged("a second key is made without a hand-over")
        elif fact.before != self.newest_key or fact.page != self.sequence(fact.before).page:
            raise JournalDamaged("a key is handed over by another key, or at another page, than the newest")
        elif self.open or self.unsigned or fact.public_key in self.keys:
            raise JournalDamaged("a key is handed over in the middle of a session, or to itself")
        self.keys[fact.public_key] = fact.serial

    def _absorb_session(self, fact: SessionQueued | SessionWithdrawn | SessionBegun | SessionEnded) -> None:
        match fact:
            case SessionQueued():
                self.queued[fact.session] = fact
            case SessionWithdrawn():
                self.queued.pop(fact.session, None)
            case SessionBegun():
                mark = self.registers.get(fact.socket)
                if fact.session in self.begun or mark != RegisterMark(fact.serial, fact.kwh):
                    raise JournalDamaged(f"session {fact.session} begins twice, or not where the meter was booked to")
                self.queued.pop(fact.session, None)
                self.open[fact.session] = self.begun[fact.session] = fact
            case SessionEnded():
                begun = self.open.pop(fact.session, None)
                self.doubted.discard(fact.session)
                if begun is None or fact.kwh - begun.kwh != fact.energy_kwh or fact.energy_kwh < 0:
                    raise JournalDamaged(f"session {fact.session} ends without its begin, or with other energy")
                if self.registers[begun.socket] != RegisterMark(begun.serial, begun.kwh):
                    raise JournalDamaged(f"energy of session {fact.session} was booked while it ran")
                self.registers[fact.socket] = RegisterMark(begun.serial, fact.kwh)
                self.ended[fact.session] = fact
                self._forget_old()

    def _absorb_clock(self, fact: ClockSeen | TimeReferenced) -> None:
        """Sessions that run through a step, or through a clock that nobody vouches for, have no proven times."""
        if isinstance(fact, TimeReferenced):
            self.profile.absorb_reference(fact)
            doubt = fact.cause is not Cause.MANUAL and is_doubt(fact.cause, fact.at.utc_trust)
        else:
            doubt = not fact.at.utc_trust.is_proven
        if doubt:
            self.doubted.update(self.open)

    def _absorb_energy(self, fact: MeterSeen | MeterExchanged | EnergyOutside) -> None:
        mark = self.registers.get(fact.socket)
        match fact:
            case MeterSeen() if mark is not None:
                raise JournalDamaged(f"socket {fact.socket} sees its first meter twice")
            case MeterExchanged() if mark != RegisterMark(fact.serial_before, fact.kwh_before):
                raise JournalDamaged(f"socket {fact.socket} exchanges a meter that it did not have")
            case MeterSeen() | MeterExchanged():
                self.registers[fact.socket] = RegisterMark(fact.serial, fact.kwh)
            case EnergyOutside():
                if mark != RegisterMark(fact.serial, fact.from_kwh) or fact.to_kwh < fact.from_kwh:
                    raise JournalDamaged(f"socket {fact.socket}: energy is booked from another value than the last")
                self.registers[fact.socket] = RegisterMark(fact.serial, fact.to_kwh)

    def _absorb_page(self, fact: PageMade) -> None:
        before = self.sequence(fact.key)
        if fact.page != before.page + 1:
            raise JournalDamaged(f"page {fact.page} follows page {before.page}")
        self.sequences[fact.key] = PageSequence(fact.page, payload_hash(fact.payload))
        self.unsigned[fact.key, fact.page] = fact
        self.payloads[fact.session, fact.edge] = fact.payload

    def _absorb_signature(self, fact: PageSigned) -> None:
        page = self.unsigned.pop((fact.key, fact.page), None)
        if page is None:
            raise JournalDamaged(f"page {fact.page} is signed twice, or was never made")
        self.durable[page.session, page.edge] = fact
        if page.session not in (self.begun if page.edge is Edge.BEGIN else self.ended):
            raise JournalDamaged(f"page {fact.page} belongs to no session")

    def _absorb_meter_record(self, fact: MeterRecordKept) -> None:
        if fact.session is None or fact.session not in self.begun:
            return
        self.meter_records[fact.session] = (*self.meter_records.get(fact.session, ()), fact.text)
        if fact.energy_kwh is not None:
            self.meter_kwh[fact.session] = fact.energy_kwh

    def _absorb_meter_fact(self, fact: MeterRecordKept | MeterKeyDoubted | MeterKeyUpheld | MeterKeyPinned) -> None:
        if isinstance(fact, MeterRecordKept):
            self._absorb_meter_record(fact)
        elif isinstance(fact, MeterKeyDoubted):
            self.doubted_keys[fact.socket] = fact
        elif isinstance(fact, MeterKeyUpheld) or fact.state is PinState.CONFIRMED:
            meter = (fact.gateway, fact.meter)
            others = {name: one for name, one in self.doubted_keys.items() if (one.gateway, one.meter) != meter}
            self.doubted_keys = others

    def _forget_old(self) -> None:
        while len(self.ended) > RECENT_MAX:
            session = next(iter(self.ended))
            del self.ended[session], self.begun[session]
            self.meter_records.pop(session, None)
            self.meter_kwh.pop(session, None)
            for edge in Edge:
                self.payloads.pop((session, edge), None)
                self.durable.pop((session, edge), None)

    def past(self, successor_of: Callable[[SessionId], SessionId]) -> Past:
        """What control recovers from.

        successor_of: the id of the session that follows one which the restart ends; always the same for the same
        session, so that a recovery that is itself cut short does not put two successors into the queue.
        """
        opens = tuple(
            OpenSession(begun.session, begun.socket, begun.token, successor_of(begun.session), begun.source)
            for begun in self.open.values()
        )
        successors = {session.successor for session in opens}
        queued = tuple(
            QueuedSession(waiting.session, waiting.socket, waiting.token, waiting.continues, waiting.source)
            for waiting in self.queued.values()
            if waiting.session not in successors
        )
        return Past(opens, queued, self.checkpoint)


def _unsaid(saved: MemorySaved) -> dict[str, Any]:
    """The fields that came later, where they are empty: a version that did not know them saved nothing there."""
    later = {field.name: field.default for field in fields(saved) if field.default is not MISSING}
    return {name: empty for name, empty in later.items() if getattr(saved, name) == empty}
