"""The load profile as it is taken out of a journal, row by row, without a file."""

from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.errors import JournalDamaged
from gateway.journal.facts import Fact, MemorySaved
from gateway.journal.profile_archive import ArchivedReference, ProfileArchive, profile_archive_of
from gateway.journal.profile_facts import PeriodsSigned, SavedPeriod, SavedSeconds, SignedPeriod, TimeReferenced
from gateway.journal.profile_memory import ProfileMemory, reference_at, reference_of
from gateway.metering.clock_watch import Cause, Discipline
from gateway.metering.load_profile import NO_ROW_BEFORE, PeriodRow, Shown
from gateway.metering.profile_table import RegisteredRow
from gateway.quantities import EnergyRegister
from tests.journal.key_facts import CONFIG, HANDED, KEY, NOON, NOW

BOOT = TimeReferenced(
    NOW, "AA", Cause.BOOT, "boot", Decimal("20.000"), NOON, "S", "chrony", Decimal("0.010"), None, "0F"
)
PERIOD = SignedPeriod("p1", "M1", 1, Decimal("21.000"), Decimal(500), Decimal(10), "G", NOON, "S", "0A", "0B")
NEXT = replace(PERIOD, page=2, si_s=Decimal("22.000"), signature_register="0C", signature_time="0D")
FAR = replace(PERIOD, place="p2", si_s=Decimal("20.500"))
ROW = PeriodRow("01", "p1", "M1", 1, Decimal("21.000"), Decimal(500), Decimal(10), "G", NOON, "S", NO_ROW_BEFORE)
SECOND = replace(ROW, page=2, si_s=Decimal("22.000"), previous=ROW.hash)
FAR_ROW = replace(ROW, place="p2", si_s=Decimal("20.500"))
PROFILE: tuple[Fact, ...] = (KEY, BOOT, PeriodsSigned(NOW, "boot", "AA", (PERIOD, FAR, NEXT)), CONFIG, HANDED)


def test_a_profile_is_archived_with_its_signatures_and_keys() -> None:
    archive = profile_archive_of(PROFILE)
    assert archive.rows == {
        "p1": [RegisteredRow(ROW, "boot", "0A", "0B"), RegisteredRow(SECOND, "boot", "0C", "0D")],
        "p2": [RegisteredRow(FAR_ROW, "boot", "0A", "0B")],
    }
    assert archive.references == [ArchivedReference(reference_of(BOOT, "01"), "AA", "0F")]
    assert archive.key_of == {"01": "AA", "02": "BB"}
    assert archive.places == {"p1", "p2"}
    some = profile_archive_of(PROFILE, lambda row: row.place == "p2")
    assert (some.rows.keys(), some.places) == ({"p2"}, {"p1", "p2"})
    behind = profile_archive_of([*PROFILE, PeriodsSigned(NOW, "boot", "BB", (PERIOD,))])
    assert behind.rows["p1"][2] == RegisteredRow(replace(ROW, device="02"), "boot", "0A", "0B")


def test_a_profile_knows_the_boot_of_each_of_its_seconds() -> None:
    later = replace(BOOT, boot="next", si_s=Decimal("100.000"))
    step = replace(BOOT, cause=Cause.STEP, boot="wrong", si_s=Decimal("110.000"))
    archive = profile_archive_of([KEY, BOOT, later, step])
    told = [archive.boot_of(Decimal(second)) for second in ("19.999", "20.000", "99.999", "100.000", "120.000")]
    assert told == [None, "boot", "boot", "next", "next"]
    assert profile_archive_of([]).boot_of(Decimal(0)) is None
    early: list[Fact] = [KEY, BOOT, replace(later, boot="b"), replace(later, boot="c")]
    assert profile_archive_of(early).boot_of(Decimal("100.000")) == "b"
    assert profile_archive_of(early[:3]).boot_of(Decimal("101.000")) == "b"
    assert archive.base_of("wrong") == Decimal("97.500")
    assert archive.base_of("next") is None
    assert profile_archive_of([]).base_of("boot") is None
    assert archive.times.utc("boot", Decimal("21.000")) == NOON.replace(second=1)
    assert archive.times.utc("none", Decimal("21.000")) is None


