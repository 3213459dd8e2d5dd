from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.meters.grid import Rule, grid_reading
from gateway.meters.readings import GridReading
from gateway.wire.telegram import Form, Item, Telegram

AT = Instant(1000.0, datetime(2026, 11, 21, 21, 10, tzinfo=UTC), UtcTrust.SYNCHRONISED)

THREE_PHASES: Mapping[str, Item] = {
    "1-0:1.8.0": (Decimal("00001234.567"), "kWh"),
    "1-0:2.8.0": (Decimal("00000089.010"), "kWh"),
    "1-0:1.7.0": (Decimal("0002.415"), "kW"),
    "1-0:2.7.0": (Decimal("0000.000"), "kW"),
    "1-0:21.7.0": (Decimal("0000.000"), "kW"),
    "1-0:22.7.0": (Decimal("0000.085"), "kW"),
    "1-0:32.7.0": (Decimal("230.1"), "V"),
    "1-0:52.7.0": (Decimal("229.8"), "V"),
    "1-0:72.7.0": (Decimal("231.4"), "V"),
    "1-0:31.7.0": (Decimal("005.0"), "A"),
    "1-0:51.7.0": (Decimal("003.0"), "A"),
    "1-0:71.7.0": (Decimal("002.5"), "A"),
}


def reading_of(changed: Mapping[str, Item | None], twice: tuple[str, ...] = ()) -> GridReading:
    registers = {**THREE_PHASES, **changed}
    items = {code: item for code, item in registers.items() if item is not None}
    return grid_reading(Telegram(Form.P1, "TST5", items, "261121221000W", twice, 700), AT)


def without(*codes: str) -> dict[str, Item | None]:
    return dict.fromkeys(codes)


def test_registers_become_watts_amperes_and_volts() -> None:
    reading = reading_of({})
    assert (reading.import_w, reading.export_w) == (2415.0, 0.0)
    assert reading.current_a == (5.0, 3.0, 2.5)
    assert reading.voltage_v == (230.1, 229.8, 231.4)
    assert reading.refused == ()
    assert reading.at is AT
    assert reading.meter_time == "261121221000W"


def test_energies_keep_the_wires_decimals() -> None:
    assert str(reading_of({}).import_kwh) == "1234.567"
    assert str(reading_of({}).export_kwh) == "89.010"


def test_watts_and_watt_hours_are_read_in_any_letter_case() -> None:
    reading = reading_of(
        {
            "1-0:1.8.0": (Decimal(6545766), "Wh"),
            "1-0:2.8.0": (Decimal(0), "WH"),
            "1-0:1.7.0": (Decimal(286), "w"),
            "1-0:2.7.0": (Decimal("0000.000"), "KW"),
        }
    )
    assert (reading.import_w, reading.export_w) == (286.0, 0.0)
    assert (str(reading.import_kwh), str(reading.export_kwh)) == ("6545.766", "0.000")
    assert reading.refused == ()


def test_no_value_loses_its_last_digit() -> None:
    for watts in range(0, 20_000, 7):
        kilowatts = Decimal(watts).scaleb(-3)
        assert reading_of({"1-0:1.7.0": (kilowatts, "kW")}).import_w == watts


def test_tariff_registers_are_summed_where_the_total_is_missing() -> None:
    tariffs: dict[str, Item | None] = {
        "1-0:1.8.0": None,
        "1-0:1.8.1": (Decimal("000004.426"), "kWh"),
        "1-0:1.8.2": (Decimal("000002.399"), "kWh"),
    }
    assert reading_of(tariffs).import_kwh == Decimal("6.825")


def test_one_tariff_alone_is_no_total() -> None:
    assert reading_of({"1-0:1.8.0": None, "1-0:1.8.1": (Decimal("4.426"), "kWh")}).import_kwh is None


