"""A recording decided again, as a drawing (SVG 1.1): a panel for each fuse and each socket, time to the right."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final
from xml.sax.saxutils import escape

from gateway.ids import SocketId
from gateway.journal.flight import ReplayedTick
from gateway.publish.replay_view import drawn_a
from gateway.publish.words import Language, Pair, decimal, pick, reason
from gateway.quantities import PHASES

WIDTH: Final = 1200
LEFT: Final = 70
RIGHT: Final = 1185
CURVES_HIGH: Final = 110
BAND_HIGH: Final = 18
GAP: Final = 34
COLOURS: Final = {
    "L1": "#7a4a21",
    "L2": "#111111",
    "L3": "#8a8a8a",
    "limit": "#c62828",
    "may": "#1565c0",
    "draws": "#2e7d32",
}
"""Phases in the colours of their wires."""
NAMES: Final[dict[str, Pair]] = {
    "limit": ("gräns", "limit"),
    "may": ("får", "may"),
    "draws": ("drar", "draws"),
}
BANDS: Final = ("#e3f2fd", "#fff3e0", "#e8f5e9", "#f3e5f5", "#fce4ec", "#ede7f6")
TIME_MARKS: Final = 6

Points = list[tuple[float, float | None]]


@dataclass(slots=True)
class ReplayCurves:
    """Gathers what a drawing shows: a panel for each fuse (load and limit per phase), one for each socket (granted,
    drawn, and bands with the reason)."""

    only: frozenset[SocketId] = frozenset()
    _series: dict[tuple[str, str], list[tuple[float, float | None]]] = field(default_factory=dict)
    bands: dict[SocketId, list[tuple[float, float, str]]] = field(default_factory=dict)

    def heard(self, tick: ReplayedTick, language: Language) -> None:
        """Takes in one tick."""
        at_s = tick.now.utc.timestamp()
        for fuse, seen in tick.decision.state.fuses.items():
            for phase in PHASES:
                self._point(f"fuse {fuse}", phase.name, at_s, seen.load_a[phase])
            self._point(f"fuse {fuse}", "limit", at_s, min(seen.limit_a))
        for name, socket in tick.decision.state.sockets.items():
            if self.only and name not in self.only:
                continue
            self._point(f"socket {name}", "may", at_s, socket.granted_a)
            known = [one for one in drawn_a(tick, name) if one is not None]
            self._point(f"socket {name}", "draws", at_s, max(known) if known else None)
            text = reason(socket.because, language)
            bands = self.bands.setdefault(name, [])
            if bands and bands[-1][2] == text:
                bands[-1] = (bands[-1][0], at_s, text)
            else:
                bands.append((at_s, at_s, text))

    def panels(self) -> Mapping[str, Mapping[str, list[tuple[float, float | None]]]]:
        """Panel, curve, points."""
        out: dict[str, dict[str, list[tuple[float, float | None]]]] = {}
        for (panel, curve), points in self._series.items():
            out.setdefault(panel, {})[curve] = points
        return out

    def _point(self, panel: str, curve: str, at_s: float, value: float | None) -> None:
        """A point, unless the curve goes on level."""
        points = self._series.setdefault((panel, curve), [])
        if len(points) >= 2 and points[-1][1] == points[-2][1] == value:
            points[-1] = (at_s, value)
        else:
            points.append((at_s, value))


def drawing(curves: ReplayCurves, title: str, language: Language, zone: tzinfo | None) -> str:
    """The whole drawing."""
    panels = curves.panels()
    times = [at_s for lines in panels.values() for points in lines.values() for at_s, _ in points]
    first_s, last_s = min(times, default=0.0), max(times, default=1.0)
    span_s = max(last_s - first_s, 1.0)

    def across(at_s: float) -> float:
        return LEFT + (RIGHT - LEFT) * (at_s - first_s) / span_s

    body: list[str] = []
    top = 50.0
    for name, lines in panels.items():
        body += _panel(name, lines, top, across, language)
        top += CURVES_HIGH
        kind, _, own = name.partition(" ")
        if kind == "socket":
            body += _bands(curves.bands.get(SocketId(own), []), top + 2, across)
            top += BAND_HIGH + 2
        top += GAP
    for mark in range(TIME_MARKS + 1):
        at_s = first_s + span_s * mark / TIME_MARKS
        text = f"{datetime.fromtimestamp(at_s, zone):%H:%M:%S}"
        body.append(
            f'<line x1="{across(at_s):.1f}" x2="{across(at_s):.1f}" y1="40" y2="{top - GAP:.0f}" stroke="#ddd"/>'
        )
        body.append(f'<text x="{across(at_s):.1f}" y="{top - GAP + 16:.0f}" text-anchor="middle">{text}</text>')
    size = f'width="{WIDTH}" height="{top:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    said = f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', said, *body, "</svg>", ""])


def _panel(
    name: str, lines: Mapping[str, Points], top: float, across: Callable[[float], float], language: Language
) -> Iterator[str]:
    """Frame, name, key and curves."""
    most = max([value for points in lines.values() for _, value in points if value is not None], default=1.0)
    most = max(most * 1.05, 1.0)
    kind, _, own = name.partition(" ")
    word = pick(("Säkring", "Fuse") if kind == "fuse" else ("Plats", "Socket"), language)
    yield f'<text x="{LEFT}" y="{top - 5:.0f}" font-weight="bold">{escape(word)} {escape(own)}</text>'
    yield f'<rect x="{LEFT}" y="{top:.0f}" width="{RIGHT - LEFT}" height="{CURVES_HIGH}" fill="none" stroke="#999"/>'
    for part in (0.0, 0.5, 1.0):
        at = top + CURVES_HIGH * (1.0 - part)
        yield f'<text x="{LEFT - 6}" y="{at + 4:.0f}" text-anchor="end">{decimal(most * part, 1, language)} A</text>'
    for number, (curve, points) in enumerate(lines.items()):
        colour = COLOURS[curve]
        said = pick(NAMES[curve], language) if curve in NAMES else curve
        yield f'<text x="{LEFT + 190 + 60 * number}" y="{top - 5:.0f}" fill="{colour}">{said}</text>'
        dashes = ' stroke-dasharray="6 3"' if curve == "limit" else ""
        for path in _paths(points, top, most, across):
            yield f'<path d="{path}" fill="none" stroke="{colour}"{dashes}/>'


def _paths(points: Points, top: float, most: float, across: Callable[[float], float]) -> Iterator[str]:
    """Steps: a value holds until the next; where it is not known the line breaks."""
    path: list[str] = []
    before: float | None = None
    for at_s, value in points:
        if value is None:
            if path:
                yield " ".join(path)
            path, before = [], None
            continue
        high = top + CURVES_HIGH * (1.0 - value / most)
        if before is None:
            path = [f"M{across(at_s):.1f} {high:.1f}"]
        else:
            path.append(f"H{across(at_s):.1f}" if value == before else f"H{across(at_s):.1f} V{high:.1f}")
        before = value
    if path:
        yield " ".join(path)


def _bands(bands: list[tuple[float, float, str]], top: float, across: Callable[[float], float]) -> Iterator[str]:
    """The reason of each stretch of time, as far as it has room; all of it as a tool tip."""
    colours: dict[str, str] = {}
    for number, (from_s, to_s, text) in enumerate(bands):
        until_s = bands[number + 1][0] if number + 1 < len(bands) else to_s
        left, wide = across(from_s), max(across(until_s) - across(from_s), 0.5)
        colour = colours.setdefault(text, BANDS[len(colours) % len(BANDS)])
        yield f'<rect x="{left:.1f}" y="{top:.0f}" width="{wide:.1f}" height="{BAND_HIGH}" fill="{colour}">'
        yield f"<title>{escape(text)}</title></rect>"
        letters = int(wide / 6.0)
        if letters >= 6:
            shown = text if len(text) <= letters else f"{text[: letters - 1]}…"
            yield f'<text x="{left + 3:.1f}" y="{top + 13:.0f}" pointer-events="none">{escape(shown)}</text>'
