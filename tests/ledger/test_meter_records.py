"""What a meter signed itself stands beside our own records: kept word for word, or refused in words."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.app.import_orders import Order, order_of, order_text, outcomes_of, outcomes_text
from gateway.errors import JournalDamaged
from gateway.ids import SessionId, SocketId
from gateway.journal.archive import archive_of
from gateway.journal.chain import GENESIS, StoredRow, link
from gateway.journal.imports import Handed, Outcome
from gateway.journal.meter_facts import MeterRecordKept, MeterRecordQuarantined
from gateway.journal.outbox import Kind
from gateway.metering.pins import Pin, PinState
from gateway.metering.verdicts import Reason
from tests.ledger.ledger_bench import NOON, SOCKETS, begin, end, opened, reading
from tests.ledger.meter_record_bench import TEN, Bench, audited, on_bench
from tests.metering.makers import MakersMeter
from tests.metering.makers import reading as shown


@pytest.mark.parametrize(
    "curve", [ec.SECP256K1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP192R1(), ec.BrainpoolP256R1()]
)
def test_a_record_of_a_confirmed_meter_is_kept_word_for_word_and_makes_the_session_meter_signed(
    curve: ec.EllipticCurve,
) -> None:
    async def test(bench: Bench) -> None:
        bench.meter = MakersMeter(curve=curve)
        await bench.confirm()
        await bench.charge()
        text = bench.meter.session(NOON, "500.100", NOON + TEN, "507.400") + "\r\n"
        outcome = await bench.hand(text)
        assert (outcome.reason, outcome.session, outcome.pin) == (None, "s1", PinState.CONFIRMED)
        assert str(outcome.energy_kwh) == "7.300"
        (kept,) = bench.facts(MeterRecordKept)
        assert kept.text == text

    told = on_bench(test).told(Kind.SESSION)
    assert [one["grade"] for one in told] == ["gateway-signed", "meter-signed"]
    assert told[1]["meter_energy_kwh"] == 7.3
    assert told[1]["grade_text"] == "signed by the meter"


def test_begin_and_end_as_two_records_and_an_end_that_repeats_its_begin_prove_the_same() -> None:
    async def test(bench: Bench) -> None:
        await bench.confirm()
        await bench.ledger.record_begin(begin("s1", reading(bench.clock, "1.00")))
        assert (await bench.hand(bench.meter.edge("B", NOON, "500.1"))).energy_kwh is None
        bench.clock.pass_s(600)
        both = bench.meter.session(NOON, "500.1", NOON + TEN, "507.4")
        assert str((await bench.hand(both)).energy_kwh) == "7.3"
        await bench.ledger.record_end(end("s1", reading(bench.clock, "8.30")))

    told = on_bench(test).told(Kind.SESSION)
    assert [one["grade"] for one in told] == ["meter-signed"]


def test_a_record_that_comes_again_adds_nothing_and_a_page_used_twice_is_refused() -> None:
    async def test(bench: Bench) -> None:
        await bench.confirm()
        await bench.charge()
        text = bench.meter.session(NOON, "1.0", NOON + TEN, "2.0")
        assert (await bench.hand(text)).reason is None
        rows = len(bench.disk.rows)
        for again in (text, text + "\n"):
            outcome = await bench.hand(again)
            assert (outcome.reason, outcome.session) == (Reason.REPLAYED, "s1")
        assert len(bench.disk.rows) == rows
        other = bench.meter.session(NOON, "1.0", NOON + TEN, "3.0", PG="T1")
        assert (await bench.hand(other)).reason is Reason.PAGE_REUSED
        assert (await bench.hand(text, socket=SOCKETS[1])).reason is Reason.REPLAYED

    assert len(on_bench(test).facts(MeterRecordQuarantined)) == 1


def test_a_replay_is_known_over_a_restart_however_old_it_is() -> None:
    bench = Bench()
    text = bench.meter.session(NOON, "1.0", NOON + TEN, "2.0")

    async def start() -> Outcome:
        bench.ledger = await opened(bench.disk, bench.keys, bench.clock)
        outcome = await bench.hand(text, key=bench.meter.public.hex)
        await bench.ledger.shut_down()
        return outcome

    assert [asyncio.run(start()).reason for _ in range(3)] == [None, Reason.REPLAYED, Reason.REPLAYED]
    assert len(bench.facts(MeterRecordKept)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", Reason.NOT_OCMF),
        (b"hello", Reason.NOT_OCMF),
        (b"\xff\xfeOCMF", Reason.NOT_TEXT),
        (b"OCMF|{}|{}|{}", Reason.NOT_OCMF),
        (b"OCMF|{}", Reason.UNSIGNED),
        (b'OCMF|{}|{"SD":"00"}', Reason.FIELD_MISSING),
        (b'OCMF|{"MS":"1","MS":"2"}|{"SD":"00"}', Reason.DUPLICATE_NAME),
        (b"OCMF|" + b"[" * 60_000 + b'|{"SD":"00"}', Reason.FIELD_MISSING),
        (b"OCMF|" + b"x" * 70_000 + b'|{"SD":"00"}', Reason.TOO_LONG),
        (b'OCMF|{"PG":"T1","MS":1e999999}|{"SD":"00"}', Reason.FIELD_MISSING),
        (b'OCMF|{"PG":NaN}|{"SD":"00"}', Reason.NOT_ASCII_JSON),
    ],
)
def test_what_is_no_record_is_refused_in_words_and_kept_as_evidence(text: bytes, reason: Reason) -> None:
    async def test(bench: Bench) -> None:
        for _ in range(2):
            assert (await bench.hand(text)).reason is reason

    bench = on_bench(test)
    (evidence,) = bench.facts(MeterRecordQuarantined)
    assert bytes.fromhex(evidence.octets) == text[:65_536]
    assert not bench.facts(MeterRecordKept)


def test_letters_of_any_language_and_a_signature_in_base64_are_taken_as_they_are() -> None:
    async def test(bench: Bench) -> None:
        await bench.confirm()
        readings = [shown(NOON, "B", "1.5", RI="1-0:1.8.0", RU="Wh", ST="G"), shown(NOON + TEN, "E", "1501.5")]
        payload = (
            bench.meter.payload(*readings, MV="Zähler & Söhne").replace('"1.5"', "1.5").replace('"1501.5"', "1501.5")
        )
        await bench.charge()
        outcome = await bench.hand(bench.meter.record(payload, in_base64=True))
        assert outcome.reason is None
        assert str(outcome.energy_kwh) == "1.5000"

    on_bench(test)


@pytest.mark.parametrize(
    ("minutes", "state", "session"),
    [(0, "S", "s1"), (-14, "S", "s1"), (14, "S", "s1"), (-60, "S", None), (60, "S", None), (-6000, "U", "s1")],
)
def test_a_record_belongs_to_the_session_during_which_it_was_taken(
    minutes: int, state: str, session: str | None
) -> None:
    async def test(bench: Bench) -> None:
        await bench.confirm()
        await bench.charge()
        at = NOON + timedelta(minutes=minutes)
        text = bench.meter.record(
            bench.meter.payload(
                shown(at, "B", "1.0", state, RI="1-0:1.8.0", RU="kWh", ST="G"), shown(at, "E", "2.0", state)
            )
            .replace('"1.0"', "1.0", 2)
            .replace('"FV" : 1.0', '"FV" : "1.0"')
            .replace('"2.0"', "2.0")
        )
        assert (await bench.hand(text)).session == session
        assert (await bench.hand(text, socket=SOCKETS[1])).reason is Reason.REPLAYED

    archive = archive_of(on_bench(test).disk.facts())
    assert len(archive.strays) == (1 if session is None else 0)


def test_a_session_may_be_named_but_only_one_of_that_socket() -> None:
    async def test(bench: Bench) -> None:
        await bench.confirm()
        await bench.charge()
        far = datetime(2001, 1, 1, tzinfo=UTC)
        for socket, session, found in ((SOCKETS[0], "s1", "s1"), (SOCKETS[1], "s1", None), (SOCKETS[0], "s9", None)):
            text = bench.meter.session(far, "1.0", far, "2.0")
            assert (await bench.hand(text, socket, session=SessionId(session))).session == found

    on_bench(test)


def test_a_journal_in_which_a_meters_record_was_changed_is_damaged_though_its_hashes_fit() -> None:
    async def test(bench: Bench) -> None:
        await bench.confirm()
        await bench.charge()
        await bench.hand(bench.meter.session(NOON, "1.0", NOON + TEN, "2.0"))

    bench = on_bench(test)
    before, rows = GENESIS, []
    for row in bench.disk.rows:
        text = row.text.replace("2.0}", "3.0}") if '"kind":"MeterRecordKept"' in row.text else row.text
        before = link(before, text)
        rows.append(StoredRow(row.seq, text, before, row.name))
    with pytest.raises(JournalDamaged, match="meter's own record T1 is not what it signed"):
        audited(rows)


def test_orders_and_answers_come_through_their_text_as_they_were() -> None:
    handed = Handed(SocketId("p1"), b"\x00\xff", "file:1", "key", SessionId("s"))
    pin = Pin("g", "m", "00", PinState.CONFIRMED, "who", "", "how")
    for order in (Order((handed, handed)), Order((), pin)):
        assert order_of(order_text(order)) == order
    outcomes = (
        Outcome(None, "T1", SessionId("s"), Decimal("1.10"), PinState.TOFU),
        Outcome(Reason.TOO_LONG, "1"),
    )
    assert outcomes_of(outcomes_text(outcomes)) == outcomes
