"""The grid meter's readings on their way to control: refused ones are told once and counted, a changed meter noted."""

import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.app.faults import FaultLog
from gateway.app.grid_judge import REFUSED_FAULT, GridJudge
from gateway.clock import Instant, UtcTrust
from gateway.meters.readings import GridReading
from gateway.site.because import Because, Why
from gateway.site.wishes import NoteEvent


def reading(at_s: float, import_kwh: str, current_a: float = 5.0) -> GridReading:
    return GridReading(
        at=Instant(at_s, datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.SYNCHRONISED),
        form="p1",
        meter_time=str(at_s),
        import_w=1150.0,
        export_w=0.0,
        current_a=(current_a, 0.0, 0.0),
        voltage_v=(230.0, 230.0, 230.0),
        net_power_w=(None, None, None),
        import_kwh=Decimal(import_kwh),
        export_kwh=Decimal(0),
        ident="LVK5E360",
    )


def test_a_refused_reading_is_told_once_and_counted_and_the_fault_ends(caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultLog()
    noted: list[NoteEvent] = []
    judge = GridJudge(20.0, faults, noted.append)
    with caplog.at_level(logging.INFO, logger="laddvakt"):
        for at_s in range(3):
            judged = judge.judged(reading(10.0 * at_s, "100.000", current_a=70.0))
            assert judged.refused == ("current_too_high",)
            assert judged.current_a[0] == 70.0
        assert faults.now == (REFUSED_FAULT,)
        judge.judged(reading(30.0, "100.001"))
    assert faults.now == ()
    assert noted == []
    assert judge.refused_by_rule == {"current_too_high": 3}
    begun, ended = caplog.messages
    assert "current_too_high" in begun
    assert "well again" in ended


def test_a_changed_meter_is_one_event_and_one_line_of_what_was_and_is(caplog: pytest.LogCaptureFixture) -> None:
    noted: list[NoteEvent] = []
    judge = GridJudge(20.0, FaultLog(), noted.append)
    with caplog.at_level(logging.INFO, logger="laddvakt"):
        for at_s, kwh in enumerate(("6678.394", "0.000", "0.001", "0.002", "0.003")):
            judge.judged(reading(10.0 * at_s, kwh))
    assert noted == [NoteEvent(None, Because(Why.GRID_METER_CHANGED))]
    (line,) = [message for message in caplog.messages if "another meter" in message]
    assert "import kWh 6678.394 became 0.002" in line
