"""What the installer sees of a HAN port: what comes, how often, the values per phase, what is wrong, what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.meters.han_port import HanSight
from gateway.meters.readings import GridReading
from gateway.publish.han_words import clock_words, what_is_wrong, what_to_do, what_was_found, why_implausible
from gateway.publish.words import Language, Pair, decimal, pick
from gateway.quantities import PHASES, MaybePerPhase

UNKNOWN: Final = "–"
WIDTH: Final = 100
_LABEL_COLUMNS: Final = 14
_CELL_COLUMNS: Final = 11

_WORDS: Final[dict[str, Pair]] = {
    "found": ("Funnet", "Found"),
    "looking": ("söker", "looking"),
    "tries": ("provar {line}", "tries {line}"),
    "telegrams": ("Telegram", "Telegrams"),
    "none": ("inga än", "none yet"),
    "every": (
        "{count}, {interval} s emellan, senaste för {age} s sedan",
        "{count}, each {interval} s, last {age} s ago",
    ),
    "first": ("{count}, senaste för {age} s sedan", "{count}, last {age} s ago"),
    "bytes": ("Byte", "Bytes"),
    "dropped": ("{octets}, kastade {dropped}", "{octets}, dropped {dropped}"),
    "current": ("Ström A", "Current A"),
    "voltage": ("Spänning V", "Voltage V"),
    "power": ("Effekt W", "Power W"),
    "total": ("Totalt", "Total"),
    "flow": ("in {import_w} W, ut {export_w} W", "import {import_w} W, export {export_w} W"),
    "energy": ("in {import_kwh} kWh, ut {export_kwh} kWh", "import {import_kwh} kWh, export {export_kwh} kWh"),
    "clock": ("Mätarens tid", "Meter time"),
    "refused": ("Orimligt", "Implausible"),
    "state": ("Läge", "State"),
    "do": ("Gör så här", "What to do"),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """The port, as it was last looked at; reading: the newest telegram's values, None before the first."""

    port: str
    sight: HanSight
    reading: GridReading | None
    now_s: float


def listen_view(heard: Heard, language: Language) -> tuple[str, ...]:
    """Lines of text, at most 100 columns, without control characters."""

    def word(key: str) -> str:
        return pick(_WORDS[key], language)

    sight = heard.sight
    lines = [f"HAN {heard.port}", "", _row(word("found"), _found(sight, language))]
    lines.append(_row(word("telegrams"), _rhythm(heard, language)))
    lines.append(_row(word("bytes"), word("dropped").format(octets=sight.octets, dropped=sight.dropped)))
    lines += _values(heard.reading, language)
    warning = clock_words(sight.clock, language)
    if warning is not None:
        lines += _folded(word("clock"), warning)
    lines.append("")
    lines += _folded(word("state"), what_is_wrong(sight.finding, language, heard.now_s))
    remedy = what_to_do(sight.finding, language)
    if remedy:
        lines += _folded(word("do"), remedy)
    return tuple(_printable(line) for line in lines)


def _found(sight: HanSight, language: Language) -> str:
    if sight.settled:
        return what_was_found(sight, language)
    looking = pick(_WORDS["looking"], language)
    return looking if sight.line is None else f"{looking}, {pick(_WORDS['tries'], language).format(line=sight.line)}"


def _rhythm(heard: Heard, language: Language) -> str:
    sight = heard.sight
    if heard.reading is None:
        return pick(_WORDS["none"], language)
    age = decimal(max(0.0, heard.now_s - heard.reading.at.monotonic_s), 0, language)
    if sight.interval_s is None:
        return pick(_WORDS["first"], language).format(count=sight.telegrams, age=age)
    interval = decimal(sight.interval_s, 1, language)
    return pick(_WORDS["every"], language).format(count=sight.telegrams, interval=interval, age=age)


def _values(reading: GridReading | None, language: Language) -> list[str]:
    if reading is None:
        return []

    def row(key: str, values: MaybePerPhase, digits: int) -> str:
        cells = (UNKNOWN if value is None else decimal(value, digits, language) for value in values)
        return _row(pick(_WORDS[key], language), "".join(cell.rjust(_CELL_COLUMNS) for cell in cells))

    flow = pick(_WORDS["flow"], language).format(
        import_w=_number(reading.import_w, language), export_w=_number(reading.export_w, language)
    )
    energy = pick(_WORDS["energy"], language).format(
        import_kwh=UNKNOWN if reading.import_kwh is None else decimal_text(format(reading.import_kwh, "f"), language),
        export_kwh=UNKNOWN if reading.export_kwh is None else decimal_text(format(reading.export_kwh, "f"), language),
    )
    lines = [
        "",
        _row("", "".join(phase.name.rjust(_CELL_COLUMNS) for phase in PHASES)),
        row("current", reading.current_a, 2),
        row("voltage", reading.voltage_v, 1),
        row("power", reading.net_power_w, 0),
        _row(pick(_WORDS["total"], language), flow),
        _row("", energy),
        _row(pick(_WORDS["clock"], language), reading.meter_time or UNKNOWN),
    ]
    if reading.refused:
        lines += _folded(pick(_WORDS["refused"], language), why_implausible(reading.refused, language))
    return lines


def decimal_text(text: str, language: Language) -> str:
    """A register as the meter shows it, with the language's decimal sign."""
    return text.replace(".", ",") if language is Language.SV else text


def _number(value: float | None, language: Language) -> str:
    return UNKNOWN if value is None else decimal(value, 0, language)


def _row(label: str, text: str) -> str:
    return f"{label:<{_LABEL_COLUMNS}}{text}".rstrip()


def _folded(label: str, text: str) -> list[str]:
    """The text in as many rows as it takes."""
    rows, row = [], ""
    for word in text.split():
        if row and len(row) + 1 + len(word) > WIDTH - _LABEL_COLUMNS:
            rows.append(row)
            row = word
        else:
            row = f"{row} {word}" if row else word
    return [_row(label if place == 0 else "", each) for place, each in enumerate([*rows, row])]


def _printable(line: str) -> str:
    """Control characters that a meter sends do not reach the terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def plain_text(lines: Sequence[str]) -> str:
    """The view as one block of text."""
    return "\n".join(lines) + "\n"
