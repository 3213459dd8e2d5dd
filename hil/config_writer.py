"""Writes the gateway's config for a cabinet: its fuses, sockets and wires, with the ports of this run. Text only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from hil.world.dlms_frames import AUTHENTICATION_KEY, ENCRYPTION_KEY
from hil.world.grid_forms import FORMS
from hil.world.phases import PHASES
from hil.world.plans import BoxPlan, BusPlan, Place, Scenario, SocketPlan
from hil.world.scenario import BOARD_MODEL, WALLBOX_MODEL

_PTY = "/dev/pts/"
"""A pseudo terminal has no parity bit: Linux clears PARENB, and tcsetattr() then fails with EINVAL."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where this run's wires are: p1 a device or socket://, buses devices or tcp://, mqtt (host, port) or None."""

    p1: str
    buses: Mapping[str, str]
    mqtt: tuple[str, int] | None


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    raise TypeError(f"{value!r} has no form in TOML")


def _table(header: str, words: Mapping[str, object]) -> list[str]:
    return [header, *(f"{key} = {_value(value)}" for key, value in words.items() if value is not None), ""]


def _at(model: str, place: Place) -> dict[str, object]:
    return {"model": model, "bus": place.bus, "unit": place.unit}


def _box(plan: BoxPlan) -> dict[str, object]:
    if plan.place is None:
        pause_s = plan.phase_pause_s
        return {"mqtt": True} if pause_s is None else {"mqtt": True, "phase_pause_s": _whole(pause_s)}
    return {**_at(WALLBOX_MODEL, plan.place), "failsafe_a": _whole(plan.failsafe_a)}


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def _socket(plan: SocketPlan) -> list[str]:
    words: dict[str, object] = {
        "name": plan.name,
        "fuse": plan.fuse,
        "phases": [PHASES[phase] for phase in plan.phases],
        "rating_a": _whole(plan.rating_a),
        "label": plan.name,
        "purpose": "internal",
        "access": "open" if plan.box else "armed",
        **plan.settings,
    }
    if plan.meter is not None:
        words["meter"] = {**_at(plan.meter.model, plan.meter.place), "side": plan.meter.side}
    if plan.contactor is not None:
        words["contactor"] = {"board": plan.contactor.board, "channel": plan.contactor.channel}
    if plan.box is not None:
        words["wallbox"] = _box(plan.box)
    return _table("[[socket]]", words)


def _bus(plan: BusPlan, port: str) -> list[str]:
    words: dict[str, object] = {"name": plan.name, "port": port}
    if not port.startswith("tcp://"):
        parity = "N" if port.startswith(_PTY) else plan.parity
        words.update({"baud": plan.baud, "parity": parity, "stop_bits": plan.stop_bits})
    return _table("[[bus]]", {**words, "timeout_s": plan.timeout_s})


def gateway_config(scenario: Scenario, ports: Ports, state_dir: str) -> str:
    """The TOML text. What the scenario says under [gateway], [p1] and [control] stands in it unchanged."""
    main = next(fuse.name for fuse in scenario.fuses if fuse.parent is None)
    gateway = {"id": "hil-1", "time_zone": "Europe/Stockholm", "language": "sv", **scenario.gateway}
    form = FORMS[scenario.p1_form]
    keys = {"encryption_key": ENCRYPTION_KEY.hex(), "authentication_key": AUTHENTICATION_KEY.hex()}
    known = keys if form.encrypted else {}
    grid_meter = {"port": ports.p1, "format": form.wire, **known, "main_fuse": main, **scenario.grid_meter}
    lines = [f"# Written for the software cabinet, scenario {scenario.name}.", ""]
    lines += _table("[gateway]", {**gateway, "state_dir": state_dir})
    lines += _table("[grid_meter]", grid_meter)
    if ports.mqtt is not None:
        lines += _table("[mqtt]", {"host": ports.mqtt[0], "port": ports.mqtt[1]})
    if scenario.control:
        lines += _table("[control]", scenario.control)
    for bus in scenario.buses:
        lines += _bus(bus, ports.buses[bus.name])
    for board in scenario.boards:
        words = {"name": board.name, **_at(BOARD_MODEL, board.place), "dead_man": board.dead_man}
        lines += _table("[[relay_board]]", words)
    for fuse in scenario.fuses:
        words = {
            "name": fuse.name,
            "rating_a": _whole(fuse.rating_a),
            "kind": fuse.kind,
            "parent": fuse.parent,
            "unmetered_load_a": _whole(fuse.unmetered_load_a) or None,
        }
        lines += _table("[[fuse]]", words)
    for socket in scenario.sockets:
        lines += _socket(socket)
    return "\n".join(lines)
