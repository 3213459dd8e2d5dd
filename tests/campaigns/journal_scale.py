"""Seven years in one journal: how long the daemon starts, what a check of it all and the bills of a year take.

Five million rows are made by the ledger's own functions (`_journal_years`) and lie in a file that the real store made.
Then each thing is done by a process of its own, as on a machine: `laddvakt run` until it says READY, with nothing of
the file in memory and once more with all of it; `laddvakt journal verify`; the export of one year,
`laddvakt verify` of its records, and the export of everything as a table; a receipt. Time is by the wall, memory is the
greatest that the process ever held.
"""

import argparse
import asyncio
import math
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gateway.devices.journal_check import checked_in_slices
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.journal.chain import Head
from tests.campaigns._cabinet_process import gateway_command
from tests.campaigns._journal_years import make_years
from tests.campaigns._service_keeper import ServiceKeeper
from tests.ledger.ledger_bench import NOON

START_S_MAX = 20.0
ROWS = 5_000_000
SHARE_MAX = 0.25
EXPORT_MB_MAX = 150.0
STARTS = ("nothing of it in memory", "once more")
CONFIG = """
[gateway]
id = "villa-1"
time_zone = "Europe/Stockholm"
state_dir = "{state}"

[grid_meter]
port = "{room}/no-such-port"
main_fuse = "main"
house_load_a_max = [12, 12, 12]

[[bus]]
name = "tcp"
port = "tcp://127.0.0.1:1"

[[fuse]]
name = "main"
rating_a = 63
kind = "gG"
"""
SOCKET = """
[[socket]]
name = "socket-{number}"
fuse = "main"
phases = ["L1", "L2", "L3"]
rating_a = 16
purpose = "billing"
meter = {{ model = "eastron-sdm630", bus = "tcp", unit = {number}, side = "supply" }}
wallbox = {{ model = "heidelberg-energy-control", bus = "tcp", unit = {box}, failsafe_a = 0 }}
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command took and said."""

    code: int
    took_s: float
    memory_mb: float
    said: str

    def __str__(self) -> str:
        return f"{self.took_s:.1f} s, {self.memory_mb:.0f} MB"


