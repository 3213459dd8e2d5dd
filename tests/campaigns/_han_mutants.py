"""Telegrams that were damaged and whose checksum fits all the same: what is taken, what is refused and by which rule.

Each mutant follows two true telegrams of the same meter, so that the rules with memory judge too. A mutant that is
taken as valid and says another power, current or energy is "missed". What a missed mutant can do is measured as control
would feel it: how far below the truth it puts the house's current (A), by control's own reading of a phase.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from gateway.clock import Instant, UtcTrust
from gateway.control.estimate import signed_current_a
from gateway.meters.grid import POWER_SLACK, SLACK_W, grid_reading
from gateway.meters.grid_plausibility import GridTrace
from gateway.meters.readings import GridReading
from gateway.wire import obis
from gateway.wire.forms import framer_of
from gateway.wire.telegram import Telegram
from hil.world.crc import crc16_arc
from hil.world.dlms_frames import hdlc
from hil.world.grid_forms import SINGLE, GridForm
from hil.world.grid_values import GridFlow

MAIN_FUSE_A: Final = 20.0
P1_FORMS: Final = ("p1", "p1-sagemcom", "p1-aidon", "p1-one-phase")
HDLC_FORMS: Final = ("aidon-se", "aidon-no-2", "aidon-no-3", "kaifa-13", "kaifa-18", "kaifa-se", "kamstrup-se-35")
MUTANTS_PER_STATE: Final = 40
KEPT: Final = 100
"""Missed mutants of each kind that are kept to be driven through control."""
LLC: Final = b"\xe6\xe7\x00"
JUDGED: Final = frozenset(
    {
        *obis.CURRENT_BY_PHASE,
        *obis.VOLTAGE_BY_PHASE,
        *obis.IMPORT_POWER_BY_PHASE,
        *obis.EXPORT_POWER_BY_PHASE,
        *(obis.IMPORT_POWER, obis.EXPORT_POWER, obis.IMPORT_ENERGY, obis.EXPORT_ENERGY),
    }
)
DIGITS: Final = b"0123456789"


@dataclass(frozen=True, slots=True)
class Original:
    """A true telegram: its reading, its registers, the meter's trace after it, and what may be damaged of it."""

    form: str
    body: bytes
    sealed: Callable[[bytes], bytes]
    telegram: Telegram
    reading: GridReading
    trace: GridTrace


@dataclass(frozen=True, slots=True)
class Missed:
    """A mutant that no rule caught, with the true reading. drop_a: how far below the truth it puts a phase (A)."""

    true: GridReading
    told: GridReading
    drop_a: float


@dataclass(slots=True)
class Kind:
    """All mutants that differ in the same quantity. over: missed ones beyond the bound; lowest: the missed ones that
    put a phase farthest below the truth, the first ones where none does."""

    caught: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    single: int = 0
    worst_a: float = 0.0
    worst_single_a: float = 0.0
    over: int = 0
    lowest: list[Missed] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """What became of all mutants."""

    mutants: int = 0
    dropped: int = 0
    equal: int = 0
    refused_equal: int = 0
    kinds: dict[str, Kind] = field(default_factory=lambda: defaultdict(Kind))
    over_examples: list[str] = field(default_factory=list)


def flow(chance: random.Random) -> GridFlow:
    """A house on a 20 A fuse: usually importing, sometimes with the sun on a phase."""
    signed = [chance.choice((1, 1, 1, 1, -1)) * chance.uniform(0.2, 20.0) for _ in range(3)]
    return GridFlow(
        (chance.uniform(222, 240), chance.uniform(222, 240), chance.uniform(222, 240)),
        (signed[0], signed[1], signed[2]),
        chance.uniform(100.0, 90000.0),
        chance.uniform(0.0, 9000.0),
        (chance.uniform(0.85, 1.0), chance.uniform(0.85, 1.0), chance.uniform(0.85, 1.0)),
    )


def sealed_p1(body: bytes) -> bytes:
    return body + f"{crc16_arc(body):04X}\r\n".encode()


def instant(at_s: float) -> Instant:
    return Instant(at_s, datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.SYNCHRONISED)


