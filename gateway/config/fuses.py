"""Fuses: from a list of names to one tree under the main fuse."""

from collections.abc import Mapping
from itertools import pairwise
from math import inf
from typing import Final

from gateway.config.draft import Draft, Placed
from gateway.config.schema import FuseSection
from gateway.config.wording import did_you_mean, shown
from gateway.errors import Mistake
from gateway.ids import FuseId
from gateway.site.topology import Fuse, FuseKind

SHARE_DEFAULT: Final[Mapping[FuseKind, float]] = {FuseKind.GG: 1.0, FuseKind.B: 0.9, FuseKind.C: 0.9}
"""Steady load as a fraction of the rating. A gG link carries its rating for ever (IEC 60269-1, conventional
non-fusing current 1.25 In); an automat is calibrated at 30 °C and sits warm and side by side in its box
(IEC 60898-1 Annex, makers' derating tables), so it gets a tenth less."""


def build_fuses(draft: Draft, mistakes: list[Mistake]) -> dict[FuseId, Fuse]:
    """Every fuse that hangs on the main fuse; mistakes are added for all others."""
    sections = {placed.section.name: placed for placed in draft.fuses}
    main = _main(draft, sections, mistakes)
    for placed in draft.fuses:
        _check_one(placed, main, sections, draft.blamed.get("fuse", frozenset()), mistakes)
    _check_cycles(sections, main, mistakes)
    return {FuseId(name): _fuse(placed.section) for name, placed in sections.items()}


def fuses_above(fuses: Mapping[FuseId, Fuse], first: FuseId) -> tuple[Fuse, ...]:
    """From that fuse up to the root, as far as the tree is sound (a cycle is walked once)."""
    path: list[Fuse] = []
    at: FuseId | None = first
    while at is not None and at in fuses and fuses[at] not in path:
        path.append(fuses[at])
        at = fuses[at].parent
    return tuple(path)


def _main(draft: Draft, sections: Mapping[str, Placed[FuseSection]], mistakes: list[Mistake]) -> str | None:
    if draft.grid_meter is None:
        return None
    name = draft.grid_meter.main_fuse
    if name in draft.blamed.get("fuse", frozenset()):
        return name
    if name not in sections:
        mistakes.append(
            Mistake("grid_meter.main_fuse", shown(name), "there is no such fuse.", did_you_mean(name, sections))
        )
        return None
    main = sections[name]
    if main.section.parent is not None:
        mistakes.append(
            Mistake(
                f"{main.path}.parent",
                shown(main.section.parent),
                "the main fuse, which the grid meter measures, cannot hang on another fuse.",
                "Take this key away, or name another fuse as grid_meter.main_fuse.",
            )
        )
    if main.section.unmetered_load_a:
        mistakes.append(
            Mistake(
                f"{main.path}.unmetered_load_a",
                shown(main.section.unmetered_load_a),
                "the grid meter sees all load of the main fuse.",
                "Take this key away.",
            )
        )
    house_a = draft.grid_meter.house_load_a_max
    if house_a is not None and max(house_a) > main.section.rating_a:
        mistakes.append(
            Mistake(
                "grid_meter.house_load_a_max",
                shown(house_a),
                f'is more than the main fuse "{name}" carries ({main.section.rating_a:g} A).',
                "State the most that the house itself draws, at most the fuse's rating.",
            )
        )
    return name


def _check_one(
    placed: Placed[FuseSection],
    main: str | None,
    sections: Mapping[str, Placed[FuseSection]],
    blamed: frozenset[str],
    mistakes: list[Mistake],
) -> None:
    fuse = placed.section
    if fuse.parent is None:
        if main is not None and fuse.name != main:
            mistakes.append(
                Mistake(
                    f"{placed.path}.parent",
                    "(missing)",
                    f'the fuse hangs on nothing, and only the main fuse "{main}" may.',
                    f'Add `parent = "{main}"`, or the fuse that really stands above it.',
                )
            )
    elif fuse.parent not in sections and fuse.parent not in blamed:
        mistakes.append(
            Mistake(
                f"{placed.path}.parent",
                shown(fuse.parent),
                "there is no such fuse.",
                did_you_mean(fuse.parent, sections.keys() - {fuse.name}),
            )
        )
    if fuse.curve is not None:
        _check_curve(f"{placed.path}.curve", fuse.curve, mistakes)
    if fuse.unmetered_load_a >= fuse.rating_a:
        mistakes.append(
            Mistake(
                f"{placed.path}.unmetered_load_a",
                shown(fuse.unmetered_load_a),
                f"leaves nothing of the fuse's {fuse.rating_a:g} A.",
                "State the load that no meter sees, less than the rating.",
            )
        )


def _check_curve(path: str, curve: list[list[float]], mistakes: list[Mistake]) -> None:
    multiples, times_s = [point[0] for point in curve], [point[1] for point in curve]
    rises = all(one < other for one, other in pairwise([1.0, *multiples]))
    falls = all(one > other for one, other in pairwise([*times_s, 0.0]))
    if not (rises and falls and times_s[0] < inf):
        mistakes.append(
            Mistake(
                path,
                shown(curve),
                "is no melting curve: each point has more current (from above 1) and less time than the one before.",
                "Read the shortest times off the maker's curve: [[1.6, 3600], [2.0, 300], [4.0, 5]].",
            )
        )


def _check_cycles(sections: Mapping[str, Placed[FuseSection]], main: str | None, mistakes: list[Mistake]) -> None:
    """A circle through the main fuse is told as the main fuse's parent."""
    told: set[str] = set()
    for name in sections:
        path = [name]
        while (parent := sections[path[-1]].section.parent) in sections and parent is not None and parent not in path:
            path.append(parent)
        if parent == name and name not in told and main not in path:
            told.update(path)
            mistakes.append(
                Mistake(
                    f"{sections[name].path}.parent",
                    shown(parent if len(path) == 1 else path[1]),
                    "the fuses hang on each other in a circle: " + " - ".join([*path, name]) + ".",
                    "One of them must hang on a fuse outside the circle.",
                )
            )


def _fuse(section: FuseSection) -> Fuse:
    kind = FuseKind(section.kind)
    return Fuse(
        id=FuseId(section.name),
        rating_a=section.rating_a,
        kind=kind,
        parent=None if section.parent is None else FuseId(section.parent),
        share=SHARE_DEFAULT[kind] if section.share is None else section.share,
        unmetered_load_a=section.unmetered_load_a,
        sessions_max=section.sessions_max,
        curve=tuple((multiple, seconds) for multiple, seconds in section.curve or ()),
    )
