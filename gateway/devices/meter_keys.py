"""The keys of an encrypting grid meter, read from a file of their own."""

import re
import stat
from pathlib import Path

from gateway.errors import ConfigMistake, Mistake
from gateway.wire.ciphering import MeterKeys


def read_meter_keys(path: Path) -> MeterKeys:
    """Encryption key on the first line, authentication key (if there is one) on the second; "#" begins a remark.

    Raises ConfigMistake if the file cannot be read, can be read by others, or holds no keys. What it holds is never
    part of a message.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii")
    except OSError as problem:
        raise _mistake(path, f"cannot be read ({problem.strerror}).", "Check path and owner.") from problem
    except UnicodeDecodeError as problem:
        raise _mistake(path, "is no plain text.", "Write the keys as hex digits.") from problem
    if stat.S_IMODE(mode) & 0o077:
        raise _mistake(path, "can be read by others.", f"chmod 600 {path}")
    lines = [line for line in (line.partition("#")[0].strip() for line in text.splitlines()) if line]
    if not 1 <= len(lines) <= 2:
        raise _mistake(path, f"holds {len(lines)} keys.", "Write the encryption key, then the authentication key.")
    for number, line in enumerate(lines, 1):
        if not re.fullmatch("[0-9A-Fa-f]{32}", line):
            raise _mistake(path, f"key {number} is not 32 hex digits.", "Copy the key as it was given.")
    return MeterKeys(bytes.fromhex(lines[0]), bytes.fromhex(lines[1]) if len(lines) == 2 else None)


def _mistake(path: Path, problem: str, remedy: str) -> ConfigMistake:
    return ConfigMistake("config", (Mistake("grid_meter.key_file", str(path), problem, remedy),))
