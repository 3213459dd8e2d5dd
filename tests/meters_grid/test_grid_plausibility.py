"""Readings one after the other: what is refused, what never is, and how another meter proves itself."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.meters.grid import Rule, grid_reading
from gateway.meters.grid_plausibility import GridMeterChange, GridTrace
from gateway.meters.readings import GridReading
from gateway.quantities import MaybePerPhase
from gateway.wire.forms import framer_of
from gateway.wire.telegram import Telegram
from hil.world.grid_forms import FORMS
from hil.world.telegram import GridMeter
from tests.campaigns.han_forms import KEYS

BEGIN = datetime(2026, 11, 21, 21, 0, tzinfo=UTC)


def instant(at_s: float) -> Instant:
    return Instant(at_s, BEGIN + timedelta(seconds=at_s), UtcTrust.SYNCHRONISED)


def reading(
    at_s: float,
    import_kwh: str | None = "6678.394",
    export_kwh: str | None = "12.000",
    current_a: float = 5.0,
    ident: str = "LVK5E360",
    meter_id: str = "",
) -> GridReading:
    return GridReading(
        at=instant(at_s),
        form="p1",
        meter_time=str(at_s),
        import_w=2300.0,
        export_w=0.0,
        current_a=(current_a, 3.0, 2.0),
        voltage_v=(230.0, 230.0, 230.0),
        net_power_w=(None, None, None),
        import_kwh=None if import_kwh is None else Decimal(import_kwh),
        export_kwh=None if export_kwh is None else Decimal(export_kwh),
        ident=ident,
        meter_id=meter_id,
    )


class Told:
    """Feeds readings to a trace and remembers what came of them."""

    def __init__(self, main_fuse_a: float | None = 20.0) -> None:
        self.trace = GridTrace(main_fuse_a)
        self.changes: list[GridMeterChange] = []

    def hear(self, *readings: GridReading) -> list[tuple[str, ...]]:
        """What each reading was refused for."""
        refused = []
        for one in readings:
            self.trace, judged, change = self.trace.heard(one)
            refused.append(judged.refused)
            self.last = judged
            self.changes += [] if change is None else [change]
        return refused


def test_registers_that_stand_still_or_rise_with_the_load_are_taken() -> None:
    told = Told()
    assert told.hear(reading(0), reading(10), reading(20, "6678.401"), reading(3620, "6690.000")) == [()] * 4
    assert told.changes == []


def test_a_register_that_falls_once_is_refused_and_the_next_one_is_taken_again() -> None:
    told = Told()
    refused = told.hear(reading(0), reading(10, "678.394"), reading(20, "6678.400"), reading(30, "6678.406"))
    assert refused == [(), (Rule.REGISTER_FELL,), (), ()]
    assert told.changes == []


def test_a_refused_reading_keeps_its_currents_and_loses_its_energies() -> None:
    told = Told()
    told.hear(reading(0), reading(10, "678.394", current_a=17.0))
    assert told.last.current_a == (17.0, 3.0, 2.0)
    assert (told.last.import_kwh, told.last.export_kwh) == (None, None)


def test_more_energy_than_the_fuse_passes_is_refused() -> None:
    assert Told(20.0).hear(reading(0), reading(10, "6680.394")) == [(), (Rule.ENERGY_TOO_FAST,)]
    assert Told(20.0).hear(reading(0), reading(10, export_kwh="92.000")) == [(), (Rule.ENERGY_TOO_FAST,)]


def test_what_a_fuse_passes_at_three_times_its_rating_is_taken() -> None:
    kwh = Decimal("6678.394") + Decimal(3 * 3 * 20 * 253 * 10) / Decimal("3.6e6")
    assert Told(20.0).hear(reading(0), reading(10, f"{kwh:.3f}")) == [(), ()]


def test_telegrams_that_a_bridge_held_back_are_not_too_fast() -> None:
    told = Told(20.0)
    rising = [reading(100.0 + at / 100, f"{6678.394 + at * 0.030:.3f}") for at in range(6)]
    assert told.hear(*rising) == [()] * 6


def test_a_meter_without_known_fuse_is_judged_by_what_it_shows() -> None:
    big = [replace(reading(at, kwh), import_w=900e3) for at, kwh in ((0.0, "1000.000"), (10.0, "1002.500"))]
    assert Told(None).hear(*big) == [(), ()]
    assert Told(None).hear(reading(0), reading(10, "6778.394")) == [(), (Rule.ENERGY_TOO_FAST,)]


def test_a_current_beyond_the_fuse_is_refused_for_raising_and_still_told() -> None:
    told = Told(20.0)
    assert told.hear(reading(0), reading(10, current_a=60.1)) == [(), (Rule.CURRENT_TOO_HIGH,)]
    assert told.last.current_a[0] == 60.1
    assert Told(None).hear(reading(0, current_a=400.0)) == [()]


def test_a_fuse_in_overload_is_no_implausible_current() -> None:
    assert Told(20.0).hear(reading(0, current_a=59.9)) == [()]


def phases(at_s: float, current_a: MaybePerPhase, voltage_v: MaybePerPhase) -> GridReading:
    return replace(reading(at_s), current_a=current_a, voltage_v=voltage_v)


def test_a_phase_that_loses_its_voltage_or_current_alone_is_refused() -> None:
    told = Told()
    whole = phases(0, (5.0, 3.0, 2.0), (230.0, 230.0, 230.0))
    no_volts = phases(10, (0.5, 3.0, 2.0), (None, 230.0, 230.0))
    no_amperes = phases(20, (None, 3.0, 2.0), (230.0, 230.0, 230.0))
    assert told.hear(whole, no_volts, no_amperes) == [(), (Rule.INCOMPLETE,), (Rule.INCOMPLETE,)]


def test_a_power_that_is_told_in_one_direction_only_all_of_a_sudden_is_refused() -> None:
    one_way = replace(reading(10), import_w=None)
    assert Told().hear(reading(0), one_way, reading(20)) == [(), (Rule.INCOMPLETE,), ()]
    assert Told().hear(reading(0), replace(one_way, export_w=None)) == [(), (Rule.INCOMPLETE,)]
    assert Told().hear(reading(0), reading(10, export_kwh=None)) == [(), (Rule.INCOMPLETE,)]


def test_a_short_list_without_currents_that_tells_the_import_alone_is_no_loss() -> None:
    short = replace(reading(10, None, None), export_w=None, current_a=(None, None, None))
    assert Told().hear(reading(0), short, reading(20), short) == [()] * 4


def test_a_list_without_any_voltage_or_current_is_another_list_of_the_same_meter() -> None:
    told = Told()
    whole = phases(0, (5.0, 3.0, 2.0), (230.0, 230.0, 230.0))
    no_volts = phases(10, (5.0, 3.0, 2.0), (None, None, None))
    assert told.hear(whole, no_volts, replace(whole, at=instant(20.0)), no_volts) == [()] * 4


def test_a_meter_of_fewer_phases_proves_itself_like_any_other() -> None:
    told = Told()
    one_phase = [phases(300.0 + at, (5.0, None, None), (230.0, None, None)) for at in (0, 10, 20, 30)]
    refused = told.hear(phases(0, (5.0, 3.0, 2.0), (230.0, 230.0, 230.0)), *one_phase)
    assert refused == [(), (Rule.INCOMPLETE,), (Rule.INCOMPLETE,), (), ()]
    assert told.changes[0].because == (Rule.INCOMPLETE,)


def test_registers_that_start_elsewhere_are_another_meter_after_three_readings() -> None:
    told = Told()
    refused = told.hear(reading(0), reading(300, "0.000"), reading(310, "0.004"), reading(320, "0.009"))
    assert refused == [(), (Rule.REGISTER_FELL,), (Rule.REGISTER_FELL,), ()]
    (change,) = told.changes
    assert change.because == (Rule.REGISTER_FELL,)
    assert (change.import_kwh_before, change.import_kwh) == (Decimal("6678.394"), Decimal("0.009"))
    assert change.at == instant(320)
    assert told.hear(reading(330, "0.015")) == [()]
    assert len(told.changes) == 1


def test_registers_that_start_higher_are_another_meter_too() -> None:
    told = Told()
    told.hear(reading(0), *(reading(300.0 + at, "21000.000") for at in (0, 10, 20)))
    assert told.changes[0].because == (Rule.ENERGY_TOO_FAST,)


@pytest.mark.parametrize("field", ["ident", "meter_id"])
def test_another_type_or_number_is_another_meter_after_three_readings(field: str) -> None:
    told = Told()
    before = [reading(at, meter_id="7350001") for at in (0, 10)]
    ident, meter_id = ("LVK9 6534", "7350001") if field == "ident" else ("LVK5E360", "7350002")
    after = [reading(at, "6678.500", ident=ident, meter_id=meter_id) for at in (300, 310, 320)]
    assert told.hear(*before, *after) == [(), (), (Rule.METER_UNPROVEN,), (Rule.METER_UNPROVEN,), ()]
    (change,) = told.changes
    assert (change.meter_id_before, change.ident_before) == ("7350001", "LVK5E360")
    assert (change.ident, change.meter_id) == (ident, meter_id)


def test_a_meter_that_says_nothing_of_itself_in_short_lists_is_the_same_meter() -> None:
    told = Told()
    short = [reading(at, None, None, ident="") for at in (10, 20, 30)]
    assert told.hear(reading(0), *short, reading(40)) == [()] * 5


def test_short_lists_between_do_not_keep_another_meter_from_proving_itself() -> None:
    told = Told()
    told.hear(reading(0))
    for hour in (1, 2, 3):
        assert told.hear(reading(3600.0 * hour, None, None, ident="")) == [()]
        told.hear(reading(3600.0 * hour + 5, f"0.{hour}00"))
    assert len(told.changes) == 1


def test_two_meters_on_one_line_never_become_one() -> None:
    told = Told()
    for at in range(0, 200, 20):
        told.hear(reading(float(at)), reading(at + 10.0, "17.000", ident="LVK9 6534"))
    assert told.changes == []
    assert told.trace.standing.ident == "LVK5E360"


def test_readings_that_fit_neither_each_other_nor_the_meter_before_prove_nothing() -> None:
    told = Told()
    falling = [reading(10.0 * at, f"{1000 - at}.000") for at in range(1, 12)]
    refused = told.hear(reading(0), *falling)
    assert all(refused[1:])
    assert told.changes == []


def test_a_reading_that_breaks_a_rule_of_its_own_changes_no_memory() -> None:
    told = Told()
    told.hear(reading(0))
    before = told.trace
    assert told.hear(replace(reading(10, "1.000"), refused=(Rule.OBIS_TWICE,))) == [(Rule.OBIS_TWICE,)]
    assert told.trace == before
    assert told.last.import_kwh is None


def telegrams(form: str, seconds: float, interval_s: float) -> Iterable[Telegram]:
    """A house of a seeded day, as one meter tells it."""
    chance = Random(form)
    meter = GridMeter(6678.394, 12.0)
    framer = framer_of(None, keys=KEYS)
    at_s, count = 0.0, 0
    load_a = [4.0, 3.0, -2.0]
    while at_s < seconds:
        load_a = [chance.choice((each, each, chance.uniform(-16.0, 32.0))) for each in load_a]
        meter.step((229.0, 231.0, 234.0), (load_a[0], load_a[1], load_a[2]), interval_s)
        octets = FORMS[form].octets(meter.flow, BEGIN + timedelta(seconds=at_s), count)
        for event in framer.feed(octets):
            assert isinstance(event, Telegram)
            yield event
        at_s, count = at_s + interval_s, count + 1


@pytest.mark.parametrize("form", list(FORMS))
def test_no_rule_refuses_a_wild_house_however_its_meter_speaks(form: str) -> None:
    told = Told(20.0)
    for count, telegram in enumerate(telegrams(form, 3700.0, 40.0)):
        assert told.hear(grid_reading(telegram, instant(count * 40.0))) == [()], telegram
    assert told.changes == []


def test_a_change_of_meters_behind_one_port_is_told_once() -> None:
    told = Told(20.0)
    refused = []
    for form, begin_s in (("kaifa-se", 0.0), ("aidon-no-3", 600.0)):
        for count, telegram in enumerate(telegrams(form, 120.0, 10.0)):
            at = instant(begin_s + count * 10.0)
            one = grid_reading(telegram, at)
            shifted = replace(one, import_kwh=(one.import_kwh or Decimal(0)) - (6000 if begin_s else 0))
            refused += told.hear(shifted)
    (change,) = told.changes
    assert (change.ident_before, change.ident) == ("MA304H4E", "6534")
    assert set(change.because) == {Rule.METER_UNPROVEN, Rule.REGISTER_FELL}
    assert len([each for each in refused if each]) == 2