def test_a_one_phase_meter_leaves_two_phases_unknown() -> None:
    reading = reading_of(
        {
            **without("1-0:51.7.0", "1-0:71.7.0", "1-0:52.7.0", "1-0:72.7.0", "1-0:22.7.0"),
            "1-0:1.7.0": (Decimal("1.150"), "kW"),
        }
    )
    assert reading.current_a == (5.0, None, None)
    assert reading.voltage_v == (230.1, None, None)
    assert reading.refused == ()


def test_what_the_meter_does_not_say_is_unknown_and_never_zero() -> None:
    reading = reading_of(without("1-0:2.7.0", "1-0:2.8.0"))
    assert reading.export_w is None
    assert reading.export_kwh is None
    assert reading.net_power_w == (-85.0, None, None)


def test_a_register_on_two_lines_is_refused() -> None:
    assert reading_of({}, twice=("1-0:1.7.0",)).refused == (Rule.OBIS_TWICE,)


@pytest.mark.parametrize("unit", ["", "V", "kWh"])
def test_a_current_without_its_unit_is_unknown_and_the_reading_refused(unit: str) -> None:
    reading = reading_of({"1-0:51.7.0": (Decimal("003.0"), unit)})
    assert reading.current_a == (5.0, None, 2.5)
    assert reading.refused == (Rule.UNIT_UNKNOWN,)


def test_more_power_than_the_currents_can_carry_is_refused() -> None:
    assert reading_of({"1-0:1.7.0": (Decimal("9.415"), "kW")}).refused == (Rule.POWER_ABOVE_CURRENTS,)
    export: dict[str, Item | None] = {"1-0:1.7.0": (Decimal(0), "kW"), "1-0:2.7.0": (Decimal("9.415"), "kW")}
    assert reading_of(export).refused == (Rule.POWER_ABOVE_CURRENTS,)


def test_less_power_than_the_currents_carry_is_reactive_load_and_allowed() -> None:
    assert reading_of({"1-0:1.7.0": (Decimal("0.010"), "kW")}).refused == ()


def test_whole_amperes_of_dutch_meters_leave_room_for_their_rounding() -> None:
    whole: dict[str, Item | None] = {
        "1-0:31.7.0": (Decimal(0), "A"),
        "1-0:51.7.0": (Decimal(1), "A"),
        "1-0:71.7.0": (Decimal(0), "A"),
        "1-0:1.7.0": (Decimal("00.820"), "kW"),
    }
    assert reading_of(whole).refused == ()


@pytest.mark.parametrize(
    "damaged",
    [
        {"1-0:2.7.0": (Decimal("0E+4"), "W")},  # a scaler of 4 beside an export of zero
        {"1-0:71.7.0": (Decimal("0E+3"), "A")},
        {"1-0:71.7.0": (Decimal("0E+3"), "A"), "1-0:1.7.0": (Decimal("1E+4"), "W")},
    ],
)
def test_a_last_digit_that_no_meter_has_excuses_no_power(damaged: dict[str, Item | None]) -> None:
    true: dict[str, Item | None] = {
        "1-0:1.7.0": (Decimal(9415), "W"),
        "1-0:2.7.0": (Decimal(0), "W"),
        "1-0:31.7.0": (Decimal("5.1"), "A"),
    }
    assert reading_of({**true, **damaged}).refused == (Rule.POWER_ABOVE_CURRENTS,)


@pytest.mark.parametrize("shown", [(Decimal(0), "V"), None])
def test_a_live_phase_that_shows_no_voltage_is_judged_at_the_highest_voltage(shown: Item | None) -> None:
    it_net: dict[str, Item | None] = {"1-0:52.7.0": shown, "1-0:51.7.0": (Decimal("003.0"), "A")}
    assert reading_of({**it_net, "1-0:1.7.0": (Decimal("2.880"), "kW")}).refused == ()
    assert reading_of({**it_net, "1-0:1.7.0": (Decimal("3.100"), "kW")}).refused == (Rule.POWER_ABOVE_CURRENTS,)


