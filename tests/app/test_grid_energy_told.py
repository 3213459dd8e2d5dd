"""The grid meter's energies on MQTT, as list meters tell them: once an hour, and known all the time."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from gateway.app.faults import FaultLog
from gateway.app.grid_judge import GridJudge
from gateway.clock import Instant, UtcTrust
from gateway.meters.grid import grid_reading
from gateway.meters.readings import GridReading
from gateway.publish import topic_names
from gateway.publish.json_text import json_text
from gateway.publish.topics import state_things
from gateway.publish.words import Language
from gateway.site.freshness import GridWatch
from gateway.wire.forms import framer_of
from gateway.wire.telegram import Telegram
from hil.world.grid_forms import FORMS
from hil.world.grid_values import GridFlow
from tests.publish.cabinet_told import GATEWAY, control_state, snapshot

DAY = datetime(2026, 11, 21, tzinfo=UTC)
SHORT, HOURLY = "kamstrup-se-25", "kamstrup-se-35"


class House:
    """A grid meter, its readings judged, and what MQTT shows after each."""

    def __init__(self) -> None:
        self.judge = GridJudge(20.0, FaultLog(), lambda _: None)
        self.watch = GridWatch.at_boot(0.0)
        self.at_s = 0.0

    def hear(self, form: str, import_kwh: float, export_kwh: float = 7.0) -> tuple[object, object]:
        """10 s later a telegram comes."""
        self.at_s += 10.0
        flow = GridFlow((230.0, 230.0, 230.0), (1.0, 1.0, 1.0), import_kwh, export_kwh)
        (telegram,) = framer_of(None).feed(FORMS[form].octets(flow, DAY, int(self.at_s)))
        assert isinstance(telegram, Telegram)
        at = Instant(self.at_s, DAY, UtcTrust.SYNCHRONISED)
        return self.take(grid_reading(telegram, at))

    def take(self, reading: GridReading) -> tuple[object, object]:
        self.watch = self.watch.heard(self.judge.judged(reading))
        return self.shown()

    def shown(self) -> tuple[object, object]:
        seen = replace(snapshot(), grid=self.watch.sight(self.at_s))
        things = state_things(seen, control_state(), Language.SV, None, self.judge.meter)
        thing = things[topic_names.grid_state(GATEWAY)]
        assert not isinstance(thing, str)
        said: dict[str, Any] = json.loads(json_text(thing), parse_float=Decimal)
        return said["energy_import_kwh"], said["energy_export_kwh"]


def test_the_energies_of_an_hour_list_stay_known_until_the_next() -> None:
    house = House()
    assert house.hear(SHORT, 100.0) == (None, None)
    assert house.hear(HOURLY, 100.25) == (Decimal("100.25"), Decimal(7))
    for _ in range(20):
        assert house.hear(SHORT, 100.5) == (Decimal("100.25"), Decimal(7))
    assert house.hear(HOURLY, 100.5, 7.25) == (Decimal("100.5"), Decimal("7.25"))


def test_a_refused_reading_takes_no_energies_away() -> None:
    house = House()
    house.hear("p1", 100.0)
    assert house.hear("p1", 40.0) == (Decimal(100), Decimal(7))
    assert house.hear("p1", 100.0) == (Decimal(100), Decimal(7))


def test_a_proven_change_of_meter_ends_the_old_energies() -> None:
    house = House()
    house.hear(HOURLY, 6678.5)
    for _ in range(2):
        assert house.hear("kamstrup-no-25", 12.0) == (Decimal("6678.5"), Decimal(7)), "not proven yet"
    assert house.hear("kamstrup-no-25", 12.0) == (None, None)
    assert house.hear("kamstrup-no-35", 12.25, 0.0) == (Decimal("12.25"), Decimal(0))
