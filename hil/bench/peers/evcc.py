"""evcc's circuits: a validator, no allocator.

Of core/circuit/circuit.go and core/loadpoint.go: a circuit has one current, the highest of its meter's three phases
(sign from power), or the sum of its load points' highest phases. A load point in fast mode wants its maximum; each
circuit up to the root lets it grow, from what it is measured to draw, by what is left, and shrink by what is too much.
Load points take turns, one an interval; plugging in calls for a turn at once. Down to a step of the box, below 6 A off.
A circuit's meter that is silent for a minute counts as overloaded. The interval here is 10 s, kinder than the 30 s that
its papers recommend.
"""

from hil.bench.peers.desk import Desk
from hil.bench.site_plan import SitePlan
from hil.bench.words import News, Orders

METER_LOST_S = 60.0


class Evcc:
    """Fast mode at every socket."""

    def __init__(self, site: SitePlan, interval_s: int = 10) -> None:
        self.desk = Desk(site)
        self._interval_s = interval_s
        self._turns = list(site.sockets)

    def tick(self, news: News) -> Orders:
        desk = self.desk
        desk.hear(news)
        turns = list(desk.arrived)
        if desk.due(self._interval_s):
            self._turns.append(self._turns.pop(0))
            turns.append(self._turns[-1])
        wanted: dict[str, float] = {}
        for socket in turns:
            wanted[socket] = self._allowed_a(socket) if socket in desk.plugged_s else 0.0
        return desk.order(wanted)

    def _circuit_a(self, fuse: str) -> float:
        """The one number that a circuit has."""
        site = self.desk.site
        grid = self.desk.grid_a()
        if fuse == site.main:
            lost = self.desk.at_s - self.desk.heard_s > METER_LOST_S
            return float("inf") if grid is None or lost else max(grid)
        below = [name for name in site.sockets if fuse in site.path(name)]
        return sum(max(self.desk.current_a[name]) for name in below) + site.fuses[fuse].unmetered_load_a

    def _allowed_a(self, socket: str) -> float:
        site = self.desk.site
        draws_a = max(self.desk.current_a[socket])
        new_a = site.sockets[socket].rating_a
        for fuse in site.path(socket):
            left_a = site.limit_a[fuse] - self._circuit_a(fuse)
            if max(0.0, new_a - draws_a) > left_a:
                new_a = max(0.0, draws_a + left_a)
        return self.desk.steps(socket, new_a)
