"""Reads the file of prices when it has changed, beside everything else."""

import asyncio
from pathlib import Path
from typing import Final

from gateway.app.faults import FaultLog
from gateway.app.sight_board import SightBoard
from gateway.publish.prices import TEXT_BYTES_MAX, read_prices

LOOK_EVERY_S: Final = 60.0
FAULT: Final = "prices"


class PriceFile:
    """One file; None: there is none to read."""

    def __init__(self, path: Path | None, board: SightBoard, faults: FaultLog) -> None:
        self._path = path
        self._board = board
        self._faults = faults
        self._read: bytes | None = None

    async def watch(self) -> None:
        """For as long as the gateway runs, where there is one."""
        while self._path is not None:
            await self.look(self._path)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, path: Path) -> None:
        """Once. A file that cannot be read leaves the last prices, which end by themselves. Read in a thread: a folder
        of the network that hangs holds up nothing else."""
        try:
            payload = await asyncio.to_thread(_start_of, path)
        except OSError as problem:
            self._faults.on(FAULT, f"{path} cannot be read: {problem}")
            self._read = None
            return
        if payload == self._read:
            return
        self._read = payload
        made = read_prices(payload)
        if isinstance(made, str):
            self._faults.on(FAULT, f"{path}: {made}")
            return
        self._faults.off(FAULT)
        self._board.prices_told(made)


def _start_of(path: Path) -> bytes:
    """As much as a price text may hold, and a byte more. Raises OSError."""
    with path.open("rb") as file:
        return file.read(TEXT_BYTES_MAX + 1)
