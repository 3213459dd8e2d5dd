"""The fuse tree as flat vectors: one index per fuse and phase, so that a tick adds up plain lists."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.ids import FuseId, SocketId
from gateway.quantities import PHASES, ZERO_PER_PHASE, PerPhase, Phase
from gateway.site.topology import Fuse, Site


@dataclass(frozen=True, slots=True)
class FuseTree:
    """Index `3 * fuse + phase` names a fuse phase.

    places[socket][k]: the fuse phases that the socket's own phase k loads, from its own fuse up to the main fuse;
    all_places[socket]: the same for all its phases at once; taps[socket]: of its own fuse alone, three of them, the
    first again for each phase that it lacks; unmetered_a: per fuse phase, what no meter of ours sees
    (a fuse carries at least what its children's unmetered loads sum to); main: index of the main fuse's L1; upward:
    each fuse's L1 and its parent's, leaves first.
    """

    site: Site
    fuses: tuple[Fuse, ...]
    places: Mapping[SocketId, tuple[tuple[int, ...], ...]]
    all_places: Mapping[SocketId, tuple[int, ...]]
    taps: Mapping[SocketId, tuple[int, int, int]]
    unmetered_a: tuple[float, ...]
    rating_a: tuple[float, ...]
    steady_a_max: tuple[float, ...]
    main: int
    upward: tuple[tuple[int, int], ...]

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
            taps={socket: _taps(own) for socket, own in places.items()},
            unmetered_a=tuple(load for load in unmetered for _ in PHASES),
            rating_a=tuple(fuse.rating_a for fuse in fuses for _ in PHASES),
            steady_a_max=tuple(fuse.steady_a_max for fuse in fuses for _ in PHASES),
            main=3 * number[site.main],
            upward=_upward(site, number),
        )

    def summed(self, base_a: Sequence[float], drawn: Iterable[tuple[tuple[int, int, int], PerPhase]]) -> list[float]:
        """Base load and what sockets draw, per fuse phase (A). drawn: each socket's taps and currents, by its own
        phases, 0 where it lacks one."""
        total = [0.0] * len(base_a)
        for (first, second, third), current_a in drawn:
            if current_a != ZERO_PER_PHASE:
                total[first] += current_a[0]
                total[second] += current_a[1]
                total[third] += current_a[2]
        for child, parent in self.upward:
            total[parent] += total[child]
            total[parent + 1] += total[child + 1]
            total[parent + 2] += total[child + 2]
        return [base + amps for base, amps in zip(base_a, total, strict=True)]

    def first(self, fuse: FuseId) -> int:
        """The index of that fuse's L1."""
        return 3 * next(number for number, one in enumerate(self.fuses) if one.id == fuse)

    def name(self, index: int) -> tuple[FuseId, Phase]:
        """Which fuse and which of its phases an index stands for."""
        return self.fuses[index // 3].id, PHASES[index % 3]


def _taps(places: tuple[tuple[int, ...], ...]) -> tuple[int, int, int]:
    own = [path[0] for path in places]
    own += own[:1] * (len(PHASES) - len(own))
    return own[0], own[1], own[2]


def _unmetered_a(site: Site, fuse: Fuse) -> float:
    children = sum(_unmetered_a(site, child) for child in site.fuses.values() if child.parent == fuse.id)
    return max(fuse.unmetered_load_a, children)


def _upward(site: Site, number: Mapping[FuseId, int]) -> tuple[tuple[int, int], ...]:
    def depth(fuse: Fuse) -> int:
        return 0 if fuse.parent is None else 1 + depth(site.fuses[fuse.parent])

    leaves_first = sorted(site.fuses.values(), key=depth, reverse=True)
    return tuple((3 * number[fuse.id], 3 * number[fuse.parent]) for fuse in leaves_first if fuse.parent is not None)
