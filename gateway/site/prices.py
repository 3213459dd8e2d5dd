"""Prices of electricity over time, and the rule by which charging waits for cheap ones. Never a fuse's business."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, time


@dataclass(frozen=True, slots=True)
class PriceSlot:
    """One price from `begin` until before `end` (both aware)."""

    begin: datetime
    end: datetime
    price: float


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Slots in order, none over another. unit: as the sender says it, such as SEK/kWh."""

    unit: str
    slots: tuple[PriceSlot, ...]

    def at(self, utc: datetime) -> PriceSlot | None:
        """The slot of that moment; None where no price is known."""
        place = bisect_right(self.slots, utc, key=_begin) - 1
        slot = self.slots[place] if place >= 0 else None
        return slot if slot is not None and utc < slot.end else None


def _begin(slot: PriceSlot) -> datetime:
    return slot.begin


@dataclass(frozen=True, slots=True)
class PriceRule:
    """below: charge while the price is at most this; cheapest_h: charge in so many cheapest hours between plugging in
    and `depart` (local time of day). One of the two is None."""

    below: float | None = None
    cheapest_h: int | None = None
    depart: time = time(7, 0)
