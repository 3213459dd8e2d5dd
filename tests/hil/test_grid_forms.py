"""The cabinet's grid meter in the manners of all makers, against the sizes of real frames and the gateway's reading."""

import itertools
import tomllib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.meters.grid import grid_reading
from gateway.meters.grid_plausibility import GridTrace
from gateway.wire.forms import framer_of
from gateway.wire.telegram import Discarded, DiscardReason, Telegram
from hil.config_writer import Ports, gateway_config
from hil.faults import Faults
from hil.wires.p1_wire import line_settings
from hil.world.cabinet import Cabinet
from hil.world.dlms_frames import hdlc, hdlc_blocks, hdlc_segments, mbus_segments
from hil.world.dlms_lists import cosem_time
from hil.world.grid_forms import FORMS, SINGLE, GridForm, with_wrong_check
from hil.world.grid_values import GridFlow, Steps, shown
from hil.world.scenario import parse_scenario
from hil.world.table_reader import ScenarioMistake
from tests.campaigns.han_forms import KEYS, UnequalError, check, run_form

AT = datetime(2026, 11, 21, 22, 10, 5)  # noqa: DTZ001 - a meter's own clock has no zone
FLOW = GridFlow((230.14, 229.86, 231.4), (5.0, -3.04, 2.5), 1234.5674, 89.01, (0.9, 0.8, 1.0))

FORM_NAMES = tuple(SINGLE)


@pytest.mark.parametrize("name", FORM_NAMES)
def test_the_gateway_reads_of_every_form_exactly_what_its_meter_shows(name: str) -> None:
    assert run_form(SINGLE[name], 25, seed=7)[0] == 25


@pytest.mark.parametrize("name", FORM_NAMES)
def test_a_form_with_a_wrong_check_is_dropped_whole(name: str) -> None:
    form = SINGLE[name]
    framer = framer_of(None, keys=KEYS)
    events = [*framer.feed(with_wrong_check(form, form.octets(FLOW, AT, 1))), *framer.finish()]
    assert not [event for event in events if isinstance(event, Telegram)]
    assert DiscardReason.BAD_CRC in {event.reason for event in events if isinstance(event, Discarded)}


def test_a_digit_that_is_read_wrong_is_noticed() -> None:
    honest = SINGLE["kaifa-13"]
    liar = replace(honest, octets=lambda flow, at, count: honest.octets(replace(flow, amperes=(1.0,) * 3), at, count))
    with pytest.raises(UnequalError):
        check(liar, framer_of(None), FLOW, AT, 0)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("p1-sagemcom", 712),
        ("p1-landisgyr", 704),
        ("aidon-se", 581),
        ("aidon-no-1", 44),
        ("aidon-no-2", 288),
        ("aidon-no-3", 396),
        ("kaifa-1", 41),
        ("kaifa-9", 103),
        ("kaifa-13", 123),
        ("kaifa-14", 137),
        ("kaifa-18", 157),
        ("kamstrup-se-25", 228),
        ("kamstrup-se-35", 302),
        ("landisgyr-e450-encrypted", 120),
    ],
)
def test_a_form_is_as_long_as_the_makers_own(name: str, size: int) -> None:
    assert len(SINGLE[name].octets(FLOW, AT, 1)) == size


def test_a_meter_shows_its_own_steps() -> None:
    of = shown(FLOW, Steps(watts="1", amperes="0.01", volts="1", watt_hours="10"))
    assert [str(each) for each in of.volts] == ["230", "230", "231"]
    assert [str(each) for each in of.amperes] == ["5.00", "-3.04", "2.50"]
    assert str(of.import_wh) == "1234570"
    assert float(of.import_w - of.export_w) == pytest.approx(sum(FLOW.watts), abs=0.5)


def test_the_time_of_a_push_is_twelve_octets() -> None:
    assert cosem_time(AT).hex(" ") == "07 ea 0b 15 06 16 0a 05 00 80 00 00"
    assert cosem_time(AT, -60)[9:11] == b"\xff\xc4"


