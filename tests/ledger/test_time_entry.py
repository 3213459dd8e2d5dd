"""Time references by hand: beside the running gateway and without it, signed, and refused in words where they lie."""

import argparse
import asyncio
import os
import stat
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.app.faults import FaultLog
from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.app.load_profile import LoadProfile
from gateway.app.time_entry import enter_time
from gateway.cli import timeref
from gateway.clock import UtcTrust
from gateway.devices.boot_id import read_boot_id
from gateway.devices.journal_file import opened_for_reading, verified_facts
from gateway.devices.journal_store import JournalStore
from gateway.devices.system_clock import SystemClock
from gateway.devices.time_requests import REQUEST_FILE, TimeRequests
from gateway.errors import ConfigMistake, DeviceError
from gateway.journal.profile_archive import profile_archive_of
from gateway.journal.profile_facts import TimeReferenced
from gateway.metering.clock_watch import Cause
from gateway.metering.time_references import EnteredTime, entered_time
from tests.ledger.ledger_bench import NOON, HandClock, station
from tests.ledger.profile_bench import BenchMeters

BOOT = read_boot_id()


async def started(folder: Path, clock: SystemClock | HandClock) -> Ledger:
    return await Ledger.open(JournalStore.open(folder), KeyFolder(folder), clock, station(BOOT))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    async def life() -> None:
        ledger = await started(tmp_path / "state", SystemClock())
        await ledger.shut_down()

    asyncio.run(life())
    return tmp_path / "state"


def asked(folder: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    timeref.add_arguments(parser)
    return timeref.run(parser.parse_args([words[0], "--state-dir", str(folder), *words[1:]]))


def manual(folder: Path) -> list[TimeReferenced]:
    with opened_for_reading(folder) as connection:
        facts = list(verified_facts(connection))
    return [fact for fact in facts if isinstance(fact, TimeReferenced) and fact.cause is Cause.MANUAL]


def test_a_reference_by_hand_is_signed_and_listed_with_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(folder, "list") == 0
    said = capsys.readouterr().out
    second = said.splitlines()[-1].split()[2]
    assert said.splitlines()[-1].startswith("now: second ")
    assert asked(folder, "add", "--si", second, "--utc", "2026-03-01T13:00:00+01:00", "--by", "Åsa") == 0
    (fact,) = manual(folder)
    assert (fact.si_s, fact.utc, fact.state, fact.by) == (Decimal(second), NOON, "manual", "Åsa")
    assert asked(folder, "list") == 0
    listed = capsys.readouterr().out
    assert "2026-03-01T12:00:00.000+00:00 manual" in listed
    assert "by Åsa signed" in listed


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--si", "99999999", "--utc", "2026-03-01T12:00:00Z", "--by", "A"), "has not had that second"),
        (("--si", "0", "--utc", "2026-03-01T12:00:00Z", "--by", "A"), "lies before all"),
        (("--si", "5", "--utc", "2026-03-01T12:00:00Z"), "all three"),
    ],
)
def test_what_cannot_be_is_refused_in_words(folder: Path, words: tuple[str, ...], problem: str) -> None:
    with pytest.raises(ConfigMistake) as refused:
        asked(folder, "add", *words)
    assert problem in str(refused.value.mistakes[0])
    assert not manual(folder)


