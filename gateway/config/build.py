"""From sections that are sound by themselves to one cabinet: names become references, what does not fit is told."""

import zoneinfo
from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from typing import Final

from gateway.config.addresses import is_host
from gateway.config.draft import Draft
from gateway.config.fuses import build_fuses, fuses_above
from gateway.config.grid import build_grid_meter, check_grid_meter
from gateway.config.models import Models
from gateway.config.plans import (
    Cabinet,
    HeartbeatPlan,
    MqttPlan,
    RelayBoardPlan,
    RelayContactorPlan,
    SocketPlan,
)
from gateway.config.restraints import build_restraints, limit_inputs, price_file, thermometer
from gateway.config.schema import ControlSection, GatewaySection, GridMeterSection, MqttSection
from gateway.config.signing_token import token_plan
from gateway.config.sockets import build_socket, build_socket_plan, check_channels, check_socket
from gateway.config.users import build_readers, build_rights, check_lists
from gateway.config.wires import build_buses, build_relay_boards, check_residents
from gateway.config.wording import did_you_mean, shown
from gateway.errors import Mistake
from gateway.ids import BoardId, FuseId, GatewayId, SocketId
from gateway.quantities import PHASES
from gateway.site.restraints import Restraints
from gateway.site.topology import Fuse, Policy, QueueRules, Site, Socket

SLICE_S_MIN: Final = 900.0


def build_cabinet(draft: Draft, models: Models, mistakes: list[Mistake]) -> Cabinet | None:
    """The cabinet, or None if anything in `mistakes` (those of the caller included) stands in the way."""
    fuses = build_fuses(draft, mistakes)
    buses = build_buses(draft, mistakes)
    boards = build_relay_boards(draft, models, mistakes)
    check_residents(draft, mistakes)
    if draft.grid_meter is not None:
        check_grid_meter(draft.grid_meter, mistakes)
    check_channels(draft, mistakes)
    plans: dict[SocketId, SocketPlan] = {}
    sockets: dict[SocketId, Socket] = {}
    for placed in draft.sockets:
        plan = build_socket_plan(placed, draft, boards, models, mistakes)
        check_socket(placed, plan, draft, fuses, mistakes)
        plans[plan.id] = plan
        sockets[plan.id] = build_socket(placed, plan, draft, flash=_lets_go(plan, boards))
    _check_failsafes(fuses, sockets.values(), mistakes)
    _check_slice(draft.control, mistakes)
    restraints = build_restraints(draft, fuses, mistakes)
    rights = build_rights(draft, mistakes)
    readers = build_readers(draft, mistakes)
    check_lists(draft, mistakes)
    mqtt = None if draft.mqtt is None else _mqtt(draft.mqtt, mistakes)
    if draft.gateway is not None:
        _check_time_zone(draft.gateway, mistakes)
    if mistakes or draft.gateway is None or draft.grid_meter is None:
        return None
    return Cabinet(
        site=_site(draft.gateway, draft.grid_meter, draft.control, fuses, sockets, restraints=restraints),
        buses=buses,
        relay_boards=boards,
        sockets=plans,
        grid_meter=build_grid_meter(draft.grid_meter),
        mqtt=mqtt,
        heartbeat=None if draft.heartbeat is None else HeartbeatPlan(draft.heartbeat.chip, draft.heartbeat.line),
        limit_inputs=limit_inputs(draft),
        thermometer=thermometer(draft),
        price_file=price_file(draft),
        state_dir=Path(draft.gateway.state_dir),
        recording_bytes_max=draft.gateway.recording_mb * 1_000_000,
        time_zone=draft.gateway.time_zone,
        language=draft.gateway.language,
        rights=rights,
        readers=readers,
        signing_token=token_plan(draft.signing_token),
    )


def _check_slice(control: ControlSection, mistakes: list[Mistake]) -> None:
    if 0 < control.slice_s < SLICE_S_MIN:
        remedy = f"Set {SLICE_S_MIN:.0f} or more, or 0 for no turns."
        problem = "a shorter slice wears out contactors."
        mistakes.append(Mistake("control.slice_s", shown(control.slice_s), problem, remedy))


