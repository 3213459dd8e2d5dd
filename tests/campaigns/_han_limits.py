"""What one false telegram that no rule catches does to a limit, by the whole of `decide`.

A three-phase car charges at 6 A beside a house; the meter says the same each 10 s, for so long that nothing moves any
more. Then one telegram is the false one, and true ones follow. The same course without it runs beside; what the
setpoint of the wallbox has more than there, at any second, is what the false telegram raised it by.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from gateway.meters.readings import GridReading
from gateway.quantities import PHASES
from tests.control.cabinet_world import Cabinet
from tests.control.car_places import Car
from tests.control.planned_site import fuse, instant, site, wallbox

FUSE_A: Final = 32.0
"""Above what the true telegrams say (20 A), so that there is room which a false one may seem to widen."""
SETTLE_S: Final = 360
"""Long enough for the house's usual unrest to be known: from then on room beyond it needs no long waiting."""
TELEGRAM_S: Final = 10
AFTER_S: Final = 60
FALSE_TELEGRAMS: Final = 1
RAISE_AFTER_S: Final = 20.0
CAR_A: Final = 6.0


@dataclass
class ToldCabinet(Cabinet):
    """A cabinet whose grid meter says what it is told, whatever flows. false: said at that time (s) instead."""

    true: GridReading | None = None
    false: GridReading | None = None
    false_at_s: float = field(default=float("inf"))

    def _telegrams(self) -> tuple[GridReading, ...]:
        if int(self.at_s) % TELEGRAM_S:
            self.watch = self.watch.aged(self.at_s)
            return ()
        false = 0.0 <= self.at_s - self.false_at_s < FALSE_TELEGRAMS * TELEGRAM_S
        said = self.false if false else self.true
        assert said is not None
        self.telegrams_sent += 1
        reading = replace(said, at=instant(self.at_s), meter_time=str(self.telegrams_sent))
        self.watch = self.watch.heard(reading)
        return (reading,)


def setpoints_a(true: GridReading, false: GridReading | None) -> list[float]:
    """The wallbox's setpoint at each second from the false telegram (None: there is none) on (A)."""
    phases = tuple(phase for phase, current in zip(PHASES, true.current_a, strict=True) if current is not None)
    here = site(wallbox("a", phases=phases, rating_a=32.0), fuses=(fuse(rating_a=FUSE_A),), raise_after_s=RAISE_AFTER_S)
    cabinet = ToldCabinet(here, true=true)
    cabinet.plug("a", Car(limit_a=CAR_A, phases=len(phases)))
    cabinet.run(SETTLE_S - 1)
    cabinet.false, cabinet.false_at_s = false or true, cabinet.at_s + 1
    said: list[float] = []
    cabinet.run(AFTER_S, lambda now: said.append(now.place("a").setpoint_a))
    return said


def raised_a(true: GridReading, false: GridReading) -> float:
    """By how much the false telegram raised the limit, at worst (A)."""
    pairs = zip(setpoints_a(true, false), setpoints_a(true, None), strict=True)
    return max(with_it - without for with_it, without in pairs)
