"""Where in a journal that lies which an export takes: the places of its rows, so that they are read one by one.

Memory grows with what is wanted and not with the years: for each wanted session some 300 bytes.
"""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import JournalDamaged
from gateway.ids import SessionId
from gateway.journal.chain import Head, StoredRow, linked
from gateway.journal.facts import (
    ChainChecked,
    ClockSeen,
    ConfigSeen,
    ControlCheckpoint,
    EnergyOutside,
    EventNoted,
    Fact,
    HeadSigned,
    KeyHandedOver,
    KeyMade,
    MemorySaved,
    PageMade,
    PageSigned,
    SessionBegun,
    SessionEnded,
    SessionQueued,
    SessionWithdrawn,
)
from gateway.journal.meter_facts import MeterKeyPinned, MeterRecordKept
from gateway.journal.profile_facts import PeriodsSigned, TimeReferenced
from gateway.journal.rows import fact_of, kind_of

Wanted = Callable[[SessionBegun | EnergyOutside], bool]

_PASSED_OVER: Final = frozenset(
    kind.__name__
    for kind in (
        ChainChecked, ClockSeen, ControlCheckpoint, EventNoted, MemorySaved, PeriodsSigned, SessionQueued,
        SessionWithdrawn, TimeReferenced,
    )
)  # fmt: skip
"""By far the most rows: they are held against the chain, and what they say is not read."""


def everything(_: SessionBegun | EnergyOutside) -> bool:
    """Wants all sessions and all energy outside them."""
    return True


@dataclass(slots=True)
class Contents:
    """Numbers of rows, in the journal's order, of what is wanted; and what is small, as it stands there.

    sessions: by id, the rows of its begin, its end, its pages and their signatures; meter_records: by session, what its
    meter signed itself; strays: what a meter signed and belongs to none of these sessions; pages: of each signed page
    two numbers, of the page and of its signature; sockets, users: all that the journal names, wanted or not.
    """

    wanted: Wanted = everything
    sessions: dict[SessionId, "array[int]"] = field(default_factory=dict)
    meter_records: dict[SessionId, "array[int]"] = field(default_factory=dict)
    strays: "array[int]" = field(default_factory=lambda: array("Q"))
    pages: "array[int]" = field(default_factory=lambda: array("Q"))
    outside: "array[int]" = field(default_factory=lambda: array("Q"))
    keys: list[KeyMade | KeyHandedOver] = field(default_factory=list)
    configs: list[ConfigSeen] = field(default_factory=list)
    meter_keys: list[MeterKeyPinned] = field(default_factory=list)
    sockets: set[str] = field(default_factory=set)
    users: set[str | None] = field(default_factory=set)
    head: str = ""
    """The newest signed one, as SEQ:HASH; empty before the first."""
    _unsigned: dict[tuple[str, int], tuple[int, SessionId]] = field(default_factory=dict)

    def absorb(self, row: StoredRow) -> None:
        """Takes the next row; the chain must have been checked. Raises JournalDamaged."""
        if kind_of(row.seq, row.text) in _PASSED_OVER:
            return
        fact = fact_of(row.seq, row.text)
        match fact:
            case KeyMade() | KeyHandedOver():
                self.keys.append(fact)
            case ConfigSeen():
                self.configs.append(fact)
            case MeterKeyPinned():
                self.meter_keys.append(fact)
            case HeadSigned():
                self.head = f"{fact.seq}:{fact.hash}"
            case _:
                self._place(row.seq, fact)

    def _place(self, seq: int, fact: Fact) -> None:
        match fact:
            case SessionBegun():
                self.sockets.add(fact.socket)
                self.users.add(fact.token)
                if self.wanted(fact):
                    self.sessions[fact.session] = array("Q", (seq,))
            case EnergyOutside():
                self.sockets.add(fact.socket)
                if self.wanted(fact):
                    self.outside.append(seq)
            case SessionEnded() if fact.session in self.sessions:
                self.sessions[fact.session].append(seq)
            case PageMade():
                self._unsigned[fact.key, fact.page] = seq, fact.session
            case PageSigned():
                self._sign(seq, fact)
            case MeterRecordKept() if fact.session is not None and fact.session in self.sessions:
                self.meter_records.setdefault(fact.session, array("Q")).append(seq)
            case MeterRecordKept():
                self.strays.append(seq)
            case _:
                pass

    def _sign(self, seq: int, fact: PageSigned) -> None:
        made = self._unsigned.pop((fact.key, fact.page), None)
        if made is None:
            raise JournalDamaged(f"row {seq} signs page {fact.page}, which was never made or is signed already")
        if made[1] in self.sessions:
            both = array("Q", (made[0], seq))
            self.pages.extend(both)
            self.sessions[made[1]].extend(both)


def contents_of(rows: Iterable[StoredRow], wanted: Wanted = everything) -> Contents:
    """The contents of the whole journal, each of its rows held against the chain. Raises JournalDamaged."""
    contents, head = Contents(wanted), Head()
    for row in rows:
        head = linked(row, head)
        contents.absorb(row)
    return contents
