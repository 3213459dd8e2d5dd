"""The load profile as a table: quarter hours with their registers, each row with both signatures.

It is checked with `laddvakt verify FILE --key KEY`: row by row, with what of the energy is proven.
"""

import argparse
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

from gateway.devices.journal_file import opened_for_reading, verified_facts
from gateway.errors import ConfigMistake, DeviceError, Mistake
from gateway.journal.profile_archive import ProfileArchive, profile_archive_of
from gateway.journal.tables import BYTE_ORDER_MARK
from gateway.metering.keys import public_key
from gateway.metering.load_profile import SITE, PeriodRow, is_proven
from gateway.metering.profile_csv import csv_lines
from gateway.metering.profile_proof import SignatureState, signature_worth
from gateway.metering.profile_table import TableLine, table_of

MARGIN: Final = timedelta(days=1)
"""Rows beside the period are read too: what they leave open is told of the rows in it."""


def profile_bytes(args: argparse.Namespace, folder: Path, zone: tzinfo) -> bytes:
    """The table in UTF-8, in the form that the arguments ask for. Raises DeviceError, JournalDamaged, ConfigMistake."""
    asked = {f"--{name}": getattr(args, name) for name in ("session", "user")}
    mistakes = tuple(
        Mistake(name, str(value), "A load profile is of sockets, not of sessions.", "Leave it out; name a --socket.")
        for name, value in asked.items()
        if value is not None
    )
    if mistakes:
        raise ConfigMistake("arguments", mistakes)
    place: str | None = SITE if args.socket in {"site", SITE} else args.socket

    def wanted(row: PeriodRow) -> bool:
        return place in {None, row.place} and _is_near(row, args.since, args.until)

    with opened_for_reading(folder) as connection:
        archive = profile_archive_of(verified_facts(connection), wanted)
    if place is not None and place not in archive.places:
        known = ", ".join(sorted(archive.places)) or "none yet"
        raise DeviceError(f"there is no load profile of {place} in the journal; there is of: {known}")
    decimal = args.decimal or ("," if args.separator == ";" else ".")
    text = "".join(csv_lines(_lines(archive, args.since, args.until), zone, args.separator, decimal))
    return (("" if args.no_bom else BYTE_ORDER_MARK) + text).encode("utf-8")


def _is_near(row: PeriodRow, since: datetime | None, until: datetime | None) -> bool:
    if not is_proven(row.state):
        return True
    return (since is None or row.utc >= since - MARGIN) and (until is None or row.utc < until + MARGIN)


def _lines(
    archive: ProfileArchive, since: datetime | None, until: datetime | None
) -> Iterator[tuple[TableLine, SignatureState]]:
    times = archive.times
    keys = {serial: public_key(key) for serial, key in archive.key_of.items()}
    for place in sorted(archive.rows):
        for line in table_of(archive.rows[place], times, since, until):
            one = line.registered
            if one is None:
                yield line, SignatureState.NONE
                continue
            worth = signature_worth(one.row, one.signature_register, one.signature_time, keys[one.row.device])
            yield line, worth.state
