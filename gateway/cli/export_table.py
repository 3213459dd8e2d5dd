"""The exported table with the gateway's signature over it, where its key lies beside the journal."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.devices.key_store import KeyStore
from gateway.errors import ConfigMistake, DeviceError
from gateway.journal.archive import Archive, ArchivedSession
from gateway.journal.facts import EnergyOutside, KeyHandedOver, KeyMade
from gateway.journal.imports import pins_of_facts
from gateway.journal.tables import BYTE_ORDER_MARK, Exporter, TableForm, csv_text, sealed


def table_bytes(
    args: argparse.Namespace,
    folder: Path,
    archive: Archive,
    sessions: Sequence[ArchivedSession],
    outside: Sequence[EnergyOutside],
) -> bytes:
    """The whole table in UTF-8, in the form that the arguments ask for."""
    decimal = args.decimal or ("," if args.separator == ";" else ".")
    form = TableForm(args.separator, decimal, not args.without_records)
    return sealed_table(folder, archive, sessions, outside, form=form, mark="" if args.no_bom else BYTE_ORDER_MARK)


def sealed_table(
    folder: Path,
    archive: Archive,
    sessions: Sequence[ArchivedSession],
    outside: Sequence[EnergyOutside],
    *,
    form: TableForm,
    mark: str = "",
) -> bytes:
    """The table with its signature; where a copy of a journal has no key beside it, without one, and that is printed.

    mark: what stands before it.
    """
    head = "" if archive.head is None else f"{archive.head.seq}:{archive.head.hash}"
    pins = pins_of_facts(archive.meter_keys)
    exporter = Exporter(archive.keys[-1].serial if archive.keys else "", head, pins)
    table = (mark + csv_text(sessions, outside, form, exporter)).encode("utf-8")
    key = signing_key(folder, archive.keys[-1]) if head and archive.keys else None
    return table if key is None else sealed(table, key.sign, exporter)


def signing_key(folder: Path, made: KeyMade | KeyHandedOver) -> KeyStore | None:
    """The journal's own key, None if it does not lie beside it or is not to be read; then the reason is printed."""
    try:
        key = KeyStore.load(folder) if KeyStore.exists(folder) else None
    except (ConfigMistake, DeviceError) as problem:
        print(f"not signed as a whole: {problem}", file=sys.stderr)
        return None
    if key is None or key.public_key_hex != made.public_key:
        print(f"not signed as a whole: the gateway's key is not in {folder}", file=sys.stderr)
        return None
    return key
