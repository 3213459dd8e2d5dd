"""The gateway's own topics read back into a table for people: fuses, sockets, queue, the session that ended last."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.publish.shown import ShownState
from gateway.publish.topic_names import BASE, ONLINE
from gateway.publish.words import FRESHNESS, SHOWN, Language, Pair, decimal, pick
from gateway.site.freshness import Freshness

THINGS_MAX: Final = 500
PAYLOAD_CHARACTERS_MAX: Final = 16_384
UNKNOWN: Final = "–"


@dataclass(frozen=True, slots=True)
class BoardTable:
    """One table as text: title, column heads, rows of cells."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class Board:
    """What has been heard of one gateway. gateway: its id, or None to take the first that is heard."""

    gateway: str | None = None
    online: bool = False
    things: dict[str, Mapping[str, object]] = field(default_factory=dict)

    def heard(self, topic: str, payload: bytes) -> None:
        """Takes in one message; what is not ours or cannot be read is left out."""
        levels = topic.split("/")
        if len(levels) < 3 or levels[0] != BASE or len(payload) > PAYLOAD_CHARACTERS_MAX:
            return
        if self.gateway is None:
            self.gateway = levels[1]
        if levels[1] != self.gateway:
            return
        place = "/".join(levels[2:])
        if place == "status":
            self.online = payload == ONLINE.encode()
        elif levels[-1] in ("state", "last") and (place in self.things or len(self.things) < THINGS_MAX):
            try:
                said: object = json.loads(payload)
            except (ValueError, RecursionError):
                return
            if isinstance(said, dict):
                self.things[place] = said

    def tables(self, language: Language) -> tuple[BoardTable, ...]:
        """Gateway, fuses, sockets, and the last signed session."""
        return (
            self._head(language),
            self._fuses(language),
            self._sockets(language),
            self._last(language),
        )

    def _head(self, language: Language) -> BoardTable:
        grid, queue = self.things.get("grid/state", {}), self.things.get("queue/state", {})
        status = pick(("uppkopplad", "online") if self.online else ("nere", "offline"), language)
        heads = _heads(language, ("HAN", "HAN"), ("Nät W", "Grid W"), ("Kö", "Queue"), ("Orsak", "Reason"))
        row = (
            _freshness(grid.get("freshness"), language),
            _number(grid.get("power_w"), 0, language),
            ", ".join(str(name) for name in _listed(queue.get("waiting"))) or UNKNOWN,
            _text(grid.get("because_text")),
        )
        return BoardTable(f"Laddvakt {self.gateway or UNKNOWN} ({status})", heads, (row,))

    def _fuses(self, language: Language) -> BoardTable:
        rows = []
        for name, fuse in self._named("fuse"):
            rows.append(
                (
                    name,
                    _number(fuse.get("rating_a"), 0, language),
                    *_triple(fuse.get("load_a"), language),
                    _number(fuse.get("headroom_a"), 1, language),
                    _worst_heat(fuse.get("heat"), language),
                )
            )
        heads = _heads(
            language,
            ("Säkring", "Fuse"),
            ("Märk A", "Rated A"),
            ("L1 A", "L1 A"),
            ("L2 A", "L2 A"),
            ("L3 A", "L3 A"),
            ("Ledigt A", "Free A"),
            ("Värme %", "Heat %"),
        )
        return BoardTable(pick(("Säkringar", "Fuses"), language), heads, tuple(rows))

    def _sockets(self, language: Language) -> BoardTable:
        rows = []
        for name, seen in self._named("socket"):
            place = seen.get("queue_position")
            rows.append(
                (
                    name,
                    _shown(seen.get("state"), language),
                    _number(seen.get("setpoint_a"), 1, language),
                    " ".join(_triple(seen.get("current_a"), language)),
                    _number(seen.get("power_w"), 0, language),
                    _number(seen.get("session_energy_kwh"), 2, language),
                    str(place) if isinstance(place, int) and place > 0 else "",
                    _text(seen.get("because_text")),
                )
            )
        heads = _heads(
            language,
            ("Plats", "Socket"),
            ("Tillstånd", "State"),
            ("Börvärde A", "Setpoint A"),
            ("Uppmätt A", "Measured A"),
            ("W", "W"),
            ("kWh", "kWh"),
            ("Kö", "Queue"),
            ("Orsak", "Reason"),
        )
        return BoardTable(pick(("Platser", "Sockets"), language), heads, tuple(rows))

    def _last(self, language: Language) -> BoardTable:
        last = self.things.get("session/last")
        heads = _heads(
            language,
            ("Plats", "Socket"),
            ("Slut", "Ended"),
            ("Från kWh", "From kWh"),
            ("Till kWh", "To kWh"),
            ("Energi kWh", "Energy kWh"),
            ("Sidor", "Pages"),
            ("Hur", "How"),
        )
        title = pick(("Senast signerad", "Last signed"), language)
        if last is None:
            return BoardTable(title, heads, ())
        row = (
            _text(last.get("socket")),
            _text(last.get("end_utc"))[:19],
            _number(last.get("begin_kwh"), 2, language),
            _number(last.get("end_kwh"), 2, language),
            _number(last.get("energy_kwh"), 2, language),
            f"{_text(last.get('begin_page'))}, {_text(last.get('end_page'))}",
            _text(last.get("kind_text")),
        )
        return BoardTable(title, heads, (row,))

    def _named(self, kind: str) -> list[tuple[str, Mapping[str, object]]]:
        found = [(place.split("/"), thing) for place, thing in self.things.items()]
        return sorted(
            (levels[1], thing)
            for levels, thing in found
            if len(levels) == 3 and levels[0] == kind and levels[2] == "state"
        )


def plain_text(tables: Sequence[BoardTable]) -> str:
    """The tables as aligned text, for terminals without colours and for logs."""
    blocks = []
    for table in tables:
        grid = (table.heads, *table.rows)
        widths = [max(len(row[column]) for row in grid) for column in range(len(table.heads))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in grid]
        blocks.append("\n".join([table.title, *(line.rstrip() for line in lines)]))
    return "\n\n".join(blocks) + "\n"


def _heads(language: Language, *pairs: Pair) -> tuple[str, ...]:
    return tuple(pick(pair, language) for pair in pairs)


def _number(value: object, digits: int, language: Language) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return UNKNOWN
    return decimal(value, digits, language)


def _triple(value: object, language: Language) -> tuple[str, ...]:
    items = (*_listed(value), None, None, None)[:3]
    return tuple(_number(item, 1, language) for item in items)


def _worst_heat(value: object, language: Language) -> str:
    known = [heat for heat in _listed(value) if isinstance(heat, (int, float))]
    return _number(100.0 * max(known), 0, language) if known else UNKNOWN


def _listed(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list) else ()


def _text(value: object) -> str:
    """Control characters of a foreign publisher do not reach the terminal."""
    if value is None:
        return UNKNOWN
    return "".join(sign if sign.isprintable() else "?" for sign in str(value))[:80]


def _shown(value: object, language: Language) -> str:
    known = next((state for state in ShownState if state.value == value), None)
    return UNKNOWN if known is None else pick(SHOWN[known], language)


def _freshness(value: object, language: Language) -> str:
    known = next((each for each in Freshness if each.name.lower() == value), None)
    return UNKNOWN if known is None else pick(FRESHNESS[known], language)
