"""Energy meters: what flows through them, and the registers in which each model shows it.

Sources: Eastron SDM630 Modbus V2 protocol 2.0; GARO GNM3D RS-485 protocol v1r1 (Carlo Gavazzi EM340 layout);
ABB B23/B24 user manual, chapter "Communication with Modbus". Addresses are as on the wire.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from struct import pack, unpack

from hil.world.modbus import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Refusal, Unit
from hil.world.phases import Triple

FREQUENCY_HZ = 50.0


@dataclass(frozen=True, slots=True)
class Flow:
    """What passes a meter, in its own phases: V, A, and W signed (import positive); counters in kWh."""

    volts: Triple
    amperes: Triple
    watts: Triple
    import_kwh: float
    export_kwh: float
    serial: int


Words = dict[int, int]


def _place(words: Words, address: int, octets: bytes) -> None:
    for at, word in enumerate(unpack(f">{len(octets) // 2}H", octets)):
        words[address + at] = word


def _shown_kwh(energy_kwh: float, steps_per_kwh: int) -> int:
    """The counter in whole steps of the register, cut as a mechanical counter would be."""
    return floor(energy_kwh * steps_per_kwh + 1e-9)


def sdm630_words(flow: Flow) -> Words:
    """Input registers, float32, high word first; counters move in Wh and are then cut to 24 bits of mantissa."""
    words: Words = {}
    triples = ((0x0000, flow.volts), (0x0006, flow.amperes), (0x000C, flow.watts))
    for base, values in triples:
        for phase in range(3):
            _place(words, base + 2 * phase, pack(">f", values[phase]))
    singles = (
        (0x0034, sum(flow.watts)),
        (0x0046, FREQUENCY_HZ),
        (0x0048, _shown_kwh(flow.import_kwh, 1000) / 1000),
        (0x004A, _shown_kwh(flow.export_kwh, 1000) / 1000),
        (0x0156, (_shown_kwh(flow.import_kwh, 1000) + _shown_kwh(flow.export_kwh, 1000)) / 1000),
    )
    for address, value in singles:
        _place(words, address, pack(">f", value))
    return words


def _low_word_first(value: int) -> bytes:
    octets = pack(">i", value)
    return octets[2:] + octets[:2]


def gnm3d_words(flow: Flow) -> Words:
    """Signed 32 bit, low word first: 0.1 V, 0.001 A, 0.1 W, 0.1 kWh; serial as 13 ASCII characters at 0x5000."""
    words: Words = {0x000B: 341, 0x0033: round(FREQUENCY_HZ * 10)}
    for phase in range(3):
        _place(words, 0x0000 + 2 * phase, _low_word_first(round(flow.volts[phase] * 10)))
        _place(words, 0x000C + 2 * phase, _low_word_first(round(flow.amperes[phase] * 1000)))
        _place(words, 0x0012 + 2 * phase, _low_word_first(round(flow.watts[phase] * 10)))
    _place(words, 0x0028, _low_word_first(round(sum(flow.watts) * 10)))
    _place(words, 0x0034, _low_word_first(_shown_kwh(flow.import_kwh, 10)))
    _place(words, 0x004E, _low_word_first(_shown_kwh(flow.export_kwh, 10)))
    _place(words, 0x5000, f"GN{flow.serial:011d}".encode("ascii") + b"\0")
    return words


def b23_words(flow: Flow) -> Words:
    """High word first: 0.1 V, 0.01 A, 0.01 W, counters of 64 bit in 0.01 kWh."""
    words: Words = {0x5B2C: round(FREQUENCY_HZ * 100)}
    _place(words, 0x5000, pack(">QQ", _shown_kwh(flow.import_kwh, 100), _shown_kwh(flow.export_kwh, 100)))
    for phase in range(3):
        _place(words, 0x5B00 + 2 * phase, pack(">I", round(flow.volts[phase] * 10)))
        _place(words, 0x5B0C + 2 * phase, pack(">I", round(flow.amperes[phase] * 100)))
        _place(words, 0x5B16 + 2 * phase, pack(">i", round(flow.watts[phase] * 100)))
    _place(words, 0x5B14, pack(">i", round(sum(flow.watts) * 100)))
    _place(words, 0x8900, pack(">I", flow.serial))
    _place(words, 0x8960, b"B23 ")
    return words


@dataclass(frozen=True, slots=True)
class Layout:
    """One model's registers. gap: the word between known ones inside `spans`; outside them: exception 2."""

    words: Callable[[Flow], Words]
    functions: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    gap: int
    count_max: int
    even_counts: bool
    latency_s: float

    def read(self, flow: Flow, address: int, count: int) -> list[int]:
        if count > self.count_max or (self.even_counts and count % 2):
            raise Refusal(ILLEGAL_VALUE)
        if not any(first <= address and address + count <= last + 1 for first, last in self.spans):
            raise Refusal(ILLEGAL_ADDRESS)
        words = self.words(flow)
        return [words.get(at, self.gap) for at in range(address, address + count)]


def _sdm630_serial(flow: Flow) -> Words:
    words: Words = {0xFC02: 0x0070}
    _place(words, 0xFC00, pack(">I", flow.serial))
    return words


LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "eastron-sdm630": (
        Layout(sdm630_words, (4,), ((0x0000, 0x0181),), 0, 80, True, 0.03),
        Layout(_sdm630_serial, (3,), ((0xFC00, 0xFC02),), 0, 80, False, 0.03),
    ),
    "garo-gnm3d": (Layout(gnm3d_words, (3, 4), ((0x0000, 0x0067), (0x5000, 0x5006)), 0, 50, False, 0.04),),
    "abb-b23": (Layout(b23_words, (3,), ((0x1000, 0x8EFF),), 0xFFFF, 125, False, 0.03),),
}


class Meter(Unit):
    """One meter on a bus. It integrates what flows and shows what it last measured (every refresh_s)."""

    refresh_s = 0.3

    def __init__(self, model: str, serial: int, start_kwh: float) -> None:
        self._layouts = LAYOUTS[model]
        self.latency_s = self._layouts[0].latency_s
        self.flow = Flow((0.0,) * 3, (0.0,) * 3, (0.0,) * 3, start_kwh, 0.0, serial)
        self.import_kwh = start_kwh
        self.export_kwh = 0.0
        self.powered = True
        self._since_refresh_s = self.refresh_s

    @property
    def answers(self) -> bool:
        return self.powered

    def step(self, volts: Triple, amperes: Triple, dt_s: float) -> None:
        """Integrates signed currents for dt; without any voltage the meter is dead."""
        self.powered = any(volt > 0.0 for volt in volts)
        watts = (volts[0] * amperes[0], volts[1] * amperes[1], volts[2] * amperes[2])
        energy_kwh = sum(watts) * dt_s / 3.6e6
        if energy_kwh >= 0.0:
            self.import_kwh += energy_kwh
        else:
            self.export_kwh -= energy_kwh
        self._since_refresh_s += dt_s
        if self._since_refresh_s >= self.refresh_s:
            self._since_refresh_s = 0.0
            shown = (abs(amperes[0]), abs(amperes[1]), abs(amperes[2]))
            self.flow = Flow(volts, shown, watts, self.import_kwh, self.export_kwh, self.flow.serial)

    def read_registers(self, function: int, address: int, count: int) -> list[int]:
        for layout in self._layouts:
            if function in layout.functions:
                return layout.read(self.flow, address, count)
        raise Refusal(ILLEGAL_FUNCTION)
