"""The solar policy: what is drawn beyond the fuses' own limits is what the roof gives and the house does not take.

The main fuse's phases are lowered until house and sockets together import no more than the site allows. Two kinds of
sessions get what they need from the grid: those that lack their minimum energy, and those that have waited for longer
than the site's patience, for one slice.
"""

from math import inf
from typing import Final

from gateway.control.draft import Draft
from gateway.control.power_room import SUPPLY_V, lower_to_power
from gateway.control.ranking import out_of_patience, served_first
from gateway.site.because import Because, Why
from gateway.site.topology import Policy

GRID_TURN_S: Final = 900.0
"""How long one that was out of patience may charge from the grid where the site has no slices."""
SURPLUS: Final = Because(Why.SOLAR_SURPLUS)


def follow_the_sun(draft: Draft) -> None:
    """Lowers the site to its surplus, and adds what those need who may draw from the grid."""
    rules = draft.tree.site.rules
    if rules.policy is not Policy.SOLAR:
        return
    turn_s = GRID_TURN_S if rules.slice_s == inf else rules.slice_s
    need_a = 0.0
    for it in draft.each():
        if out_of_patience(draft, it):
            it.memory.grid_until_s = draft.now_s + turn_s
        if served_first(draft, it):
            need_a += it.need_a * sum(it.used[: len(it.places)])
    house = draft.restraints.house
    house_w = 0.0 if house is None else house.smooth_w
    import_w = rules.solar_import_w if need_a == 0.0 else max(rules.solar_import_w, house_w) + need_a * SUPPLY_V
    lower_to_power(draft, import_w, SURPLUS, smooth=True)
