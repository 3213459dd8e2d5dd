"""What the load profile's next row builds on: the newest row of each place, and the seconds of this boot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from gateway.clock import Instant
from gateway.errors import JournalDamaged
from gateway.journal.facts import MemorySaved
from gateway.journal.profile_facts import PeriodsSigned, SavedPeriod, SavedSeconds, SignedPeriod, TimeReferenced
from gateway.metering.clock_watch import Cause, Discipline
from gateway.metering.load_profile import INDEX_STEP_S, NO_ROW_BEFORE, PeriodRow, Shown, period_row, seconds_index
from gateway.metering.time_references import BOOT_LEAP_S, TimeReference

Sign = Callable[[bytes], str]
_ZERO: Final = Decimal("0.000")


@dataclass(slots=True)
class ProfileMemory:
    """marks: by place; seconds: None before the first reference; second_of: by place, the second of its newest row, as
    far as this life knows it; it is not saved."""

    marks: dict[str, SavedPeriod] = field(default_factory=dict)
    seconds: SavedSeconds | None = None
    second_of: dict[str, Decimal] = field(default_factory=dict, compare=False)

    def second(self, at: Instant, boot: str) -> Decimal:
        """The device's second at that moment: this boot's go on, those of another boot begin behind all that are."""
        if self.seconds is None:
            return seconds_index(at, _ZERO)
        goes_on = seconds_index(at, self.seconds.base_s)
        if self.seconds.boot == boot and goes_on >= self.seconds.newest_s:
            return goes_on
        return seconds_index(at, self.seconds.newest_s + BOOT_LEAP_S)

    def absorb_reference(self, fact: TimeReferenced) -> None:
        """Raises JournalDamaged if its seconds step back. What people enter speaks of earlier seconds."""
        if fact.cause is Cause.MANUAL:
            return
        now_s = seconds_index(fact.at, _ZERO)
        if self.seconds is not None and fact.si_s < self.seconds.newest_s:
            raise JournalDamaged(f"second {fact.si_s} of the device follows second {self.seconds.newest_s}")
        self.seconds = SavedSeconds(fact.boot, fact.si_s - now_s, fact.si_s)

    def absorb(self, fact: PeriodsSigned, serials: Mapping[str, str]) -> None:
        """Raises JournalDamaged if a row does not follow from the one before. serials: of the keys, by key."""
        self.rows_of(fact, serials)

    def rows_of(self, fact: PeriodsSigned, serials: Mapping[str, str]) -> list[PeriodRow]:
        """The same, and the whole rows that the stored periods stand for."""
        if self.seconds is None or self.seconds.boot != fact.boot:
            raise JournalDamaged("a load profile goes on in a boot whose seconds are not known")
        rows = []
        for period in fact.periods:
            row = self.row_of(period, fact.key, serials[fact.key])
            if period.page != row.page:
                raise JournalDamaged(f"row {period.page} of {period.place}'s load profile should be row {row.page}")
            self._keep(fact.key, row)
            rows.append(row)
        newest_s = max((period.si_s for period in fact.periods), default=self.seconds.newest_s)
        if newest_s > self.seconds.newest_s:
            self.seconds = SavedSeconds(self.seconds.boot, self.seconds.base_s, newest_s)
        return rows

    def row_of(self, period: SignedPeriod, key: str, device: str) -> PeriodRow:
        """The whole row that the next stored period of its place stands for, with the page that it must have."""
        page, previous = self._place_in_line(period.place, key)
        return PeriodRow(
            device=device,
            place=period.place,
            serial=period.serial,
            page=page,
            si_s=period.si_s,
            register_wh=period.register_wh,
            step_wh=period.step_wh,
            status=period.status,
            utc=period.utc,
            state=period.state,
            previous=previous,
        )

    def saved(self) -> tuple[SavedPeriod, ...]:
        """The marks, for the next start."""
        return tuple(self.marks[place] for place in sorted(self.marks))

    def restore(self, saved: MemorySaved) -> None:
        """Takes what was saved."""
        self.marks = {mark.place: mark for mark in saved.profile}
        self.seconds = saved.seconds
        self.second_of = {}

    def draft(self) -> "ProfileMemory":
        """A copy that rows can be drawn up on before any of them is durable."""
        return replace(self, marks=dict(self.marks), second_of=dict(self.second_of))

    def next_row(self, shown: Shown, key: str, device: str) -> PeriodRow:
        """The row that a reading of this boot becomes behind the newest of its place, which it then is; a new key
        begins at page 1."""
        page, previous = self._place_in_line(shown.place, key)
        mark = self.marks.get(shown.place)
        before = None if mark is None else (mark.serial, mark.register_wh)
        base_s = _ZERO if self.seconds is None else self.seconds.base_s
        row = period_row(
            shown,
            device=device,
            base_s=base_s,
            page=page,
            previous=previous,
            before=before,
            since_s=self._since_s(shown, base_s),
        )
        self._keep(key, row)
        return row

    def _keep(self, key: str, row: PeriodRow) -> None:
        self.marks[row.place] = _mark(key, row)
        self.second_of[row.place] = row.si_s

    def _since_s(self, shown: Shown, base_s: Decimal) -> Decimal:
        """How long ago the newest row of its place was: by the device's seconds within one boot, else by the calendar,
        which is all that stands of an earlier one (its seconds lie below this boot's first)."""
        second, mark = self.second_of.get(shown.place), self.marks.get(shown.place)
        if second is not None and second >= base_s:
            return seconds_index(shown.at, base_s) - second
        return Decimal(0) if mark is None else Decimal((shown.at.utc - mark.utc).total_seconds())

    def _place_in_line(self, place: str, key: str) -> tuple[int, str]:
        mark = self.marks.get(place)
        return (mark.page + 1, mark.hash) if mark is not None and mark.key == key else (1, NO_ROW_BEFORE)


def reference_at(
    memory: ProfileMemory, at: Instant, boot: str, device: str, said: tuple[Cause, Discipline]
) -> TimeReference:
    """The reference of this moment. said: why it is wanted, and what the clock's discipline says of the clock."""
    cause, known = said
    bound_s = known.uncertainty_s if at.utc_trust.is_proven else None
    return TimeReference(
        device=device,
        cause=cause,
        boot=boot,
        si_s=memory.second(at, boot),
        utc=at.utc.replace(microsecond=at.utc.microsecond // 1000 * 1000),
        state=at.utc_trust.value,
        source=known.source,
        uncertainty_s=None if bound_s is None else Decimal(bound_s).quantize(INDEX_STEP_S),
    )


def reference_fact(reference: TimeReference, at: Instant, key: str, sign: Sign) -> TimeReferenced:
    """The reference with its signature, as it is stored."""
    return TimeReferenced(
        at=at,
        key=key,
        cause=reference.cause,
        boot=reference.boot,
        si_s=reference.si_s,
        utc=reference.utc,
        state=reference.state,
        source=reference.source,
        uncertainty_s=reference.uncertainty_s,
        by=reference.by,
        signature=sign(reference.text),
    )


def reference_of(fact: TimeReferenced, device: str) -> TimeReference:
    """The reference that was signed. device: the serial of its key."""
    return TimeReference(
        device=device,
        cause=fact.cause,
        boot=fact.boot,
        si_s=fact.si_s,
        utc=fact.utc,
        state=fact.state,
        source=fact.source,
        uncertainty_s=fact.uncertainty_s,
        by=fact.by,
    )


def signed_period(row: PeriodRow, sign: Sign) -> SignedPeriod:
    """The row with both signatures, as it is stored. sign: gives DER in hex."""
    return SignedPeriod(
        place=row.place,
        serial=row.serial,
        page=row.page,
        si_s=row.si_s,
        register_wh=row.register_wh,
        step_wh=row.step_wh,
        status=row.status,
        utc=row.utc,
        state=row.state,
        signature_register=sign(row.register_text),
        signature_time=sign(row.time_text),
    )


def _mark(key: str, row: PeriodRow) -> SavedPeriod:
    return SavedPeriod(row.place, key, row.page, row.hash, row.serial, row.register_wh, row.utc)
