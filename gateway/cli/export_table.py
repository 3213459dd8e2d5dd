"""The exported table with the gateway's signature over it, where its key lies beside the journal."""

import argparse
import itertools
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.devices.journal_sessions import outside_in, sessions_in
from gateway.devices.key_store import KeyStore
from gateway.errors import ConfigMistake, DeviceError
from gateway.journal.contents import Contents
from gateway.journal.facts import KeyHandedOver, KeyMade
from gateway.journal.imports import pins_of_facts
from gateway.journal.tables import BYTE_ORDER_MARK, Exporter, TableForm, csv_lines, sealed


def table_lines(
    args: argparse.Namespace, folder: Path, connection: sqlite3.Connection, contents: Contents
) -> Iterator[bytes]:
    """The whole table in UTF-8, in the form that the arguments ask for."""
    decimal = args.decimal or ("," if args.separator == ";" else ".")
    form = TableForm(args.separator, decimal, not args.without_records)
    mark = "" if args.no_bom else BYTE_ORDER_MARK
    return sealed_table(folder, connection, contents, form=form, mark=mark)


def sealed_table(
    folder: Path, connection: sqlite3.Connection, contents: Contents, *, form: TableForm, mark: str = ""
) -> Iterator[bytes]:
    """The table with its signature, line by line; where a copy of a journal has no key beside it, without one, and that
    is printed.

    mark: what stands before it.
    """
    pins = pins_of_facts(contents.meter_keys)
    exporter = Exporter(contents.keys[-1].serial if contents.keys else "", contents.head, pins)
    texts = csv_lines(sessions_in(connection, contents), outside_in(connection, contents), form, exporter)
    lines = (text.encode("utf-8") for text in itertools.chain((mark + next(texts),), texts))
    key = signing_key(folder, contents.keys[-1]) if contents.head and contents.keys else None
    return lines if key is None else sealed(lines, key.sign, exporter)


def signing_key(folder: Path, made: KeyMade | KeyHandedOver) -> KeyStore | None:
    """The journal's own key, None if it does not lie beside it or is not to be read; then the reason is printed."""
    try:
        key = KeyStore.load(folder) if KeyStore.exists(folder) else None
    except (ConfigMistake, DeviceError) as problem:
        details = (
            "".join(f"\n  {mistake}" for mistake in problem.mistakes) if isinstance(problem, ConfigMistake) else ""
        )
        print(f"not signed as a whole: {problem}{details}", file=sys.stderr)
        return None
    if key is None or key.public_key_hex != made.public_key:
        print(f"not signed as a whole: the gateway's key is not in {folder}", file=sys.stderr)
        return None
    return key
