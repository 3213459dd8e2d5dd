"""A car, and the place where it stands: box, contactor and meter of one socket, and what flows there each second."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.meters.readings import SocketReading
from gateway.site.snapshot import ContactorSight, WallboxSight
from gateway.site.topology import (
    Socket,
)

VOLTS = 230.0


@dataclass
class Car:
    """Follows its setpoint within 5 s, takes at most `limit_a` on `phases` phases until it has its energy."""

    energy_wh: float = 1e9
    limit_a: float = 32.0
    phases: int = 3
    leaves_when_full: bool = True
    deaf: bool = False
    deaf_a: float = 16.0


@dataclass
class Place:
    """One socket in the world: what stands there and what flows."""

    socket: Socket
    car: Car | None = None
    setpoint_a: float = 0.0
    current_a: float = 0.0
    closed: bool = True
    welded: bool = False
    dead: bool = False
    meter_silent: bool = False
    dead_phases: frozenset[int] = frozenset()
    box_silent: bool = False
    board_silent: bool = False
    offers: int = 3
    stuck: bool = False
    lies: bool = False
    mute: bool = False
    phase_switchings: int = 0
    wh: float = 0.0
    served_wh: float = 0.0
    last_reading: SocketReading | None = None
    contactor_sight: ContactorSight | None = None
    box_sight: WallboxSight | None = None

    def live(self) -> bool:
        return (self.closed or self.welded) and not self.dead if self.socket.contactor else True

    def wanted_a(self) -> float:
        car = self.car
        if car is None or not self.live() or car.energy_wh <= 0.0:
            return 0.0
        if self.socket.wallbox is None:
            return car.limit_a
        if car.deaf:
            return car.deaf_a if self.setpoint_a > 0.0 or self.current_a > 0.0 else 0.0
        return min(car.limit_a, self.setpoint_a) if self.setpoint_a >= 6.0 else 0.0

    def flow(self) -> None:
        wanted = self.wanted_a()
        if not self.live():
            self.current_a = 0.0
        elif self.socket.wallbox is None:
            self.current_a = wanted
        else:
            pace = max(abs(wanted - self.current_a) / 3.0, 2.0)
            low, high = self.current_a - pace, self.current_a + pace
            self.current_a = min(max(wanted, low), high)
        if self.car is not None and self.current_a > 0.0:
            got = self.current_a * VOLTS * min(self.car.phases, self.offers) / 3600.0
            self.wh += got
            self.served_wh += got
            self.car.energy_wh -= got
        if self.car is not None and self.car.energy_wh <= 0.0 and self.car.leaves_when_full and self.current_a < 0.1:
            self.car = None

    def offer(self, phases: int) -> None:
        """A box switches its phases only while nothing flows."""
        if phases != self.offers and not self.stuck:
            assert self.current_a < 1.0, f"{self.socket.id} switches phases under load"
            self.offers = phases
            self.phase_switchings += 1

    def phase_currents(self) -> list[float]:
        offers = 3 if self.lies else self.offers
        car_phases = 0 if self.car is None else min(self.car.phases, len(self.socket.phases), offers)
        return [self.current_a if own < car_phases else 0.0 for own in range(len(self.socket.phases))]
