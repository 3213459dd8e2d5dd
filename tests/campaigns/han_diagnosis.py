"""Every trouble of a HAN port is named, rightly and in time; no good stream is ever called ill.

Troubles act on the bits of the line, as another speed, parity or polarity would; the gateway's own reading hears what
its UART makes of them. In virtual time: every form, interval and trouble, from the start and after a good minute. On
ptys, in full runs: `GridMeter` on a real port for every trouble, with the far end told how the port is set.

Prints one line per trouble: how many courses, the slowest naming, and whether anything else was said before.
"""

import argparse
import asyncio
import os
import pty
import sys
import time
import tty
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from gateway.devices.grid_meter import GridMeter
from gateway.devices.serial_stream import SerialStream
from gateway.devices.system_clock import SystemClock
from gateway.errors import DeviceError
from gateway.meters.han_diagnosis import Diagnosis
from gateway.meters.han_port import HanPlan, HanSight
from gateway.wire.line import P1_LINE, LineSettings
from gateway.wire.telegram import Form
from hil.bench.han_course import Course, Told, run_course
from hil.world.grid_forms import FORMS
from hil.world.grid_values import GridFlow
from hil.world.han_troubles import Trouble, left_after, read_octets, sent_octets, timed
from hil.world.uart import Receiver, Setting

NAMED_S_MAX = 30.0
SILENCE_NAMED_S_MAX = 25.0
ACTS_S = 60.0
GOOD_S = 60.0
WELL = {Diagnosis.LISTENING, Diagnosis.WELL}
INTERVALS_S = (1.0, 2.5, 5.0, 10.0)
MAKERS = ("p1", "aidon-se", "aidon-no-3", "kaifa-18", "kamstrup-se", "mbus")


@dataclass(frozen=True)
class Case:
    """A trouble and the name that it must get."""

    kind: str
    named: Diagnosis
    values: tuple[tuple[str, object], ...] = ()
    bridged: bool = False
    pinned: bool = False
    limit_s: float = NAMED_S_MAX
    acts_s: float = ACTS_S
    forms: tuple[str, ...] = MAKERS

    @property
    def title(self) -> str:
        figures = ", ".join(f"{key} {value}" for key, value in self.values)
        tail = " behind a bridge" * self.bridged + " pinned wrong" * self.pinned
        return f"{self.kind.removeprefix('p1_')}{f' ({figures})' if figures else ''}{tail}"

    @property
    def trouble(self) -> Trouble | None:
        return None if self.pinned else Trouble(self.kind, dict(self.values))

    def plan(self, form: str) -> HanPlan:
        """Pinned: the person wrote another parity or speed than the meter has."""
        wire = FORMS[form]
        if not self.pinned:
            return HanPlan()
        if self.kind == "p1_parity":
            return HanPlan(None, wire.baud, "E" if wire.parity == "N" else "N")
        return HanPlan(None, 2400 if wire.baud == 115200 else 115200, wire.parity)

    def receiver(self, form: str) -> Receiver:
        """The kind of UART that a wrong parity harms."""
        return Receiver(resyncs=FORMS[form].parity != "N")


TEXTS = ("p1", "kamstrup-se")
"""Forms that send 0A in every telegram."""
CASES = (
    Case("p1_silence", Diagnosis.WENT_SILENT, limit_s=SILENCE_NAMED_S_MAX),
    Case("p1_frozen", Diagnosis.FROZEN),
    Case("p1_bad_crc", Diagnosis.BAD_CRC),
    Case("p1_bad_crc", Diagnosis.BAD_CRC, (("share", 0.7),), limit_s=120.0, acts_s=150.0),
    Case("p1_cut", Diagnosis.CUT_SHORT),
    Case("p1_text_mode", Diagnosis.TEXT_MODE, forms=TEXTS),
    Case("p1_inverted", Diagnosis.ONLY_NOISE),
    Case("p1_pull_up", Diagnosis.ONLY_NOISE),
    Case("p1_parity", Diagnosis.ALMOST_FRAMES, pinned=True),
    Case("p1_parity", Diagnosis.ALMOST_FRAMES, bridged=True),
    Case("p1_baud", Diagnosis.WRONG_SPEED, pinned=True),
    Case("p1_baud", Diagnosis.WRONG_SPEED, bridged=True),
    Case("p1_dribble", Diagnosis.DRIBBLING, (("octet_s", 0.05),)),
    Case("p1_dribble", Diagnosis.DRIBBLING, (("octet_s", 0.004),), forms=("p1", "aidon-se")),
    Case("p1_encrypted", Diagnosis.NO_KEY),
    Case("p1_without_crc", Diagnosis.WITHOUT_CRC, forms=("p1",)),
)


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


def good_streams(seed: int, *, sample: bool) -> list[str]:
    """Every form at every interval: nothing may be called ill, and each must be found."""
    wrong = []
    slowest_s: dict[float, float] = defaultdict(float)
    count = 0
    forms = ("p1", "aidon-no", "kamstrup-se") if sample else tuple(name for name in FORMS if "encrypted" not in name)
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


