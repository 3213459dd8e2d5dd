"""SIGKILL at every system call that touches the disk: nothing is lost, nothing is counted twice.

strace kills a life of the ledger as it enters its n-th pwrite64, fdatasync, fsync, write, ftruncate, unlink, rename or
link, for every n until the call no longer happens. It counts per thread, so the run is killed from two beginnings: an
empty folder, where the main thread's calls come first, and a folder that a death left behind, where the journal's
thread does nearly all of them. Every death of the first kind is followed by a second one while recovering. Then an
undisturbed life recovers, charges and stops, and the judge reads what lies on the disk.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tests.campaigns._journal_judge import judged, rows_on_disk
from tests.campaigns._scripted_life import World, live

CALLS = ("pwrite64", "fdatasync", "fsync", "write", "ftruncate", "unlink", "rename", "link")
BOOT = "boot-1"


@dataclass
class Story:
    """All lives that one folder has seen."""

    lives: int = 0
    serial: str = "C0"
    said: list[str] = field(default_factory=list)

    def hear(self, lines: list[str]) -> None:
        self.said += lines
        for line in lines:
            if line.startswith("serial "):
                self.serial = line.split()[1]

    def world(self) -> World:
        self.lives += 1
        return World(self.lives, self.serial)


@dataclass(frozen=True)
class Death:
    """How a life ended. thread: the one that was killed, `writer` being the journal's; None: nothing was killed."""

    thread: str | None
    lines: list[str]


def forked(work: Callable[[Callable[[str], None]], None], gate: int | None = None) -> tuple[int, int]:
    """A child that does the work when the gate opens; its pid and the pipe of what it says."""
    out_r, out_w = os.pipe()
    pid = os.fork()
    if pid:
        os.close(out_w)
        return pid, out_r
    code = 1
    try:
        os.close(out_r)
        if gate is not None:
            os.read(gate, 1)
        work(lambda line: _say(out_w, line))
        code = 0
    except BaseException as problem:  # noqa: BLE001 - a child's last words; it ends here whatever happened
        _say(2, f"{type(problem).__name__}: {problem}")
    finally:
        os._exit(code)


def _say(descriptor: int, line: str) -> None:
    os.write(descriptor, f"{line}\n".encode())


def heard(pipe: int) -> list[str]:
    with os.fdopen(pipe, "rb") as stream:
        return stream.read().decode().splitlines()


def one_life(folder: Path, story: Story) -> Callable[[Callable[[str], None]], None]:
    world = story.world()

    def work(say: Callable[[str], None]) -> None:
        asyncio.run(live(folder, world, say, boot_id=BOOT))

    return work