def _site(
    gateway: GatewaySection,
    grid: GridMeterSection,
    control: ControlSection,
    fuses: Mapping[FuseId, Fuse],
    sockets: Mapping[SocketId, Socket],
    *,
    restraints: Restraints,
) -> Site:
    house_a = grid.house_load_a_max
    return Site(
        gateway_id=GatewayId(gateway.id),
        main=FuseId(grid.main_fuse),
        fuses=fuses,
        sockets=sockets,
        house_load_a_max=None if house_a is None else (house_a[0], house_a[1], house_a[2]),
        raise_after_s=control.raise_after_s,
        rules=QueueRules(
            slice_s=control.slice_s or inf,
            full_end_s=control.full_end_s or inf,
            standby_end_s=control.standby_end_s or inf,
            restart_spread_s=control.restart_spread_s,
            phase_trials=control.phase_trials,
            policy=Policy(control.policy),
            patience_s=control.patience_s,
            solar_import_w=control.solar_import_w,
        ),
        restraints=restraints,
    )


def _lets_go(plan: SocketPlan, boards: Mapping[BoardId, RelayBoardPlan]) -> bool:
    return isinstance(plan.contactor, RelayContactorPlan) and (
        (board := boards.get(plan.contactor.board)) is not None and board.flash
    )


def _check_failsafes(fuses: Mapping[FuseId, Fuse], sockets: Iterable[Socket], mistakes: list[Mistake]) -> None:
    """With us dead every box falls to its failsafe current at once: together they must fit under every fuse."""
    load_a: dict[FuseId, list[float]] = {fuse: [0.0, 0.0, 0.0] for fuse in fuses}
    for socket in sockets:
        failsafe_a = socket.wallbox.failsafe_a if socket.wallbox is not None else None
        for fuse in fuses_above(fuses, socket.fuse) if failsafe_a else ():
            for phase in socket.phases:
                load_a[fuse.id][phase] += failsafe_a or 0.0
    for fuse in fuses.values():
        worst = max(PHASES, key=lambda phase: load_a[fuse.id][phase])
        total_a = load_a[fuse.id][worst] + fuse.unmetered_load_a
        if load_a[fuse.id][worst] > 0 and total_a > fuse.rating_a:
            mistakes.append(
                Mistake(
                    f"fuse[{fuse.id}].rating_a",
                    shown(fuse.rating_a),
                    f"the failsafe currents of the wallboxes below add up to {total_a:g} A on {worst.name}.",
                    "Lower failsafe_a of some of them; 0 is always safe.",
                )
            )


def _mqtt(section: MqttSection, mistakes: list[Mistake]) -> MqttPlan:
    plan = MqttPlan(
        host=section.host,
        port=section.port,
        username=section.username,
        password_file=None if section.password_file is None else Path(section.password_file),
        discovery_prefix=section.discovery_prefix,
        journal_rows=section.journal_rows,
    )
    if not is_host(section.host):
        remedy = 'Write the broker\'s address or name alone, such as "192.168.1.10".'
        mistakes.append(Mistake("mqtt.host", shown(section.host), "is no host.", remedy))
    elif not plan.on_loopback and plan.password_file is None:
        mistakes.append(
            Mistake(
                "mqtt.host",
                shown(section.host),
                "the broker is not on this machine, and there is no password.",
                "Anybody on the network could start and stop sessions: add username and password_file.",
            )
        )
    return plan


def _check_time_zone(gateway: GatewaySection, mistakes: list[Mistake]) -> None:
    zones = zoneinfo.available_timezones()
    if gateway.time_zone not in zones:
        near = did_you_mean(gateway.time_zone, zones) if zones else ""
        remedy = near if near.startswith("Did") else 'Write an IANA name such as "Europe/Stockholm".'
        mistakes.append(
            Mistake("gateway.time_zone", shown(gateway.time_zone), "is no time zone that this machine knows.", remedy)
        )