@pytest.mark.parametrize(
    "words",
    [
        ("--si", "abc"),
        ("--si", "NaN"),
        ("--si", "-4"),
        ("--utc", "2026-03-01T12:00:00"),
        ("--utc", "noon"),
        ("--utc", "0001-01-01T00:00:00Z"),
        ("--utc", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_second_or_a_time_that_is_none_is_refused_at_the_door(folder: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        asked(folder, "add", *words)


def test_a_name_of_no_letters_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked(folder, "list")
    second = capsys.readouterr().out.splitlines()[-1].split()[2]
    for name in (" ", "x" * 65):
        with pytest.raises(ConfigMistake):
            asked(folder, "add", "--si", second, "--utc", "2026-03-01T12:00:00Z", "--by", name)


def test_a_reference_is_taken_by_the_gateway_that_runs(tmp_path: Path) -> None:
    async def life() -> None:
        folder, clock = tmp_path / "state", HandClock()
        ledger = await started(folder, clock)
        profile = LoadProfile(
            ledger,
            BenchMeters(clock, ()),
            clock,
            identities={},
            faults=FaultLog(),
            most_w={},
            requests=TimeRequests(folder),
        )
        entered = EnteredTime(BOOT, Decimal("1000.000"), NOON, "Bo")
        TimeRequests(folder).leave(entered.text)
        assert stat.S_IMODE((folder / REQUEST_FILE).stat().st_mode) == 0o600
        assert (folder / REQUEST_FILE).stat().st_uid == os.geteuid()
        with pytest.raises(DeviceError, match="waits already"):
            TimeRequests(folder).leave(entered.text)
        await profile.look()
        again = EnteredTime(BOOT, Decimal("1000.500"), NOON, "Åsa")
        entering = asyncio.create_task(enter_time(folder, again, clock.now(), wait_s=10.0))
        while not entering.done():
            await profile.look()
            await asyncio.sleep(0)
        assert entering.result()
        assert not await enter_time(folder, entered, clock.now(), wait_s=0.0)
        (folder / REQUEST_FILE).write_text('{"si": "x"}')
        await profile.look()
        assert not (folder / REQUEST_FILE).exists()
        await ledger.shut_down()
        assert [fact.by for fact in manual(folder)] == ["Bo", "Åsa"]

    asyncio.run(life())


def test_a_clock_without_time_is_mapped_by_the_hand_that_knew_it(tmp_path: Path) -> None:
    async def life() -> None:
        folder, clock = tmp_path / "state", HandClock()
        clock.utc, clock.trust = datetime(1970, 1, 1, tzinfo=UTC), UtcTrust.UNKNOWN
        ledger = await started(folder, clock)
        await ledger.enter_time(EnteredTime(BOOT, Decimal("1000.000"), NOON, "Bo"))
        await ledger.shut_down()
        with opened_for_reading(folder) as connection:
            times = profile_archive_of(verified_facts(connection)).times
        assert times.utc(BOOT, Decimal("1900.000")) == NOON + timedelta(seconds=900)

    asyncio.run(life())


def test_a_folder_without_key_has_nothing_to_sign_with(tmp_path: Path) -> None:
    JournalStore.open(tmp_path / "state").close_now()
    entered = EnteredTime(BOOT, Decimal(1), NOON, "Bo")
    with pytest.raises(DeviceError, match="no key yet"):
        asyncio.run(enter_time(tmp_path / "state", entered, HandClock().now(), wait_s=0.0))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"boot":"b","si":"1","utc":"2026-03-01T12:00:00","by":"A"}',
     '{"boot":"b","si":"-1","utc":"2026-03-01T12:00:00Z","by":"A"}',
     '{"boot":"b","si":"1","utc":"2026-03-01T12:00:00Z","by":" "}',
     '{"boot":"b","si":"1","utc":"0001-01-01T00:00:00+14:00","by":"A"}',
     '{"boot":"b","si":"1","utc":"9999-12-31T23:59:59-14:00","by":"A"}',
     '{"boot":"b","si":"91000","utc":"0001-01-01T00:00:00Z","by":"A"}',
     '{"boot":"b","si":"1","utc":5,"by":"A"}',
     '{"boot":"b","si":"Infinity","utc":"2026-03-01T12:00:00Z","by":"A"}'],
)  # fmt: skip
def test_a_request_of_anybody_s_making_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        entered_time(text)


def test_a_request_comes_back_as_it_was_left() -> None:
    entered = EnteredTime("boot-1", Decimal("12.500"), NOON, 'Ö "x"')
    assert entered_time(entered.text) == entered
