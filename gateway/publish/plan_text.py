"""What a person says of one session, as JSON: its plan. Read strictly: a key that is not ours is no plan."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway.site.requests import ChargePlan

PRIORITY_MAX: Final = 9
WEIGHT_MIN: Final = 0.1
WEIGHT_MAX: Final = 10.0
ENERGY_KWH_MAX: Final = 200.0
TIME_CHARACTERS_MAX: Final = 40
PLAN_KEYS: Final = frozenset({"priority", "weight", "minimum_kwh", "energy_kwh", "departs_at"})


def read_plan(said: Mapping[str, object]) -> ChargePlan | None:
    """The plan; None if a key is not known or a value is not within its bounds.

    priority: whole number 0 to 9; weight: 0.1 to 10; minimum_kwh and energy_kwh: 0 to 200; departs_at: ISO 8601 with
    its zone, such as 2026-03-01T07:00:00+01:00. null: as the socket has it.
    """
    if not said.keys() <= PLAN_KEYS:
        return None
    priority = said.get("priority")
    if priority is not None and (
        not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority <= PRIORITY_MAX
    ):
        return None
    departs_at = said.get("departs_at")
    when = None if departs_at is None else _time(departs_at)
    if (when is None) is not (departs_at is None):
        return None
    numbers = {}
    for key, low, high in (
        ("weight", WEIGHT_MIN, WEIGHT_MAX),
        ("minimum_kwh", 0.0, ENERGY_KWH_MAX),
        ("energy_kwh", 0.0, ENERGY_KWH_MAX),
    ):
        value = said.get(key)
        if value is not None and not _is_number(value, low, high):
            return None
        numbers[key] = float(value) if isinstance(value, int | float) else None
    return ChargePlan(priority, numbers["weight"], numbers["minimum_kwh"], numbers["energy_kwh"], when)


def _is_number(value: object, low: float, high: float) -> bool:
    """Compared as it stands: a whole number of hundreds of digits is too large for float, and NaN is within nothing."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _time(value: object) -> datetime | None:
    if not isinstance(value, str) or len(value) > TIME_CHARACTERS_MAX:
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return when if when.tzinfo is not None else None
