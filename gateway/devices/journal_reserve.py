"""Room on the medium that nobody else can take: with it running sessions end and are signed when the disk is full.

A file of its own holds the room. When a row is to be written and the medium is full, a slice of the file is given up
right before, so that whoever filled the disk does not get it all. No new session begins until all of it is held again.
"""

import os
from pathlib import Path
from typing import Final

from gateway.devices.key_store import sync_folder

RESERVE_FILE: Final = "journal.reserve"
HELD_BYTES: Final = 4 * 1024 * 1024
SLICE_BYTES: Final = 256 * 1024
"""More than the largest transaction needs: an end of a session is about 30 kB in the log, and as much on its way into
the database."""


class SpaceReserve:
    """The held room of one state folder. keep_free_bytes: below this much free space no new session begins."""

    def __init__(self, folder: Path, keep_free_bytes: int) -> None:
        self._folder = folder
        self._file = folder / RESERVE_FILE
        self._keep_free_bytes = keep_free_bytes

    def has_room(self) -> bool:
        """True if a new session may begin. Holds the room again when the medium has enough of it."""
        try:
            held_bytes = self._held_bytes()
            if held_bytes < HELD_BYTES:
                if self._free_bytes() + held_bytes < self._keep_free_bytes + HELD_BYTES:
                    return False
                self._hold()
            return self._free_bytes() >= self._keep_free_bytes
        except OSError:
            return False

    def has_slices(self, count: int) -> bool:
        """True if the medium has so many slices left without the reserve: for what can wait until it has."""
        try:
            return self._free_bytes() >= count * SLICE_BYTES
        except OSError:
            return False

    def make_room(self, slices: int = 1) -> None:
        """Gives up slices until the medium has so many left; without any the write itself will fail and say so."""
        try:
            held_bytes, free_bytes = self._held_bytes(), self._free_bytes()
            wanted_bytes = min(held_bytes, slices * SLICE_BYTES - free_bytes)
            if wanted_bytes <= 0:
                return
            given_bytes = -(-wanted_bytes // SLICE_BYTES) * SLICE_BYTES
            os.truncate(self._file, max(0, held_bytes - given_bytes))
            sync_folder(self._folder)
        except OSError:
            return

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def _held_bytes(self) -> int:
        try:
            return self._file.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0

    def _hold(self) -> None:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, HELD_BYTES)
        except OSError:
            os.ftruncate(descriptor, 0)
            raise
        finally:
            os.close(descriptor)