def _opened(form: GridForm, octets: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """What a checksum guards, and how to put it back under a checksum that fits."""
    if form.wire == "p1":
        return octets[: octets.rindex(b"!") + 1], sealed_p1
    begin = octets.index(LLC)
    address, control = octets[3 : begin - 3], octets[begin - 3]
    return octets[begin + len(LLC) : -3], lambda message: hdlc(message, address=address, control=control)


def original(chance: random.Random) -> Original:
    """One true telegram, told twice to a fresh trace."""
    name = chance.choice((*P1_FORMS, *HDLC_FORMS))
    form = SINGLE[name]
    octets = form.octets(flow(chance), datetime(2026, 11, 21, 22, 10, 0), 1)  # noqa: DTZ001 - a meter's clock has no zone
    body, sealed = _opened(form, octets)
    (telegram,) = framer_of(None).feed(octets)
    assert isinstance(telegram, Telegram)
    trace = GridTrace(MAIN_FUSE_A)
    for at_s in (0.0, 10.0):
        reading = grid_reading(telegram, instant(at_s))
        trace, judged, _ = trace.heard(reading)
        assert judged.refused == (), (name, judged)
    return Original(name, body, sealed, telegram, reading, trace)


def damaged(body: bytes, chance: random.Random) -> bytes:
    """Bytes, bits or digits changed, pieces lost, doubled or swapped: what lines, bridges and buffers do."""
    octets = bytearray(body)
    way = chance.random()
    if way < 0.4:
        for _ in range(chance.randint(1, 4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
    elif way < 0.6:
        for _ in range(chance.randint(1, 3)):
            octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
    elif way < 0.8:
        _change_digits(octets, chance)
    elif way < 0.9:
        begin = chance.randrange(len(octets))
        del octets[begin : begin + chance.randint(1, 12)]
    else:
        size = chance.choice((1, 2, 8, 16, 24))
        one, other = sorted(chance.randrange(len(octets) - size) for _ in range(2))
        octets[one : one + size], octets[other : other + size] = octets[other : other + size], octets[one : one + size]
    return bytes(octets)


def _change_digits(octets: bytearray, chance: random.Random) -> None:
    """Digits become other digits; in a binary message any byte becomes any byte, next to each other."""
    places = [at for at, octet in enumerate(octets) if octet in DIGITS]
    if len(places) < len(octets) // 3:
        at = chance.randrange(len(octets) - 1)
        octets[at : at + 2] = chance.randbytes(2)
        return
    for at in chance.sample(places, chance.randint(1, 2)):
        octets[at] = chance.choice(DIGITS)


def changed(before: GridReading, after: GridReading) -> str:
    """Which quantity differs, the one that matters most for fuses first; "" if none does."""
    if max(drops_a(before, after)) > 0.0:
        return "current lower"
    for phase in range(3):
        true_a, told_a = signed_current_a(before, phase), signed_current_a(after, phase)
        if told_a != true_a:
            return "current lost" if told_a is None else "current higher"
    if (before.import_w, before.export_w) != (after.import_w, after.export_w):
        return "power"
    if before.net_power_w != after.net_power_w:
        return "phase power"
    if (before.import_kwh, before.export_kwh) != (after.import_kwh, after.export_kwh):
        return "energy"
    return ""


def drops_a(before: GridReading, after: GridReading) -> tuple[float, float, float]:
    """How far below the truth each phase is put (A). A current that is missing is kept as it was: no drop."""
    l1, l2, l3 = (_drop_a(before, after, phase) for phase in range(3))
    return l1, l2, l3


def _drop_a(before: GridReading, after: GridReading, phase: int) -> float:
    true_a, told_a = signed_current_a(before, phase), signed_current_a(after, phase)
    return 0.0 if true_a is None or told_a is None else max(0.0, true_a - told_a)


def allowed_a(before: GridReading, phase: int) -> float:
    """The greatest drop that the rules leave to one wrong register of a true telegram (A).

    With powers by phase: the part of the current that the phase's own power does not prove, or an export as far as the
    phases may differ from the total. Without: what the sum of all currents has to spare above the total power.
    """
    current, voltage, net_w = before.current_a[phase], before.voltage_v[phase], before.net_power_w[phase]
    true_a = signed_current_a(before, phase)
    if current is None or voltage is None or true_a is None or voltage <= 0:
        return 0.0
    pairs = zip(before.current_a, before.voltage_v, strict=True)
    carried_w = sum(POWER_SLACK * u * (i + 1.0) for i, u in pairs if i is not None and u is not None)
    if net_w is None:
        spare_w = carried_w - max(before.import_w or 0.0, before.export_w or 0.0)
        return min(abs(current), max(0.0, spare_w / (POWER_SLACK * voltage)))
    least_a = max(0.0, (abs(net_w) - SLACK_W) / (POWER_SLACK * voltage) - 1.0)
    by_current = true_a - least_a if net_w >= 0 else true_a - net_w / max(253.0, voltage)
    turned_w = net_w - 2 * ((POWER_SLACK - 1.0) * carried_w + SLACK_W)
    by_power = true_a + min(abs(current), -turned_w / 253.0) if turned_w < 0 else 0.0
    return max(by_current, by_power, 0.0) + 1e-6


def altered(before: Telegram, after: Telegram) -> int:
    """How many registers that are judged differ, came or went."""
    return sum(before.items.get(code) != after.items.get(code) for code in JUDGED)


def judge(true: Original, octets: bytes, tally: Tally) -> None:
    """One mutant, at the moment when the next true telegram would have come."""
    tally.mutants += 1
    framer = framer_of(None)
    telegrams = [event for event in (*framer.feed(octets), *framer.finish()) if isinstance(event, Telegram)]
    if not telegrams:
        tally.dropped += 1
        return
    raw = grid_reading(telegrams[0], instant(20.0))
    _, judged, change = true.trace.heard(raw)
    assert change is None, "one telegram proves no other meter"
    name = changed(true.reading, raw)
    if not name:
        tally.refused_equal += bool(judged.refused)
        tally.equal += not judged.refused
        return
    kind = tally.kinds[name]
    if judged.refused:
        kind.caught[judged.refused[0]] += 1
        return
    registers = altered(true.telegram, telegrams[0])
    drops = drops_a(true.reading, raw)
    worst_a = max(drops)
    kind.missed += 1
    kind.worst_a = max(kind.worst_a, worst_a)
    kind.lowest = sorted([*kind.lowest, Missed(true.reading, raw, worst_a)], key=lambda each: -each.drop_a)[:KEPT]
    if registers <= 1:
        kind.single += 1
        kind.worst_single_a = max(kind.worst_single_a, worst_a)
    if any(drop > allowed_a(true.reading, phase) for phase, drop in enumerate(drops)):
        kind.over += 1
        if len(tally.over_examples) < 10:
            tally.over_examples.append(
                f"{true.form}: {registers} registers, {_values(true.reading)} became {_values(raw)}"
            )
        if registers <= 1:
            raise AssertionError(f"one wrong register passes its bound: {true.reading} became {raw}")


def _values(reading: GridReading) -> str:
    return f"{reading.current_a} A {reading.voltage_v} V {reading.net_power_w} {reading.import_w} {reading.export_w} W"


def mutants(count: int, seed: int) -> Tally:
    """Judges so many mutants."""
    chance = random.Random(f"han mutants {seed}")
    tally = Tally()
    while tally.mutants < count:
        true = original(chance)
        for octets in _of(true, chance):
            judge(true, octets, tally)
    return tally


def _of(true: Original, chance: random.Random) -> Iterator[bytes]:
    for _ in range(MUTANTS_PER_STATE):
        body = damaged(true.body, chance)
        if body != true.body:
            yield true.sealed(body)


ARGUED: Final = {
    "current lower": "stays within what its phase's power (or the sum) proves: reactive part, 10 %, 1 A, 50 W",
    "current higher": "lowers or keeps a limit, never raises one; below three times the fuse it can be real",
    "current lost": "unknown: control keeps the last value, and counts the phase as full after 25 s",
    "power": "less power than the currents carry is reactive load; no limit is made of it",
    "phase power": "an import that stays an import; no limit is made of it",
    "energy": "rises by less than three fuses pass in that time; no limit is made of it",
}
"""Why no rule catches the ones that are missed, and what they can do."""


def table(tally: Tally) -> list[str]:
    """Lines to print."""
    said = (
        f"{tally.equal} said the same powers, currents and energies ({tally.refused_equal} more were refused for else)"
    )
    lines = [
        f"{tally.mutants} mutants whose checksum fits: {tally.dropped} were no telegram, {said}",
        f"{'differs in':<15} {'caught':>7} {'missed':>7} {'one reg.':>8} {'worst A':>8} {'one reg.':>10} {'beyond':>6}",
    ]
    for name, kind in sorted(tally.kinds.items()):
        lines.append(
            f"{name:<15} {kind.caught.total():>7} {kind.missed:>7} {kind.single:>8} {kind.worst_a:>8.2f}"
            f" {kind.worst_single_a:>10.2f} {kind.over:>6}"
        )
        lines.append(f"    caught by {', '.join(f'{rule} {count}' for rule, count in kind.caught.most_common())}")
        lines.append(f"    missed: {ARGUED[name]}")
    lines.append(
        "worst A: how far below the truth one telegram puts a phase of the house; one reg.: only one register wrong"
    )
    lines.append(
        "beyond: further than the rules leave to one wrong register (several wrong registers that fit each other)"
    )
    lines += [f"    {example}" for example in tally.over_examples]
    return lines
