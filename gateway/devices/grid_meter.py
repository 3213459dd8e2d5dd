"""The grid meter's HAN port: bytes of its line become readings, inside the call that read them."""

from collections.abc import Callable

from gateway.devices.han_line import HanLine, OpenLine
from gateway.devices.protocols import Clock
from gateway.meters.grid import grid_reading
from gateway.meters.han_port import HanPlan, HanSight
from gateway.meters.readings import GridReading
from gateway.wire.telegram import Discarded, Event


class GridMeter:
    """One HAN port and the clock that its readings are stamped by."""

    def __init__(self, port: str, plan: HanPlan, clock: Clock, open_line: OpenLine | None = None) -> None:
        self._line = HanLine(port, plan, open_line)
        self._clock = clock

    async def run(
        self,
        on_reading: Callable[[GridReading], None],
        on_discard: Callable[[Discarded], None],
        on_sight: Callable[[HanSight], None],
    ) -> None:
        """Reads until the line fails (DeviceError). See `HanLine`.

        The callbacks run in the reader's call: they must be short. A reading's time is that of the read that brought
        its last byte. What was half read when the line failed is handed to `on_discard`.
        """

        def deliver(events: list[Event]) -> None:
            for event in events:
                if isinstance(event, Discarded):
                    on_discard(event)
                    continue
                at = self._clock.now()
                if event.clock is not None:
                    self._line.port.told(event.clock, at)
                on_reading(grid_reading(event, at))

        await self._line.run(deliver, on_sight)
