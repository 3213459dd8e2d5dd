"""When a message is due: small changes wait, large ones and words go at once, and silence is broken in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from gateway.publish.json_text import Thing, Value, json_text

MEASURED_S_MIN: Final = 1.0
SILENCE_S_MAX: Final = 30.0
"""Below half of `expire_after` of the measurements in Home Assistant."""
CHANGE_SHARE: Final = 0.01
NEVER_A_REASON: Final = frozenset({"ts", "age_s", "left_s", "because_text", "diagnosis_text"})
"""Keys that change by themselves: they travel along but start no message."""


@dataclass(frozen=True, slots=True)
class Step:
    """The least change of a measured key that is worth a message: both must be reached."""

    absolute: float
    share: float


STEP_OF_UNIT: Final[tuple[tuple[str, Step], ...]] = (
    ("_w", Step(10.0, CHANGE_SHARE)),
    ("_a", Step(0.1, CHANGE_SHARE)),
    ("_v", Step(1.0, CHANGE_SHARE)),
    ("_kwh", Step(0.01, 0.0)),
    ("_pct", Step(1.0, CHANGE_SHARE)),
    ("heat", Step(0.01, 0.0)),
    ("_c", Step(0.5, 0.0)),
    ("_s", Step(2.0, 0.0)),
)
TOLD_AT_ONCE: Final = frozenset({"setpoint_a", "limit_a", "rating_a"})
"""Told values, not measured ones: any change is news. One per phase, a fuse's limit, follows what is measured."""


class Pace:
    """Remembers what was said last on each topic and says what is due. One object, asked once a tick."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[float, Thing | str]] = {}

    def forget(self, topic: str) -> None:
        """Say this topic again at the next tick, changed or not: a refused command shows the old value at once."""
        self._said.pop(topic, None)

    def due(self, things: Mapping[str, Thing | str], now_s: float) -> dict[str, str]:
        """The messages to send now, as text."""
        out = {}
        for topic, thing in things.items():
            if self._is_due(topic, thing, now_s):
                self._said[topic] = (now_s, thing)
                out[topic] = thing if isinstance(thing, str) else json_text(thing)
        return out

    def _is_due(self, topic: str, thing: Thing | str, now_s: float) -> bool:
        if topic not in self._said:
            return True
        said_s, said = self._said[topic]
        if isinstance(thing, str) or isinstance(said, str):
            return thing != said
        silent_s = now_s - said_s
        measures = False
        for key, value in thing.items():
            if key in NEVER_A_REASON or key not in said:
                continue
            step = _step(key, isinstance(value, tuple))
            if step is None:
                if value != said[key]:
                    return True
                continue
            measures = True
            if silent_s >= MEASURED_S_MIN and _moved(value, said[key], step):
                return True
        return measures and silent_s >= SILENCE_S_MAX


@cache
def _step(key: str, per_phase: bool) -> Step | None:
    if key in TOLD_AT_ONCE and not per_phase:
        return None
    return next((step for unit, step in STEP_OF_UNIT if key.endswith(unit)), None)


def _moved(now: Value, before: Value, step: Step) -> bool:
    if isinstance(now, (list, tuple)) and isinstance(before, (list, tuple)):
        return len(now) != len(before) or any(_moved(a, b, step) for a, b in zip(now, before, strict=True))
    if now is None or before is None:
        return now is not before
    if isinstance(now, (str, Mapping, Sequence)) or isinstance(before, (str, Mapping, Sequence)):
        return now != before
    change = abs(float(now) - float(before))
    return change >= max(step.absolute, step.share * abs(float(before)))
