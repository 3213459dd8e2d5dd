"""What holds charging back beyond the fuses, as the config says it: the example, the slips, and what to know."""

from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.config.load import cabinet_of, load_cabinet
from gateway.config.plans import GpioLinePlan
from gateway.config.warnings import cautions
from gateway.errors import ConfigMistake
from gateway.ids import FuseId, LimitId
from gateway.site.power_tariffs import PeakScope
from gateway.site.prices import PriceRule
from gateway.site.restraints import CabinetTemperature, ExternalLimit
from gateway.site.windows import Window

HOME, DSO = "external_limit[home]", "external_limit[grid-company]"
GUARD = "power_tariff[winter-days]"
FILE = Path(__file__).parents[2] / "deploy" / "restraints.toml.example"
EXAMPLE = FILE.read_text("utf-8")


def changed(was: str, now: str) -> str:
    assert was in EXAMPLE
    return EXAMPLE.replace(was, now, 1)


def test_the_example_becomes_the_limits_that_its_words_say() -> None:
    cabinet = load_cabinet(FILE)
    assert cabinet.site.restraints.limits == (
        ExternalLimit(LimitId("home"), FuseId("main"), None, 10.0, 600.0),
        ExternalLimit(LimitId("grid-company"), FuseId("main"), wired_a=8.0),
    )
    assert cabinet.limit_inputs == {LimitId("grid-company"): GpioLinePlan("/dev/gpiochip0", 6, active_low=False)}


def test_the_example_becomes_the_tariff_that_its_words_say() -> None:
    (tariff,) = load_cabinet(FILE).site.restraints.tariffs
    assert load_cabinet(FILE).site.restraints.time_zone == ZoneInfo("Europe/Stockholm")
    assert (tariff.peaks, tariff.distinct_days, tariff.interval_min, tariff.scope) == (3, True, 60, PeakScope.MONTH)
    assert (tariff.target_w, tariff.follows_peaks, tariff.weights) == (5000.0, True, ())
    local = [datetime(2026, 1, day, hour, tzinfo=UTC) for day, hour in ((7, 6), (7, 19), (7, 20), (6, 12), (10, 12))]
    assert [tariff.window.covers(one) for one in local] == [True, True, False, False, False]


def test_the_example_has_a_thermometer() -> None:
    cabinet = load_cabinet(FILE)
    assert cabinet.site.restraints.temperature == CabinetTemperature(60.0)
    assert cabinet.thermometer == Path("/sys/bus/w1/devices/28-0316a2794bff/temperature")
    by_mqtt = changed('file = "/sys/bus/w1/devices/28-0316a2794bff/temperature"', "mqtt = true")
    assert not cabinet.site.restraints.temperature_over_mqtt
    assert cabinet_of(by_mqtt, "file").thermometer is None
    assert cabinet_of(by_mqtt, "file").site.restraints.temperature_over_mqtt


def test_the_example_waits_for_prices_but_for_one_socket() -> None:
    cabinet = load_cabinet(FILE)
    assert cabinet.site.restraints.prices == PriceRule(None, 4, time(7, 0))
    assert cabinet.site.restraints.price_exempt == {"p2"}
    assert cabinet.price_file is None
    assert cabinet.site.restraints.prices_over_mqtt
    by_file = changed("mqtt = true                         # {", 'file = "/x"  # {')
    assert cabinet_of(by_file, "file").price_file == Path("/x")
    assert not cabinet_of(by_file, "file").site.restraints.prices_over_mqtt


def test_weights_and_days_of_ones_own_are_read() -> None:
    text = changed("# weights = [", "not_on = [2026-01-07]\nweights = [")
    (tariff,) = cabinet_of(text, "file").site.restraints.tariffs
    assert tariff.weights == ((Window(from_h=22, to_h=6), Decimal("0.5")),)
    assert not tariff.window.covers(datetime(2026, 1, 7, 12, tzinfo=UTC))


