"""Sockets: what each is made of, and whether its parts can do what it is for."""

from collections.abc import Mapping
from itertools import chain

from gateway.config.draft import Draft, Placed
from gateway.config.fuses import fuses_above
from gateway.config.models import Models
from gateway.config.plans import (
    GpioContactorPlan,
    GpioLinePlan,
    MeterPlan,
    ModbusWallboxPlan,
    MqttWallboxPlan,
    RelayBoardPlan,
    RelayContactorPlan,
    SocketPlan,
)
from gateway.config.socket_sections import GpioContactor, GpioLine, ModbusWallbox, RelayContactor, SocketSection
from gateway.config.wording import did_you_mean, shown
from gateway.errors import Mistake
from gateway.ids import BoardId, BusId, FuseId, SocketId
from gateway.quantities import Phase
from gateway.site.topology import Access, Fuse, PhaseSwitching, Purpose, Socket, WallboxTraits


def build_socket_plan(
    placed: Placed[SocketSection],
    draft: Draft,
    boards: Mapping[BoardId, RelayBoardPlan],
    models: Models,
    mistakes: list[Mistake],
) -> SocketPlan:
    """What hangs on the socket; a part that names something unknown is left out and told."""
    return SocketPlan(
        id=SocketId(placed.section.name),
        meter=_meter(placed, models, mistakes),
        contactor=_contactor(placed, draft, boards, mistakes),
        wallbox=_wallbox(placed, draft, models, mistakes),
        mmq_wh=placed.section.mmq_wh,
        tariff_id=placed.section.tariff_id or draft.billing.tariff_id,
    )


def build_socket(placed: Placed[SocketSection], plan: SocketPlan, draft: Draft, flash: bool) -> Socket:
    """The socket as control sees it. flash: its relay lets go by itself."""
    section = placed.section
    traits = _traits(plan)
    control = draft.control
    return Socket(
        id=plan.id,
        label=section.label or section.name,
        fuse=FuseId(section.fuse),
        phases=tuple(Phase[name] for name in section.phases),
        rating_a=section.rating_a,
        contactor=plan.contactor is not None,
        wallbox=traits,
        metered=plan.meter is not None,
        purpose=Purpose(section.purpose),
        access=Access.COMMAND if section.access == "public" else Access(section.access),
        dead_man=section.dead_man or flash or (traits is not None and traits.failsafe_a is not None),
        minimum_off_s=control.minimum_off_s if section.minimum_off_s is None else section.minimum_off_s,
        idle_release_s=control.idle_release_s if section.idle_release_s is None else section.idle_release_s,
        meter_on_supply=plan.meter is not None and plan.meter.supply_side,
        priority=section.priority,
        weight=section.weight,
        minimum_kwh=section.minimum_kwh,
    )


def check_socket(
    placed: Placed[SocketSection], plan: SocketPlan, draft: Draft, fuses: Mapping[FuseId, Fuse], mistakes: list[Mistake]
) -> None:
    """What only the whole socket shows."""
    _check_phases(placed, plan, mistakes)
    _check_access(placed, mistakes)
    _check_minimum(placed, mistakes)
    _check_tariff(placed, mistakes)
    _check_purpose(placed, mistakes)
    section = placed.section
    if section.fuse not in fuses:
        if section.fuse not in draft.blamed.get("fuse", frozenset()):
            remedy = did_you_mean(section.fuse, fuses)
            mistakes.append(Mistake(f"{placed.path}.fuse", shown(section.fuse), "there is no such fuse.", remedy))
        return
    _check_room(placed, plan, fuses_above(fuses, FuseId(section.fuse)), mistakes)


def check_channels(draft: Draft, mistakes: list[Mistake]) -> None:
    """No relay channel and no GPIO line has two owners."""
    owners: dict[tuple[str, int], str] = {}
    if draft.heartbeat is not None:
        owners[draft.heartbeat.chip, draft.heartbeat.line] = "heartbeat"
    inputs = [
        (f"{placed.path}.input.line", wired.chip, wired.line)
        for placed in draft.external_limits
        if (wired := placed.section.input) is not None
    ]
    claims = chain(inputs, chain.from_iterable(_claims(placed) for placed in draft.sockets))
    for place, board_or_chip, number in claims:
        earlier = owners.setdefault((board_or_chip, number), place)
        if earlier != place:
            mistakes.append(
                Mistake(place, str(number), f'{earlier} has it on "{board_or_chip}".', "Give each its own.")
            )


def _claims(placed: Placed[SocketSection]) -> list[tuple[str, str, int]]:
    contactor = placed.section.contactor
    if contactor is None:
        return []
    path = f"{placed.path}.contactor"
    if isinstance(contactor, RelayContactor):
        claims = [(f"{path}.channel", contactor.board, contactor.channel)]
    else:
        claims = [(f"{path}.line", contactor.chip, contactor.line)]
    if contactor.auxiliary is not None:
        claims.append((f"{path}.auxiliary.line", contactor.auxiliary.chip, contactor.auxiliary.line))
    return claims


