"""A warm cabinet: links that sit hot carry less, so their limits are lowered by the cabinet's temperature.

gG links: half a percent per °C above 40 °C inside the enclosure (Lawson Fuses, "Derating"; IEC 60269-1 3.7 gives the
reference range). An automat's derating is in its maker's table and differs: it is stated as the fuse's `share`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.control.draft import Draft
from gateway.control.restraint_state import TemperatureState
from gateway.quantities import PHASES
from gateway.site.because import Because, Why
from gateway.site.topology import Fuse, FuseKind

REFERENCE_C: Final[Mapping[FuseKind, float]] = {FuseKind.GG: 40.0}
LESS_PER_C: Final = 0.005
PART_MIN: Final = 0.5
LAST_HOLDS_S: Final = 600.0
"""So long a sensor's last value stands for now; then the worst that the config knows of does."""


def part_carried(kind: FuseKind, celsius: float) -> float:
    """The part of its rating that a fuse of this kind carries at that temperature: 1 up to its reference."""
    reference_c = REFERENCE_C.get(kind)
    if reference_c is None:
        return 1.0
    return max(PART_MIN, 1.0 - LESS_PER_C * max(0.0, celsius - reference_c))


def part_now(draft: Draft, fuse: Fuse) -> float:
    """The part of its rating that a fuse carries in this tick, by what `derate` took for the cabinet's temperature."""
    cabinet = draft.restraints.temperature
    return 1.0 if cabinet is None else part_carried(fuse.kind, cabinet.celsius)


def derate(draft: Draft) -> None:
    """Lowers every fuse to what it carries at the cabinet's temperature; tells when the sensor falls silent."""
    sensor = draft.tree.site.restraints.temperature
    if sensor is None:
        return
    told = draft.snapshot.outside.temperature
    was = draft.restraints.temperature
    silent = told is None or draft.now_s - told.at_s > LAST_HOLDS_S
    celsius = sensor.worst_c if told is None or silent else told.celsius
    if silent and was is not None and not was.silent:
        draft.note(None, Because(Why.CABINET_SENSOR_SILENT))
    for number, fuse in enumerate(draft.tree.fuses):
        part = part_carried(fuse.kind, celsius)
        if part < 1.0:
            because = Because(Why.CABINET_WARM, fuse.id, current_a=fuse.steady_a_max * part)
            for phase in PHASES:
                draft.lower(3 * number + phase, fuse.steady_a_max * part, because)
    draft.restraints = replace(draft.restraints, temperature=TemperatureState(celsius, silent))
