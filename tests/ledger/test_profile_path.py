"""Quarter hours through the ledger's own path: signed, chained, durable, and none lost or doubled by any death."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from gateway.clock import UtcTrust
from gateway.errors import JournalDamaged
from gateway.ids import SocketId
from gateway.journal.facts import DaemonStarted, KeyHandedOver
from gateway.journal.heads import hand_over_text
from gateway.journal.profile_facts import PeriodsSigned
from gateway.journal.profile_memory import reference_of
from gateway.journal.recovery import Memory
from gateway.metering.clock_watch import Cause
from gateway.metering.keys import public_key
from gateway.metering.load_profile import SITE, quarter_of
from tests.ledger.ledger_bench import NOON, STOCKHOLM, Death, DyingStore, PocketKey
from tests.ledger.profile_bench import ProfileBench, site_reading

P1, P2 = SocketId("p1"), SocketId("p2")
MINUTE = 60.0


def run(life: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await life()

    asyncio.run(main())


def test_every_quarter_hour_has_the_register_as_shown_and_two_signatures_of_this_key() -> None:
    async def life() -> None:
        bench = ProfileBench((P1, P2))
        await bench.start()
        await bench.pass_s(10 * MINUTE)
        bench.meters.kwh[P1] = Decimal("100.37")
        await bench.pass_s(25 * MINUTE)
        rows = bench.periods("p1")
        assert [(row.page, row.register_wh, row.status) for row in rows] == [
            (1, Decimal(100_000), "X"), (2, Decimal(100_370), "G"), (3, Decimal(100_370), "G")
        ]  # fmt: skip
        assert [row.utc - NOON for row in rows][1:] == [timedelta(minutes=15), timedelta(minutes=30)]
        assert len(bench.periods("p2")) == 3
        memory, key = Memory(), public_key(bench.keys.load().public_key_hex)
        for fact in bench.disk.facts():
            if isinstance(fact, PeriodsSigned):
                draft = memory.profile.draft()
                for period in fact.periods:
                    row = draft.row_of(period, fact.key, memory.keys[fact.key])
                    assert key.verifies(row.register_text, bytes.fromhex(period.signature_register))
                    assert key.verifies(row.time_text, bytes.fromhex(period.signature_time))
            memory.absorb(fact)

    run(life)


def test_all_places_of_a_quarter_share_one_transaction() -> None:
    async def life() -> None:
        bench = ProfileBench((P1, P2))
        await bench.start()
        await bench.pass_s(50 * MINUTE)
        facts = [fact for fact in bench.disk.facts() if isinstance(fact, PeriodsSigned)]
        assert [len(fact.periods) for fact in facts] == [2, 2, 2, 2]

    run(life)


def test_the_site_is_registered_from_the_grid_meter_s_own_register() -> None:
    async def life() -> None:
        bench = ProfileBench(())
        await bench.start()
        for second in range(0, 1830, 10):
            bench.clock.pass_s(10)
            bench.meters.grid_energy = site_reading(bench.clock, f"{5000 + second / 1000:.3f}")
            await bench.profile.look()
        await bench.profile.close()
        rows = bench.periods(SITE)
        assert [(row.serial, row.register_wh, row.step_wh) for row in rows][1:] == [
            ("7359992", Decimal(5_000_890), Decimal(1)), ("7359992", Decimal(5_001_790), Decimal(1))
        ]  # fmt: skip

    run(life)


async def site_shows(bench: ProfileBench, kwh: str, seconds: int) -> None:
    for _ in range(0, seconds, 10):
        bench.clock.pass_s(10)
        bench.meters.grid_energy = site_reading(bench.clock, kwh)
        await bench.profile.look()


def test_a_grid_meter_that_was_exchanged_for_one_that_stands_higher_gives_no_energy() -> None:
    async def life() -> None:
        bench = ProfileBench(())
        await bench.start()
        for kwh in ("47522.278", "47522.900", "60000.021", "60000.900"):
            await site_shows(bench, kwh, 900)
        await site_shows(bench, "60000.900", 60)
        await bench.profile.close()
        rows = bench.periods(SITE)
        energies_wh = [now.register_wh - was.register_wh for was, now in pairwise(rows) if now.status == "G"]
        assert sum(energies_wh) == 622 + 879
        assert [row.register_wh for row in rows if row.status == "X"] == [Decimal(47_522_278), Decimal(60_000_021)]

    run(life)


@pytest.mark.parametrize("same_boot", [True, False])
@pytest.mark.parametrize(("kwh", "status"), [("47650.000", "G"), ("60000.021", "X"), ("5.000", "X")])
def test_what_the_main_fuse_lets_through_while_nobody_looked_is_energy_and_more_is_not(
    same_boot: bool, kwh: str, status: str
) -> None:
    async def life() -> None:
        bench = ProfileBench(())
        await bench.start()
        await site_shows(bench, "47522.900", 900)
        await bench.profile.close()
        await bench.ledger.shut_down()
        bench.clock.pass_s(3 * 3600)
        await (bench.start() if same_boot else bench.boot())
        await site_shows(bench, kwh, 900)
        await bench.profile.close()
        rows = bench.periods(SITE)
        assert next(row.status for row in rows if row.register_wh == Decimal(kwh) * 1000) == status

    run(life)


def test_a_wall_clock_that_is_set_back_makes_no_energy_of_one_boot_false() -> None:
    async def life() -> None:
        bench = ProfileBench(())
        await bench.start()
        for n in range(40):
            if n == 16:
                bench.step(-3600)
            await site_shows(bench, f"{47_522 + n / 2:.3f}", 100)
        await bench.profile.close()
        assert [row.status for row in bench.periods(SITE)] == ["X", *"GGGGG"]

    run(life)


def test_a_meter_that_is_silent_over_a_boundary_is_registered_when_it_speaks_again() -> None:
    async def life() -> None:
        bench = ProfileBench((P1, P2))
        await bench.start()
        await bench.pass_s(14 * MINUTE)
        bench.meters.silent.add("p1")
        await bench.pass_s(5 * MINUTE)
        bench.meters.silent.clear()
        await bench.pass_s(30 * MINUTE)
        assert [round((row.utc - quarter_of(row.utc)).total_seconds()) for row in bench.periods("p1")] == [1, 241, 0, 0]
        assert len(bench.periods("p2")) == 4

    run(life)


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize("dies_in", range(4))
def test_no_death_loses_or_doubles_a_quarter(dies_in: int, after_commit: bool) -> None:
    async def life() -> None:
        bench = ProfileBench((P1, P2))
        await bench.start()
        await bench.pass_s(14 * MINUTE)
        store = DyingStore(bench.disk)
        await bench.start(store)
        store.dies_in, store.after_commit = dies_in, after_commit
        try:
            await bench.pass_s(40 * MINUTE)
        except Death:
            await bench.start()
            await bench.pass_until(NOON + timedelta(minutes=54))
        for place in ("p1", "p2"):
            rows = bench.periods(place)
            assert [row.page for row in rows] == [1, 2, 3, 4]
            assert [quarter_of(row.utc) - NOON for row in rows] == [timedelta(minutes=15 * n) for n in range(4)]
        assert all(row.utc - quarter_of(row.utc) < timedelta(seconds=9) for row in bench.periods("p1")[1:])

    run(life)


def test_seconds_never_step_and_a_new_boot_begins_behind_all_that_are_known() -> None:
    async def life() -> None:
        bench = ProfileBench()
        await bench.boot()
        await bench.pass_s(40 * MINUTE)
        await bench.start()  # in the same boot the seconds go on
        await bench.pass_s(20 * MINUTE)
        await bench.boot()
        await bench.pass_s(20 * MINUTE)
        seconds = [row.si_s for row in bench.periods()]
        assert seconds == sorted(seconds)
        first, again, other = bench.references()
        assert (first.cause, again.cause, other.cause) == (Cause.BOOT, Cause.BOOT, Cause.BOOT)
        assert again.si_s - first.si_s == Decimal(40 * 60)
        assert other.si_s > seconds[3] + 90_000

    run(life)


def test_references_stand_at_boot_at_every_step_and_daily_and_are_signed() -> None:
    async def life() -> None:
        bench = ProfileBench(every_s=10.0)
        await bench.start()
        await bench.pass_s(MINUTE)
        bench.step(3600)
        await bench.pass_s(MINUTE)
        bench.step(-3600, UtcTrust.INFORMATIVE)
        await bench.pass_s(MINUTE)
        bench.clock.trust = UtcTrust.SYNCHRONISED
        await bench.pass_s(25 * 3600)
        assert [one.cause for one in bench.references()] == [
            Cause.BOOT, Cause.STEP, Cause.STEP, Cause.TRUST, Cause.DAILY
        ]  # fmt: skip
        key = public_key(bench.keys.load().public_key_hex)
        serials = {fact.key: reference_of(fact, "").device for fact in bench.references()}
        assert len(serials) == 1
        memory = Memory()
        for fact in bench.disk.facts():
            memory.absorb(fact)
        for fact in bench.references():
            text = reference_of(fact, memory.keys[fact.key]).text
            assert key.verifies(text, bytes.fromhex(fact.signature))

    run(life)


def test_a_memory_that_was_saved_knows_all_that_the_rows_before_it_say() -> None:
    async def life() -> None:
        bench = ProfileBench((P1, P2))
        await bench.boot()
        await bench.pass_s(20 * MINUTE)
        await bench.ledger.shut_down()
        await bench.boot()
        await bench.pass_s(20 * MINUTE)
        assert [row.page for row in bench.periods()] == [1, 2, 3]
        whole = Memory()
        for fact in bench.disk.facts():
            whole.absorb(fact)
        assert sum(isinstance(fact, DaemonStarted) for fact in bench.disk.facts()) == 2

    run(life)


def test_a_row_that_does_not_follow_is_damage() -> None:
    async def life() -> None:
        bench = ProfileBench()
        await bench.start()
        await bench.pass_s(20 * MINUTE)
        facts = list(bench.disk.facts())
        newest = [fact for fact in facts if isinstance(fact, PeriodsSigned)][-1]
        memory = Memory()
        for fact in facts:
            memory.absorb(fact)
        with pytest.raises(JournalDamaged, match="should be row 3"):
            memory.absorb(newest)
        with pytest.raises(JournalDamaged, match="seconds are not known"):
            Memory(keys=dict(memory.keys)).absorb(newest)
        with pytest.raises(JournalDamaged, match="follows second"):
            memory.absorb(bench.references()[0])

    run(life)


def test_a_new_key_begins_its_own_pages_and_the_register_goes_on() -> None:
    async def life() -> None:
        bench = ProfileBench()
        await bench.start()
        await bench.pass_s(20 * MINUTE)
        before, after = bench.keys.load(), PocketKey()
        await bench.ledger.shut_down()
        text = hand_over_text(before.public_key_hex, 0, after.public_key_hex, "NEW")
        signatures = [key.sign(text).hex().upper() for key in (before, after)]
        fact = KeyHandedOver(
            bench.clock.now(), before.public_key_hex, 0, after.public_key_hex, "NEW", signatures[0], signatures[1]
        )
        await DyingStore(bench.disk).append([fact])
        bench.keys.key = after
        await bench.start()
        await bench.pass_s(20 * MINUTE)
        assert [(row.page, row.status) for row in bench.periods()] == [(1, "X"), (2, "G"), (1, "G")]

    run(life)


def test_a_disk_that_is_nearly_full_keeps_its_room_for_sessions() -> None:
    async def life() -> None:
        bench = ProfileBench()
        store = DyingStore(bench.disk)
        await bench.start(store)
        store.room = False
        await bench.pass_s(20 * MINUTE)
        assert not bench.periods()
        store.room = True
        await bench.pass_s(15 * MINUTE)
        assert [quarter_of(row.utc) for row in bench.periods()] == [NOON + timedelta(minutes=30)]

    run(life)


@pytest.mark.parametrize(("day", "quarters"), [("2026-03-29", 92), ("2026-10-25", 100)])
def test_the_nights_when_the_clocks_change_have_all_their_quarters(day: str, quarters: int) -> None:
    async def life() -> None:
        bench = ProfileBench(every_s=5.0)
        bench.clock.utc = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=3)
        await bench.start()
        await bench.pass_s(30 * 3600)
        local = [quarter_of(row.utc).astimezone(STOCKHOLM) for row in bench.periods()]
        assert len([at for at in local if at.date().isoformat() == day]) == quarters
        assert len({at.isoformat() for at in local}) == len(local)

    run(life)
