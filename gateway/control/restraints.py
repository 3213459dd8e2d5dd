"""What holds charging back beyond the fuses: each restraint lowers a limit or holds a socket back, and says why."""

from gateway.control.dead_phases import find_dead_phases
from gateway.control.derating import derate
from gateway.control.draft import Draft
from gateway.control.external_limits import obey_external_limits
from gateway.control.guard import pause
from gateway.control.power_guard import keep_power_targets
from gateway.control.power_room import watch_house_power
from gateway.control.price_windows import wait_for_prices
from gateway.control.state import SessionPhase
from gateway.control.sunshine import follow_the_sun


def restrain(draft: Draft) -> None:
    """The lower of every restraint and the fuses holds; nothing here ever raises."""
    derate(draft)
    find_dead_phases(draft)
    watch_house_power(draft)
    wait_for_prices(draft)
    keep_power_targets(draft)
    obey_external_limits(draft)
    follow_the_sun(draft)


def hold_back(draft: Draft) -> None:
    """A session that charges and is held back pauses, and is there again as soon as nothing holds it."""
    for it in draft.each():
        if it.restraint is not None and it.phase is SessionPhase.CHARGING:
            pause(draft, it, it.restraint)
            it.memory.return_after_s = draft.now_s
            it.memory.pauses = 0
