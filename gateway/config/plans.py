"""The cabinet as the shell has to build it: references instead of names, defaults filled in, nothing left to check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.actuators.catalogue import RelayBoardModel, WallboxModel
from gateway.ids import BoardId, BusId, LimitId, SocketId
from gateway.meters.catalogue import MeterModel
from gateway.meters.han_port import HanPlan
from gateway.site.topology import Site
from gateway.site.users import Rights


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A serial port. parity: N, E or O; local_echo: the adapter hears its own words."""

    path: str
    baud: int
    parity: str
    stop_bits: int
    local_echo: bool


@dataclass(frozen=True, slots=True)
class TcpLink:
    """A Modbus TCP server."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class BusPlan:
    """One Modbus wire. timeout_s: how long one reply may take."""

    id: BusId
    wire: SerialLine | TcpLink
    timeout_s: float


@dataclass(frozen=True, slots=True)
class RelayBoardPlan:
    """One relay board. flash: its relays are closed for a limited time again and again (dead-man)."""

    id: BoardId
    model: RelayBoardModel
    bus: BusId
    unit: int
    flash: bool


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """A socket's energy meter. serial: as stated in the config, for meters that cannot say it themselves."""

    model: MeterModel
    bus: BusId
    unit: int
    supply_side: bool
    serial: str | None


@dataclass(frozen=True, slots=True)
class GpioLinePlan:
    """One GPIO line; active_low: low voltage means on."""

    chip: str
    line: int
    active_low: bool


@dataclass(frozen=True, slots=True)
class RelayContactorPlan:
    """A contactor on a relay channel (channel counted from 1, as printed)."""

    board: BoardId
    channel: int
    auxiliary: GpioLinePlan | None


@dataclass(frozen=True, slots=True)
class GpioContactorPlan:
    """A contactor on the machine's own pin."""

    coil: GpioLinePlan
    auxiliary: GpioLinePlan | None


@dataclass(frozen=True, slots=True)
class ModbusWallboxPlan:
    """A wallbox controller on a bus. failsafe_a: what it falls to without us (A per phase)."""

    model: WallboxModel
    bus: BusId
    unit: int
    failsafe_a: float


@dataclass(frozen=True, slots=True)
class MqttWallboxPlan:
    """A wallbox that takes its setpoint over MQTT. phase_pause_s: see `PhaseSwitching`."""

    minimum_a: float
    step_a: float
    phase_pause_s: float | None = None


@dataclass(frozen=True, slots=True)
class SocketPlan:
    """What hangs on one socket; the socket itself stands in `Cabinet.site`. mmq_wh: its minimum measured quantity;
    tariff_id: what its signed records name, its own or the site's."""

    id: SocketId
    meter: MeterPlan | None
    contactor: RelayContactorPlan | GpioContactorPlan | None
    wallbox: ModbusWallboxPlan | MqttWallboxPlan | None
    mmq_wh: int | None = None
    tariff_id: str | None = None


@dataclass(frozen=True, slots=True)
class GridMeterPlan:
    """The HAN port. port: device path or socket://host:port; key_file: read by the shell at start, mode 0600."""

    port: str
    han: HanPlan
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class MqttPlan:
    """The broker. password_file: read by the shell at start, mode 0600; journal_rows: the journal's second copy goes
    there."""

    host: str
    port: int
    username: str | None
    password_file: Path | None
    discovery_prefix: str
    journal_rows: bool = False

    @property
    def on_loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


@dataclass(frozen=True, slots=True)
class ReaderPlan:
    """A card reader that speaks over MQTT. field: where the card's number stands in its JSON, such as `RC522.UID`;
    None: its whole message is the number."""

    name: str
    topic: str
    socket: SocketId
    field: str | None


@dataclass(frozen=True, slots=True)
class HeartbeatPlan:
    """The line that every finished tick toggles."""

    chip: str
    line: int


@dataclass(frozen=True, slots=True)
class SigningTokenPlan:
    """The PKCS#11 token that signs. module: the vendor's library; token, label: of the token and of its key; pin_file:
    read by the shell at start, mode 0600."""

    module: Path
    token: str
    pin_file: Path
    label: str


@dataclass(frozen=True, slots=True)
class Cabinet:
    """Everything that the config says. thermometer: file of the cabinet's 1-wire sensor."""

    site: Site
    buses: Mapping[BusId, BusPlan]
    relay_boards: Mapping[BoardId, RelayBoardPlan]
    sockets: Mapping[SocketId, SocketPlan]
    grid_meter: GridMeterPlan
    mqtt: MqttPlan | None
    heartbeat: HeartbeatPlan | None
    limit_inputs: Mapping[LimitId, GpioLinePlan]
    thermometer: Path | None
    price_file: Path | None
    state_dir: Path
    recording_bytes_max: int
    time_zone: str
    language: str
    kept: str = ""
    """What the journal keeps of the config."""
    rights: Rights = field(default_factory=Rights)
    readers: tuple[ReaderPlan, ...] = ()
    signing_token: SigningTokenPlan | None = None