def killed_life(folder: Path, story: Story, call: str, count: int) -> Death:
    """A life that strace kills at that call, if it comes so far. Raises RuntimeError if it ends in another way."""
    log = folder.parent / "strace.log"
    log.unlink(missing_ok=True)
    gate_r, gate_w = os.pipe()
    pid, pipe = forked(one_life(folder, story), gate_r)
    options = ["-f", "-y", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={count}"]
    tracer = subprocess.Popen(
        ["strace", *options, "-o", str(log), "-p", str(pid)], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert tracer.stderr is not None
    line = tracer.stderr.readline()
    if b"attached" not in line:
        raise RuntimeError(f"strace: {line.decode()}")
    os.write(gate_w, b"!")
    os.close(gate_w)
    os.close(gate_r)
    lines = heard(pipe)
    _, status = os.waitpid(pid, 0)
    tracer.wait()
    tracer.stderr.close()
    story.hear(lines)
    if os.waitstatus_to_exitcode(status) == 0:
        return Death(None, lines)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise RuntimeError(f"life ended with {status} at {call} {count}: {lines[-3:]}")
    return Death(_killed_thread(log.read_text(), pid, lines, call, count), lines)


def _killed_thread(log: str, pid: int, lines: list[str], call: str, count: int) -> str:
    """Which thread made the call that killed. Raises RuntimeError if the log does not show that kill."""
    made = Counter(re.findall(rf"^(\d+) +{call}\(", log, re.MULTILINE))
    unfinished = set(re.findall(rf"^(\d+) +{call}\(.*(?:= \?|<unfinished \.\.\.>)$", log, re.MULTILINE))
    guilty = [thread for thread in unfinished if made[thread] == count]
    if len(guilty) != 1 or not re.search(rf"^{guilty[0]} +\+\+\+ killed by SIGKILL", log, re.MULTILINE):
        raise RuntimeError(f"the log does not show the kill at {call} {count}: {log[-2000:]}")
    if f"writer {guilty[0]}" in lines:
        return "writer"
    return "main" if guilty[0] == str(pid) else "opener"


def clean_life(folder: Path, story: Story) -> list[str]:
    """A life that nothing disturbs, and the judge's word on the folder."""
    pid, pipe = forked(one_life(folder, story))
    story.hear(heard(pipe))
    _, status = os.waitpid(pid, 0)
    if status != 0:
        return [f"an undisturbed life ended with {os.waitstatus_to_exitcode(status)}"]
    final = json.loads(story.said[-1].removeprefix("registers "))
    registers = {socket: Decimal(kwh) for socket, kwh in final.items()}

    def judge(say: Callable[[str], None]) -> None:
        for wrong in judged(folder, story.said, registers):
            say(wrong)

    pid, pipe = forked(judge)
    wrong = heard(pipe)
    _, status = os.waitpid(pid, 0)
    return wrong if status == 0 else [*wrong, "the judge fell over"]


def is_torn(folder: Path) -> bool:
    """True if a session runs and a page is durable that nobody has signed: where recovery has most to do."""
    rows = rows_on_disk(folder)
    kinds = Counter(kind for kind, _ in rows)
    return kinds["PageMade"] > kinds["PageSigned"] and kinds["SessionBegun"] > kinds["SessionEnded"] + 1


class Campaign:
    """Counts what it kills."""

    def __init__(self, room: Path, every: int) -> None:
        self._room = room
        self._folder = room / "state"
        self._every = every
        self._second = 0
        self.deaths: Counter[tuple[str, str]] = Counter()
        self.second_deaths: Counter[tuple[str, str]] = Counter()
        self.wrong: list[str] = []
        self.torn: Story | None = None

    def run(self) -> None:
        for call in CALLS:
            self._all_of(call, None)
        if self.torn is None:
            raise RuntimeError("no death left a page unsigned beside a running session")
        for call in CALLS:
            self._all_of(call, self.torn)

    def _all_of(self, call: str, before: Story | None) -> None:
        """Kills at each n of the call until it no longer happens."""
        count = 1
        while True:
            story = self._begin(before)
            death = killed_life(self._folder, story, call, count)
            if death.thread is None:
                return
            self.deaths[call, death.thread] += 1
            if before is None:
                self._keep_torn(story)
                self._kill_again(story, call, count)
            self._judge(story, f"{call} {count} from {'an empty' if before is None else 'a torn'} folder")
            count += self._every

    def _begin(self, before: Story | None) -> Story:
        shutil.rmtree(self._folder, ignore_errors=True)
        if before is None:
            return Story()
        shutil.copytree(self._room / "torn", self._folder)
        return Story(before.lives, before.serial, list(before.said))

    def _keep_torn(self, story: Story) -> None:
        if self.torn is None and (self._folder / "signing-key.pem").exists() and is_torn(self._folder):
            shutil.copytree(self._folder, self._room / "torn")
            self.torn = Story(story.lives, story.serial, list(story.said))

    def _kill_again(self, story: Story, call: str, count: int) -> None:
        """Kills the recovery too, at a moment that goes on from death to death."""
        self._second += 1
        again = ("pwrite64", "fdatasync", "write")[self._second % 3]
        death = killed_life(self._folder, story, again, 1 + (self._second // 3) % 40)
        if death.thread is not None:
            self.second_deaths[again, death.thread] += 1

    def _judge(self, story: Story, where: str) -> None:
        self.wrong += [f"{where}: {problem}" for problem in clean_life(self._folder, story)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="only every 20th call")
    parser.add_argument("--seed", type=int, default=1, help="nothing here is left to chance")
    args = parser.parse_args()
    if shutil.which("strace") is None:
        print("SKIPPED: there is no strace here; apt-get install strace")
        return 0
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="laddvakt-strace-") as name:
        campaign = Campaign(Path(name), 20 if args.sample else 1)
        campaign.run()
    for problem in campaign.wrong:
        print(f"WRONG: {problem}")
    for title, deaths in (("kills", campaign.deaths), ("kills of the recovery after one", campaign.second_deaths)):
        each = ", ".join(f"{count} {call} ({thread})" for (call, thread), count in sorted(deaths.items()))
        print(f"{title}: {deaths.total()}: {each}")
    writer = sum(count for (_, thread), count in campaign.deaths.items() if thread == "writer")
    print(f"of the journal's thread: {writer}; {len(campaign.wrong)} wrong; {time.monotonic() - began_s:.0f} s")
    return 1 if campaign.wrong or not writer else 0


if __name__ == "__main__":
    sys.exit(main())
