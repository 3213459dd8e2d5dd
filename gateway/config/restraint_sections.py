"""Sections of the config file that hold charging back beyond the fuses: who else may lower, and by what rule."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from gateway.config.section import Amperes, GpioChip, GpioOffset, Name, Section

Hour = Annotated[int, Field(ge=0, le=24)]
Month = Annotated[int, Field(ge=1, le=12)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HolidayName = Literal[
    "new-year-day", "epiphany", "maundy-thursday", "good-friday", "easter-day", "easter-monday", "may-day",
    "ascension-day", "whit-sunday", "national-day", "midsummer-eve", "midsummer-day", "all-saints-day",
    "christmas-eve", "christmas-day", "boxing-day", "new-year-eve",
]  # fmt: skip


class WindowSection(Section):
    """When, in local time. What is not stated does not narrow it."""

    months: list[Month] = Field(default_factory=lambda: list(range(1, 13)), min_length=1)
    weekdays: list[Weekday] = Field(default_factory=lambda: list(WEEKDAYS), min_length=1)
    from_h: Hour = 0
    to_h: Hour = Field(default=24, description="until before this hour; not above from_h: over midnight")
    holidays: list[HolidayName] = Field(default_factory=list, description="Swedish days that are left out")
    not_on: list[date] = Field(default_factory=list, description="other days that are left out, such as 2026-05-15")


class WeightSection(WindowSection):
    """A part of the tariff's window where a peak counts more or less."""

    weight: float = Field(ge=0, le=10, description="0.5: counts half")


class PowerTariffSection(WindowSection):
    """One component of the grid company's power tariff (effekttariff), and the target that the guard keeps."""

    name: Name
    interval_min: Literal[15, 30, 60] = Field(default=60, description="over what the meter takes its mean")
    peaks: int = Field(default=1, ge=1, le=31, description="the fee is for the mean of so many highest intervals")
    distinct_days: bool = Field(default=False, description="a day gives its highest interval only")
    scope: Literal["month", "season"] = Field(default="month", description="season: the window's months in a row")
    weights: list[WeightSection] = Field(default_factory=list, description="the first that fits counts")
    target_w: float = Field(ge=500, le=1_000_000, description="keep every interval's weighted mean below this (W)")
    target: Literal["peaks", "fixed"] = Field(
        default="peaks", description="peaks: rise to what this month's peaks cost already; fixed: never above target_w"
    )


class PriceSection(Section):
    """Charging waits for cheap electricity. Prices that are missing or old hold nobody back."""

    file: str | None = Field(default=None, pattern="^/", description="JSON file with the series of prices")
    mqtt: Literal[True] | None = Field(default=None, description="true: the series comes over MQTT, retained")
    below: float | None = Field(default=None, description="charge while the price is at most this, in its own unit")
    cheapest_h: int | None = Field(
        default=None, ge=1, le=24, description="charge in so many cheapest hours between plugging in and departure"
    )
    depart: str = Field(default="07:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="local time of day")


class CabinetTemperatureSection(Section):
    """A thermometer in the cabinet: gG links carry less where it is warm."""

    file: str | None = Field(
        default=None, pattern="^/", description="of a 1-wire sensor: /sys/bus/w1/devices/28-.../temperature or w1_slave"
    )
    mqtt: Literal[True] | None = Field(default=None, description="true: °C come over MQTT, at least every 10 min")
    worst_c: float = Field(ge=20, le=90, description="°C that are assumed when no value has come for 10 min")


class MqttLimit(Section):
    """A limit that somebody sends over MQTT."""

    safe_a: Amperes = Field(description="A per phase that hold at start, and when the sender's last word has run out")
    valid_for_s: float = Field(
        default=600.0, ge=5, le=86_400, description="how long a value holds that says no time of its own"
    )


class LimitInput(Section):
    """A potential-free contact between a GPIO line and ground; the line has a pull-up."""

    chip: GpioChip
    line: GpioOffset
    calls: Literal["open", "closed"] = Field(
        default="open", description="which contact calls for the limit; with open a broken wire calls too"
    )


class ExternalLimitSection(Section):
    """Somebody outside may lower what a fuse carries, never raise it: over MQTT, or by a wired contact."""

    name: Name
    fuse: Name | None = Field(default=None, description="the fuse that is lowered; default the main fuse")
    mqtt: MqttLimit | None = None
    input: LimitInput | None = None
    limit_a: Amperes | None = Field(default=None, description="A per phase while the contact calls; goes with input")
