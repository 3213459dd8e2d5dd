"""The judge of the crash campaigns: reads the rows as they lie on disk and says everything that does not hold."""

import argparse
import contextlib
import io
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.cli import export, journal, verify
from gateway.devices.journal_file import newest_key, opened_for_reading, verified_facts
from gateway.journal.archive import archive_of
from gateway.metering.keys import public_key
from gateway.metering.verdicts import Verdict
from gateway.metering.verification import Submitted, verified

Row = tuple[str, dict[str, Any]]


def rows_on_disk(folder: Path) -> list[Row]:
    """Kind and fact of every row, straight from the file."""
    connection = sqlite3.connect(f"{(folder / 'journal.sqlite3').as_uri()}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT row FROM journal ORDER BY seq").fetchall()
    finally:
        connection.close()
    said = [json.loads(row) for (row,) in rows]
    return [(one["kind"], one["fact"]) for one in said]


def judged(folder: Path, said: Iterable[str], registers: Mapping[str, Decimal]) -> list[str]:
    """Everything that is wrong after an orderly stop; empty when all holds.

    said: what all lives acknowledged; registers: what the world's meters show at the end.
    """
    rows = rows_on_disk(folder)
    said = list(said)
    return [
        *_sessions(rows, said),
        *_pages(rows),
        *_energy(rows, registers),
        *_quarters(rows, said),
        *_commands(folder),
        *_profile(folder),
    ]


def _sessions(rows: list[Row], said: Iterable[str]) -> Iterable[str]:
    count = {
        kind: Counter(fact["session"] for seen, fact in rows if seen == kind)
        for kind in ("SessionQueued", "SessionWithdrawn", "SessionBegun", "SessionEnded")
    }
    for kind, sessions in count.items():
        yield from (f"{kind} {times} times: {name}" for name, times in sessions.items() if times > 1)
    if count["SessionBegun"] != count["SessionEnded"]:
        yield f"begun and ended differ: {set(count['SessionBegun']) ^ set(count['SessionEnded'])}"
    left = set(count["SessionQueued"]) - set(count["SessionWithdrawn"]) - set(count["SessionBegun"])
    if left:
        yield f"queued and forgotten: {left}"
    pages = {(fact["session"], fact["edge"], str(fact["page"])) for kind, fact in rows if kind == "PageMade"}
    for line in said:
        verb, _, rest = line.partition(" ")
        words = rest.split(" ")
        if verb == "durable" and (words[0], words[1], words[2]) not in pages:
            yield f"acknowledged and lost: {rest}"
        if verb == "queued" and words[0] not in count["SessionQueued"]:
            yield f"acknowledged in the queue and lost: {rest}"


def _pages(rows: list[Row]) -> Iterable[str]:
    made = [fact["page"] for kind, fact in rows if kind == "PageMade"]
    signed = [fact["page"] for kind, fact in rows if kind == "PageSigned"]
    if made != list(range(1, len(made) + 1)):
        yield f"pages have a gap or stand twice: {made}"
    if sorted(signed) != made:
        yield f"pages not signed exactly once: {sorted(signed)} of {made}"


def _energy(rows: list[Row], registers: Mapping[str, Decimal]) -> Iterable[str]:
    """Sessions and T0 of a socket are its register's differences, over every meter that it had."""
    booked: dict[str, Decimal] = {}
    shown: dict[str, Decimal] = {}
    since: dict[str, Decimal] = {}
    mark: dict[str, Decimal] = {}
    for kind, fact in rows:
        socket = str(fact.get("socket"))
        match kind:
            case "MeterSeen":
                since[socket] = mark[socket] = Decimal(fact["kwh"])
            case "MeterExchanged":
                shown[socket] = shown.get(socket, Decimal(0)) + mark[socket] - since[socket]
                since[socket] = mark[socket] = Decimal(fact["kwh"])
            case "EnergyOutside":
                booked[socket] = booked.get(socket, Decimal(0)) + Decimal(fact["to_kwh"]) - Decimal(fact["from_kwh"])
                mark[socket] = Decimal(fact["to_kwh"])
            case "SessionEnded":
                booked[socket] = booked.get(socket, Decimal(0)) + Decimal(fact["energy_kwh"])
                mark[socket] = Decimal(fact["kwh"])
    for socket, register in registers.items():
        total = shown.get(socket, Decimal(0)) + mark[socket] - since[socket]
        if booked.get(socket, Decimal(0)) != total:
            yield f"socket {socket}: sessions and T0 are {booked.get(socket)} kWh, its meters counted {total} kWh"
        if mark[socket] != register:
            yield f"socket {socket}: booked to {mark[socket]} kWh, the meter shows {register} kWh"


def _quarters(rows: list[Row], said: Iterable[str]) -> Iterable[str]:
    """Each place's rows of the load profile count from 1 without a gap, and none that was acknowledged is lost."""
    kept = [period for kind, fact in rows if kind == "PeriodsSigned" for period in fact["periods"]]
    pages: dict[str, list[int]] = {}
    for period in kept:
        pages.setdefault(period["place"], []).append(period["page"])
    for place, found in pages.items():
        if found != list(range(1, len(found) + 1)):
            yield f"rows of the load profile of {place} have a gap or stand twice: {found}"
    shown = Counter((period["place"], Decimal(period["register_wh"])) for period in kept)
    for line in said:
        if line.startswith("quarter "):
            _, place, register_wh = line.split(" ")
            if shown[place, Decimal(register_wh)] != 1:
                yield f"acknowledged and lost, or kept twice: {line}"


def _profile(folder: Path) -> Iterable[str]:
    """The product's own word on the exported load profile: every row is proven."""
    file = folder.parent / f"{folder.name}-profile.csv"
    with opened_for_reading(folder) as connection:
        pinned = newest_key(connection).public_key
    heard = io.StringIO()
    for command, words in (
        (export, ["--state-dir", str(folder), "--format", "load-profile", "-o", str(file)]),
        (verify, [str(file), "--key", pinned]),
    ):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        with contextlib.redirect_stdout(heard):
            code = command.run(parser.parse_args(words))
    if code in {verify.EXIT_FALSE, verify.EXIT_NOT_ASKED} or "load profile p1" not in heard.getvalue():
        yield f"load profile: {heard.getvalue()}"


def _commands(folder: Path) -> Iterable[str]:
    """The product's own checks: the chain, and every record against the key, with no page missing."""
    heard = io.StringIO()
    parser = argparse.ArgumentParser()
    journal.add_arguments(parser)
    with contextlib.redirect_stdout(heard):
        code = journal.run(parser.parse_args(["verify", "--state-dir", str(folder)]))
    if code != 0:
        yield f"journal verify: {heard.getvalue()}"
        return
    with opened_for_reading(folder) as connection:
        archive = archive_of(verified_facts(connection))
    pages = [Submitted(page.record, str(page.page.page)) for page in archive.pages]
    report = verified(pages, public_key(archive.keys[0].public_key), whole_key=True)
    wrong = [finding for finding in report.findings if finding.verdict is not Verdict.GREEN]
    wrong += [one for session in report.sessions for one in session.findings if one.verdict is Verdict.RED]
    yield from (f"records: {finding}" for finding in wrong)
