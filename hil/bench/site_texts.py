"""Configs of the three invented sites, in the gateway's own format."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hil.world.phases import Triple

ROTATIONS: Final = (("L1", "L2", "L3"), ("L2", "L3", "L1"), ("L3", "L1", "L2"))
UNITS_PER_BUS: Final = 200


@dataclass(frozen=True, slots=True)
class FuseText:
    """One fuse."""

    name: str
    rating_a: float
    parent: str | None = None
    kind: str = "gG"


@dataclass(frozen=True, slots=True)
class SocketText:
    """One socket with a box that we command; plain: a contactor and no box."""

    name: str
    fuse: str
    phases: tuple[str, ...]
    rating_a: float = 16
    plain: bool = False
    step_a: float = 1.0
    phase_pause_s: float | None = None


def _words(values: Mapping[str, object]) -> str:
    return "\n".join(f"{key} = {_value(value)}" for key, value in values.items())


def _value(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _socket(socket: SocketText, number: int) -> str:
    bus, unit = f"meters-{number // UNITS_PER_BUS + 1}", number % UNITS_PER_BUS + 1
    model = "eastron-sdm630"
    pause = "" if socket.phase_pause_s is None else f", phase_pause_s = {_value(float(socket.phase_pause_s))}"
    actuator = (
        f'contactor = {{ board = "relays", channel = {number % 8 + 1} }}'
        if socket.plain
        else f"wallbox = {{ mqtt = true, step_a = {_value(float(socket.step_a))}{pause} }}"
    )
    head = {
        "name": socket.name,
        "fuse": socket.fuse,
        "phases": socket.phases,
        "rating_a": socket.rating_a,
        "purpose": "internal",
        "access": "armed" if socket.plain else "open",
    }
    meter = f'meter = {{ model = "{model}", bus = "{bus}", unit = {unit}, side = "supply" }}'
    return f"[[socket]]\n{_words(head)}\n{meter}\n{actuator}\n"


def site_text(name: str, fuses: Iterable[FuseText], sockets: Iterable[SocketText], house_a_max: Triple | None) -> str:
    """The TOML text; the first fuse is the main one."""
    fuses, sockets = list(fuses), list(sockets)
    grid: dict[str, object] = {"port": "/dev/laddvakt-p1", "main_fuse": fuses[0].name}
    if house_a_max is not None:
        grid["house_load_a_max"] = house_a_max
    parts = [f"[gateway]\n{_words({'id': name})}\n", f"[grid_meter]\n{_words(grid)}\n", '[mqtt]\nhost = "127.0.0.1"\n']
    parts += [
        f'[[bus]]\nname = "meters-{number + 1}"\nport = "tcp://127.0.0.1:{1502 + number}"\n'
        for number in range((len(sockets) - 1) // UNITS_PER_BUS + 1)
    ]
    if any(socket.plain for socket in sockets):
        parts.append('[[bus]]\nname = "boards"\nport = "/dev/laddvakt-rs485"\n')
        board = {"name": "relays", "model": "waveshare-modbus-rtu-relay-8ch", "bus": "boards", "unit": 1}
        parts.append(f"[[relay_board]]\n{_words(board)}\n")
    for fuse in fuses:
        words: dict[str, object] = {"name": fuse.name, "rating_a": fuse.rating_a, "kind": fuse.kind}
        if fuse.parent is not None:
            words["parent"] = fuse.parent
        parts.append(f"[[fuse]]\n{_words(words)}\n")
    parts += [_socket(socket, number) for number, socket in enumerate(sockets)]
    return "\n".join(parts)


def villa(rating_a: float, house_a_max: Triple, step_a: float) -> str:
    """Four places in a carport behind a 20 A fuse, one of them for a single-phase cable."""
    fuses = [FuseText("main", rating_a), FuseText("carport", 20, "main")]
    sockets = [
        SocketText("p1", "carport", ROTATIONS[0], step_a=step_a),
        SocketText("p2", "carport", ROTATIONS[1], step_a=step_a),
        SocketText("p3", "carport", ROTATIONS[2], step_a=step_a),
        SocketText("p4", "main", ("L2",), step_a=step_a),
    ]
    return site_text("villa", fuses, sockets, house_a_max)


def society(house_a_max: Triple, step_a: float) -> str:
    """A housing society: 24 places in two garages of 50 A, 80 A for all and the stairs, lifts and laundries."""
    fuses = [FuseText("main", 80), FuseText("garage-a", 50, "main"), FuseText("garage-b", 50, "main")]
    sockets = [
        SocketText(f"p{n + 1}", "garage-a" if n < 12 else "garage-b", ROTATIONS[n % 3], step_a=step_a)
        for n in range(24)
    ]
    return site_text("society", fuses, sockets, house_a_max)


def car_park(house_a_max: Triple, step_a: float) -> str:
    """200 places: four floors of 125 A, five rows of 50 A on each, ten places a row, 315 A for all."""
    fuses = [FuseText("main", 315)]
    sockets: list[SocketText] = []
    for floor in range(4):
        fuses.append(FuseText(f"floor-{floor}", 125, "main"))
        for row in range(5):
            fuses.append(FuseText(f"row-{floor}-{row}", 50, f"floor-{floor}"))
            for place in range(10):
                number = len(sockets)
                sockets.append(
                    SocketText(f"p{number + 1}", f"row-{floor}-{row}", ROTATIONS[place % 3], 32, step_a=step_a)
                )
    return site_text("car-park", fuses, sockets, house_a_max)
