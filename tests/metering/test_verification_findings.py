"""What is found in a heap of records: every finding with its place and the words that stand there."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway.clock import UtcTrust
from gateway.ids import GatewayId, SessionId, SocketId, Token
from gateway.metering.ocmf import Ending, MeterIdentity, Page, Unusable, payload_hash
from gateway.metering.pins import Pin, PinState
from gateway.metering.verdicts import Finding, Reason, Report, SessionReport, Verdict
from gateway.metering.verification import Submitted, verified, verified_by_pins
from gateway.site.because import Why
from gateway.site.wishes import EndKind
from tests.metering.makers import MakersMeter, reading
from tests.metering.records import GATEWAY, WINTER, Pen, at, begin_text, end_text, pair_texts

PEN = Pen()
SESSION = "5d1e8f5e-0000-4000-8000-000000000001"
BEGIN, END = "2026-03-01T10:00:00,000+0100 S", "2026-03-01T11:00:00,000+0100 S"
GREEN = SessionReport(SESSION, "12345678", BEGIN, END, Decimal("7.750"), ())


def submitted(*payloads: str, key: str | None = None, transaction: str = "") -> list[Submitted]:
    """By the right key, each from a place of its own: a, b, c, ..."""
    places = zip("abcdef", payloads, strict=False)
    return [Submitted(PEN.record(text), place, key, transaction) for place, text in places]


def report_of(*payloads: str, **more: Any) -> Report:
    return verified(submitted(*payloads), PEN.public, **more)


def in_session(*found: tuple[Reason, str], energy: str | None = None) -> SessionReport:
    findings = tuple(Finding(reason, SESSION, detail) for reason, detail in found)
    return replace(GREEN, energy_kwh=None if energy is None else Decimal(energy), findings=findings)


def unmarked(text: str) -> str:
    """The same record as if another maker had made it."""
    return text.replace('"XI":', '"XJ":')


def test_a_right_pair_is_one_green_session_and_nothing_else() -> None:
    assert report_of(*pair_texts(), whole_key=True, page_min=2) == Report((GREEN,), ())


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"gateway": replace(GATEWAY, serial="FF")}, Reason.OTHER_GATEWAY, "GS"),
        ({"gateway": replace(GATEWAY, name=GatewayId("villa-2"))}, Reason.OTHER_GATEWAY, "GI"),
        ({"meter": MeterIdentity("Eastron", "SDM630", "1.0", "999")}, Reason.OTHER_METER, "MS"),
        ({"token": Token("somebody")}, Reason.OTHER_USER, "ID"),
        ({"socket": SocketId("p2")}, Reason.OTHER_SOCKET, "XK"),
        ({"tariff_id": "dear"}, Reason.OTHER_TARIFF, "TT"),
        ({"kwh": "1234.499"}, Reason.VALUE_NOT_RISING, "1234.500, 1234.499"),
    ],
)
def test_what_differs_between_begin_and_end_is_named(changes: dict[str, Any], reason: Reason, detail: str) -> None:
    assert report_of(*pair_texts(**changes)) == Report((in_session((reason, detail)),), ())


@pytest.mark.parametrize(
    ("there", "here", "found"),
    [
        ('"IS":true', '"IS":false', (Reason.OTHER_USER, "IS")),
        ('"IT":"LOCAL"', '"IT":"NONE"', (Reason.OTHER_USER, "IT")),
        ('"XK"', '"CI":"2","XK"', (Reason.OTHER_SOCKET, "CI")),
        ("B0.08", "B2.08", (Reason.OTHER_REGISTER, "01-00:B0.08.00*FF kWh, 01-00:B2.08.00*FF kWh")),
        ('"kWh"', '"Wh"', (Reason.OTHER_REGISTER, "01-00:B0.08.00*FF kWh, 01-00:B0.08.00*FF Wh")),
    ],
)
def test_what_was_changed_in_the_end_alone_is_named(there: str, here: str, found: tuple[Reason, str]) -> None:
    first, last = pair_texts()
    assert there in last
    assert report_of(first, last.replace(there, here)) == Report((in_session(found),), ())


@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize(
    ("begin", "end", "ours", "of_others"),
    [
        (None, None, True, True),
        ("cheap", "cheap", True, True),
        ("cheap", "dear", False, False),
        ("cheap", "cheap ", False, False),
        ("cheap", None, False, True),
        (None, "cheap", False, True),
    ],
)
def test_a_session_has_one_tariff_and_another_maker_may_name_it_once(
    is_ours: bool, begin: str | None, end: str | None, ours: bool, of_others: bool
) -> None:
    first = begin_text(tariff_id=begin)
    first = first if is_ours else unmarked(first)
    last = end_text(Page(2, payload_hash(first)), tariff_id=end)
    (session,) = report_of(first, last if is_ours else unmarked(last)).sessions
    told = [(one.where, one.detail) for one in session.findings if one.reason is Reason.OTHER_TARIFF]
    agrees = ours if is_ours else of_others
    assert told == ([] if agrees else [(GREEN.session if is_ours else "T1", "TT")])
    assert (session.energy_kwh is None) is not agrees


def test_times_that_fall_and_states_that_differ_are_named() -> None:
    early = "2026-03-01T09:59:59,000+0100 S"
    report = report_of(*pair_texts(time=at(-1)))
    expected = in_session((Reason.TIME_NOT_RISING, f"{BEGIN}, {early}"))
    assert report.sessions == (replace(expected, end_time=early),)
    relative = report_of(*pair_texts(time=at(3600, relative=True)))
    expected = in_session((Reason.TIME_STATES_DIFFER, "S, R"))
    assert relative.sessions == (replace(expected, end_time=f"{END[:-1]}R"),)
    informative = report_of(*pair_texts(time=at(3600, UtcTrust.INFORMATIVE)))
    assert {finding.reason for finding in informative.sessions[0].findings} == {Reason.CLOCK_NOT_TRUSTED}


def test_watt_hours_are_billed_in_kilowatt_hours_and_other_units_not_at_all() -> None:
    first = begin_text().replace('"kWh"', '"Wh"')
    last = end_text(Page(2, payload_hash(first))).replace('"kWh"', '"Wh"')
    assert report_of(first, last).sessions == (replace(GREEN, energy_kwh=Decimal("0.007750")),)
    first, last = (text.replace('"Wh"', '"mOhm"') for text in (first, last))
    report = report_of(first, last.replace(payload_hash(first.replace("mOhm", "Wh")), payload_hash(first)))
    found = (Reason.OTHER_REGISTER, "01-00:B0.08.00*FF mOhm, 01-00:B0.08.00*FF mOhm")
    assert report.sessions == (in_session(found),)


@pytest.mark.parametrize(
    ("changes", "reason", "stands"),
    [
        ({"time": at(3600, UtcTrust.UNKNOWN)}, Reason.CLOCK_NOT_TRUSTED, True),
        ({"time": at(3600, usable=False)}, Reason.TIME_UNUSABLE, True),
        ({"ending": Ending(EndKind.COMPLETED, Why.COMMAND, Unusable.REGISTER_FELL)}, Reason.ENERGY_UNUSABLE, False),
    ],
)
def test_a_doubt_about_time_leaves_the_energy_and_one_about_energy_does_not(
    changes: dict[str, Any], reason: Reason, stands: bool
) -> None:
    (session,) = report_of(*pair_texts(**changes)).sessions
    assert [finding.reason for finding in session.findings] == [reason]
    assert session.energy_kwh == (Decimal("7.750") if stands else None)


def test_an_end_must_stand_on_a_later_page_of_the_same_context() -> None:
    first = begin_text(Page(9, "00" * 32))
    (session,) = report_of(first, end_text(Page(2, "00" * 32))).sessions
    assert session == in_session((Reason.PAGES_NOT_RISING, "T9, T2"))
    report = report_of(first, end_text(Page(9, "00" * 32)))
    assert report.sessions == (in_session((Reason.PAGES_NOT_RISING, "T9, T9")),)
    assert report.findings == (Finding(Reason.PAGE_REUSED, "T9", "a, b"),)
    (session,) = report_of(first, end_text(Page(12, "00" * 32)).replace('"T12"', '"F12"')).sessions
    assert session == in_session((Reason.PAGES_NOT_RISING, "T9, F12"))


def test_half_sessions_and_doubled_ones_say_what_they_have() -> None:
    first, last = pair_texts()
    half = replace(GREEN, energy_kwh=None)
    begun = replace(half, end_time=None, findings=(Finding(Reason.END_MISSING, SESSION),))
    ended = replace(half, begin_time=None, findings=(Finding(Reason.BEGIN_MISSING, SESSION),))
    assert report_of(first) == Report((begun,), ())
    assert report_of(last) == Report((ended,), ())
    again = begin_text(Page(3, payload_hash(last)), time=at(60))
    assert report_of(first, last, again).sessions == (replace(half, findings=(Finding(Reason.TWO_BEGINS, SESSION),)),)
    again = end_text(Page(3, payload_hash(last)), time=at(7200))
    assert report_of(first, last, again).sessions == (
        replace(half, end_time="2026-03-01T12:00:00,000+0100 S", findings=(Finding(Reason.TWO_ENDS, SESSION),)),
    )


def test_what_nobody_can_pair_stands_under_its_page_or_under_its_file_s_transaction() -> None:
    first = unmarked(begin_text())
    (session,) = report_of(first).sessions
    assert session == replace(
        GREEN, session="", end_time=None, energy_kwh=None, findings=(Finding(Reason.END_MISSING, "T1"),)
    )
    (session,) = verified(submitted(first, transaction="7"), PEN.public).sessions
    assert (session.session, session.findings) == ("7", (Finding(Reason.END_MISSING, "7"),))
    other = unmarked(end_text(Page(2, ""), meter=MeterIdentity("Eastron", "SDM630", "1.0", "999")))
    assert [one.meter_serial for one in report_of(first, other).sessions] == ["12345678", "999"]


def test_doubts_of_each_record_come_before_those_of_the_pair() -> None:
    report = report_of(*pair_texts(time=at(-1, UtcTrust.UNKNOWN), kwh="1"))
    assert [finding.reason for finding in report.sessions[0].findings] == [
        Reason.CLOCK_NOT_TRUSTED, Reason.TIME_NOT_RISING, Reason.VALUE_NOT_RISING
    ]  # fmt: skip
    assert report.sessions[0].findings[0].where == "T2"


def test_pages_are_used_once_and_name_the_one_before() -> None:
    first, last = pair_texts()
    report = report_of(first, last, last)
    assert report == Report((GREEN,), (Finding(Reason.REPLAYED, "T2", "b, c"),))
    other = begin_text(session=SessionId("other"))
    assert Finding(Reason.PAGE_REUSED, "T1", "a, c") in report_of(first, last, other).findings
    wrong = end_text(Page(2, "11" * 32))
    assert report_of(wrong, first).findings == (Finding(Reason.CHAIN_BROKEN, "T2", "a"),)
    assert report_of(unmarked(wrong), first).findings == ()
    assert report_of(wrong.replace('"XP"', '"XQ"'), first).findings == ()
    assert report_of(wrong.replace('"T2"', '"F2"'), first).findings == ()


def test_each_page_that_is_missing_before_one_is_told_where_the_whole_key_is_claimed() -> None:
    first, late = begin_text(), end_text(Page(4, "11" * 32))
    assert report_of(first, late).findings == ()
    assert report_of(late, first, whole_key=True).findings == (Finding(Reason.PAGES_MISSING, "T3", "a"),)
    second = end_text(Page(2, "11" * 32))
    assert report_of(second, whole_key=True).findings == (Finding(Reason.PAGES_MISSING, "T1", "a"),)
    assert report_of(begin_text(Page(0, "11" * 32)), whole_key=True).findings == ()


def test_a_page_that_is_known_to_exist_must_be_there() -> None:
    pair = pair_texts()
    assert report_of(*pair, page_min=3).findings == (Finding(Reason.PAGES_MISSING, "T3", "T2"),)
    foreign = begin_text().replace('"T1"', '"F9"')
    assert report_of(foreign).findings == ()
    assert report_of(foreign, page_min=1).findings == (Finding(Reason.PAGES_MISSING, "T1", "T0"),)
    assert verified([], PEN.public) == Report((), (Finding(Reason.NOTHING_FOUND, ""),))


def test_a_key_that_comes_with_a_record_shows_the_forger_and_changes_nothing_else() -> None:
    forger, first = Pen(), begin_text()
    there = [Submitted(forger.record(first), "a", forger.public.hex)]
    foreign = Finding(Reason.FOREIGN_KEY, "a", forger.public.fingerprint)
    assert verified(there, PEN.public).findings == (foreign,)
    makers = MakersMeter()
    curve = [Submitted(makers.edge("B", WINTER, "1"), "a", makers.public.hex)]
    assert verified(curve, PEN.public).findings == (replace(foreign, detail=makers.public.fingerprint),)
    for key in (None, PEN.public.hex, "no key"):
        wrong = [Submitted(forger.record(first), "a", key)]
        assert verified(wrong, PEN.public).findings == (Finding(Reason.SIGNATURE_WRONG, "a"),)
    twice = PEN.record(first.replace('"FV"', '"FV":"1.3","FV"'))
    assert verified([Submitted(twice, "a", forger.public.hex)], PEN.public).findings == (
        Finding(Reason.DUPLICATE_NAME, "a", "FV"),
    )
    assert verified(submitted(*pair_texts(), key=forger.public.hex), PEN.public) == Report((GREEN,), ())


def one_session(meter: MakersMeter, *edges: str, transaction: str = "7") -> SessionReport:
    texts = [Submitted(text, place, None, transaction) for place, text in zip("abc", edges, strict=False)]
    (session,) = verified(texts, meter.public).sessions
    return session


def test_an_end_that_says_its_begin_once_more_is_one_session_unless_it_says_another() -> None:
    meter, later = MakersMeter(), WINTER + timedelta(hours=1)
    begin = meter.edge("B", WINTER, "1")
    whole = meter.session(WINTER, "1", later, "3")
    assert one_session(meter, begin, whole).findings == ()
    assert one_session(meter, begin, whole).energy_kwh == 2
    for other in (meter.edge("B", WINTER, "2"), meter.edge("B", later, "1")):
        assert one_session(meter, other, whole).findings[0].reason is Reason.TWO_BEGINS
    assert one_session(meter, begin, meter.edge("B", WINTER, "1")).findings[0].reason is Reason.TWO_BEGINS


def test_a_record_with_both_ends_needs_no_second_page() -> None:
    meter = MakersMeter()
    session = one_session(meter, meter.session(WINTER, "1", WINTER, "1"))
    assert (session.findings, session.energy_kwh) == ((), 0)
    fuller = {"RI": "1-0:1.8.0", "RU": "kWh", "ST": "G"}
    payload = meter.payload(*(reading(WINTER, letter, "1", **fuller) for letter in "BC"))
    tariff_change = meter.record(payload.replace('"1"', "1"))
    assert one_session(meter, tariff_change).findings == (Finding(Reason.END_MISSING, "7"),)


def pinned(*keys: tuple[Any, PinState], gateway: str = GATEWAY.serial) -> Sequence[Pin]:
    return [Pin(gateway, None, key.hex, state, "Ann", "2026-03-01", "label") for key, state in keys]


def test_by_a_confirmed_pin_a_session_is_green_and_by_any_other_it_bears_the_doubt() -> None:
    heap = submitted(*pair_texts())
    assert verified_by_pins(heap, pinned((PEN.public, PinState.CONFIRMED)), whole_key=True) == Report((GREEN,), ())
    doubt = Finding(Reason.KEY_NOT_CONFIRMED, "", PEN.public.fingerprint)
    assert verified_by_pins(heap, pinned((PEN.public, PinState.TOFU))) == Report(
        (replace(GREEN, findings=(doubt,)),), (doubt,)
    )
    half = verified_by_pins(heap[1:], pinned((PEN.public, PinState.TOFU)))
    assert half.sessions[0].findings == (Finding(Reason.BEGIN_MISSING, SESSION), doubt)
    assert half.findings == (doubt,)
    missing = verified_by_pins(heap[1:], pinned((PEN.public, PinState.TOFU)), whole_key=True)
    assert missing.findings == (Finding(Reason.PAGES_MISSING, "T1", "b"), doubt)


def test_each_record_is_checked_with_the_key_of_its_own_gateway_and_meter() -> None:
    meter = MakersMeter()
    theirs = Submitted(meter.session(WINTER, "1", WINTER, "2"), "m", None, "9")
    pins = [
        *pinned((PEN.public, PinState.CONFIRMED)),
        *pinned((meter.public, PinState.TOFU), gateway=f"GW-{meter.serial}"),
    ]
    report = verified_by_pins([*submitted(*pair_texts()), theirs], pins)
    doubt = Finding(Reason.KEY_NOT_CONFIRMED, "", meter.public.fingerprint)
    assert report.sessions[0] == GREEN
    assert (report.sessions[1].session, report.sessions[1].findings) == ("9", (doubt,))
    assert report.findings == (doubt,)
    assert report.verdict is Verdict.YELLOW


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (PEN.record(begin_text()), Finding(Reason.KEY_NOT_PINNED, "x", "00AA11BB22CC33DD, 12345678")),
        ("OCMF|{}", Finding(Reason.UNSIGNED, "x")),
        (" OCMF|{}| \n", Finding(Reason.UNSIGNED, "x")),
        ("OCMF|{}|{}", Finding(Reason.NOT_OCMF, "x")),
        ("OCMF|{}|{}|", Finding(Reason.NOT_OCMF, "x")),
        ("OCMF|{}||", Finding(Reason.NOT_OCMF, "x")),
        ("OCMF", Finding(Reason.NOT_OCMF, "x")),
        ("ocmf|{}", Finding(Reason.NOT_OCMF, "x")),
        ("ocmf|{}|", Finding(Reason.NOT_OCMF, "x")),
    ],
)
def test_what_has_no_pin_and_what_is_no_record_is_told_with_its_place(text: str, finding: Finding) -> None:
    assert verified_by_pins([Submitted(text, "x")], ()) == Report((), (finding,))


def test_of_nothing_nothing_is_proven() -> None:
    assert verified_by_pins([], ()) == Report((), (Finding(Reason.NOTHING_FOUND, ""),))


def test_a_record_without_a_pin_is_checked_with_the_key_that_is_given_for_all_others() -> None:
    meter = MakersMeter()
    theirs = Submitted(meter.edge("B", WINTER, "1"), "m", None, "9")
    pins = pinned((meter.public, PinState.TOFU), gateway=f"GW-{meter.serial}")
    heap = [*submitted(*pair_texts()), Submitted("hello", "h"), theirs]
    report = verified_by_pins(heap, pins, otherwise=[PEN.public])
    doubt = Finding(Reason.KEY_NOT_CONFIRMED, "", meter.public.fingerprint)
    assert report.sessions[0] == GREEN
    assert report.sessions[1].findings == (Finding(Reason.END_MISSING, "9"), doubt)
    assert report.findings == (Finding(Reason.NOT_OCMF, "h"), doubt)
    forged = verified_by_pins([Submitted(Pen().record(begin_text()), "x")], pins, otherwise=[PEN.public])
    assert forged.findings == (Finding(Reason.SIGNATURE_WRONG, "x"),)


def test_what_is_found_by_one_key_stands_beside_what_is_found_by_the_next() -> None:
    first, second = MakersMeter("m1"), MakersMeter("m2")
    heap = [Submitted(one.edge("B", WINTER, "1"), one.serial, None, one.serial) for one in (first, second)]
    pins = [
        *pinned((first.public, PinState.TOFU), gateway="GW-m1"),
        *pinned((second.public, PinState.TOFU), gateway="GW-m2"),
    ]
    report = verified_by_pins([*heap, Submitted("hello", "h")], pins)
    doubts = [Finding(Reason.KEY_NOT_CONFIRMED, "", one.public.fingerprint) for one in (first, second)]
    assert report.findings == (Finding(Reason.NOT_OCMF, "h"), *doubts)
