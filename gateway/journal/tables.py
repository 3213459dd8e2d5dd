"""Sessions and energy outside them as CSV (RFC 4180), safe to open in a spreadsheet.

What a row says of a signed session is taken from its two signed records, which stand in the row too unless they are
left out; `session` and the pages name them then. Every row names the gateway's serial and the newest signed head of the
journal; the last cell of the last row is the key's signature over every byte before it, so that a row that was taken
out is missed.

A cell that a spreadsheet would take for a formula gets an apostrophe in front, and so does one that begins with an
apostrophe: to read a cell back, one leading apostrophe is taken away.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from gateway.journal.archive import ArchivedSession
from gateway.journal.facts import EnergyOutside
from gateway.journal.heads import table_text
from gateway.metering.keys import public_key
from gateway.metering.meter_signed import meter_proof, those_proven
from gateway.metering.ocmf import number_text
from gateway.metering.pins import Pin
from gateway.metering.record import claimed_fields
from gateway.metering.verdicts import Grade, Verdict
from gateway.metering.verification import Submitted, verified

OLD_HEADER: Final = (
    "kind", "session", "socket", "user", "meter_vendor", "meter_model", "meter_serial", "begin_time", "end_time",
    "begin_kwh", "end_kwh", "energy_kwh", "step_kwh", "billable", "end_kind", "why", "continues", "begin_page",
    "end_page",
)  # fmt: skip
"""What tables had before they held records; they are still read."""
HEADER: Final = (
    *OLD_HEADER,
    "not_billed",
    "known_by",
    "grade",
    "verdict",
    "begin_record",
    "end_record",
    "meter_energy_kwh",
    "meter_verdict",
    "meter_records",
    "gateway",
    "journal_head",
    "signature",
)
BYTE_ORDER_MARK: Final = "\ufeff"
"""Stands before the table, so that spreadsheets take it for UTF-8."""
LINE_END: Final = b"\r\n"
_GUARDED_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")

Cell = str | Decimal


@dataclass(frozen=True, slots=True)
class TableForm:
    """How a table is written. separator: `;` or `,`; decimal: the sign in numbers."""

    separator: str = ";"
    decimal: str = ","
    has_records: bool = True


@dataclass(frozen=True, slots=True)
class Exporter:
    """Who writes the table. serial: the gateway's (GS), of its newest key; head: the newest signed one, SEQ:HASH;
    pins: what the meters' own records are proven with."""

    serial: str
    head: str
    pins: Sequence[Pin] = ()


_PLAIN_FORM: Final = TableForm()
_NOBODY: Final = Exporter("", "")


def csv_lines(
    sessions: Iterable[ArchivedSession],
    outside: Iterable[EnergyOutside],
    form: TableForm = _PLAIN_FORM,
    exporter: Exporter = _NOBODY,
) -> Iterator[str]:
    """The table line by line, not signed yet and without a mark; lines end in CRLF. Sessions that still run are left
    out."""
    common: dict[str, Cell] = {"gateway": exporter.serial, "journal_head": exporter.head}
    yield _line(HEADER, form.separator)
    for session in sessions:
        if session.ended is not None:
            yield _row(_session_cells(session, form, exporter.pins) | common, form)
    for booked in outside:
        yield _row(outside_cells(booked) | common, form)


def in_form(rows: Iterable[Sequence[str]], separator: str, mark: str) -> bytes:
    """Cells as this program writes them, header first. mark: stands before them."""
    return (mark + "".join(_line(cells, separator) for cells in rows)).encode("utf-8")


def sealed(lines: Iterable[bytes], sign: Callable[[bytes], bytes], exporter: Exporter) -> Iterator[bytes]:
    """The lines of the table with its signature in the last cell; a table without a row has no cell for it."""
    digest, rows, held = sha256(), -1, b""
    for line in lines:
        yield held
        digest.update(held)
        held = line
        rows += 1
    if rows < 1:
        yield held
        return
    last = held.removesuffix(LINE_END)
    digest.update(last)
    signature = sign(table_text(exporter.serial, exporter.head, digest.hexdigest())).hex().upper()
    yield last + signature.encode("ascii") + LINE_END


