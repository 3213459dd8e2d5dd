"""The file after the first door: every section checked by itself, the sound ones kept, the broken ones remembered.

A broken section must not hide the mistakes of the others, nor make them look wrong. A wrong value gets a harmless
stand-in, so that the rest of its section is still checked; what is then said of the stand-in itself is an echo and not
told. A section that cannot be mended so stays known by name as `blamed`, so that a socket on such a fuse is not also
told that its fuse does not exist. With any mistake there is no cabinet, so a stand-in never reaches one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from gateway.config.billing_section import BillingSection
from gateway.config.restraint_sections import (
    CabinetTemperatureSection,
    ExternalLimitSection,
    PowerTariffSection,
    PriceSection,
)
from gateway.config.schema import (
    BusSection,
    Config,
    ControlSection,
    FuseSection,
    GatewaySection,
    GridMeterSection,
    HeartbeatSection,
    MqttSection,
    RelayBoardSection,
)
from gateway.config.section import Section
from gateway.config.section_faults import check_section
from gateway.config.signing_token import SigningTokenSection
from gateway.config.socket_sections import SocketSection
from gateway.config.user_sections import ReaderSection, SocketGroupSection, UserGroupSection
from gateway.config.wording import HIDDEN, did_you_mean, is_secret, mistake_of, printable, shown
from gateway.errors import Mistake

AnySection = TypeVar("AnySection", bound=Section)
NAME_SHOWN_MAX: Final = 40
REQUIRED: Final = ("gateway", "grid_meter", "fuse", "socket")
STAND_INS: Final[Mapping[type[Section], Mapping[str, object]]] = {
    GatewaySection: {"id": "unnamed"},
    GridMeterSection: {"port": "/dev/null"},
    BusSection: {"port": "/dev/null"},
    FuseSection: {"rating_a": 1000.0, "kind": "gG"},
    SocketSection: {"phases": ["L1"], "rating_a": 6.0},
    ReaderSection: {"topic": "reader"},
}
"""For keys that must be there. A wrong key with a default is left out instead."""


@dataclass(frozen=True, slots=True)
class Placed(Generic[AnySection]):
    """A section and where it stands."""

    path: str
    section: AnySection


@dataclass(frozen=True, slots=True)
class Draft:
    """Sections that are sound by themselves, or mended; blamed: names of the others, by kind of section; echoes:
    where stand-ins stand."""

    gateway: GatewaySection | None
    grid_meter: GridMeterSection | None
    mqtt: MqttSection | None
    mqtt_stated: bool
    signing_token: SigningTokenSection | None
    control: ControlSection
    billing: BillingSection
    heartbeat: HeartbeatSection | None
    external_limits: tuple[Placed[ExternalLimitSection], ...]
    power_tariffs: tuple[Placed[PowerTariffSection], ...]
    cabinet_temperature: CabinetTemperatureSection | None
    price: PriceSection | None
    buses: tuple[Placed[BusSection], ...]
    relay_boards: tuple[Placed[RelayBoardSection], ...]
    fuses: tuple[Placed[FuseSection], ...]
    sockets: tuple[Placed[SocketSection], ...]
    socket_groups: tuple[Placed[SocketGroupSection], ...]
    user_groups: tuple[Placed[UserGroupSection], ...]
    readers: tuple[Placed[ReaderSection], ...]
    blamed: Mapping[str, frozenset[str]]
    echoes: tuple[str, ...]


def draft_of(tables: Mapping[str, Any], mistakes: list[Mistake]) -> Draft:
    """Checks every section by itself and adds what is wrong to `mistakes`."""
    for key in tables.keys() - Config.model_fields.keys():
        remedy = did_you_mean(key, Config.model_fields)
        value = HIDDEN if is_secret(key) else shown(tables[key])
        mistakes.append(Mistake(key, value, "there is no such section.", remedy))
    for key in REQUIRED:
        if key not in tables:
            form = f"[[{key}]]" if key in ("fuse", "socket") else f"[{key}]"
            mistakes.append(Mistake(key, "(missing)", "this section is required.", f"Add a section {form}."))
    blamed: dict[str, set[str]] = {}
    told = len(mistakes)
    return Draft(
        gateway=_one(tables, "gateway", GatewaySection, mistakes),
        grid_meter=_one(tables, "grid_meter", GridMeterSection, mistakes),
        mqtt=_one(tables, "mqtt", MqttSection, mistakes),
        mqtt_stated="mqtt" in tables,
        signing_token=_one(tables, "signing_token", SigningTokenSection, mistakes),
        control=_one(tables, "control", ControlSection, mistakes) or ControlSection(),
        billing=_one(tables, "billing", BillingSection, mistakes) or BillingSection(),
        heartbeat=_one(tables, "heartbeat", HeartbeatSection, mistakes),
        external_limits=_many(tables, "external_limit", ExternalLimitSection, mistakes, blamed),
        power_tariffs=_many(tables, "power_tariff", PowerTariffSection, mistakes, blamed),
        cabinet_temperature=_one(tables, "cabinet_temperature", CabinetTemperatureSection, mistakes),
        price=_one(tables, "price", PriceSection, mistakes),
        buses=_many(tables, "bus", BusSection, mistakes, blamed),
        relay_boards=_many(tables, "relay_board", RelayBoardSection, mistakes, blamed),
        fuses=_many(tables, "fuse", FuseSection, mistakes, blamed),
        sockets=_many(tables, "socket", SocketSection, mistakes, blamed),
        socket_groups=_many(tables, "socket_group", SocketGroupSection, mistakes, blamed),
        user_groups=_many(tables, "user_group", UserGroupSection, mistakes, blamed),
        readers=_many(tables, "reader", ReaderSection, mistakes, blamed),
        blamed={kind: frozenset(names) for kind, names in blamed.items()},
        echoes=tuple(mistake.path for mistake in mistakes[told:]),
    )


def _one(tables: Mapping[str, Any], key: str, section: type[AnySection], mistakes: list[Mistake]) -> AnySection | None:
    if key not in tables:
        return None
    return _sound(key, tables[key], section, mistakes)


def _many(
    tables: Mapping[str, Any],
    key: str,
    section: type[AnySection],
    mistakes: list[Mistake],
    blamed: dict[str, set[str]],
) -> tuple[Placed[AnySection], ...]:
    entries = tables.get(key, [])
    if not isinstance(entries, list) or (key in REQUIRED and key in tables and not entries):
        mistakes.append(Mistake(key, shown(entries), "is no list of sections.", f"Write [[{key}]] in double brackets."))
        return ()
    placed: list[Placed[AnySection]] = []
    names: set[str] = set()
    for index, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        path = (
            f"{key}[{printable(name)[:NAME_SHOWN_MAX]}]" if isinstance(name, str) and name else f"{key}[#{index + 1}]"
        )
        if isinstance(name, str) and name in names:
            path = f"{path}[#{index + 1}]"
            mistakes.append(
                Mistake(f"{path}.name", shown(name), f"another {key} has this name already.", "Give it its own name.")
            )
        sound = _sound(path, entry, section, mistakes)
        if sound is None and isinstance(name, str):
            blamed.setdefault(key, set()).add(name)
        if sound is not None and name not in names:
            placed.append(Placed(path, sound))
        if isinstance(name, str):
            names.add(name)
    return tuple(placed)


def _sound(path: str, value: object, section: type[AnySection], mistakes: list[Mistake]) -> AnySection | None:
    """The section if it is sound, or can be made so by leaving out or standing in for what is wrong."""
    found, faults = check_section(section, value)
    mistakes.extend(mistake_of(path, fault) for fault in faults)
    if found is None and faults:
        mended = _without(value, {fault.place for fault in faults})
        if isinstance(mended, dict):
            for fault in faults:
                key = str(fault.place[0]) if fault.place else ""
                whole = len(fault.place) == 1 or isinstance(mended.get(key), list)
                if whole and key in STAND_INS.get(section, {}):
                    mended[key] = STAND_INS[section][key]
                elif isinstance(mended.get(key), list):
                    del mended[key]
            found, _ = check_section(section, mended)
    return found


def _without(value: object, places: set[tuple[str | int, ...]]) -> object:
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, inner in value.items():
        if (key,) in places:
            continue
        kept[key] = _without(inner, {place[1:] for place in places if len(place) > 1 and place[0] == key})
    return kept
