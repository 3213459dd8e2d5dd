"""The words of the config file: which sections and keys there are, their types, limits and defaults.

Every key is checked strictly: a number in quotes is not a number, and a key that is not here is a mistake. What the
sections mean together (names, trees, channels) is checked in `build`. Currents are A per phase, times are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import Discriminator, Field, Tag, ValidationError

from gateway.config.billing_section import BillingSection, TariffId
from gateway.config.restraint_sections import (
    CabinetTemperatureSection,
    ExternalLimitSection,
    PowerTariffSection,
    PriceSection,
)
from gateway.config.section import Amperes, GpioChip, GpioOffset, Name, PhaseName, Seconds, SecretKey, Section, Unit
from gateway.config.signing_token import SigningTokenSection
from gateway.config.user_sections import ReaderSection, SocketGroupSection, UserGroupSection

MMQ_WH_MAX: Final = 10_000


class GatewaySection(Section):
    """Who this gateway is."""

    id: Name = Field(description="stands in MQTT topics and in signed records; never change it later")
    time_zone: str = Field(default="Europe/Stockholm", description="IANA name")
    state_dir: str = Field(default="/var/lib/laddvakt", pattern="^/", description="folder of journal and signing key")
    language: Literal["sv", "en"] = "sv"
    recording_mb: int = Field(
        default=64, ge=0, le=4096, description="MB of recordings for laddvakt replay, the oldest given up; 0: none"
    )


class GridMeterSection(Section):
    """The HAN port of the grid company's meter."""

    port: str = Field(description="device path, or socket://host:port of a bridge")
    format: Literal["auto", "p1", "hdlc", "mbus"] = Field(
        default="auto", description="what the meter sends; auto finds form, speed and parity without writing a byte"
    )
    baud: Literal[1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200] | None = Field(
        default=None, description="speed of the line; found where it is not stated"
    )
    parity: Literal["N", "E", "O"] | None = Field(default=None, description="found where it is not stated")
    encryption_key: SecretKey | None = Field(default=None, description="of the grid company, where the meter encrypts")
    authentication_key: SecretKey | None = Field(default=None, description="goes with encryption_key")
    key_file: str | None = Field(
        default=None, pattern="^/", description="file with both keys, one a line, mode 0600; in place of the two above"
    )
    kamstrup_energy_wh: Literal[1, 10] | None = Field(
        default=None, description="what one count of a Kamstrup's energies is; found from its type number if not stated"
    )
    main_fuse: Name = Field(description="the fuse that this meter measures")
    house_load_a_max: Annotated[list[Amperes], Field(min_length=3, max_length=3)] | None = Field(
        default=None, description="the most that the house draws on L1, L2, L3; used when the meter is silent"
    )
    allow_without_crc: bool = Field(default=False, description="take telegrams of old meters that carry no CRC")