def test_long_messages_are_cut_as_the_wire_demands() -> None:
    message = bytes(600)
    assert hdlc_segments(message, 200).count(b"\x7e\xa8") == 2
    assert hdlc_blocks(message, 100).count(b"\xe6\xe7\x00") == 1
    assert mbus_segments(message, 252).startswith(b"\x68\x01\x01\x68\x53\xff\x00")
    with pytest.raises(ValueError, match="does not exist"):
        hdlc(bytes(3000))


def sizes(form: GridForm, count: int) -> list[int]:
    return [len(form.octets(FLOW, AT, at)) for at in range(count)]


def test_a_norwegian_meter_sends_short_lists_and_a_longer_one_in_its_turn() -> None:
    assert sizes(FORMS["aidon-no"], 5) == [288, 44, 44, 44, 288]


def test_a_norwegian_meter_sends_energies_at_the_full_hour() -> None:
    assert len(FORMS["aidon-no"].octets(FLOW, AT.replace(minute=0, second=2), 1)) == 396


@pytest.mark.parametrize(("form", "wire", "keyed"), [("aidon-se", "hdlc", False), ("mbus-encrypted", "mbus", True)])
def test_the_gateways_config_says_what_the_meter_speaks(form: str, wire: str, keyed: bool) -> None:
    text = f'[p1]\nform = "{form}"\nbaud = 9600\n[[fuse]]\nname = "main"\nrating_a = 20\n'
    scenario = parse_scenario(text)
    config = tomllib.loads(gateway_config(scenario, Ports("/dev/pts/9", {}, None), "/tmp/state"))
    assert config["grid_meter"]["format"] == wire
    assert ("encryption_key" in config["grid_meter"]) is keyed
    assert line_settings(scenario) == (9600, FORMS[form].parity)


def test_a_form_that_no_meter_speaks_is_refused_by_name() -> None:
    with pytest.raises(ScenarioMistake, match="aidon-se"):
        parse_scenario('[p1]\nform = "aidon"\n[[fuse]]\nname = "main"\nrating_a = 20\n')


HOUSE = """
[house]
base_a = [7, 5, -2]
[[fuse]]
name = "main"
rating_a = 20
[[fault]]
kind = "grid_meter_swapped"
at_s = 30
import_kwh = 3.0
"""


@pytest.mark.parametrize("name", ["p1", "aidon-se", "kaifa-se", "kamstrup-se-35", "mbus-encrypted"])
def test_a_grid_meter_swapped_in_the_street_is_one_change_and_no_energy(name: str) -> None:
    cabinet = Cabinet(parse_scenario(HOUSE))
    faults = Faults(cabinet.scenario.faults, cabinet)
    framer, trace, changes, readings = framer_of(None, keys=KEYS), GridTrace(20.0), [], []
    for second in range(80):
        for _ in range(20):
            faults.step()
            cabinet.step(0.05)
        if second % 10 == 0:
            (event,) = framer.feed(FORMS[name].octets(cabinet.grid.flow, AT, second))
            assert isinstance(event, Telegram)
            at = Instant(float(second), datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.SYNCHRONISED)
            trace, reading, change = trace.heard(grid_reading(event, at))
            readings.append(reading)
            changes += [] if change is None else [change]
    (change,) = changes
    assert change.import_kwh_before is not None
    assert change.import_kwh_before > 4999
    assert change.import_kwh is not None
    assert 3 <= change.import_kwh < 4
    assert [bool(reading.refused) for reading in readings] == [False, False, False, True, True, False, False, False]
    told = [reading.import_kwh for reading in readings if reading.import_kwh is not None]
    assert all(now >= before for before, now in itertools.pairwise(told[3:]))


def test_a_swapped_meter_without_numbers_is_no_fault() -> None:
    text = HOUSE.replace("import_kwh = 3.0", 'import_kwh = "none"')
    cabinet = Cabinet(parse_scenario(text))
    with pytest.raises(ScenarioMistake, match="import_kwh"):
        Faults(cabinet.scenario.faults, cabinet)
