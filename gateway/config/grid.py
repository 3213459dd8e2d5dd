"""The HAN port's section: its port, what is pinned of its line, and the keys of meters that encrypt."""

from pathlib import Path
from typing import Final

from gateway.config.addresses import host_and_port
from gateway.config.plans import GridMeterPlan
from gateway.config.schema import GridMeterSection
from gateway.config.wording import HIDDEN, shown
from gateway.errors import Mistake
from gateway.meters.han_port import HanPlan
from gateway.wire.ciphering import MeterKeys
from gateway.wire.telegram import Form

BRIDGE: Final = "socket://"


def check_grid_meter(section: GridMeterSection, mistakes: list[Mistake]) -> None:
    """Adds what does not fit together."""
    port = section.port
    bridged = port.startswith(BRIDGE)
    if not port.startswith("/") and not (bridged and host_and_port(port.removeprefix(BRIDGE))):
        remedy = 'Write a device path such as "/dev/laddvakt-p1", or "socket://192.168.1.20:2001".'
        mistakes.append(Mistake("grid_meter.port", shown(port), "is no port.", remedy))
    if bridged:
        for key, value in (("baud", section.baud), ("parity", section.parity)):
            if value is not None:
                mistakes.append(
                    Mistake(
                        f"grid_meter.{key}",
                        shown(value),
                        "cannot be set through a bridge.",
                        "Set it in the bridge, and take the key away here.",
                    )
                )
    if section.key_file is not None and section.encryption_key is not None:
        mistakes.append(
            Mistake("grid_meter.key_file", shown(section.key_file), "the keys stand here too.", "Keep one of the two.")
        )
    if section.authentication_key is not None and section.encryption_key is None:
        mistakes.append(
            Mistake(
                "grid_meter.authentication_key", HIDDEN, "opens nothing by itself.", "Add encryption_key beside it."
            )
        )


def build_grid_meter(section: GridMeterSection) -> GridMeterPlan:
    """The plan; keys in a file are added by the shell when it has read them."""
    keys = None
    if section.encryption_key is not None:
        authentication = section.authentication_key
        keys = MeterKeys(
            bytes.fromhex(section.encryption_key), None if authentication is None else bytes.fromhex(authentication)
        )
    han = HanPlan(
        form=None if section.format == "auto" else Form(section.format),
        baud=section.baud,
        parity=section.parity,
        allow_without_crc=section.allow_without_crc,
        kamstrup_energy_wh=section.kamstrup_energy_wh,
        keys=keys,
    )
    return GridMeterPlan(section.port, han, None if section.key_file is None else Path(section.key_file))
