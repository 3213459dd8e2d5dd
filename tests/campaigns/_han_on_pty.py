"""A meter with a trouble of its line on a pty, and `GridMeter` on the other end: what the gateway says of it."""

import asyncio
import os
import pty
import time
import tty
from contextlib import suppress
from dataclasses import replace
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
from hil.world.grid_forms import FORMS
from hil.world.grid_values import GridFlow
from hil.world.han_troubles import Trouble, left_after, read_octets, sent_octets, timed
from hil.world.uart import Receiver, Setting
from tests.campaigns._ill_han_lines import CASES, NAMED_S_MAX, WELL, Case


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