def test_a_profile_whose_rows_do_not_follow_is_damaged() -> None:
    for facts, words in (
        ((KEY, BOOT, replace(BOOT, si_s=Decimal("19.999"))), "second 19.999 of the device follows second 20.000"),
        ((KEY, PROFILE[2]), "a load profile goes on in a boot whose seconds are not known"),
        ((KEY, BOOT, PeriodsSigned(NOW, "other", "AA", ())),
         "a load profile goes on in a boot whose seconds are not known"),
        ((KEY, BOOT, PeriodsSigned(NOW, "boot", "AA", (NEXT,))), "row 2 of p1's load profile should be row 1"),
    ):  # fmt: skip
        with pytest.raises(JournalDamaged) as told:
            profile_archive_of(facts)
        assert str(told.value) == words


def test_the_next_row_goes_on_from_the_newest_of_its_place() -> None:
    memory = ProfileMemory()
    shown = Shown("p1", "M1", NOW, EnergyRegister(Decimal("0.50"), Decimal("0.01"), ()))
    first = memory.next_row(shown, "AA", "01")
    utc = NOON.replace(microsecond=123000)
    made = PeriodRow("01", "p1", "M1", 1, Decimal("12.500"), Decimal(500), Decimal(10), "X", utc, "S", NO_ROW_BEFORE)
    assert first == made
    assert memory.marks == {"p1": SavedPeriod("p1", "AA", 1, made.hash, "M1", Decimal(500), utc)}
    memory.seconds = SavedSeconds("boot", Decimal("7.500"), Decimal("20.000"))
    second = memory.next_row(shown, "AA", "01")
    assert second == replace(made, page=2, si_s=Decimal("20.000"), status="G", previous=made.hash)
    assert memory.marks["p1"].hash == second.hash
    anew = memory.next_row(replace(shown, serial="M2"), "BB", "02")
    assert anew == replace(second, device="02", serial="M2", page=1, status="X", previous=NO_ROW_BEFORE)
    elsewhere = memory.next_row(replace(shown, place="p2"), "BB", "02")
    assert (elsewhere.place, elsewhere.page, elsewhere.status) == ("p2", 1, "X")
    again = memory.next_row(replace(shown, serial="M2"), "BB", "02")
    assert (again.page, again.status, again.previous) == (2, "G", anew.hash)


def test_what_was_saved_is_taken_whole_and_nothing_else_stays() -> None:
    memory = ProfileMemory({"p9": SavedPeriod("p9", "AA", 1, "", "M1", Decimal(1), NOON)})
    marks = tuple(SavedPeriod(place, "AA", 3, "00", "M1", Decimal(1), NOON) for place in ("p1", "p2"))
    seconds = SavedSeconds("boot", Decimal(1), Decimal(2))
    memory.restore(MemorySaved(NOW, (), (), (), (), None, profile=marks, seconds=seconds))
    assert memory == ProfileMemory({"p1": marks[0], "p2": marks[1]}, seconds)
    assert memory.saved() == marks
    memory.restore(MemorySaved(NOW, (), (), (), (), None))
    assert memory == ProfileMemory()


@pytest.mark.parametrize(("shown_us", "kept_us"), [(999, 0), (1000, 1000), (999_999, 999_000)])
def test_a_reference_has_the_milliseconds_that_have_begun(shown_us: int, kept_us: int) -> None:
    at = replace(NOW, utc=NOON.replace(microsecond=shown_us))
    said = (Cause.STEP, Discipline(source="chrony", uncertainty_s=None))
    assert reference_at(ProfileMemory(), at, "boot", "01", said).utc == NOON.replace(microsecond=kept_us)


def test_a_batch_of_rows_moves_the_newest_second_only_onwards() -> None:
    memory = ProfileMemory()
    memory.absorb_reference(BOOT)
    memory.rows_of(PeriodsSigned(NOW, "boot", "AA", (replace(PERIOD, si_s=Decimal("19.000")),)), {"AA": "01"})
    assert memory.seconds == SavedSeconds("boot", Decimal("7.500"), Decimal("20.000"))
    memory.rows_of(PeriodsSigned(NOW, "boot", "AA", (NEXT, FAR)), {"AA": "01"})
    assert memory.seconds == SavedSeconds("boot", Decimal("7.500"), Decimal("22.000"))
    assert ProfileArchive(lambda _: True).wanted(ROW)
