"""hass-evse-load-balancer: one fuse, one charger, and a risk that grows while the fuse is passed.

Of coordinator.py, optimised_load_balancer.py and power_allocator.py: each second, per phase, the fuse less the meter,
down to whole amperes. Below zero the risk grows by 60/60, 60/30, 60/10 or 60 a second (up to 13 %, 40 %, 100 % too
much, or more); at 60 the charger is cut by what is missing and the risk forgotten; else it falls by 1 a second and the
room is offered. Nothing within 20 s of the last change; down at once after that, up only 15 minutes after it. A meter
that repeats itself is believed. One charger is all that it knows: here each socket has an instance of its own.
"""

from math import floor

from hil.bench.peers.desk import Desk
from hil.bench.site_plan import SitePlan
from hil.bench.words import News, Orders
from hil.world.cars import MINIMUM_A

RISK_MAX = 60.0
CHANGE_S = 20.0
RAISE_S = 15 * 60.0


def risk_per_s(missing_a: float, fuse_a: float) -> float:
    """How fast the risk grows with so much above the fuse."""
    part = missing_a / fuse_a
    if part <= 0.13:
        return RISK_MAX / 60.0
    if part <= 0.40:
        return RISK_MAX / 30.0
    return RISK_MAX / 10.0 if part <= 1.0 else RISK_MAX


class _Charger:
    """One instance: its three phase monitors and its lock."""

    def __init__(self, rating_a: float, fuse_a: float) -> None:
        self.rating_a = rating_a
        self.fuse_a = fuse_a
        self.limit_a = rating_a
        self.changed_s = float("-inf")
        self._risk = [0.0, 0.0, 0.0]
        self._offer_a = [fuse_a, fuse_a, fuse_a]

    def watch(self, room_a: list[int], at_s: float) -> None:
        """One cycle with the room per phase."""
        for phase, amperes in enumerate(room_a):
            if amperes < 0:
                self._risk[phase] += risk_per_s(-amperes, self.fuse_a)
                if self._risk[phase] >= RISK_MAX:
                    self._risk[phase] = 0.0
                    self._offer_a[phase] = amperes
            else:
                self._risk[phase] = max(0.0, self._risk[phase] - 1.0)
                self._offer_a[phase] = min(self.fuse_a, amperes)
        new_a = min(self.rating_a, max(0.0, floor(self.limit_a + min(self._offer_a))))
        since_s = at_s - self.changed_s
        if new_a == self.limit_a or since_s <= CHANGE_S or (new_a > self.limit_a and since_s <= RAISE_S):
            return
        self.limit_a, self.changed_s = new_a, at_s


class HassEvse:
    """An instance a socket, all on the main fuse; a new session starts at the maximum."""

    def __init__(self, site: SitePlan) -> None:
        self.desk = Desk(site)
        fuse_a = site.limit_a[site.main]
        self._chargers = {name: _Charger(plan.rating_a, fuse_a) for name, plan in site.sockets.items()}

    def tick(self, news: News) -> Orders:
        desk = self.desk
        desk.hear(news)
        telegram = desk.telegram
        wanted = {}
        for name, charger in self._chargers.items():
            if name not in desk.plugged_s:
                wanted[name] = 0.0
                continue
            if name in desk.arrived:
                charger.limit_a = charger.rating_a
            if telegram is not None and telegram.current_a is not None:
                room = [floor(charger.fuse_a - amperes) for amperes in telegram.current_a]
                charger.watch(room, news.at_s)
            wanted[name] = charger.limit_a if charger.limit_a >= MINIMUM_A else 0.0
        return desk.order(wanted)
