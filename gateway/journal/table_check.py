"""A table that was exported, read back: is each cell what was signed, and is it the whole table?"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import Final

from gateway.journal.facts import EnergyOutside
from gateway.journal.heads import table_text
from gateway.journal.tables import (
    BYTE_ORDER_MARK,
    HEADER,
    LINE_END,
    OLD_HEADER,
    Cell,
    in_form,
    meter_cells,
    outside_cells,
    signed_cells,
    unguarded,
)
from gateway.metering.keys import PublicKey, has_low_s
from gateway.metering.meter_signed import meter_energy_claimed, meter_proof
from gateway.metering.ocmf import number_text
from gateway.metering.pins import Pin, pin_for
from gateway.metering.record import claimed_fields, claimed_identity, claimed_record
from gateway.metering.verdicts import Finding, Grade, Reason, Verdict
from gateway.metering.verification import Submitted

_SEPARATORS: Final = (";", ",", "\t")
_HEAD_BYTES_MAX: Final = 4096
_SURE_COLUMNS: Final = frozenset({"kind", "session", "begin_kwh", "end_kwh", "begin_page", "end_page"})
_SURE_COLUMNS_MIN: Final = 4
_CLOSED: Final = re.compile(r"\|[^|]*\|[^|]*\}\s*\Z")
"""Payload and signature of a record that ends here."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}([.,][0-9]{1,20})?", re.ASCII)


class NotATable(ValueError):  # noqa: N818 - names what the file is
    """The bytes are no table of ours."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row. where: file and line; cells: by column, without the guard against formulas."""

    where: str
    cells: Mapping[str, str]

    @property
    def session(self) -> str:
        return self.cells["session"]

    @property
    def records(self) -> tuple[str, str]:
        """The texts of both records; empty where the row only refers to them."""
        return self.cells.get("begin_record", ""), self.cells.get("end_record", "")


@dataclass(frozen=True, slots=True)
class Table:
    """A table. content: its exact bytes; header: the columns, in their order."""

    where: str
    rows: tuple[TableRow, ...]
    content: bytes
    header: tuple[str, ...] = HEADER

    @property
    def gateway(self) -> str:
        """The serial of the gateway that exported it, as the last row says."""
        return self.rows[-1].cells.get("gateway", "") if self.rows else ""

    def as_written(self) -> Iterator[bytes]:
        """The same cells in every form in which this program writes them."""
        for rows in (self.rows, *(tuple(self._with_all_digits(sign)) for sign in ",.")):
            cells = [self.header, *(tuple(row.cells[name] for name in self.header) for row in rows)]
            for mark in (BYTE_ORDER_MARK, ""):
                yield from (in_form(cells, separator, mark) for separator in _SEPARATORS[:2])

    def _with_all_digits(self, sign: str) -> Iterator[TableRow]:
        """The rows with the zeros that a spreadsheet leaves away, as their records have them; energy outside sessions
        as the sessions of its meter. sign: of decimals."""
        decimals: dict[str, int] = {}
        for row in self.rows:
            signed = _signed_numbers(row)
            meter = row.cells["meter_serial"]
            if "begin_kwh" in signed:
                decimals[meter] = _decimals(signed["begin_kwh"])
            elif row.cells["kind"] == "outside":
                places = decimals.get(meter, max(decimals.values(), default=0))
                signed = _filled_up(row, places)
            shown = {name: value for name, value in signed.items() if _is_shown(row.cells.get(name, ""), value)}
            texts = {name: number_text(value).replace(".", sign) for name, value in shown.items()}
            yield replace(row, cells={**row.cells, **texts})

    def submitted(self) -> Iterator[Submitted]:
        """The records that stand in it."""
        for row in self.rows:
            for record in row.records:
                if record:
                    yield Submitted(record, row.where, None, row.session)


def _signed_numbers(row: TableRow) -> dict[str, Decimal]:
    """What the records in the row say, by column."""
    expected = _expected(*row.records) or {}
    numbers = {name: cell for name, cell in expected.items() if isinstance(cell, Decimal)}
    claimed = meter_energy_claimed(_meter_texts(row))
    return numbers if claimed is None else {**numbers, "meter_energy_kwh": claimed}


def _filled_up(row: TableRow, decimals: int) -> dict[str, Decimal]:
    """The numbers of a row without records, with so many decimals at least."""
    cells = {name: row.cells[name] for name in ("begin_kwh", "end_kwh", "energy_kwh")}
    numbers = {name: Decimal(cell.replace(",", ".")) for name, cell in cells.items() if _NUMBER.fullmatch(cell)}
    return {name: one + Decimal(0).scaleb(-max(decimals, _decimals(one))) for name, one in numbers.items()}


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _meter_texts(row: TableRow) -> list[str]:
    """The meter's own records: one may hold line ends between its fields."""
    texts: list[str] = []
    for line in row.cells.get("meter_records", "").split("\n"):
        is_open = bool(texts) and texts[-1].startswith("OCMF|") and not _CLOSED.search(texts[-1])
        if is_open and not line.startswith("OCMF|"):
            texts[-1] += f"\n{line}"
        elif line:
            texts.append(line)
    return texts


