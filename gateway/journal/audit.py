"""Everything that a journal's rows must hold beside their chain: what the facts add up to, and every signature."""

from dataclasses import dataclass, field

from gateway.errors import JournalDamaged, WrittenByNewer
from gateway.journal.chain import Head, StoredRow, linked
from gateway.journal.facts import Fact, HeadSigned, KeyHandedOver, PageSigned, unique_name
from gateway.journal.heads import hand_over_text, require_signed_head, vouches
from gateway.journal.meter_facts import MeterRecordKept
from gateway.journal.recovery import Memory
from gateway.journal.rows import fact_of
from gateway.metering.keys import NotAKey, PublicKey, public_key
from gateway.metering.record import checked_record
from gateway.metering.verdicts import Finding


@dataclass(frozen=True, slots=True)
class Checked:
    """Every row up to this head is whole. pages: signed pages among them."""

    head: Head
    pages: int


@dataclass(slots=True)
class Audit:
    """Takes every row in order. expected: a head that somebody kept, which must be among the rows."""

    expected: Head | None = None
    head: Head = field(default_factory=Head)
    covered: Head = field(default_factory=Head)
    """The newest head that the key vouches for."""
    newer: WrittenByNewer | None = None
    """The first row that this version cannot read."""
    pages: int = 0
    memory: Memory = field(default_factory=Memory)
    _keys: dict[str, PublicKey] = field(default_factory=dict)

    def absorb(self, row: StoredRow) -> None:
        """The next row as it lies in the store. Raises JournalDamaged, which names the row.

        Behind a row that only a newer version can read, the chain alone is checked; `finish` says so.
        """
        head = linked(row, self.head)
        if self.newer is None:
            try:
                self._absorb_fact(row, fact_of(row.seq, row.text))
            except WrittenByNewer as newer:
                self.newer = newer
        self.head = head
        if self.expected is not None and self.expected.seq == head.seq and self.expected.hash != head.hash:
            raise JournalDamaged(f"row {head.seq} is another one than the one whose head was kept")

    def _absorb_fact(self, row: StoredRow, fact: Fact) -> None:
        if row.name != unique_name(fact):
            raise JournalDamaged(f"row {row.seq} is stored under another name than its own")
        match fact:
            case PageSigned():
                self._require_page(fact)
            case HeadSigned():
                self._require_head(fact)
            case KeyHandedOver():
                self._require_hand_over(fact)
            case MeterRecordKept():
                self._require_meter_record(fact)
            case _:
                pass
        self.memory.absorb(fact)

    def finish(self) -> None:
        """After the last row. Raises JournalDamaged if the rows end before the head that somebody kept, and
        WrittenByNewer if the chain holds to its end but not all of it could be read."""
        if self.expected is not None and self.expected.seq > self.head.seq:
            raise JournalDamaged(
                f"this is an old copy: it ends at row {self.head.seq}, and row {self.expected.seq} was published"
            )
        if self.newer is not None:
            raise WrittenByNewer(f"the chain holds, but what it says is not checked from here on: {self.newer}")

    def _require_page(self, fact: PageSigned) -> None:
        made = self.memory.unsigned.get((fact.key, fact.page))
        is_newest = fact.key == self.memory.newest_key
        if made is None or not is_newest or not self._signed(fact.key, made.payload.encode("ascii"), fact.signature):
            raise JournalDamaged(f"the signature of page {fact.page} is wrong")
        self.pages += 1

    def _require_head(self, fact: HeadSigned) -> None:
        require_signed_head(fact, self.head)
        serial = self.memory.keys.get(fact.key)
        is_newest = fact.key == self.memory.newest_key
        if serial is None or not is_newest or not vouches(fact, self._key(fact.key), serial):
            raise JournalDamaged(f"the signature over the rows up to {fact.seq} is wrong")
        self.covered = self.head

    def _require_hand_over(self, fact: KeyHandedOver) -> None:
        text = hand_over_text(fact.before, fact.page, fact.public_key, fact.serial)
        for key, signature in ((fact.before, fact.signature_before), (fact.public_key, fact.signature)):
            if not self._signed(key, text, signature):
                raise JournalDamaged(f"row {self.head.seq + 1}: a key is handed over without both signatures")

    def _require_meter_record(self, fact: MeterRecordKept) -> None:
        """What a meter signed is still that, by the key that was pinned for it then."""
        if fact.key is None:
            return
        record = checked_record(fact.text, self._key(fact.key), fact.page)
        if isinstance(record, Finding) or record.identity != (fact.gateway, fact.meter):
            raise JournalDamaged(f"row {self.head.seq + 1}: the meter's own record {fact.page} is not what it signed")

    def _signed(self, key: str, text: bytes, signature: str) -> bool:
        try:
            return self._key(key).verifies(text, bytes.fromhex(signature))
        except ValueError:
            return False

    def _key(self, key: str) -> PublicKey:
        """Raises JournalDamaged."""
        if key not in self._keys:
            try:
                self._keys[key] = public_key(key)
            except NotAKey as problem:
                raise JournalDamaged(f"row {self.head.seq + 1}: {problem}") from None
        return self._keys[key]