class MqttSection(Section):
    """The broker. Without this section the daemon runs without one."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=1883, ge=1, le=65_535)
    username: str | None = None
    password_file: str | None = Field(default=None, pattern="^/", description="file with the password, mode 0600")
    discovery_prefix: str = Field(default="homeassistant", pattern=r"^[A-Za-z0-9_-]+$")
    journal_rows: bool = Field(
        default=False,
        description="true: every journal row goes to journal/rows, a second copy; it names who charged",
    )


class ControlSection(Section):
    """How gently control works."""

    raise_after_s: Seconds = Field(
        default=20.0,
        description="room must last so long before a raise, but for what the house's usual unrest leaves",
    )
    minimum_off_s: Seconds = Field(default=60.0, description="a contactor rests this long before it closes again")
    idle_release_s: float = Field(
        default=600.0, ge=10, le=86_400, description="an armed socket lets go after this long idle"
    )
    slice_s: Seconds = Field(
        default=900.0, description="where not all fit, each charges for this long in turn, 900 or more; 0: no turns"
    )
    full_end_s: Seconds = Field(
        default=1800.0, description="a car that charged, then drew nothing for this long, ends; 0: never"
    )
    standby_end_s: Seconds = Field(
        default=0.0, description="a car that has never drawn anything for this long ends; 0: never"
    )
    policy: Literal["fifo", "equal", "priority", "departure", "solar"] = Field(
        default="fifo",
        description="who goes first where not all fit: fifo, who came first; equal, who has got the least energy; "
        "priority, the higher number; departure, who has the least time to spare; solar, who came first on surplus",
    )
    patience_s: float = Field(
        default=7200.0, ge=900, le=86_400, description="who has waited for this long goes first whatever the policy"
    )
    solar_import_w: float = Field(
        default=0.0, ge=0, le=100_000, description="with policy solar: so much may come from the grid"
    )
    phase_trials: bool = Field(
        default=True, description="a car may show at 6 A how many phases it uses where only its first has room"
    )
    restart_spread_s: Seconds = Field(default=120.0, description="after an outage sessions begin spread over this time")


class BusSection(Section):
    """One Modbus wire: a serial port, or Modbus TCP."""

    name: Name
    port: str = Field(description="device path, or tcp://host:port")
    baud: Literal[1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    timeout_s: float = Field(default=0.6, ge=0.05, le=5)
    local_echo: bool = Field(default=False, description="true if the adapter hears its own words")


class RelayBoardSection(Section):
    """One relay board on a bus."""

    name: Name
    model: str
    bus: Name
    unit: Unit
    dead_man: Literal["none", "flash"] = Field(
        default="none", description="flash: close for a limited time, again and again; the board opens without us"
    )


class HeartbeatSection(Section):
    """A GPIO line toggled by every finished tick, for an external pulse relay in the coil circuit."""

    chip: GpioChip
    line: GpioOffset


class FuseSection(Section):
    """One fuse, three equal poles."""

    name: Name
    rating_a: float = Field(gt=0, le=1000)
    kind: Literal["gG", "B", "C"] = Field(description="gG link (IEC 60269) or automat of curve B or C (IEC 60898)")
    parent: Name | None = Field(default=None, description="the fuse above; the main fuse has none")
    share: float | None = Field(
        default=None, ge=0.5, le=1, description="fraction of the rating for steady load; default 1.0 gG, 0.9 B and C"
    )
    unmetered_load_a: Amperes = Field(default=0.0, description="load below this fuse that no meter of ours sees")
    sessions_max: int | None = Field(default=None, ge=1)


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
    minimum_a: float = Field(default=6.0, ge=6, le=32)
    step_a: float = Field(default=1.0, gt=0, le=6)
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


class Config(Section):
    """The whole file."""

    gateway: GatewaySection
    grid_meter: GridMeterSection
    mqtt: MqttSection | None = None
    signing_token: SigningTokenSection | None = None
    control: ControlSection = ControlSection()
    billing: BillingSection = BillingSection()
    heartbeat: HeartbeatSection | None = None
    external_limit: list[ExternalLimitSection] = Field(default_factory=list)
    power_tariff: list[PowerTariffSection] = Field(default_factory=list)
    cabinet_temperature: CabinetTemperatureSection | None = None
    price: PriceSection | None = None
    bus: list[BusSection] = Field(default_factory=list)
    relay_board: list[RelayBoardSection] = Field(default_factory=list)
    fuse: list[FuseSection] = Field(min_length=1)
    socket: list[SocketSection] = Field(min_length=1)
    socket_group: list[SocketGroupSection] = Field(default_factory=list)
    user_group: list[UserGroupSection] = Field(default_factory=list)
    reader: list[ReaderSection] = Field(default_factory=list)


_ALTERNATIVES: Final[Mapping[str, type[Section]]] = {
    "relay": RelayContactor,
    "gpio": GpioContactor,
    "modbus": ModbusWallbox,
    "mqtt": MqttWallbox,
}
"""Tags of the alternatives; they stand in pydantic's locations but are no keys of the file."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one value. place: keys and indices from the section down; rule: pydantic's name of the
    broken rule; bounds: the rule's figures; keys: what may stand at this place (for unknown keys)."""

    place: tuple[str | int, ...]
    rule: str
    value: object
    message: str
    bounds: Mapping[str, object]
    keys: tuple[str, ...]


AnySection = TypeVar("AnySection", bound=Section)


def check_section(section: type[AnySection], value: object) -> tuple[AnySection | None, tuple[Fault, ...]]:
    """The section, or None with every fault that it has."""
    try:
        return section.model_validate(value), ()
    except ValidationError as broken:
        return None, tuple(_fault(section, error) for error in broken.errors(include_url=False))


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the file, for editors that complete and check TOML."""
    schema = Config.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Laddvakt config"}


def _fault(section: type[Section], error: Any) -> Fault:  # noqa: ANN401 - pydantic's ErrorDetails, a TypedDict of its core
    at: type[Section] = section
    place: list[str | int] = []
    for step in error["loc"]:
        if step in _ALTERNATIVES and at is not _ALTERNATIVES[step] and step not in at.model_fields:
            at = _ALTERNATIVES[step]
            continue
        place.append(step)
        field = at.model_fields.get(step) if isinstance(step, str) else None
        inner = _sections_in(field.annotation) if field is not None else ()
        at = inner[0] if len(inner) == 1 else at
    bounds = error.get("ctx", {})
    return Fault(tuple(place), error["type"], error["input"], error["msg"], bounds, tuple(at.model_fields))


def _sections_in(annotation: object) -> tuple[type[Section], ...]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return (annotation,)
    return tuple(found for part in get_args(annotation) for found in _sections_in(part))
