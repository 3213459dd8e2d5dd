"""GPIO lines of the machine itself, by gpiod version 2. Outputs start inactive: taking a contactor's line opens it."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import DeviceError

if TYPE_CHECKING:
    import gpiod

CONSUMER: Final = "laddvakt"
DEBOUNCE_S: Final = 0.02
MISSING: Final = "GPIO lines need the Python package gpiod, version 2.2 or newer: pip install laddvakt[gpio]"


class GpioOutput(Protocol):
    """One line that we drive. Both methods may raise `DeviceError`."""

    def drive(self, active: bool) -> None: ...

    def active(self) -> bool:
        """What the line is driven to."""
        ...


class GpioInput(Protocol):
    """One line that we look at. May raise `DeviceError`."""

    def active(self) -> bool: ...


class GpioLines(Protocol):
    """Takes lines; one line belongs to one process only. chip: such as /dev/gpiochip0."""

    def output(self, chip: str, line: int, *, active_low: bool) -> GpioOutput: ...

    def input(self, chip: str, line: int, *, active_low: bool) -> GpioInput: ...


class LateInput:
    """A `GpioInput` that is taken when it is first looked at, and tried again each time until it can be."""

    def __init__(self, lines: GpioLines, chip: str, line: int, *, active_low: bool) -> None:
        self._take: Final = partial(lines.input, chip, line, active_low=active_low)
        self._taken: GpioInput | None = None

    def active(self) -> bool:
        if self._taken is None:
            self._taken = self._take()
        return self._taken.active()


class _GpiodLine:
    def __init__(self, request: "gpiod.LineRequest", chip: str, line: int) -> None:
        self._request: Final = request
        self._chip: Final = chip
        self._line: Final = line

    def active(self) -> bool:
        from gpiod.line import Value

        try:
            return self._request.get_value(self._line) is Value.ACTIVE
        except OSError as error:
            raise DeviceError(f"{self._chip} line {self._line} cannot be read: {error}.") from error

    def drive(self, active: bool) -> None:
        from gpiod.line import Value

        try:
            self._request.set_value(self._line, Value.ACTIVE if active else Value.INACTIVE)
        except OSError as error:
            raise DeviceError(f"{self._chip} line {self._line} cannot be driven: {error}.") from error


class GpiodLines:
    """`GpioLines` of the kernel's GPIO character devices."""

    def output(self, chip: str, line: int, *, active_low: bool) -> GpioOutput:
        """Takes the line and drives it inactive."""
        _require_gpiod()
        from gpiod import LineSettings
        from gpiod.line import Direction, Value

        return _take(
            chip, line, LineSettings(direction=Direction.OUTPUT, active_low=active_low, output_value=Value.INACTIVE)
        )

    def input(self, chip: str, line: int, *, active_low: bool) -> GpioInput:
        """Takes the line with pull-up, so that a broken wire reads high."""
        _require_gpiod()
        from gpiod import LineSettings
        from gpiod.line import Bias, Direction

        debounce = timedelta(seconds=DEBOUNCE_S)
        return _take(
            chip,
            line,
            LineSettings(direction=Direction.INPUT, active_low=active_low, bias=Bias.PULL_UP, debounce_period=debounce),
        )


def _require_gpiod() -> None:
    """Version 1 of gpiod has another interface under the same name; its wheel is what pip falls back to on armv7l."""
    try:
        import gpiod
    except ImportError as error:
        raise DeviceError(MISSING) from error
    if not hasattr(gpiod, "request_lines"):
        raise DeviceError(MISSING)


def _take(chip: str, line: int, settings: "gpiod.LineSettings") -> _GpiodLine:
    import gpiod

    try:
        return _GpiodLine(gpiod.request_lines(chip, consumer=CONSUMER, config={line: settings}), chip, line)
    except (OSError, ValueError) as error:
        raise DeviceError(
            f"{chip} line {line} cannot be taken: {error}. Check chip and line, that no other program holds it, and "
            f"that the user is in the group gpio."
        ) from error