SLIPS = [
    ("a fuse that is not there", 'fuse = "main"    ', 'fuse = "man"    ', f"{HOME}.fuse", '"main"'),
    ("a limit from nowhere", "mqtt = { safe_a = 10, valid_for_s = 600 }", "", "external_limit[home]", "nowhere"),
    (
        "a limit from two places",
        "limit_a = 8  ",
        "mqtt = { safe_a = 6 }\nlimit_a = 8  ",
        "external_limit[grid-company]",
        "both",
    ),
    ("no word of what holds", "{ safe_a = 10, ", "{ ", f"{HOME}.mqtt.safe_a", "required"),
    ("a contact without its amperes", "limit_a = 8  ", "", f"{DSO}.limit_a", "how much"),
    (
        "amperes on a sent limit",
        "mqtt = { safe",
        "limit_a = 6\nmqtt = { safe",
        f"{HOME}.limit_a",
        "safe_a",
    ),
    (
        "a time that is none",
        "valid_for_s = 600",
        "valid_for_s = 0",
        f"{HOME}.mqtt.valid_for_s",
        "5 or more",
    ),
    ("a limit below nought", "limit_a = 8  ", "limit_a = -8  ", f"{DSO}.limit_a", "0 or more"),
    (
        "a contact of no kind",
        'calls = "open"',
        'calls = "opened"',
        f"{DSO}.input.calls",
        '"open"',
    ),
    (
        "two limits of one name",
        'name = "grid-company"',
        'name = "home"',
        "external_limit[home][#2].name",
        "already",
    ),
    ("a month that is none", "months = [11, 12,", "months = [11, 13,", f"{GUARD}.months.1", "12 or less"),
    ("a day that is none", '"christmas-eve", ', '"christmas eve", ', f"{GUARD}.holidays.0", '"christmas-eve"'),
    ("an interval that no meter has", "interval_min = 60", "interval_min = 20", f"{GUARD}.interval_min", "60"),
    ("a target that is none", "target_w = 5000", "target_w = 5", f"{GUARD}.target_w", "500 or more"),
    ("a target without a figure", "target_w = 5000", "", f"{GUARD}.target_w", "required"),
    ("a thermometer from two places", "worst_c = 60", "mqtt = true\nworst_c = 60", "cabinet_temperature", "both"),
    ("no word of the worst", "worst_c = 60", "", "cabinet_temperature.worst_c", "required"),
    ("prices from two places", "cheapest_h = 4 ", 'file = "/x"\ncheapest_h = 4 ', "price", "both"),
    ("two rules for prices", "cheapest_h = 4 ", "below = 1\ncheapest_h = 4 ", "price", "two rules"),
    ("a price that is no number", "cheapest_h = 4 ", "below = nan ", "price.below", "finite"),
    ("no rule for prices", "cheapest_h = 4 ", "", "price", "no rule"),
    ("a departure that is none", 'depart = "07:00"', 'depart = "7"', "price.depart", "not written"),
    ("a limit over MQTT without a broker", '[mqtt]\nhost = "127.0.0.1"', "", f"{HOME}.mqtt", "[mqtt]"),
]


@pytest.mark.parametrize(("was", "now", "path", "word"), [slip[1:] for slip in SLIPS], ids=[slip[0] for slip in SLIPS])
def test_a_slip_is_told_with_place_and_remedy(was: str, now: str, path: str, word: str) -> None:
    with pytest.raises(ConfigMistake) as caught:
        cabinet_of(changed(was, now), "file")
    told = {mistake.path: str(mistake) for mistake in caught.value.mistakes}
    assert word in told[path]


def test_one_line_of_the_machine_has_one_owner() -> None:
    text = changed("[[bus]]", '[heartbeat]\nchip = "/dev/gpiochip0"\nline = 6\n\n[[bus]]')
    with pytest.raises(ConfigMistake) as caught:
        cabinet_of(text, "file")
    assert [mistake.path for mistake in caught.value.mistakes] == [f"{DSO}.input.line"]


@pytest.mark.parametrize(
    ("was", "now", "path", "word"),
    [
        ('calls = "open"', 'calls = "closed"', f"{DSO}.input.calls", "broken wire"),
        ("target_w = 5000", "target_w = 50000", f"{GUARD}.target_w", "never binds"),
        ('kind = "gG"', 'kind = "B"', "cabinet_temperature", "automat"),
        ("safe_a = 10", "safe_a = 20", f"{HOME}.mqtt.safe_a", "fuse alone"),
    ],
)
def test_what_is_allowed_but_good_to_know_is_told(was: str, now: str, path: str, word: str) -> None:
    told = {caution.path: str(caution) for caution in cautions(cabinet_of(changed(was, now), "file"))}
    assert word in told[path]
    assert path not in {caution.path for caution in cautions(load_cabinet(FILE))}


def test_a_contact_that_closes_to_call_reads_low_when_it_calls() -> None:
    cabinet = cabinet_of(changed('calls = "open"', 'calls = "closed"'), "file")
    assert cabinet.limit_inputs[LimitId("grid-company")].active_low