def _meter(placed: Placed[SocketSection], models: Models, mistakes: list[Mistake]) -> MeterPlan | None:
    meter = placed.section.meter
    if meter is None:
        return None
    model = models.meters.model(meter.model)
    if model is None:
        remedy = did_you_mean(meter.model, models.meters.ids)
        mistakes.append(Mistake(f"{placed.path}.meter.model", shown(meter.model), "is not a model we know.", remedy))
        return None
    return MeterPlan(model, BusId(meter.bus), meter.unit, meter.side == "supply", meter.serial)


def _contactor(
    placed: Placed[SocketSection], draft: Draft, boards: Mapping[BoardId, RelayBoardPlan], mistakes: list[Mistake]
) -> RelayContactorPlan | GpioContactorPlan | None:
    contactor = placed.section.contactor
    if contactor is None:
        return None
    auxiliary = None if contactor.auxiliary is None else _line(contactor.auxiliary)
    if isinstance(contactor, GpioContactor):
        return GpioContactorPlan(GpioLinePlan(contactor.chip, contactor.line, contactor.active == "low"), auxiliary)
    names = {board.section.name for board in draft.relay_boards}
    if contactor.board not in names and contactor.board not in draft.blamed.get("relay_board", frozenset()):
        remedy = did_you_mean(contactor.board, names)
        mistakes.append(
            Mistake(f"{placed.path}.contactor.board", shown(contactor.board), "there is no such relay board.", remedy)
        )
    board = boards.get(BoardId(contactor.board))
    if board is not None and contactor.channel > board.model.channels:
        mistakes.append(
            Mistake(
                f"{placed.path}.contactor.channel",
                str(contactor.channel),
                f'the board "{board.id}" has channels 1 to {board.model.channels}.',
                "Use one of those.",
            )
        )
    return RelayContactorPlan(BoardId(contactor.board), contactor.channel, auxiliary)


def _line(line: GpioLine) -> GpioLinePlan:
    return GpioLinePlan(line.chip, line.line, line.active == "low")


def _wallbox(
    placed: Placed[SocketSection], draft: Draft, models: Models, mistakes: list[Mistake]
) -> ModbusWallboxPlan | MqttWallboxPlan | None:
    wallbox = placed.section.wallbox
    if wallbox is None:
        return None
    path = f"{placed.path}.wallbox"
    if not isinstance(wallbox, ModbusWallbox):
        if not draft.mqtt_stated:
            mistakes.append(
                Mistake(f"{path}.mqtt", "true", "there is no broker in this file.", "Add a section [mqtt].")
            )
        if wallbox.phase_pause_s is not None and len(placed.section.phases) == 1:
            pause = shown(wallbox.phase_pause_s)
            remedy = "Take this key away, or name all three phases of the socket."
            mistakes.append(Mistake(f"{path}.phase_pause_s", pause, "the socket has one phase only.", remedy))
        return MqttWallboxPlan(wallbox.minimum_a, wallbox.step_a, wallbox.phase_pause_s)
    model = models.wallboxes.model(wallbox.model)
    if model is None:
        remedy = did_you_mean(wallbox.model, models.wallboxes.ids)
        mistakes.append(Mistake(f"{path}.model", shown(wallbox.model), "is not a model we know.", remedy))
        return None
    failsafe = (f"{path}.failsafe_a", shown(wallbox.failsafe_a))
    if wallbox.failsafe_a and not model.has_failsafe:
        mistakes.append(Mistake(*failsafe, "this box has no failsafe register.", "Take this key away."))
    elif 0 < wallbox.failsafe_a < model.minimum_a:
        remedy = f"Write 0 (stop) or {model.minimum_a:g} and more (IEC 61851-1: nothing lies between)."
        mistakes.append(Mistake(*failsafe, "is less than the box can offer.", remedy))
    elif wallbox.failsafe_a > placed.section.rating_a:
        mistakes.append(Mistake(*failsafe, "is more than the socket's rating.", "Lower it."))
    else:
        return ModbusWallboxPlan(model, BusId(wallbox.bus), wallbox.unit, wallbox.failsafe_a)
    return ModbusWallboxPlan(model, BusId(wallbox.bus), wallbox.unit, 0.0)


def _traits(plan: SocketPlan) -> WallboxTraits | None:
    match plan.wallbox:
        case None:
            return None
        case MqttWallboxPlan(minimum_a, step_a, pause_s):
            switching = None if pause_s is None else PhaseSwitching(pause_s)
            return WallboxTraits(minimum_a, step_a, failsafe_a=None, failsafe_after_s=None, switching=switching)
        case ModbusWallboxPlan(model, _, _, failsafe_a):
            known = model.has_failsafe
            return WallboxTraits(
                model.minimum_a,
                model.step_a,
                failsafe_a if known else None,
                model.failsafe_after_s if known else None,
                None if model.phases is None else PhaseSwitching(model.phases.pause_s),
            )


