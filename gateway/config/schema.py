"""The words of the config file: which sections and keys there are, their types, limits and defaults.

Every key is checked strictly: a number in quotes is not a number, and a key that is not here is a mistake. What the
sections mean together (names, trees, channels) is checked in `build`. Currents are A per phase, times are seconds.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.config.billing_section import BillingSection
from gateway.config.restraint_sections import (
    CabinetTemperatureSection,
    ExternalLimitSection,
    PowerTariffSection,
    PriceSection,
)
from gateway.config.section import Amperes, GpioChip, GpioOffset, Name, Seconds, SecretKey, Section, Unit
from gateway.config.signing_token import SigningTokenSection
from gateway.config.socket_sections import SocketSection
from gateway.config.user_sections import ReaderSection, SocketGroupSection, UserGroupSection


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
    curve: list[Annotated[list[float], Field(min_length=2, max_length=2)]] | None = Field(
        default=None,
        min_length=2,
        max_length=40,
        description="the maker's shortest melting times, [times the rating, seconds]: a tenth is counted on",
    )


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


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the file, for editors that complete and check TOML."""
    schema = Config.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Laddvakt config"}
