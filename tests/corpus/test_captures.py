"""Real telegrams, whose licences keep them out of this repository. `LADDVAKT_CAPTURES` names their folder."""

import csv
import itertools
import os
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.meters.grid import grid_reading, signed_current_a
from gateway.meters.grid_plausibility import GridTrace
from gateway.wire.ciphering import MeterKeys
from gateway.wire.forms import bare_message, framer_of
from gateway.wire.telegram import Discarded, DiscardReason, Event, Telegram

FOLDER = Path(os.environ.get("LADDVAKT_CAPTURES", Path(__file__).parents[3] / "shared" / "captures"))
INDEX = FOLDER / "INDEX.csv"
AT = Instant(0.0, datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.UNKNOWN)
CUTTINGS = 500
NOISE_BYTES = 10_000

DAMAGED = {
    "at_sagemcom_est5_gh264.p1": DiscardReason.TRUNCATED,
    "dk_kamstrup_omnia_malformed_gh712.p1": DiscardReason.BAD_CRC,
    "pl_kaifa_ma309_gh1067.p1": DiscardReason.BAD_CRC,
    "se_aidon_truncated_gh146.bin": DiscardReason.TRUNCATED,
    "no_kamstrup_badfcs_gh175.bin": DiscardReason.BAD_CRC,
    "dk_kamstrup_encrypted_gh244.bin": DiscardReason.BAD_CRC,
    "se_kamstrup_wrongparity_gh355.bin": DiscardReason.NOISE,
    "no_aidon_oss_mangled_10s_hassams.bin": DiscardReason.TEXT_MODE,
    "no_aidon_crlf_mangled_hassams112.bin": DiscardReason.TEXT_MODE,
    "at_sagemcom_mbus_encrypted_gh155.bin": DiscardReason.NO_KEY,
    "at_kaifa_ma309m_mbus_encrypted_gh433.bin": DiscardReason.NO_KEY,
}
"""Captures that must not become a reading, and why they do not."""

WITHOUT_CRC = {
    "nl_landisgyr_xmx5_amshan_b.p1",
    "si_iskra_am550_nocrc_gh1037.p1",
    "nl_iskra_dsmr22.p1",
}
STRAY_BYTES_MAX = 2
"""An intact capture may hold a line end before its header, or one byte after its last flag."""

pytestmark = pytest.mark.skipif(not INDEX.exists(), reason=f"no captures in {FOLDER} (set LADDVAKT_CAPTURES)")

Row = dict[str, str]


def index() -> list[Row]:
    if not INDEX.exists():
        return []
    with INDEX.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def named(rows: list[Row]) -> list[object]:
    return [pytest.param(row, id=row["file"]) for row in rows]


def octets_of(row: Row) -> bytes:
    return (FOLDER / row["file"]).read_bytes()


def keys_of(row: Row) -> MeterKeys | None:
    """The keys that were published with the capture."""
    ek, ak = (re.search(rf"{name}=([0-9A-F]{{32}})", row["note"]) for name in ("EK", "AK"))
    return MeterKeys(bytes.fromhex(ek[1]), bytes.fromhex(ak[1]) if ak else None) if ek else None


def events_of(
    row: Row, octets: bytes, *, allow_without_crc: bool = True, with_keys: bool = True, cuts: tuple[int, ...] = ()
) -> list[Event]:
    keys = keys_of(row) if with_keys else None
    if row["format"] == "raw APDU":
        message = bare_message(octets, keys)
        return [Discarded(len(octets), message, b"") if isinstance(message, DiscardReason) else message]
    framer = framer_of(None, allow_without_crc=allow_without_crc, keys=keys)
    events: list[Event] = []
    for begin, end in itertools.pairwise((0, *sorted(cuts), len(octets))):
        events += framer.feed(octets[begin:end])
    return events + framer.finish()


def telegrams_of(events: list[Event]) -> list[Telegram]:
    return [event for event in events if isinstance(event, Telegram)]


def discarded_of(events: list[Event]) -> list[Discarded]:
    return [event for event in events if isinstance(event, Discarded)]


def assert_index_values(row: Row, telegram: Telegram) -> None:
    """Every value that the index knows is the value read, and no rule refuses an intact capture."""
    reading = grid_reading(telegram, AT)
    assert reading.refused == ()
    signed_a = signed_current_a(telegram)
    if row["meter_time"]:
        assert reading.meter_time == row["meter_time"]
    numbers = {
        "import_W": reading.import_w,
        "export_W": reading.export_w,
        **{f"I{phase + 1}": signed_a[phase] for phase in range(3)},
        **{f"U{phase + 1}": reading.voltage_v[phase] for phase in range(3)},
    }
    for column, number in numbers.items():
        if row[column]:
            assert number == float(row[column]), column
    for column, energy in (("import_kWh", reading.import_kwh), ("export_kWh", reading.export_kwh)):
        if row[column]:
            assert energy == Decimal(row[column]), column


