"""Wall clocks that are set about at random: durations of sessions stay exact, no quarter hour is lost or doubled.

Each course is a few days of one cabinet: steps of seconds, hours and years, a clock that is lost and found, boots with
and without time, outages, deaths of the daemon, sessions that run through all of it. A judge who knows the true time
reads the journal, the signed records and the exported table.
"""

import argparse
import asyncio
import random
import sys
import time
from datetime import UTC, datetime, timedelta

from gateway.clock import UtcTrust
from tests.campaigns._clock_judge import Course, judged

STEPS_S = (1.0, -1.0, 0.3, -2.5, 60.0, -60.0, 3600.0, -3600.0, 86_400.0, 315_360_000.0, -315_360_000.0)
BEGINS = (
    datetime(2026, 3, 28, 21, tzinfo=UTC),
    datetime(2026, 10, 24, 20, tzinfo=UTC),
    datetime(2026, 6, 1, 3, tzinfo=UTC),
    datetime(2026, 12, 31, 20, tzinfo=UTC),
)


async def lived(chance: random.Random, events: int) -> Course:
    """One course of so many events."""
    course = Course(chance.choice(BEGINS) + timedelta(seconds=5 * chance.randrange(2000)))
    first = chance.choice((0.0, 0.0, -3600.0, -1.7e9))
    await course.boot(off_s=first, trust=UtcTrust.SYNCHRONISED if first == 0 else UtcTrust.INFORMATIVE)
    for _ in range(events):
        await course.pass_s(chance.choice((5, 5, 60, 300, 900, 2700)) * chance.choice((1, 1, 2)))
        event = chance.choices(
            ("step", "synchronise", "lose", "restart", "boot", "begin", "end"), (25, 30, 8, 8, 8, 12, 12)
        )[0]
        match event:
            case "step":
                course.step(chance.choice((*STEPS_S, chance.uniform(-1e5, 1e5))))
            case "synchronise":
                course.synchronise()
            case "lose":
                course.lose()
            case "restart":
                await course.restart()
            case "boot":
                off_s = chance.choice((0.0, -3600.0, 1e6, -1.8e9))
                trust = UtcTrust.SYNCHRONISED if off_s == 0 else UtcTrust.INFORMATIVE
                await course.boot(off_s=off_s, trust=trust, outage_s=5.0 * chance.randrange(1, 2000))
            case "begin":
                await course.begin()
            case _:
                await course.end()
    await course.end()
    await course.pass_s(60)
    return course


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="a few courses")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--courses", type=int)
    parser.add_argument("--events", type=int, default=60)
    args = parser.parse_args()
    courses = args.courses or (3 if args.sample else 150)
    began_s, steps, quarters, sessions, failed = time.monotonic(), 0, 0, 0, 0
    for number in range(courses):
        course = asyncio.run(lived(random.Random(f"{args.seed}-{number}"), args.events))
        wrong = judged(course)
        steps += course.steps
        quarters += len(course.boundaries)
        sessions += len(course.sessions)
        if wrong:
            failed += 1
            print(f"course {args.seed}-{number}: {len(wrong)} wrong", *wrong[:5], sep="\n  ", flush=True)
    print(
        f"{courses} courses, {steps} steps of the clock, {quarters} trusted quarter hours, {sessions} sessions: "
        f"{failed} courses with anything wrong; {time.monotonic() - began_s:.0f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
