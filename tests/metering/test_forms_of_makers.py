"""Records of other makers come in forms of their own; a right one is never called false."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.metering.keys import public_key
from gateway.metering.safe_xml import safe_values
from gateway.metering.verdicts import Reason, Report, Verdict
from gateway.metering.verification import Submitted, verified
from tests.metering.makers import MakersMeter, reading

BEGIN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
END = BEGIN + timedelta(hours=1)
FULL = {"RI": "1-0:1.8.0", "RU": "kWh", "ST": "G"}


def judged(meter: MakersMeter, *records: str) -> Report:
    return verified([Submitted(text, f"f:{at}") for at, text in enumerate(records, 1)], meter.public)


def signed(meter: MakersMeter, *readings: dict[str, object], **more: object) -> str:
    """One record; registers that are given as `#9.038` become bare numbers."""
    return meter.record(meter.payload(*readings, **more).replace('"#', "").replace('#"', ""))


def edges(meter: MakersMeter, first: str = "#9.038#", last: str = "#10.138#", state: str = "S", **more: object) -> str:
    return signed(meter, reading(BEGIN, "B", first, **FULL), reading(END, "E", last, state, **FULL), **more)


@pytest.mark.parametrize("missing", ["GS", "MS"])
def test_a_box_that_is_its_own_meter_may_name_one_of_the_two(missing: str) -> None:
    meter = MakersMeter()
    report = judged(meter, edges(meter, **{missing: ""}))
    assert report.verdict is (Verdict.GREEN if missing == "GS" else Verdict.YELLOW)
    assert report.sessions[0].meter_serial in {meter.serial, f"GW-{meter.serial}"}
    nobody = judged(meter, edges(meter, GS="", MS=""))
    assert [finding.reason for finding in nobody.findings] == [Reason.FIELD_MISSING]


def test_a_register_that_is_written_as_text_is_the_same_register() -> None:
    meter = MakersMeter()
    report = judged(meter, edges(meter, "       9.038", "      10.138"))
    assert report.verdict is Verdict.GREEN
    assert report.sessions[0].energy_kwh == Decimal("1.100")
    for nonsense in ("9.038 kWh", "-1", "1e3", "", "٣"):
        assert judged(meter, edges(meter, nonsense, "10")).verdict is Verdict.RED


def test_of_registers_read_at_one_moment_the_imported_energy_is_billed() -> None:
    meter = MakersMeter()
    export = {"RI": "1-0:2.8.0", "RU": "kWh", "ST": "G", "RV": "#4.405#"}
    seconds = reading(END, "E", "      30", RI="01-00:00.08.06.FF", RU="sec", ST="G")
    corrected = {**reading(END, "E", "#9.9#", **FULL), "RI": "1-0:98.8.0"}
    begin, end = reading(BEGIN, "B", "#9.038#", **FULL), reading(END, "E", "#10.138#", **FULL)
    for several in ((begin, export, end, export), (begin, end, seconds), (begin, seconds, end)):
        report = judged(meter, signed(meter, *several))
        assert report.verdict is Verdict.GREEN
        assert report.sessions[0].energy_kwh == Decimal("1.100")
    begun = {**begin, "RI": "1-0:98.8.0", "RV": "#9.0#"}
    report = judged(meter, signed(meter, begin, begun, end, corrected))
    assert report.sessions[0].energy_kwh == Decimal("0.9")
    twice = judged(meter, signed(meter, begin, end, {**end, "RV": "#99.0#"}))
    assert [finding.reason for finding in twice.sessions[0].findings] == [Reason.TWO_ENDS]


def test_an_end_may_be_relative_to_a_begin_that_is_not_and_not_the_other_way_round() -> None:
    meter = MakersMeter()
    assert judged(meter, edges(meter, state="R")).verdict is Verdict.GREEN
    turned = signed(meter, reading(BEGIN, "B", "#1#", "R", **FULL), reading(END, "E", "#2#", **FULL))
    assert [finding.reason for finding in judged(meter, turned).sessions[0].findings] == [Reason.TIME_STATES_DIFFER]


def test_a_curve_may_be_spelled_as_its_makers_do_and_is_still_the_pinned_one() -> None:
    meter = MakersMeter(curve=ec.BrainpoolP256R1())
    record = edges(meter)
    spelled = record.replace("ECDSA-brainpool256r1", "ECDSA-brainpoolP256r1")
    assert spelled != record
    assert judged(meter, spelled).verdict is Verdict.GREEN
    other = judged(MakersMeter(), spelled)
    assert [finding.reason for finding in other.findings] == [Reason.OTHER_ALGORITHM]


def test_several_sessions_of_one_meter_in_a_file_are_told_apart_by_their_pages() -> None:
    meter = MakersMeter()
    whole = [edges(meter, "#1.0#", "#2.5#"), edges(meter, "#2.5#", "#4.0#")]
    parts = []
    for first, last in (("#4.0#", "#5.0#"), ("#5.0#", "#6.5#")):
        parts.append(signed(meter, reading(BEGIN, "B", first, **FULL)))
        parts.append(signed(meter, reading(END, "E", last, **FULL)))
    for records, energies in ((whole, ["1.5", "1.5"]), (parts, ["1.0", "1.5"]), (parts[::-1], ["1.0", "1.5"])):
        report = judged(meter, *records)
        assert report.verdict is Verdict.GREEN
        assert [session.energy_kwh for session in report.sessions] == [Decimal(energy) for energy in energies]
    odd = judged(meter, parts[0], parts[2], parts[3])
    assert Reason.TWO_BEGINS in [finding.reason for finding in odd.sessions[0].findings]


def test_the_form_of_signed_data_may_be_left_out_and_only_ocmf_is_read() -> None:
    meter = MakersMeter()
    document = f"<values><value><signedData>\n{edges(meter)}\n</signedData></value></values>"
    (value,) = safe_values(document.encode())
    assert judged(meter, value.record).verdict is Verdict.GREEN


def test_a_point_that_is_typed_from_a_label_is_the_same_key() -> None:
    meter = MakersMeter(curve=ec.SECP256R1())
    digits = meter.public.spki[-65:].hex()
    typed = " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
    assert public_key(typed.upper()) == public_key(typed) == public_key(meter.public.hex)
    with pytest.raises(ValueError, match="no public key"):
        public_key(digits[:-2] + ("00" if digits[-2:] != "00" else "01"))
