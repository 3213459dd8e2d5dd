"""Builds every device object of one cabinet, once, by hand, in reading order. Nothing here talks to the world yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.config.plans import (
    BusPlan,
    Cabinet,
    GpioContactorPlan,
    GpioLinePlan,
    ModbusWallboxPlan,
    MqttWallboxPlan,
    RelayContactorPlan,
    SerialLine,
    SocketPlan,
    TcpLink,
)
from gateway.devices.contactors import GpioContactor, RelayContactor
from gateway.devices.gpio_lines import GpiodLines, GpioInput, LateInput
from gateway.devices.heartbeat import GpioHeartbeat
from gateway.devices.modbus_bus import PymodbusBus
from gateway.devices.modbus_timing import PAUSE_S_FIRST
from gateway.devices.mqtt_wallbox import MqttWallbox
from gateway.devices.protocols import Clock, Contactor, Heartbeat, SocketMeter, Wallbox
from gateway.devices.socket_meter import ModbusSocketMeter
from gateway.devices.wallboxes import ModbusWallbox
from gateway.ids import BusId, LimitId, SocketId
from gateway.metering.ocmf import MeterIdentity

if TYPE_CHECKING:
    from gateway.devices.mqtt_link import MqttLink


@dataclass(frozen=True, slots=True)
class SocketDevices:
    """What one socket has; None where it has no such device."""

    meter: SocketMeter | None
    contactor: Contactor | None
    wallbox: Wallbox | None


def build_bus(plan: BusPlan, *, pause_s: float = PAUSE_S_FIRST) -> PymodbusBus:
    """pause_s: how long a silent unit is left alone at first; 0: never."""
    match plan.wire:
        case SerialLine() as line:
            return PymodbusBus(
                name=plan.id,
                port=line.path,
                baud=line.baud,
                parity=line.parity,
                stop_bits=line.stop_bits,
                timeout_s=plan.timeout_s,
                local_echo=line.local_echo,
                pause_s=pause_s,
            )
        case TcpLink(host, port):
            return PymodbusBus(name=plan.id, port=f"tcp://{host}:{port}", timeout_s=plan.timeout_s, pause_s=pause_s)


def build_sockets(
    cabinet: Cabinet, buses: Mapping[BusId, PymodbusBus], link: "MqttLink | None", clock: Clock
) -> dict[SocketId, SocketDevices]:
    """The devices of every socket. Without a link wallboxes on MQTT are left out."""
    return {
        name: SocketDevices(
            _meter(plan, buses, clock),
            build_contactor(cabinet, plan, buses, clock),
            build_wallbox(cabinet, plan, buses, link, clock),
        )
        for name, plan in cabinet.sockets.items()
    }


def build_limit_inputs(cabinet: Cabinet) -> dict[LimitId, GpioInput]:
    """One whose line cannot be taken yet counts as calling, as one that cannot be read."""
    lines = GpiodLines()
    return {
        limit: LateInput(lines, plan.chip, plan.line, active_low=plan.active_low)
        for limit, plan in cabinet.limit_inputs.items()
    }


def build_heartbeat(cabinet: Cabinet) -> Heartbeat | None:
    plan = cabinet.heartbeat
    return None if plan is None else GpioHeartbeat(GpiodLines().output(plan.chip, plan.line, active_low=False))


def meter_identities(cabinet: Cabinet) -> dict[SocketId, MeterIdentity]:
    """What signed records say of each socket's meter; a serial that the meter itself says goes before the config's."""
    return {
        name: MeterIdentity(plan.meter.model.vendor, plan.meter.model.name, None, plan.meter.serial)
        for name, plan in cabinet.sockets.items()
        if plan.meter is not None
    }


def minimum_quantities(cabinet: Cabinet) -> dict[SocketId, int]:
    """The minimum measured quantity (Wh) of the sockets that declare one: less is signed and not billed."""
    return {name: plan.mmq_wh for name, plan in cabinet.sockets.items() if plan.mmq_wh is not None}


def tariff_ids(cabinet: Cabinet) -> dict[SocketId, str]:
    """What the signed records of each socket name as the tariff, of the sockets that have one."""
    return {name: plan.tariff_id for name, plan in cabinet.sockets.items() if plan.tariff_id is not None}


def _meter(plan: SocketPlan, buses: Mapping[BusId, PymodbusBus], clock: Clock) -> SocketMeter | None:
    if plan.meter is None:
        return None
    return ModbusSocketMeter(buses[plan.meter.bus], plan.meter.unit, plan.meter.model, clock)


def build_contactor(
    cabinet: Cabinet, plan: SocketPlan, buses: Mapping[BusId, PymodbusBus], clock: Clock
) -> Contactor | None:
    """Raises DeviceError if a GPIO line cannot be taken."""
    match plan.contactor:
        case RelayContactorPlan() as wired:
            board = cabinet.relay_boards[wired.board]
            return RelayContactor(
                buses[board.bus],
                board.unit,
                board.model,
                wired.channel,
                clock,
                flash=board.flash,
                auxiliary=_input(wired.auxiliary),
            )
        case GpioContactorPlan(coil, auxiliary):
            line = GpiodLines().output(coil.chip, coil.line, active_low=coil.active_low)
            return GpioContactor(line, clock, auxiliary=_input(auxiliary))
        case None:
            return None


def _input(plan: GpioLinePlan | None) -> GpioInput | None:
    return None if plan is None else GpiodLines().input(plan.chip, plan.line, active_low=plan.active_low)


def build_wallbox(
    cabinet: Cabinet, plan: SocketPlan, buses: Mapping[BusId, PymodbusBus], link: "MqttLink | None", clock: Clock
) -> Wallbox | None:
    match plan.wallbox:
        case ModbusWallboxPlan() as wired:
            return ModbusWallbox(buses[wired.bus], wired.unit, wired.model, clock, wired.failsafe_a)
        case MqttWallboxPlan() if link is not None:
            site = cabinet.site
            box = MqttWallbox(site.gateway_id, plan.id, len(site.sockets[plan.id].phases), link, clock)
            link.listen(box.topic_filter, box.heard)
            return box
        case _:
            return None
