"""Sections of the config file that hold charging back beyond the fuses: who else may lower, and by what rule."""

from typing import Literal

from pydantic import Field

from gateway.config.section import Amperes, GpioChip, GpioOffset, Name, Section


class MqttLimit(Section):
    """A limit that somebody sends over MQTT."""

    safe_a: Amperes = Field(description="A per phase that hold at start, and when the sender's last word has run out")
    valid_for_s: float = Field(
        default=600.0, ge=5, le=86_400, description="how long a value holds that says no time of its own"
    )


class LimitInput(Section):
    """A potential-free contact between a GPIO line and ground; the line has a pull-up."""

    chip: GpioChip
    line: GpioOffset
    calls: Literal["open", "closed"] = Field(
        default="open", description="which contact calls for the limit; with open a broken wire calls too"
    )


class ExternalLimitSection(Section):
    """Somebody outside may lower what a fuse carries, never raise it: over MQTT, or by a wired contact."""

    name: Name
    fuse: Name | None = Field(default=None, description="the fuse that is lowered; default the main fuse")
    mqtt: MqttLimit | None = None
    input: LimitInput | None = None
    limit_a: Amperes | None = Field(default=None, description="A per phase while the contact calls; goes with input")
