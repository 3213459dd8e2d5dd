"""Reaction: from the last byte of a telegram leaving the meter to the first byte of the lowering that it causes.

Both ends are stamped by the cabinet on one clock. A lowering is a smaller current for a box, or an opening relay; the
first one after a telegram and before the next counts. The scenario must let nothing but the house lower anything
(cars that never get full), as `reaction.toml` does.
"""

import json
from collections.abc import Iterable
from statistics import median, quantiles

from hil.world.table_reader import ScenarioMistake

_HEIDELBERG_CURRENT = 261
_COIL_ON = 0xFF00


def _told(line: dict[str, object]) -> tuple[object, float] | None:
    """Who is told what (amperes, or 1/0 for a relay); None: the line tells nobody anything."""
    values = line.get("values")
    if line["kind"] == "setpoint":
        return ("mqtt", line["owner"]), float(str(line["amps"]))
    if line["kind"] != "write" or not isinstance(values, list):
        return None
    if line["function"] in (6, 16) and line["address"] == _HEIDELBERG_CURRENT:
        return (line["bus"], line["unit"]), values[0] / 10
    if line["function"] == 5:
        return (line["bus"], line["unit"], line["address"]), float(values[0] == _COIL_ON)
    return None


def reactions_ms(lines: Iterable[str]) -> list[float]:
    """One figure for each telegram that was followed by a lowering, from the lines of a cabinet's log. Raises
    ScenarioMistake at a line that is none."""
    told_last: dict[object, float] = {}
    left_ns: int | None = None
    found = []
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            at_ns, told = int(line["t_ns"]), _told(line)
        except (ValueError, KeyError, TypeError, IndexError) as wrong:
            raise ScenarioMistake(f"line {number}: is none of a cabinet's log ({wrong!r})") from wrong
        if line["kind"] == "telegram":
            left_ns = at_ns
            continue
        if told is None:
            continue
        who, value = told
        lowered = value < told_last.get(who, value)
        told_last[who] = value
        if lowered and left_ns is not None and at_ns >= left_ns:
            found.append((at_ns - left_ns) / 1e6)
            left_ns = None
    return found


def figures(reaction_ms: list[float]) -> dict[str, object]:
    """Count, median, p99 and worst in ms (p99 is the worst where there are fewer than 100)."""
    if not reaction_ms:
        return {"count": 0, "median_ms": None, "p99_ms": None, "worst_ms": None}
    many = len(reaction_ms) >= 100
    p99 = quantiles(reaction_ms, n=100)[98] if many else max(reaction_ms)
    return {
        "count": len(reaction_ms),
        "median_ms": round(median(reaction_ms), 2),
        "p99_ms": round(p99, 2),
        "worst_ms": round(max(reaction_ms), 2),
    }
