"""The Waveshare Modbus RTU Relay (8 channels) as its wiki (protocol V3) describes it."""

from hil.world.modbus import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Refusal, Unit

CHANNELS = 8
_ON, _OFF, _TOGGLE = 0xFF00, 0x0000, 0x5500
_ALL, _TOGGLE_ALL = 0x00FF, 0x01FF
_FLASH_ON, _FLASH_OFF = 0x0200, 0x0400
_VERSION_ADDRESS, _VERSION = 0x8000, 200


class RelayBoard(Unit):
    """Eight relays, all open after power-up. Flash-on closes a relay for a time.

    renews: whether flash-on that comes again meanwhile starts the time anew, or is ignored. The wiki does not say.
    inputs: digital inputs of the (D) variant, read by function 2; auxiliary contacts are wired there.
    """

    latency_s = 0.01

    def __init__(self, *, renews: bool = True) -> None:
        self.renews = renews
        self.relays = [False] * CHANNELS
        self.inputs = [False] * CHANNELS
        self.powered = True
        self._flash_left_s: list[float | None] = [None] * CHANNELS

    @property
    def answers(self) -> bool:
        return self.powered

    def step(self, powered: bool, dt_s: float) -> None:
        self.powered = powered
        for channel, left_s in enumerate(self._flash_left_s):
            if not powered:
                self._set(channel, False)
            elif left_s is not None:
                self._flash_left_s[channel] = left_s - dt_s
                if left_s - dt_s <= 0.0:
                    self._set(channel, not self.relays[channel])

    def _set(self, channel: int, on: bool) -> None:
        self.relays[channel] = on
        self._flash_left_s[channel] = None

    def read_bits(self, function: int, address: int, count: int) -> list[bool]:
        if address + count > CHANNELS:
            raise Refusal(ILLEGAL_ADDRESS)
        return (self.relays if function == 1 else self.inputs)[address : address + count]

    def read_registers(self, function: int, address: int, count: int) -> list[int]:
        if function != 3:
            raise Refusal(ILLEGAL_FUNCTION)
        if (address, count) != (_VERSION_ADDRESS, 1):
            raise Refusal(ILLEGAL_ADDRESS)
        return [_VERSION]

    def write_coil(self, address: int, value: int) -> None:
        if address in (_ALL, _TOGGLE_ALL):
            for channel in range(CHANNELS):
                self._set(channel, value == _ON if address == _ALL else not self.relays[channel])
            return
        base, channel = address & 0xFF00, address & 0x00FF
        if channel >= CHANNELS or base not in (0, _FLASH_ON, _FLASH_OFF):
            raise Refusal(ILLEGAL_ADDRESS)
        if base in (_FLASH_ON, _FLASH_OFF):
            if not 1 <= value <= 0x7FFF:
                raise Refusal(ILLEGAL_VALUE)
            if not self.renews and self._flash_left_s[channel] is not None:
                return
            self._set(channel, base == _FLASH_ON)
            self._flash_left_s[channel] = value / 10
        elif value == _TOGGLE:
            self._set(channel, not self.relays[channel])
        elif value in (_ON, _OFF):
            self._set(channel, value == _ON)
        else:
            raise Refusal(ILLEGAL_VALUE)

    def write_coils(self, address: int, values: list[bool]) -> None:
        if address + len(values) > CHANNELS:
            raise Refusal(ILLEGAL_ADDRESS)
        for channel, on in enumerate(values, start=address):
            self._set(channel, on)
