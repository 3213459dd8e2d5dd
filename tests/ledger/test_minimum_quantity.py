"""A session below the declared minimum quantity is signed, shown, and not billed; nothing is rounded up to it."""

import argparse
import asyncio
import csv
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.cli import receipt
from gateway.cli.receipt_text import receipt_of
from gateway.devices.journal_store import JournalStore
from gateway.ids import GatewayId
from gateway.journal.archive import archive_of
from gateway.journal.chain import Head
from gateway.journal.facts import EnergyOutside, SessionEnded
from gateway.journal.outbox import Kind
from gateway.journal.rows import fact_of, row_of
from gateway.journal.tables import csv_lines
from gateway.metering.ocmf import Unbilled
from gateway.meters.readings import SocketReading
from gateway.publish.billing_words import UNBILLED
from gateway.publish.events import outbox_message
from gateway.publish.words import Language
from gateway.quantities import UNKNOWN_PER_PHASE, EnergyRegister
from gateway.site.wishes import EndKind
from tests.ledger.ledger_bench import SOCKETS, Disk, DyingStore, HandClock, PocketKeys, begin, end, reading, station

GATEWAY = GatewayId("villa-1")


def shown(clock: HandClock, kwh: Decimal, step_kwh: Decimal) -> SocketReading:
    return SocketReading(
        clock.now(), UNKNOWN_PER_PHASE, UNKNOWN_PER_PHASE, 0.0, EnergyRegister(kwh, step_kwh, (0, 1)), None, "1234"
    )


async def life(
    disk: Disk, keys: PocketKeys, minimum_wh: int | None, *sessions: tuple[Decimal, Decimal, EndKind]
) -> None:
    """Sessions one after the other: energy, register step, ending."""
    clock = HandClock()
    here = station() if minimum_wh is None else replace(station(), minimum_wh={SOCKETS[0]: minimum_wh})
    ledger = await Ledger.open(DyingStore(disk), keys, clock, here)
    at_kwh = Decimal("100.00")
    for number, (energy_kwh, step_kwh, kind) in enumerate(sessions):
        await ledger.record_begin(begin(f"s{number}", shown(clock, at_kwh, step_kwh)))
        clock.pass_s(60)
        at_kwh += energy_kwh
        await ledger.record_end(end(f"s{number}", shown(clock, at_kwh, step_kwh), kind=kind))


def ended(disk: Disk) -> list[SessionEnded]:
    return [fact for fact in disk.facts() if isinstance(fact, SessionEnded)]


@pytest.mark.parametrize("minimum_wh", [1, 20, 100, 500, 10_000])
@pytest.mark.parametrize("step_wh", [1, 10, 100])
def test_only_what_is_below_the_minimum_by_a_step_or_more_is_not_billed(minimum_wh: int, step_wh: int) -> None:
    minimum_kwh, step_kwh = Decimal(minimum_wh) / 1000, Decimal(step_wh) / 1000
    under = max(Decimal(0), minimum_kwh - step_kwh)
    disk = Disk()
    energies = (under, minimum_kwh, minimum_kwh + step_kwh)
    asyncio.run(life(disk, PocketKeys(), minimum_wh, *((one, step_kwh, EndKind.COMPLETED) for one in energies)))
    below, at, above = ended(disk)
    assert (below.billable, below.unbilled) == (False, Unbilled.BELOW_MINIMUM)
    assert (at.billable, at.unbilled, above.billable, above.unbilled) == (True, None, True, None)
    assert tuple(one.energy_kwh for one in (below, at, above)) == energies, "shown as measured, never rounded"


@given(st.integers(0, 3000), st.sampled_from([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]))
def test_energy_is_never_changed_by_the_minimum(energy_wh: int, minimum_wh: int) -> None:
    disk = Disk()
    energy_kwh = Decimal(energy_wh) / 1000
    asyncio.run(life(disk, PocketKeys(), minimum_wh, (energy_kwh, Decimal("0.001"), EndKind.RECOVERED)))
    (one,) = ended(disk)
    assert one.energy_kwh == energy_kwh
    assert one.billable is (energy_wh >= minimum_wh)
    assert not [fact for fact in disk.facts() if isinstance(fact, EnergyOutside)]


def test_without_a_declared_minimum_the_smallest_session_is_billed() -> None:
    disk = Disk()
    asyncio.run(life(disk, PocketKeys(), None, (Decimal("0.00"), Decimal("0.01"), EndKind.COMPLETED)))
    assert ended(disk)[0].billable


