"""What people and programs ask for. Made from command text by `publish/`, or by the supervisor at SIGTERM."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.ids import SessionId, SocketId, Token


class Source(StrEnum):
    """Who asked, and by what he is known."""

    MQTT = "mqtt"  # a command, with or without a pseudonym
    RFID = "rfid"  # a card
    PIN = "pin"
    CODE = "code"  # good for one time
    AUTOMATIC = "automatic"  # the box shows a car
    RECOVERY = "recovery"  # goes on after a restart; who asked at first stands in no older journal


@dataclass(frozen=True, slots=True)
class ChargePlan:
    """What a person says of one session. None: as its socket has it, or not said.

    priority: 0 to 9, the higher goes first; weight: its part when current is shared; minimum_kwh: before others get
    more; energy_kwh: what it wants in all; departs_at: when its car leaves, aware.
    """

    priority: int | None = None
    weight: float | None = None
    minimum_kwh: float | None = None
    energy_kwh: float | None = None
    departs_at: datetime | None = None


NO_PLAN: Final = ChargePlan()


@dataclass(frozen=True, slots=True)
class StartSession:
    """Start a session on a socket. `session` is a fresh id made by the shell (control draws no randomness)."""

    socket: SocketId
    session: SessionId
    token: Token | None
    source: Source
    plan: ChargePlan = NO_PLAN


@dataclass(frozen=True, slots=True)
class StopSession:
    """End whatever session the socket has, queued or running; also disarms an armed socket."""

    socket: SocketId
    source: Source


@dataclass(frozen=True, slots=True)
class Arm:
    """Let a plain socket start a session as soon as its full rating fits."""

    socket: SocketId
    session: SessionId
    token: Token | None
    source: Source
    plan: ChargePlan = NO_PLAN


@dataclass(frozen=True, slots=True)
class PlanCharge:
    """A plan for the socket's session, or for its next one if it has none."""

    socket: SocketId
    plan: ChargePlan
    source: Source


@dataclass(frozen=True, slots=True)
class LimitCurrent:
    """Cap a socket below its rating (A, 0 or 6..rating); None takes the cap away."""

    socket: SocketId
    current_a_max: float | None
    source: Source


@dataclass(frozen=True, slots=True)
class ChargeNow:
    """The socket's session, the one that runs or waits, waits for no price (`on`), or does again."""

    socket: SocketId
    on: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Unlock:
    """A person has looked at a locked socket (welded contactor, overload) or at a box that did not do what it was told,
    and frees it."""

    socket: SocketId
    source: Source


@dataclass(frozen=True, slots=True)
class ForgetPhases:
    """The wiring was corrected: what starts and stops told of the phases that the socket lies on holds no longer."""

    socket: SocketId


@dataclass(frozen=True, slots=True)
class ShutDown:
    """SIGTERM: no new session, setpoints to 0, open cold, sign every stop."""


Request = StartSession | StopSession | Arm | LimitCurrent | PlanCharge | ChargeNow | Unlock | ForgetPhases | ShutDown