def is_table(content: bytes) -> bool:
    """Whether the bytes begin as a table of ours does, in whatever order and form some program left its columns."""
    head = _text(content[:_HEAD_BYTES_MAX], errors="replace").split("\n", 1)[0].lower()
    return any(
        len(_SURE_COLUMNS.intersection(cell.strip(' "\r') for cell in head.split(separator))) >= _SURE_COLUMNS_MIN
        for separator in _SEPARATORS
    )


def _text(content: bytes, errors: str = "strict") -> str:
    """Without what spreadsheets put before a table. Raises UnicodeDecodeError."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    text = content.decode(encoding, errors).removeprefix(BYTE_ORDER_MARK)
    return text.partition("\n")[2] if text.startswith("sep=") else text


def table_of(content: bytes, where: str) -> Table:
    """The table. Raises NotATable, which says in which line it is none."""
    try:
        text = _text(content)
    except UnicodeDecodeError as problem:
        raise NotATable(f"it is not UTF-8 at byte {problem.start}") from None
    first = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader((f"{line}\n" for line in text.removesuffix("\n").split("\n")), delimiter=separator, strict=True)
    rows = []
    try:
        header = tuple(next(reader))
        if header not in {HEADER, OLD_HEADER}:
            raise NotATable("its columns are not those that laddvakt export writes")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise NotATable(f"line {reader.line_num} has {len(cells)} cells instead of {len(header)}")
            named = {name: unguarded(cell) for name, cell in zip(header, cells, strict=True)}
            rows.append(TableRow(f"{where}:{reader.line_num}", named))
    except csv.Error as problem:
        raise NotATable(f"line {reader.line_num}: {problem}") from None
    return Table(where, tuple(rows), content, header)


def seal_findings(table: Table, key: PublicKey | None) -> Iterable[Finding]:
    """Whether the table is whole. key: the one that is pinned for the gateway that it names."""
    last = table.rows[-1].cells if table.rows else {}
    signature = last.get("signature", "")
    if not signature:
        yield Finding(Reason.TABLE_UNSIGNED, table.where)
        outside = sum(row.cells["kind"] == "outside" for row in table.rows)
        if outside:
            yield Finding(Reason.UNSIGNED, table.where, f"outside: {outside}")
    elif key is None:
        yield Finding(Reason.KEY_NOT_PINNED, table.where, table.gateway)
    else:
        head = last["journal_head"]
        if _is_sealed(table.content, key, table.gateway, head, signature):
            return
        resaved = any(_is_sealed(form, key, table.gateway, head, signature) for form in table.as_written())
        yield Finding(Reason.TABLE_RESAVED if resaved else Reason.TABLE_CHANGED, table.where)


def _is_sealed(content: bytes, key: PublicKey, gateway: str, head: str, signature: str) -> bool:
    end = signature.encode() + LINE_END
    text = table_text(_ascii(gateway), _ascii(head), sha256(content.removesuffix(end)).hexdigest())
    return content.endswith(end) and _is_signed(key, text, signature)


def row_findings(
    table: Table, submitted: Sequence[Submitted], verdicts: Mapping[str, Verdict], pins: Sequence[Pin] = ()
) -> Iterable[Finding]:
    """What each row says against what was signed. submitted: records beside the table, for rows that only refer to
    theirs; verdicts: by session, what its records proved; pins: for the meters' own records, which are held against
    their signatures only where their key is among them."""
    by_page = {}
    for one in submitted:
        fields = claimed_fields(one.text)
        if fields is not None:
            by_page[str(fields.get("XS")), str(fields.get("PG"))] = one.text
    seen: set[str] = set()
    for row in table.rows:
        match row.cells["kind"]:
            case "session" if row.session in seen:
                yield Finding(Reason.REPLAYED, row.where, row.session)
            case "session":
                seen.add(row.session)
                yield from _session_findings(row, by_page, verdicts)
                yield from _meter_findings(row, pins)
            case "outside":
                yield from _outside_findings(row)
            case other:
                yield Finding(Reason.CELL_CHANGED, row.where, f"kind: {other}")


def outside_cells_of(rows: Sequence[Mapping[str, str]], booked: Sequence[EnergyOutside]) -> bool:
    """Whether these rows of energy outside sessions are those of the journal, in its order."""
    if len(rows) != len(booked):
        return False
    pairs = zip(rows, booked, strict=True)
    return all(_is_shown(row[name], cell) for row, one in pairs for name, cell in outside_cells(one).items())


def _is_signed(key: PublicKey, text: bytes, signature: str) -> bool:
    try:
        octets = bytes.fromhex(signature)
        return has_low_s(octets) and octets.hex().upper() == signature and key.verifies(text, octets)
    except ValueError:
        return False


def _ascii(text: str) -> str:
    """What no signed text can hold becomes a question mark, so that its signature is wrong and nothing raises."""
    return text.encode("ascii", errors="replace").decode("ascii")


def _session_findings(
    row: TableRow, by_page: Mapping[tuple[str, str], str], verdicts: Mapping[str, Verdict]
) -> Iterable[Finding]:
    named = (by_page.get((row.session, row.cells[name]), "") for name in ("begin_page", "end_page"))
    begin, end = (inside or outside for inside, outside in zip(row.records, named, strict=True))
    if not begin or not end:
        unsigned = row.cells.get("grade") == Grade.UNSIGNED.value
        yield Finding(Reason.UNSIGNED if unsigned else Reason.RECORD_NOT_HERE, row.where, row.session)
        return
    expected = _expected(begin, end)
    if expected is None:
        yield Finding(Reason.CELL_CHANGED, row.where, "begin_record, end_record")
        return
    if "grade" in row.cells:
        verdict = verdicts.get(row.session)
        expected["verdict"] = row.cells["verdict"] if verdict is None else verdict.name.lower()
    for name, signed in expected.items():
        if name in row.cells and not _is_shown(row.cells[name], signed):
            yield Finding(Reason.CELL_CHANGED, row.where, f"{name}: {row.cells[name]}, {signed}")


def _meter_findings(row: TableRow, pins: Sequence[Pin]) -> Iterable[Finding]:
    """The grade and what stands in the row of the meter's own records."""
    grade = row.cells.get("grade", Grade.UNSIGNED.value)
    if grade == Grade.UNSIGNED.value:
        return
    texts = _meter_texts(row)
    proof = meter_proof(texts, pins) if all(_pinned(text, pins) for text in texts) else None
    forms = [claimed_record(text, row.where) for text in texts]
    yield from (form for form in forms if isinstance(form, Finding))
    shown = row.cells["meter_energy_kwh"]
    expected: dict[str, Cell] = {"grade": (Grade.METER_SIGNED if shown else Grade.GATEWAY_SIGNED).value}
    if proof is not None:
        yield from (replace(finding, where=row.where) for finding in proof.findings)
        # What the exporter's pin was worth then is no matter now.
        expected = {name: cell for name, cell in meter_cells(texts, pins).items() if name != "meter_verdict"}
    elif texts:
        # Whose key is not pinned here shows at least what it claims; the rest is the word of whoever signed the table.
        energy = meter_energy_claimed(texts)
        expected |= {"meter_energy_kwh": "" if energy is None or not shown else energy}
    elif row.records[0]:
        expected |= {"meter_energy_kwh": "", "meter_verdict": ""}
    for name, signed in expected.items():
        if not _is_shown(row.cells[name], signed):
            yield Finding(Reason.CELL_CHANGED, row.where, f"{name}: {row.cells[name]}, {signed}")


