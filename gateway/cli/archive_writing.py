"""Writes an archive: the whole journal up to its newest signed head, checked on the way, also while the daemon runs."""

import json
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from gateway.cli.archive_form import (
    DIGEST_BYTES,
    FORMAT,
    MANIFEST,
    METER_RECORDS,
    RECORDS,
    ROWS,
    SEAL_START,
    SIGNATURE,
    TABLE,
    digest_before_seal,
    part_lines,
    small_parts,
)
from gateway.cli.archive_sources import verifier_sources
from gateway.cli.export_table import sealed_table, signing_key
from gateway.devices.journal_file import opened_for_reading, rows_after, rows_newest_first
from gateway.devices.journal_sessions import meter_records_in, records_in
from gateway.errors import DeviceError
from gateway.journal.audit import Audit
from gateway.journal.chain import StoredRow
from gateway.journal.contents import Contents
from gateway.journal.facts import HeadSigned, KeyHandedOver, KeyMade
from gateway.journal.heads import ROWS_PER_SIGNED_HEAD, archive_text
from gateway.journal.rows import kind_of
from gateway.journal.tables import TableForm

LOOK_BACK_ROWS = 4 * ROWS_PER_SIGNED_HEAD
OLDEST = (1980, 1, 1, 0, 0, 0)
"""The only time that stands in the ZIP: the earliest that it knows."""


def write_archive(folder: Path, target: Path) -> None:
    """Writes the file, under its name only when it is whole. Raises DeviceError, JournalDamaged."""
    if target.exists() and not target.is_file():
        raise DeviceError(f"{target}: is no file that an archive may take the place of. Name another one.")
    draft = target.with_name(f"{target.name}.new")
    try:
        with opened_for_reading(folder) as connection:
            newest = _newest_signed(rows_newest_first(connection, LOOK_BACK_ROWS))
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as zipped:
                _Writing(folder, zipped).write(connection, newest)
                zipped.comment = SEAL_START + b"0" * DIGEST_BYTES
        with draft.open("r+b") as stream:
            stream.seek(-DIGEST_BYTES, 2)
            stream.write(digest_before_seal(draft).encode("ascii"))
        draft.replace(target)
    except OSError as problem:
        raise DeviceError(f"{target}: {problem.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def _newest_signed(newest_first: Iterator[StoredRow]) -> int:
    for row in newest_first:
        if kind_of(row.seq, row.text) == HeadSigned.__name__:
            return row.seq
    raise DeviceError("no signed head stands in the journal yet; start the gateway once")


@dataclass(slots=True)
class _Writing:
    """One archive while it is written."""

    folder: Path
    zipped: zipfile.ZipFile
    parts: dict[str, tuple[int, str]] = field(default_factory=dict)

    def write(self, connection: sqlite3.Connection, newest: int) -> None:
        """newest: the last row that goes into it."""
        audit, contents = Audit(), Contents()
        self._write_rows((row for row in rows_after(connection, 0) if row.seq <= newest), audit, contents)
        for name, content in verifier_sources().items():
            self._add(name, (content,))
        for name, content in small_parts(contents.keys, contents.configs, contents.meter_keys).items():
            self._add(name, (content,))
        self._add(RECORDS, part_lines(records_in(connection, contents)))
        self._add(METER_RECORDS, part_lines(kept.text.strip() for kept in meter_records_in(connection, contents)))
        self._add(TABLE, sealed_table(self.folder, connection, contents, form=TableForm(has_records=False)))
        self._add_contents(audit, contents.keys[-1])

    def _write_rows(self, rows: Iterator[StoredRow], audit: Audit, contents: Contents) -> None:
        def lines() -> Iterator[bytes]:
            for row in rows:
                audit.absorb(row)
                contents.absorb(row)
                yield f"{json.dumps([row.seq, row.name, row.text, row.hash.hex()])}\n".encode("ascii")

        self._add(ROWS, lines())
        audit.finish()

    def _add(self, name: str, pieces: Iterable[bytes]) -> None:
        digest, size = sha256(), 0
        with self.zipped.open(_entry(name), "w", force_zip64=True) as stream:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                stream.write(piece)
        self.parts[name] = (size, digest.hexdigest())

    def _add_contents(self, audit: Audit, made: KeyMade | KeyHandedOver) -> None:
        head = str(audit.head)
        contents = {
            "format": FORMAT,
            "gateway": made.serial,
            "head": head,
            "made_utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "parts": self.parts,
        }
        text = json.dumps(contents, indent=1, sort_keys=True).encode("ascii")
        self.zipped.writestr(_entry(MANIFEST), text)
        key = signing_key(self.folder, made)
        if key is not None:
            signature = key.sign(archive_text(made.serial, head, sha256(text).hexdigest()))
            self.zipped.writestr(_entry(SIGNATURE), signature.hex().upper().encode("ascii"))


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, OLDEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
