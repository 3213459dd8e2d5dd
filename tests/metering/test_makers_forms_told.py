"""What other makers write in forms of their own: each form's edge, and which of several registers is billed."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.metering.keys import NotAKey, public_key
from gateway.metering.record import Record, checked_record, identity_of
from gateway.metering.verdicts import Finding, Reason, SessionReport
from gateway.metering.verification import Submitted, verified
from tests.metering.makers import MakersMeter, reading
from tests.metering.records import WINTER

LATER = WINTER + timedelta(hours=1)
METER = MakersMeter()


def edge(letter: str, value: str, at: datetime = WINTER, register: str = "1-0:1.8.0", unit: str = "kWh") -> Any:
    return reading(at, letter, f"#{value}#", RI=register, RU=unit, ST="G")


def signed(*readings: Any, page: int | None = None, meter: MakersMeter = METER, **more: Any) -> str:
    """A record; registers stand in it as bare numbers."""
    if page is not None:
        more["PG"] = f"T{page}"
    return meter.record(meter.payload(*readings, **more).replace('"#', "").replace('#"', ""))


def sessions(*records: str) -> tuple[SessionReport, ...]:
    return verified([Submitted(text, f"f:{at}") for at, text in enumerate(records, 1)], METER.public).sessions


def energies(*records: str) -> list[str]:
    return [str(one.energy_kwh) for one in sessions(*records)]


def reasons(*records: str) -> list[Reason]:
    return [finding.reason for one in sessions(*records) for finding in one.findings]


def test_a_meter_without_serial_is_told_by_its_gateway_s_and_in_doubt() -> None:
    text = signed(edge("B", "1"), MS="", page=4)
    record = checked_record(text, METER.public, "f")
    assert isinstance(record, Record)
    assert record.identity == (f"GW-{METER.serial}", f"GW-{METER.serial}")
    assert record.findings == (Finding(Reason.METER_SERIAL_UNREAD, "T4"),)
    assert sessions(text)[0].meter_serial == f"GW-{METER.serial}"
    assert checked_record(signed(edge("B", "1"), GS=None), METER.public, "f") != record


@pytest.mark.parametrize("fields", [{}, {"GS": "", "MS": None}, {"GS": "g", "MS": 7}, {"XI": "", "GS": "g", "MS": ""}])
def test_a_record_that_names_neither_or_no_text_says_what_it_lacks(fields: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match=r"^'GS, MS'$"):
        identity_of(fields)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"), (" " * 32 + "1.5", "1.5"), ("9" * 13, "9" * 13), ("0." + "0" * 11 + "1", "0.000000000001"),
        (" " * 33 + "1", None), ("1 ", None), ("9" * 14, None), ("0." + "0" * 12 + "1", None), ("1.", None),
        (".5", None), ("\t1", None), ("1,5", None),
    ],
)  # fmt: skip
def test_a_register_as_text_is_digits_after_blanks(text: str, value: str | None) -> None:
    written = reading(WINTER, "B", text, RI="1-0:1.8.0", RU="kWh", ST="G")
    read = checked_record(signed(written), METER.public, "f")
    if value is None:
        assert read == Finding(Reason.FIELD_MISSING, "f", "RV")
    else:
        assert isinstance(read, Record)
        assert format(read.readings[0].value, "f") == value
    ours = checked_record(signed(written, XI=""), METER.public, "f")
    assert ours == Finding(Reason.FIELD_MISSING, "f", "RV")


@pytest.mark.parametrize("name", ["brainpool256r1", "brainpool384r1"])
def test_a_curve_of_brainpool_goes_by_either_spelling_and_is_told_as_it_is_written(name: str) -> None:
    bits = name.removeprefix("brainpool")
    meter = MakersMeter(curve=ec.BrainpoolP256R1() if bits == "256r1" else ec.BrainpoolP384R1())
    text = signed(edge("B", "1"), meter=meter)
    assert f"ECDSA-{name}-SHA256" in text
    spelled = text.replace(f"ECDSA-{name}", f"ECDSA-brainpoolP{bits}")
    assert isinstance(checked_record(text, meter.public, "f"), Record)
    assert isinstance(checked_record(spelled, meter.public, "f"), Record)
    told = Finding(Reason.OTHER_ALGORITHM, "f", f"ECDSA-brainpoolP{bits}-SHA256")
    assert checked_record(spelled, METER.public, "f") == told


EXPORT, SECONDS = "1-0:2.8.0", "01-00:00.08.06.FF"
TOGETHER = [
    (["1-0:1.8.0", EXPORT], "kWh", "1"),
    ([EXPORT, "1-0:1.8.0"], "kWh", "2"),
    (["1-0:1.8.0", "1-0:98.8.0"], "kWh", "2"),
    (["1-0:98.8.0", "1-0:1.8.0"], "kWh", "1"),
    (["01-00:B0.08.00*FF", EXPORT], "kWh", "1"),
    (["01-00:B2.08.00*FF", "01-00:b1.08.00*FF"], "kWh", "2"),
    (["01-00:B2.08.00*FF", "01-00:B3.08.00*FF"], "kWh", "2"),
    (["1-0:9E.8.0", SECONDS], "kWh", "1"),
    ([EXPORT, "1-0:01.8.0"], "Wh", "2"),
    (["1-0:1.8.0", "1-0:B0.8.0"], "kWh", "1"),
]


@pytest.mark.parametrize(("registers", "unit", "billed"), TOGETHER)
def test_of_registers_of_one_moment_the_imported_and_corrected_one_is_billed(
    registers: list[str], unit: str, billed: str
) -> None:
    begins = [edge("B", "0", register=one, unit=unit) for one in registers]
    ends = [edge("E", str(at), LATER, one, unit) for at, one in enumerate(registers, 1)]
    (session,) = sessions(signed(*begins, *ends))
    assert session.findings == ()
    assert session.energy_kwh == Decimal(billed) / (1000 if unit == "Wh" else 1)


def test_registers_of_which_none_is_imported_energy_are_not_chosen_from() -> None:
    none = [edge("B", "0", register=EXPORT), edge("B", "0", register="1-0:3.8.0"), edge("E", "1", LATER, EXPORT)]
    assert reasons(signed(*none)) == [Reason.TWO_BEGINS]
    units = [edge("B", "0", unit="sec"), edge("B", "0", register=EXPORT), edge("E", "1", LATER, EXPORT)]
    assert reasons(signed(*units)) == [Reason.TWO_BEGINS]
    bare = [edge("B", "0", register="1.8.0"), edge("B", "0", register=EXPORT), edge("E", "1", LATER, EXPORT)]
    assert reasons(signed(*bare)) == [Reason.TWO_BEGINS]


def test_one_register_that_is_said_twice_of_one_moment_is_said_twice() -> None:
    begin = edge("B", "0")
    assert reasons(signed(begin, edge("E", "1", LATER), edge("E", "2", LATER))) == [Reason.TWO_ENDS]
    assert reasons(signed(begin, edge("E", "1", LATER), edge("E", "1", LATER, EXPORT), edge("E", "1", LATER))) == [
        Reason.TWO_ENDS
    ]
    exported = [edge("B", "0", register=EXPORT), edge("E", "5", LATER, EXPORT)]
    assert energies(signed(*exported)) == ["5"]
    apart = [begin, edge("E", "1", LATER), edge("E", "1", LATER + timedelta(seconds=1), EXPORT)]
    assert reasons(signed(*apart)) == [Reason.TWO_ENDS]
    assert reasons(signed(begin, edge("E", "1", LATER), edge("L", "1", LATER, EXPORT))) == [Reason.TWO_ENDS]


def test_sessions_of_one_meter_without_a_name_are_parted_where_each_ends_before_the_next() -> None:
    def part(page: int, *letters: str) -> str:
        return signed(*(edge(letter, str(page), WINTER + timedelta(hours=page)) for letter in letters), page=page)

    assert energies(part(1, "B", "E"), part(2, "B", "E")) == ["0", "0"]
    assert energies(part(4, "E"), part(3, "B"), part(2, "E"), part(1, "B")) == ["1", "1"]
    assert energies(part(1, "B"), part(3, "L")) == ["2"]
    assert energies(part(1, "B"), part(2, "C", "E"), part(3, "B"), part(5, "R")) == ["1", "2"]
    assert reasons(part(1, "B"), part(2, "E"), part(3, "B")) == [Reason.TWO_BEGINS]
    assert reasons(part(1, "B"), part(2, "B"), part(3, "E"), part(4, "E")) == [Reason.TWO_BEGINS, Reason.TWO_ENDS]
    turned = [Reason.PAGES_NOT_RISING, Reason.TIME_NOT_RISING, Reason.VALUE_NOT_RISING]
    assert reasons(part(1, "E"), part(2, "B")) == turned
    assert reasons(part(1, "B"), part(2, "B", "E")) == [Reason.TWO_BEGINS]
    assert reasons(part(1, "B"), part(2, "C")) == [Reason.END_MISSING]
    assert reasons(part(1, "B"), part(2, "E"), part(3, "B"), part(4, "C")) == [Reason.TWO_BEGINS]
    both = [Reason.TWO_BEGINS, Reason.TWO_ENDS]
    assert reasons(part(1, "B"), part(2, "B", "E"), part(3, "B"), part(4, "E")) == both
    assert reasons(part(1, "B", "C"), part(2, "E"), part(3, "B"), part(4, "E")) == [Reason.TWO_BEGINS, Reason.TWO_ENDS]


def test_sessions_that_the_file_names_are_not_parted() -> None:
    whole = [signed(edge("B", "1"), edge("E", "2", LATER), page=page) for page in (1, 2)]
    named = [Submitted(text, "f", None, "7") for text in whole]
    (session,) = verified(named, METER.public).sessions
    assert [one.reason for one in session.findings][:1] == [Reason.TWO_BEGINS]


@pytest.mark.parametrize(
    ("states", "found"),
    [("SS", []), ("RR", []), ("SR", []), ("RS", [Reason.TIME_STATES_DIFFER])],
)
def test_of_another_maker_the_end_alone_may_be_relative(states: str, found: list[Reason]) -> None:
    begin = {**edge("B", "1"), "TM": f"2026-03-01T09:00:00,000+0000 {states[0]}"}
    end = {**edge("E", "2"), "TM": f"2026-03-01T10:00:00,000+0000 {states[1]}"}
    assert reasons(signed(begin, end)) == found
    halves = [signed(begin, page=1, XI="", XS="s"), signed(end, page=2, XS="s")]
    ours = verified([Submitted(halves[0], "a"), Submitted(halves[1], "b", None, "s")], METER.public).sessions
    expected = [] if states[0] == states[1] else [Reason.TIME_STATES_DIFFER]
    assert [one.reason for one in ours[0].findings] == expected


def test_a_point_is_sixty_five_octets_of_p_256_and_says_what_is_wrong_with_it() -> None:
    meter = MakersMeter(curve=ec.SECP256R1())
    point = meter.public.spki[-65:].hex()
    assert public_key(point) == public_key(f" {point[:60]}\n{point[60:]} ") == meter.public
    with pytest.raises(NotAKey, match=r"^no public key: "):
        public_key(point[2:])
    with pytest.raises(NotAKey, match=r"^no public key: Unsupported elliptic curve point type$|^no public key: "):
        public_key("05" + point[2:])
