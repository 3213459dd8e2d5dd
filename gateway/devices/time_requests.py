"""A time reference that somebody entered beside the running daemon: one small file in the state folder.

The journal has one writer. Who finds it running leaves the request, complete before its name exists, and the daemon
takes the name away when the reference is durable; a death between the two enters the same reference twice, which says
nothing new.
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.devices.key_store import sync_folder
from gateway.errors import DeviceError
from gateway.journal.facts import Fact
from gateway.journal.profile_facts import TimeReferenced
from gateway.journal.rows import fact_of, kind_of

REQUEST_FILE: Final = "time-reference.request"
REQUEST_BYTES_MAX: Final = 4096


class TimeRequests:
    """The request of one state folder."""

    def __init__(self, folder: Path) -> None:
        self._path: Final = folder / REQUEST_FILE

    def waiting(self) -> str | None:
        """The request's text; None if there is none. Raises DeviceError if it cannot be read."""
        try:
            with self._path.open("rb") as stream:
                return stream.read(REQUEST_BYTES_MAX).decode("ascii", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise DeviceError(f"{self._path}: {problem.strerror}") from None

    def leave(self, text: str) -> None:
        """Leaves a request, readable by the folder's owner. Raises DeviceError, also if one waits already."""
        draft = self._path.with_suffix(".draft")
        try:
            owner = self._path.parent.stat()
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                if os.geteuid() == 0:
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)
                os.write(descriptor, text.encode("ascii"))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.link(draft, self._path)
            draft.unlink()
            sync_folder(self._path.parent)
        except FileExistsError:
            raise DeviceError(f"{self._path}: a time reference waits already; try again in a minute") from None
        except OSError as problem:
            raise DeviceError(f"{self._path}: {problem.strerror}") from None

    def done(self) -> None:
        """Takes the request away. Raises DeviceError."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as problem:
            raise DeviceError(f"{self._path}: {problem.strerror}") from None


def time_facts(connection: sqlite3.Connection) -> Iterator[Fact]:
    """Keys and time references, oldest first, without reading the rest; each reference proves itself by its signature.

    Raises JournalDamaged.
    """
    wanted = f'%"kind":"{TimeReferenced.__name__}"%'
    found = connection.execute(
        "SELECT seq, row FROM journal WHERE name GLOB 'key *' OR row LIKE ? ORDER BY seq", (wanted,)
    )
    for seq, text in found:
        if kind_of(seq, text) in {TimeReferenced.__name__, "KeyMade", "KeyHandedOver"}:
            yield fact_of(seq, text)
