"""What the log tells of the HAN port: changes, not looks."""

import logging
from dataclasses import replace

import pytest

from gateway.app.faults import FaultLog
from gateway.app.han_log import HanLog
from gateway.meters.han_diagnosis import Diagnosis, Finding
from gateway.meters.han_port import HanSight
from gateway.meters.meter_clock import ClockSight
from gateway.publish.words import Language
from gateway.wire.line import LineSettings
from gateway.wire.telegram import Form

LISTENING = HanSight(
    finding=Finding(Diagnosis.LISTENING, 0.0),
    line=LineSettings(2400, "E"),
    settled=False,
    form=None,
    ident=None,
    interval_s=None,
    octets=0,
    dropped=0,
    telegrams=0,
    clock=None,
)
WELL = replace(LISTENING, finding=Finding(Diagnosis.WELL, 3.0), settled=True, form=Form.HDLC, ident="6525")


def told(sights: list[HanSight], caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.set_level(logging.INFO, "laddvakt")
    log = HanLog(FaultLog(), Language.EN)
    for second, sight in enumerate(sights):
        log.seen(sight, float(second))
    return [record.getMessage() for record in caplog.records]


def test_what_was_found_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    assert told([LISTENING, LISTENING, WELL, WELL, WELL], caplog) == ["HAN port: DLMS in HDLC, 2400 8E1, 6525"]


def test_a_trouble_is_told_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    silent = replace(WELL, finding=Finding(Diagnosis.WENT_SILENT, 1.0))
    lines = told([WELL, silent, silent, WELL], caplog)
    assert len(lines) == 3
    assert lines[1].startswith("HAN port went_silent: The meter has gone silent (for 0 s). Check the cable")
    assert lines[2].startswith("HAN port went_silent: well again")


def test_one_trouble_that_becomes_another_ends_and_begins(caplog: pytest.LogCaptureFixture) -> None:
    noise = replace(WELL, finding=Finding(Diagnosis.ONLY_NOISE, 1.0))
    silent = replace(WELL, finding=Finding(Diagnosis.WENT_SILENT, 2.0))
    lines = told([noise, silent], caplog)
    assert [line.split(":")[0] for line in lines] == [
        "HAN port only_noise",
        "HAN port",
        "HAN port only_noise",
        "HAN port went_silent",
    ]


def test_a_wrong_clock_is_a_trouble_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    wrong = replace(WELL, clock=ClockSight(95.0, 0, trusted=True))
    lines = told([wrong, wrong, replace(WELL, clock=ClockSight(1.0, 0, trusted=True))], caplog)
    assert lines[1] == "grid meter clock: The meter's clock is 95 s ahead of the host's"
    assert lines[2].startswith("grid meter clock: well again")
