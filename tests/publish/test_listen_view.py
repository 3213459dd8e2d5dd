"""The installer's view of a HAN port."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.meters.han_diagnosis import Diagnosis, Finding
from gateway.meters.han_port import HanSight
from gateway.meters.meter_clock import ClockSight
from gateway.meters.readings import GridReading
from gateway.publish.listen_view import WIDTH, Heard, listen_view
from gateway.publish.words import Language
from gateway.wire.line import P1_LINE
from gateway.wire.telegram import Form

SIGHT = HanSight(
    finding=Finding(Diagnosis.WELL, 0.0, 0.0),
    line=P1_LINE,
    settled=True,
    form=Form.P1,
    ident="ADN9 6534",
    interval_s=10.0,
    octets=7050,
    dropped=12,
    telegrams=10,
    clock=None,
)
READING = GridReading(
    at=Instant(98.0, datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.SYNCHRONISED),
    form="p1",
    meter_time="261121221000W",
    import_w=2415.0,
    export_w=0.0,
    current_a=(5.0, None, 2.5),
    voltage_v=(230.1, 229.8, 231.4),
    net_power_w=(1150.0, 690.0, -575.0),
    import_kwh=Decimal("1234.560"),
    export_kwh=None,
)


def view(sight: HanSight = SIGHT, reading: GridReading | None = READING, language: Language = Language.SV) -> str:
    return "\n".join(listen_view(Heard("/dev/ttyUSB0", sight, reading, 100.0), language))


def test_all_that_comes_is_shown_in_swedish() -> None:
    shown = view()
    assert "P1-text, 115200 8N1, ADN9 6534" in shown
    assert "10, 10,0 s emellan, senaste för 2 s sedan" in shown
    assert "7050, kastade 12" in shown
    assert "5,00          –       2,50" in shown
    assert "in 2415 W, ut 0 W" in shown
    assert "1234,560 kWh" in shown
    assert "Telegram kommer som de ska" in shown
    assert "Gör så här" not in shown


def test_and_in_english() -> None:
    shown = view(language=Language.EN)
    assert "10, each 10.0 s, last 2 s ago" in shown
    assert "import 1234.560 kWh, export – kWh" in shown
    assert "Telegrams come as they should" in shown


@pytest.mark.parametrize("diagnosis", list(Diagnosis))
@pytest.mark.parametrize("language", list(Language))
def test_every_diagnosis_fits_the_screen(diagnosis: Diagnosis, language: Language) -> None:
    shown = view(replace(SIGHT, finding=Finding(diagnosis, 0.0, 0.5)), language=language)
    assert all(len(line) <= WIDTH for line in shown.splitlines())


def test_before_the_first_telegram_the_search_is_shown() -> None:
    shown = view(replace(SIGHT, settled=False, form=None, ident=None, telegrams=0), None, Language.EN)
    assert "looking, tries 115200 8N1" in shown
    assert "none yet" in shown
    assert "Voltage" not in shown


def test_a_wrong_clock_and_refused_values_are_told() -> None:
    sight = replace(SIGHT, clock=ClockSight(95.0, 0, trusted=True))
    shown = view(sight, replace(READING, refused=("power_above_currents",)))
    assert "95 s före" in shown
    assert "mer effekt än strömmarna kan bära" in shown


def test_what_a_meter_sends_cannot_move_the_cursor() -> None:
    shown = view(replace(SIGHT, ident="KAM5\x1b[2J"), replace(READING, meter_time="\x07261121"))
    assert "\x1b" not in shown
    assert "\x07" not in shown
