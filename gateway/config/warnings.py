"""What the person should know about a config that is allowed: nothing here stops the daemon."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from gateway.config.caution import Caution
from gateway.config.plans import Cabinet, ModbusWallboxPlan, MqttWallboxPlan, SocketPlan
from gateway.config.restraint_warnings import restraint_cautions
from gateway.config.safety_sum import safety_cautions
from gateway.meters.grid_plausibility import DIRECT_CURRENT_A_MAX
from gateway.meters.register_map import MeterModel, NumberType, Quantity
from gateway.site.topology import Fuse, Purpose, Socket

UNPROVEN = "unproven"


def cautions(cabinet: Cabinet) -> tuple[Caution, ...]:
    """All cautions, in the order of the file; those of unproven maps last, one for each map."""
    return (
        *_of_grid_meter(cabinet),
        *_of_relay_boards(cabinet),
        *restraint_cautions(cabinet),
        *safety_cautions(cabinet),
        *(caution for fuse in cabinet.site.fuses.values() for caution in _of_fuse(cabinet, fuse)),
        *(
            caution
            for socket in cabinet.site.sockets.values()
            for caution in _of_socket(cabinet, socket, cabinet.sockets[socket.id])
        ),
        *_of_unproven_maps(cabinet),
    )


def _of_grid_meter(cabinet: Cabinet) -> Iterator[Caution]:
    if cabinet.site.house_load_a_max is None:
        yield Caution(
            "grid_meter.house_load_a_max",
            "not stated: when the meter falls silent, sockets get only what fits beside the house's last seen maximum.",
            "State the most that the house draws on each phase.",
        )
    if cabinet.site.fuses[cabinet.site.main].rating_a > DIRECT_CURRENT_A_MAX:
        yield Caution(
            "grid_meter",
            f"behind a main fuse above {DIRECT_CURRENT_A_MAX:g} A the meter hangs on current transformers, and some "
            "(Aidon 6560) tell what flows behind these: 50 times too little behind 250/5 A. Nothing here multiplies.",
            "Compare `laddvakt listen` with a clamp meter on each phase. If it shows less, use another meter.",
        )
    if cabinet.grid_meter.han.allow_without_crc:
        yield Caution(
            "grid_meter.allow_without_crc",
            "telegrams without a checksum are believed.",
            "Take it away unless the meter is of the old kind that sends none.",
        )
    if cabinet.grid_meter.han.keys is not None:
        yield Caution(
            "grid_meter.encryption_key",
            "whoever can read this file can read the meter.",
            "Put the keys in a file of their own (key_file, mode 0600).",
        )


def _of_relay_boards(cabinet: Cabinet) -> Iterator[Caution]:
    for board in cabinet.relay_boards.values():
        if board.flash:
            yield Caution(
                f"relay_board[{board.id}].dead_man",
                "that the timed close can be renewed without the contact letting go is in no maker's manual.",
                "Test it on your board before you rely on it.",
            )


def _of_fuse(cabinet: Cabinet, fuse: Fuse) -> Iterator[Caution]:
    path = f"fuse[{fuse.id}]"
    parent = None if fuse.parent is None else cabinet.site.fuses[fuse.parent]
    if parent is not None and fuse.rating_a > parent.rating_a:
        yield Caution(
            f"{path}.rating_a",
            f'{fuse.rating_a:g} A stands under "{parent.id}" of {parent.rating_a:g} A: the parent binds.',
            "Nothing to do if it is so in the cabinet.",
        )


def _of_socket(cabinet: Cabinet, socket: Socket, plan: SocketPlan) -> Iterator[Caution]:
    path = f"socket[{socket.id}]"
    controlled = socket.contactor or socket.wallbox is not None
    if controlled and not socket.dead_man:
        yield Caution(
            f"{path}.dead_man",
            "nothing opens or lowers this socket if the daemon or the machine hangs.",
            "Use a board or box with a failsafe, or a pulse relay on the heartbeat line and dead_man = true.",
        )
    if not controlled:
        known = "its measured current" if socket.metered else "its full rating, always"
        yield Caution(path, f"cannot be switched or lowered: it counts with {known}.", "Nothing to do if it is meant.")
    if isinstance(plan.wallbox, MqttWallboxPlan):
        yield Caution(
            f"{path}.wallbox",
            "a box over MQTT counts with its full rating until it is seen to obey, and has no failsafe that we know.",
            "A box on a wire, or a contactor beside it, holds when the network does not.",
        )
    own = cabinet.site.fuses[socket.fuse]
    if socket.rating_a > own.rating_a:
        yield Caution(
            f"{path}.rating_a",
            f'{socket.rating_a:g} A is more than its fuse "{own.id}" of {own.rating_a:g} A: the fuse binds.',
            "Nothing to do if it is so in the cabinet.",
        )
    yield from _of_meter(path, socket, plan)


def _of_meter(path: str, socket: Socket, plan: SocketPlan) -> Iterator[Caution]:
    meter = plan.meter
    if meter is None:
        if socket.contactor or socket.wallbox is not None:
            yield Caution(
                f"{path}.meter", "without a meter the socket counts with what it is allowed.", "Add a meter if you can."
            )
        return
    step_wh = _register_step_wh(meter.model)
    if plan.mmq_wh is not None and step_wh is not None and plan.mmq_wh < step_wh:
        yield Caution(
            f"{path}.mmq_wh",
            f"{plan.mmq_wh} Wh is less than one step of this meter's register, {step_wh:f} Wh.",
            "Declare at least one step; below it a session shows 0 or one step by chance.",
        )
    if socket.purpose is Purpose.BILLING and meter.model.serial is None and meter.serial is None:
        yield Caution(
            f"{path}.meter.serial",
            "this meter cannot tell its serial number, so signed records do not name it.",
            'Read it off the meter: meter = { ..., serial = "12345678" }.',
        )


def _register_step_wh(model: MeterModel) -> Decimal | None:
    """The step of the import register where it is fixed; a float's grows with its value."""
    field = next((one for one in model.fields if one.quantity is Quantity.ENERGY_IMPORT_KWH), None)
    return None if field is None or field.type is NumberType.F32 else abs(field.scale) * 1000


def _of_unproven_maps(cabinet: Cabinet) -> Iterator[Caution]:
    at: dict[str, list[str]] = defaultdict(list)
    for board in cabinet.relay_boards.values():
        if board.model.confidence == UNPROVEN:
            at[board.model.id].append(f"relay_board[{board.id}].model")
    for name, plan in cabinet.sockets.items():
        if isinstance(plan.wallbox, ModbusWallboxPlan) and plan.wallbox.model.confidence == UNPROVEN:
            at[plan.wallbox.model.id].append(f"socket[{name}].wallbox.model")
        if plan.meter is not None and plan.meter.model.confidence == UNPROVEN:
            at[plan.meter.model.id].append(f"socket[{name}].meter.model")
    for model_id, (first, *others) in at.items():
        also = f" (and so at {len(others)} more)" if others else ""
        yield Caution(
            first,
            f'the map of "{model_id}" is unproven{also}: no maker\'s document with a printed example stands behind it.',
            "Compare every shown value with the device's own display.",
        )
