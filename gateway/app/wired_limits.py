"""Looks at the contacts by which others lower: often enough that nobody waits for it, and never trusts what it cannot
read."""

import asyncio
from collections.abc import Mapping
from typing import Final

from gateway.app.faults import FaultLog
from gateway.app.sight_board import SightBoard
from gateway.devices.gpio_lines import GpioInput
from gateway.errors import DeviceError
from gateway.ids import LimitId

LOOK_EVERY_S: Final = 0.25


class WiredLimits:
    """The contacts of one gateway, by limit. An active line calls."""

    def __init__(self, lines: Mapping[LimitId, GpioInput], board: SightBoard, faults: FaultLog) -> None:
        self._lines = lines
        self._board = board
        self._faults = faults

    async def watch(self) -> None:
        """For as long as the gateway runs, where there are any."""
        while self._lines:
            self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Once at every contact. One that cannot be read counts as calling, and is told as a fault."""
        for limit, line in self._lines.items():
            fault = f"external limit {limit}"
            try:
                called = line.active()
            except DeviceError as problem:
                self._faults.on(fault, f"{problem} It counts as calling.")
                self._board.limit_called(limit, None)
                continue
            self._faults.off(fault)
            self._board.limit_called(limit, called)
