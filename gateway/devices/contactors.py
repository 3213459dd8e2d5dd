"""Contactors: on a Modbus relay channel, or on a GPIO line; each with an auxiliary contact if one is wired.

An auxiliary input is active when the contactor is closed. A mirror contact (IEC 60947-4-1 Annex F) is closed while the
contactor is open, so wired from the line to ground it makes the line low when open: `active = "high"`. With the line's
pull-up a broken wire then reads as closed, which shows as a welded contactor and not as a healthy open one.
"""

from typing import Final

from gateway.actuators.relay_board import RelayBoardModel
from gateway.devices.gpio_lines import GpioInput, GpioOutput
from gateway.devices.protocols import Clock, ModbusBus
from gateway.site.snapshot import ContactorSight, Position

FLASH_S: Final = 30.0
"""How long a relay stays closed without us when `dead_man = "flash"`."""
FLASH_REFRESH_S: Final = 8.0
"""No divisor of FLASH_S: a board that does not renew must be seen open before the next renewal closes it again."""
READ_COILS: Final = 1


class RelayContactor:
    """A `Contactor` on one channel of a relay board.

    With flash the relay is closed for 30 s at a time and opens by itself when we fall silent. Makers do not document
    whether closing again extends the time without a bounce, so it is the installer's choice.
    """

    def __init__(
        self,
        bus: ModbusBus,
        unit: int,
        board: RelayBoardModel,
        channel: int,
        clock: Clock,
        *,
        flash: bool = False,
        auxiliary: GpioInput | None = None,
    ) -> None:
        self._bus: Final = bus
        self._unit: Final = unit
        self._coil: Final = board.coil(channel)
        self._flash: Final = board.flash_command(channel, FLASH_S) if flash else None
        self._clock: Final = clock
        self._auxiliary: Final = auxiliary

    @property
    def refresh_s(self) -> float | None:
        return None if self._flash is None else FLASH_REFRESH_S

    async def close(self) -> None:
        if self._flash is None:
            await self._bus.write_coil(self._unit, self._coil, True)
        else:
            address, ticks = self._flash
            await self._bus.write_coil_raw(self._unit, address, ticks)

    async def open(self) -> None:
        """Lets the relay go, whatever it is doing."""
        await self._bus.write_coil(self._unit, self._coil, False)

    async def look(self) -> ContactorSight:
        (energised,) = await self._bus.read_bits(self._unit, READ_COILS, self._coil, 1)
        return _sight(energised, self._auxiliary, self._clock)


class GpioContactor:
    """A `Contactor` on a line of the machine itself, through a driver or a relay."""

    def __init__(self, coil: GpioOutput, clock: Clock, *, auxiliary: GpioInput | None = None) -> None:
        self._coil: Final = coil
        self._clock: Final = clock
        self._auxiliary: Final = auxiliary

    @property
    def refresh_s(self) -> float | None:
        return None

    async def close(self) -> None:
        self._coil.drive(True)

    async def open(self) -> None:
        self._coil.drive(False)

    async def look(self) -> ContactorSight:
        return _sight(self._coil.active(), self._auxiliary, self._clock)


def _sight(energised: bool, auxiliary: GpioInput | None, clock: Clock) -> ContactorSight:
    return ContactorSight(
        coil=_position(energised),
        auxiliary=None if auxiliary is None else _position(auxiliary.active()),
        seen_s=clock.now().monotonic_s,
    )


def _position(closed: bool) -> Position:
    return Position.CLOSED if closed else Position.OPEN
