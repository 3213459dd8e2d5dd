"""What a meter signed itself stands beside our own records: kept word for word, proven by a pinned key, or refused."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.app.import_orders import (
    Order,
    confirmed,
    order_of,
    order_text,
    outcomes_of,
    outcomes_text,
    taken_in,
)
from gateway.app.ledger import Ledger
from gateway.errors import JournalDamaged
from gateway.ids import GatewayId, SessionId, SocketId
from gateway.journal.archive import archive_of
from gateway.journal.audit import Audit
from gateway.journal.chain import GENESIS, StoredRow, link
from gateway.journal.facts import PageMade, SessionEnded
from gateway.journal.imports import MQTT, Handed, Outcome
from gateway.journal.meter_facts import (
    MeterKeyDoubted,
    MeterKeyPinned,
    MeterKeyUpheld,
    MeterRecordKept,
    MeterRecordQuarantined,
)
from gateway.journal.outbox import Kind
from gateway.metering.ocmf import Unbilled
from gateway.metering.pins import Pin, PinState
from gateway.metering.verdicts import Reason
from gateway.publish.events import outbox_message
from gateway.publish.words import Language
from gateway.site.outcomes import Edge
from tests.ledger.ledger_bench import NOON, SOCKETS, Disk, HandClock, PocketKeys, begin, end, opened, reading
from tests.metering.makers import MakersMeter
from tests.metering.makers import reading as shown

TEN = timedelta(minutes=10)


class Bench:
    """A ledger with one session on p1 from noon to ten past, and a meter of another maker."""

    def __init__(self) -> None:
        self.disk, self.keys, self.clock, self.meter = Disk(), PocketKeys(), HandClock(), MakersMeter()
        self.ledger: Ledger

    async def charge(self, session: str = "s1", first: str = "1.00", last: str = "8.30") -> None:
        await self.ledger.record_begin(begin(session, reading(self.clock, first)))
        self.clock.pass_s(600)
        await self.ledger.record_end(end(session, reading(self.clock, last)))

    async def hand(self, text: str | bytes, socket: SocketId = SOCKETS[0], **more: Any) -> Outcome:
        octets = text if isinstance(text, bytes) else text.encode("utf-8")
        return await taken_in(self.ledger, Handed(socket, octets, MQTT, **more))

    async def confirm(self, meter: MakersMeter | None = None) -> Outcome:
        meter = meter or self.meter
        pin = Pin(f"GW-{meter.serial}", meter.serial, meter.public.hex, PinState.CONFIRMED, "the board", "", "label")
        return await confirmed(self.ledger, pin)

    def facts(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.disk.facts() if isinstance(fact, kind)]

    def told(self, kind: Kind, language: Language = Language.EN) -> list[dict[str, Any]]:
        found = [one for one in self.disk.messages if one.kind is kind]
        return [json.loads(outbox_message(GatewayId("g"), one, language)[1]) for one in found]


def on_bench(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> Bench:
    bench = Bench()

    async def run() -> None:
        bench.ledger = await opened(bench.disk, bench.keys, bench.clock)
        await test(bench)
        await bench.ledger.shut_down()

    asyncio.run(run())
    audit = audited(bench.disk.rows)
    assert audit.covered.seq == audit.head.seq - 1
    return bench


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


def test_a_key_that_comes_with_the_data_is_tofu_until_somebody_confirms_it() -> None:
    async def test(bench: Bench) -> None:
        await bench.charge()
        first = bench.meter.session(NOON, "1.0", NOON + TEN, "2.0")
        outcome = await bench.hand(first, key=bench.meter.public.pem)
        assert outcome.pin is PinState.TOFU
        await bench.charge("s2", "8.30", "9.30")
        again = bench.meter.session(NOON + TEN, "2.0", NOON + 2 * TEN, "3.0")
        assert (await bench.hand(again)).pin is PinState.TOFU
        assert (await bench.confirm()).reason is None
        assert (await bench.confirm()).reason is None
        await bench.charge("s3", "9.30", "9.40")
        last = bench.meter.session(NOON + 2 * TEN, "3.0", NOON + 3 * TEN, "3.1")
        assert (await bench.hand(last)).pin is PinState.CONFIRMED

    bench = on_bench(test)
    assert [fact.state for fact in bench.facts(MeterKeyPinned)] == [PinState.TOFU, PinState.CONFIRMED]
    events = [one for one in bench.told(Kind.EVENT) if one["event_type"] == "meter_key_pinned"]
    assert [one["state"] for one in events] == ["tofu", "confirmed"]
    assert "compare it with the label" in events[0]["text"]


def test_a_record_of_another_key_is_refused_quarantined_and_told_as_a_security_event() -> None:
    async def test(bench: Bench) -> None:
        await bench.confirm()
        await bench.charge()
        forger = MakersMeter()
        forged = forger.session(NOON, "1.0", NOON + TEN, "2.0")
        assert (await bench.hand(forged)).reason is Reason.SIGNATURE_WRONG
        assert (await bench.hand(forged, key=forger.public.hex)).reason is Reason.FOREIGN_KEY
        true = bench.meter.session(NOON, "1.0", NOON + TEN, "2.0")
        changed = true.replace("2.0}", "9.0}")
        assert changed != true
        assert (await bench.hand(changed)).reason is Reason.SIGNATURE_WRONG
        assert (await bench.hand(true)).reason is None

    bench = on_bench(test)
    quarantined = bench.facts(MeterRecordQuarantined)
    assert len(quarantined) == 2
    assert bytes.fromhex(quarantined[0].octets).startswith(b"OCMF|")
    told = [one for one in bench.told(Kind.EVENT, Language.SV) if one["event_type"] == "meter_record_refused"]
    assert [one["reason"] for one in told] == ["signature_wrong", "signature_wrong"]
    assert all(one["text"].startswith("En signerad post avvisades") for one in told)
    assert len(bench.facts(MeterRecordKept)) == 1


def test_a_socket_for_which_another_key_came_bills_nothing_until_somebody_has_compared_the_key_again() -> None:
    other, twin = MakersMeter(), MakersMeter("another")

    async def test(bench: Bench) -> None:
        await bench.confirm()
        await bench.charge("s1", "1.00", "2.00")
        await bench.ledger.record_begin(begin("s2", reading(bench.clock, "2.00")))
        forged = other.session(NOON, "1.0", NOON + TEN, "1.1")
        for _ in range(2):
            assert (await bench.hand(forged, key=other.public.hex)).reason is Reason.FOREIGN_KEY
        again = other.session(NOON, "1.0", NOON + TEN, "1.2")
        assert (await bench.hand(again, key=other.public.hex)).reason is Reason.FOREIGN_KEY
        await bench.ledger.record_end(end("s2", reading(bench.clock, "3.50")))
        await bench.ledger.record_begin(begin("q1", reading(bench.clock, "7.00"), socket=SOCKETS[1]))
        await bench.ledger.record_end(end("q1", reading(bench.clock, "7.50"), socket=SOCKETS[1]))
        await bench.ledger.shut_down()
        bench.ledger = await opened(bench.disk, bench.keys, bench.clock)
        await bench.charge("s3", "3.50", "4.00")
        assert (await bench.confirm(twin)).reason is None, "a meter of another serial"
        await bench.charge("s4", "4.00", "5.00")
        assert await bench.confirm() == Outcome(None, pin=PinState.CONFIRMED)
        assert await bench.confirm() == Outcome(None, pin=PinState.CONFIRMED), "and nothing is left to uphold"
        await bench.charge("s5", "5.00", "6.00")
        assert (await bench.hand(forged, key=other.public.hex)).reason is Reason.FOREIGN_KEY
        await bench.charge("s6", "6.00", "7.00")

    bench = on_bench(test)
    doubted = (False, Unbilled.METER_KEY_DOUBTED)
    assert {one.session: (one.billable, one.unbilled) for one in bench.facts(SessionEnded)} == {
        "s1": (True, None), "s2": doubted, "q1": (True, None), "s3": doubted, "s4": doubted,
        "s5": (True, None), "s6": (True, None),
    }  # fmt: skip
    assert [(one.socket, one.meter) for one in bench.facts(MeterKeyDoubted)] == [(SOCKETS[0], bench.meter.serial)]
    (upheld,) = bench.facts(MeterKeyUpheld)
    assert (upheld.gateway, upheld.meter) == (f"GW-{bench.meter.serial}", bench.meter.serial)
    assert (upheld.who, upheld.how) == ("the board", "label")
    ends = [one.payload for one in bench.facts(PageMade) if one.edge is Edge.END]
    assert ['"XN":"meter_key_doubted"' in payload for payload in ends] == [
        False, True, False, True, True, False, False,
    ]  # fmt: skip
    told = {one["session"]: one["not_billed_text"] for one in bench.told(Kind.SESSION, Language.SV)}
    assert "annan nyckel än mätarens" in told["s2"]
    kinds = [one for one in bench.told(Kind.EVENT) if one["event_type"] in {"meter_key_doubted", "meter_key_upheld"}]
    assert [(one["event_type"], one["socket"]) for one in kinds] == [
        ("meter_key_doubted", SOCKETS[0]),
        ("meter_key_upheld", None),
    ]
    assert all("billed" in one["text"] for one in kinds)


def test_a_tofu_key_of_a_forger_who_was_first_gives_way_to_the_confirmed_one_and_no_confirmed_one_does() -> None:
    async def test(bench: Bench) -> None:
        await bench.charge()
        forger = MakersMeter()
        early = forger.session(NOON, "1.0", NOON + TEN, "2.0")
        assert (await bench.hand(early, key=forger.public.hex)).pin is PinState.TOFU
        true = bench.meter.session(NOON, "5.0", NOON + TEN, "6.0", PG="T77")
        assert (await bench.hand(true)).reason is Reason.SIGNATURE_WRONG
        assert (await bench.confirm()).reason is None
        assert (await bench.hand(true)).reason is None
        refused = await bench.confirm(forger)
        assert (refused.reason, refused.detail) == (Reason.FOREIGN_KEY, bench.meter.public.hex)
        assert (await bench.hand(forger.session(NOON, "1.0", NOON + TEN, "3.0"))).reason is Reason.SIGNATURE_WRONG

    on_bench(test)


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


def test_a_record_of_a_meter_whose_key_nobody_knows_is_kept_and_proves_nothing() -> None:
    async def test(bench: Bench) -> None:
        await bench.charge()
        text = bench.meter.session(NOON, "1.0", NOON + TEN, "2.0")
        outcome = await bench.hand(text)
        assert (outcome.reason, outcome.pin, outcome.energy_kwh) == (None, None, None)
        assert (await bench.hand(text)).reason is Reason.REPLAYED
        # A page that anybody can claim is not taken away from the meter itself.
        false = MakersMeter().session(NOON, "7.0", NOON + TEN, "9.0")
        assert (await bench.hand(false)).reason is None
        await bench.confirm()
        assert (await bench.hand(bench.meter.session(NOON, "1.0", NOON + TEN, "2.0", PG="T1"))).reason is None

    bench = on_bench(test)
    assert [one["grade"] for one in bench.told(Kind.SESSION)] == ["gateway-signed", "meter-signed"]


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


def test_serials_that_are_too_long_and_keys_that_are_none_are_refused() -> None:
    async def test(bench: Bench) -> None:
        long = bench.meter.session(NOON, "1.0", NOON + TEN, "2.0", MS="9" * 65)
        assert (await bench.hand(long)).reason is Reason.FIELD_MISSING
        text = bench.meter.session(NOON, "1.0", NOON + TEN, "2.0")
        assert (await bench.hand(text, key="no key")).reason is Reason.KEY_NOT_READ
        assert (await bench.hand(text, key=bench.meter.public.hex)).reason is None

    on_bench(test)


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


def audited(rows: Sequence[StoredRow]) -> Audit:
    audit = Audit()
    for row in rows:
        audit.absorb(row)
    audit.finish()
    return audit


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
