"""One telegram that is false, and that no rule catches, does not move a limit up."""

from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.meters.readings import GridReading
from tests.campaigns import _han_limits
from tests.control.planned_site import instant

TRUE = GridReading(
    at=instant(0.0),
    form="p1",
    meter_time="0",
    import_w=8200.0,
    export_w=0.0,
    current_a=(14.0, 8.0, 14.5),
    voltage_v=(230.0, 230.0, 230.0),
    net_power_w=(3200.0, 1800.0, 3200.0),
    import_kwh=Decimal("1234.567"),
    export_kwh=None,
    refused=(),
)
HALVED = replace(TRUE, current_a=(1.0, 1.0, 1.0), net_power_w=(200.0, 200.0, 200.0))


def test_a_limit_is_not_raised_by_one_false_telegram() -> None:
    assert _han_limits.raised_a(TRUE, HALVED) == 0.0


def test_the_same_said_twice_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_han_limits, "FALSE_TELEGRAMS", 2)
    assert _han_limits.raised_a(TRUE, HALVED) > 5.0
