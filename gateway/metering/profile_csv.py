"""The load profile as CSV (RFC 4180): one registration period a row, with all that its two signatures are over.

Twelve columns for people, then what a verifier needs besides them. Numbers have no thousands' mark; the register in Wh
has exactly the digits that were signed, whatever sign stands for the decimal point.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final

from gateway.metering.load_profile import PeriodRow, utc_text
from gateway.metering.ocmf import number_text
from gateway.metering.profile_table import TableLine

COLUMNS: Final = (
    "si", "zst_utc", "zst_local", "register_wh", "energy_wh", "mean_w", "status", "sig1", "sig2", "sig_state",
    "map_state", "err", "device", "socket", "meter_serial", "page", "step_wh", "read_utc", "time_state", "previous",
)  # fmt: skip
TEXT_MARK: Final = "'"
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_FIELD_BYTES_MAX: Final = 4096
_PLAIN: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


class NotAProfile(ValueError):  # noqa: N818 - names what the text is
    """The text is no load profile as this program writes them."""


@dataclass(frozen=True, slots=True)
class ProfileCells:
    """One row as it stands in a file, believed in nothing. where: its line."""

    where: str
    cells: Mapping[str, str]
    row: PeriodRow | None
    """What the signatures must be over; None where nothing was read, or the cells make no row."""
    is_empty: bool
    """True if the row claims no reading."""


def csv_lines(
    lines: Iterable[tuple[TableLine, str]], zone: tzinfo, separator: str = ";", point: str = ","
) -> Iterator[str]:
    """The header, and a row for each line with the state of its signatures. point: stands in decimal numbers."""
    yield _row(COLUMNS, separator)
    for line, state in lines:
        yield _row(_cells(line, state, zone, point), separator)


def _cells(line: TableLine, state: str, zone: tzinfo, point: str) -> Sequence[str]:
    shown = {
        "zst_utc": "" if line.quarter is None else line.quarter.astimezone(UTC).isoformat(),
        "zst_local": "" if line.quarter is None else line.quarter.astimezone(zone).isoformat(),
        "energy_wh": "" if line.energy_wh is None else _number(line.energy_wh, point),
        "mean_w": "" if line.mean_w is None else _number(line.mean_w, point),
        "sig_state": state,
        "map_state": line.map_state.value,
        "err": " ".join(line.flaws),
        "socket": line.place,
    }
    if line.registered is not None:
        row = line.registered.row
        shown |= {
            "si": _number(row.si_s, point),
            "register_wh": _number(row.register_wh, point),
            "status": row.status,
            "sig1": line.registered.signature_register,
            "sig2": line.registered.signature_time,
            "device": row.device,
            "meter_serial": row.serial,
            "page": str(row.page),
            "step_wh": _number(row.step_wh, point),
            "read_utc": utc_text(row.utc),
            "time_state": row.state,
            "previous": row.previous,
        }
    return [shown.get(name, "") for name in COLUMNS]


def _number(value: Decimal, point: str) -> str:
    return number_text(value).replace(".", point)


def _row(cells: Sequence[str], separator: str) -> str:
    return separator.join(_cell(cell, separator) for cell in cells) + "\r\n"


def _cell(text: str, separator: str) -> str:
    """Safe in a spreadsheet: what looks like a formula and is no number gets an apostrophe in front."""
    if (
        text.startswith((*_FORMULA_STARTS, TEXT_MARK))
        and not text.lstrip("-").replace(",", "").replace(".", "").isdigit()
    ):
        text = f"{TEXT_MARK}{text}"
    if any(sign in text for sign in (separator, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def is_profile(content: bytes) -> bool:
    """True if the file begins like a load profile."""
    first = content[:_FIELD_BYTES_MAX].decode("utf-8", errors="replace").lstrip("\ufeff").split("\n", 1)[0].strip()
    return any(first.replace('"', "").split(separator)[:2] == list(COLUMNS[:2]) for separator in ";,")


def rows_in(content: bytes, name: str) -> list[ProfileCells]:
    """The rows of a file. Raises NotAProfile, which says where."""
    try:
        text = content.decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as problem:
        raise NotAProfile(f"{name}: {problem}") from None
    separator = ";" if ";" in text.split("\n", 1)[0] else ","
    try:
        rows = list(csv.reader(text.splitlines(), delimiter=separator, strict=True))
    except csv.Error as problem:
        raise NotAProfile(f"{name}: {problem}") from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise NotAProfile(f"{name}:1: the columns are not those of a load profile: {';'.join(COLUMNS)}")
    return [_read(f"{name}:{at}", row) for at, row in enumerate(rows[1:], 2) if row]


def _read(where: str, row: Sequence[str]) -> ProfileCells:
    if len(row) != len(COLUMNS) or any(len(cell) > _FIELD_BYTES_MAX for cell in row):
        raise NotAProfile(f"{where}: it has {len(row)} cells instead of {len(COLUMNS)}, or one that is too long")
    cells = {name: cell.removeprefix(TEXT_MARK) for name, cell in zip(COLUMNS, row, strict=True)}
    for name in ("si", "register_wh", "energy_wh", "mean_w", "step_wh"):
        cells[name] = cells[name].replace(",", ".")
    empty = not any(cells[name] for name in ("si", "register_wh", "sig1", "sig2", "page", "read_utc"))
    try:
        return ProfileCells(where, cells, None if empty else _period(cells), empty)
    except (ValueError, ArithmeticError):
        return ProfileCells(where, cells, None, is_empty=False)


def _period(cells: Mapping[str, str]) -> PeriodRow:
    """Raises ValueError, ArithmeticError."""
    utc = datetime.fromisoformat(cells["read_utc"])
    if utc.tzinfo is None or utc_text(utc) != cells["read_utc"] or str(int(cells["page"])) != cells["page"]:
        raise ValueError("a time or a page is written in another way than this program's")
    return PeriodRow(
        device=cells["device"],
        place=cells["socket"],
        serial=cells["meter_serial"],
        page=int(cells["page"]),
        si_s=finite(cells["si"]),
        register_wh=finite(cells["register_wh"]),
        step_wh=finite(cells["step_wh"]),
        status=cells["status"],
        utc=utc,
        state=cells["time_state"],
        previous=cells["previous"],
    )


def finite(text: str) -> Decimal:
    """A plain decimal number. Raises ValueError. An exponent is refused unread: written out it may take gigabytes."""
    if _PLAIN.fullmatch(text) is None or text != number_text(Decimal(text)):
        raise ValueError(f"{text[:40]!r} is not a plain number")
    return Decimal(text)
