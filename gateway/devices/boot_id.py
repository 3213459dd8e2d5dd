"""Which start of the machine this is: the kernel draws another id at each (random(4))."""

from pathlib import Path
from typing import Final

from gateway.errors import DeviceError

BOOT_ID_FILE: Final = Path("/proc/sys/kernel/random/boot_id")


def read_boot_id() -> str:
    """The id of this start, 36 characters. Raises DeviceError."""
    try:
        return BOOT_ID_FILE.read_text("ascii").strip()
    except OSError as problem:
        raise DeviceError(f"{BOOT_ID_FILE}: {problem.strerror}") from None
