"""What goes wrong and when: by script, or by word while the cabinet runs.

kind             target           what happens
p1_silence       -                no telegram leaves
p1_frozen        -                the telegram of that moment is sent again and again
p1_...           -                what goes wrong between meter and reader: check sums, keys, buffers, line ends,
                                  polarity, pull-up, parity, speed, dribble; see `world/han_troubles.py`
grid_meter_swapped -              another grid meter: its registers start at import_kwh and export_kwh (0)
meter_dead       socket (or all)  no answer; wallbox_dead, board_dead likewise
meter_late       socket (or all)  answers after late_s (0.9 s), whatever else is asked meanwhile; wallbox_late likewise
meter_bad_crc    socket (or all)  answers with a wrong check sum; wallbox_bad_crc, board_bad_crc likewise
contactor_welded socket           the poles stay closed
auxiliary_stuck  socket           the auxiliary contact keeps its place
wallbox_disobeys socket           the box offers its hardware maximum
house_step       -                the house draws add_a = [a, a, a] more
power_cut        -                the street is dead: no telegram, no meter, no box, relays open
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hil.world.cabinet import Cabinet
from hil.world.han_troubles import TROUBLES
from hil.world.phases import Triple, plus, triple
from hil.world.plans import FaultPlan
from hil.world.table_reader import ScenarioMistake
from hil.world.telegram import GridMeter

ROLES = ("meter", "wallbox", "board")
KINDS = frozenset(
    {
        *("p1_silence", "p1_frozen", "contactor_welded", "auxiliary_stuck", *TROUBLES),
        *("wallbox_disobeys", "house_step", "power_cut", "grid_meter_swapped"),
        *(f"{role}_{how}" for role in ROLES for how in ("dead", "late", "bad_crc")),
    }
)


def house_step_a(plan: FaultPlan) -> Triple:
    """What a house_step adds per phase; `ScenarioMistake` if it does not say."""
    added = plan.values.get("add_a")
    if not isinstance(added, list) or not all(isinstance(each, int | float) for each in added):
        raise ScenarioMistake(f"fault house_step: add_a = {added!r}: three amperes are needed")
    return triple([float(each) for each in added])


def registers_kwh(plan: FaultPlan) -> tuple[float, float]:
    """Where the registers of the swapped-in grid meter start: import and export; `ScenarioMistake` if no numbers."""
    values = [plan.values.get(name, 0.0) for name in ("import_kwh", "export_kwh")]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) != 2:
        raise ScenarioMistake(f"fault grid_meter_swapped: {values}: import_kwh and export_kwh are numbers")
    return numbers[0], numbers[1]


def check_fault(plan: FaultPlan, cabinet: Cabinet) -> None:
    """`ScenarioMistake` if there is no such fault or target."""
    if plan.kind not in KINDS:
        raise ScenarioMistake(f"fault {plan.kind!r}: one of {', '.join(sorted(KINDS))}")
    if plan.target is not None and plan.target not in cabinet.sockets and plan.target not in cabinet.boards:
        raise ScenarioMistake(f"fault {plan.kind}: no socket or relay board is called {plan.target}")
    if plan.kind == "house_step":
        house_step_a(plan)
    if plan.kind == "grid_meter_swapped":
        registers_kwh(plan)


@dataclass(slots=True)
class _Running:
    plan: FaultPlan
    begun: bool = False


class Faults:
    """The faults that act just now. Physical ones are pressed into the cabinet at every step; wires ask for theirs."""

    def __init__(self, plans: Sequence[FaultPlan], cabinet: Cabinet) -> None:
        self._cabinet = cabinet
        self._all: list[_Running] = []
        for plan in plans:
            self.add(plan)

    def add(self, plan: FaultPlan) -> None:
        check_fault(plan, self._cabinet)
        self._all.append(_Running(plan))

    def end(self, kind: str) -> None:
        """Ends every acting fault of this kind (those still to come stay)."""
        for each in [each for each in self._all if each.begun and each.plan.kind == kind]:
            self._finish(each)

    def _finish(self, each: _Running) -> None:
        self._all.remove(each)
        self._cabinet.tell("fault_ended", fault=each.plan.kind, target=each.plan.target)

    def active(self, kind: str, target: str | None = None) -> FaultPlan | None:
        for each in self._all:
            plan = each.plan
            if each.begun and plan.kind == kind and (plan.target is None or target is None or plan.target == target):
                return plan
        return None

    def step(self) -> None:
        """Begins what is due, ends what is over, and presses what is physical into the cabinet."""
        at_s = self._cabinet.at_s
        for each in list(self._all):
            if not each.begun and at_s >= each.plan.at_s:
                each.begun = True
                words = {"fault": each.plan.kind, "target": each.plan.target, "for_s": each.plan.for_s}
                self._cabinet.tell("fault_begun", **words)
                if each.plan.kind == "grid_meter_swapped":
                    self._cabinet.grid = GridMeter(*registers_kwh(each.plan))
            elif each.begun and each.plan.for_s is not None and at_s >= each.plan.at_s + each.plan.for_s:
                self._finish(each)
        self._press()

    def _steps(self) -> Iterable[Triple]:
        return (house_step_a(each.plan) for each in self._all if each.begun and each.plan.kind == "house_step")

    def _press(self) -> None:
        extra: Triple = (0.0, 0.0, 0.0)
        for added in self._steps():
            extra = plus(extra, added)
        self._cabinet.house.extra_a = extra
        self._cabinet.power = self.active("power_cut") is None
        for name, socket in self._cabinet.sockets.items():
            if socket.contactor is not None:
                socket.contactor.welded = self.active("contactor_welded", name) is not None
                socket.contactor.auxiliary_stuck = self.active("auxiliary_stuck", name) is not None
            if socket.box is not None:
                socket.box.disobeys = self.active("wallbox_disobeys", name) is not None
