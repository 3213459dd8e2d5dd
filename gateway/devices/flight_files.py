"""The flight recorder's files: a ring of packed recordings in the state folder, written by a thread of its own.

A recording is one gzip file of at most an hour, written a minute at a time and never synced: it is there to be read by
people after the fact, not to be relied on. Its pieces can be unpacked up to where a crash cut it. Nobody waits for it:
if the medium is slow or full, recording pauses and the gateway does not feel it.
"""

import gzip
import logging
import os
import queue
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.errors import DeviceError, JournalDamaged

FOLDER: Final = "flight"
FILE_MODE: Final = 0o600
SUFFIX: Final = ".jsonl.gz"
LINES_WAITING_MAX: Final = 600
PIECE_S: Final = 60.0
FREE_BYTES_MIN: Final = 64 * 1024 * 1024
"""The journal's need goes first."""
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
_GZIP: Final = 31
log = logging.getLogger("laddvakt")


class FlightFiles:
    """Takes lines and never waits. bytes_max: of all recordings together."""

    def __init__(self, state_dir: Path, bytes_max: int) -> None:
        self._folder = state_dir / FOLDER
        self._bytes_max = bytes_max
        self._lines: queue.Queue[tuple[str | None, str] | None] = queue.Queue(LINES_WAITING_MAX)
        self._fault: str | None = None
        self._thread = threading.Thread(target=self._write_all, name="flight recorder", daemon=True)
        self._thread.start()

    def begin(self, name: str, line: str) -> bool:
        """A new recording of that name, with its first line; False: not taken."""
        return self._put((name, line))

    def add(self, line: str) -> bool:
        """One line more; False: not taken, so what follows needs a new recording."""
        return self._fault is None and self._put((None, line))

    def close(self, within_s: float) -> None:
        """Writes what waits, for at most so long."""
        try:
            self._lines.put(None, timeout=within_s)
        except queue.Full:
            return
        self._thread.join(within_s)

    def _put(self, line: tuple[str | None, str]) -> bool:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            return False
        return True

    def _write_all(self) -> None:
        recording: _Recording | None = None
        while True:
            try:
                taken = self._lines.get(timeout=PIECE_S)
            except queue.Empty:
                continue
            try:
                if taken is None:
                    if recording is not None:
                        recording.end()
                    return
                name, line = taken
                if name is not None:
                    if recording is not None:
                        recording.end()
                    recording = None
                    self._make_room(None)
                    recording = _Recording(self._folder / f"{name}{SUFFIX}")
                    self._told(None)
                if recording is not None and recording.add(line):
                    self._make_room(recording.path)
            except (OSError, DeviceError) as problem:
                if recording is not None:
                    recording.leave()
                recording = None
                self._told(f"the flight recorder pauses: {problem}")

    def _told(self, fault: str | None) -> None:
        if fault is not None and self._fault is None:
            log.warning("%s", fault)
        self._fault = fault

    def _make_room(self, written: Path | None) -> None:
        """Gives up the oldest recordings, but never the one that is written, if all are too many or the medium is
        nearly full. Raises DeviceError if it still is then."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        sizes = {path: path.stat().st_size for path in recordings(self._folder)}
        old = [path for path in sizes if path != written]
        while old and (sum(sizes.values()) > self._bytes_max or self._is_short()):
            oldest = old.pop(0)
            del sizes[oldest]
            oldest.unlink()
        if self._is_short():
            raise DeviceError(f"{self._folder}: less than {FREE_BYTES_MIN >> 20} MiB are free")

    def _is_short(self) -> bool:
        room = os.statvfs(self._folder)
        return room.f_bavail * room.f_frsize < FREE_BYTES_MIN


class _Recording:
    """One file that is being written."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, FILE_MODE), "wb", buffering=0)
        self._packer = zlib.compressobj(6, wbits=_GZIP)
        self._waiting: list[bytes] = []
        self._written_s = time.monotonic()

    def add(self, line: str) -> bool:
        """Whether a piece was written with it."""
        self._waiting.append(line.encode("ascii") + b"\n")
        is_due = time.monotonic() - self._written_s >= PIECE_S
        if is_due:
            self._write(zlib.Z_SYNC_FLUSH)
        return is_due

    def end(self) -> None:
        self._write(zlib.Z_FINISH)
        self._file.close()

    def leave(self) -> None:
        """Nothing more is written; what was stays to be read."""
        with suppress(OSError):
            self._file.close()

    def _write(self, flush: int) -> None:
        packed = b"".join(self._packer.compress(line) for line in self._waiting) + self._packer.flush(flush)
        self._waiting.clear()
        self._written_s = time.monotonic()
        self._file.write(packed)


def recordings(folder: Path) -> list[Path]:
    """Every recording of a folder, oldest first: their names begin with the time."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())


def recorded_lines(path: Path) -> Iterator[str]:
    """The lines of one recording, as far as it was written. Raises DeviceError, JournalDamaged."""
    try:
        with gzip.open(path, "rt", encoding="ascii") as lines:
            while line := lines.readline(LINE_BYTES_MAX):
                if not line.endswith("\n"):
                    return  # the crash cut it here
                yield line
    except EOFError:
        return
    except (zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as problem:
        raise JournalDamaged(f"{path}: this is no whole recording: {problem}") from None
    except OSError as problem:
        raise DeviceError(f"{path}: {problem.strerror}") from None
