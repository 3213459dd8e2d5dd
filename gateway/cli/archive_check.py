"""Checks an archive from the outside in: its bytes, its parts, its signature, the journal's chain, every record, the
table against the records, and keys and configs against the journal."""

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from gateway.cli.archive_form import (
    DIGEST_BYTES,
    FORMAT,
    MANIFEST,
    PIECE_BYTES,
    ROWS,
    SEAL_START,
    SIGNATURE,
    TABLE,
    derived_parts,
    digest_before_seal,
)
from gateway.errors import JournalDamaged
from gateway.ids import SessionId
from gateway.journal.archive import Archive
from gateway.journal.audit import Audit
from gateway.journal.chain import Head, StoredRow
from gateway.journal.facts import ControlCheckpoint
from gateway.journal.heads import archive_text
from gateway.journal.imports import pins_of_facts
from gateway.journal.rows import fact_of, kind_of
from gateway.journal.table_check import NotATable, Table, outside_cells_of, row_findings, seal_findings, table_of
from gateway.journal.tables import meter_cells
from gateway.metering.keys import PublicKey, has_low_s, public_key
from gateway.metering.meter_signed import those_proven
from gateway.metering.ocmf import number_text
from gateway.metering.verdicts import Finding, Reason, Report, SessionReport
from gateway.metering.verification import Submitted, verified

ROW_BYTES_MAX: Final = 16 * 1024 * 1024
MANIFEST_BYTES_MAX: Final = 1024 * 1024
PART_BYTES_MAX: Final = 1024 * 1024 * 1024
"""Of every part but the rows, which are read one by one."""
_BROKEN: Final = (
    OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, LookupError,
    TypeError, AttributeError, ArithmeticError, zipfile.LargeZipFile,
)  # fmt: skip
"""What reading a ZIP that somebody damaged or made on purpose can raise."""


@dataclass(frozen=True, slots=True)
class CheckedArchive:
    """What was found. serials: the gateway's, one for each of its keys, the newest last; page: the newest that the
    trusted key signed, 0 if there is none."""

    report: Report
    serials: tuple[str, ...]
    page: int


class _Damaged(Exception):  # noqa: N818 - caught in this file alone
    """Says which part is not what was written."""


def checked_archive(file: Path, trusted: PublicKey | None, expected: Head | None) -> CheckedArchive:
    """Everything that can be said of the archive. trusted: the key that somebody pinned, None where a store of pins
    has none for it; expected: a head that was published. Raises OSError if the file cannot be read at all."""
    check = _Check(str(file), trusted)
    if not _ends_with_its_digest(file):
        check.wrong(Reason.ARCHIVE_DAMAGED, "SHA-256")
    try:
        with zipfile.ZipFile(file) as zipped:
            check.run(zipped, expected)
    except _Damaged as problem:
        check.wrong(Reason.ARCHIVE_DAMAGED, str(problem))
    except JournalDamaged as problem:
        check.wrong(Reason.JOURNAL_DAMAGED, str(problem))
    except _BROKEN as problem:
        check.wrong(Reason.ARCHIVE_DAMAGED, repr(problem)[:200])
    serials = tuple(made.serial for made in check.archive.keys)
    trusted_hex = None if trusted is None else trusted.hex
    page = max((one.page.page for one in check.archive.pages if one.page.key == trusted_hex), default=0)
    return CheckedArchive(Report(tuple(check.sessions), tuple(check.findings)), serials, page)


def _ends_with_its_digest(file: Path) -> bool:
    with file.open("rb") as stream:
        size = len(SEAL_START) + DIGEST_BYTES
        stream.seek(max(0, file.stat().st_size - size))
        return stream.read() == SEAL_START + digest_before_seal(file).encode("ascii")


