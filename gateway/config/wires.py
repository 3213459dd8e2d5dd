"""Buses, ports and what hangs on them: who owns a wire, and that no two devices answer to one number."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from gateway.config.addresses import host_and_port
from gateway.config.draft import Draft
from gateway.config.models import Models
from gateway.config.plans import BusPlan, RelayBoardPlan, SerialLine, TcpLink
from gateway.config.schema import BusSection
from gateway.config.socket_sections import ModbusWallbox
from gateway.config.wording import did_you_mean, shown
from gateway.errors import Mistake
from gateway.ids import BoardId, BusId

TCP: Final = "tcp://"
SERIAL_UNIT_MAX: Final = 247
"""Highest address on a serial line (Modbus over serial line 1.02 §2.2)."""
SERIAL_REMEDY: Final = 'Write a device path such as "/dev/laddvakt-rs485", or "tcp://192.168.1.30:502".'


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody who answers on a bus. path: where it stands in the file."""

    path: str
    bus: str
    unit: int


def build_buses(draft: Draft, mistakes: list[Mistake]) -> dict[BusId, BusPlan]:
    """Every bus with its wire; also finds one port used twice, the HAN port included."""
    plans: dict[BusId, BusPlan] = {}
    owner: dict[str, str] = {}
    if draft.grid_meter is not None:
        owner[draft.grid_meter.port] = "grid_meter.port"
    for placed in draft.buses:
        bus = placed.section
        path = f"{placed.path}.port"
        if bus.port in owner:
            mistakes.append(
                Mistake(path, shown(bus.port), f"{owner[bus.port]} has this port.", "One wire has one owner.")
            )
        owner.setdefault(bus.port, path)
        wire = _wire(bus)
        if wire is None:
            mistakes.append(Mistake(path, shown(bus.port), "is no port.", SERIAL_REMEDY))
            continue
        plans[BusId(bus.name)] = BusPlan(BusId(bus.name), wire, bus.timeout_s)
    return plans


def build_relay_boards(draft: Draft, models: Models, mistakes: list[Mistake]) -> dict[BoardId, RelayBoardPlan]:
    """Every relay board with its model."""
    plans: dict[BoardId, RelayBoardPlan] = {}
    for placed in draft.relay_boards:
        board = placed.section
        model = models.relay_boards.model(board.model)
        if model is None:
            remedy = did_you_mean(board.model, models.relay_boards.ids)
            mistakes.append(Mistake(f"{placed.path}.model", shown(board.model), "is not a model we know.", remedy))
            continue
        flash = board.dead_man == "flash"
        if flash and not model.supports_flash:
            mistakes.append(
                Mistake(
                    f"{placed.path}.dead_man", shown(board.dead_man), "this board has no timed close.", 'Write "none".'
                )
            )
        plans[BoardId(board.name)] = RelayBoardPlan(
            BoardId(board.name), model, BusId(board.bus), board.unit, flash and model.supports_flash
        )
    return plans


def residents(draft: Draft) -> tuple[Resident, ...]:
    """All who answer on some bus, in the order of the file."""
    boards = [Resident(placed.path, placed.section.bus, placed.section.unit) for placed in draft.relay_boards]
    others: list[Resident] = []
    for placed in draft.sockets:
        meter, wallbox = placed.section.meter, placed.section.wallbox
        if meter is not None:
            others.append(Resident(f"{placed.path}.meter", meter.bus, meter.unit))
        if isinstance(wallbox, ModbusWallbox):
            others.append(Resident(f"{placed.path}.wallbox", wallbox.bus, wallbox.unit))
    return (*boards, *others)


def check_residents(draft: Draft, mistakes: list[Mistake]) -> None:
    """Each bus must exist, and each unit on it must have one owner."""
    known = {placed.section.name: placed.section for placed in draft.buses}
    excused = draft.blamed.get("bus", frozenset())
    taken: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for resident in residents(draft):
        if resident.bus not in known:
            if resident.bus not in excused:
                remedy = did_you_mean(resident.bus, known)
                mistakes.append(Mistake(f"{resident.path}.bus", shown(resident.bus), "there is no such bus.", remedy))
            continue
        if resident.unit > SERIAL_UNIT_MAX and not known[resident.bus].port.startswith(TCP):
            mistakes.append(
                Mistake(
                    f"{resident.path}.unit",
                    str(resident.unit),
                    "is no address on a serial line.",
                    f"Use 1 to {SERIAL_UNIT_MAX}.",
                )
            )
        earlier = taken[resident.bus, resident.unit]
        if earlier:
            mistakes.append(
                Mistake(
                    f"{resident.path}.unit",
                    str(resident.unit),
                    f'{earlier[0]} has this unit on "{resident.bus}".',
                    "Two devices that answer to one number talk at once; give each its own.",
                )
            )
        earlier.append(resident.path)


def _wire(bus: BusSection) -> SerialLine | TcpLink | None:
    if bus.port.startswith("/"):
        return SerialLine(bus.port, bus.baud, bus.parity, bus.stop_bits, bus.local_echo)
    address = host_and_port(bus.port.removeprefix(TCP)) if bus.port.startswith(TCP) else None
    return TcpLink(*address) if address is not None else None