def _check_phases(placed: Placed[SocketSection], plan: SocketPlan, mistakes: list[Mistake]) -> None:
    phases = placed.section.phases
    path = f"{placed.path}.phases"
    if len(set(phases)) < len(phases):
        remedy = "Each of the socket's phases lies on its own fuse phase."
        mistakes.append(Mistake(path, shown(phases), "names a phase twice.", remedy))
    elif len(phases) == 2:
        remedy = "Name one phase, or all three in the order in which the socket's L1, L2, L3 are wired."
        mistakes.append(Mistake(path, shown(phases), "a socket has one phase or three.", remedy))
    if plan.meter is not None and plan.meter.model.phases < len(phases):
        mistakes.append(
            Mistake(
                f"{placed.path}.meter.model",
                shown(plan.meter.model.id),
                f"measures {plan.meter.model.phases} phase(s), the socket has {len(phases)}.",
                "Use a three-phase meter.",
            )
        )


def _check_access(placed: Placed[SocketSection], mistakes: list[Mistake]) -> None:
    section = placed.section
    path = f"{placed.path}.access"
    if section.access == "armed" and section.contactor is None:
        mistakes.append(Mistake(path, '"armed"', "there is no contactor to arm.", 'Add one, or write "command".'))
    elif section.access == "armed" and section.wallbox is not None:
        remedy = 'Write "open": the box shows when a car is there.'
        mistakes.append(Mistake(path, '"armed"', "is for plain sockets, and this one has a wallbox.", remedy))
    elif section.access == "open" and section.wallbox is None:
        remedy = 'Write "armed" or "command": only a wallbox shows that a car is there.'
        mistakes.append(Mistake(path, '"open"', "needs a wallbox.", remedy))
    elif section.access == "list" and section.contactor is None and section.wallbox is None:
        remedy = "Add a contactor or a wallbox, or take this key away."
        mistakes.append(Mistake(path, '"list"', "nothing here keeps anybody from charging.", remedy))


def _check_minimum(placed: Placed[SocketSection], mistakes: list[Mistake]) -> None:
    """By analogy with Directive 2014/32/EU, annex VI, MI-005: 1, 2 or 5 times a power of ten."""
    section = placed.section
    path, mmq_wh = f"{placed.path}.mmq_wh", section.mmq_wh
    if mmq_wh is None:
        return
    if f"{mmq_wh}".rstrip("0") not in ("1", "2", "5"):
        remedy = "Write 1, 2 or 5 with zeros behind it, such as 100, 200 or 500."
        mistakes.append(Mistake(path, f"{mmq_wh}", "is no 1, 2 or 5 times a power of ten.", remedy))
    if section.meter is None:
        mistakes.append(Mistake(path, f"{mmq_wh}", "there is no meter to measure it.", "Take this key away."))


def _check_tariff(placed: Placed[SocketSection], mistakes: list[Mistake]) -> None:
    """The site's own tariff id may pass over a socket without a meter; one of its own would never be signed."""
    tariff_id = placed.section.tariff_id
    if tariff_id is not None and placed.section.meter is None:
        problem = "there is no meter, so nothing is signed here."
        mistakes.append(Mistake(f"{placed.path}.tariff_id", shown(tariff_id), problem, "Take this key away."))


def _check_purpose(placed: Placed[SocketSection], mistakes: list[Mistake]) -> None:
    section = placed.section
    if section.purpose != "billing":
        return
    if section.meter is None:
        remedy = 'Add meter = { ... }, or write purpose = "info".'
        mistakes.append(Mistake(f"{placed.path}.purpose", '"billing"', "needs a meter.", remedy))
    elif section.meter.side != "supply":
        remedy = 'Billing needs the meter above the contactor (side = "supply"), or write purpose = "internal".'
        mistakes.append(
            Mistake(f"{placed.path}.meter.side", shown(section.meter.side), "loses power when it opens.", remedy)
        )


def _check_room(
    placed: Placed[SocketSection], plan: SocketPlan, above: tuple[Fuse, ...], mistakes: list[Mistake]
) -> None:
    """A socket that could never start is a mistake; one that only never gets its full rating is a caution."""
    if not above or (placed.section.wallbox is not None and plan.wallbox is None):
        return
    tightest = min(above, key=lambda fuse: fuse.steady_a_max - fuse.unmetered_load_a)
    room_a = tightest.steady_a_max - tightest.unmetered_load_a
    if room_a <= 0:
        return
    fuse = f'the fuse "{tightest.id}" gives at most {room_a:g} A of steady load'
    traits = _traits(plan)
    rating = (f"{placed.path}.rating_a", shown(placed.section.rating_a))
    if traits is not None:
        if placed.section.rating_a < traits.minimum_a:
            mistakes.append(
                Mistake(*rating, f"the wallbox offers nothing below {traits.minimum_a:g} A.", "Raise the rating.")
            )
        elif room_a < traits.minimum_a:
            mistakes.append(Mistake(*rating, f"{fuse}, less than the wallbox can offer.", "It could never charge."))
    elif plan.contactor is not None and placed.section.rating_a > room_a:
        remedy = "A plain socket starts only when its full rating fits: lower the rating or state the fuse's share."
        mistakes.append(Mistake(*rating, f"{fuse}, so this socket could never start.", remedy))
