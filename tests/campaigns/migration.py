"""An old journal is brought up to date, and dies in the middle of it: it is the old one or the new one, and whole.

Each kept journal of an earlier schema is opened by the real store. strace kills that opening at every call that touches
the disk, or answers it with EIO or ENOSPC, until the call no longer happens; and the power fails between every two
calls, with each unsynced sector there or not. Whatever lies on the disk then is opened by the real store once more: the
rows are those that were there, bit for bit, the chain holds, and the schema is that of a new journal.
"""

import argparse
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from gateway.devices.journal_copy import audited
from gateway.devices.journal_file import JOURNAL_FILE, opened_for_reading
from gateway.devices.journal_schema import SCHEMA_VERSION
from gateway.devices.journal_store import JournalStore
from gateway.errors import ConfigMistake, DeviceError, JournalDamaged
from tests.campaigns._medium import Medium, recorded
from tests.campaigns.strace_kills import CALLS, forked, heard
from tests.journal.lived_journal import JOURNALS, laid_out

FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")
Rows = list[tuple[int, str | None, str, bytes]]


def rows_in(folder: Path) -> tuple[int, Rows]:
    """Schema and rows as they lie there, without the store."""
    connection = sqlite3.connect(folder / JOURNAL_FILE)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        return version, connection.execute("SELECT seq, name, row, hash FROM journal ORDER BY seq").fetchall()
    finally:
        connection.close()


def opening(folder: Path) -> Callable[[Callable[[str], None]], None]:
    def work(say: Callable[[str], None]) -> None:
        JournalStore.open(folder).close_now()
        say("open")

    return work


class Campaign:
    """One kept journal, broken in every way."""

    def __init__(self, room: Path, version: int, chance: random.Random, every: int) -> None:
        self._room = room
        self._chance = chance
        self._every = every
        self._old, self._state = room / f"old-{version}", room / "state"
        laid_out((JOURNALS / f"schema-{version}.sql").read_text("utf-8"), self._old)
        self._version, self._rows = rows_in(self._old)
        self.broken: Counter[str] = Counter()
        self.found: Counter[int] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        for fault in FAULTS:
            for call in CALLS:
                count = 1
                while self._one(call, fault, count):
                    count += self._every
        self._power()

    def _fresh(self) -> None:
        shutil.rmtree(self._state, ignore_errors=True)
        shutil.copytree(self._old, self._state)

    def _one(self, call: str, fault: str, count: int) -> bool:
        self._fresh()
        log = self._room / "strace.log"
        gate_r, gate_w = os.pipe()
        pid, pipe = forked(opening(self._state), gate_r)
        options = ["-f", "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={count}", "-o", str(log)]
        tracer = subprocess.Popen(["strace", *options, "-p", str(pid)], stderr=subprocess.PIPE)
        assert tracer.stderr is not None
        if b"attached" not in tracer.stderr.readline():
            raise RuntimeError("strace could not attach")
        os.write(gate_w, b"!")
        os.close(gate_w)
        os.close(gate_r)
        said = heard(pipe)
        os.waitpid(pid, 0)
        tracer.communicate()
        if not re.search(r"\(INJECTED\)|killed by SIGKILL", log.read_text()):
            return False
        self.broken[f"{call} {fault}"] += 1
        self._judge(f"schema {self._version}, {call} {count} {fault}", is_open=bool(said))
        return True

    def _power(self) -> None:
        self._fresh()
        medium = Medium(self._state)
        calls, _ = recorded(self._room / "strace.log", opening(self._state))
        for at, call in enumerate(calls):
            if not medium.take(call) or at % self._every:
                continue
            for variant in range(6):
                medium.image(self._state, self._chance if variant else None)
                self.broken["power cut"] += 1
                self._judge(f"schema {self._version}, power cut after call {at}, image {variant}")

    def _judge(self, where: str, *, is_open: bool = False) -> None:
        """Looks at a copy first: the store that opens it next would bring it up to date."""
        look = self._room / "look"
        shutil.rmtree(look, ignore_errors=True)
        shutil.copytree(self._state, look)
        try:
            version, rows = rows_in(look)
            self.found[version] += 1
            if version not in {self._version, SCHEMA_VERSION} or rows != self._rows:
                self.wrong.append(f"{where}: schema {version}, {len(rows)} rows")
            if is_open and version != SCHEMA_VERSION:
                self.wrong.append(f"{where}: it was said to be open and is still schema {version}")
            JournalStore.open(self._state).close_now()
            with opened_for_reading(self._state) as connection:
                audited(connection)
            if rows_in(self._state) != (SCHEMA_VERSION, self._rows):
                self.wrong.append(f"{where}: after the next start it is another journal")
        except (JournalDamaged, DeviceError, ConfigMistake, sqlite3.Error) as problem:
            self.wrong.append(f"{where}: {problem}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="every 9th call")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if shutil.which("strace") is None:
        print("SKIPPED: there is no strace here; apt-get install strace")
        return 0
    began_s, wrong = time.monotonic(), []
    for version in range(1, SCHEMA_VERSION):
        with tempfile.TemporaryDirectory(prefix="laddvakt-migration-") as name:
            campaign = Campaign(Path(name), version, random.Random(args.seed), 9 if args.sample else 1)
            campaign.run()
        each = ", ".join(f"{count} {what}" for what, count in campaign.broken.items())
        print(f"schema {version}: {campaign.broken.total()} times broken: {each}")
        left = ", ".join(f"{count} times schema {found}" for found, count in sorted(campaign.found.items()))
        print(f"schema {version}: what lay there then: {left}")
        wrong += campaign.wrong
        if len(campaign.found) != 2 and not args.sample:
            wrong.append(f"schema {version}: it was never broken both before and after")
    for problem in wrong[:50]:
        print(f"WRONG: {problem}")
    print(f"{len(wrong)} wrong; seed {args.seed}, {time.monotonic() - began_s:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
