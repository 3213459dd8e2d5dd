"""Whoever changes a journal or an export is found out; who changes nothing is never accused.

A journal of 10 000 rows that a ledger really wrote is changed in a thousand ways: bits flipped in rows and anywhere in
the file, rows deleted, inserted, swapped, cut off, old copies put back, history rewritten with all hashes made to fit.
`laddvakt journal verify --head` must find each; the head is the one that the broker was told last. Exports are changed
the same way and handed to `laddvakt verify --whole-key --to-page`; tables and archives to `laddvakt verify` alone. A
change that leaves every row, or every signed byte and signature, as it was (unused room of the database, an unsigned
attribute) counts apart, not as found.
"""

import argparse
import asyncio
import contextlib
import io
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.cli import export, journal, key, verify
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.journal_store import JournalStore
from gateway.errors import DeviceError, JournalDamaged
from gateway.site.because import Because, Why
from gateway.site.wishes import NoteEvent, NoteQueued
from tests.campaigns._journal_attacks import ROW_ATTACKS, Rows, flipped, rewritten
from tests.ledger.ledger_bench import SOCKETS, HandClock, begin, end, reading, station

CLEAN = 100
CUTS = 8


def called(command: ModuleType, *words: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        try:
            code: int = command.run(parser.parse_args(list(words)))
        except (JournalDamaged, DeviceError) as problem:
            return 1, str(problem)
    return code, heard.getvalue()


class Original:
    """A journal on disk, older copies of it, and what the broker and the receipts kept."""

    def __init__(self, folder: Path, rows: int, chance: random.Random) -> None:
        self.folder = folder
        self.copies: list[Path] = []
        self.head = ""
        self.page = 0
        asyncio.run(self._live(rows, chance))
        with sqlite3.connect(folder / JOURNAL_FILE) as connection:
            self.rows: Rows = connection.execute("SELECT seq, name, row, hash FROM journal ORDER BY seq").fetchall()
        connection.close()

    async def _live(self, rows: int, chance: random.Random) -> None:
        clock, kwh = HandClock(), Decimal("100.00")
        store = JournalStore.open(self.folder)
        ledger = await Ledger.open(store, KeyFolder(self.folder), clock, station())
        session = 0
        while store.head.seq < rows:
            if store.head.seq >= rows * len(self.copies) // CUTS:
                await ledger.shut_down()
                self._keep_copy()
                store = JournalStore.open(self.folder)
                ledger = await Ledger.open(store, KeyFolder(self.folder), clock, station())
            session += 1
            name, socket = f"s{session}", SOCKETS[0]
            wish = begin(name, reading(clock, kwh), socket=socket)
            await ledger.note(NoteQueued(socket, wish.session, wish.token, None, Because(Why.QUEUED)))
            await ledger.record_begin(wish)
            kwh += Decimal(chance.randrange(5000)) / 100
            clock.pass_s(chance.uniform(60.0, 9000.0))
            if chance.random() < 0.3:
                await ledger.note(NoteEvent(socket, Because(Why.OVERLOAD, current_a=17.0)))
            durable = await ledger.record_end(end(name, reading(clock, kwh), socket=socket))
            self.page = durable.page
            kwh += Decimal(chance.randrange(3)) / 100
            newest = (await ledger.pending_outbox(99))[-1]
            self.head = "{seq}:{hash}".format(**json.loads(newest.body))
            await ledger.outbox_delivered([message.id for message in await ledger.pending_outbox(99)])
        await ledger.shut_down()

    def _keep_copy(self) -> None:
        copy = self.folder.parent / f"copy-{len(self.copies)}"
        shutil.copytree(self.folder, copy)
        self.copies.append(copy)


class Campaign:
    """Counts what was found, what changed nothing, and what was missed."""

    def __init__(self, room: Path, rows: int, chance: random.Random) -> None:
        self._chance = chance
        self._forged = room / "forged"
        self.original = Original(room / "state", rows, chance)
        self.found: Counter[str] = Counter()
        self.without_effect: Counter[str] = Counter()
        self.missed: list[str] = []

    def journal_clean(self) -> None:
        code, said = called(journal, "verify", "--state-dir", str(self.original.folder), "--head", self.original.head)
        if code != 0:
            self.missed.append(f"a clean journal was accused: {said}")

    def journal_attacked(self, number: int) -> None:
        turn = number % (len(ROW_ATTACKS) + 2)
        shutil.rmtree(self._forged, ignore_errors=True)
        if turn < len(ROW_ATTACKS):
            shutil.copytree(self.original.folder, self._forged)
            rewritten(self._forged / JOURNAL_FILE, ROW_ATTACKS[turn](self.original.rows, self._chance))
            self._judge_journal(ROW_ATTACKS[turn].__name__)
        elif turn == len(ROW_ATTACKS):
            shutil.copytree(self._chance.choice(self.original.copies), self._forged)
            self._judge_journal("old_copy_put_back")
        else:
            shutil.copytree(self.original.folder, self._forged)
            file = self._forged / JOURNAL_FILE
            file.write_bytes(flipped(file.read_bytes(), self._chance))
            self._judge_journal("bit_anywhere_in_the_file", self._rows_unchanged)

    def _judge_journal(self, name: str, unchanged: Callable[[], bool] | None = None) -> None:
        code, said = called(journal, "verify", "--state-dir", str(self._forged), "--head", self.original.head)
        if code != 0:
            self.found[name] += 1
        elif unchanged is not None and unchanged():
            self.without_effect[name] += 1
        else:
            self.missed.append(f"journal, {name}: {said}")

    def _rows_unchanged(self) -> bool:
        connection = sqlite3.connect(self._forged / JOURNAL_FILE)
        rows = connection.execute("SELECT seq, name, row, hash FROM journal ORDER BY seq").fetchall()
        connection.close()
        return bool(rows == self.original.rows)


class ExportCampaign(Campaign):
    """The same on what is exported."""

    def prepare(self, room: Path) -> None:
        state = str(self.original.folder)
        _, shown = called(key, "show", "--state-dir", state)
        self._key = next(line.removeprefix("hex: ") for line in shown.splitlines() if line.startswith("hex: "))
        self._file = room / "handed-in"
        called(export, "--state-dir", state, "--format", "ocmf", "-o", str(self._file))
        self._text = self._file.read_bytes()
        self._signed = signed_parts(self._text)
        wholes = {}
        for form in ("csv", "archive"):
            called(export, "--state-dir", state, "--format", form, "-o", str(self._file))
            wholes[form] = self._file.read_bytes()
        self._table, self._archive = wholes["csv"], wholes["archive"]

    def export_clean(self) -> None:
        lines = self._text.splitlines(keepends=True)
        self._chance.shuffle(lines)
        code, said = self._verdict(b"".join(lines))
        if code != 0:
            self.missed.append(f"a clean export was accused: {said[-500:]}")

    def export_attacked(self, number: int) -> None:
        name, content = self._forgery(number)
        code, said = self._verdict(content)
        if code != 0:
            self.found[name] += 1
        elif signed_parts(content) == self._signed:
            self.without_effect[name] += 1
        else:
            self.missed.append(f"export, {name}: {said[-300:]}")

    def wholes_clean(self) -> None:
        for name, content in (("table", self._table), ("archive", self._archive)):
            code, said = self._judged(content)
            if code != 0:
                self.missed.append(f"a clean {name} was accused: {said[-500:]}")

    def wholes_attacked(self, number: int) -> None:
        """Of a table and an archive no bit is without a meaning: each change must be found."""
        chance = self._chance
        whole, name = (self._table, "table") if number % 2 else (self._archive, "archive")
        lines = whole.splitlines(keepends=True)
        at, other = sorted(chance.sample(range(1, len(lines)), 2))
        match number // 2 % 4:
            case 0:
                deed, content = "bit_in", flipped(whole, chance)
            case 1:
                deed, content = "piece_deleted_from", b"".join(lines[:at] + lines[at + 1 :])
            case 2:
                swapped = [*lines[:at], lines[other], *lines[at + 1 : other], lines[at], *lines[other + 1 :]]
                deed, content = "pieces_swapped_in", b"".join(swapped)
            case _:
                deed, content = "cut_off", whole[: chance.randrange(1, len(whole) - 1)]
        code, said = self._judged(content)
        if code != 0:
            self.found[f"{deed}_{name}"] += 1
        elif content == whole:
            self.without_effect[f"{deed}_{name}"] += 1
        else:
            self.missed.append(f"{name}, {deed}: {said[-300:]}")

    def _judged(self, content: bytes) -> tuple[int, str]:
        self._file.write_bytes(content)
        return called(verify, str(self._file), "--key", self._key)

    def _verdict(self, content: bytes) -> tuple[int, str]:
        self._file.write_bytes(content)
        to_page = str(self.original.page)
        return called(verify, str(self._file), "--key", self._key, "--whole-key", "--to-page", to_page)

    def _forgery(self, number: int) -> tuple[str, bytes]:
        chance = self._chance
        lines = self._text.splitlines(keepends=True)
        at = chance.randrange(len(lines))
        match number % 5:
            case 0:
                return "bit_in_export", flipped(self._text, chance)
            case 1:
                return "record_deleted", b"".join(lines[:at] + lines[at + 1 :])
            case 2:
                return "record_repeated", b"".join([*lines, lines[at]])
            case 3:
                other = lines[(at + 1) % len(lines)].split(b"|")
                mixed = b"|".join([*lines[at].split(b"|")[:2], other[2]])
                return "signatures_swapped", b"".join([*lines[:at], mixed, *lines[at + 1 :]])
            case _:
                return "export_cut_off", self._text[: chance.randrange(1, len(self._text) - 1)]


def signed_parts(content: bytes) -> list[tuple[bytes, bytes]]:
    """Every record's signed bytes and its signature, whatever else the file says."""
    parts = []
    for line in content.splitlines():
        sections = line.split(b"|")
        if len(sections) == 3:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                parts.append((sections[1], bytes.fromhex(json.loads(sections[2])["SD"])))
    return sorted(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="a smaller journal and fewer attacks")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--attacks", type=int, help="on the journal; half as many on its export")
    parser.add_argument("--clean", type=int, help="verifications of the journal as it is; half as many of its export")
    args = parser.parse_args()
    rows, attacks, clean = (1_000, 44, 3) if args.sample else (10_000, 1_000, CLEAN)
    attacks, clean = args.attacks or attacks, args.clean or clean
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="laddvakt-tamper-") as name:
        campaign = ExportCampaign(Path(name), rows, random.Random(args.seed))
        campaign.prepare(Path(name))
        for number in range(clean):
            campaign.journal_clean()
            if number % 2:
                campaign.export_clean()
            if number % 10 == 0:
                campaign.wholes_clean()
        for number in range(attacks):
            campaign.journal_attacked(number)
            if number % 2:
                campaign.export_attacked(number // 2)
            if number % 10 == 0:
                campaign.wholes_attacked(number // 10)
    for problem in campaign.missed:
        print(f"WRONG: {problem}")
    each = ", ".join(f"{count} {attack}" for attack, count in sorted(campaign.found.items()))
    print(f"{len(campaign.original.rows)} rows, {campaign.original.page} records; clean ones: {clean + clean // 2}")
    print(f"found: {campaign.found.total()}: {each}")
    print(f"without effect on any row or signed byte: {dict(campaign.without_effect)}")
    print(f"{len(campaign.missed)} missed or wrongly accused; seed {args.seed}, {time.monotonic() - began_s:.0f} s")
    return 1 if campaign.missed else 0


if __name__ == "__main__":
    sys.exit(main())
