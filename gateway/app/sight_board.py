"""Where the device tasks put what they see, and where a tick takes its snapshot from. Nothing here waits."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.ids import LimitId, SocketId
from gateway.meters.readings import GridReading, SocketReading
from gateway.site.freshness import GridWatch
from gateway.site.outcomes import Outcome
from gateway.site.outside import LimitTold, OutsideSight, TemperatureTold
from gateway.site.prices import PriceSeries
from gateway.site.requests import Request, ShutDown
from gateway.site.snapshot import ContactorSight, SiteSnapshot, SocketSight, WallboxSight
from gateway.site.topology import Site

REQUESTS_MAX: Final = 256
TELEGRAMS_PER_TICK_MAX: Final = 64
TELEGRAM_LATE_S: Final = 0.15
"""A telegram may come a little later than the one before, and what it demands takes 20 to 40 ms on a box' wire."""
DECIDED_WITHIN_S: Final = 0.03
"""From a telegram's last byte to its lowering in a bus' queue."""


class SightBoard:
    """Newest sights of everything. `wake` is the one event that ends a tick's rest early."""

    def __init__(self, site: Site, now_s: float) -> None:
        self._site = site
        self._watch = GridWatch.at_boot(now_s)
        self._telegrams: deque[GridReading] = deque(maxlen=TELEGRAMS_PER_TICK_MAX)
        self._readings: dict[SocketId, SocketReading] = {}
        self._grid_energy: GridReading | None = None
        self._contactors: dict[SocketId, ContactorSight] = {}
        self._wallboxes: dict[SocketId, WallboxSight] = {}
        self._requests: deque[Request] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._outside = OutsideSight()
        self.wake = asyncio.Event()

    def grid_read(self, reading: GridReading) -> None:
        """Every telegram wakes the loop: it is the only sight of the main fuse."""
        self._watch = self._watch.heard(reading)
        self._telegrams.append(reading)
        if reading.import_kwh is not None and not reading.refused:
            self._grid_energy = reading
        self.wake.set()

    def socket_read(self, socket: SocketId, reading: SocketReading) -> None:
        """Wakes the loop only where a phase carries more than the socket's rating."""
        self._readings[socket] = reading
        rating_a = self._site.sockets[socket].rating_a
        if any(current_a is not None and current_a > rating_a for current_a in reading.current_a):
            self.wake.set()

    @property
    def readings(self) -> Mapping[SocketId, SocketReading]:
        """The newest poll of every socket that has been read."""
        return self._readings

    @property
    def grid_energy(self) -> GridReading | None:
        """The newest telegram with an energy register: list meters send it once an hour."""
        return self._grid_energy

    def contactor_seen(self, socket: SocketId, sight: ContactorSight) -> None:
        self._contactors[socket] = sight

    def wallbox_seen(self, socket: SocketId, sight: WallboxSight) -> None:
        self._wallboxes[socket] = sight

    def limit_told(self, limit: LimitId, told: LimitTold) -> None:
        """Wakes the loop: who lowers wants it now."""
        self._outside = replace(self._outside, told={**self._outside.told, limit: told})
        self.wake.set()

    def limit_called(self, limit: LimitId, called: bool | None) -> None:
        """None: the contact cannot be read. Wakes the loop when it has changed."""
        if limit not in self._outside.called or self._outside.called[limit] is not called:
            self._outside = replace(self._outside, called={**self._outside.called, limit: called})
            self.wake.set()

    def temperature_told(self, told: TemperatureTold) -> None:
        self._outside = replace(self._outside, temperature=told)

    def prices_told(self, prices: PriceSeries) -> None:
        self._outside = replace(self._outside, prices=prices)

    def asked(self, request: Request) -> bool:
        """False: too many requests wait already, this one is not taken. The end is taken always."""
        if len(self._requests) >= REQUESTS_MAX and not isinstance(request, ShutDown):
            return False
        self._requests.append(request)
        return True

    def came_of_it(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)

    def clear_of_telegram_s(self, now_s: float, takes_s: float) -> float:
        """How long to wait so that what takes `takes_s` on a wire is over when the next telegram is due, or begins
        after what that telegram demands has gone out. At most half of the telegrams' interval is kept clear; 0 where
        no telegram is expected: no interval known, or the last one is late."""
        watch = self._watch
        due_s = watch.due_s
        takes_s = min(takes_s, watch.interval_s / 2 - TELEGRAM_LATE_S)
        if due_s is None or not due_s - takes_s < now_s < due_s + TELEGRAM_LATE_S:
            return 0.0
        return due_s + TELEGRAM_LATE_S - now_s

    def clear_of_writes_s(self, now_s: float, takes_s: float) -> float:
        """The same for reads on a bus, and a little longer: until what a telegram demands has been decided."""
        heard_s = self._watch.last_moving_s
        deciding_s = 0.0 if heard_s is None else heard_s + DECIDED_WITHIN_S - now_s
        return max(deciding_s, self.clear_of_telegram_s(now_s, takes_s))

    def snapshot(self, now_s: float, *, journal_accepts: bool) -> SiteSnapshot:
        """Takes telegrams, requests and outcomes out; each is in one snapshot only."""
        self._watch = self._watch.aged(now_s)
        snapshot = SiteSnapshot(
            site=self._site,
            grid=self._watch.sight(now_s),
            grid_readings=tuple(self._telegrams),
            sockets={
                socket: SocketSight(
                    self._readings.get(socket), self._contactors.get(socket), self._wallboxes.get(socket)
                )
                for socket in self._site.sockets
            },
            requests=tuple(self._requests),
            outcomes=tuple(self._outcomes),
            journal_accepts=journal_accepts,
            outside=self._outside,
        )
        self._telegrams.clear()
        self._requests.clear()
        self._outcomes.clear()
        return snapshot
