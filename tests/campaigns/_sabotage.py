"""The product's own `run`, with a wound that SIGUSR1 opens: for campaigns that ask what becomes of a sick daemon.

`python -m tests.campaigns._sabotage WOUND CONFIG`. Nothing of this is in the product: its methods are wrapped here.
"""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from gateway.app.control_loop import ControlLoop
from gateway.cli.main import main
from gateway.devices.journal_store import JournalStore

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
    """The disk takes the writer thread's next word and never answers."""
    room = JournalStore._room

    def wounded(self: JournalStore) -> bool:
        if opened.is_set():
            threading.Event().wait()
        return room(self)

    append = JournalStore._append

    def wounded_append(self: JournalStore, job: object) -> tuple[int, ...]:
        if opened.is_set():
            threading.Event().wait()
        return append(self, job)  # type: ignore[arg-type]  # whatever the writer was given

    JournalStore._room = wounded  # type: ignore[method-assign]  # the wound itself
    JournalStore._append = wounded_append  # type: ignore[method-assign]  # the wound itself


WOUNDS: dict[str, Callable[[], None]] = {"stuck": stuck_tick, "raises": raising_tick, "journal": hung_journal}


def _open(_number: int, _frame: FrameType | None) -> None:
    opened.set()


if __name__ == "__main__":
    WOUNDS[sys.argv[1]]()
    signal.signal(signal.SIGUSR1, _open)
    raise SystemExit(main(["run", sys.argv[2]]))
