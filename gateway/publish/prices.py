"""Price texts, from a file or a retained message, become a series; or a sentence says what is wrong. Never raises.

{"unit": "SEK/kWh", "begin": "2026-01-15T00:00:00+01:00", "minutes": 15, "prices": [0.53, ...]}, or
{"unit": "SEK/kWh", "slots": [{"begin": "...", "end": "...", "price": 0.53}, ...]}. Times carry their offset.
"""

import json
import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from gateway.site.prices import PriceSeries, PriceSlot

SLOTS_MAX: Final = 800
"""A week of quarters, and some."""
UNIT_CHARACTERS_MAX: Final = 16
TEXT_BYTES_MAX: Final = 200_000


def read_prices(payload: bytes) -> PriceSeries | str:
    """The series, or what is wrong with the text."""
    if len(payload) > TEXT_BYTES_MAX:
        return f"more than {TEXT_BYTES_MAX} bytes"
    try:
        said: object = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        return "no JSON text in UTF-8"
    if not isinstance(said, dict):
        return "no JSON object"
    unit = said.get("unit", "")
    if not isinstance(unit, str) or len(unit) > UNIT_CHARACTERS_MAX or not unit.isprintable():
        return "unit is no short text"
    try:
        slots = _row(said) if "prices" in said else _slots(said)
    except (KeyError, TypeError, ValueError, OverflowError) as wrong:
        return f"{type(wrong).__name__}: {str(wrong)[:80]}"
    slots.sort(key=lambda slot: slot.begin)
    if not slots:
        return f"no prices; 1 to {SLOTS_MAX} are read"
    if any(before.end > after.begin for before, after in pairwise(slots)):
        return "two prices for one time"
    return PriceSeries(unit, tuple(slots))


def _row(said: dict[str, object]) -> list[PriceSlot]:
    begin, minutes, prices = _time(said["begin"]), said.get("minutes", 60), said["prices"]
    if minutes not in (15, 30, 60) or not isinstance(prices, list):
        raise ValueError("minutes is 15, 30 or 60, and prices is a list")
    _require_few(prices)
    step = timedelta(minutes=minutes)
    return [PriceSlot(begin + n * step, begin + (n + 1) * step, _price(price)) for n, price in enumerate(prices)]


def _slots(said: dict[str, object]) -> list[PriceSlot]:
    listed = said["slots"]
    if not isinstance(listed, list):
        raise TypeError("slots is a list")
    _require_few(listed)
    slots = [PriceSlot(_time(one["begin"]), _time(one["end"]), _price(one["price"])) for one in listed]
    if any(slot.end <= slot.begin for slot in slots):
        raise ValueError("a slot ends before it begins")
    return slots


def _require_few(listed: list[object]) -> None:
    """Before any is worked out: a hundred thousand would hold the gateway up for seconds."""
    if len(listed) > SLOTS_MAX:
        raise ValueError(f"{len(listed)} prices; 1 to {SLOTS_MAX} are read")


def _time(value: object) -> datetime:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no time")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value} has no offset, such as +01:00")
    return moment.astimezone(UTC)


def _price(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no price")
    return float(value)
