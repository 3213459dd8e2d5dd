"""Times the HAN port's parsers: `python -m tests.bench.bench_han`.

With dsmr-parser or amshan installed, it times those too.

Every figure is a median over varied telegrams (the same one twice would only time a cache). "At 1 Hz" calls come
after a second of idling, as on a real port. The last rows go over a pty in pieces of 62 bytes, as USB adapters
deliver, from the last byte written to the reading told.
"""

import argparse
import asyncio
import gc
import importlib
import importlib.util
import os
import pty
import statistics
import time
import tty
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from gateway.clock import Instant, UtcTrust
from gateway.devices.grid_meter import GridMeter
from gateway.errors import DeviceError
from gateway.meters.grid import grid_reading
from gateway.meters.han_port import HanPlan
from gateway.wire.forms import framer_of
from gateway.wire.p1 import P1Framer
from gateway.wire.telegram import Form, Telegram
from tests.wire.dlms_frames import AIDON, hdlc, notification
from tests.wire.p1_telegrams import p1_telegram

PIECE_BYTES = 62
REACTIVE = [f"1-0:{code}(0000.{code[:2].strip('.'):0>3}*kvar)" for code in ("3.7.0", "4.7.0", "23.7.0", "24.7.0")]
REACTIVE += [f"1-0:{code}(0000.309*kvar)" for code in ("43.7.0", "44.7.0", "63.7.0", "64.7.0")]
REACTIVE += ["1-0:3.8.0(00000021.988*kvarh)", "1-0:4.8.0(00001020.971*kvarh)"]


class MachineClock:
    """The clocks of this machine."""

    def now(self) -> Instant:
        return Instant(time.monotonic(), datetime.now(UTC), UtcTrust.UNKNOWN)


def telegrams(count: int) -> list[bytes]:
    """Swedish telegrams of 27 lines with right checksums, each with other values."""
    return [
        p1_telegram(
            {
                "1-0:1.8.0": f"{1234.567 + index / 1000:012.3f}*kWh",
                "1-0:1.7.0": f"{2.0 + index / 1000:08.3f}*kW",
                "1-0:31.7.0": f"{3 + index % 40 / 10:05.1f}*A",
                "1-0:32.7.0": f"{228 + index % 50 / 10:05.1f}*V",
            },
            clock=f"261121{index // 3600 % 24:02}{index // 60 % 60:02}{index % 60:02}W",
            extra_lines=REACTIVE,
        )
        for index in range(count)
    ]


def microseconds(call: Callable[[bytes], object], inputs: list[bytes], pause_s: float = 0.0) -> float:
    """Median time of one call in us."""
    spent = []
    gc.collect()
    for octets in inputs:
        if pause_s:
            time.sleep(pause_s)
        begin = time.perf_counter_ns()
        call(octets)
        spent.append((time.perf_counter_ns() - begin) / 1000)
    return statistics.median(spent)


def peers() -> dict[str, Callable[[bytes], object]]:
    """P1 parsers of others that are installed here."""
    found: dict[str, Callable[[bytes], object]] = {}
    if importlib.util.find_spec("dsmr_parser"):
        specifications = importlib.import_module("dsmr_parser.telegram_specifications")
        parser = importlib.import_module("dsmr_parser.parsers").TelegramParser(specifications.SWEDEN)
        found["dsmr-parser"] = lambda octets: parser.parse(octets.decode("latin-1"))
    if importlib.util.find_spec("han") and importlib.util.find_spec("han.dlde"):
        dlde = importlib.import_module("han.dlde")
        reader = dlde.ModeDReader()
        found["amshan"] = lambda octets: [dlde.decode_p1_readout(readout) for readout in reader.read(octets)]
    return found


async def pty_delays_ms(octets: list[bytes]) -> list[float]:
    """From the last byte written to the reading told, one telegram after the other."""
    far, near = pty.openpty()
    tty.setraw(near)
    told = asyncio.Event()
    told_at_s = 0.0

    def on_reading(_: object) -> None:
        nonlocal told_at_s
        told_at_s = time.perf_counter()
        told.set()

    meter = GridMeter(os.ttyname(near), HanPlan(Form.P1), MachineClock())
    task = asyncio.create_task(meter.run(on_reading, lambda _: None, lambda _: None))
    await asyncio.sleep(0.05)
    delays_ms = []
    for telegram in octets:
        told.clear()
        for begin in range(0, len(telegram), PIECE_BYTES):
            written_s = time.perf_counter()
            os.write(far, telegram[begin : begin + PIECE_BYTES])
            await asyncio.sleep(0.002)
        await told.wait()
        delays_ms.append((told_at_s - written_s) * 1000)
    task.cancel()
    with suppress(asyncio.CancelledError, DeviceError):
        await task
    os.close(near)
    os.close(far)
    return delays_ms


FRAMER = P1Framer()
CLOCK = MachineClock()


def reading_of(octets: bytes) -> object:
    (telegram,) = FRAMER.feed(octets)
    assert isinstance(telegram, Telegram)
    return grid_reading(telegram, CLOCK.now())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--telegrams", type=int, default=2000)
    options.add_argument("--hertz-calls", type=int, default=5, help="how many calls after a second of idling")
    chosen = options.parse_args()
    inputs = telegrams(chosen.telegrams)
    print(f"P1 telegram of {len(inputs[0])} bytes, {inputs[0].count(b'*')} registers; median of {len(inputs)}")
    framer = P1Framer()
    ours = microseconds(framer.feed, inputs)
    print(f"  framed, checked, all registers        {ours:8.1f} us")
    print(f"  the same and judged as a reading      {microseconds(reading_of, inputs):8.1f} us")
    print(
        f"  the same at 1 Hz                      {microseconds(reading_of, inputs[: chosen.hertz_calls], 1.0):8.1f} us"
    )
    for name, parse in peers().items():
        theirs = microseconds(parse, inputs[: max(50, len(inputs) // 10)])
        print(f"  {name:<38}{theirs:8.1f} us   {theirs / ours:.1f} times ours")
    frames = [hdlc(notification(AIDON))] * len(inputs)
    print(f"  DLMS list of Aidon over HDLC          {microseconds(framer_of(Form.HDLC).feed, frames):8.1f} us")
    delays_ms = sorted(asyncio.run(pty_delays_ms(inputs[:200])))
    median_ms, p99_ms = statistics.median(delays_ms), delays_ms[int(len(delays_ms) * 0.99)]
    print(f"  pty, last byte to reading             {median_ms * 1000:8.1f} us   p99 {p99_ms * 1000:.1f} us")


if __name__ == "__main__":
    main()
