"""The load profile on a bench: the ledger's own path, its clock and its meters moved second by second."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from gateway.app.faults import FaultLog
from gateway.app.ledger import Ledger
from gateway.app.load_profile import LoadProfile
from gateway.clock import UtcTrust
from gateway.ids import SocketId
from gateway.journal.profile_facts import PeriodsSigned, SignedPeriod, TimeReferenced
from gateway.metering.load_profile import SITE
from gateway.meters.grid_plausibility import fused_w_max
from gateway.meters.readings import GridReading, SocketReading
from gateway.quantities import UNKNOWN_PER_PHASE
from tests.ledger.ledger_bench import Disk, DyingStore, HandClock, PocketKeys, reading, station

STEP_KWH = Decimal("0.01")
MOST_W = Decimal(fused_w_max(20.0))


@dataclass
class BenchMeters:
    """Newest readings, as the sight board keeps them. silent: sockets whose meter says nothing."""

    clock: HandClock
    places: tuple[SocketId, ...]
    kwh: dict[str, Decimal] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    grid_energy: GridReading | None = None
    _readings: dict[SocketId, SocketReading] = field(default_factory=dict)

    @property
    def readings(self) -> Mapping[SocketId, SocketReading]:
        return self._readings

    def poll(self) -> None:
        for place in self.places:
            if place not in self.silent:
                self._readings[place] = reading(self.clock, self.kwh.setdefault(place, Decimal("100.00")))


class ProfileBench:
    """One cabinet's life after life. Every `pass_s` looks as often as `every_s` says."""

    def __init__(self, places: tuple[SocketId, ...] = (SocketId("p1"),), every_s: float = 1.0) -> None:
        self.disk, self.keys, self.clock = Disk(), PocketKeys(), HandClock()
        self.meters = BenchMeters(self.clock, places)
        self.every_s = every_s
        self.boots = 0
        self.ledger: Ledger
        self.profile: LoadProfile

    async def boot(self, monotonic_s: float = 30.0) -> None:
        """The machine starts anew, and the daemon with it."""
        self.boots += 1
        self.clock.monotonic_s = monotonic_s
        await self.start()

    async def start(self, store: DyingStore | None = None) -> None:
        """The daemon starts, in the boot that there is."""
        self.boots = max(self.boots, 1)
        boot = station(f"boot-{self.boots}")
        self.ledger = await Ledger.open(store or DyingStore(self.disk), self.keys, self.clock, boot)
        identities = {place: boot.meters[place] for place in self.meters.places}
        most_w = dict.fromkeys((SITE, *self.meters.places), MOST_W)
        self.profile = LoadProfile(
            self.ledger, self.meters, self.clock, identities=identities, faults=FaultLog(), most_w=most_w
        )

    async def pass_s(self, seconds: float) -> None:
        for _ in range(round(seconds / self.every_s)):
            self.clock.pass_s(self.every_s)
            self.meters.poll()
            await self.profile.look()

    async def pass_until(self, utc: datetime) -> None:
        await self.pass_s((utc - self.clock.utc).total_seconds())

    def step(self, seconds: float, trust: UtcTrust | None = None) -> None:
        """The wall clock is set; the seconds go on."""
        self.clock.utc += timedelta(seconds=seconds)
        self.clock.trust = trust or self.clock.trust

    def periods(self, place: str = "p1") -> list[SignedPeriod]:
        facts = [fact for fact in self.disk.facts() if isinstance(fact, PeriodsSigned)]
        return [period for fact in facts for period in fact.periods if period.place == place]

    def references(self) -> list[TimeReferenced]:
        return [fact for fact in self.disk.facts() if isinstance(fact, TimeReferenced)]


def site_reading(clock: HandClock, kwh: str) -> GridReading:
    """A telegram with an energy register."""
    return GridReading(
        at=clock.now(),
        form="p1",
        meter_time=None,
        import_w=0.0,
        export_w=0.0,
        current_a=UNKNOWN_PER_PHASE,
        voltage_v=UNKNOWN_PER_PHASE,
        net_power_w=UNKNOWN_PER_PHASE,
        import_kwh=Decimal(kwh),
        export_kwh=None,
        meter_id="7359992",
    )
