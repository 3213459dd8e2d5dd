"""What every peer's controller has before it: the last telegram, the last poll of each meter, who is plugged in."""

from math import floor

from hil.bench.site_plan import SitePlan
from hil.bench.words import News, Orders, Telegram
from hil.world.cars import MINIMUM_A
from hil.world.phases import Triple

USED_A = 1.0
"""A phase that carries more than this is in use by the car (evcc and openWB take the same figure)."""


class Desk:
    """The newest of everything, and the setpoints that were given."""

    def __init__(self, site: SitePlan) -> None:
        self.site = site
        self.at_s = 0.0
        self.telegram: Telegram | None = None
        self.heard_s = float("-inf")
        self.current_a: dict[str, tuple[float, ...]] = {
            name: (0.0,) * len(p.phases) for name, p in site.sockets.items()
        }
        self.plugged_s: dict[str, float] = {}
        self.plugged_kwh: dict[str, float] = {}
        self.kwh: dict[str, float] = {}
        self.arrived: list[str] = []
        self.told_a: dict[str, float] = dict.fromkeys(site.sockets, 0.0)
        self._used: dict[str, int] = {}
        self._cycle_s = float("-inf")

    def hear(self, news: News) -> None:
        """Takes the news in. `arrived` then names the sockets where somebody plugged in just now."""
        self.at_s = news.at_s
        self.arrived = []
        for telegram in news.telegrams:
            if telegram.current_a is not None:
                self.telegram, self.heard_s = telegram, news.at_s
        for words in news.meters:
            self.current_a[words.socket] = words.current_a
            self.kwh[words.socket] = words.kwh
            used = sum(amperes > USED_A for amperes in words.current_a)
            if used:
                self._used[words.socket] = used
        for box in news.boxes:
            self._plug(box.socket, box.pilot != "A")
        for press in news.presses:
            self._plug(press.socket, press.on)

    def due(self, every_s: int) -> bool:
        """Whether a cycle of so many seconds comes round. Kindly, it comes with the telegram that is waited for, so
        that what the meter and the sockets say is of one moment; without a telegram it comes two seconds late."""
        since_s = self.at_s - self._cycle_s
        fresh = self.heard_s == self.at_s
        if (fresh and since_s >= every_s - 1.0) or since_s >= every_s + 2.0:
            self._cycle_s = self.at_s
            return True
        return False

    def _plug(self, socket: str, there: bool) -> None:
        if there and socket not in self.plugged_s:
            self.plugged_s[socket] = self.at_s
            self.plugged_kwh[socket] = self.kwh.get(socket, 0.0)
            self.arrived.append(socket)
        elif not there and socket in self.plugged_s:
            del self.plugged_s[socket]
            self._used.pop(socket, None)
            self.told_a[socket] = 0.0

    def phases_used(self, socket: str) -> int:
        """As many as the car has shown that it uses; before that, all that the socket has."""
        return self._used.get(socket, len(self.site.sockets[socket].phases))

    def grid_a(self) -> Triple | None:
        """Signed currents of the last telegram; unsigned where it gives no power."""
        if self.telegram is None or self.telegram.current_a is None:
            return None
        amperes, watts = self.telegram.current_a, self.telegram.power_w
        if watts is None:
            return amperes
        return (_signed(amperes[0], watts[0]), _signed(amperes[1], watts[1]), _signed(amperes[2], watts[2]))

    def own_a(self) -> dict[tuple[str, int], float]:
        """What all sockets together draw on every fuse phase, by their meters' newest polls."""
        total = {(fuse, phase): 0.0 for fuse in self.site.fuses for phase in range(3)}
        for name, plan in self.site.sockets.items():
            amperes = self.current_a[name]
            if any(amperes):
                path = self.site.path(name)
                for phase, own in zip(plan.phases, amperes, strict=False):
                    for fuse in path:
                        total[fuse, phase] += own
        return total

    def house_room(self) -> dict[tuple[str, int], float]:
        """Per fuse phase: the limit less what nobody controls (the last telegram less what the sockets draw now)."""
        own, grid = self.own_a(), self.grid_a()
        room = {}
        for fuse, limit_a in self.site.limit_a.items():
            for phase in range(3):
                other = self.site.fuses[fuse].unmetered_load_a
                if fuse == self.site.main:
                    other = limit_a if grid is None else max(0.0, grid[phase] - own[fuse, phase])
                room[fuse, phase] = limit_a - other
        return room

    def steps(self, socket: str, current_a: float) -> float:
        """Down to a step of the socket's box; 0 below 6 A."""
        step_a = self.site.sockets[socket].step_a
        down_a = floor(current_a / step_a + 1e-6) * step_a
        return down_a if down_a >= MINIMUM_A - 1e-6 else 0.0

    def order(self, wanted_a: dict[str, float]) -> Orders:
        """Setpoints as orders; a socket without box is switched on for any current, one with both stays switched on."""
        self.told_a.update(wanted_a)
        sockets = self.site.sockets
        closed = {
            name: plan.boxed or wanted_a[name] > 0.0
            for name, plan in sockets.items()
            if plan.contactor and (plan.boxed or name in wanted_a)
        }
        return Orders(wanted_a, closed)


def _signed(amperes: float, watts: float) -> float:
    return -amperes if watts < 0.0 else amperes
