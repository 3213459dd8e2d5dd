"""Asks the tests about mutants that lie written: collects the tests once and forks for each mutant.

    python -m tests.campaigns._mutant_judge ASKED TOLD TEMPORARY PYTEST-ARGUMENT…

Runs in the folder of the mutated code. ASKED is JSON, a list of names; TOLD becomes JSON, verdict by name. Nothing runs
in the first process, so no mutant finds anything cached. Its forks run in turn: all tests unmutated, which tells how
long each takes and what it reaches; all tests with mutated functions that raise, one of which must fail; then each
mutant with the tests that reach its function. The tests that caught its sisters come first, then the quickest, until
one fails or those asked took `ASKED_S_MAX` in all: what only a slower one would catch counts as not noticed.
"""

import gc
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

ASKED_S_MAX: Final = 5.0
"""Of processor time, all tests of one mutant together, had it not been mutated."""
TEST_S_MAX: Final = 15.0
"""A test may take so long, and twenty times its unmutated processor time besides, before its process is ended."""
REMEMBERED: Final = 5
"""So many tests that caught mutants of a function are asked first about its next one."""
BROKEN: Final = 2


class Judge:
    """The loop of a pytest session, in which each mutant has a process of its own."""

    def __init__(self, asked: list[str], temporary: Path) -> None:
        self.asked = asked
        self.temporary = temporary
        self.told: dict[str, str] = {}
        self.failed = False
        self.duration_s: dict[int, float] = {}
        self.reached_by: defaultdict[str, list[int]] = defaultdict(list)
        self.catchers: defaultdict[str, list[int]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.freeze()
        self.look_at(session)
        self.see_one_fail(session)
        print(f"{len(session.items)} tests, {sum(self.duration_s.values()):.0f} s", flush=True)
        running: dict[int, tuple[str, Path]] = {}
        for name in sorted(self.asked, key=lambda name: (name.rpartition("__mutmut_")[0], name)):
            tests = self.tests_for(name)
            if not tests:
                self.told[name] = "no tests"
                continue
            if len(running) >= (os.cpu_count() or 1):
                self.take_one(running)
            note = self.temporary / f"mutant-{len(self.told) + len(running)}"
            running[self.fork(note, name, partial(self.first_failing, session, tests))] = (name, note)
        while running:
            self.take_one(running)
        return True

    def tests_for(self, name: str) -> list[int]:
        """The numbers of the tests that are asked, in their turn."""
        function = name.rpartition("__mutmut_")[0]
        quick = sorted(self.reached_by[function], key=lambda number: self.duration_s[number])
        spent_s, tests = 0.0, list(self.catchers[function])
        for number in quick:
            spent_s += self.duration_s[number]
            if spent_s > ASKED_S_MAX and tests:
                break
            if number not in tests:
                tests.append(number)
        return tests

    def fork(self, note: Path, mutant: str, work: Callable[[], str]) -> int:
        """A process of its own group that writes what `work` gives to `note`, and ends with 0."""
        pid = os.fork()
        if pid:
            return pid
        code = BROKEN
        try:
            os.setsid()
            room = note.with_suffix(".room")
            room.mkdir(parents=True)
            tempfile.tempdir = os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = str(room)
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            set_mutant_under_test(mutant)
            note.write_text(work(), "utf-8")
            code = 0
        finally:
            os._exit(code)

    def take_one(self, running: dict[int, tuple[str, Path]]) -> None:
        pid, status = os.wait()
        end_group(pid)
        name, note = running.pop(pid)
        shutil.rmtree(note.with_suffix(".room"), ignore_errors=True)
        code = os.waitstatus_to_exitcode(status)
        if code:
            self.told[name] = "timeout" if code == -signal.SIGALRM else f"crashed ({code})"
            return
        caught = note.read_text("utf-8")
        note.unlink()
        self.told[name] = "killed" if caught else "survived"
        if caught:
            known = self.catchers[name.rpartition("__mutmut_")[0]]
            if int(caught) in known:
                known.remove(int(caught))
            known.insert(0, int(caught))
            del known[REMEMBERED:]

    def waited(self, name: str, work: Callable[[], str]) -> str:
        note = self.temporary / name
        pid = self.fork(note, name, work)
        _, status = os.waitpid(pid, 0)
        end_group(pid)
        shutil.rmtree(note.with_suffix(".room"), ignore_errors=True)
        if status:
            raise RuntimeError(f"the tests cannot be run ({name}): the process ended with {status}")
        return note.read_text("utf-8")

    def first_failing(self, session: pytest.Session, tests: Iterable[int]) -> str:
        """The number of the first test that fails; nothing if none does."""
        for number in tests:
            signal.setitimer(signal.ITIMER_REAL, TEST_S_MAX + 20 * self.duration_s.get(number, 60))
            self.run(session, number)
            if self.failed:
                return str(number)
        return ""

    def run(self, session: pytest.Session, number: int) -> None:
        item = session.items[number]
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)

    def look_at(self, session: pytest.Session) -> None:
        """Fills `duration_s` and `reached_by`; a test that fails unmutated ends the campaign."""

        def work() -> str:
            seen: list[tuple[float, list[str]]] = []
            for number, item in enumerate(session.items):
                hits: set[str] = state()._stats
                hits.clear()
                begin_s = processor_s()
                self.run(session, number)
                if self.failed:
                    return json.dumps([item.nodeid])
                seen.append((processor_s() - begin_s, sorted(hits)))
            return json.dumps(seen)

        seen = json.loads(self.waited("stats", work))
        if len(seen) != len(session.items) or isinstance(seen[0], str):
            raise RuntimeError(f"{seen[0]} fails without any mutant")
        for number, (duration_s, reached) in enumerate(seen):
            self.duration_s[number] = duration_s
            for function in reached:
                self.reached_by[function].append(number)

    def see_one_fail(self, session: pytest.Session) -> None:
        """The tests run the mutated files: where all mutated functions raise, one fails."""
        if not self.waited("fail", partial(self.first_failing, session, range(len(session.items)))):
            raise RuntimeError("no test fails though each mutated function raises")


def processor_s() -> float:
    """What this process and its ended children have used: the machine may be busy with other things."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def end_group(leader: int) -> None:
    """What the tests of an ended process left running ends too."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> int:
    asked, told, temporary = (Path(word) for word in sys.argv[1:4])
    config()  # read once, from the folder where this begins: a test may go to another
    judge = Judge(json.loads(asked.read_text("utf-8")), temporary)
    code = pytest.main(["--rootdir=.", "--capture=no", "--tb=short", *sys.argv[4:]], plugins=[judge])
    told.write_text(json.dumps(judge.told), "utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
