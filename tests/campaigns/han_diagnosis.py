"""Every trouble of a HAN port is named, rightly and in time; no good stream is ever called ill.

Troubles act on the bits of the line, as another speed, parity or polarity would; the gateway's own reading hears what
its UART makes of them. In virtual time: every form, interval and trouble, from the start and after a good minute. On
ptys, in full runs: `GridMeter` on a real port for every trouble, with the far end told how the port is set.

Prints one line per trouble: how many courses, the slowest naming, and whether anything else was said before.
"""

import argparse
import asyncio
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from random import Random

from gateway.meters.han_diagnosis import Diagnosis
from hil.bench.han_course import Course, Told, run_course
from hil.world.grid_forms import FORMS
from hil.world.grid_values import GridFlow
from hil.world.han_troubles import Trouble
from hil.world.uart import Receiver, Setting
from tests.campaigns._han_on_pty import ptys
from tests.campaigns._ill_han_lines import CASES, WELL, Case

GOOD_S = 60.0
WITHOUT_NAMED_S_MAX = 31.0
INTERVALS_S = (1.0, 2.5, 5.0, 10.0)


def air_s(name: str) -> float:
    """How long the longest telegram of a form is on the line."""
    form = FORMS[name]
    octets = form.octets(GridFlow((230.0, 230.0, 230.0), (1.0, 1.0, 1.0)), datetime(2026, 11, 21, tzinfo=UTC), 0)
    return len(octets) * Setting(form.baud, 8, form.parity).bits / form.baud


def fits(name: str, interval_s: float) -> bool:
    return air_s(name) < 0.7 * interval_s


def own_setting(name: str) -> Receiver:
    form = FORMS[name]
    return Receiver(Setting(form.baud, 8, form.parity))


def course_of(case: Case, form: str, interval_s: float, *, from_start: bool, seed: int) -> Course:
    begins_s = 0.0 if from_start or case.pinned else GOOD_S
    return Course(
        form,
        interval_s,
        begins_s + case.acts_s,
        trouble=case.trouble,
        begins_s=begins_s,
        plan=case.plan(form),
        receiver=case.receiver(form),
        bridge=own_setting(form) if case.bridged else None,
        first_s=Random(seed).uniform(0.5, interval_s),
        seed=seed,
    )


def named_s(case: Case, course: Course, told: Told) -> float | None:
    """From the moment at which the trouble could be seen first to its name; for silence, from the last octet.

    A meter that is in trouble from the start is seen with its first octet, a line that was never alive at once.
    """
    named_at_s = told.named_s(expected(case, course), course.begins_s)
    if named_at_s is None:
        return None
    if case.kind == "p1_silence" and course.begins_s:
        return named_at_s - max(told.telegrams_s)
    if course.begins_s or case.kind == "p1_silence":
        return named_at_s - course.begins_s
    return named_at_s - course.first_s


def expected(case: Case, course: Course) -> Diagnosis:
    return Diagnosis.NEVER_A_BYTE if case.kind == "p1_silence" and not course.begins_s else case.named


def judge(case: Case, course: Course) -> tuple[float | None, str]:
    """How soon it was named, and what is wrong with that ("" if nothing)."""
    told = run_course(course)
    took_s = named_s(case, course, told)
    where = f"{case.title}, {course.form} each {course.interval_s:g} s, seed {course.seed}"
    if took_s is None or took_s > case.limit_s:
        return took_s, f"{where}: named after {took_s} s; said {told.changes}"
    before = told.said(0.0, course.begins_s) - WELL if course.begins_s else set()
    falsely = told.said(0.0, took_s + course.first_s) - WELL if not course.begins_s else set()
    if case.kind != "p1_frozen" and before | falsely - {expected(case, course)}:
        return took_s, f"{where}: said {before | falsely} before"
    return took_s, ""


