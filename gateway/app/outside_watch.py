"""Everything that is looked at outside of meters and actuators: contacts of others, a thermometer, a file of prices."""

import asyncio

from gateway.app.faults import FaultLog
from gateway.app.price_file import PriceFile
from gateway.app.sight_board import SightBoard
from gateway.app.thermometer import Thermometer
from gateway.app.wired_limits import WiredLimits
from gateway.app.wiring import build_limit_inputs
from gateway.config.plans import Cabinet
from gateway.devices.protocols import Clock


class OutsideWatch:
    """What the config names of them."""

    def __init__(self, cabinet: Cabinet, board: SightBoard, clock: Clock, faults: FaultLog) -> None:
        self._wired = WiredLimits(build_limit_inputs(cabinet), board, faults)
        self._thermometer = Thermometer(cabinet.thermometer, board, clock, faults)
        self._prices = PriceFile(cabinet.price_file, board, faults)

    def tasks(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """One for each; a task without anything to watch ends at once."""
        return [
            group.create_task(self._wired.watch(), name="wired limits"),
            group.create_task(self._thermometer.watch(), name="thermometer"),
            group.create_task(self._prices.watch(), name="prices"),
        ]
