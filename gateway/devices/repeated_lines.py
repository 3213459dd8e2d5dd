"""Foreign libraries log each time, this gateway logs changes: a flood of messages must not fill the log."""

import logging
import time
from collections.abc import Callable
from typing import Final

SAME_LINE_EVERY_S: Final = 60.0
LINES_MAX: Final = 32


class RepeatedLines(logging.Filter):
    """Lets each line of a logger through once a minute, told apart by their text before its figures are filled in."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now_s = now_s
        self._said_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now_s = self._now_s()
        said_s = self._said_s.get(str(record.msg))
        if said_s is not None and now_s - said_s < SAME_LINE_EVERY_S:
            return False
        if len(self._said_s) >= LINES_MAX:
            self._said_s.clear()
        self._said_s[str(record.msg)] = now_s
        return True


def warnings_once_a_minute(name: str) -> logging.Logger:
    """The logger for a foreign library: its warnings and worse, each line once a minute."""
    log = logging.getLogger(name)
    log.setLevel(logging.WARNING)
    log.addFilter(RepeatedLines())
    return log
