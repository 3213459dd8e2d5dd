"""What the bench prints: one line a policy and trace, a summary a policy, or all of it as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from hil.bench.judge import Verdict
from hil.bench.ladder import Rungs
from hil.bench.optimum import Optimum
from hil.bench.traces import Trace

_HEAD: Final = (
    "policy", "energy", "over_s", "longest", "shown", "heat", "melted", "cut", "changes", "wait_s", "first_s", "never",
    "jain",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One trace with everything that was found: optimum and rungs are None where nobody asked for them."""

    trace: Trace
    optimum: Optimum | None
    rungs: Rungs | None
    verdicts: dict[str, Verdict]

    @property
    def unserved(self) -> float | None:
        """The part of the demand that even the optimum leaves."""
        wished_kwh = sum(visit.energy_kwh for visit in self.trace.visits)
        return None if self.optimum is None or not wished_kwh else 1.0 - self.optimum.energy_kwh / wished_kwh

    def part(self, policy: str) -> float | None:
        """Energy delivered, as a part of the optimum."""
        if self.optimum is None or self.optimum.energy_kwh <= 0.0:
            return None
        return self.verdicts[policy].energy_kwh / self.optimum.energy_kwh

    def losses(self, policy: str) -> dict[str, float] | None:
        """Where the policy's loss comes from, as parts of the optimum; they add up to 1 - `part`."""
        part = self.part(policy)
        if part is None or self.optimum is None or self.rungs is None:
            return None
        best = self.optimum.energy_kwh
        share, queue, steps = (kwh / best for kwh in (self.rungs.share_kwh, self.rungs.queue_kwh, self.rungs.steps_kwh))
        return {"share": 1.0 - share, "queue": share - queue, "steps": queue - steps, "lag": steps - part}

    def as_json(self) -> dict[str, object]:
        return {
            "trace": self.trace.name,
            "visits": len(self.trace.visits),
            "seconds": self.trace.seconds,
            "optimum_kwh": None if self.optimum is None else self.optimum.energy_kwh,
            "unserved": self.unserved,
            "policies": {
                name: {**verdict.as_json(), "part": self.part(name), "losses": self.losses(name)}
                for name, verdict in self.verdicts.items()
            },
        }


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{100 * part:.1f} %"


def _cells(name: str, entry: Entry) -> tuple[str, ...]:
    verdict, part = entry.verdicts[name], entry.part(name)
    energy = f"{verdict.energy_kwh:.1f} kWh" if part is None else _percent(part)
    return (
        name,
        energy,
        f"{verdict.over_s}",
        f"{verdict.over_s_longest}",
        f"{verdict.shown_over_s}",
        f"{verdict.heat_worst:.3f}",
        f"{verdict.melted}",
        f"{verdict.switchings}",
        f"{verdict.changes}",
        f"{verdict.wait_s_longest:.0f}",
        f"{verdict.first_s_median:.0f}/{verdict.first_s_longest:.0f}",
        f"{verdict.never}",
        f"{verdict.fairness:.3f}",
    )


def _lines(rows: Sequence[Sequence[str]]) -> str:
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, wide, strict=True)) for row in rows)


def table(entry: Entry) -> str:
    """One trace: a heading, one line a policy."""
    wished_kwh = sum(visit.energy_kwh for visit in entry.trace.visits)
    heading = f"{entry.trace.name}: {len(entry.trace.visits)} visits, {wished_kwh:.1f} kWh wished"
    if entry.optimum is not None:
        heading += f", optimum {entry.optimum.energy_kwh:.1f} kWh, {_percent(entry.unserved)} unserved by it"
    return f"{heading}\n{_lines([_HEAD, *(_cells(name, entry) for name in entry.verdicts)])}"


def summary(entries: Sequence[Entry]) -> str:
    """All traces: energy worst and median, totals of what harms, one line a policy."""
    rows = [("policy", "worst", "median", "heat", "melted", "over_s", "longest", "shown", "cut", "never", "jain")]
    for name in entries[0].verdicts:
        parts = [part for entry in entries if (part := entry.part(name)) is not None]
        seen = [entry.verdicts[name] for entry in entries]
        rows.append(
            (
                name,
                _percent(min(parts, default=None)),
                _percent(median(parts) if parts else None),
                f"{max(each.heat_worst for each in seen):.3f}",
                f"{sum(each.melted for each in seen)}",
                f"{sum(each.over_s for each in seen)}",
                f"{max(each.over_s_longest for each in seen)}",
                f"{max(each.shown_over_s for each in seen)}",
                f"{sum(each.switchings for each in seen)}",
                f"{sum(each.never for each in seen)}",
                f"{median(each.fairness for each in seen):.3f}",
            )
        )
    return f"{len(entries)} traces\n{_lines(rows)}"


def as_json(entries: Sequence[Entry]) -> str:
    return json.dumps([entry.as_json() for entry in entries], indent=1)


COLUMNS: Final = (
    "energy: of the optimum | over_s: seconds above a rating | longest: of those, at a stretch | shown: longest that a "
    "curable overload of the main fuse by 1 % went on after the telegram that shows it | heat: 1 is melted | cut: how "
    "often a car that wanted more was switched off | wait_s: longest without current | first_s: to the first ampere, "
    "median/longest | never: visits without any | jain: fairness of what each got of what it could take alone"
)
