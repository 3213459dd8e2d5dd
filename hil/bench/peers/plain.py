"""Two rules without much thought: first come first served, and a fixed part for everybody."""

from hil.bench.peers.desk import Desk
from hil.bench.site_plan import SitePlan
from hil.bench.words import News, Orders
from hil.world.cars import MINIMUM_A

CYCLE_S = 10
METER_LOST_S = 60.0


class Fifo:
    """Every 10 s: whoever came first gets all that he can take, the next what is left, if that is 6 A."""

    def __init__(self, site: SitePlan) -> None:
        self.desk = Desk(site)

    def tick(self, news: News) -> Orders:
        desk = self.desk
        desk.hear(news)
        if not desk.due(CYCLE_S):
            return Orders()
        site = desk.site
        left = desk.house_room()
        lost = desk.at_s - desk.heard_s > METER_LOST_S
        shares = dict.fromkeys(site.sockets, 0.0)
        for name in sorted(desk.plugged_s, key=lambda each: desk.plugged_s[each]):
            places = site.places(name, desk.phases_used(name))
            share_a = desk.steps(name, min(site.sockets[name].rating_a, *(left[place] for place in places)))
            if share_a > 0.0 and not lost:
                shares[name] = share_a
                for place in places:
                    left[place] -= share_a
        return desk.order(shares)


class EqualShare:
    """The main fuse less the house's declared maximum, in equal parts among those who are plugged in. No meter.

    Where a part would be below 6 A the first in line get 6 A. Fuses below the main one share out theirs alike.
    """

    def __init__(self, site: SitePlan) -> None:
        self.desk = Desk(site)
        house_a = max(site.house_a_max or (0.0,))
        self._budget_a = {name: site.limit_a[name] - fuse.unmetered_load_a for name, fuse in site.fuses.items()}
        self._budget_a[site.main] -= house_a

    def tick(self, news: News) -> Orders:
        desk = self.desk
        desk.hear(news)
        site = desk.site
        shares = dict.fromkeys(site.sockets, 0.0)
        served: dict[str, int] = dict.fromkeys(site.fuses, 0)
        inside = []
        for name in sorted(desk.plugged_s, key=lambda each: desk.plugged_s[each]):
            path = site.path(name)
            if all((served[fuse] + 1) * MINIMUM_A <= self._budget_a[fuse] for fuse in path):
                inside.append(name)
                for fuse in path:
                    served[fuse] += 1
        for name in inside:
            part_a = min(self._budget_a[fuse] / served[fuse] for fuse in site.path(name))
            shares[name] = desk.steps(name, min(part_a, site.sockets[name].rating_a))
        return desk.order(shares)
