"""A fault is logged once when it begins and once when it ends, with its duration."""

import logging
import time

log = logging.getLogger("laddvakt")


class FaultLog:
    """Remembers which faults are on, by a name such as `socket p1 meter`."""

    def __init__(self) -> None:
        self._began_s: dict[str, float] = {}

    def on(self, name: str, problem: str) -> None:
        if name not in self._began_s:
            self._began_s[name] = time.monotonic()
            log.warning("%s: %s", name, problem)

    def off(self, name: str) -> None:
        began_s = self._began_s.pop(name, None)
        if began_s is not None:
            log.info("%s: well again after %.0f s", name, time.monotonic() - began_s)

    @property
    def now(self) -> tuple[str, ...]:
        """Names of the faults that are on."""
        return tuple(self._began_s)
