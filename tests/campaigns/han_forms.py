"""Every form of the HAN port from one state: what the cabinet's meter shows is what the gateway reads, to its digit.

    python -m tests.campaigns.han_forms [--sample] [--seed N] [--states N] [--form NAME]

Random states (voltages, currents with sign, power factors, counters up to what the form can hold) are encoded by
`hil.world`, which knows nothing of the gateway, fed to the gateway's framer that finds the form by itself, and the
reading is compared with what the meter showed: powers, currents, voltages, energies with their decimals, clock.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.clock import Instant, UtcTrust
from gateway.meters.grid import grid_reading, signed_current_a
from gateway.meters.readings import GridReading
from gateway.wire.ciphering import MeterKeys
from gateway.wire.forms import framer_of
from gateway.wire.scan import Framer
from gateway.wire.telegram import Telegram
from hil.world.dlms_frames import AUTHENTICATION_KEY, ENCRYPTION_KEY
from hil.world.grid_forms import SINGLE, GridForm, measured
from hil.world.grid_values import GridFlow, Shown, shown

STATES: Final = 10_000
STATES_SAMPLED: Final = 300
KEYS: Final = MeterKeys(ENCRYPTION_KEY, AUTHENTICATION_KEY)
AT: Final = Instant(0.0, datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.UNKNOWN)
YEAR_BEGIN: Final = datetime(2026, 1, 1)  # noqa: DTZ001 - the meter's own clock has no zone
COUNTER_KWH_MAX: Final = 999_999.0
"""What P1's eight digits before the point and 32 bits of Wh both hold."""
COUNTER_KWH_64: Final = 99_000_000.0


class UnequalError(AssertionError):
    """The gateway read another value than the meter showed."""


def state(chance: random.Random, form: GridForm) -> GridFlow:
    """One moment of a house: usually ordinary, sometimes at an edge."""
    edge = chance.random() < 0.1
    kwh_max = COUNTER_KWH_64 if form.name == "kaifa-se" else COUNTER_KWH_MAX
    volts = [chance.choice((0.0, 207.0, 253.0, 230.0)) if edge else chance.uniform(215.0, 245.0) for _ in range(3)]
    amperes = [chance.choice((0.0, -0.04, 0.04, 63.0, -99.9)) if edge else chance.gauss(4.0, 8.0) for _ in range(3)]
    factors = [chance.choice((0.0, 1.0)) if edge else chance.uniform(0.5, 1.0) for _ in range(3)]
    return GridFlow(
        (volts[0], volts[1], volts[2]),
        (amperes[0], amperes[1], amperes[2]),
        chance.choice((0.0, 0.0004, kwh_max)) if edge else chance.uniform(0.0, kwh_max),
        chance.choice((0.0, kwh_max)) if edge else chance.expovariate(1 / 2000.0),
        (factors[0], factors[1], factors[2]),
    )


def moment(chance: random.Random) -> datetime:
    return YEAR_BEGIN + timedelta(seconds=chance.randrange(10 * 365 * 86400))


def expected(form: GridForm, of: Shown) -> dict[str, object]:
    """What the reading must say. None: the form does not send it."""
    sends = form.sends
    power, phases, energy = "power" in sends, "phases" in sends, "energy" in sends
    l1_only = form.phases == 1
    some = (True, not l1_only, not l1_only)
    signed = [float(each) if "signed" in sends else float(abs(each)) for each in of.amperes]
    net = [float(each) for each in of.phase_w]
    return {
        "import_w": float(of.import_w) if power or "import" in sends else None,
        "export_w": float(of.export_w) if power else None,
        "current_a": tuple(
            a if (phases or "amperes" in sends) and on else None for a, on in zip(signed, some, strict=True)
        ),
        "voltage_v": tuple(float(v) if phases and on else None for v, on in zip(of.volts, some, strict=True)),
        "net_power_w": tuple(w if "by_phase" in sends and on else None for w, on in zip(net, some, strict=True)),
        "import_kwh": of.import_wh / 1000 if energy else None,
        "export_kwh": of.export_wh / 1000 if energy else None,
    }


