"""With which key a meter's record counts: pinned, first come, confirmed, of a forger, or unknown."""

from gateway.journal.facts import PageMade, SessionEnded
from gateway.journal.imports import Outcome
from gateway.journal.meter_facts import (
    MeterKeyDoubted,
    MeterKeyPinned,
    MeterKeyUpheld,
    MeterRecordKept,
    MeterRecordQuarantined,
)
from gateway.journal.outbox import Kind
from gateway.metering.ocmf import Unbilled
from gateway.metering.pins import PinState
from gateway.metering.verdicts import Reason
from gateway.publish.words import Language
from gateway.site.outcomes import Edge
from tests.ledger.ledger_bench import NOON, SOCKETS, begin, end, opened, reading
from tests.ledger.meter_record_bench import TEN, Bench, on_bench
from tests.metering.makers import MakersMeter


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


def test_serials_that_are_too_long_and_keys_that_are_none_are_refused() -> None:
    async def test(bench: Bench) -> None:
        long = bench.meter.session(NOON, "1.0", NOON + TEN, "2.0", MS="9" * 65)
        assert (await bench.hand(long)).reason is Reason.FIELD_MISSING
        text = bench.meter.session(NOON, "1.0", NOON + TEN, "2.0")
        assert (await bench.hand(text, key="no key")).reason is Reason.KEY_NOT_READ
        assert (await bench.hand(text, key=bench.meter.public.hex)).reason is None

    on_bench(test)
