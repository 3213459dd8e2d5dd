"""What is found in a load profile's rows: every finding with its line and the words that stand there."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from gateway.metering.keys import P256_ORDER
from gateway.metering.load_profile import QUARTER, PeriodRow
from gateway.metering.profile_csv import COLUMNS, ProfileCells, rows_in
from gateway.metering.profile_proof import (
    SignatureState,
    SignatureWorth,
    proven_profile,
    signature_worth,
)
from gateway.metering.verdicts import Finding, ProfileReport, Reason, Verdict
from tests.metering.records import Pen

PEN = Pen()
TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
Cells = dict[str, str]
NOTHING = dict.fromkeys(COLUMNS, "")


def row(count: int, **changes: Any) -> PeriodRow:
    """Row number 1, 2, 3, ...: read at ten and every quarter after it, one kWh more each."""
    made = PeriodRow(
        PEN.public.serial, "p1", "123", count, Decimal(900 * count), Decimal(1000 * count), Decimal(10),
        "X" if count == 1 else "G", TEN + QUARTER * (count - 1), "S", "0" * 64,
    )  # fmt: skip
    return replace(made, **changes)


def chained(*rows: PeriodRow) -> list[PeriodRow]:
    done: list[PeriodRow] = []
    for one in rows:
        done.append(replace(one, previous=done[-1].hash) if done else one)
    return done


def told(rows: Sequence[PeriodRow]) -> list[Cells]:
    """What a table says of rows that are read at their quarters."""
    lines = []
    for before, one in pairwise([None, *rows]):
        assert one is not None
        quarter = one.utc.replace(second=0, microsecond=0).isoformat()
        is_first = before is None or one.status == "X"
        energy = "" if is_first or before is None else str(one.register_wh - before.register_wh)
        mean = "" if is_first or before is None else f"{(one.register_wh - before.register_wh) * 4:.1f}"
        lines.append({
            "si": str(one.si_s), "zst_utc": quarter, "zst_local": quarter, "register_wh": str(one.register_wh),
            "energy_wh": energy, "mean_w": mean, "status": one.status,
            "sig1": PEN.der(one.register_text.decode()).hex(), "sig2": PEN.der(one.time_text.decode()).hex(),
            "sig_state": "proven", "map_state": "ok", "err": "", "device": one.device, "socket": one.place,
            "meter_serial": one.serial, "page": str(one.page), "step_wh": str(one.step_wh),
            "read_utc": one.utc.isoformat(timespec="milliseconds"), "time_state": one.state,
            "previous": one.previous,
        })  # fmt: skip
    return lines


def read(lines: Sequence[Cells]) -> list[ProfileCells]:
    texts = [";".join(COLUMNS), *(";".join(one[name] for name in COLUMNS) for one in lines)]
    return rows_in("\r\n".join(texts).encode(), "f")


def report_of(lines: Sequence[Cells]) -> ProfileReport:
    (report,) = proven_profile(read(lines), PEN.public)
    return report


def found(lines: Sequence[Cells]) -> list[tuple[Reason, str, str]]:
    return [(one.reason, one.where, one.detail) for one in report_of(lines).findings]


FOUR = told(chained(row(1), row(2), row(3), row(4)))


def changed(at: int, **cells: str) -> list[Cells]:
    """The four rows, of which the one in that line of the file says something else."""
    return [one | cells if line == at else one for line, one in enumerate(FOUR, 2)]


def test_four_right_rows_are_three_kilowatt_hours_and_nothing_else() -> None:
    assert report_of(FOUR) == ProfileReport("p1", 4, Decimal(3000), Decimal(3000), ())
    assert report_of(FOUR).verdict is Verdict.GREEN


CHANGED = Reason.CELL_CHANGED


@pytest.mark.parametrize(
    ("cells", "findings"),
    [
        ({"energy_wh": "999"}, [(CHANGED, "energy_wh 999")]),
        ({"energy_wh": ""}, [(CHANGED, "energy_wh ")]),
        ({"mean_w": "1"}, [(CHANGED, "mean_w 1")]),
        ({"mean_w": ""}, []),
        ({"err": "LATE"}, [(CHANGED, "err LATE")]),
        ({"err": "ASYNC"}, [(CHANGED, "err ASYNC")]),
        ({"err": "GAP"}, [(CHANGED, "err GAP")]),
        ({"err": "EXCHANGED"}, [(CHANGED, "err EXCHANGED")]),
        ({"err": "REPEATED"}, [(CHANGED, "err REPEATED")]),
        ({"zst_local": "2026-03-01T10:30:00+00:00"}, [(CHANGED, "zst_local 2026-03-01T10:30:00+00:00")]),
        ({"zst_local": "2026-03-01T11:15:00+01:00"}, []),
        ({"zst_local": ""}, [(CHANGED, "zst_local ")]),
        ({"sig_state": "energy"}, [(CHANGED, "sig_state energy")]),
        ({"sig_state": ""}, [(CHANGED, "sig_state ")]),
        ({"sig1": ""}, [(Reason.UNSIGNED, "sig1")]),
        ({"sig2": ""}, [(Reason.TIME_NOT_SIGNED, "sig2")]),
        ({"sig1": "", "sig2": ""}, [(Reason.UNSIGNED, "sig1"), (Reason.TIME_NOT_SIGNED, "sig2")]),
        ({"sig1": "00"}, [(Reason.SIGNATURE_WRONG, "sig1")]),
        ({"sig1": "zz"}, [(Reason.SIGNATURE_WRONG, "sig1")]),
        ({"sig2": FOUR[0]["sig2"]}, [(Reason.SIGNATURE_WRONG, "sig2")]),
        ({"sig1": "00", "sig2": "00"}, [(Reason.SIGNATURE_WRONG, "sig1"), (Reason.SIGNATURE_WRONG, "sig2")]),
        ({"map_state": "interpolated"}, [(CHANGED, "map_state interpolated")]),
        ({"map_state": "unmapped"}, [(CHANGED, "map_state unmapped")]),
        ({"map_state": ""}, [(CHANGED, "map_state ")]),
        ({"time_state": "R"}, [(Reason.FIELD_MISSING, "")]),
        ({"page": "x"}, [(Reason.FIELD_MISSING, "")]),
        ({"energy_wh": "x"}, [(Reason.FIELD_MISSING, "")]),
        ({"mean_w": "x", "sig1": ""}, [(Reason.UNSIGNED, "sig1"), (Reason.FIELD_MISSING, "")]),
        ({"zst_utc": "2026-03-01T10:15:00Z"}, [(Reason.FIELD_MISSING, "")]),
        ({"zst_utc": "2026-03-01T10:15:00"}, [(Reason.FIELD_MISSING, "")]),
        ({"zst_local": "now"}, [(Reason.FIELD_MISSING, "")]),
    ],
)
def test_each_changed_cell_is_named_with_its_line(cells: Cells, findings: list[tuple[Reason, str]]) -> None:
    after = [finding for finding in found(changed(3, **cells)) if finding[1] == "f:3"]
    assert after == [(reason, "f:3", detail) for reason, detail in findings]


def test_another_quarter_in_a_row_tells_on_both_sides_of_it() -> None:
    later = "2026-03-01T10:30:00+00:00"
    assert found(changed(3, zst_utc=later, zst_local=later)) == [
        (CHANGED, "f:3", f"zst_utc {later}"), (CHANGED, "f:3", "mean_w 4000.0"), (CHANGED, "f:3", "err "),
        (CHANGED, "f:4", "mean_w 4000.0"), (CHANGED, "f:4", "err "),
    ]  # fmt: skip


def test_energy_is_proven_where_both_registers_are_and_added_up_where_they_are_read() -> None:
    assert (report_of(changed(3, sig1="")).energy_wh, report_of(changed(3, sig1="")).proven_wh) == (3000, 1000)
    assert (report_of(changed(2, sig1="00")).energy_wh, report_of(changed(2, sig1="00")).proven_wh) == (3000, 2000)
    assert (report_of(changed(5, sig2="")).energy_wh, report_of(changed(5, sig2="")).proven_wh) == (3000, 3000)
    unread = report_of(changed(3, page="x"))
    assert (unread.rows, unread.energy_wh, unread.proven_wh) == (4, 3000, 1000)


def test_a_signature_of_high_s_is_no_signature_and_one_of_other_octets_neither() -> None:
    first = row(1)
    der = PEN.der(first.register_text.decode())
    r, s = decode_dss_signature(der)
    high = encode_dss_signature(r, P256_ORDER - s).hex()
    right = PEN.der(first.time_text.decode()).hex()
    assert signature_worth(first, der.hex(), right, PEN.public) == SignatureWorth(True, True)
    assert signature_worth(first, high, "", PEN.public) == SignatureWorth(False, None)
    assert signature_worth(first, "", der.hex(), PEN.public) == SignatureWorth(None, False)
    assert SignatureWorth(True, None).state is SignatureState.ENERGY


def missing(**cells: str) -> list[Cells]:
    quarter = "2026-03-01T10:15:00+00:00"
    said = {"zst_utc": quarter, "zst_local": quarter, "map_state": "unmapped", "err": "MISSING", "socket": "p1"}
    return [FOUR[0], NOTHING | said | cells]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({}, Reason.QUARTER_MISSING),
        ({"err": ""}, Reason.FIELD_MISSING),
        ({"err": "GAP"}, Reason.FIELD_MISSING),
        ({"energy_wh": "1"}, Reason.FIELD_MISSING),
        ({"mean_w": "1"}, Reason.FIELD_MISSING),
    ],
)
def test_a_quarter_that_nobody_read_says_so_and_claims_nothing(cells: Cells, reason: Reason) -> None:
    report = report_of(missing(**cells))
    assert report.findings == (Finding(reason, "f:3", "2026-03-01T10:15:00+00:00"),)
    assert (report.rows, report.energy_wh) == (2, 0)


def test_rows_of_another_device_and_those_of_nobody_s_key_are_not_proven() -> None:
    (report,) = proven_profile(read(FOUR), None)
    serial = PEN.public.serial
    assert report.findings == tuple(Finding(Reason.KEY_NOT_PINNED, f"f:{at}", serial) for at in (2, 3, 4, 5))
    assert (report.energy_wh, report.proven_wh) == (3000, 0)
    other = told(chained(row(1, device="AB"), row(2, device="AB")))
    assert found(other) == [(Reason.KEY_NOT_PINNED, "f:2", "AB"), (Reason.KEY_NOT_PINNED, "f:3", "AB")]
    mixed = told([row(1), row(2, device="AB"), row(3)])
    assert found(mixed) == [(Reason.KEY_NOT_PINNED, "f:3", "AB")]
    assert report_of(mixed).proven_wh == 0


def late(seconds: float, err: str, state: str = "S", **cells: str) -> list[tuple[Reason, str, str]]:
    """A second row that was read so late after its quarter."""
    utc = TEN + QUARTER + timedelta(seconds=seconds)
    lines = told(chained(row(1), row(2, utc=utc, state=state)))
    return found([lines[0], lines[1] | {"err": err} | cells])


@pytest.mark.parametrize(("seconds", "err"), [(1.999, ""), (2, "LATE"), (9, "LATE"), (9.001, "ASYNC"), (59, "ASYNC")])
def test_a_late_row_says_how_late_it_is_and_nothing_else(seconds: float, err: str) -> None:
    assert late(seconds, err) == []
    for wrong in {"", "LATE", "ASYNC", "LATE ASYNC"} - {err}:
        assert late(seconds, wrong) == [(CHANGED, "f:3", f"err {wrong}")]


UNPLACED = {"zst_utc": "", "zst_local": "", "mean_w": ""}


@pytest.mark.parametrize(
    ("state", "err", "cells", "finding"),
    [
        ("I", "", {"map_state": "interpolated"}, (Reason.CLOCK_NOT_TRUSTED, "I interpolated")),
        ("U", "ASYNC", {"map_state": "interpolated"}, (Reason.CLOCK_NOT_TRUSTED, "U interpolated")),
        ("U", "GAP", UNPLACED | {"map_state": "unmapped"}, (Reason.CLOCK_NOT_TRUSTED, "U unmapped")),
        ("U", "GAP REPEATED", UNPLACED | {"map_state": "unmapped"}, (Reason.CLOCK_NOT_TRUSTED, "U unmapped")),
        ("S", "REPEATED GAP", UNPLACED | {"map_state": "unmapped"}, (Reason.CLOCK_NOT_TRUSTED, "S unmapped")),
        ("S", "GAP", UNPLACED | {"map_state": "unmapped"}, (CHANGED, "map_state unmapped")),
        ("U", "", {"map_state": "unmapped"}, (CHANGED, "map_state unmapped")),
        ("U", "GAP", UNPLACED | {"map_state": "interpolated"}, (CHANGED, "map_state interpolated")),
        ("U", "", {"map_state": "ok"}, (CHANGED, "map_state ok")),
        ("S", "", {"map_state": "interpolated"}, (CHANGED, "map_state interpolated")),
    ],
)
def test_a_row_of_an_untrusted_clock_says_how_it_came_to_its_quarter(
    state: str, err: str, cells: Cells, finding: tuple[Reason, str]
) -> None:
    assert late(0, err, state, **cells) == [(finding[0], "f:3", finding[1])]


def test_pages_follow_each_other_once_each_naming_the_one_before() -> None:
    def lines_found(*at: int, lines: Sequence[Cells] = FOUR) -> list[tuple[Reason, str, str]]:
        kinds = {Reason.CHAIN_BROKEN, Reason.PAGES_MISSING, Reason.REPLAYED, Reason.PAGE_REUSED}
        kinds.add(Reason.PAGES_NOT_RISING)
        return [one for one in found([lines[line] for line in at]) if one[0] in kinds]

    assert lines_found(0, 1, 3) == [(Reason.PAGES_MISSING, "f:4", "p1 4, 2")]
    assert lines_found(0, 1, 1) == [(Reason.REPLAYED, "f:4", "p1 2")]
    assert lines_found(0, 1, 2, 1) == [(Reason.PAGES_NOT_RISING, "f:5", "p1 2, 3")]
    assert lines_found(2, 0) == [(Reason.PAGES_NOT_RISING, "f:3", "p1 1, 3")]
    broken = told([row(1), row(2, previous="1" * 64), row(2)])
    assert lines_found(0, 1, lines=broken) == [(Reason.CHAIN_BROKEN, "f:3", "p1 2")]
    assert lines_found(0, 1, 2, lines=broken)[1] == (Reason.PAGE_REUSED, "f:4", "p1 2")
    again = told([*chained(row(1), row(2), row(3)), row(2)])
    assert lines_found(0, 1, 2, 3, lines=again) == [(Reason.PAGE_REUSED, "f:5", "p1 2")]


def test_energy_over_a_page_that_is_missing_or_of_another_meter_is_not_proven() -> None:
    gap = report_of([FOUR[0], FOUR[1], FOUR[3] | {"energy_wh": "2000", "mean_w": "", "err": "GAP"}])
    assert (gap.energy_wh, gap.proven_wh) == (3000, 1000)
    assert gap.findings == (Finding(Reason.PAGES_MISSING, "f:4", "p1 4, 2"),)
    other = report_of(told(chained(row(1), row(2, serial="9"))))
    assert (other.energy_wh, other.proven_wh) == (1000, 0)


def test_a_meter_that_was_exchanged_begins_anew_and_says_so() -> None:
    lines = told(chained(row(1), row(2, status="X", serial="9", register_wh=Decimal(5)), row(3, serial="9")))
    marked = [lines[0], lines[1] | {"err": "EXCHANGED"}, lines[2]]
    assert report_of(marked) == ProfileReport("p1", 3, Decimal(2995), Decimal(2995), ())
    assert found([lines[0], lines[1], lines[2]]) == [(CHANGED, "f:3", "err ")]
    claims = [lines[0], lines[1] | {"err": "EXCHANGED", "energy_wh": "1"}, lines[2]]
    assert found(claims) == [(CHANGED, "f:3", "energy_wh 1")]


def test_a_register_that_falls_is_told_and_not_proven() -> None:
    lines = told(chained(row(1), row(2, register_wh=Decimal(990)), row(3, register_wh=Decimal(990))))
    report = report_of(lines)
    assert report.findings == (Finding(Reason.VALUE_NOT_RISING, "f:3", "energy_wh -10"),)
    assert (report.energy_wh, report.proven_wh) == (-10, 0)


def test_a_register_that_stands_still_proves_that_nothing_flowed() -> None:
    lines = told(chained(row(1), row(2, register_wh=Decimal(1000)), row(3)))
    assert report_of(lines) == ProfileReport("p1", 3, Decimal(2000), Decimal(2000), ())
    tenths = told(chained(row(1), row(2, register_wh=Decimal("1000.5"))))
    assert report_of(tenths) == ProfileReport("p1", 2, Decimal("0.5"), Decimal("0.5"), ())


def test_a_gap_between_quarters_is_marked_and_has_no_mean() -> None:
    lines = told(chained(row(1), row(2, utc=TEN + 2 * QUARTER)))
    assert found([lines[0], lines[1] | {"err": "GAP", "mean_w": ""}]) == []
    assert found([lines[0], lines[1] | {"mean_w": ""}]) == [(CHANGED, "f:3", "err ")]
    assert found([lines[0], lines[1] | {"err": "GAP"}]) == [(CHANGED, "f:3", "mean_w 4000.0")]
    first = told([row(1)])[0] | {"err": "GAP"}
    assert found([first]) == [(CHANGED, "f:2", "err GAP")]


def test_each_place_has_a_report_of_its_own_in_the_order_of_the_file() -> None:
    other = told(chained(row(1, place="p2"), row(2, place="p2", register_wh=Decimal(1500))))
    lines = [other[0], FOUR[0], other[1], FOUR[1]]
    assert proven_profile(read(lines), PEN.public) == [
        ProfileReport("p2", 2, Decimal(500), Decimal(500), ()),
        ProfileReport("p1", 2, Decimal(1000), Decimal(1000), ()),
    ]
    assert proven_profile([], PEN.public) == []
