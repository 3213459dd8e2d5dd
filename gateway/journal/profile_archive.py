"""The load profile out of the journal: every place's rows as they were signed, and the references of their time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.journal.facts import Fact, KeyHandedOver, KeyMade
from gateway.journal.profile_facts import PeriodsSigned, TimeReferenced
from gateway.journal.profile_memory import ProfileMemory, reference_of
from gateway.metering.clock_watch import Cause
from gateway.metering.load_profile import PeriodRow
from gateway.metering.profile_table import RegisteredRow
from gateway.metering.time_references import TimeMap, TimeReference

Wanted = Callable[[PeriodRow], bool]


@dataclass(frozen=True, slots=True)
class ArchivedReference:
    """A reference with its signature (DER in hex) and the key, in hex, that made it."""

    reference: TimeReference
    key: str
    signature: str


@dataclass(slots=True)
class ProfileArchive:
    """rows: by place, in the journal's order, of those that are wanted; key_of: by the serial that its rows bear;
    places: all that have rows."""

    wanted: Wanted
    rows: dict[str, list[RegisteredRow]] = field(default_factory=dict)
    references: list[ArchivedReference] = field(default_factory=list)
    key_of: dict[str, str] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)
    _serials: dict[str, str] = field(default_factory=dict)
    _memory: ProfileMemory = field(default_factory=ProfileMemory)

    def absorb(self, fact: Fact) -> None:
        """Takes the next fact; the chain must have been checked. Raises JournalDamaged."""
        match fact:
            case KeyMade() | KeyHandedOver():
                self._serials[fact.public_key] = fact.serial
                self.key_of[fact.serial] = fact.public_key
            case TimeReferenced():
                self._memory.absorb_reference(fact)
                reference = reference_of(fact, self._serials[fact.key])
                self.references.append(ArchivedReference(reference, fact.key, fact.signature))
            case PeriodsSigned():
                rows = self._memory.rows_of(fact, self._serials)
                for row, period in zip(rows, fact.periods, strict=True):
                    self.places.add(row.place)
                    if self.wanted(row):
                        signatures = (period.signature_register, period.signature_time)
                        self.rows.setdefault(row.place, []).append(RegisteredRow(row, fact.boot, *signatures))
            case _:
                pass

    @property
    def times(self) -> TimeMap:
        """What the references say of every boot's seconds."""
        return TimeMap(one.reference for one in self.references)

    def base_of(self, boot: str) -> Decimal | None:
        """What that boot's seconds began with; None if it is not the newest."""
        seconds = self._memory.seconds
        return seconds.base_s if seconds is not None and seconds.boot == boot else None

    def boot_of(self, si_s: Decimal) -> str | None:
        """The boot that this second is of; None if it lies before all of them."""
        begun = (one.reference for one in self.references if one.reference.cause is Cause.BOOT)
        return max(
            ((one.si_s, one.boot) for one in begun if one.si_s <= si_s),
            default=(Decimal(0), None),
            key=lambda at: at[0],
        )[1]


def profile_archive_of(facts: Iterable[Fact], wanted: Wanted = lambda _: True) -> ProfileArchive:
    """The archive of these facts."""
    archive = ProfileArchive(wanted)
    for fact in facts:
        archive.absorb(fact)
    return archive
