"""The site as the judge and the peers know it: read from `site.toml` by own means, nothing of the gateway."""

import tomllib
from dataclasses import dataclass

from hil.world.fuses import FusePlan
from hil.world.phases import PHASES, Triple, triple
from hil.world.table_reader import ScenarioMistake, TableReader

_SHARE = {"gG": 1.0, "B": 0.9, "C": 0.9}
"""The part of the rating that the gateway's config uses for steady load where it does not say."""


@dataclass(frozen=True, slots=True)
class SocketPlan:
    """One socket; phases[i] is the fuse phase of its own phase i. boxed: a wallbox speaks to the car; switches: it can
    connect its first phase alone; asked: a session starts when its driver asks for it."""

    name: str
    fuse: str
    phases: tuple[int, ...]
    rating_a: float
    boxed: bool
    contactor: bool
    step_a: float
    switches: bool = False
    asked: bool = False


@dataclass(frozen=True, slots=True)
class SitePlan:
    """Fuses and sockets by name, in the order of the file. limit_a: rating times share, per fuse."""

    main: str
    fuses: dict[str, FusePlan]
    limit_a: dict[str, float]
    sockets: dict[str, SocketPlan]
    house_a_max: Triple | None

    def path(self, socket: str) -> tuple[str, ...]:
        """From the socket's own fuse up to the main fuse."""
        return self.above(self.sockets[socket].fuse)

    def above(self, fuse: str) -> tuple[str, ...]:
        """The fuse and all above it, the main fuse last."""
        path = [fuse]
        while (parent := self.fuses[path[-1]].parent) is not None:
            path.append(parent)
        return tuple(path)

    def places(self, socket: str, phases: int | None = None) -> tuple[tuple[str, int], ...]:
        """Every fuse phase that a current of the socket flows through, or of its first `phases` phases."""
        own = self.sockets[socket].phases[:phases]
        return tuple((fuse, phase) for fuse in self.path(socket) for phase in own)


def _socket(reader: TableReader) -> SocketPlan:
    names = reader.anything("phases")
    if not isinstance(names, list) or not all(name in PHASES for name in names):
        raise ScenarioMistake(f"{reader.where}.phases = {names!r}: names such as L1 are needed")
    box = reader.table("wallbox")
    return SocketPlan(
        reader.text("name"),
        reader.text("fuse"),
        tuple(PHASES.index(str(name)) for name in names),
        reader.number("rating_a"),
        box is not None,
        reader.table("contactor") is not None,
        1.0 if box is None else box.number("step_a", 1.0),
        box is not None and box.number_or_none("phase_pause_s") is not None,
        reader.text("access", "command") != "open",
    )


def read_site(text: str) -> SitePlan:
    """Raises `ScenarioMistake` where the text is no config that can be played."""
    try:
        reader = TableReader("site.toml", tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioMistake(f"site.toml: {error}") from error
    grid = reader.table("grid_meter")
    if grid is None:
        raise ScenarioMistake("site.toml: [grid_meter] is needed")
    fuses: dict[str, FusePlan] = {}
    limit_a: dict[str, float] = {}
    for each in reader.tables("fuse"):
        name, rating_a, kind = each.text("name"), each.number("rating_a"), each.text("kind")
        parent = each.text("parent", "") or None
        fuses[name] = FusePlan(name, rating_a, kind, parent, each.number("unmetered_load_a", 0.0))
        limit_a[name] = rating_a * each.number("share", _SHARE[kind])
    sockets = [_socket(each) for each in reader.tables("socket")]
    house = grid.numbers("house_load_a_max", [])
    main = grid.text("main_fuse")
    return SitePlan(main, fuses, limit_a, {each.name: each for each in sockets}, triple(house) if house else None)
