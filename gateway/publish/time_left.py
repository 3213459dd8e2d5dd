"""How long something lasts yet, for people: exact where they can wait for it, rough where they cannot."""

from math import ceil
from typing import Final

SECONDS_MAX: Final = 900
MINUTES_MAX: Final = 180


def time_left(left_s: float) -> str:
    """In seconds up to a quarter of an hour, in begun minutes up to three hours, then in hours; never below 0."""
    seconds = max(0, round(left_s))
    if seconds <= SECONDS_MAX:
        return f"{seconds} s"
    minutes = ceil(seconds / 60)
    return f"{minutes} min" if minutes <= MINUTES_MAX else f"{round(seconds / 3600)} h"
