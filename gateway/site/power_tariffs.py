"""Power tariffs (effekttariffer) as rules: which intervals count, how many of the highest, and at what target to stay.

No grid company is built in: each has its own window, number of peaks, days and weights, and changes them.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from gateway.ids import TariffId
from gateway.site.windows import Window, season_of


class PeakScope(StrEnum):
    """Over what the peaks are gathered. A season: the window's months in a row."""

    MONTH = "month"
    SEASON = "season"


@dataclass(frozen=True, slots=True)
class PowerTariff:
    """One component of a tariff. An interval of `interval_min` counts if its beginning lies in the window; its mean
    power times its weight (of the first window in `weights` that covers it, else 1) is a peak. The fee is for the mean
    of the `peaks` highest; with `distinct_days` a day gives its highest only.

    target_w: what the guard keeps an interval's weighted mean below; follows_peaks: where the peaks so far have already
    been higher, as high as raises the fee no more.
    """

    id: TariffId
    window: Window = field(default_factory=Window)
    interval_min: int = 60
    peaks: int = 1
    distinct_days: bool = False
    scope: PeakScope = PeakScope.MONTH
    weights: tuple[tuple[Window, Decimal], ...] = ()
    target_w: float = 0.0
    follows_peaks: bool = True

    def weight(self, local: datetime) -> Decimal:
        """What the mean of an interval that begins then is multiplied by; 0 outside the window."""
        if not self.window.covers(local):
            return Decimal(0)
        return next((weight for window, weight in self.weights if window.covers(local)), Decimal(1))

    def scope_of(self, local: datetime) -> str:
        """Which month or season an interval belongs to."""
        return f"{local:%Y-%m}" if self.scope is PeakScope.MONTH else season_of(self.window.months, local)


@dataclass(frozen=True, slots=True)
class Peak:
    """A weighted mean power (W) and the local day of its interval."""

    day: date
    power_w: Decimal


@dataclass(frozen=True, slots=True)
class PeakBook:
    """The highest peaks of one month or season so far, highest first, equal ones earliest first."""

    scope: str
    peaks: tuple[Peak, ...] = ()

    def counted(self, tariff: PowerTariff) -> tuple[Peak, ...]:
        """Those that the fee is for: all that are kept, but for a config that counts fewer than before."""
        return self.peaks[: tariff.peaks]

    def mean_w(self, tariff: PowerTariff) -> Decimal | None:
        """The mean that the fee is for (W); None before the first peak. Fewer than `peaks` count as what they are."""
        counted = self.counted(tariff)
        return sum((peak.power_w for peak in counted), Decimal(0)) / len(counted) if counted else None

    def free_w(self, tariff: PowerTariff, day: date) -> Decimal:
        """How high a peak of that day may be without raising the mean (W); 0 while fewer than `peaks` are known."""
        counted = self.counted(tariff)
        own = [peak.power_w for peak in counted if peak.day == day] if tariff.distinct_days else []
        if own:
            return own[0]
        return counted[-1].power_w if len(counted) == tariff.peaks else Decimal(0)

    def with_peak(self, tariff: PowerTariff, peak: Peak) -> "PeakBook":
        """The book with one peak more; what can never count again is forgotten."""
        peaks = list(self.peaks)
        if tariff.distinct_days:
            same = [one for one in peaks if one.day == peak.day]
            if same and same[0].power_w >= peak.power_w:
                return self
            peaks = [one for one in peaks if one.day != peak.day]
        peaks.append(peak)
        peaks.sort(key=lambda one: (-one.power_w, one.day))
        return PeakBook(self.scope, tuple(peaks[: tariff.peaks]))

    def with_interval(self, tariff: PowerTariff, local: datetime, mean_w: Decimal) -> "PeakBook":
        """The book after an interval that began then (local time) with that unweighted mean (W); a new month or season
        begins with an empty book. Outside the window nothing changes."""
        weight = tariff.weight(local)
        if weight == 0:
            return self
        scope = tariff.scope_of(local)
        book = self if scope == self.scope else PeakBook(scope)
        return book.with_peak(tariff, Peak(local.date(), mean_w * weight))
