"""Room on the medium that nobody else can take: with it running sessions end and are signed when the disk is full.

A file of its own holds the room. When the medium runs full the file goes, and what it held is the journal's last room;
no new session begins until it could be made again.
"""

import os
from pathlib import Path
from typing import Final

from gateway.devices.key_store import sync_folder

RESERVE_FILE: Final = "journal.reserve"
HELD_BYTES: Final = 2 * 1024 * 1024
"""Some hundred ends of sessions, each about 8 kB in the log and 4 kB in the database."""
LAST_BYTES: Final = 1024 * 1024
"""With less than this left the held room is set free."""


class SpaceReserve:
    """The held room of one state folder. keep_free_bytes: below this much free space no new session begins."""

    def __init__(self, folder: Path, keep_free_bytes: int) -> None:
        self._folder = folder
        self._file = folder / RESERVE_FILE
        self._keep_free_bytes = keep_free_bytes

    def has_room(self) -> bool:
        """True if a new session may begin. Sets the held room free, or holds it again, as the medium has become."""
        try:
            disk = os.statvfs(self._folder)
            free_bytes = disk.f_bavail * disk.f_frsize
            is_held = self._is_held()
            if is_held and free_bytes < LAST_BYTES:
                self._set_free()
                return False
            if not is_held and free_bytes >= self._keep_free_bytes + HELD_BYTES:
                self._hold()
                is_held = True
        except OSError:
            return False
        return is_held and free_bytes >= self._keep_free_bytes

    def _is_held(self) -> bool:
        try:
            return self._file.stat(follow_symlinks=False).st_size >= HELD_BYTES
        except FileNotFoundError:
            return False

    def _hold(self) -> None:
        self._file.unlink(missing_ok=True)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, HELD_BYTES)
        except OSError:
            self._file.unlink()
            raise
        finally:
            os.close(descriptor)

    def _set_free(self) -> None:
        self._file.unlink()
        sync_folder(self._folder)
