"""The list of users in the state folder, and the counts of wrong tries beside it; the daemon alone may read them.

Cards and codes are stored as scrypt proofs (RFC 7914) under one salt of the site, so that one computation is enough to
look a card up among all users. N = 2^14, r = 8: 16 MiB and about 60 ms of a PC's processor, so that a tap on the
smallest Pi is answered within a second. What has few digits can be found by trying all of them by whoever gets hold of
the file: the folder's mode, six digits at least, and end dates bound that.
"""

import fcntl
import hashlib
import json
import logging
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from gateway.devices.key_store import sync_folder
from gateway.errors import DeviceError
from gateway.ids import Token
from gateway.site.requests import Source
from gateway.site.tries import Tries, all_spent, tries_after
from gateway.site.users import OneTimeCode, User, UserList

USERS_FILE: Final = "users.json"
TRIES_FILE: Final = "tries.json"
LOCK_FILE: Final = "users.lock"
VERSION: Final = 1
FILE_MODE: Final = 0o600
FILE_BYTES_MAX: Final = 4_000_000
SALT_BYTES: Final = 16
SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1, "maxmem": 64 * 2**20, "dklen": 32}
log = logging.getLogger("laddvakt")


class UserStore:
    """The two files of one state folder. Every method blocks; errors leave as DeviceError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / USERS_FILE
        self._seen: tuple[int, int, int] | None = None
        self._users = UserList(b"")

    def users(self) -> UserList:
        """The list as it stands now; an empty one with a fresh salt where there is none yet."""
        try:
            seen = self._path.stat(follow_symlinks=False)
        except FileNotFoundError:
            self._seen = None
            return UserList(secrets.token_bytes(SALT_BYTES))
        except OSError as problem:
            raise DeviceError(f"{self._path}: {problem.strerror}") from None
        mark = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        if mark != self._seen:
            if not stat.S_ISREG(seen.st_mode) or stat.S_IMODE(seen.st_mode) & ~FILE_MODE:
                raise DeviceError(f"{self._path} can be reached by others: run chmod 600 {self._path}")
            self._users = _users_of(self._path)
            self._seen = mark
        return self._users

    def proof(self, salt: bytes, means: Source, text: str) -> bytes:
        """What stands in the list for a card, PIN or code. text: in its uniform form."""
        return hashlib.scrypt(f"{means.value}\0{text}".encode(), salt=salt, **SCRYPT)

    def change(self, change: Callable[[UserList], UserList]) -> UserList:
        """Puts a changed list in the place of the one that stands, durably; nobody else changes it meanwhile."""
        lock = self._locked()
        try:
            changed = change(self.users())
            _write(self._path, _text_of(changed))
            return changed
        finally:
            os.close(lock)

    def use_up(self, code: OneTimeCode) -> bool:
        """Takes the code off the list, durably. False: it was not on it any more."""
        found = False

        def without(users: UserList) -> UserList:
            nonlocal found
            found = code in users.codes
            return UserList(users.salt, users.users, tuple(one for one in users.codes if one != code))

        self.change(without)
        return found

    def tries(self, now_s: float) -> Tries:
        """The counts as they were stored last. Where they cannot be read every try is taken to be spent: that heals by
        itself, and damaging the file gives nobody more tries."""
        path = self._folder / TRIES_FILE
        try:
            stored = json.loads(path.read_text("ascii"))
            return tries_after({str(name): float(spent) for name, spent in stored["spent"].items()}, now_s)
        except FileNotFoundError:
            return Tries(now_s)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            log.warning("%s cannot be read: no PIN and no code is looked at for a while", path)
            return all_spent(now_s)

    def keep_tries(self, spent: Mapping[str, float]) -> None:
        """Stores the counts durably."""
        _write(self._folder / TRIES_FILE, json.dumps({"version": VERSION, "spent": dict(spent)}, sort_keys=True))

    def _locked(self) -> int:
        path = self._folder / LOCK_FILE
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
            _give_to_owner(lock, self._folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as problem:
            raise DeviceError(f"{path}: {problem.strerror}") from None
        return lock


def _users_of(path: Path) -> UserList:
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1)
        if len(text) > FILE_BYTES_MAX:
            raise DeviceError(f"{path} is larger than any list of users")
        said: dict[str, Any] = json.loads(text)
        if said["version"] != VERSION:
            raise DeviceError(f"{path} is of version {said['version']}; this program reads {VERSION}")
        return UserList(
            salt=bytes.fromhex(said["salt"]),
            users=tuple(_user(one) for one in said["users"]),
            codes=tuple(
                OneTimeCode(Token(str(one["user"])), bytes.fromhex(one["proof"]), _moment(one["valid_until"]))
                for one in said["codes"]
            ),
        )
    except OSError as problem:
        raise DeviceError(f"{path}: {problem.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DeviceError(f"{path} is no list of users; put a right one in its place, or take it away") from None


def _user(said: Mapping[str, Any]) -> User:
    until = said["valid_until"]
    return User(
        name=Token(str(said["name"])),
        groups=tuple(str(one) for one in said["groups"]),
        rights=tuple(str(one) for one in said["rights"]),
        valid_until=None if until is None else _moment(until),
        cards=tuple(bytes.fromhex(one) for one in said["cards"]),
        pins=tuple(bytes.fromhex(one) for one in said["pins"]),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an end without an offset")
    return moment


def _text_of(users: UserList) -> str:
    said = {
        "version": VERSION,
        "salt": users.salt.hex(),
        "users": [
            {
                "name": one.name,
                "groups": list(one.groups),
                "rights": list(one.rights),
                "valid_until": None if one.valid_until is None else one.valid_until.isoformat(),
                "cards": [each.hex() for each in one.cards],
                "pins": [each.hex() for each in one.pins],
            }
            for one in users.users
        ],
        "codes": [
            {"user": one.user, "proof": one.proof.hex(), "valid_until": one.valid_until.isoformat()}
            for one in users.codes
        ],
    }
    return json.dumps(said, indent=1, sort_keys=True)


def _write(path: Path, text: str) -> None:
    """A new file in the place of the old one: after a power cut there is one of the two, whole."""
    draft = path.with_suffix(".new")
    try:
        with suppress(FileNotFoundError):
            draft.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, FILE_MODE), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            _give_to_owner(file.fileno(), path.parent)
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as problem:
        raise DeviceError(f"{path}: {problem.strerror}") from None


def _give_to_owner(descriptor: int, folder: Path) -> None:
    """What root writes belongs to the folder's owner, who has to read it."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