def assert_decimals_of_the_wire(row: Row, telegram: Telegram) -> None:
    """Energies that are sent as kWh stand in the telegram's text exactly as they are shown."""
    reading = grid_reading(telegram, AT)
    for code, energy in (("1-0:1.8.0", reading.import_kwh), ("1-0:2.8.0", reading.export_kwh)):
        if telegram.items.get(code, (None, ""))[1].lower() == "kwh":
            assert energy is not None
            assert format(energy, "f").encode() in octets_of(row)


def test_all_captures_are_there() -> None:
    assert len(index()) == 55


@pytest.mark.parametrize("row", named(index()))
def test_an_intact_capture_gives_its_indexed_values_and_a_damaged_one_its_reason(
    row: Row, capture_table: list[str]
) -> None:
    octets = octets_of(row)
    events = events_of(row, octets)
    telegrams, discarded = telegrams_of(events), discarded_of(events)
    found = f"{len(telegrams)} x {telegrams[0].form}, {len(telegrams[0].items)} registers" if telegrams else "-"
    lost = ", ".join(f"{event.count} {event.reason}" for event in discarded)
    capture_table.append(f"{row['file']:<48} {found:<24} {lost}")
    assert sum(event.size for event in telegrams) + sum(event.count for event in discarded) == len(octets)
    if row["file"] in DAMAGED:
        assert telegrams == []
        assert discarded[0].reason is DAMAGED[row["file"]]
        return
    assert_index_values(row, telegrams[0])
    if row["format"] == "P1":
        assert_decimals_of_the_wire(row, telegrams[0])
    if row["format"] == "HDLC/DLMS stream":
        assert len(telegrams) == 26
        assert [event.reason for event in discarded] == [DiscardReason.TRUNCATED]
    else:
        assert len(telegrams) == 1
        assert sum(event.count for event in discarded) <= STRAY_BYTES_MAX


@pytest.mark.parametrize("main_fuse_a", [None, 35.0])
@pytest.mark.parametrize("row", named([row for row in index() if row["file"] not in DAMAGED]))
def test_no_rule_refuses_an_intact_capture_nor_the_telegrams_that_follow_it(
    row: Row, main_fuse_a: float | None
) -> None:
    trace = GridTrace(main_fuse_a)
    for count, telegram in enumerate(telegrams_of(events_of(row, octets_of(row))) * 3):
        trace, judged, change = trace.heard(grid_reading(telegram, replace(AT, monotonic_s=10.0 * count)))
        assert (judged.refused, change) == ((), None)


@pytest.mark.parametrize("row", named([row for row in index() if row["file"] in WITHOUT_CRC]))
def test_a_capture_without_crc_is_refused_unless_that_is_allowed(row: Row) -> None:
    events = events_of(row, octets_of(row), allow_without_crc=False)
    assert telegrams_of(events) == []
    assert [event.reason for event in discarded_of(events)] == [DiscardReason.WITHOUT_CRC]


@pytest.mark.parametrize("row", named([row for row in index() if keys_of(row)]))
def test_an_encrypted_capture_without_its_key_says_so(row: Row) -> None:
    events = events_of(row, octets_of(row), with_keys=False)
    assert [event.reason for event in events if isinstance(event, Discarded)] == [DiscardReason.NO_KEY]


@pytest.mark.parametrize("row", named([row for row in index() if row["format"] != "raw APDU"]))
def test_however_a_capture_is_cut_its_events_are_the_same(row: Row) -> None:
    octets = octets_of(row)
    whole = events_of(row, octets)
    assert events_of(row, octets, cuts=tuple(range(len(octets)))) == whole
    chance = random.Random(row["file"])
    for _ in range(CUTTINGS):
        cuts = tuple(chance.randrange(len(octets)) for _ in range(chance.randrange(1, 12)))
        assert events_of(row, octets, cuts=cuts) == whole


@pytest.mark.parametrize("row", named([row for row in index() if row["format"] != "raw APDU"]))
def test_noise_before_between_and_after_costs_no_intact_capture(row: Row) -> None:
    octets = octets_of(row)
    expected = telegrams_of(events_of(row, octets))
    chance = random.Random(row["file"])
    noise = [chance.randbytes(NOISE_BYTES) for _ in range(3)]
    events = events_of(row, noise[0] + octets + noise[1] + octets + noise[2])
    assert telegrams_of(events) == expected * 2
