"""A medium that refuses: one failed call is the end of that store, and nothing that was acknowledged is lost by it.

strace answers the n-th sync, write or truncation of a life with EIO, or every write from the n-th on with ENOSPC or
EROFS. After an error in the journal's thread nothing more may be acknowledged by that life; the next one, on a medium
that works again, recovers, and the judge reads what lies on the disk. Then a real file system of a few megabytes runs
full under two running sessions: no new session begins, both end and are signed, and with room again all goes on.
"""

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.devices.journal_reserve import HELD_BYTES, RESERVE_FILE
from gateway.devices.journal_store import JournalStore
from gateway.errors import DeviceError
from tests.campaigns._scripted_life import PULSE_S
from tests.campaigns.strace_kills import Story, clean_life, forked, heard, one_life
from tests.ledger.ledger_bench import SOCKETS, HandClock, begin, end, reading, station

FAULTS = (
    ("fdatasync", "EIO", ""),
    ("fsync", "EIO", ""),
    ("pwrite64", "EIO", ""),
    ("ftruncate", "EIO", ""),
    ("pwrite64", "ENOSPC", "+"),
    ("pwrite64", "EROFS", "+"),
    ("openat", "EROFS", "+"),
)
DISK_BYTES = 10 * 1024 * 1024
KEEP_FREE_BYTES = 3 * 1024 * 1024
NOTICED_WITHIN_S = 5.0


def faulted_life(folder: Path, story: Story, call: str, error: str, when: str) -> tuple[str, int]:
    """A life in which that call fails: the strace log and how it ended."""
    log = folder.parent / "strace.log"
    gate_r, gate_w = os.pipe()
    pid, pipe = forked(one_life(folder, story), gate_r)
    only = (
        () if call != "openat" else ("-P", str(folder / "journal.sqlite3-wal"), "-P", str(folder / "journal.sqlite3"))
    )
    options = ["-f", *only, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]
    command = ["strace", *options, "-o", str(log), "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert tracer.stderr is not None
    if b"attached" not in tracer.stderr.readline():
        raise RuntimeError("strace could not attach")
    os.write(gate_w, b"!")
    os.close(gate_w)
    os.close(gate_r)
    story.hear(heard(pipe))
    _, status = os.waitpid(pid, 0)
    tracer.communicate()
    return log.read_text(), os.waitstatus_to_exitcode(status)


class Campaign:
    """Counts what it breaks."""

    def __init__(self, folder: Path, every: int) -> None:
        self._folder = folder
        self._every = every
        self.faults: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        for call, error, on in FAULTS:
            count = 1
            while self._one(call, error, f"{count}{on}"):
                count += self._every if call == "pwrite64" else max(1, self._every // 4)

    def _one(self, call: str, error: str, when: str) -> bool:
        shutil.rmtree(self._folder, ignore_errors=True)
        story = Story()
        log, code = faulted_life(self._folder, story, call, error, when)
        if "(INJECTED)" not in log:
            return False
        where = f"{call} {when} {error}"
        self.faults[f"{call} {error}"] += 1
        writers = {line.split()[1] for line in story.said if line.startswith("writer ")}
        guilty = set(re.findall(r"^(\d+) .*\(INJECTED\)$", log, re.MULTILINE))
        if code == 0 and guilty & writers:
            self.wrong.append(f"{where}: the journal's thread went on")
        if code not in {0, 1}:
            self.wrong.append(f"{where}: the life ended with {code}")
        self.wrong += [f"{where}: {problem}" for problem in clean_life(self._folder, story)]
        return True


async def full_disk(folder: Path) -> list[str]:
    """Two sessions run while the file system fills up to the last block; what is wrong."""
    wrong = []
    clock = HandClock()
    store = JournalStore.open(folder / "state", reserve_bytes=KEEP_FREE_BYTES, pulse_s=PULSE_S)
    ledger = await Ledger.open(store, KeyFolder(folder / "state"), clock, station())
    for at, socket in enumerate(SOCKETS[:2]):
        await ledger.record_begin(begin(f"s{at}", reading(clock, "10.00"), socket=socket))
    if not ledger.accepts_sessions:
        wrong.append("no session may begin on an empty disk")
    ballast = folder / "ballast"
    _fill(ballast)
    if not await _becomes(ledger, False):
        wrong.append("a full disk was not noticed")
    try:
        await ledger.record_begin(begin("new", reading(clock, "10.00"), socket=SOCKETS[2]))
        wrong.append("a session began on a full disk")
    except DeviceError:
        pass
    for at, socket in enumerate(SOCKETS[:2]):
        clock.pass_s(600)
        await ledger.record_end(end(f"s{at}", reading(clock, "12.00"), socket=socket))
    if (folder / "state" / RESERVE_FILE).stat().st_size >= HELD_BYTES:
        wrong.append("the ends did not need the reserve, so this proved nothing")
    ballast.unlink()
    if not await _becomes(ledger, True):
        wrong.append("room came back and was not noticed")
    await ledger.record_begin(begin("after", reading(clock, "12.00"), socket=SOCKETS[0]))
    await ledger.record_end(end("after", reading(clock, "13.00"), socket=SOCKETS[0]))
    await ledger.shut_down()
    return wrong


def _fill(ballast: Path) -> None:
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except OSError:
        os.close(descriptor)


async def _becomes(ledger: Ledger, accepts: bool) -> bool:
    try:
        async with asyncio.timeout(NOTICED_WITHIN_S):
            while ledger.accepts_sessions is not accepts:  # noqa: ASYNC110 - another thread's finding
                await asyncio.sleep(PULSE_S)
    except TimeoutError:
        return False
    return True


def full_disk_on_tmpfs(room: Path) -> list[str] | str:
    """What is wrong, or why it could not be tried."""
    mount = room / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(mount)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        return f"no small file system: {mounted.stderr.strip()}"
    try:
        return asyncio.run(full_disk(mount))
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="every 72nd call")
    parser.add_argument("--seed", type=int, default=1, help="nothing here is left to chance")
    args = parser.parse_args()
    if shutil.which("strace") is None:
        print("SKIPPED: there is no strace here; apt-get install strace")
        return 0
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="laddvakt-medium-") as name:
        room = Path(name)
        campaign = Campaign(room / "state", 72 if args.sample else 1)
        campaign.run()
        full = full_disk_on_tmpfs(room)
    wrong = campaign.wrong + (full if isinstance(full, list) else [])
    for problem in wrong:
        print(f"WRONG: {problem}")
    each = ", ".join(f"{count} {fault}" for fault, count in campaign.faults.items())
    print(f"{campaign.faults.total()} faults: {each}")
    print(f"SKIPPED full disk: {full}" if isinstance(full, str) else "full disk: sessions ended and were signed")
    print(f"{len(wrong)} wrong; {time.monotonic() - began_s:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
