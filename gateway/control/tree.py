"""The fuse tree as flat vectors: one index per fuse and phase, so that a tick adds up plain lists."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.ids import FuseId, SocketId
from gateway.quantities import PHASES, Phase
from gateway.site.topology import Fuse, Site


@dataclass(frozen=True, slots=True)
class FuseTree:
    """Index `3 * fuse + phase` names a fuse phase.

    places[socket][k]: the fuse phases that the socket's own phase k loads, from its own fuse up to the main fuse;
    all_places[socket]: the same for all its phases at once; unmetered_a: per fuse phase, what no meter of ours sees
    (a fuse carries at least what its children's unmetered loads sum to); main: index of the main fuse's L1.
    """

    site: Site
    fuses: tuple[Fuse, ...]
    places: Mapping[SocketId, tuple[tuple[int, ...], ...]]
    all_places: Mapping[SocketId, tuple[int, ...]]
    unmetered_a: tuple[float, ...]
    rating_a: tuple[float, ...]
    steady_a_max: tuple[float, ...]
    main: int

    @classmethod
    def of(cls, site: Site) -> "FuseTree":
        fuses = tuple(site.fuses.values())
        number = {fuse.id: index for index, fuse in enumerate(fuses)}
        places = {}
        for socket in site.sockets.values():
            path = [number[fuse.id] for fuse in site.fuses_above(socket.id)]
            places[socket.id] = tuple(tuple(3 * fuse + int(phase) for fuse in path) for phase in socket.phases)
        unmetered = [_unmetered_a(site, fuse) for fuse in fuses]
        return cls(
            site=site,
            fuses=fuses,
            places=places,
            all_places={socket: tuple(i for phase in own for i in phase) for socket, own in places.items()},
            unmetered_a=tuple(load for load in unmetered for _ in PHASES),
            rating_a=tuple(fuse.rating_a for fuse in fuses for _ in PHASES),
            steady_a_max=tuple(fuse.steady_a_max for fuse in fuses for _ in PHASES),
            main=3 * number[site.main],
        )

    def first(self, fuse: FuseId) -> int:
        """The index of that fuse's L1."""
        return 3 * next(number for number, one in enumerate(self.fuses) if one.id == fuse)

    def name(self, index: int) -> tuple[FuseId, Phase]:
        """Which fuse and which of its phases an index stands for."""
        return self.fuses[index // 3].id, PHASES[index % 3]


def _unmetered_a(site: Site, fuse: Fuse) -> float:
    children = sum(_unmetered_a(site, child) for child in site.fuses.values() if child.parent == fuse.id)
    return max(fuse.unmetered_load_a, children)
