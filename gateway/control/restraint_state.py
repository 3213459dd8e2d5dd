"""What control shows and remembers of its restraints from tick to tick. Frozen: each tick makes a new one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.ids import LimitId, SocketId, TariffId
from gateway.site.power_tariffs import PeakBook
from gateway.site.prices import PriceSeries


@dataclass(frozen=True, slots=True)
class LimitState:
    """One external limit now. current_a: A per phase that it leaves its fuse, None: it lowers nothing by current;
    power_w: the same for the site's power; until_s: when the sender's word runs out (monotonic); calls: a wired contact
    calls, or no word of the sender is valid; noted_s: when people were last told of that."""

    current_a: float | None
    power_w: float | None
    until_s: float | None
    calls: bool
    noted_s: float | None


@dataclass(frozen=True, slots=True)
class HousePower:
    """What the house draws without the sockets (W), by the newest telegram, smoothed, and when it came."""

    now_w: float
    smooth_w: float
    volts: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """The interval that runs now. seen_wh: imported in the seconds of it that were seen, seen_s; register_wh: what the
    grid meter's import register showed at its beginning, None if nobody knows; doubtful: the clock is not trusted since
    then, so that nobody knows whether it has ended."""

    begin: datetime
    seen_wh: float = 0.0
    seen_s: float = 0.0
    register_wh: float | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class TariffState:
    """One power tariff now. counts: the interval lies in its window, and the clock can be trusted; target_w: what the
    interval's mean shall stay below; allowed_w: what the site may draw from now on for that, None: any; expected_w: the
    interval's mean if all goes on as now."""

    book: PeakBook
    interval: Meanwhile | None = None
    counts: bool = False
    target_w: float | None = None
    allowed_w: float | None = None
    expected_w: float | None = None


@dataclass(frozen=True, slots=True)
class GridPower:
    """What the site imports (W) since the newest telegram, and its import register (Wh) with the time that it was read
    at (monotonic)."""

    import_w: float
    register_wh: float | None
    register_s: float


@dataclass(frozen=True, slots=True)
class TemperatureState:
    """The cabinet's temperature that the fuses are derated by (°C); silent: the sensor's last word is too old, so it is
    the worst that the config knows of."""

    celsius: float
    silent: bool


@dataclass(frozen=True, slots=True)
class DeadPhases:
    """places: fuse phases that are dead while others live; telegrams: how many in a row have shown each grid phase so,
    -1: the last showed it alive;
    since_s: since when each socket's own phase has been seen so (monotonic)."""

    places: frozenset[int] = frozenset()
    telegrams: tuple[int, int, int] = (0, 0, 0)
    since_s: Mapping[tuple[SocketId, int], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PriceState:
    """known: there is a price for now, and the clock is trusted; series and hours: what the hours' means, kept for the
    next tick, were worked out from."""

    known: bool
    price: float | None
    unit: str
    series: PriceSeries | None = None
    hours: Mapping[datetime, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RestraintState:
    """All restraints now."""

    limits: Mapping[LimitId, LimitState] = field(default_factory=dict)
    house: HousePower | None = None
    grid: GridPower | None = None
    tariffs: Mapping[TariffId, TariffState] = field(default_factory=dict)
    temperature: TemperatureState | None = None
    dead: DeadPhases = field(default_factory=DeadPhases)
    price: PriceState | None = None
    charge_now: frozenset[SocketId] = frozenset()
    """Sockets whose session waits for no price."""