class PtyMeter:
    """A meter on the far end of a pty, with its trouble on the line."""

    def __init__(self, form: str, interval_s: float, case: Case, seed: int) -> None:
        self._form = FORMS[form]
        self._interval_s = interval_s
        self._case = case
        self._chance = Random(seed)
        self._frozen: bytes | None = None
        self._far, self._near = pty.openpty()
        tty.setraw(self._near)
        os.set_blocking(self._far, False)
        self.port = os.ttyname(self._near)
        self.settings: LineSettings | None = None

    def open_line(self, settings: LineSettings | None) -> SerialStream:
        """A pty has no parity bit, so the far end is told how the port is set."""
        self.settings = settings or P1_LINE
        return SerialStream(self.port, settings or P1_LINE)

    async def send(self, begins_s: float) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        sent = Setting(self._form.baud, 8, self._form.parity)
        count = 0
        while True:
            due_s = began_s + 0.6 + count * self._interval_s
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            trouble = self._case.trouble if loop.time() - began_s >= begins_s else None
            octets = self._octets(count, trouble)
            count += 1
            if trouble is not None and trouble.kind == "p1_silence":
                continue
            await self._write(octets, sent, trouble)

    def _octets(self, count: int, trouble: Trouble | None) -> bytes:
        amperes = self._chance.uniform(1, 9)
        flow = GridFlow((230.0, 231.0, 229.0), (amperes, 2.0, 3.0), 1234.5 + count / 1000)
        at = datetime.now(UTC) + timedelta(hours=1)
        made = sent_octets(self._form, flow, at, count, trouble=trouble, chance=self._chance)
        if trouble is None or trouble.kind != "p1_frozen":
            self._frozen = made
        return made if self._frozen is None else self._frozen

    async def _write(self, octets: bytes, sent: Setting, trouble: Trouble | None) -> None:
        loop = asyncio.get_running_loop()
        left = timed(octets, loop.time(), sent, trouble)
        while left:
            settings = self.settings
            for at_s, octet in read_octets(left, sent, self._receiver(sent), trouble):
                if at_s - loop.time() > 0.002:
                    await asyncio.sleep(at_s - loop.time())
                if self.settings != settings:
                    break
                with suppress(BlockingIOError):
                    os.write(self._far, bytes((octet,)))
            left = left_after(left, sent, loop.time()) if self.settings != settings else []

    def _receiver(self, sent: Setting) -> Receiver:
        if self._case.bridged:
            return Receiver(sent)
        line = self.settings or P1_LINE
        return replace(self._case.receiver(self._form.name), setting=Setting(line.baud, 8, line.parity))

    def close(self) -> None:
        os.close(self._near)
        os.close(self._far)


async def on_a_pty(case: Case, form: str, interval_s: float, seed: int) -> tuple[float | None, list[Diagnosis]]:
    """How soon a trouble is named after 20 good seconds on a real port, and what was said before."""
    meter = PtyMeter(form, interval_s, case, seed)
    wire = FORMS[form]
    plan = HanPlan(Form(wire.wire), wire.baud, wire.parity) if case.bridged else case.plan(form)
    changes: list[tuple[float, Diagnosis]] = []
    began_s = time.monotonic()

    def on_sight(sight: HanSight) -> None:
        if not changes or changes[-1][1] is not sight.finding.diagnosis:
            changes.append((time.monotonic() - began_s, sight.finding.diagnosis))

    reader = GridMeter(meter.port, plan, SystemClock(), meter.open_line)
    begins_s = 0.0 if case.pinned else 4 * interval_s
    tasks = [
        asyncio.create_task(reader.run(lambda _: None, lambda _: None, on_sight)),
        asyncio.create_task(meter.send(begins_s)),
    ]
    await asyncio.wait(tasks, timeout=begins_s + NAMED_S_MAX + 1.0)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, DeviceError):
            await task
    meter.close()
    named_at_s = next((at_s for at_s, said in changes if said is case.named), None)
    return None if named_at_s is None else named_at_s - begins_s, [said for at_s, said in changes if at_s < begins_s]


async def ptys(seed: int) -> list[str]:
    """Every trouble on a pty of its own, all at once. A bridge's speed shows only where there is a bridge."""
    on_ptys = [case for case in CASES if not (case.bridged and case.kind == "p1_baud")]
    wanted = [(case, case.forms[0], 5.0) for case in on_ptys]
    wanted += [(case, "kamstrup-se", 5.0) for case in on_ptys if "kamstrup-se" in case.forms]
    told = await asyncio.gather(*(on_a_pty(case, form, interval_s, seed) for case, form, interval_s in wanted))
    wrong = []
    print(f"{'on a pty':<34}{'form':<14}{'named':<16}{'after':>9}")
    for (case, form, interval_s), (took_s, before) in zip(wanted, told, strict=True):
        after = "never" if took_s is None else f"{took_s:.1f} s"
        print(f"{case.title:<34}{form:<14}{case.named:<16}{after:>9}")
        if took_s is None or took_s > case.limit_s or set(before) - WELL:
            wrong.append(f"pty: {case.title}, {form} each {interval_s:g} s: named after {after}, said {before} before")
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
    if not chosen.sample:
        wrong += asyncio.run(ptys(chosen.seed))
    for problem in wrong:
        print(f"WRONG {problem}")
    print(f"{len(wrong)} wrong, seed {chosen.seed}, {time.monotonic() - began_s:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
