"""openWB 2: every 10 s a fresh share per counter and phase, from the counter less what the own points draw.

Of packages/control/algorithm, loadmanagement.py and counter.py: everybody's minimum first, in the order lowest need,
least energy since plugging in, earliest plug, number; then the rest in equal parts, over each point's phases, from
the leaves to the root, never more than a lower counter gave. A point that draws far less than it may for a minute is
counted with what it draws. Points that do not fit at 6 A get nothing and a reason. A lost meter lets 7 kW in all go on.
"""

from hil.bench.peers.desk import Desk
from hil.bench.site_plan import SitePlan
from hil.bench.words import News, Orders
from hil.world.cars import MINIMUM_A

CYCLE_S = 10
METER_LOST_S = 60.0
BLIND_A = 7000.0 / 3.0 / 230.0
DRAWS_LESS_A = 2.0
DRAWS_LESS_AFTER_S = 60.0


class OpenWb:
    """All points charge instantly, with equal priority."""

    def __init__(self, site: SitePlan) -> None:
        self.desk = Desk(site)
        self._less_since_s: dict[str, float] = {}

    def tick(self, news: News) -> Orders:
        desk = self.desk
        desk.hear(news)
        self._watch_those_who_draw_less()
        if not desk.due(CYCLE_S):
            return Orders()
        site = desk.site
        left = self._left()
        line = sorted(
            desk.plugged_s,
            key=lambda name: (
                desk.kwh.get(name, 0.0) - desk.plugged_kwh[name],
                desk.plugged_s[name],
                list(site.sockets).index(name),
            ),
        )
        shares = dict.fromkeys(site.sockets, 0.0)
        served = []
        for name in line:
            places = site.places(name, desk.phases_used(name))
            if all(left[place] >= MINIMUM_A for place in places):
                served.append(name)
                shares[name] = MINIMUM_A
                for place in places:
                    left[place] -= MINIMUM_A
        self._raise_by_counters(served, shares, left)
        return desk.order({name: desk.steps(name, amperes) for name, amperes in shares.items()})

    def _raise_by_counters(
        self, served: list[str], shares: dict[str, float], left: dict[tuple[str, int], float]
    ) -> None:
        """Each point's part of the room is the smallest equal part along its way; what one leaves goes to the next."""
        site = self.desk.site
        sharing = {name: site.places(name, self.desk.phases_used(name)) for name in served}
        for at, name in enumerate(served):
            rest = served[at:]
            part_a = min(left[place] / sum(1 for other in rest if place in sharing[other]) for place in sharing[name])
            most_a = self._most_a(name)
            extra_a = max(0.0, min(part_a, most_a - shares[name]))
            shares[name] += extra_a
            for place in sharing[name]:
                left[place] -= extra_a

    def _most_a(self, name: str) -> float:
        since_s = self._less_since_s.get(name)
        rating_a = self.desk.site.sockets[name].rating_a
        if since_s is None or self.desk.at_s - since_s < DRAWS_LESS_AFTER_S:
            return rating_a
        return min(rating_a, max(MINIMUM_A, max(self.desk.current_a[name]) + 1.0))

    def _watch_those_who_draw_less(self) -> None:
        for name in self.desk.site.sockets:
            if name in self.desk.plugged_s and max(self.desk.current_a[name]) < self.desk.told_a[name] - DRAWS_LESS_A:
                self._less_since_s.setdefault(name, self.desk.at_s)
            else:
                self._less_since_s.pop(name, None)

    def _left(self) -> dict[tuple[str, int], float]:
        left = self.desk.house_room()
        if self.desk.at_s - self.desk.heard_s > METER_LOST_S:
            for phase in range(3):
                left[self.desk.site.main, phase] = BLIND_A
        return left
