"""A 1-wire thermometer as the kernel shows it (w1_therm): `temperature` in thousandths of °C, or the two lines of
`w1_slave`."""

import re
from pathlib import Path
from typing import Final

from gateway.errors import DeviceError

TEXT_CHARACTERS_MAX: Final = 200
LOWEST_C: Final = -55.0
HIGHEST_C: Final = 125.0
"""Range of a DS18B20 (Analog Devices, DS18B20 data sheet, "Benefits and Features")."""
POWER_ON_C: Final = 85.0
"""What it shows when it has lost power before it could measure (the same, "Operation: Measuring Temperature")."""


def read_celsius(path: Path) -> float:
    """The temperature (°C). Blocks for most of a second. Raises `DeviceError` if there is none to believe."""
    try:
        with path.open("r", encoding="ascii", errors="replace") as file:
            text = file.read(TEXT_CHARACTERS_MAX)
    except OSError as problem:
        raise DeviceError(f"{path} cannot be read: {problem}.") from problem
    said = re.search(r"t=(-?\d{1,6})\b", text) if "t=" in text else re.fullmatch(r"\s*(-?\d{1,6})\s*", text)
    if said is None or ("crc" in text and "YES" not in text):
        raise DeviceError(f"{path} shows no temperature: {text.strip()[:60]!r}.")
    celsius = int(said.group(1)) / 1000.0
    if not LOWEST_C <= celsius <= HIGHEST_C or celsius == POWER_ON_C:
        raise DeviceError(f"{path} shows {celsius:g} °C, which is no measurement.")
    return celsius
