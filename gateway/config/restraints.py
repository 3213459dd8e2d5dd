"""Restraints: from sections to rules of the site, and what does not fit is told."""

import zoneinfo
from collections.abc import Mapping
from datetime import UTC, time
from decimal import Decimal
from pathlib import Path

from gateway.config.draft import Draft, Placed
from gateway.config.plans import GpioLinePlan
from gateway.config.restraint_sections import WEEKDAYS, ExternalLimitSection, PowerTariffSection, WindowSection
from gateway.config.wording import did_you_mean, shown
from gateway.errors import Mistake
from gateway.ids import FuseId, LimitId, SocketId, TariffId
from gateway.site.power_tariffs import PeakScope, PowerTariff
from gateway.site.prices import PriceRule
from gateway.site.restraints import CabinetTemperature, ExternalLimit, Restraints
from gateway.site.topology import Fuse
from gateway.site.windows import Holiday, Window


def build_restraints(draft: Draft, fuses: Mapping[FuseId, Fuse], mistakes: list[Mistake]) -> Restraints:
    """All restraints of the site."""
    main = FuseId("" if draft.grid_meter is None else draft.grid_meter.main_fuse)
    limits = tuple(_limit(placed, draft, fuses, main, mistakes) for placed in draft.external_limits)
    tariffs = tuple(_tariff(placed.section) for placed in draft.power_tariffs)
    zone = "" if draft.gateway is None else draft.gateway.time_zone
    known = zone in zoneinfo.available_timezones()
    return Restraints(
        limits=limits,
        tariffs=tariffs,
        temperature=_temperature(draft, mistakes),
        temperature_over_mqtt=draft.cabinet_temperature is not None and draft.cabinet_temperature.mqtt is True,
        prices=_prices(draft, mistakes),
        prices_over_mqtt=draft.price is not None and draft.price.mqtt is True,
        price_exempt=frozenset(
            SocketId(placed.section.name) for placed in draft.sockets if placed.section.price_exempt
        ),
        time_zone=zoneinfo.ZoneInfo(zone) if known else UTC,
    )


def _temperature(draft: Draft, mistakes: list[Mistake]) -> CabinetTemperature | None:
    section = draft.cabinet_temperature
    if section is None:
        return None
    if (section.file is None) == (section.mqtt is None):
        told = "both ways are stated." if section.mqtt else "it comes from nowhere."
        mistakes.append(
            Mistake("cabinet_temperature", shown(section.worst_c), told, 'Write file = "/sys/...", or mqtt = true.')
        )
    if section.mqtt and not draft.mqtt_stated:
        remedy = "Add a section [mqtt]."
        mistakes.append(Mistake("cabinet_temperature.mqtt", "true", "there is no broker in this file.", remedy))
    return CabinetTemperature(section.worst_c)


def _tariff(section: PowerTariffSection) -> PowerTariff:
    return PowerTariff(
        id=TariffId(section.name),
        window=_window(section),
        interval_min=section.interval_min,
        peaks=section.peaks,
        distinct_days=section.distinct_days,
        scope=PeakScope(section.scope),
        weights=tuple((_window(one), Decimal(str(one.weight))) for one in section.weights),
        target_w=section.target_w,
        follows_peaks=section.target == "peaks",
    )


def _window(section: WindowSection) -> Window:
    return Window(
        months=frozenset(section.months),
        weekdays=frozenset(WEEKDAYS.index(name) for name in section.weekdays),
        from_h=section.from_h,
        to_h=section.to_h,
        holidays=frozenset(Holiday(name) for name in section.holidays),
        days=frozenset(section.not_on),
    )


def limit_inputs(draft: Draft) -> dict[LimitId, GpioLinePlan]:
    """The line of every wired limit. With its pull-up an open contact reads high."""
    return {
        LimitId(placed.section.name): GpioLinePlan(wired.chip, wired.line, wired.calls == "closed")
        for placed in draft.external_limits
        if (wired := placed.section.input) is not None
    }


def _prices(draft: Draft, mistakes: list[Mistake]) -> PriceRule | None:
    section = draft.price
    if section is None:
        return None
    if (section.file is None) == (section.mqtt is None):
        told = "both ways are stated." if section.mqtt else "the prices come from nowhere."
        mistakes.append(Mistake("price", "[price]", told, 'Write file = "/var/lib/laddvakt/...", or mqtt = true.'))
    if (section.below is None) == (section.cheapest_h is None):
        told = "there are two rules." if section.below is not None else "there is no rule."
        mistakes.append(Mistake("price", "[price]", told, "Write below = ..., or cheapest_h = ... with depart."))
    if section.mqtt and not draft.mqtt_stated:
        mistakes.append(Mistake("price.mqtt", "true", "there is no broker in this file.", "Add a section [mqtt]."))
    return PriceRule(section.below, section.cheapest_h, time.fromisoformat(section.depart))


def price_file(draft: Draft) -> Path | None:
    """The file of the series of prices."""
    section = draft.price
    return None if section is None or section.file is None else Path(section.file)


def thermometer(draft: Draft) -> Path | None:
    """The file of the cabinet's 1-wire sensor."""
    section = draft.cabinet_temperature
    return None if section is None or section.file is None else Path(section.file)


def _limit(
    placed: Placed[ExternalLimitSection],
    draft: Draft,
    fuses: Mapping[FuseId, Fuse],
    main: FuseId,
    mistakes: list[Mistake],
) -> ExternalLimit:
    section = placed.section
    fuse = main if section.fuse is None else FuseId(section.fuse)
    if section.fuse is not None and fuse not in fuses and section.fuse not in draft.blamed.get("fuse", frozenset()):
        remedy = did_you_mean(section.fuse, fuses)
        mistakes.append(Mistake(f"{placed.path}.fuse", shown(section.fuse), "there is no such fuse.", remedy))
    if (section.mqtt is None) == (section.input is None):
        told = "both ways are stated." if section.mqtt is not None else "it comes from nowhere."
        remedy = "Write mqtt = { safe_a = ... }, or input = { chip = ..., line = ... } with limit_a."
        mistakes.append(Mistake(placed.path, shown(section.name), told, remedy))
    elif section.input is not None and section.limit_a is None:
        mistakes.append(
            Mistake(f"{placed.path}.limit_a", "(missing)", "the contact does not say how much.", "Add `limit_a = ...`.")
        )
    elif section.mqtt is not None and section.limit_a is not None:
        remedy = "Take this key away; what holds without a sender is mqtt.safe_a."
        mistakes.append(Mistake(f"{placed.path}.limit_a", shown(section.limit_a), "the value comes over MQTT.", remedy))
    if section.mqtt is None:
        return ExternalLimit(LimitId(section.name), fuse, wired_a=section.limit_a or 0.0)
    if not draft.mqtt_stated:
        mistakes.append(
            Mistake(
                f"{placed.path}.mqtt", shown({"safe_a": 0}), "there is no broker in this file.", "Add a section [mqtt]."
            )
        )
    return ExternalLimit(LimitId(section.name), fuse, safe_a=section.mqtt.safe_a, valid_for_s=section.mqtt.valid_for_s)
