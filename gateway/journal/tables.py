"""Sessions and energy outside them as CSV (RFC 4180), safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula gets an apostrophe in front. The table is not signed: it names the
pages whose signed records prove its rows.
"""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from gateway.journal.archive import ArchivedSession
from gateway.journal.facts import EnergyOutside
from gateway.metering.ocmf import number_text

HEADER: Final = (
    "kind", "session", "socket", "user", "meter_vendor", "meter_model", "meter_serial", "begin_time", "end_time",
    "begin_kwh", "end_kwh", "energy_kwh", "step_kwh", "billable", "end_kind", "why", "continues", "begin_page",
    "end_page", "not_billed",
)  # fmt: skip
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(
    sessions: Iterable[ArchivedSession], outside: Iterable[EnergyOutside], separator: str = ";", decimal: str = ","
) -> str:
    """The table with its header; lines end in CRLF. Sessions that still run are left out."""
    lines = [_line(HEADER, separator)]
    lines += [_line(_session_cells(session, decimal), separator) for session in sessions if session.is_whole]
    lines += [_line(_outside_cells(booked, decimal), separator) for booked in outside]
    return "".join(lines)


def _session_cells(session: ArchivedSession, decimal: str) -> Sequence[str]:
    begun, ended = session.begun, session.ended
    if ended is None:
        raise ValueError("a session that still runs has no row")
    return (
        "session",
        begun.session,
        begun.socket,
        begun.token or "",
        begun.vendor,
        begun.model,
        begun.serial,
        _signed_time(session.begin_record),
        _signed_time(session.end_record),
        _number(begun.kwh, decimal),
        _number(ended.kwh, decimal),
        _number(ended.energy_kwh, decimal),
        _number(begun.step_kwh, decimal),
        "yes" if ended.billable else "no",
        ended.kind.value,
        ended.because.why.value,
        begun.continues or "",
        f"T{begun.page}",
        f"T{ended.page}",
        "" if ended.unbilled is None else ended.unbilled.value,
    )


def _outside_cells(booked: EnergyOutside, decimal: str) -> Sequence[str]:
    values = dict.fromkeys(HEADER, "")
    values["kind"] = "outside"
    values["socket"] = booked.socket
    values["meter_serial"] = booked.serial
    values["end_time"] = booked.at.utc.isoformat(timespec="milliseconds")
    values["begin_kwh"] = _number(booked.from_kwh, decimal)
    values["end_kwh"] = _number(booked.to_kwh, decimal)
    values["energy_kwh"] = _number(booked.to_kwh - booked.from_kwh, decimal)
    return tuple(values.values())


def _signed_time(record: str | None) -> str:
    """The time of a signed record, as it was signed: local time, offset, state."""
    if record is None:
        return ""
    return str(json.loads(record.split("|")[1])["RD"][0]["TM"])


def _number(value: Decimal, decimal: str) -> str:
    return number_text(value).replace(".", decimal)


def _line(cells: Sequence[str], separator: str) -> str:
    return separator.join(_cell(cell, separator) for cell in cells) + "\r\n"


def _cell(text: str, separator: str) -> str:
    if text.startswith(_FORMULA_STARTS):
        text = f"'{text}"
    if any(sign in text for sign in (separator, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text
