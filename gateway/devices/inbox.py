"""Orders for a running gateway as files of its state folder, which only its own user can reach.

An order is a file `NAME.order`; the gateway answers with `NAME.answer` and takes the order away. Each file gets its
name when it is whole.
"""

import os
from pathlib import Path
from typing import Final
from uuid import uuid4

from gateway.devices.key_store import FOLDER_MODE
from gateway.errors import DeviceError

FOLDER: Final = "inbox"
ORDER_BYTES_MAX: Final = 16 * 1024 * 1024
ANSWERS_MAX: Final = 64
"""So many answers that nobody fetched are kept."""


class Inbox:
    """Both sides: who orders, and the gateway that takes orders."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / FOLDER

    def put(self, text: str) -> str:
        """Leaves an order; its name. Also of root it is the state folder's owner's to read. Raises DeviceError."""
        name = uuid4().hex
        try:
            self._folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
            self._hand_over(self._folder)
            self._write(name, "order", text)
        except OSError as problem:
            raise DeviceError(f"{self._folder}: {problem.strerror}") from None
        return name

    def answer(self, name: str) -> str | None:
        """Fetches the answer to an order, None while there is none. Raises DeviceError."""
        path = self._folder / f"{name}.answer"
        try:
            text = path.read_text("utf-8")
            path.unlink()
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise DeviceError(f"{path}: {problem.strerror}") from None
        return text

    def orders(self) -> tuple[tuple[str, str], ...]:
        """Name and text of every order that waits, oldest first; what is too long is taken away. Raises DeviceError."""
        try:
            if not self._folder.is_dir():
                return ()
            paths = sorted(self._folder.glob("*.order"), key=lambda path: path.stat().st_mtime_ns)
            return tuple((path.stem, self._text(path)) for path in paths)
        except OSError as problem:
            raise DeviceError(f"{self._folder}: {problem.strerror}") from None

    def finish(self, name: str, answer: str) -> None:
        """Answers an order and takes it away. Raises DeviceError."""
        try:
            self._write(name, "answer", answer)
            (self._folder / f"{name}.order").unlink()
            old = sorted(self._folder.glob("*.answer"), key=lambda path: path.stat().st_mtime_ns)[:-ANSWERS_MAX]
            for path in old:
                path.unlink()
        except OSError as problem:
            raise DeviceError(f"{self._folder}: {problem.strerror}") from None

    @staticmethod
    def _text(path: Path) -> str:
        with path.open("rb") as stream:
            return stream.read(ORDER_BYTES_MAX).decode("utf-8", errors="replace")

    def _write(self, name: str, kind: str, text: str) -> None:
        draft = self._folder / f"{name}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        self._hand_over(draft)
        draft.rename(self._folder / f"{name}.{kind}")

    def _hand_over(self, path: Path) -> None:
        """To the owner of the state folder, where root is at work."""
        owner = self._folder.parent.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(path, owner.st_uid, owner.st_gid)