def done(*words: str) -> Done:
    """A command of the gateway, in a process of its own."""
    began_s = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(gateway_command(*words), stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took_s = time.monotonic() - began_s
        out.seek(0)
        said = out.read().decode()
    return Done(process.returncode, took_s, usage.ru_maxrss / 1024, said)


def forgotten(folder: Path) -> None:
    """Drops what the machine's memory holds of the files."""
    for file in folder.iterdir():
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def start(config: Path, room: Path) -> tuple[float, float]:
    """Seconds until READY and greatest memory by then (MB) of the whole daemon; then it is stopped in order."""
    keeper = ServiceKeeper(config, room / "daemon.log", restart=False)
    keeper.start()
    try:
        keeper.wait_ready(1, 120.0)
        assert keeper.process is not None
        status = Path(f"/proc/{keeper.process.pid}/status").read_text("ascii")
        took_s = keeper.ready_s[0] - keeper.started_s[0]
    finally:
        code = keeper.stop()
    if code != 0:
        raise RuntimeError(f"the daemon ended with {code}; {(room / 'daemon.log').read_text()[-2000:]}")
    found = re.search(r"VmHWM:\s+(\d+)", status)
    assert found is not None
    return took_s, int(found[1]) / 1024


def hurt(folder: Path, seq: int) -> None:
    """One digit of one row is another one from now on; whoever does it knows how to take the triggers away."""
    connection = sqlite3.connect(folder / JOURNAL_FILE, isolation_level=None)
    connection.execute("DROP TRIGGER journal_rows_are_never_changed")
    (row,) = connection.execute("SELECT row FROM journal WHERE seq = ?", (seq,)).fetchone()
    at = next(at for at, sign in enumerate(row) if sign in "12345678")
    changed = f"{row[:at]}{int(row[at]) + 1}{row[at + 1 :]}"
    connection.execute("UPDATE journal SET row = ? WHERE seq = ?", (changed, seq))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


async def late_ms(seconds: float) -> list[float]:
    """How late a loop wakes that wants to wake every 10 ms, sorted; for so long."""
    lates, until_s = [], time.monotonic() + seconds
    while time.monotonic() < until_s:
        due_s = time.monotonic() + 0.01
        await asyncio.sleep(0.01)
        lates.append((time.monotonic() - due_s) * 1000)
    return sorted(lates)


async def beside(folder: Path, seconds: float) -> tuple[str, float]:
    """How the daily check disturbs a loop in the same process: words, and the share of a processor that it takes."""
    alone = await late_ms(seconds)
    stop = threading.Event()
    cpu_s = time.process_time()
    check = asyncio.create_task(
        asyncio.to_thread(checked_in_slices, folder, Head(), lambda rest_s: not stop.wait(rest_s))
    )
    lates = await late_ms(seconds)
    share = (time.process_time() - cpu_s) / seconds
    is_on = not check.done()
    stop.set()
    await check
    figures = [f"{one[len(one) // 2]:.1f}/{one[len(one) * 99 // 100]:.1f}/{one[-1]:.1f} ms" for one in (alone, lates)]
    state = "runs" if is_on else "ran"
    return f"a loop is late by (median/p99/most) {figures[0]} alone, {figures[1]} while the daily check {state}", share


class Campaign:
    """Each figure, and what is wrong."""

    def __init__(self, room: Path, rows: int, seed: int, starts: tuple[str, ...]) -> None:
        self.wrong: list[str] = []
        self._room = room
        self._start_names = starts
        self._state = room / "state"
        self._config = room / "laddvakt.toml"
        sockets = "".join(SOCKET.format(number=number, box=number + 100) for number in range(1, 17))
        self._config.write_text(CONFIG.format(state=self._state, room=room) + sockets)
        began_s = time.monotonic()
        self._years = make_years(self._state, rows, seed)
        self._say(f"made in {time.monotonic() - began_s:.0f} s")

    def run(self) -> None:
        connection = sqlite3.connect(self._state / JOURNAL_FILE)
        rows = connection.execute("SELECT max(seq) FROM journal").fetchone()[0]
        connection.close()
        megabytes = (self._state / JOURNAL_FILE).stat().st_size / 1e6
        self._say(f"{rows} rows of {self._years.days} days, {self._years.sessions} sessions, {megabytes:.0f} MB")
        self._starts()
        self._command("journal verify", "journal", "verify", str(self._config))
        self._command("a receipt", "receipt", f"years-{self._years.sessions // 2}", str(self._config))
        self._year()
        words, share = asyncio.run(beside(self._state, 2.0 if rows < ROWS // 10 else 30.0))
        self._say(f"{words}, with {share:.0%} of a processor for both")
        if share > SHARE_MAX:
            self.wrong.append(f"the daily check takes {share:.0%} of a processor")
        hurt(self._state, rows // 3)
        found = done("journal", "verify", str(self._config))
        self._say(f"journal verify of one changed digit in row {rows // 3}: {found}")
        if found.code != 2 or f"row {rows // 3} is not the row" not in found.said:
            self.wrong.append(f"the changed row was not found: {found.said}")

    def _starts(self) -> None:
        for name in self._start_names:
            if name == STARTS[0]:
                forgotten(self._state)
            took_s, memory_mb = start(self._config, self._room)
            self._say(f"start of the daemon until READY, {name}: {took_s:.2f} s, {memory_mb:.0f} MB")
            if took_s > START_S_MAX:
                self.wrong.append(f"the start took {took_s:.1f} s")

    def _year(self) -> None:
        """The bills of the newest year, or of all there is."""
        until = NOON + timedelta(days=self._years.days + 1)
        since = max(NOON, until - timedelta(days=365))
        records = self._room / "year.ocmf"
        period = ("--from", since.isoformat(), "--to", until.isoformat())
        words = ("export", str(self._config), "--format", "ocmf", "-o", str(records))
        self._command("export of a year", *words, *period, memory_mb_max=EXPORT_MB_MAX)
        shown = done("key", "show", str(self._config)).said
        key = next(line.removeprefix("hex: ") for line in shown.splitlines() if line.startswith("hex: "))
        count = len(records.read_bytes().splitlines())
        self._command(f"verify of its {count} records", "verify", str(records), "--key", key)
        table = self._room / "all.csv"
        all_words = ("export", str(self._config), "--format", "csv", "--without-records", "-o", str(table))
        self._command("export of all that there is as a table", *all_words, memory_mb_max=EXPORT_MB_MAX)
        self._say(
            f"it has {table.read_bytes().count(b'session;years-')} sessions and {table.stat().st_size / 1e6:.0f} MB"
        )
        if count < 2 * min(365, self._years.days - 1) * 16 * 3 * 0.9:
            self.wrong.append(f"the year has only {count} records")

    def _command(self, name: str, *words: str, memory_mb_max: float = math.inf) -> None:
        it = done(*words)
        self._say(f"{name}: {it}")
        if it.memory_mb > memory_mb_max:
            self.wrong.append(f"{name}: {it.memory_mb:.0f} MB, more than {memory_mb_max:.0f} MB")
        if it.code != 0:
            self.wrong.append(f"{name}: exit {it.code}: {it.said[-500:]}")

    @staticmethod
    def _say(words: str) -> None:
        print(words, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="days instead of years")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rows = args.rows or (12_000 if args.sample else ROWS)
    with tempfile.TemporaryDirectory(prefix="laddvakt-scale-") as name:
        campaign = Campaign(Path(name), rows, args.seed, STARTS[:1] if args.sample else STARTS)
        campaign.run()
    for problem in campaign.wrong:
        print(f"WRONG: {problem}")
    print(f"{len(campaign.wrong)} wrong; seed {args.seed}")
    return 1 if campaign.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
