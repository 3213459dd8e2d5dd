"""Times the HAN port's parsers in one run: `python -m tests.bench.bench_han`.

Beside our own it times those of others that are installed (`pip install dsmr-parser amshan`), each with its own way to
get from bytes to values. Every figure is a median over varied telegrams (the same one twice would only time a cache).
"At 1 Hz" calls come after a second of idling, as on a real port. The last rows go over a pty in pieces of 62 bytes, as
USB adapters deliver, from the last byte written to the reading told.
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
from datetime import UTC, datetime, timedelta
from importlib import metadata

from gateway.clock import Instant, UtcTrust
from gateway.devices.dlms_oracle import DlmsOracle
from gateway.devices.grid_meter import GridMeter
from gateway.errors import DeviceError
from gateway.meters.grid import grid_reading
from gateway.meters.grid_plausibility import GridTrace
from gateway.meters.han_port import HanPlan
from gateway.meters.readings import GridReading
from gateway.wire.forms import framer_of
from gateway.wire.p1 import P1Framer
from gateway.wire.telegram import Form, Telegram
from hil.world.grid_forms import FORMS
from hil.world.grid_values import GridFlow
from tests.wire.p1_telegrams import p1_telegram

PIECE_BYTES = 62
AIDON_BODY_BEGINS = 18
"""Flag, format, addresses, control, HCS, LLC, tag, invoke id, no time."""
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


Parse = Callable[[bytes], object]


def p1_peers() -> dict[str, Parse]:
    """P1 parsers of others that are installed here."""
    found: dict[str, Parse] = {}
    if importlib.util.find_spec("dsmr_parser"):
        specifications = importlib.import_module("dsmr_parser.telegram_specifications")
        parser = importlib.import_module("dsmr_parser.parsers").TelegramParser(specifications.SWEDEN)
        found[named("dsmr-parser")] = lambda octets: parser.parse(octets.decode("latin-1"))
    if importlib.util.find_spec("han") and importlib.util.find_spec("han.dlde"):
        dlde = importlib.import_module("han.dlde")
        reader = dlde.ModeDReader()
        found[named("amshan")] = lambda octets: [dlde.decode_p1_readout(readout) for readout in reader.read(octets)]
    return found


def dlms_peers() -> dict[str, Parse]:
    """Readers of DLMS lists over HDLC that are installed here."""
    found: dict[str, Parse] = {}
    if importlib.util.find_spec("han") and importlib.util.find_spec("han.hdlc"):
        reader = importlib.import_module("han.hdlc").HdlcFrameReader(False)
        decoder = importlib.import_module("han.autodecoder").AutoDecoder()

        def amshan(octets: bytes) -> object:
            (frame,) = reader.read(octets)
            values = decoder.decode_message_payload(frame.payload)
            assert values
            return values

        found[named("amshan")] = amshan
    if importlib.util.find_spec("gurux_dlms"):
        oracle = DlmsOracle()
        found[f"{named('gurux-dlms')}, the body alone"] = lambda octets: oracle(octets[AIDON_BODY_BEGINS:-3])
    return found


def named(distribution: str) -> str:
    return f"{distribution} {metadata.version(distribution)}"


def aidon_lists(count: int) -> list[bytes]:
    """Swedish lists of 27 over HDLC, each with other values."""
    form = FORMS["aidon-se"]
    begin = datetime(2026, 11, 21, 22, 10)  # noqa: DTZ001 - a meter's own clock has no zone
    flows = [
        GridFlow((230.0 + at % 50 / 10, 229.0, 231.0), (3 + at % 40 / 10, 4.2, 5.3), 1234.5 + at / 100, 8.0)
        for at in range(count)
    ]
    return [form.octets(flow, begin + timedelta(seconds=at), at) for at, flow in enumerate(flows)]


def compare(ours: Parse, theirs: dict[str, Parse], inputs: list[bytes], hertz_calls: int) -> None:
    """Rows of one kind of telegram: hot and at 1 Hz, with ratios to ours."""
    hot_us, cold_us = microseconds(ours, inputs), microseconds(ours, inputs[:hertz_calls], 1.0)
    print(f"  {'ours: framed, checked, all registers':<40}{hot_us:8.1f} us      at 1 Hz {cold_us:8.1f} us")
    for name, parse in theirs.items():
        their_hot_us = microseconds(parse, inputs[: max(50, len(inputs) // 10)])
        their_cold_us = microseconds(parse, inputs[:hertz_calls], 1.0)
        print(
            f"  {name:<40}{their_hot_us:8.1f} us {their_hot_us / hot_us:5.1f}x at 1 Hz {their_cold_us:8.1f} us"
            f" {their_cold_us / cold_us:5.1f}x"
        )


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


def reading_of(octets: bytes) -> GridReading:
    (telegram,) = FRAMER.feed(octets)
    assert isinstance(telegram, Telegram)
    return grid_reading(telegram, CLOCK.now())


class Judged:
    """From bytes to the judged reading, as the gateway does it."""

    def __init__(self) -> None:
        self.trace = GridTrace(20.0)

    def __call__(self, octets: bytes) -> object:
        self.trace, judged, _ = self.trace.heard(reading_of(octets))
        return judged


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--telegrams", type=int, default=2000)
    options.add_argument("--hertz-calls", type=int, default=5, help="how many calls after a second of idling")
    chosen = options.parse_args()
    inputs = telegrams(chosen.telegrams)
    print(f"P1 telegram of {len(inputs[0])} bytes, {inputs[0].count(b'*')} registers; median of {len(inputs)}")
    compare(P1Framer().feed, p1_peers(), inputs, chosen.hertz_calls)
    print(f"  {'ours, and a reading in base units':<40}{microseconds(reading_of, inputs):8.1f} us")
    print(f"  {'ours, and judged by all rules':<40}{microseconds(Judged(), inputs):8.1f} us")
    lists = aidon_lists(chosen.telegrams)
    print(f"DLMS list of 27 over HDLC, {len(lists[0])} bytes; median of {len(lists)}")
    compare(framer_of(Form.HDLC).feed, dlms_peers(), lists, chosen.hertz_calls)
    delays_ms = sorted(asyncio.run(pty_delays_ms(inputs[:200])))
    median_us, p99_us = statistics.median(delays_ms) * 1000, delays_ms[int(len(delays_ms) * 0.99)] * 1000
    print(f"pty in pieces of {PIECE_BYTES} bytes, last byte to reading: median {median_us:.0f} us, p99 {p99_us:.0f} us")


if __name__ == "__main__":
    main()
