"""The journal read for people: whole sessions with their signed records, and energy outside them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.ids import SessionId
from gateway.journal.facts import (
    ConfigSeen,
    EnergyOutside,
    Fact,
    HeadSigned,
    KeyHandedOver,
    KeyMade,
    PageMade,
    PageSigned,
    SessionBegun,
    SessionEnded,
)
from gateway.journal.meter_facts import MeterKeyPinned, MeterRecordKept
from gateway.metering.ocmf import record_text
from gateway.site.outcomes import Edge


@dataclass(slots=True)
class ArchivedSession:
    """One session. ended and end_record are None while it runs; a record is None until it is signed; key: in hex, the
    public key that its pages were signed with."""

    begun: SessionBegun
    ended: SessionEnded | None = None
    begin_record: str | None = None
    end_record: str | None = None
    key: str | None = None
    meter_records: list[MeterRecordKept] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return self.ended is not None and self.begin_record is not None and self.end_record is not None


@dataclass(frozen=True, slots=True)
class ArchivedPage:
    """One signed page. key: the public key in hex that it was signed with."""

    page: PageMade
    signature: bytes

    @property
    def record(self) -> str:
        return record_text(self.page.payload, self.signature)


@dataclass(slots=True)
class Archive:
    """Everything that was signed or booked, in the journal's order."""

    sessions: dict[SessionId, ArchivedSession] = field(default_factory=dict)
    outside: list[EnergyOutside] = field(default_factory=list)
    pages: list[ArchivedPage] = field(default_factory=list)
    keys: list[KeyMade | KeyHandedOver] = field(default_factory=list)
    configs: list[ConfigSeen] = field(default_factory=list)
    meter_keys: list[MeterKeyPinned] = field(default_factory=list)
    strays: list[MeterRecordKept] = field(default_factory=list)
    """What a meter signed itself and fits no session."""
    head: HeadSigned | None = None
    """The newest signed head."""
    _unsigned: dict[tuple[str, int], PageMade] = field(default_factory=dict)

    @property
    def sockets(self) -> tuple[str, ...]:
        """Every socket that a session or a booking names, by name."""
        every = {session.begun.socket for session in self.sessions.values()} | {one.socket for one in self.outside}
        return tuple(sorted(every))

    def absorb(self, fact: Fact) -> None:
        """Takes the next fact; the chain must have been checked. Raises KeyError if a fact lacks the one before it."""
        match fact:
            case KeyMade() | KeyHandedOver():
                self.keys.append(fact)
            case ConfigSeen():
                self.configs.append(fact)
            case MeterKeyPinned():
                self.meter_keys.append(fact)
            case MeterRecordKept():
                session = None if fact.session is None else self.sessions.get(fact.session)
                (self.strays if session is None else session.meter_records).append(fact)
            case HeadSigned():
                self.head = fact
            case EnergyOutside():
                self.outside.append(fact)
            case SessionBegun():
                self.sessions[fact.session] = ArchivedSession(fact)
            case SessionEnded():
                self.sessions[fact.session].ended = fact
            case PageMade():
                self._unsigned[fact.key, fact.page] = fact
            case PageSigned():
                self._sign(ArchivedPage(self._unsigned.pop((fact.key, fact.page)), bytes.fromhex(fact.signature)))
            case _:
                pass

    def _sign(self, signed: ArchivedPage) -> None:
        self.pages.append(signed)
        session = self.sessions[signed.page.session]
        session.key = signed.page.key
        if signed.page.edge is Edge.BEGIN:
            session.begin_record = signed.record
        else:
            session.end_record = signed.record


def archive_of(facts: Iterable[Fact]) -> Archive:
    """The archive of these facts."""
    archive = Archive()
    for fact in facts:
        archive.absorb(fact)
    return archive
