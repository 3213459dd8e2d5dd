"""The words of the config for a socket and what hangs on it: meter, contactor, wallbox."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag

from gateway.config.billing_section import TariffId
from gateway.config.section import GpioChip, GpioOffset, Name, PhaseName, Seconds, Section, Unit

MMQ_WH_MAX: Final = 10_000


class MeterSection(Section):
    """The energy meter of one socket."""

    model: str
    bus: Name
    unit: Unit
    side: Literal["supply", "load"] = Field(description="of the contactor; billing needs supply")
    serial: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9./-]{1,32}$", description="for meters without a serial register"
    )


class GpioLine(Section):
    """One GPIO input."""

    chip: GpioChip
    line: GpioOffset
    active: Literal["high", "low"] = "high"


class RelayContactor(Section):
    """A contactor whose coil hangs on a relay board's channel."""

    board: Name
    channel: int = Field(ge=1, le=64, description="as printed on the board, from 1")
    auxiliary: GpioLine | None = Field(default=None, description="mirror contact (IEC 60947-4-1): active when closed")


class GpioContactor(Section):
    """A contactor whose coil driver hangs on the machine's own pin."""

    chip: GpioChip
    line: GpioOffset
    active: Literal["high", "low"] = "high"
    auxiliary: GpioLine | None = Field(default=None, description="mirror contact (IEC 60947-4-1): active when closed")


class ModbusWallbox(Section):
    """A wallbox controller on a Modbus bus."""

    model: str
    bus: Name
    unit: Unit
    failsafe_a: float = Field(default=0.0, ge=0, le=80, description="what the box falls to without us: 0, or 6 or more")


class MqttWallbox(Section):
    """A wallbox that takes its setpoint over MQTT."""

    mqtt: Literal[True]
    minimum_a: float = Field(default=6.0, ge=6, le=32, description="least current that the box offers")
    step_a: float = Field(default=1.0, gt=0, le=6, description="steps in which its current is set")
    phase_pause_s: float | None = Field(
        default=None,
        ge=1,
        le=600,
        description="the box can offer one phase or three, says which, and stands still for so long around a switching",
    )


def _contactor_kind(value: object) -> str:
    is_gpio = isinstance(value, GpioContactor) or (isinstance(value, dict) and not {"chip", "line"}.isdisjoint(value))
    return "gpio" if is_gpio else "relay"


def _wallbox_kind(value: object) -> str:
    return "mqtt" if isinstance(value, MqttWallbox) or (isinstance(value, dict) and "mqtt" in value) else "modbus"


Contactor = Annotated[
    Annotated[RelayContactor, Tag("relay")] | Annotated[GpioContactor, Tag("gpio")], Discriminator(_contactor_kind)
]
Wallbox = Annotated[
    Annotated[ModbusWallbox, Tag("modbus")] | Annotated[MqttWallbox, Tag("mqtt")], Discriminator(_wallbox_kind)
]


ALTERNATIVES: Final[Mapping[str, type[Section]]] = {
    "relay": RelayContactor,
    "gpio": GpioContactor,
    "modbus": ModbusWallbox,
    "mqtt": MqttWallbox,
}
"""Tags of the alternatives; they stand in pydantic's locations but are no keys of the file."""


class SocketSection(Section):
    """One socket of the cabinet."""

    name: Name
    label: str | None = Field(default=None, min_length=1, max_length=64, description="for people; default the name")
    fuse: Name
    phases: list[PhaseName] = Field(
        min_length=1, max_length=3, description="the fuse phase on which the socket's own L1, L2, L3 lie"
    )
    rating_a: float = Field(gt=0, le=125)
    purpose: Literal["info", "internal", "billing"] = "info"
    access: Literal["command", "public", "open", "armed", "list"] = Field(
        default="command",
        description="command (also written public): anybody's command; open: starts when the box shows a car; armed: "
        "plain sockets; list: only users on the list of users who have a right here",
    )
    dead_man: bool = Field(default=False, description="true if something else opens it when we fall silent")
    priority: int = Field(default=0, ge=0, le=9, description="with policy priority: the higher goes first")
    weight: float = Field(default=1.0, ge=0.1, le=10, description="its part when current is shared")
    minimum_kwh: float = Field(
        default=0.0, ge=0, le=200, description="every session here gets so much before others get more"
    )
    minimum_off_s: Seconds | None = None
    idle_release_s: Seconds | None = None
    price_exempt: bool = Field(default=False, description="true: its sessions wait for no price")
    mmq_wh: int | None = Field(
        default=None,
        ge=1,
        le=MMQ_WH_MAX,
        description="minimum measured quantity: 1, 2 or 5 times a power of ten; a session below it is not billed",
    )
    tariff_id: TariffId | None = None
    meter: MeterSection | None = None
    contactor: Contactor | None = None
    wallbox: Wallbox | None = None
