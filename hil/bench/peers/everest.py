"""EVerest's energy manager: every second a market in a tree of nodes with one ampere figure for all phases.

Of EnergyManagerImpl.cpp, BrokerFastCharging.cpp and Market.cpp: everybody first buys the minimum or nothing, then half
amperes in rounds until nobody can buy. Nodes know neither phases nor what else hangs on them: the fuse's limit is given
by whoever installs it. Here he subtracts the house's declared maximum (`reserves_house`), as he must to protect a main
fuse with a house behind it; without a declared maximum, or told not to, the whole fuse is on the market.
"""

from hil.bench.peers.desk import Desk
from hil.bench.site_plan import SitePlan
from hil.bench.words import News, Orders
from hil.world.cars import MINIMUM_A

SLICE_A = 0.5
ROUNDS_MAX = 100


class Everest:
    """Fast charging at every socket."""

    def __init__(self, site: SitePlan, *, reserves_house: bool = True) -> None:
        self.desk = Desk(site)
        self._limit_a = {name: site.limit_a[name] - fuse.unmetered_load_a for name, fuse in site.fuses.items()}
        if reserves_house and site.house_a_max is not None:
            self._limit_a[site.main] -= max(site.house_a_max)

    def tick(self, news: News) -> Orders:
        desk = self.desk
        desk.hear(news)
        site = desk.site
        left = dict(self._limit_a)
        shares = dict.fromkeys(site.sockets, 0.0)
        buyers = []
        for name in site.sockets:
            if name in desk.plugged_s and all(left[fuse] >= MINIMUM_A for fuse in site.path(name)):
                buyers.append(name)
                shares[name] = MINIMUM_A
                for fuse in site.path(name):
                    left[fuse] -= MINIMUM_A
        for _ in range(ROUNDS_MAX):
            bought = []
            for name in buyers:
                rich = all(left[fuse] >= SLICE_A for fuse in site.path(name))
                if rich and shares[name] + SLICE_A <= site.sockets[name].rating_a:
                    bought.append(name)
                    shares[name] += SLICE_A
                    for fuse in site.path(name):
                        left[fuse] -= SLICE_A
            buyers = bought
            if not buyers:
                break
        return desk.order(shares)
