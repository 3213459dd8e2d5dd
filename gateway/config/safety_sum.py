"""The safety sum of the main fuse: what it carries while a rise of the house is not yet known or not yet obeyed."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor
from typing import Final

from gateway.config.caution import Caution
from gateway.config.plans import Cabinet
from gateway.control.heat import allowed_s
from gateway.quantities import PHASES, Phase
from gateway.site.freshness import INTERVAL_S_ASSUMED
from gateway.site.topology import FuseKind, Site

OBEYED_S: Final = 7.0
"""One second to decide, one on the bus, five for the car (IEC 61851-1)."""
FAST_INTERVAL_S: Final = 1.0
HELD_MULTIPLE: Final = {FuseKind.GG: 1.8, FuseKind.B: 1.13, FuseKind.C: 1.13}
"""Up to here the fuse is held to bear the whole wait: a link by its gates (10 s at 2.06 times its rating, IEC 60269-1),
an automat by its conventional non-tripping current alone: above it nothing is promised (IEC 60898-1, table 7)."""
PROMISES: Final = {
    FuseKind.GG: "A link holds 1.25 times for an hour and 2 times for some 10 s (IEC 60269-1)",
    FuseKind.B: "An automat holds 1.13 times for an hour, and nothing above is promised (IEC 60898-1)",
    FuseKind.C: "An automat holds 1.13 times for an hour, and nothing above is promised (IEC 60898-1)",
}
SHARE_MIN: Final = 0.5


@dataclass(frozen=True, slots=True)
class SafetySum:
    """The worst phase. sockets_a: what the sockets may draw while the house draws nothing; house_a: what it may rise to
    at once; seconds: until the sockets have made way; allowed_s: what the program counts on at that current."""

    phase: Phase
    sockets_a: float
    house_a: float
    multiple: float
    seconds: float
    allowed_s: float

    @property
    def current_a(self) -> float:
        return self.sockets_a + self.house_a


def safety_sum(site: Site, interval_s: float = INTERVAL_S_ASSUMED) -> SafetySum:
    """The sum for a grid meter that speaks so often (s). A house whose most is not declared may draw the rating."""
    main = site.fuses[site.main]
    house = site.house_load_a_max or (main.rating_a,) * 3
    drawn = {phase: _sockets_a(site, main.id, phase) for phase in PHASES}
    worst = max(PHASES, key=lambda phase: drawn[phase] + house[phase] if drawn[phase] else 0.0)
    multiple = (drawn[worst] + house[worst]) / main.rating_a
    seconds = interval_s + OBEYED_S
    return SafetySum(worst, drawn[worst], house[worst], multiple, seconds, allowed_s(main, multiple))


def _sockets_a(site: Site, fuse_id: str, phase: Phase) -> float:
    """The most that controlled sockets are given on one phase below a fuse."""
    own = (
        socket.rating_a
        for socket in site.sockets.values()
        if socket.fuse == fuse_id and phase in socket.phases and (socket.contactor or socket.wallbox is not None)
    )
    below = (_sockets_a(site, fuse.id, phase) for fuse in site.fuses.values() if fuse.parent == fuse_id)
    fuse = next(one for one in site.fuses.values() if one.id == fuse_id)
    return min(fuse.steady_a_max - fuse.unmetered_load_a, sum(own) + sum(below))


def safety_cautions(cabinet: Cabinet) -> Iterator[Caution]:
    """Where the main fuse is not proven to hold until the sockets have made way, with the figures."""
    site = cabinet.site
    main = site.fuses[site.main]
    found = safety_sum(site)
    if not found.sockets_a or found.multiple <= HELD_MULTIPLE[main.kind]:
        return
    yield Caution(
        f"fuse[{main.id}].kind",
        f"with a telegram every {INTERVAL_S_ASSUMED:g} s a rise of the house is answered after {found.seconds:g} s at "
        f"the most. If it rises at once from nothing to {found.house_a:g} A while sockets draw {found.sockets_a:g} A "
        f"on {found.phase.name}, this {main.kind.value} {main.rating_a:g} A carries {found.current_a:g} A until then, "
        f"{found.multiple:.2f} times its rating. {PROMISES[main.kind]}; this program counts on {found.allowed_s:g} s.",
        _advice(site, found),
    )


def _advice(site: Site, found: SafetySum) -> str:
    main = site.fuses[site.main]
    held_a = HELD_MULTIPLE[main.kind] * main.rating_a
    share = floor(100.0 * (held_a - found.house_a) / main.rating_a + 1e-6) / 100.0
    faster = f"A meter that sends every second shortens the wait to {FAST_INTERVAL_S + OBEYED_S:g} s."
    if share >= SHARE_MIN:
        margin_a = main.rating_a * (1.0 - share)
        return f"share = {share:g} (a margin of {margin_a:g} A) keeps it at {held_a:g} A or below. {faster}"
    least_a = found.house_a + SHARE_MIN * main.rating_a
    return f"Even share = {SHARE_MIN:g} leaves {least_a:g} A: a link (gG) in its place, or a smaller house. {faster}"
