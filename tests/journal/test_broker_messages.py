"""What the broker hears of sessions and events, field by field."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gateway.ids import FuseId
from gateway.journal.facts import EventNoted, MeterExchanged
from gateway.journal.outbox import Kind, event_message, session_message
from gateway.metering.ocmf import Unbilled
from gateway.quantities import Phase
from gateway.site.because import Because, Why
from gateway.site.wishes import EndKind
from tests.journal.entry_bench import BEGUN, ENDED, NOW, P1, WHY


@pytest.mark.parametrize("meter_kwh", [None, Decimal("1.5")])
@pytest.mark.parametrize("unbilled", [None, Unbilled.CANCELLED])
@pytest.mark.parametrize("tariff_id", [None, "villa-2026"])
def test_a_session_on_the_broker_bears_every_field(
    meter_kwh: Decimal | None, unbilled: Unbilled | None, tariff_id: str | None
) -> None:
    ended = replace(ENDED, unbilled=unbilled, billable=unbilled is None, minimum_wh=200)
    told = session_message(replace(BEGUN, tariff_id=tariff_id), ended, "B", "E", meter_kwh)
    assert told.kind is Kind.SESSION
    assert json.loads(told.body) == {
        "session": "s1",
        "socket": "p1",
        "continues": "old",
        "end_kind": EndKind.COMPLETED.value,
        "why": Why.OVERLOAD.value,
        "begin_utc": "2026-03-01T12:00:00+00:00",
        "end_utc": "2026-03-01T12:01:00+00:00",
        "begin_kwh": "5.00",
        "end_kwh": "6.50",
        "energy_kwh": "1.50",
        "step_kwh": "0.01",
        "billable": unbilled is None,
        "unbilled": None if unbilled is None else "cancelled",
        "minimum_wh": 200,
        "meter_serial": "M1",
        "tariff_id": tariff_id,
        "grade": "gateway-signed" if meter_kwh is None else "meter-signed",
        "meter_energy_kwh": None if meter_kwh is None else "1.5",
        "begin_page": 1,
        "end_page": 2,
        "begin_record": "B",
        "end_record": "E",
    }


@pytest.mark.parametrize(
    ("event", "body"),
    [
        (
            MeterExchanged(NOW, P1, "M0", Decimal("5.00"), "M1", Decimal("0.1")),
            {"socket": "p1", "why": "meter_exchanged", "serial": ["M0", "M1"], "kwh": ["5.00", "0.1"]},
        ),
        (
            EventNoted(NOW, None, Because(Why.OVERLOAD, FuseId("main"), Phase.L2, 17.5)),
            {"socket": None, "why": Why.OVERLOAD.value, "fuse": "main", "phase": "L2", "current_a": 17.5},
        ),
        (
            EventNoted(NOW, P1, WHY),
            {"socket": "p1", "why": Why.COMMAND.value, "fuse": None, "phase": None, "current_a": None},
        ),
    ],
)
def test_an_event_on_the_broker_bears_every_field(event: EventNoted | MeterExchanged, body: dict[str, Any]) -> None:
    told = event_message(event)
    assert told.kind is Kind.EVENT
    assert json.loads(told.body) == {"utc": "2026-03-01T12:00:00+00:00", **body}