def _pinned(text: str, pins: Sequence[Pin]) -> bool:
    identity = claimed_identity(text)
    return identity is not None and pin_for(pins, *identity) is not None


def _expected(begin: str, end: str) -> dict[str, Cell] | None:
    first, last = claimed_fields(begin), claimed_fields(end)
    try:
        return None if first is None or last is None else signed_cells(first, last)
    except (KeyError, TypeError, IndexError, ArithmeticError, ValueError):
        return None


def _is_shown(cell: str, signed: Cell) -> bool:
    if isinstance(signed, Decimal):
        return _NUMBER.fullmatch(cell) is not None and Decimal(cell.replace(",", ".")) == signed
    return cell == signed


def _outside_findings(row: TableRow) -> Iterable[Finding]:
    """The rows of energy outside sessions add up; that they are ours is what the signature of the table says."""
    texts = [row.cells[name] for name in ("begin_kwh", "end_kwh", "energy_kwh")]
    if not all(_NUMBER.fullmatch(text) for text in texts):
        yield Finding(Reason.CELL_CHANGED, row.where, ", ".join(texts))
        return
    begin, end, energy = (Decimal(text.replace(",", ".")) for text in texts)
    if end - begin != energy or energy < 0:
        yield Finding(Reason.CELL_CHANGED, row.where, ", ".join(texts))
