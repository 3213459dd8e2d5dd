"""A recording decided again, for people: what was decided when and why, as a table, as CSV, as a drawing.

The table has a row for each change: of a socket's state, grant or reason, and of a fuse phase that gets near its limit
or leaves it. CSV has every fuse phase and socket each so many seconds, whatever changed. Times are local.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final

from gateway.control.state import FuseState, SocketState
from gateway.ids import FuseId, SocketId
from gateway.journal.flight import ReplayedTick
from gateway.publish.board import UNKNOWN, BoardTable
from gateway.publish.shown import shown_state
from gateway.publish.words import FRESHNESS, SHOWN, Language, Pair, decimal, pick, reason
from gateway.quantities import PHASES
from gateway.site.topology import Site

NEAR: Final = 0.98
"""A fuse phase above this part of its limit is told."""
CALM: Final = 0.9
CSV_HEAD: Final = (
    "time", "kind", "name", "phase", "state", "because_code", "because", "granted_a", "drawn_a", "reserved_a",
    "load_a", "limit_a", "heat", "as_live",
)  # fmt: skip
HEADS: Final[tuple[Pair, ...]] = (
    ("Tid", "Time"),
    ("Vad", "What"),
    ("Tillstånd", "State"),
    ("Får A", "May A"),
    ("Drar A", "Draws A"),
    ("Orsak", "Reason"),
)


@dataclass(slots=True)
class ReplayRows:
    """Turns ticks into rows of changes. only: the sockets to tell of; empty: all."""

    language: Language
    zone: tzinfo | None
    only: frozenset[SocketId] = frozenset()
    ticks: int = 0
    otherwise: int = 0
    first_otherwise: datetime | None = None
    _told: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def heard(self, tick: ReplayedTick) -> Iterator[tuple[str, ...]]:
        """The rows of one tick."""
        self.ticks += 1
        if not tick.as_live:
            self.otherwise += 1
            self.first_otherwise = self.first_otherwise or self._local(tick)
        state, at = tick.decision.state, f"{self._local(tick):%Y-%m-%d %H:%M:%S}"
        if self._is_new("grid", (state.grid,)):
            why = "" if state.grid_because is None else reason(state.grid_because, self.language)
            yield at, "HAN", pick(FRESHNESS[state.grid], self.language), "", "", why
        for fuse, seen in state.fuses.items():
            yield from self._fuse(at, fuse, seen)
        for name, socket in state.sockets.items():
            if self.only and name not in self.only:
                continue
            because = socket.because
            now_s = tick.now.monotonic_s
            if self._is_new(
                f"socket {name}",
                (shown_state(socket), round(socket.granted_a, 1), because.why, because.fuse, because.phase),
            ):
                yield (
                    at,
                    name,
                    pick(SHOWN[shown_state(socket)], self.language),
                    decimal(socket.granted_a, 1, self.language),
                    self._drawn(tick, name),
                    reason(because, self.language, now_s),
                )

    def title(self, site: Site, version: str) -> str:
        """Which gateway, how much of it, and whether this version decides as the recorded one did."""
        if self.otherwise:
            first, some = f"{self.first_otherwise:%Y-%m-%d %H:%M:%S}", (self.otherwise, self.ticks)
            said = (
                f"{some[0]} av {some[1]} beslut blir andra än då (version {version}), först {first}",
                f"{some[0]} of {some[1]} decisions are others than then (version {version}), first at {first}",
            )
        else:
            said = (f"{self.ticks} beslut, alla som då", f"{self.ticks} decisions, all as they were then")
        return f"Laddvakt {site.gateway_id}: {pick(said, self.language)}"

    def table(self, title: str, rows: Iterable[tuple[str, ...]]) -> BoardTable:
        """Rows under their heads."""
        return BoardTable(title, tuple(pick(head, self.language) for head in HEADS), tuple(rows))

    def _fuse(self, at: str, fuse: FuseId, seen: FuseState) -> Iterator[tuple[str, ...]]:
        """A fuse phase that has come near its limit, or is well below it again."""
        for phase in PHASES:
            load_a, limit_a = seen.load_a[phase], seen.limit_a[phase]
            key = f"fuse {fuse} {phase.name}"
            was = bool(self._told.get(key, (False,))[0])
            near = load_a is not None and load_a > limit_a * (CALM if was else NEAR)
            if near == was:
                continue
            self._told[key] = (near,)
            word = ("Nära gränsen", "Near its limit") if near else ("Har utrymme", "Has room")
            load = decimal(load_a, 1, self.language) if load_a is not None else UNKNOWN
            limit = decimal(limit_a, 1, self.language)
            heat = f"{pick(('gräns', 'limit'), self.language)} {limit} A, {pick(('värme', 'heat'), self.language)} "
            yield at, f"{fuse} {phase.name}", pick(word, self.language), "", load, heat + _percent(seen.heat[phase])

    def _is_new(self, key: str, what: tuple[object, ...]) -> bool:
        new = self._told.get(key) != what
        self._told[key] = what
        return new

    def _drawn(self, tick: ReplayedTick, name: SocketId) -> str:
        drawn = drawn_a(tick, name)
        return " ".join(UNKNOWN if one is None else decimal(one, 1, self.language) for one in drawn)

    def _local(self, tick: ReplayedTick) -> datetime:
        return tick.now.utc.astimezone(self.zone)


def _percent(part: float) -> str:
    return f"{100.0 * part:.0f} %"


def drawn_a(tick: ReplayedTick, name: SocketId) -> tuple[float | None, ...]:
    """What the socket's meter showed, in the socket's own phases (A)."""
    sight = tick.snapshot.sockets.get(name)
    phases = len(tick.snapshot.site.sockets[name].phases)
    if sight is None or sight.reading is None:
        return (None,) * phases
    return sight.reading.current_a[:phases]


def csv_lines(tick: ReplayedTick, language: Language, zone: tzinfo | None) -> Iterator[str]:
    """Every fuse phase and socket at one tick; semicolons and decimal commas in Swedish, else commas and points."""
    at = tick.now.utc.astimezone(zone).isoformat(timespec="seconds")
    live = "1" if tick.as_live else "0"
    for fuse, seen in tick.decision.state.fuses.items():
        for phase in PHASES:
            figures = (seen.load_a[phase], seen.limit_a[phase], seen.heat[phase])
            cells = [at, "fuse", fuse, phase.name, *[""] * 6, *(_number(one, language) for one in figures), live]
            yield csv_line(cells, language)
    for name, socket in tick.decision.state.sockets.items():
        drawn = drawn_a(tick, name)
        for own, phase in enumerate(tick.snapshot.site.sockets[name].phases):
            yield csv_line(
                [at, "socket", name, phase.name, *_socket(tick, socket, own, drawn, language), live], language
            )


def _socket(
    tick: ReplayedTick, socket: SocketState, own: int, drawn: tuple[float | None, ...], language: Language
) -> list[str]:
    because = reason(socket.because, language, tick.now.monotonic_s)
    figures = (socket.granted_a, drawn[own], socket.reserved_a[own])
    state, code = shown_state(socket).value, socket.because.why.value
    return [state, code, because, *(_number(one, language) for one in figures), "", "", ""]


def csv_line(cells: Iterable[str], language: Language) -> str:
    """One line of RFC 4180. All cells are our own words or names of the config: none begins as a formula."""
    separator = ";" if language is Language.SV else ","
    quoted = (f'"{cell}"' if separator in cell or '"' in cell else cell for cell in cells)
    return separator.join(quoted)


def _number(value: float | None, language: Language) -> str:
    return "" if value is None else decimal(value, 3, language)
