"""The power guard in the bench: the highest mean of an interval kept under a target, and what that costs in energy.

Each seeded trace is played twice by the product's own control: as it is, and with a power tariff in its config whose
target lies well below the peak that came of the first. Wrong is an interval above its target that the house alone did
not fill, a melted fuse, or a guard that leaves more than a fifth of what its target left for cars unused on the whole.
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace

from hil.bench.cabinet import BenchCabinet
from hil.bench.course import OURS, run_course
from hil.bench.judge import Verdict
from hil.bench.trace_kinds import make_trace
from hil.bench.traces import VOLTS, Trace

HOUR_S = 3600
TARGET_PART = 0.7
HOUSE_PART = 1.15
"""A target that the house itself fills proves nothing: it stays so much above the house's own highest mean."""
USED_PART_MIN = 0.8
SAMPLE_S = 3600.0


@dataclass(slots=True)
class Meter:
    """The grid meter's energy by interval (Wh), of all and of the house alone, from the bench's physics."""

    interval_s: int
    all_wh: dict[int, float]
    house_wh: dict[int, float]

    def watch(self, cabinet: BenchCabinet) -> None:
        interval = (cabinet.at_s - 1) // self.interval_s
        cars_a = sum(sum(drawn) for drawn in cabinet.drawn_a.values())
        house_a = sum(cabinet.house_a)
        self.all_wh[interval] = self.all_wh.get(interval, 0.0) + max(0.0, house_a + cars_a) * VOLTS / HOUR_S
        self.house_wh[interval] = self.house_wh.get(interval, 0.0) + max(0.0, house_a) * VOLTS / HOUR_S

    def means_w(self, wh: dict[int, float]) -> list[float]:
        return [energy * HOUR_S / self.interval_s for energy in wh.values()]


def play(trace: Trace, interval_s: int) -> tuple[Verdict, Meter]:
    meter = Meter(interval_s, {}, {})
    return run_course(trace, OURS, watch=meter.watch), meter


def guarded(trace: Trace, interval_s: int, target_w: float) -> Trace:
    words = (
        f'[[power_tariff]]\nname = "bench"\ninterval_min = {interval_s // 60}\ntarget_w = {target_w:.0f}.0\n'
        'target = "fixed"\n'
    )
    return replace(trace, site_text=f"{words}\n{trace.site_text}")


@dataclass(frozen=True, slots=True)
class Figure:
    """One trace. room_kwh: what the target left for cars, of what they took without it."""

    name: str
    target_w: float
    peak_before_w: float
    peak_w: float
    before: Verdict
    after: Verdict
    room_kwh: float

    @property
    def used(self) -> float:
        return self.after.energy_kwh / self.room_kwh if self.room_kwh > 0.0 else 1.0


def figure(trace: Trace, interval_s: int) -> Figure:
    before, free = play(trace, interval_s)
    peak_w = max(free.means_w(free.all_wh))
    target_w = round(max(TARGET_PART * peak_w, HOUSE_PART * max(free.means_w(free.house_wh))))
    after, kept = play(guarded(trace, interval_s, target_w), interval_s)
    length_h = interval_s / HOUR_S
    room_wh = sum(
        min(max(0.0, target_w * length_h - house_wh), free.all_wh[interval] - house_wh)
        for interval, house_wh in free.house_wh.items()
    )
    return Figure(trace.name, target_w, peak_w, max(kept.means_w(kept.all_wh)), before, after, room_wh / 1000.0)


def said(one: Figure) -> str:
    cost_kwh = one.before.energy_kwh - one.after.energy_kwh
    return (
        f"{one.name}: highest mean {one.peak_before_w:.0f} W without, {one.peak_w:.0f} W with a target of "
        f"{one.target_w:.0f} W; energy {one.before.energy_kwh:.1f} kWh without, {one.after.energy_kwh:.1f} kWh with "
        f"({cost_kwh:.1f} kWh, {100 * cost_kwh / max(one.before.energy_kwh, 0.001):.0f} % later or never); "
        f"{100 * one.used:.0f} % of what the target left; switched off {one.before.switchings} and "
        f"{one.after.switchings} times; worst heat {one.after.heat_worst:.3f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help=f"one villa, {SAMPLE_S:.0f} s of it, quarters")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--traces", type=int, default=10, help="villas; hours and quarters take turns")
    given = parser.parse_args()
    began_s = time.monotonic()
    figures = []
    for number in range(1 if given.sample else given.traces):
        trace = make_trace("villa", given.seed + number)
        trace = trace.shortened(SAMPLE_S) if given.sample else trace
        figures.append(figure(trace, 900 if given.sample or number % 2 else 3600))
        print(said(figures[-1]), flush=True)
    wrong = [
        f"{one.name}: {one.peak_w:.0f} W is above {one.target_w:.0f} W" for one in figures if one.peak_w > one.target_w
    ]
    wrong += [f"{one.name}: {one.after.melted} melted" for one in figures if one.after.melted]
    after_kwh = sum(one.after.energy_kwh for one in figures)
    used = after_kwh / max(sum(one.room_kwh for one in figures), 0.001)
    if used < USED_PART_MIN and not given.sample:
        wrong.append(f"only {100 * used:.0f} % of what the targets left was used")
    for each in wrong:
        sys.stderr.write(f"WRONG: {each}\n")
    lost = 1.0 - after_kwh / max(sum(one.before.energy_kwh for one in figures), 0.001)
    took_s = time.monotonic() - began_s
    print(
        f"seed {given.seed}, {len(figures)} traces, {took_s:.0f} s: every mean kept below its target on "
        f"{sum(one.peak_w <= one.target_w for one in figures)}, {100 * lost:.1f} % of the energy later or never, "
        f"{100 * used:.1f} % of what the targets left was used; {len(wrong)} wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
