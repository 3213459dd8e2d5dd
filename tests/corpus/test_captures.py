"""Real telegrams, whose licences keep them out of this repository. `LADDVAKT_CAPTURES` names their folder."""

import csv
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.meters.grid import grid_reading
from gateway.wire.p1 import P1Framer
from gateway.wire.telegram import Discarded, DiscardReason, Event, Telegram

FOLDER = Path(os.environ.get("LADDVAKT_CAPTURES", Path(__file__).parents[3] / "shared" / "captures"))
INDEX = FOLDER / "INDEX.csv"
AT = Instant(0.0, datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.UNKNOWN)

pytestmark = pytest.mark.skipif(not INDEX.exists(), reason=f"no captures in {FOLDER} (set LADDVAKT_CAPTURES)")


def captures(form: str) -> list[dict[str, str]]:
    if not INDEX.exists():
        return []
    with INDEX.open(encoding="utf-8", newline="") as text:
        return [row for row in csv.DictReader(text) if row["format"] == form]


def p1_captures(crc_ok: str) -> list[object]:
    return [pytest.param(row, id=row["file"]) for row in captures("P1") if row["crc_ok"] == crc_ok]


def events_of(row: dict[str, str], *, allow_without_crc: bool = False) -> list[Event]:
    framer = P1Framer(allow_without_crc=allow_without_crc)
    return framer.feed((FOLDER / row["file"]).read_bytes()) + framer.finish()


def assert_index_values(row: dict[str, str], telegram: Telegram) -> None:
    """Every value that the index knows is the value read; energies keep the decimals of the wire."""
    reading = grid_reading(telegram, AT)
    assert reading.refused == ()
    read = {
        "meter_time": reading.meter_time,
        "import_W": reading.import_w,
        "export_W": reading.export_w,
        **{f"I{phase + 1}": reading.current_a[phase] for phase in range(3)},
        **{f"U{phase + 1}": reading.voltage_v[phase] for phase in range(3)},
        "import_kWh": reading.import_kwh,
        "export_kWh": reading.export_kwh,
    }
    for column, value in read.items():
        expected = row[column]
        if not expected:
            continue
        if column == "meter_time":
            assert value == expected
        elif isinstance(value, Decimal):
            assert value == Decimal(expected), column
            assert format(value, "f").encode() in (FOLDER / row["file"]).read_bytes() or "sum" in summed(
                telegram, column
            )
        else:
            assert value == float(expected), column


def summed(telegram: Telegram, column: str) -> str:
    """ "sum" where the energy had to be summed or shifted, so that its text is not the wire's."""
    code = "1-0:1.8.0" if column == "import_kWh" else "1-0:2.8.0"
    return "as sent" if telegram.items.get(code, (None, ""))[1].lower() == "kwh" else "sum"


def test_the_captures_are_all_there() -> None:
    assert len(captures("P1")) >= 21


@pytest.mark.parametrize("row", p1_captures("yes"))
def test_an_intact_p1_capture_gives_the_values_of_the_index(row: dict[str, str]) -> None:
    events = events_of(row)
    (telegram,) = [event for event in events if isinstance(event, Telegram)]
    assert_index_values(row, telegram)
    assert sum(event.count for event in events if isinstance(event, Discarded)) == row_bytes(row) - telegram.size
    assert row_bytes(row) - telegram.size <= 2, "only a line end before the header may be over"


def row_bytes(row: dict[str, str]) -> int:
    return (FOLDER / row["file"]).stat().st_size


@pytest.mark.parametrize("row", [*p1_captures("NO"), *p1_captures("no frame")])
def test_a_damaged_p1_capture_is_dropped_whole_with_its_reason(row: dict[str, str]) -> None:
    (event,) = events_of(row, allow_without_crc=True)
    assert isinstance(event, Discarded)
    assert event.count == row_bytes(row)
    assert event.reason is (DiscardReason.BAD_CRC if row["crc_ok"] == "NO" else DiscardReason.TRUNCATED)


@pytest.mark.parametrize("row", p1_captures("no crc in telegram"))
def test_a_p1_capture_without_four_digits_is_read_as_its_digits_allow(row: dict[str, str]) -> None:
    has_digits = row["file"] == "nl_unpadded_crc.p1"
    strict = events_of(row)
    if not has_digits:
        assert [event.reason for event in strict if isinstance(event, Discarded)] == [DiscardReason.WITHOUT_CRC]
        assert not [event for event in strict if isinstance(event, Telegram)]
    (telegram,) = [event for event in events_of(row, allow_without_crc=True) if isinstance(event, Telegram)]
    assert_index_values(row, telegram)
