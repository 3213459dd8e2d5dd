"""The log of a run: one JSON object a line, stamped with CLOCK_MONOTONIC nanoseconds."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO


def stamp_ns() -> int:
    """CLOCK_MONOTONIC, the same clock in every program of this machine."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class EventLog:
    """Lines {"t_ns", "kind", ...}; None: nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None if path is None else path.open("a", encoding="utf-8", buffering=1)

    def write(self, kind: str, words: Mapping[str, object], t_ns: int | None = None) -> None:
        """t_ns: when it happened; None: now."""
        if self._file is None:
            return
        line = {"t_ns": stamp_ns() if t_ns is None else t_ns, "kind": kind, **words}
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