@pytest.mark.parametrize("minimum_wh", [None, 10])
def test_a_cancelled_session_is_signed_and_never_billed(minimum_wh: int | None) -> None:
    disk = Disk()
    asyncio.run(life(disk, PocketKeys(), minimum_wh, (Decimal("0.05"), Decimal("0.01"), EndKind.CANCELLED)))
    (one,) = ended(disk)
    assert (one.billable, one.unbilled, one.energy_kwh) == (False, Unbilled.CANCELLED, Decimal("0.05"))
    assert archive_of(disk.facts()).sessions[one.session].is_whole


def test_the_signed_record_the_table_the_receipt_and_the_message_all_say_it() -> None:
    disk, keys = Disk(), PocketKeys()
    asyncio.run(life(disk, keys, 100, (Decimal("0.05"), Decimal("0.01"), EndKind.COMPLETED)))
    archive = archive_of(disk.facts())
    session = archive.sessions[ended(disk)[0].session]
    payload = json.loads(str(session.end_record).split("|")[1])
    assert (payload["XN"], payload["XQ"], payload["XE"]) == ("below_minimum", "100", "completed")
    row = next(csv.DictReader(csv_lines(archive.sessions.values(), ()), delimiter=";"))
    assert (row["billable"], row["not_billed"], row["energy_kwh"]) == ("no", "below_minimum", "0,05")
    key = keys.load().public_key_hex
    swedish, english = receipt_of(session, key, Head(), "sv"), receipt_of(session, key, Head(), "en")
    assert swedish.energy == "Debiteras inte: mindre än den minsta mätbara mängden 0,1 kWh (0,05 kWh)"
    assert english.energy == "Not billed: less than the minimum measured quantity 0.1 kWh (0.05 kWh)"
    assert "GREEN" in dict(english.lines)["Verification"]
    (message,) = [one for one in disk.messages if one.kind is Kind.SESSION]
    told = json.loads(outbox_message(GATEWAY, message, Language.EN)[1])
    assert (told["billable"], told["not_billed_code"]) == (False, "below_minimum")
    assert told["not_billed_text"] == "less than the minimum measured quantity 0.1 kWh"


def test_a_billed_session_says_nothing_of_a_reason() -> None:
    disk = Disk()
    asyncio.run(life(disk, PocketKeys(), 100, (Decimal("7.30"), Decimal("0.01"), EndKind.COMPLETED)))
    (message,) = [one for one in disk.messages if one.kind is Kind.SESSION]
    told = json.loads(outbox_message(GATEWAY, message, Language.SV)[1])
    assert (told["billable"], told["not_billed_code"], told["not_billed_text"]) == (True, None, None)


def test_rows_and_messages_of_an_older_version_are_read_as_they_were_meant() -> None:
    disk = Disk()
    asyncio.run(life(disk, PocketKeys(), None, (Decimal("1.00"), Decimal("0.01"), EndKind.COMPLETED)))
    row = json.loads(row_of(7, replace(ended(disk)[0], billable=False)))
    del row["fact"]["unbilled"], row["fact"]["minimum_wh"]
    old = fact_of(7, json.dumps(row))
    assert isinstance(old, SessionEnded)
    assert (old.billable, old.unbilled) == (False, None)
    (message,) = [one for one in disk.messages if one.kind is Kind.SESSION]
    body = {**json.loads(message.body), "billable": False}
    del body["unbilled"], body["minimum_wh"]
    told = json.loads(outbox_message(GATEWAY, replace(message, body=json.dumps(body)), Language.EN)[1])
    assert told["not_billed_code"] is None
    assert "exchanged" in told["not_billed_text"]


def test_every_reason_not_to_bill_has_words_in_both_languages() -> None:
    assert set(UNBILLED) == {None, *Unbilled}
    assert all(swedish and english and swedish != english for swedish, english in UNBILLED.values())


def test_the_receipt_command_says_that_a_small_session_is_not_billed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run() -> None:
        clock = HandClock()
        here = replace(station(), minimum_wh={SOCKETS[0]: 100})
        ledger = await Ledger.open(JournalStore.open(tmp_path / "state"), KeyFolder(tmp_path / "state"), clock, here)
        await ledger.record_begin(begin("s1", reading(clock, "100.00")))
        await ledger.record_end(end("s1", reading(clock, "100.09")))
        await ledger.shut_down()

    asyncio.run(run())
    parser = argparse.ArgumentParser()
    receipt.add_arguments(parser)
    assert receipt.run(parser.parse_args(["s1", "--state-dir", str(tmp_path / "state")])) == 0
    assert "Debiteras inte: mindre än den minsta mätbara mängden 0,1 kWh (0,09 kWh)" in capsys.readouterr().out
