"""What the shell asks of devices. Every method may raise `DeviceError` and nothing else; every call has a deadline."""

from collections.abc import Sequence
from typing import Protocol

from gateway.clock import Instant
from gateway.meters.readings import SocketReading
from gateway.site.snapshot import ContactorSight, WallboxSight


class Clock(Protocol):
    """The machine's clocks."""

    def now(self) -> Instant: ...


class ModbusBus(Protocol):
    """One wire with one owner. Requests are served one at a time: writes first, then `urgent` reads, then the rest.

    A reply is accepted only if its length fits; after a timeout or a bad CRC the wire rests before the next request.
    A unit that stays silent is backed off: calls to it fail at once until its pause is over.
    """

    def rests(self, unit: int, silence_s: float) -> None:
        """This unit needs so much rest between two requests to itself; other units may be asked meanwhile."""
        ...

    async def read_registers(
        self, unit: int, function: int, address: int, count: int, *, urgent: bool = False
    ) -> tuple[int, ...]: ...

    async def read_bits(self, unit: int, function: int, address: int, count: int) -> tuple[bool, ...]: ...

    async def write_register(self, unit: int, address: int, value: int) -> None: ...

    async def write_registers(self, unit: int, address: int, values: Sequence[int]) -> None: ...

    async def write_coil(self, unit: int, address: int, on: bool) -> None: ...

    async def write_coil_raw(self, unit: int, address: int, value: int) -> None:
        """Function 5 with any 16-bit value (relay boards' timed commands)."""
        ...


class SocketMeter(Protocol):
    """One energy meter of one socket."""

    async def read(self) -> SocketReading: ...

    async def read_for_billing(self) -> SocketReading:
        """Two agreeing polls in a row (served as urgent); raises if they do not agree in three tries."""
        ...


class Contactor(Protocol):
    """One contactor. `close` may have to be repeated (`refresh_s`, None: no) where the relay lets go by itself."""

    @property
    def refresh_s(self) -> float | None: ...

    async def close(self) -> None: ...

    async def open(self) -> None: ...

    async def look(self) -> ContactorSight: ...


class Wallbox(Protocol):
    """One wallbox. `commission` writes and reads back its failsafe and watchdog, at start and hourly."""

    @property
    def refresh_s(self) -> float: ...

    async def commission(self) -> None: ...

    async def set_current(self, current_a: float) -> None: ...

    async def set_phases(self, phases: int) -> None:
        """Its first phase alone (1) or all (3); to be called only while it is set to 0 A, and only where it can."""
        ...

    async def look(self) -> WallboxSight: ...


class Heartbeat(Protocol):
    """A line that an external pulse relay watches; toggled once by every finished tick."""

    def beat(self) -> None: ...


class SignerKey(Protocol):
    """The device's signing key. The private part never leaves it."""

    @property
    def public_key_hex(self) -> str:
        """SubjectPublicKeyInfo DER in upper-case hex."""
        ...

    def sign(self, payload: bytes) -> bytes:
        """ECDSA P-256 over SHA-256 of the bytes, as DER with low s. On a token it takes up to half a second."""
        ...
