"""JSON text with the decimals that a meter shows: a register of 12345.60 kWh leaves as the number 12345.60."""

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

Value = str | int | float | bool | Decimal | None | Sequence["Value"] | Mapping[str, "Value"]
"""Anything that a published message may hold. `None` (unknown) becomes null."""

Thing = Mapping[str, Value]
"""One message: everything that changes together, every key always present."""


def json_text(value: Value) -> str:
    """The value as JSON (RFC 8259), compact. Numbers that are not finite are unknown, so null."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case float():
            return json.dumps(value) if math.isfinite(value) else "null"
        case int():
            return str(value)
        case Decimal():
            return format(value, "f") if value.is_finite() else "null"
        case Mapping():
            return "{" + ",".join(f"{json.dumps(key)}:{json_text(each)}" for key, each in value.items()) + "}"
        case _:
            return "[" + ",".join(json_text(each) for each in value) + "]"


def rounded(value: float | None, digits: int) -> float | None:
    """A float for people: rounded, never minus zero; unknown and infinite stay unknown."""
    if value is None or not math.isfinite(value):
        return None
    return round(value, digits) + 0.0