def troubles(seed: int, *, sample: bool) -> list[str]:
    """Plays every trouble; prints and gives what went wrong."""
    wrong = []
    print(f"{'trouble':<34}{'named':<16}{'courses':>8}{'slowest':>9}")
    for case in CASES:
        courses = []
        for form in case.forms[:1] if sample else case.forms:
            for interval_s in (10.0,) if sample else INTERVALS_S:
                if fits(form, interval_s):
                    courses.append(course_of(case, form, interval_s, from_start=False, seed=seed))
                    if case.kind != "p1_frozen" and not case.pinned and not (sample and case.kind != "p1_silence"):
                        courses.append(course_of(case, form, interval_s, from_start=True, seed=seed))
        by_name: dict[Diagnosis, list[float]] = defaultdict(list)
        for course in courses:
            took_s, problem = judge(case, course)
            by_name[expected(case, course)].append(float("inf") if took_s is None else took_s)
            wrong += [problem] if problem else []
        for name, all_s in by_name.items():
            print(f"{case.title:<34}{name:<16}{len(all_s):>8}{max(all_s):>7.1f} s")
    return wrong


def open_forms(*, with_currents: bool) -> tuple[str, ...]:
    """Every form that is not encrypted; one list without currents by itself is a trouble of its own."""
    return tuple(
        name
        for name, form in FORMS.items()
        if not form.encrypted and bool({"phases", "amperes"} & form.sends) is with_currents
    )


def without_currents(seed: int, *, sample: bool) -> list[str]:
    """Every list that tells no currents: named, and nothing else is."""
    wrong = []
    slowest_s = 0.0
    forms = open_forms(with_currents=False)
    for form in forms[:1] if sample else forms:
        for interval_s in (2.5,) if sample else (2.0, 2.5):
            told = run_course(Course(form, interval_s, 120.0, first_s=Random(seed).uniform(0.0, interval_s), seed=seed))
            named_s = told.named_s(Diagnosis.WITHOUT_CURRENTS)
            if named_s is None or told.said(0.0, 120.0) - WELL != {Diagnosis.WITHOUT_CURRENTS}:
                wrong.append(f"{form} each {interval_s:g} s without currents: said {told.changes}")
                continue
            slowest_s = max(slowest_s, named_s - told.telegrams_s[0])
    count = len(forms[:1] if sample else forms)
    print(f"without currents: {count} forms, {len(wrong)} wrong; named {slowest_s:.1f} s after the first telegram")
    return wrong if slowest_s <= WITHOUT_NAMED_S_MAX else [*wrong, f"without currents: named after {slowest_s} s"]


def good_streams(seed: int, *, sample: bool) -> list[str]:
    """Every form at every interval: nothing may be called ill, and each must be found."""
    wrong = []
    slowest_s: dict[float, float] = defaultdict(float)
    count = 0
    forms = ("p1", "aidon-no", "kamstrup-se") if sample else open_forms(with_currents=True)
    for form in forms:
        for interval_s in INTERVALS_S:
            for trouble in (None, Trouble("p1_pieces", {})):
                if not fits(form, interval_s) or (trouble and (sample or interval_s < 2 * air_s(form) + 1.0)):
                    continue
                first_s = Random(seed + count).uniform(0.0, interval_s)
                course = Course(
                    form, interval_s, 150.0 if sample else 400.0, trouble=trouble, first_s=first_s, seed=seed
                )
                told = run_course(course)
                count += 1
                said = told.said(0.0, course.seconds) - WELL
                if said or told.settled_s is None:
                    wrong.append(f"good {form} each {interval_s:g} s: said {said}, found after {told.settled_s} s")
                    continue
                slowest_s[interval_s] = max(slowest_s[interval_s], told.settled_s)
    found = ", ".join(f"{interval_s:g} s: {slowest:.1f} s" for interval_s, slowest in sorted(slowest_s.items()))
    print(f"good streams: {count} courses, {len(wrong)} called ill; found at the latest, by interval: {found}")
    return wrong


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sample", action="store_true", help="one form, the slowest interval, no ptys")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--ptys-only", action="store_true", help="leave out what is played in virtual time")
    chosen = options.parse_args()
    began_s = time.monotonic()
    wrong = []
    if not chosen.ptys_only:
        wrong = troubles(chosen.seed, sample=chosen.sample) + good_streams(chosen.seed, sample=chosen.sample)
        wrong += without_currents(chosen.seed, sample=chosen.sample)
    if not chosen.sample:
        wrong += asyncio.run(ptys(chosen.seed))
    for problem in wrong:
        print(f"WRONG {problem}")
    print(f"{len(wrong)} wrong, seed {chosen.seed}, {time.monotonic() - began_s:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