def test_a_phase_without_current_leaves_the_sum_unjudged() -> None:
    two_wires: dict[str, Item | None] = {"1-0:51.7.0": None, "1-0:1.7.0": (Decimal("9.415"), "kW")}
    assert reading_of(two_wires).refused == ()


def test_a_voltage_that_would_hide_a_low_current_is_refused() -> None:
    assert reading_of({"1-0:52.7.0": (Decimal("829.8"), "V")}).refused == (Rule.VOLTAGE_TOO_HIGH,)


@pytest.mark.parametrize(("volts", "refused"), [("99.9", True), ("0.1", True), ("100.0", False), ("0.0", False)])
def test_a_phase_far_below_its_voltage_is_refused_but_a_phase_that_is_not_there_is_not(
    volts: str, refused: bool
) -> None:
    reading = reading_of({"1-0:72.7.0": (Decimal(volts), "V"), "1-0:71.7.0": (Decimal("0.0"), "A"), **SMALL_POWER})
    assert (Rule.VOLTAGE_TOO_LOW in reading.refused) is refused


SMALL_POWER: Mapping[str, Item] = {"1-0:1.7.0": (Decimal("0.500"), "kW")}
BY_PHASE: Mapping[str, Item] = {
    "1-0:21.7.0": (Decimal("1.150"), "kW"),
    "1-0:22.7.0": (Decimal("0.000"), "kW"),
    "1-0:41.7.0": (Decimal("0.690"), "kW"),
    "1-0:42.7.0": (Decimal("0.000"), "kW"),
    "1-0:61.7.0": (Decimal("0.575"), "kW"),
    "1-0:62.7.0": (Decimal("0.000"), "kW"),
}


def test_powers_that_agree_with_currents_phase_by_phase_are_taken() -> None:
    assert reading_of(BY_PHASE).refused == ()


def test_a_current_that_cannot_carry_its_own_phase_is_refused_though_the_others_could() -> None:
    low: dict[str, Item | None] = {"1-0:31.7.0": (Decimal("003.0"), "A"), "1-0:51.7.0": (Decimal("009.0"), "A")}
    assert reading_of({**BY_PHASE, **low}).refused == (Rule.PHASE_ABOVE_CURRENT,)


def test_a_phase_that_claims_to_export_against_the_total_is_refused() -> None:
    turned: dict[str, Item | None] = {
        "1-0:21.7.0": (Decimal("0.000"), "kW"),
        "1-0:22.7.0": (Decimal("1.150"), "kW"),
    }
    assert reading_of({**BY_PHASE, **turned}).refused == (Rule.PHASES_AGAINST_TOTAL,)


def test_a_total_taken_a_moment_away_from_its_phases_is_no_fault() -> None:
    assert reading_of({**BY_PHASE, "1-0:1.7.0": (Decimal("2.655"), "kW")}).refused == ()


def test_whole_amperes_shown_with_a_zero_behind_the_point_leave_room_for_their_rounding() -> None:
    whole: dict[str, Item | None] = {
        "1-0:31.7.0": (Decimal("000.0"), "A"),
        "1-0:51.7.0": (Decimal("009.0"), "A"),
        "1-0:71.7.0": (Decimal("000.0"), "A"),
        "1-0:21.7.0": (Decimal("0.000"), "kW"),
        "1-0:41.7.0": (Decimal("2.212"), "kW"),
        "1-0:61.7.0": (Decimal("0.203"), "kW"),
    }
    assert reading_of({**BY_PHASE, **whole}).refused == ()


def test_a_negative_power_register_is_unknown_and_the_reading_refused() -> None:
    reading = reading_of({"1-0:1.7.0": (Decimal("-2.415"), "kW")})
    assert reading.import_w is None
    assert reading.refused == (Rule.NEGATIVE_REGISTER,)


def test_signed_currents_become_magnitudes() -> None:
    assert reading_of({"1-0:31.7.0": (Decimal("-5.0"), "A")}).current_a == (5.0, 3.0, 2.5)
