"""One socket of the cabinet: meter, contactor, box and whoever is plugged in, on its phases of its fuse."""

from collections.abc import Callable
from random import Random

from hil.world.cars import Car
from hil.world.contactors import Contactor
from hil.world.meters import Meter
from hil.world.phases import Triple
from hil.world.plans import SocketPlan
from hil.world.relay_boards import RelayBoard
from hil.world.wallboxes import HeidelbergBox, MqttBox, Wallbox

LEAST_V = 150.0
"""Below this a device on the phase is dead."""

Tell = Callable[..., None]


class Socket:
    """A socket at work. `board` is the relay board that drives its contactor, if it has one."""

    def __init__(self, plan: SocketPlan, board: RelayBoard | None, random: Random, tell: Tell) -> None:
        self.plan = plan
        self.board = board
        self.meter: Meter | None = None
        self.box: Wallbox | None = None
        self.contactor = None if plan.contactor is None else Contactor()
        self.car: Car | None = None
        self.amperes: tuple[float, ...] = tuple(0.0 for _ in plan.phases)
        self.energy_kwh = 0.0
        self._tell = tell
        self._box_seen: tuple[str, float] | None = None
        serial = random.randrange(10_000_000, 99_999_999)
        start_kwh = random.uniform(100.0, 3000.0)
        if plan.meter is not None:
            chosen_kwh = start_kwh if plan.meter.start_kwh is None else plan.meter.start_kwh
            self.meter = Meter(plan.meter.model, serial, chosen_kwh)
        if plan.box is not None:
            by_wire = plan.box.place is not None
            kind = plan.box
            self.box = (
                HeidelbergBox(kind.hardware_a_max)
                if by_wire
                else MqttBox(kind.hardware_a_max, kind.failsafe_a, kind.phase_pause_s)
            )

    def _own(self, fuse_side: Triple) -> tuple[float, ...]:
        return tuple(fuse_side[phase] for phase in self.plan.phases)

    def _fuse_side(self, own: tuple[float, ...]) -> Triple:
        loads = [0.0, 0.0, 0.0]
        for phase, amperes in zip(self.plan.phases, own, strict=True):
            loads[phase] += amperes
        return (loads[0], loads[1], loads[2])

    @staticmethod
    def _three(own: tuple[float, ...]) -> Triple:
        return (own[0], own[1], own[2]) if len(own) == 3 else (own[0], 0.0, 0.0)

    def _closed(self, dt_s: float) -> bool:
        if self.contactor is None or self.plan.contactor is None or self.board is None:
            return True
        if self.contactor.step(self.board.relays[self.plan.contactor.channel - 1], max(self.amperes), dt_s):
            self._tell("contactor", socket=self.plan.name, closed=self.contactor.closed, amperes=max(self.amperes))
        if self.plan.contactor.auxiliary_input is not None:
            self.board.inputs[self.plan.contactor.auxiliary_input - 1] = self.contactor.auxiliary_closed
        return self.contactor.closed

    def step(self, at_s: float, dt_s: float, fuse_volts: Triple) -> Triple:
        """One step; returns the current that it draws, per fuse phase. fuse_volts: 0 where the phase is dead."""
        supply = self._own(fuse_volts)
        load = supply if self._closed(dt_s) else tuple(0.0 for _ in supply)
        if self.box is not None:
            self.box.plugged = self.car is not None
            self.box.car_wants = self.car is not None and self.car.wants
            self.box.step(load[0] > LEAST_V, dt_s)
            seen = (self.box.state, self.box.offered_a)
            if seen != self._box_seen:
                self._box_seen = seen
                self._tell("box", socket=self.plan.name, state=seen[0], offered_a=seen[1], powered=self.box.powered)
        offered_a = 0.0 if self.box is None else self.box.offered_a
        if self.box is not None and not self.box.powered:
            load = tuple(0.0 for _ in supply)
        if self.box is not None:
            load = tuple(volts if own < self.box.phases else 0.0 for own, volts in enumerate(load))
        self.amperes = tuple(0.0 for _ in supply) if self.car is None else self.car.step(at_s, dt_s, offered_a, load)
        self.energy_kwh += sum(a * v for a, v in zip(self.amperes, load, strict=True)) * dt_s / 3.6e6
        if self.box is not None:
            self.box.measure(self._three(load), self._three(self.amperes), dt_s)
        if self.meter is not None and self.plan.meter is not None:
            side = supply if self.plan.meter.side == "supply" else load
            self.meter.step(self._three(side), self._three(self.amperes), dt_s)
        return self._fuse_side(self.amperes)

    def record(self) -> dict[str, object]:
        """Energy through the socket as physics has it, what its meter's counter holds, and its contactor's wear."""
        record: dict[str, object] = {"energy_kwh": round(self.energy_kwh, 5)}
        if self.meter is not None:
            record["meter_import_kwh"] = round(self.meter.import_kwh, 6)
        if self.contactor is not None:
            record["closings"] = self.contactor.closings
            record["openings_cold"] = self.contactor.openings_cold
            record["openings_hot"] = self.contactor.openings_hot
        if self.box is not None and self.box.phase_switchings:
            record["phase_switchings"] = self.box.phase_switchings
            record["phase_switchings_hot"] = self.box.phase_switchings_hot
        return record
