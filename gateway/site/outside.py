"""What was heard from outside the cabinet, at one moment. The shell keeps the newest; control judges how old it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.ids import LimitId
from gateway.site.prices import PriceSeries


@dataclass(frozen=True, slots=True)
class LimitTold:
    """A limit as told over MQTT: A per phase of its fuse, or W of the whole site; both None: the sender lifts it.

    until_s: on the monotonic clock; from then on the word is worth nothing.
    """

    current_a: float | None
    power_w: float | None
    until_s: float


@dataclass(frozen=True, slots=True)
class TemperatureTold:
    """The cabinet's temperature (°C) and when it was told (monotonic)."""

    celsius: float
    at_s: float


@dataclass(frozen=True, slots=True)
class OutsideSight:
    """told: the newest word of each limit over MQTT. called: whether each wired contact calls for its limit, None
    where it cannot be read; a contact that is not in it has not been looked at yet. temperature: of the cabinet,
    None before the first."""

    told: Mapping[LimitId, LimitTold] = field(default_factory=dict)
    called: Mapping[LimitId, bool | None] = field(default_factory=dict)
    temperature: TemperatureTold | None = None
    prices: PriceSeries | None = None
