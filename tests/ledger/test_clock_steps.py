"""The wall clock is set about on the ledger's own path: exact durations, no false S, every quarter hour once."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from gateway.clock import UtcTrust
from gateway.journal.facts import PageMade
from gateway.journal.profile_archive import profile_archive_of
from gateway.metering.clock_watch import Cause
from gateway.metering.profile_table import Flaw, TableLine, table_of
from gateway.metering.time_references import MapState
from tests.campaigns._clock_judge import Course, judged
from tests.ledger.ledger_bench import NOON

HOUR, YEARS = 3600.0, 315_360_000.0
NEW_YEAR_1970 = datetime(1970, 1, 1, tzinfo=UTC)


def states(course: Course) -> list[str]:
    """Time state of every signed record, in order."""
    pages = [json.loads(fact.payload) for fact in course.bench.disk.facts() if isinstance(fact, PageMade)]
    return [page["RD"][0]["TM"][-1] for page in pages]


def table(course: Course) -> list[TableLine]:
    profile = profile_archive_of(course.bench.disk.facts())
    return table_of(profile.rows["p1"], profile.times)


@pytest.mark.parametrize("step_s", [1.0, -1.0, HOUR, -HOUR, YEARS, -YEARS])
def test_a_session_through_a_step_lasts_as_long_as_it_did_and_is_not_synchronised(step_s: float) -> None:
    async def life() -> Course:
        course = Course(NOON)
        await course.boot()
        await course.begin()
        await course.pass_s(600)
        course.step(step_s)
        await course.pass_s(1200)
        course.synchronise()
        await course.pass_s(1200)
        await course.end()
        await course.begin()
        await course.pass_s(600)
        await course.end()
        return course

    course = asyncio.run(life())
    assert judged(course) == []
    assert states(course) == ["S", "I", "S", "S"]
    assert [one.cause for one in course.bench.references()] == [Cause.BOOT, Cause.STEP, Cause.STEP]
    assert all(line.map_state is not MapState.UNMAPPED or Flaw.REPEATED in line.flaws for line in table(course))


@pytest.mark.parametrize("step_s", [1.0, -1.0, HOUR, -HOUR, YEARS, -YEARS])
def test_a_discipline_that_steps_a_clock_which_it_vouched_for_is_not_believed(step_s: float) -> None:
    async def life() -> Course:
        course = Course(NOON)
        await course.boot()
        await course.begin()
        await course.pass_s(600)
        course.bench.clock.utc += timedelta(seconds=step_s)
        await course.pass_s(600)
        await course.end()
        return course

    course = asyncio.run(life())
    assert states(course) == ["S", "I"]
    quarters = [line.quarter for line in table(course) if line.quarter is not None]
    assert len(set(quarters)) == len(quarters)


@pytest.mark.parametrize("begins", [NEW_YEAR_1970, datetime(2025, 11, 1, tzinfo=UTC), NOON - timedelta(days=3)])
def test_a_boot_without_time_signs_relative_times_and_places_its_quarters_when_time_comes(begins: datetime) -> None:
    async def life() -> Course:
        course = Course(NOON + timedelta(minutes=3))
        await course.boot(off_s=(begins - NOON).total_seconds(), trust=UtcTrust.INFORMATIVE)
        await course.begin()
        await course.pass_s(3000)
        course.synchronise()
        await course.pass_s(3000)
        await course.end()
        return course

    course = asyncio.run(life())
    assert judged(course) == []
    assert states(course) == ["R", "R"]
    assert MapState.INTERPOLATED in {line.map_state for line in table(course)}


def test_a_boot_that_never_hears_the_time_counts_all_energy_and_places_none() -> None:
    async def life() -> Course:
        course = Course(NOON)
        await course.boot(off_s=-1.7e9, trust=UtcTrust.UNKNOWN)
        await course.begin()
        await course.pass_s(4 * HOUR)
        await course.end()
        return course

    course = asyncio.run(life())
    assert judged(course) == []
    assert states(course) == ["R", "R"]
    lines = table(course)
    assert {line.map_state for line in lines} == {MapState.UNMAPPED}
    assert sum(line.energy_wh or 0 for line in lines) > 0


def test_a_session_that_began_without_time_and_was_cut_off_has_no_usable_duration() -> None:
    async def life() -> Course:
        course = Course(NOON)
        await course.boot(off_s=-HOUR, trust=UtcTrust.INFORMATIVE)
        await course.begin()
        await course.pass_s(600)
        await course.boot(outage_s=900)
        await course.end()
        return course

    course = asyncio.run(life())
    assert judged(course) == []
    assert states(course) == ["R", "R"]
    last = [json.loads(fact.payload) for fact in course.bench.disk.facts() if isinstance(fact, PageMade)][-1]
    assert last["RD"][0]["EF"] == "t"


@pytest.mark.parametrize(
    ("midnight", "quarters"), [("2026-03-28T23:00", 92), ("2026-10-24T22:00", 100), ("2026-06-01T22:00", 96)]
)
def test_a_night_when_the_clocks_change_has_its_quarters_though_the_clock_is_set_about(
    midnight: str, quarters: int
) -> None:
    begin = datetime.fromisoformat(midnight).replace(tzinfo=UTC)

    async def life() -> Course:
        course = Course(begin - timedelta(minutes=20), look_s=15.0)
        await course.boot()
        await course.begin()
        for step_s in (1.0, -1.0, HOUR, -HOUR):
            await course.pass_s(5 * HOUR)
            course.step(step_s)
            await course.pass_s(600)
            course.synchronise()
        await course.pass_s(7 * HOUR)
        await course.end()
        return course

    course = asyncio.run(life())
    assert judged(course) == []
    end = begin + quarters * timedelta(minutes=15)
    day = [line for line in table(course) if line.quarter is not None and begin <= line.quarter < end]
    assert len(day) == quarters
    assert not [line for line in day if Flaw.MISSING in line.flaws]
