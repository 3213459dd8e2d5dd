"""What people hand in to be verified: S.A.F.E. XML, OCMF one record a line, a table, a load profile or an archive."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from gateway.cli.archive_form import is_archive
from gateway.journal.table_check import NotATable, Table, is_table, table_of
from gateway.metering.keys import NotAKey, PublicKey, public_key
from gateway.metering.pins import PINS_BYTES_MAX, NotAPinStore, Pin, pins_of
from gateway.metering.profile_csv import NotAProfile, ProfileCells, is_profile, rows_in
from gateway.metering.record import END_LETTERS, claimed_fields
from gateway.metering.safe_xml import NotSafeXml, safe_values
from gateway.metering.verdicts import Finding, Reason
from gateway.metering.verification import Submitted

KEY_BYTES_MAX: Final = 65_536
FILE_BYTES_MAX: Final = 256 * 1024 * 1024
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
"""A record may hold the other signs that Unicode takes for the end of a line."""
_PAGE_MAX: Final = 20
"""Characters of a page that is looked at."""


@dataclass(slots=True)
class HandedIn:
    """Everything of all files. in_tables, beside: records of tables, and of files that hold nothing else; archives:
    files that are one, not read yet; profiles: rows of load profiles; findings: what could not be read."""

    in_tables: list[Submitted] = field(default_factory=list)
    beside: list[Submitted] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    archives: list[Path] = field(default_factory=list)
    profiles: list[list[ProfileCells]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def submitted(self) -> list[Submitted]:
        """All records."""
        return [*self.in_tables, *self.beside]

    def once(self) -> list[Submitted]:
        """The records, those of a table once: a file beside it that holds them too is no second session. What two such
        files hold stands twice."""
        shown = {one.text for one in self.in_tables}
        found = list(self.in_tables)
        for one in self.beside:
            if one.text in shown:
                shown.discard(one.text)
            else:
                found.append(one)
        return found

    def take(self, file: Path) -> None:
        """Adds a file. Raises OSError."""
        if is_archive(file):
            self.archives.append(file)
            return
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise OSError(0, f"larger than {FILE_BYTES_MAX} bytes; hand it in in parts")
        try:
            if is_table(content):
                table = table_of(content, str(file))
                self.tables.append(table)
                self.in_tables += table.submitted()
            elif is_profile(content):
                self.profiles.append(rows_in(content, str(file)))
            else:
                self.findings += misplaced_in(content, str(file))
                self.beside += records_of(content, str(file))
        except NotSafeXml as problem:
            self.findings.append(Finding(Reason.XML_NOT_RIGHT, str(file), str(problem)))
        except (NotATable, NotAProfile) as problem:
            self.findings.append(Finding(Reason.TABLE_NOT_RIGHT, str(file), str(problem)))


def records_in(file: Path) -> list[Submitted]:
    """The records of one file, without tables. Raises OSError, NotSafeXml."""
    return records_of(file.read_bytes(), str(file))


def records_of(content: bytes, file: str) -> list[Submitted]:
    """The records in the bytes of S.A.F.E. XML or of lines, each with its place. Raises NotSafeXml."""
    if _is_xml(content):
        return [
            Submitted(value.record, f"{file}[{at}]", value.key, f"{file}#{value.transaction}")
            for at, value in enumerate(safe_values(content), 1)
        ]
    lines = _LINE_END.split(_text(content))
    if any(lines) and not any(line.lstrip().startswith("OCMF|") for line in lines):
        return [Submitted("OCMF|", file)]
    return [Submitted(line, f"{file}:{at}") for at, line in enumerate(lines, 1) if line.strip()]


def _text(content: bytes) -> str:
    """As editors save it, with or without a mark before it."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    return content.decode(encoding, errors="replace").removeprefix("\ufeff")


def misplaced_in(content: bytes, file: str) -> list[Finding]:
    """Values of S.A.F.E. XML that say begin of an end, or end of a begin: whoever made the file turned them round."""
    found = []
    for at, value in enumerate(safe_values(content) if _is_xml(content) else (), 1):
        readings = (claimed_fields(value.record) or {}).get("RD")
        letters = {str(each.get("TX")) for each in readings or () if isinstance(each, dict)}
        has_begin, has_end = "B" in letters, bool(letters & END_LETTERS)
        turned = {"Transaction.Begin": has_end and not has_begin, "Transaction.End": has_begin and not has_end}
        if turned.get(value.context, False):
            found.append(Finding(Reason.XML_NOT_RIGHT, f"{file}[{at}]", f"{value.context}: TX {', '.join(letters)}"))
    return found


def _is_xml(content: bytes) -> bool:
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def absent_pages(submitted: Iterable[Submitted]) -> dict[str, list[tuple[int, int]]]:
    """By gateway serial: pages (first and last) between those of our records here that are not here themselves."""
    pages: dict[str, set[int]] = {}
    for one in submitted:
        fields = claimed_fields(one.text)
        page = "" if fields is None else str(fields.get("PG"))
        if fields is not None and "XI" in fields and page[:1] == "T" and page[1:].isdecimal() and len(page) < _PAGE_MAX:
            pages.setdefault(str(fields.get("GS")), set()).add(int(page[1:]))
    gaps = {
        serial: [(low + 1, high - 1) for low, high in pairwise(sorted(found)) if high - low > 1]
        for serial, found in pages.items()
    }
    return {serial: found for serial, found in gaps.items() if found}


def pinned_key(text: str) -> PublicKey:
    """The key from the text itself, or from the file of that name. Raises NotAKey, OSError."""
    try:
        return public_key(text)
    except NotAKey:
        path = Path(text)
        if not path.is_file():
            raise
        with path.open("rb") as stream:
            return public_key(_text(stream.read(KEY_BYTES_MAX)))


def pinned_keys(store: Path) -> tuple[Pin, ...]:
    """The pins of a store. Raises OSError, UnicodeDecodeError, NotAPinStore."""
    with store.open("rb") as stream:
        content = stream.read(PINS_BYTES_MAX + 1)
    if len(content) > PINS_BYTES_MAX:
        raise NotAPinStore(f"larger than {PINS_BYTES_MAX} bytes")
    return pins_of(content.decode("ascii"))
