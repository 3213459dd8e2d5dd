"""The registers of a grid meter that this product reads, by OBIS code (IEC 62056-6-1; HAN P1 companion 5.0.2, 6.4).

Codes are written as on a P1 line, `A-B:C.D.E`. Phases are L1, L2, L3 in that order.
"""

from typing import Final

CLOCK: Final = "0-0:1.0.0"
CLOCK_TIME: Final = "1-0:0.9.1"
"""hhmmss, of meters that send time and date apart (Iskraemeco AM550)."""
CLOCK_DATE: Final = "1-0:0.9.2"
"""YYMMDD."""

ELECTRICITY: Final = "1-"
"""Group A of every register of the electricity meter itself; 0-n: is abstract or another meter behind it."""

IMPORT_POWER: Final = "1-0:1.7.0"
EXPORT_POWER: Final = "1-0:2.7.0"
IMPORT_ENERGY: Final = "1-0:1.8.0"
EXPORT_ENERGY: Final = "1-0:2.8.0"
IMPORT_TARIFFS: Final = tuple(f"1-0:1.8.{tariff}" for tariff in range(1, 5))
EXPORT_TARIFFS: Final = tuple(f"1-0:2.8.{tariff}" for tariff in range(1, 5))

IMPORT_POWER_BY_PHASE: Final = ("1-0:21.7.0", "1-0:41.7.0", "1-0:61.7.0")
EXPORT_POWER_BY_PHASE: Final = ("1-0:22.7.0", "1-0:42.7.0", "1-0:62.7.0")
CURRENT_BY_PHASE: Final = ("1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0")
VOLTAGE_BY_PHASE: Final = ("1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0")
