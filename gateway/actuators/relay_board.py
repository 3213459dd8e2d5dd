"""What a relay board's coils mean: which coil a channel is, and how to close it for a limited time."""

from dataclasses import dataclass

from gateway.meters.register_map import Confidence


@dataclass(frozen=True, slots=True)
class FlashFacts:
    """A timed close (function 5): coil `address` + channel, value = time in ticks; then it opens by itself."""

    address: int
    tick_s: float
    ticks_max: int


@dataclass(frozen=True, slots=True)
class RelayBoardModel:
    """One relay board type. Channels count from 1 as printed on the board; relays energised by FF00h."""

    id: str
    vendor: str
    name: str
    sources: tuple[str, ...]
    confidence: Confidence
    channels: int
    coil_address: int
    flash: FlashFacts | None

    @property
    def supports_flash(self) -> bool:
        return self.flash is not None

    def coil(self, channel: int) -> int:
        """Coil address of a channel."""
        if not 1 <= channel <= self.channels:
            raise ValueError(f"{self.name} has channels 1 to {self.channels}, not {channel}")
        return self.coil_address + channel - 1

    def flash_command(self, channel: int, close_s: float) -> tuple[int, int]:
        """Address and value that close a channel for `close_s` and no longer (rounded down to whole ticks)."""
        if self.flash is None:
            raise ValueError(f"{self.name} has no timed close")
        ticks = int(close_s / self.flash.tick_s + 1e-6)
        if not 1 <= ticks <= self.flash.ticks_max:
            raise ValueError(f"{self.name} cannot close for {close_s} s")
        return self.flash.address + self.coil(channel) - self.coil_address, ticks