@dataclass(slots=True)
class _Check:
    """One archive while it is checked."""

    where: str
    trusted: PublicKey | None
    archive: Archive = field(default_factory=Archive)
    findings: list[Finding] = field(default_factory=list)
    sessions: list[SessionReport] = field(default_factory=list)

    def wrong(self, reason: Reason, detail: str) -> None:
        self.findings.append(Finding(reason, self.where, detail))

    def run(self, zipped: zipfile.ZipFile, expected: Head | None) -> None:
        contents = _contents(zipped)
        audit = Audit(expected)
        self._read_rows(zipped, contents, audit)
        self._require_key(audit)
        if contents["head"] != str(audit.head) or contents["gateway"] != self.archive.keys[-1].serial:
            raise _Damaged(MANIFEST)
        self._check_signature(zipped, contents)
        _require_parts(zipped, contents["parts"])
        self._check_derived(zipped)
        self._check_records()
        self._check_table(zipped)

    def _read_rows(self, zipped: zipfile.ZipFile, contents: dict[str, Any], audit: Audit) -> None:
        digest, size = sha256(), 0
        with zipped.open(ROWS) as stream:
            while line := stream.readline(ROW_BYTES_MAX):
                digest.update(line)
                size += len(line)
                seq, name, text, hashed = json.loads(line)
                row = StoredRow(seq, text, bytes.fromhex(hashed), name)
                audit.absorb(row)
                if kind_of(seq, text) != ControlCheckpoint.__name__:
                    self.archive.absorb(fact_of(seq, text))
        audit.finish()
        if [size, digest.hexdigest()] != contents["parts"][ROWS]:
            raise _Damaged(ROWS)
        if audit.covered.seq != audit.head.seq - 1:
            raise JournalDamaged(f"it goes on behind row {audit.covered.seq}, the last that the key vouches for")

    def _require_key(self, audit: Audit) -> None:
        if self.trusted is None:
            self.wrong(Reason.KEY_NOT_PINNED, ", ".join(audit.memory.keys.values()))
        elif self.trusted.hex not in audit.memory.keys:
            self.wrong(Reason.FOREIGN_KEY, public_key(self.archive.keys[-1].public_key).fingerprint)

    def _check_signature(self, zipped: zipfile.ZipFile, contents: dict[str, Any]) -> None:
        if SIGNATURE not in zipped.namelist():
            self.wrong(Reason.ARCHIVE_UNSIGNED, "")
            return
        signature, digest = _read(zipped, SIGNATURE), sha256(_read(zipped, MANIFEST)).hexdigest()
        octets = bytes.fromhex(signature.decode("ascii"))
        text = archive_text(contents["gateway"], contents["head"], digest)
        newest = public_key(self.archive.keys[-1].public_key)
        exact = octets.hex().upper().encode("ascii") == signature
        if not exact or not has_low_s(octets) or not newest.verifies(text, octets):
            raise _Damaged(SIGNATURE)

    def _check_derived(self, zipped: zipfile.ZipFile) -> None:
        """Keys, configs and records are those of the journal, and no others."""
        parts = derived_parts(self.archive)
        for name, content in parts.items():
            if _read(zipped, name) != content:
                self.wrong(Reason.ARCHIVE_DAMAGED, name)
        own = {name for name in zipped.namelist() if name.startswith(("keys/", "config/"))}
        for name in sorted(own - parts.keys()):
            self.wrong(Reason.ARCHIVE_DAMAGED, name)

    def _check_records(self) -> None:
        for made in self.archive.keys:
            pages = [page for page in self.archive.pages if page.page.key == made.public_key]
            if pages:
                submitted = [Submitted(page.record, f"T{page.page.page}") for page in pages]
                report = verified(submitted, public_key(made.public_key), whole_key=True)
                self.sessions += [self._known_to_run(session) for session in report.sessions]
                self.findings += report.findings

    def _known_to_run(self, report: SessionReport) -> SessionReport:
        """Where the journal itself shows that a session has not ended, its end is not missing."""
        session = self.archive.sessions.get(SessionId(report.session))
        if session is None or session.ended is not None:
            return report
        return replace(report, findings=tuple(one for one in report.findings if one.reason is not Reason.END_MISSING))

    def _check_table(self, zipped: zipfile.ZipFile) -> None:
        where = f"{self.where}/{TABLE}"
        try:
            table = table_of(_read(zipped, TABLE), where)
        except NotATable as problem:
            self.findings.append(Finding(Reason.TABLE_NOT_RIGHT, where, str(problem)))
            return
        submitted = [Submitted(page.record, "") for page in self.archive.pages]
        proven = {session.session: session.verdict for session in self.sessions}
        self.findings += row_findings(table, submitted, proven)
        self.findings += self._meter_findings(table)
        shown = [row.session for row in table.rows if row.cells["kind"] == "session"]
        ended = [name for name, session in self.archive.sessions.items() if session.ended is not None]
        outside = [row.cells for row in table.rows if row.cells["kind"] == "outside"]
        if shown != ended or not outside_cells_of(outside, self.archive.outside):
            self.findings.append(Finding(Reason.TABLE_CHANGED, where))
        if SIGNATURE in zipped.namelist() and table.rows:
            self.findings += seal_findings(table, public_key(self.archive.keys[-1].public_key))

    def _meter_findings(self, table: Table) -> Iterator[Finding]:
        """The meters' own records stand beside the table: what its rows say of them is held against the journal's."""
        pins = pins_of_facts(self.archive.meter_keys)
        for row in table.rows:
            session = self.archive.sessions.get(SessionId(row.session))
            if session is None or not session.is_whole:
                continue
            cells = meter_cells(those_proven((record.text for record in session.meter_records), pins), pins)
            shown = {name: row.cells[name].replace(",", ".") for name in cells}
            if shown != {name: cell if isinstance(cell, str) else number_text(cell) for name, cell in cells.items()}:
                yield Finding(Reason.CELL_CHANGED, row.where, ", ".join(shown.values()))


def _contents(zipped: zipfile.ZipFile) -> dict[str, Any]:
    """MANIFEST.json. Raises _Damaged unless exactly what it names is there, each once."""
    contents: dict[str, Any] = json.loads(_read(zipped, MANIFEST, MANIFEST_BYTES_MAX))
    if contents["format"] != FORMAT:
        raise _Damaged(f"{MANIFEST}: format {contents['format']}, this program knows {FORMAT}")
    names = zipped.namelist()
    parts = {*contents["parts"], MANIFEST}
    if len(set(names)) != len(names) or set(names) - {SIGNATURE} != parts:
        raise _Damaged(", ".join(sorted(_odd(names, parts))))
    return contents


def _odd(names: Iterable[str], parts: set[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen or name not in {*parts, SIGNATURE}:
            yield name
        seen.add(name)
    yield from parts - seen


def _require_parts(zipped: zipfile.ZipFile, parts: dict[str, Any]) -> None:
    for name, (size, digest) in parts.items():
        if name == ROWS:
            continue  # read already, row by row
        content = _read(zipped, name)
        if len(content) != size or sha256(content).hexdigest() != digest:
            raise _Damaged(name)


def _read(zipped: zipfile.ZipFile, name: str, bytes_max: int = PART_BYTES_MAX) -> bytes:
    """A part, however much a forged one would unpack to."""
    with zipped.open(name) as stream:
        pieces, size = [], 0
        while piece := stream.read(PIECE_BYTES):
            size += len(piece)
            if size > bytes_max:
                raise _Damaged(f"{name}: more than {bytes_max} bytes")
            pieces.append(piece)
    return b"".join(pieces)
