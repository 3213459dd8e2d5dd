"""What happens when something is no longer seen: every rule with its time, in one table.

The times are those of the rooms that keep them; the grid meter's follow the interval that its telegrams were learned to
have. Nothing that is unknown is ever unlimited: each step allows less than the one before.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.control.estimate import PHASE_FORGOTTEN_S, SOCKET_METER_QUIET_S
from gateway.control.guard import METER_LOST_S
from gateway.control.reservation import WALLBOX_QUIET_S
from gateway.site.because import Why
from gateway.site.freshness import (
    BLIND_AFTER_S,
    FALLBACK_AFTER_STALE_S,
    IMPLAUSIBLE_HELD_S,
    INTERVAL_S_ASSUMED,
    GridWatch,
)

AT_ONCE_S: Final = 0.0


class Lack(StrEnum):
    """What is not seen any more, or not believed."""

    GRID_LATE = "grid_late"
    GRID_SILENT = "grid_silent"
    GRID_SILENT_LONG = "grid_silent_long"
    GRID_FROZEN = "grid_frozen"
    GRID_IMPLAUSIBLE = "grid_implausible"
    GRID_IMPLAUSIBLE_STILL = "grid_implausible_still"
    GRID_IMPLAUSIBLE_LONG = "grid_implausible_long"
    PHASE_LOST = "phase_lost"
    SOCKET_METER_LATE = "socket_meter_late"
    SOCKET_METER_SILENT = "socket_meter_silent"
    ALL_SILENT = "all_silent"
    WALLBOX_SILENT = "wallbox_silent"
    RESTARTED = "restarted"


class Response(StrEnum):
    """What is done then."""

    HOLD = "hold"  # no raise, no admission; lowering goes on
    SAFE = "safe"  # currents that fit beside the highest house; nobody is admitted
    OFF = "off"  # setpoints 0, contactors open
    PHASE_FULL = "phase_full"  # the phase counts as full: nothing is admitted on it, who charges there is lowered
    COUNTED = "counted"  # the socket counts at what it may draw
    SOCKET_OFF = "socket_off"  # its setpoint 0, its contactor open; the session waits
    FAILSAFE_COUNTED = "failsafe_counted"  # the box counts at its failsafe current, at its rating if that is unknown


@dataclass(frozen=True, slots=True)
class FallbackRule:
    """after_s: since what is lacking was seen last. why: the reason that people are told."""

    lack: Lack
    after_s: float
    response: Response
    why: Why


def fallback_rules(interval_s: float = INTERVAL_S_ASSUMED) -> tuple[FallbackRule, ...]:
    """The table for a grid meter that speaks so often (s)."""
    stale_s = GridWatch(quiet_since_s=0.0, intervals_s=(interval_s,)).stale_s
    silent_s = stale_s + FALLBACK_AFTER_STALE_S
    return (
        FallbackRule(Lack.GRID_LATE, stale_s, Response.HOLD, Why.GRID_STALE),
        FallbackRule(Lack.GRID_SILENT, silent_s, Response.SAFE, Why.GRID_FALLBACK),
        FallbackRule(Lack.GRID_SILENT_LONG, BLIND_AFTER_S, Response.OFF, Why.GRID_BLIND),
        FallbackRule(Lack.GRID_FROZEN, stale_s, Response.HOLD, Why.GRID_FROZEN),
        FallbackRule(Lack.GRID_IMPLAUSIBLE, AT_ONCE_S, Response.HOLD, Why.GRID_IMPLAUSIBLE),
        FallbackRule(Lack.GRID_IMPLAUSIBLE_STILL, IMPLAUSIBLE_HELD_S, Response.SAFE, Why.GRID_IMPLAUSIBLE),
        FallbackRule(Lack.GRID_IMPLAUSIBLE_LONG, BLIND_AFTER_S, Response.OFF, Why.GRID_IMPLAUSIBLE),
        FallbackRule(Lack.PHASE_LOST, PHASE_FORGOTTEN_S, Response.PHASE_FULL, Why.GRID_PHASE_UNKNOWN),
        FallbackRule(Lack.SOCKET_METER_LATE, SOCKET_METER_QUIET_S, Response.COUNTED, Why.SOCKET_METER_SILENT),
        FallbackRule(Lack.SOCKET_METER_SILENT, METER_LOST_S, Response.SOCKET_OFF, Why.SOCKET_METER_SILENT),
        FallbackRule(Lack.ALL_SILENT, METER_LOST_S, Response.SOCKET_OFF, Why.GRID_FALLBACK),
        FallbackRule(Lack.WALLBOX_SILENT, WALLBOX_QUIET_S, Response.FAILSAFE_COUNTED, Why.WALLBOX_SILENT),
        FallbackRule(Lack.RESTARTED, AT_ONCE_S, Response.OFF, Why.GRID_FALLBACK),
    )
