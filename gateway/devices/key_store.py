"""The signing key as a file of the state folder: made on the first boot, readable by the daemon alone.

It proves that a record was not changed after this gateway signed it. It is never logged, shown or exported. Where the
key lies on a token the same file holds the reference to it, so that one rename puts either in the other's place.
"""

import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from gateway.devices.key_reference import KeyReference
from gateway.devices.protocols import SignerKey
from gateway.devices.token_key import PinRefused, TokenKey, TokenPlace
from gateway.errors import ConfigMistake, DeviceError, Mistake
from gateway.metering.keys import with_low_s

KEY_FILE: Final = "signing-key.pem"
NEXT_KEY_FILE: Final = "signing-key.next.pem"
REFUSED_FILE: Final = "signing-key.refused"
"""Which PIN file the token refused: a daemon that is started again and again must not try it until the token locks."""
KEY_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700


class _FileKey:
    """A P-256 key in memory."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.public_key_hex: Final = public.hex().upper()

    def sign(self, payload: bytes) -> bytes:
        return with_low_s(self._key.sign(payload, ec.ECDSA(hashes.SHA256())))


class KeyStore:
    """A P-256 key that signs (`SignerKey`), from the folder's file or from the token that the file names."""

    def __init__(self, key: SignerKey) -> None:
        self._key = key

    @property
    def public_key_hex(self) -> str:
        """SubjectPublicKeyInfo DER in upper-case hex."""
        return self._key.public_key_hex

    def sign(self, payload: bytes) -> bytes:
        """ECDSA P-256 over SHA-256 of the bytes, as DER with low s. Raises DeviceError if the key's token is gone."""
        return self._key.sign(payload)

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """True if the folder holds a key."""
        return (folder / KEY_FILE).exists()

    @classmethod
    def make(cls, folder: Path, token: TokenPlace | None = None) -> Self:
        """Makes the key, on the token if one is named; the file is on the disk, name and content, when this returns. A
        key is never replaced by it.

        The content is complete before the name exists, so that a power cut leaves a whole key or none. Raises
        DeviceError, ConfigMistake.
        """
        return cls._made(folder, folder / KEY_FILE, token)

    @classmethod
    def make_next(cls, folder: Path, token: TokenPlace | None = None) -> Self:
        """Makes the key that is to take this one's place; an earlier one that never did is forgotten."""
        try:
            (folder / NEXT_KEY_FILE).unlink(missing_ok=True)
        except OSError as problem:
            raise DeviceError(f"{folder / NEXT_KEY_FILE}: {problem.strerror}") from None
        return cls._made(folder, folder / NEXT_KEY_FILE, token)

    @classmethod
    def adopt_next(cls, folder: Path, public_key_hex: str) -> Self | None:
        """Puts the next key in this one's place if it is that key; the one before is gone for good. None if it is not.

        Raises ConfigMistake, DeviceError.
        """
        path = folder / NEXT_KEY_FILE
        if not path.exists():
            return None
        key, before = cls._read(path), _reference(folder / KEY_FILE)
        if key.public_key_hex != public_key_hex:
            return None
        try:
            path.replace(folder / KEY_FILE)
            sync_folder(folder)
        except OSError as problem:
            raise DeviceError(f"{path}: {problem.strerror}") from None
        if before is not None:
            TokenKey.destroy(before.place, _pin(before.place), before.key_id)
        return key

    @staticmethod
    def place(folder: Path) -> TokenPlace | None:
        """Where the key lies if it is on a token. Raises DeviceError."""
        reference = _reference(folder / KEY_FILE)
        return None if reference is None else reference.place

    @staticmethod
    def follow(folder: Path, token: TokenPlace) -> None:
        """The token's library or PIN file lies where `token` says from now on. Raises DeviceError."""
        for path in (folder / KEY_FILE, folder / NEXT_KEY_FILE):
            reference = _reference(path) if path.exists() else None
            if reference is None or reference.moved(token) == reference:
                continue
            draft = folder / f"{KEY_FILE}.new"
            try:
                draft.unlink(missing_ok=True)
                _write_durably(draft, reference.moved(token).text)
                draft.replace(path)
                sync_folder(folder)
            except OSError as problem:
                raise DeviceError(f"{path}: {problem.strerror}") from None

    @classmethod
    def _made(cls, folder: Path, path: Path, token: TokenPlace | None) -> Self:
        key: SignerKey
        if token is None:
            private = ec.generate_private_key(ec.SECP256R1())
            text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            key = _FileKey(private)
        else:
            key = made = _tried(folder, token, lambda pin: TokenKey.make(token, pin))
            text = KeyReference(token, made.key_id, made.public_key_hex).text
        draft = folder / f"{KEY_FILE}.new"
        try:
            draft.unlink(missing_ok=True)  # what a power cut left of an earlier try: nothing was signed with it
            _write_durably(draft, text)
            os.link(draft, path)  # fails if there is a key already
            draft.unlink()
            sync_folder(folder)
        except OSError as problem:
            raise DeviceError(f"{path}: the signing key cannot be stored: {problem.strerror}") from None
        return cls(key)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads the key. Raises ConfigMistake on a mode that lets others read it, DeviceError if it is no key."""
        try:
            (folder / f"{KEY_FILE}.new").unlink(missing_ok=True)  # a power cut may have left the draft's name
        except OSError as problem:
            raise DeviceError(f"{folder}: {problem.strerror}") from None
        return cls._read(folder / KEY_FILE)

    @classmethod
    def _read(cls, path: Path) -> Self:
        text, reference = _text(path), _reference(path)
        if reference is not None:
            place, key_id = reference.place, reference.key_id
            held = _tried(path.parent, place, lambda pin: TokenKey.load(place, pin, key_id))
            if held.public_key_hex != reference.public_key:
                raise DeviceError(f"{path}: the key on token {place.token} is not the one that was made there")
            return cls(held)
        try:
            key = load_pem_private_key(text, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise DeviceError(f"{path}: this is not a signing key; put the right file back") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise DeviceError(f"{path}: this key is not of curve P-256; put the right file back")
        return cls(_FileKey(key))


def _text(path: Path) -> bytes:
    require_mode(path, KEY_MODE, read_by_root=True)
    try:
        return path.read_bytes()
    except OSError as problem:
        raise DeviceError(f"{path}: the signing key cannot be read: {problem.strerror}") from None


def _reference(path: Path) -> KeyReference | None:
    try:
        return KeyReference.of(_text(path))
    except ValueError:
        raise DeviceError(f"{path}: this is not a signing key; put the right file back") from None


def _tried(folder: Path, place: TokenPlace, login: Callable[[str], TokenKey]) -> TokenKey:
    """The key by the PIN of the file; a PIN that was refused is not tried again before its file is another one."""
    mark, pin = folder / REFUSED_FILE, _pin(place)
    try:
        seen = place.pin_file.stat()
        version = f"{seen.st_ino} {seen.st_mtime_ns} {seen.st_ctime_ns}"
        if mark.exists() and mark.read_text("ascii") == version:
            raise _bad_pin(place, "The token refused this PIN; it is not tried again.")
        try:
            key = login(pin)
        except PinRefused:
            mark.write_text(version, "ascii")
            raise
        mark.unlink(missing_ok=True)
    except OSError as problem:
        raise DeviceError(f"{problem.filename}: {problem.strerror}") from None
    return key


def _pin(place: TokenPlace) -> str:
    """Raises ConfigMistake."""
    if not place.pin_file.is_file():
        raise _bad_pin(place, "There is no such file.")
    require_mode(place.pin_file, KEY_MODE, read_by_root=True)
    try:
        pin = place.pin_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise _bad_pin(place, "It cannot be read.") from None
    if not pin:
        raise _bad_pin(place, "It is empty.")
    return pin


def _bad_pin(place: TokenPlace, problem: str) -> ConfigMistake:
    remedy = "Write the token's user PIN there, mode 0600."
    return ConfigMistake("config", (Mistake("signing_token.pin_file", str(place.pin_file), problem, remedy),))


def make_folder(folder: Path) -> None:
    """Makes the state folder for the daemon alone, or makes sure that it is so. Raises ConfigMistake, DeviceError."""
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as problem:
        raise DeviceError(f"{folder}: the state folder cannot be made: {problem.strerror}") from None
    require_mode(folder, FOLDER_MODE)


def require_mode(path: Path, mode: int, *, read_by_root: bool = False) -> None:
    """Raises ConfigMistake if others than the owner may reach the file or folder, or the owner is somebody else.

    read_by_root: nothing is written, so that root may look at what is another's, as with `sudo laddvakt export`.
    """
    try:
        seen = path.stat(follow_symlinks=False)
    except OSError as problem:
        raise DeviceError(f"{path}: {problem.strerror}") from None
    have, by_root = stat.S_IMODE(seen.st_mode), os.geteuid() == 0
    is_own = seen.st_uid == os.geteuid() or (by_root and read_by_root)
    if have & ~mode or not is_own:
        if is_own:
            remedy = f"Run: chmod {mode:o} {path}; if others had access, use a new key."
        elif by_root:
            remedy = f"Run this command as that user: sudo -u {_user(seen.st_uid)} laddvakt ..."
        else:
            remedy = f"Run: chown {os.geteuid()} {path} && chmod {mode:o} {path}; if others had access, use a new key."
        wrong = "Others than the daemon may reach what it signs with." if have & ~mode else "It is another user's."
        raise ConfigMistake(str(path), (Mistake("mode", f"{have:04o}, owner {seen.st_uid}", wrong, remedy),))


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"'#{number}'"


def sync_folder(folder: Path) -> None:
    """Makes names that were added to or taken from the folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, KEY_MODE)
    try:
        os.fchmod(descriptor, KEY_MODE)
        written = os.write(descriptor, content)
        if written != len(content):
            raise OSError(0, "the disk took only a part of it")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
