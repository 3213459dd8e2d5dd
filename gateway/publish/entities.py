"""Rows of Home Assistant components, and the units and state classes that it takes for each device class.

Source of the allowed combinations: Home Assistant developer documentation, "Sensor entity", and its MQTT
integration's schemas; abbreviations from its "MQTT discovery" page.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway.publish.json_text import Value
from gateway.publish.words import Pair

ON_OFF: Final[dict[str, Value]] = {"pl_on": "ON", "pl_off": "OFF"}

EXPIRE_S: Final = 120
"""Four times the longest silence of a measurement: then Home Assistant shows it as unavailable."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One component. key: stable English name; name: Swedish and English; expires: a measurement that may age;
    needs_meter: gone when the socket's own meter is silent; more: the platform's own keys."""

    key: str
    platform: str
    name: Pair
    template: str | None
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    category: str | None = None
    enabled: bool = True
    expires: bool = False
    needs_meter: bool = False
    more: dict[str, Value] = field(default_factory=dict)


def sensor(
    key: str,
    name: Pair,
    template: str,
    *,
    device_class: str | None = None,
    state_class: str | None = None,
) -> Entity:
    """A sensor without a unit."""
    return Entity(key, "sensor", name, template, None, device_class, state_class)


def measured(key: str, name: Pair, template: str, unit: str, device_class: str | None, *, digits: int) -> Entity:
    """A figure that changes by itself and grows old."""
    return Entity(
        key,
        "sensor",
        name,
        template,
        unit,
        device_class,
        "measurement",
        expires=True,
        more={"sug_dsp_prc": digits},
    )


def options(key: str, name: Pair, template: str, values: list[str], *, category: str | None = None) -> Entity:
    """A sensor with fixed options; they may be added to, never taken from."""
    return Entity(key, "sensor", name, template, None, "enum", None, category, more={"ops": values})


def value(expression: str) -> str:
    """A template; null renders as "None", which Home Assistant takes as unknown."""
    return f"{{{{ value_json.{expression} }}}}"


def counted(key: str, name: tuple[str, str], template: str) -> Entity:
    """A meter's register: for the energy dashboard."""
    return Entity(key, "sensor", name, template, "kWh", "energy", "total_increasing", more={"sug_dsp_prc": 2})
