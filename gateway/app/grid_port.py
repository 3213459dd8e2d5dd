"""The grid meter's HAN port as the gateway has it: its readings judged and put on the board, its troubles told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.app.faults import FaultLog
from gateway.app.grid_judge import GridJudge
from gateway.app.han_log import HanLog
from gateway.app.sight_board import SightBoard
from gateway.config.plans import Cabinet
from gateway.devices.dlms_oracle import DlmsOracle
from gateway.devices.grid_meter import GridMeter
from gateway.devices.meter_keys import read_meter_keys
from gateway.devices.protocols import Clock
from gateway.meters.grid_plausibility import Standing
from gateway.meters.han_port import HanSight
from gateway.meters.readings import GridReading
from gateway.publish.words import Language
from gateway.site.wishes import NoteEvent
from gateway.wire.telegram import Discarded

GRID_METER: Final = "grid meter"
"""The fault of a line that fails; it ends with the next reading."""
TELEGRAMS: Final = "grid meter telegrams"


class GridPort:
    """note: takes an event for the journal. Raises what `read_meter_keys` raises."""

    def __init__(
        self, cabinet: Cabinet, board: SightBoard, clock: Clock, faults: FaultLog, *, note: Callable[[NoteEvent], None]
    ) -> None:
        plan, site = cabinet.grid_meter, cabinet.site
        keys = plan.han.keys if plan.key_file is None else read_meter_keys(plan.key_file)
        self._meter = GridMeter(plan.port, replace(plan.han, keys=keys, other_walk=DlmsOracle()), clock)
        self._judge = GridJudge(site.fuses[site.main].rating_a, faults, note)
        self._log = HanLog(faults, Language(cabinet.language))
        self._board = board
        self._clock = clock
        self._faults = faults
        self.sight: HanSight | None = None
        """What the port shows of itself, for display."""

    @property
    def meter(self) -> Standing:
        """What the meter in place has told so far."""
        return self._judge.meter

    async def run(self) -> None:
        """Reads until the line fails (DeviceError)."""
        await self._meter.run(self._read, self._dropped, self._seen)

    def _read(self, reading: GridReading) -> None:
        self._faults.off(GRID_METER)
        self._faults.off(TELEGRAMS)
        self._board.grid_read(self._judge.judged(reading))

    def _dropped(self, dropped: Discarded) -> None:
        self._faults.on(TELEGRAMS, f"{dropped.count} bytes dropped ({dropped.reason}): {dropped.excerpt.hex(' ')}")

    def _seen(self, sight: HanSight) -> None:
        self.sight = sight
        self._log.seen(sight, self._clock.now().monotonic_s)
