"""What holds charging back beyond the fuses, as the config says it: who else may lower, and by what rule.

Every restraint can only lower: the lower of it and the fuses holds. None is ever a fuse's protection.
"""

from dataclasses import dataclass
from datetime import UTC, tzinfo

from gateway.ids import FuseId, LimitId, SocketId
from gateway.site.power_tariffs import PowerTariff
from gateway.site.prices import PriceRule


@dataclass(frozen=True, slots=True)
class ExternalLimit:
    """Somebody outside may lower what the sockets below a fuse get (A per phase, the house's share included).

    wired_a: what holds while the wired contact calls for it; None: the limit comes over MQTT. safe_a: what holds then
    whenever no value of the sender is valid, at start too. valid_for_s: of a value that says no time of its own.
    """

    id: LimitId
    fuse: FuseId
    wired_a: float | None = None
    safe_a: float = 0.0
    valid_for_s: float = 600.0


@dataclass(frozen=True, slots=True)
class CabinetTemperature:
    """A sensor in the cabinet. worst_c: what is assumed when it has been silent for long (°C)."""

    worst_c: float


@dataclass(frozen=True, slots=True)
class Restraints:
    """All of one site, in the order of the config. time_zone: of tariffs and prices. temperature_over_mqtt and
    prices_over_mqtt: the config says that they are told so; else they come from a file, and nobody may tell them."""

    limits: tuple[ExternalLimit, ...] = ()
    tariffs: tuple[PowerTariff, ...] = ()
    temperature: CabinetTemperature | None = None
    temperature_over_mqtt: bool = False
    prices: PriceRule | None = None
    prices_over_mqtt: bool = False
    price_exempt: frozenset[SocketId] = frozenset()
    time_zone: tzinfo = UTC
