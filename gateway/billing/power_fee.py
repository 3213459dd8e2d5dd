"""What a power tariff costs: the mean of the peaks that count, times its price. Decimals from the register throughout,
one rounding at the end, half up to the öre."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from gateway.site.power_tariffs import Peak, PeakBook, PowerTariff

ORE: Final = Decimal("0.01")
MINUTES_PER_HOUR: Final = 60


@dataclass(frozen=True, slots=True)
class Interval:
    """The energy of one interval of the meter: its beginning (aware) and the register's difference (kWh)."""

    begin: datetime
    energy_kwh: Decimal


@dataclass(frozen=True, slots=True)
class PowerFee:
    """The fee of one month or season. peaks: those that count, highest first (W, weighted); mean_kw: exact; kr: rounded
    half up to the öre."""

    scope: str
    peaks: tuple[Peak, ...]
    mean_kw: Decimal
    kr: Decimal


def power_fees(
    tariff: PowerTariff, kr_per_kw: Decimal, intervals: Iterable[Interval], time_zone: tzinfo
) -> tuple[PowerFee, ...]:
    """One fee per month or season that has a peak, in order. kr_per_kw: the price of one kW for one of them."""
    books: dict[str, PeakBook] = {}
    for interval in intervals:
        local = interval.begin.astimezone(time_zone)
        if tariff.weight(local) == 0:
            continue
        scope = tariff.scope_of(local)
        mean_w = interval.energy_kwh * 1000 * MINUTES_PER_HOUR / tariff.interval_min
        books[scope] = books.get(scope, PeakBook(scope)).with_interval(tariff, local, mean_w)
    fees = []
    for scope, book in sorted(books.items()):
        mean_w = book.mean_w(tariff) or Decimal(0)
        mean_kw = mean_w / 1000
        kr = (mean_kw * kr_per_kw).quantize(ORE, ROUND_HALF_UP)
        fees.append(PowerFee(scope, book.counted(tariff), mean_kw, kr))
    return tuple(fees)
