"""The bench's table over seeded traces of three sorts of site: ours, its peers, and the clairvoyant optimum.

Wrong is what must never be: one of our fuses melts, or gets as warm as a tenth of its melting, or an overload that
shedding can cure outlives its telegram by more than ten seconds. What is aimed at is printed as met or missed: 97 % of
the optimum, ahead of each peer on energy and on switching. Where a peer is better at anything, that is printed too.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from hil.bench.cabinet import Wires
from hil.bench.course import OURS, POLICIES, run_course
from hil.bench.ladder import climb
from hil.bench.optimum import clairvoyant
from hil.bench.table import COLUMNS, Entry, summary, table
from hil.bench.trace_kinds import make_trace

HEAT_MAX = 0.1
SHOWN_OVER_S_MAX = 10
GOAL = 0.97
TIGHT = 0.10
SAMPLE_S = 5400.0
COUNTS = {"villa": 14, "society": 10, "car-park": 6}


@dataclass(frozen=True, slots=True)
class Job:
    """One trace: its kind and seed, and how much of it."""

    kind: str
    seed: int
    seconds: float | None
    policies: tuple[str, ...]


def jobs(seed: int, policies: tuple[str, ...], seconds: float | None) -> list[Job]:
    """All 30, the kinds taking turns, so that a run cut short has some of each."""
    per_kind = [
        [((at + 1) / count, Job(kind, seed + at, seconds, policies)) for at in range(count)]
        for kind, count in COUNTS.items()
    ]
    return [job for _, job in sorted((each for kind in per_kind for each in kind), key=lambda each: each[0])]


def play(job: Job) -> Entry:
    """One trace under every policy. The wires differ with the seed: when telegrams come, how late they are."""
    trace = make_trace(job.kind, job.seed)
    if job.seconds is not None:
        trace = trace.shortened(job.seconds)
    wires = Wires(
        telegram_delay_s=1 + job.seed % 2,
        telegram_phase_s=job.seed % 10,
        meter_every_s=1 if job.kind == "villa" else 2,
    )
    verdicts = {name: run_course(trace, name, wires) for name in job.policies}
    return Entry(trace, clairvoyant(trace), climb(trace), verdicts)


def results(todo: list[Job], processes: int, until_s: float) -> Iterator[Entry]:
    """Entries as they are done; after `until_s` nothing more is waited for."""
    if processes == 1:
        for job in todo:
            if time.monotonic() < until_s:
                yield play(job)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        running = pool.imap(play, todo)
        for _ in todo:
            try:
                yield running.next(timeout=max(0.1, until_s - time.monotonic()))
            except multiprocessing.TimeoutError:
                return


def judge(entries: list[Entry]) -> list[str]:
    """What must never be."""
    wrong = []
    for entry in entries:
        ours = entry.verdicts[OURS]
        if ours.melted:
            wrong.append(f"{entry.trace.name}: {ours.melted} melted")
        if ours.heat_worst >= HEAT_MAX:
            wrong.append(f"{entry.trace.name}: a fuse came to {ours.heat_worst:.2f} of its melting")
        if ours.shown_over_s > SHOWN_OVER_S_MAX:
            wrong.append(f"{entry.trace.name}: an overload went on {ours.shown_over_s} s after it was shown")
    return wrong


def compare(entries: list[Entry]) -> None:
    """Prints the loss by cause, the goals, and where a peer is better."""
    losses = [loss for entry in entries if (loss := entry.losses(OURS)) is not None]
    for cause in losses[0]:
        parts = [100 * loss[cause] for loss in losses]
        print(f"loss of ours by {cause:6s} median {median(parts):5.1f} %  worst {max(parts):5.1f} %")
    ours = [part for entry in entries if (part := entry.part(OURS)) is not None]
    tight = sum(1 for entry in entries if (entry.unserved or 0.0) >= TIGHT)
    print(f"{tight} of {len(entries)} traces so tight that the optimum leaves {TIGHT:.0%} or more")
    print(f"goal {GOAL:.0%} of the optimum: {sum(part >= GOAL for part in ours)} of {len(ours)} traces")
    lowest = [1.0 - sum(loss.values()) + loss["lag"] for loss in losses]
    of_it = sorted(part / rung for part, rung in zip(ours, lowest, strict=True))
    print(
        f"a fair rule without lag, in whole steps: {sum(rung >= GOAL for rung in lowest)} of {len(lowest)} traces; "
        f"of what that delivers ours delivers: median {median(of_it):.1%}, worst {of_it[0]:.1%}"
    )
    for name in entries[0].verdicts:
        if name == OURS:
            continue
        more = [e.trace.name for e in entries if e.verdicts[name].energy_kwh > e.verdicts[OURS].energy_kwh]
        cuts = sum(e.verdicts[name].switchings for e in entries)
        ours_cuts = sum(e.verdicts[OURS].switchings for e in entries)
        fairer = sum(e.verdicts[name].fairness > e.verdicts[OURS].fairness for e in entries)
        sooner = sum(e.verdicts[name].first_s_longest < e.verdicts[OURS].first_s_longest for e in entries)
        cooler = sum(e.verdicts[name].heat_worst < e.verdicts[OURS].heat_worst for e in entries)
        print(
            f"{name:9s} more energy than ours on {len(more)} ({', '.join(more) or 'none'}); switchings {cuts} to our "
            f"{ours_cuts}; fairer on {fairer}, last first ampere sooner on {sooner}, cooler fuses on {cooler}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help=f"two villas, {SAMPLE_S:.0f} s of each, three policies")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(COUNTS))
    parser.add_argument("--policy", default=",".join(POLICIES))
    parser.add_argument("--seconds", type=float, help="only the beginning of each trace")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="no trace is begun after this")
    parser.add_argument("--out", type=Path, help="append each trace's result as a line of JSON")
    args = parser.parse_args()
    began_s = time.monotonic()
    policies = tuple(args.policy.split(","))
    todo = [job for job in jobs(args.seed, policies, args.seconds) if job.kind in args.kinds.split(",")]
    if args.sample:
        some = (OURS, "evcc", "openwb")
        todo = [Job("villa", args.seed + at, SAMPLE_S, some) for at in (0, 1)]
    entries = []
    for entry in results(todo, args.processes, began_s + 60.0 * args.minutes):
        entries.append(entry)
        print(table(entry), flush=True)
        if args.out is not None:
            with args.out.open("a", encoding="utf-8") as out:
                out.write(json.dumps(entry.as_json()) + "\n")
    if not entries:
        sys.stderr.write("no trace was finished\n")
        return 2
    print(f"\n{summary(entries)}\n{COLUMNS}\n")
    compare(entries)
    wrong = judge(entries)
    for each in wrong:
        print(f"WRONG: {each}")
    took_s = time.monotonic() - began_s
    print(f"seed {args.seed}, {len(entries)} of {len(todo)} traces, {took_s:.0f} s; {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