def told(telegram: Telegram, reading: GridReading) -> dict[str, object]:
    return {
        "import_w": reading.import_w,
        "export_w": reading.export_w,
        "current_a": signed_current_a(telegram),
        "voltage_v": reading.voltage_v,
        "net_power_w": reading.net_power_w,
        "import_kwh": reading.import_kwh,
        "export_kwh": reading.export_kwh,
    }


def clock_text(form: GridForm, at: datetime) -> str | None:
    if "clock" not in form.sends:
        return None
    return at.strftime("%y%m%d%H%M%SW") if form.wire == "p1" else at.strftime("%Y-%m-%d %H:%M:%S")


def check(form: GridForm, framer: Framer, flow: GridFlow, at: datetime, count: int) -> GridReading:
    """Encodes, decodes, compares. Raises UnequalError with both sides."""
    octets = form.octets(flow, at, count)
    events = framer.feed(octets)
    if len(events) != 1 or not isinstance(events[0], Telegram) or events[0].size != len(octets):
        raise UnequalError(f"{form.name}: {events} from {octets.hex()}")
    reading = grid_reading(events[0], AT)
    should = expected(form, shown(measured(flow, form.phases), form.steps))
    read = told(events[0], reading)
    time_text = clock_text(form, at)
    if read != should or (time_text is None) != (reading.meter_time is None):
        raise UnequalError(f"{form.name}: {flow}\n  shown {should}\n  read  {read} {reading.meter_time}")
    if time_text is not None and not (reading.meter_time or "").startswith(time_text):
        raise UnequalError(f"{form.name}: shown {time_text}, read {reading.meter_time}")
    decimals(form, reading)
    return reading


def decimals(form: GridForm, reading: GridReading) -> None:
    """Energies keep the decimals of the wire."""
    places = -3 if form.steps.watt_hours == "1" else -2
    for energy in (reading.import_kwh, reading.export_kwh):
        if energy is not None and energy.as_tuple().exponent != places:
            raise UnequalError(f"{form.name}: {energy} has not {-places} decimals")


def run_form(form: GridForm, states: int, seed: int) -> tuple[int, int]:
    """How many readings were right, and how many of them a rule of plausibility refuses."""
    chance = random.Random(f"{seed} {form.name}")
    framer = framer_of(None, keys=KEYS if form.encrypted else None)
    refused = 0
    for count in range(states):
        reading = check(form, framer, state(chance, form), moment(chance), count)
        refused += bool(reading.refused)
    return states, refused


def chosen_forms(name: str | None) -> Iterator[GridForm]:
    return (form for form in SINGLE.values() if name in (None, form.name))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sample", action="store_true", help=f"{STATES_SAMPLED} states per form")
    options.add_argument("--states", type=int, default=STATES)
    options.add_argument("--seed", type=int, default=20260101)
    options.add_argument("--form", choices=tuple(SINGLE))
    asked = options.parse_args()
    states = STATES_SAMPLED if asked.sample else asked.states
    begin_s = time.monotonic()
    forms = 0
    print(f"{'form':<26} {'wire':<5} {'bytes':>5} {'states':>7} {'equal':>7} {'refused':>8}")
    for form in chosen_forms(asked.form):
        size = len(form.octets(GridFlow((230.0,) * 3, (5.0,) * 3, 1.0, 1.0), YEAR_BEGIN, 0))
        try:
            equal, refused = run_form(form, states, asked.seed)
        except UnequalError as difference:
            print(difference)
            return 1
        forms += 1
        print(f"{form.name:<26} {form.wire:<5} {size:>5} {states:>7} {equal:>7} {refused:>8}", flush=True)
    print(
        f"{forms} forms, {states} states each, seed {asked.seed}: every reading equal to what the meter showed,"
        f" {time.monotonic() - begin_s:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
