"""The line that an external pulse relay watches: it opens the contactors when the pulses stop."""

from typing import Final

from gateway.devices.gpio_lines import GpioOutput


class GpioHeartbeat:
    """A `Heartbeat`: every beat turns the line over. Raises `DeviceError` if the line cannot be driven."""

    def __init__(self, line: GpioOutput) -> None:
        self._line: Final = line
        self._high = False

    def beat(self) -> None:
        self._high = not self._high
        self._line.drive(self._high)
