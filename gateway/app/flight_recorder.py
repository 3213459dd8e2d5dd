"""Between the loop and the recorder's files: each tick becomes a line, each hour a recording. Nothing here waits."""

import secrets
from collections.abc import Callable
from hashlib import blake2s
from typing import Final, Protocol

from gateway.clock import Instant
from gateway.control.state import ControlState, Decision
from gateway.journal.flight import FlightWriter
from gateway.site.snapshot import SiteSnapshot

RECORDING_S: Final = 3600.0
RETRY_S: Final = 60.0
DAY_BYTES_MAX: Final = 240 * 1024 * 1024
"""Of text, a day; packed about a quarter of it. A large site records the beginning of each hour only."""

Record = Callable[[SiteSnapshot, ControlState, Decision, Instant], None]


class Files(Protocol):
    """Where lines go."""

    def begin(self, name: str, line: str) -> bool: ...

    def add(self, line: str) -> bool: ...


class FlightRecorder:
    """Writes down what every decision saw. Tokens are masked by a salt that nobody keeps."""

    def __init__(self, files: Files, version: str) -> None:
        self._files = files
        salt = secrets.token_bytes(16)
        self._writer = FlightWriter(lambda token: blake2s(token.encode(), key=salt, digest_size=6).hexdigest(), version)
        self._begun_s: float | None = None
        self._begin_after_s = 0.0
        self._bytes = 0

    def record(self, snapshot: SiteSnapshot, before: ControlState, decision: Decision, now: Instant) -> None:
        """One tick: decided from `before`."""
        now_s = now.monotonic_s
        if self._begun_s is not None and now_s - self._begun_s >= RECORDING_S:
            self._begun_s = None
            self._begin_after_s = 0.0
        if self._begun_s is None:
            if now_s < self._begin_after_s:
                return
            self._begin(snapshot, before, now)
        if self._begun_s is None:
            return
        line = self._writer.line(snapshot, now, decision.wishes)
        self._bytes += len(line)
        if not self._files.add(line):
            self._begun_s, self._begin_after_s = None, now_s + RETRY_S
        elif self._bytes > DAY_BYTES_MAX * RECORDING_S / 86_400.0:
            self._begin_after_s = self._begun_s + RECORDING_S
            self._begun_s = None

    def _begin(self, snapshot: SiteSnapshot, before: ControlState, now: Instant) -> None:
        line = self._writer.first_line(snapshot.site, before)
        self._bytes = len(line)
        if self._files.begin(f"{now.utc:%Y%m%dT%H%M%S}-{int(now.monotonic_s)}", line):
            self._begun_s = now.monotonic_s
        else:
            self._begin_after_s = now.monotonic_s + RETRY_S
