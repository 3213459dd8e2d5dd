"""Reads the cabinet's thermometer every half minute, beside everything else."""

import asyncio
from pathlib import Path
from typing import Final

from gateway.app.faults import FaultLog
from gateway.app.sight_board import SightBoard
from gateway.devices.one_wire import read_celsius
from gateway.devices.protocols import Clock
from gateway.errors import DeviceError
from gateway.site.outside import TemperatureTold

READ_EVERY_S: Final = 30.0
FAULT: Final = "cabinet thermometer"


class Thermometer:
    """The file of one sensor; None: there is none to read."""

    def __init__(self, path: Path | None, board: SightBoard, clock: Clock, faults: FaultLog) -> None:
        self._path = path
        self._board = board
        self._clock = clock
        self._faults = faults

    async def watch(self) -> None:
        """For as long as the gateway runs, where there is one. One read at a time: a sensor that hangs costs one
        thread, and is silent."""
        while self._path is not None:
            await self.read(self._path)
            await asyncio.sleep(READ_EVERY_S)

    async def read(self, path: Path) -> None:
        """Once; a sensor that fails is told as a fault, and its last value grows old."""
        try:
            celsius = await asyncio.to_thread(read_celsius, path)
        except DeviceError as problem:
            self._faults.on(FAULT, str(problem))
            return
        self._faults.off(FAULT)
        self._board.temperature_told(TemperatureTold(celsius, self._clock.now().monotonic_s))
