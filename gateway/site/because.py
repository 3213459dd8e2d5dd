"""Why a socket may draw what it may draw. One enum with parameters; `publish/` has the words in Swedish and English."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.ids import FuseId
from gateway.quantities import Phase


class Why(StrEnum):
    """The reason of a wish, a limit or a wait."""

    IDLE = "idle"  # no session
    FULL_SPEED = "full_speed"  # the socket's own rating binds
    FUSE_BINDS = "fuse_binds"  # fuse, phase, current_a: this fuse phase has no more room
    QUEUED = "queued"  # fuse, phase, current_a = what is missing, until_s = its turn at the latest
    QUEUED_BEHIND = "queued_behind"  # another session is ahead on the same fuse phase
    SLICE_OVER = "slice_over"  # its turn is over: it waits for the next
    SESSIONS_MAX = "sessions_max"  # fuse: as many sessions as its config allows
    MINIMUM_OFF = "minimum_off"  # until_s: contactor rests
    RAISE_WAITS = "raise_waits"  # until_s: room is there, raised after a stable time
    RESERVED = "reserved"  # admitted, reading and signing the start
    OVERLOAD = "overload"  # fuse, phase, current_a = measured: lowered at once
    HOUSE_OVERLOAD = "house_overload"  # fuse, phase, current_a: the house alone is above its fuse; nothing to shed
    HEAT = "heat"  # fuse, phase: heat budget used up
    GRID_STALE = "grid_stale"  # no raise, no admission
    GRID_FALLBACK = "grid_fallback"  # safe currents
    GRID_BLIND = "grid_blind"  # open
    GRID_IMPLAUSIBLE = "grid_implausible"
    GRID_FROZEN = "grid_frozen"
    GRID_PHASE_UNKNOWN = "grid_phase_unknown"  # fuse = main, phase: telegrams tell nothing of it, it counts as full
    GRID_METER_CHANGED = "grid_meter_changed"  # another meter, or its registers start elsewhere
    POWER_WAITS = "power_waits"  # fuse, phase, current_a = missing: the box gets no power; until_s: its turn
    ROOM_FOR_PROOF = "room_for_proof"  # fuse, phase, current_a: left while a box gets power to show that it obeys
    SOCKET_METER_SILENT = "socket_meter_silent"
    SOCKET_OVERLOAD_SOON = "socket_overload_soon"  # current_a = measured: above its maximum, closed if it stays so
    SOCKET_OVERLOAD = "socket_overload"  # current_a = measured: session closed
    WALLBOX_SILENT = "wallbox_silent"
    WALLBOX_DISOBEYS = "wallbox_disobeys"
    CONTACTOR_WELDED = "contactor_welded"
    CONTACTOR_NOT_CLOSED = "contactor_not_closed"
    BREAKER_OPEN = "breaker_open"  # no voltage where there must be some: the socket's breaker has tripped
    REGISTER_CREEPS = "register_creeps"  # the register moves behind an open contactor
    METER_STANDS_STILL = "meter_stands_still"  # current flows, and the register does not move
    AUXILIARY_DISAGREES = "auxiliary_disagrees"  # current_a flows, and the auxiliary contact says open
    CONTACTOR_UNKNOWN = "contactor_unknown"
    PHASES_CROSSED = "phases_crossed"  # fuse = main, phase: where its current is seen, and the config says another
    JOURNAL_STOPPED = "journal_stopped"
    JOURNAL_ROLLED_BACK = "journal_rolled_back"  # an old copy of the journal was put back: nothing is signed
    COMMAND = "command"  # a person or Home Assistant asked
    CAR_AWAY = "car_away"
    UNPLUGGED = "unplugged"
    CAR_FULL = "car_full"  # charged, then drew less than 1 A for long
    CAR_STANDBY = "car_standby"  # never drew 1 A for long
    CAR_WAKES = "car_wakes"  # asleep after a pause: the setpoint is taken away and given back once
    CAR_ASLEEP = "car_asleep"  # woken in vain
    PHASES_TRIED = "phases_tried"  # at its least current until its meter shows how many phases it uses
    PHASES_SHOWN = "phases_shown"  # fuse, phase, current_a = what is missing: it uses more phases than have room
    PHASES_TO_ONE = "phases_to_one"  # until_s: the box switches to one phase, the others have no room
    PHASES_TO_THREE = "phases_to_three"  # until_s: the box switches back to three phases
    PHASES_STUCK = "phases_stuck"  # the box does not offer the phases that it was told to
    PHASES_FORGOTTEN = "phases_forgotten"  # by command: what was known of the phases that it lies on
    OBEYS_AGAIN = "obeys_again"  # the box does again what it is told
    QUEUED_MINIMUM = "queued_minimum"  # as queued: others get their minimum energy first
    QUEUED_EQUAL = "queued_equal"  # as queued: those that charge have got less energy
    QUEUED_PRIORITY = "queued_priority"  # as queued: those that charge have a higher priority
    QUEUED_DEPARTURE = "queued_departure"  # as queued: those that charge have less time left
    SOLAR_SURPLUS = "solar_surplus"  # only what the roof gives beyond the house
    RESTART_WAITS = "restart_waits"  # until_s: starts are spread after an outage
    IDLE_RELEASE = "idle_release"
    START_TOO_OLD = "start_too_old"
    ROOM_LOST = "room_lost"
    RECOVERED = "recovered"  # the daemon was restarted
    SHUTDOWN = "shutdown"
    STARTUP = "startup"
    LIMIT_BY_COMMAND = "limit_by_command"  # current_a
    EXTERNAL_LIMIT = "external_limit"  # fuse, current_a: somebody outside has lowered it
    CABINET_WARM = "cabinet_warm"  # fuse, phase, current_a: what it carries at the cabinet's temperature
    CABINET_SENSOR_SILENT = "cabinet_sensor_silent"  # the worst temperature is assumed
    DEAD_PHASE = "dead_phase"  # fuse, phase: no voltage while others live
    PRICE_WAITS = "price_waits"  # until_s: waits for cheaper electricity
    PRICE_UNKNOWN = "price_unknown"  # no price for now: charges as if there were no rule
    POWER_TARGET = "power_target"  # fuse, phase, power_w, until_s: the interval's mean is to stay below a target
    POWER_TARGET_MISSED = "power_target_missed"  # an interval's mean came above its target
    EXTERNAL_LIMIT_OLD = "external_limit_old"  # fuse, current_a: the sender is silent, the safe value holds
    USERS_LOCKED_OUT = "users_locked_out"  # so many wrong cards or codes that none is looked at for a while


@dataclass(frozen=True, slots=True)
class Because:
    """One reason with its figures. until_s is on the monotonic clock."""

    why: Why
    fuse: FuseId | None = None
    phase: Phase | None = None
    current_a: float | None = None
    until_s: float | None = None
    power_w: float | None = None
