"""Every HAN reading passes here before control sees it: judged, counted if refused, and told once; a changed meter is
an event in the journal and on MQTT."""

import logging
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from gateway.app.faults import FaultLog
from gateway.meters.grid_plausibility import GridMeterChange, GridTrace, Standing
from gateway.meters.readings import GridReading
from gateway.site.because import Because, Why
from gateway.site.wishes import NoteEvent

REFUSED_FAULT: Final = "grid meter readings"
log = logging.getLogger("laddvakt")


class GridJudge:
    """main_fuse_a: the main fuse's rating. note: takes an event for the journal."""

    def __init__(self, main_fuse_a: float, faults: FaultLog, note: Callable[[NoteEvent], None]) -> None:
        self._trace = GridTrace(main_fuse_a)
        self._faults = faults
        self._note = note
        self.refused_by_rule: Counter[str] = Counter()
        """How many readings each rule has refused since the start."""

    @property
    def meter(self) -> Standing:
        """What the meter in place has told so far; after a proven change, the new one alone."""
        return self._trace.standing

    def judged(self, reading: GridReading) -> GridReading:
        """The reading with the rules that it breaks named in `refused`."""
        self._trace, reading, change = self._trace.heard(reading)
        self.refused_by_rule.update(reading.refused)
        if reading.refused:
            rules = ", ".join(f"{rule} (number {self.refused_by_rule[rule]})" for rule in reading.refused)
            self._faults.on(REFUSED_FAULT, f"refused for raising: {rules}")
        else:
            self._faults.off(REFUSED_FAULT)
        if change is not None:
            log.warning("grid meter: %s", _words(change))
            self._note(NoteEvent(None, Because(Why.GRID_METER_CHANGED)))
        return reading


def _words(change: GridMeterChange) -> str:
    """What was before and what is now; a register that is not known reads "-"."""
    told = [("type", change.ident_before, change.ident), ("number", change.meter_id_before, change.meter_id)]
    told.append(("import kWh", _kwh(change.import_kwh_before), _kwh(change.import_kwh)))
    told.append(("export kWh", _kwh(change.export_kwh_before), _kwh(change.export_kwh)))
    changes = [f"{name} {before or '-'} became {now or '-'}" for name, before, now in told if before != now]
    return f"another meter, or its registers start elsewhere ({', '.join(change.because)}): {'; '.join(changes)}"


def _kwh(register: Decimal | None) -> str:
    return "-" if register is None else format(register, "f")
