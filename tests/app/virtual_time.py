"""An event loop whose time jumps to the next timer: the shell in virtual time, with in-process devices."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta

from gateway.clock import Instant, UtcTrust


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            self.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop without waiting. Only for tasks that wait for timers and for each other, never for real files."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


class VirtualClock:
    """`Clock` on the virtual loop's time."""

    def now(self) -> Instant:
        at_s = asyncio.get_running_loop().time()
        return Instant(at_s, datetime(2026, 6, 1, tzinfo=UTC) + timedelta(seconds=at_s), UtcTrust.SYNCHRONISED)


def run_virtually(main: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main)
