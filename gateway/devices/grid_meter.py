"""The grid meter's HAN port: bytes of its line become readings, inside the call that read them."""

from collections.abc import Callable

from gateway.devices.protocols import Clock
from gateway.devices.serial_stream import LineSettings, SerialStream
from gateway.meters.grid import grid_reading
from gateway.meters.readings import GridReading
from gateway.wire.forms import framer_of
from gateway.wire.telegram import Discarded, Event, Form


class GridMeter:
    """One HAN port at 115200 8N1 (HAN P1 companion 5.0.2, 5.6). form: what is on its wire, None finds it."""

    def __init__(self, port: str, form: Form | None, allow_without_crc: bool, clock: Clock) -> None:
        self._stream = SerialStream(port, LineSettings())
        self._form = form
        self._allow_without_crc = allow_without_crc
        self._clock = clock

    async def run(self, on_reading: Callable[[GridReading], None], on_discard: Callable[[Discarded], None]) -> None:
        """Reads until the line fails (DeviceError). Both callbacks run in the reader's call: they must be short.

        A reading's time is that of the read that brought its last byte. What was half read when the line failed is
        handed to `on_discard`.
        """
        framer = framer_of(self._form, allow_without_crc=self._allow_without_crc)

        def deliver(events: list[Event]) -> None:
            for event in events:
                if isinstance(event, Discarded):
                    on_discard(event)
                else:
                    on_reading(grid_reading(event, self._clock.now()))

        try:
            await self._stream.run(lambda octets: deliver(framer.feed(octets)))
        finally:
            deliver(framer.finish())
