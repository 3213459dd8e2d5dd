"""The product's own `run`, with a wound that SIGUSR1 opens: for campaigns that ask what becomes of a sick daemon.

`python -m tests.campaigns._sabotage WOUND CONFIG`. Nothing of this is in the product: its methods are wrapped here.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from gateway.app.control_loop import ControlLoop
from gateway.cli.main import main
from gateway.devices.journal_store import JournalStore, _Append

opened = threading.Event()


def stuck_tick() -> None:
    """The next tick never ends, and never lets the event loop go."""
    tick = ControlLoop.tick

    def wounded(self: ControlLoop) -> None:
        while opened.is_set():
            pass
        tick(self)

    ControlLoop.tick = wounded  # type: ignore[method-assign]  # the wound itself


def raising_tick() -> None:
    """The next tick ends in an exception, as any bug of ours would."""
    tick = ControlLoop.tick

    def wounded(self: ControlLoop) -> None:
        if opened.is_set():
            raise ZeroDivisionError("a bug")
        tick(self)

    ControlLoop.tick = wounded  # type: ignore[method-assign]  # the wound itself


def hung_journal() -> None:
    """The disk takes the writer thread's next word, a fact or a look at the room that is left, and never answers."""
    append = JournalStore._append
    room = os.statvfs

    def wounded(self: JournalStore, job: _Append) -> tuple[int, ...]:
        _hang()
        return append(self, job)

    def wounded_room(path: str | Path) -> os.statvfs_result:
        _hang()
        return room(path)

    JournalStore._append = wounded  # type: ignore[method-assign]  # the wound itself
    os.statvfs = wounded_room  # type: ignore[assignment]  # the wound itself


def _hang() -> None:
    if opened.is_set() and threading.current_thread() is not threading.main_thread():
        threading.Event().wait()


WOUNDS: dict[str, Callable[[], None]] = {"stuck": stuck_tick, "raises": raising_tick, "journal": hung_journal}


def _open(_number: int, _frame: FrameType | None) -> None:
    opened.set()


if __name__ == "__main__":
    WOUNDS[sys.argv[1]]()
    signal.signal(signal.SIGUSR1, _open)
    raise SystemExit(main(["run", sys.argv[2]]))