def signed_cells(begin: Mapping[str, Any], end: Mapping[str, Any]) -> dict[str, Cell]:
    """What a row must say of a session with these two payloads. Raises KeyError, TypeError, IndexError or
    ArithmeticError if they are not ours."""
    first, last = begin["RD"][0], end["RD"][-1]
    start, stop = Decimal(first["RV"]), Decimal(last["RV"])
    return {
        "session": begin["XS"],
        "socket": begin["XK"],
        "user": begin.get("ID", ""),
        "meter_vendor": begin["MV"],
        "meter_model": begin["MM"],
        "meter_serial": begin["MS"],
        "begin_time": first["TM"],
        "end_time": last["TM"],
        "begin_kwh": start,
        "end_kwh": stop,
        "energy_kwh": stop - start,
        "step_kwh": Decimal(begin["XR"]),
        "billable": "no" if "XN" in end or "E" in last["EF"] else "yes",
        "not_billed": end.get("XN", ""),
        "end_kind": end["XE"],
        "why": end["XB"],
        "continues": begin.get("XC", ""),
        "begin_page": begin["PG"],
        "end_page": end["PG"],
        "known_by": begin.get("XA", ""),
    }


def outside_cells(booked: EnergyOutside) -> dict[str, Cell]:
    """What a row says of energy outside sessions."""
    return {
        "kind": "outside",
        "socket": booked.socket,
        "meter_serial": booked.serial,
        "end_time": booked.at.utc.isoformat(timespec="milliseconds"),
        "begin_kwh": booked.from_kwh,
        "end_kwh": booked.to_kwh,
        "energy_kwh": booked.to_kwh - booked.from_kwh,
    }


def unguarded(cell: str) -> str:
    """The cell's text as it was before the guard against formulas."""
    return cell.removeprefix("'")


def meter_cells(texts: Sequence[str], pins: Sequence[Pin]) -> dict[str, Cell]:
    """What the meter's own records add to a row, and the grade that they make. texts: as they came."""
    proof = meter_proof(texts, pins)
    if proof is None:
        return {"grade": Grade.GATEWAY_SIGNED.value}
    is_proven = proof.energy_kwh is not None
    return {
        "grade": (Grade.METER_SIGNED if is_proven else Grade.GATEWAY_SIGNED).value,
        "meter_energy_kwh": "" if proof.energy_kwh is None else proof.energy_kwh,
        "meter_verdict": proof.verdict.name.lower(),
    }


def _session_cells(session: ArchivedSession, form: TableForm, pins: Sequence[Pin]) -> dict[str, Cell]:
    first, last, key = session.begin_record, session.end_record, session.key
    if first is None or last is None or key is None:
        return {**_unsigned_cells(session), "grade": Grade.UNSIGNED.value, "verdict": Verdict.GREY.name.lower()}
    begin, end = claimed_fields(first), claimed_fields(last)
    if begin is None or end is None:
        raise ValueError(f"the records of session {session.begun.session} cannot be read")
    report = verified([Submitted(first, "begin"), Submitted(last, "end")], public_key(key))
    meters = those_proven((record.text for record in session.meter_records), pins)
    cells = {**signed_cells(begin, end), **meter_cells(meters, pins)}
    cells["kind"] = "session"
    cells["verdict"] = report.verdict.name.lower()
    if form.has_records:
        cells |= {"begin_record": first, "end_record": last, "meter_records": "\n".join(one.strip() for one in meters)}
    return cells


def _unsigned_cells(session: ArchivedSession) -> dict[str, Cell]:
    """A session whose pages are durable and not signed yet: the next start signs them."""
    begun, ended = session.begun, session.ended
    if ended is None:
        raise ValueError("a session that still runs has no row")
    return {
        "kind": "session",
        "session": begun.session,
        "socket": begun.socket,
        "user": begun.token or "",
        "meter_vendor": begun.vendor,
        "meter_model": begun.model,
        "meter_serial": begun.serial,
        "begin_time": begun.at.utc.isoformat(timespec="milliseconds"),
        "end_time": ended.at.utc.isoformat(timespec="milliseconds"),
        "begin_kwh": begun.kwh,
        "end_kwh": ended.kwh,
        "energy_kwh": ended.energy_kwh,
        "step_kwh": begun.step_kwh,
        "billable": "yes" if ended.billable else "no",
        "not_billed": "" if ended.unbilled is None else ended.unbilled.value,
        "end_kind": ended.kind.value,
        "why": ended.because.why.value,
        "continues": begun.continues or "",
        "begin_page": f"T{begun.page}",
        "end_page": f"T{ended.page}",
        "known_by": "" if begun.source is None else begun.source.value,
    }


def _row(cells: Mapping[str, Cell], form: TableForm) -> str:
    texts = []
    for name in HEADER:
        cell = cells.get(name, "")
        texts.append(number_text(cell).replace(".", form.decimal) if isinstance(cell, Decimal) else cell)
    return _line(texts, form.separator)


def _line(cells: Iterable[str], separator: str) -> str:
    return separator.join(_cell(cell, separator) for cell in cells) + "\r\n"


def _cell(text: str, separator: str) -> str:
    if text.startswith(_GUARDED_STARTS):
        text = f"'{text}"
    if any(sign in text for sign in (separator, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text
