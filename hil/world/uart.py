"""A line of bits between two UARTs that may be set differently: what one sends and what the other then reads.

The line rests at mark (1). A character is a start bit (0), 7 or 8 data bits, least significant first, perhaps a
parity bit, and one stop bit (1). A receiver waits for a falling edge, looks half a bit later whether it still is 0,
and samples each bit in its middle. Where the stop bit is 0 (framing error), receivers differ: a 16550 takes it for
the next start bit (TL16C550C data sheet, line status register), others wait for mark.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Faulty(StrEnum):
    """What a reader does with a character whose parity or stop bit is wrong."""

    KEPT = "kept"  # a Linux tty without INPCK
    ZEROED = "zeroed"  # a Linux tty with INPCK
    DROPPED = "dropped"  # a Linux tty with INPCK and IGNPAR, and most bridges


@dataclass(frozen=True, slots=True)
class Setting:
    """One UART. parity: N, E or O. inverted: no inverter stands between the open collector and the receiver."""

    baud: int = 115200
    data_bits: int = 8
    parity: str = "N"
    inverted: bool = False

    @property
    def bits(self) -> int:
        """Bits of one character, start and stop included."""
        return 2 + self.data_bits + (self.parity != "N")


@dataclass(frozen=True, slots=True)
class Receiver:
    """The reading end. resyncs: takes a stop bit of 0 for a start bit; slow_s: how late the line falls from 1 to 0
    (a pull-up that is too weak for the cable): zeros that are shorter are never seen."""

    setting: Setting = Setting()
    resyncs: bool = True
    faulty: Faulty = Faulty.KEPT
    slow_s: float = 0.0


class _Levels:
    """The line over time: from each edge on, its level."""

    def __init__(self, at_rest: int) -> None:
        self.edges_s: list[float] = []
        self.levels: list[int] = []
        self._at_rest = at_rest

    def put(self, at_s: float, level: int) -> None:
        if level != (self.levels[-1] if self.levels else self._at_rest):
            self.edges_s.append(at_s)
            self.levels.append(level)

    def at(self, at_s: float) -> int:
        place = bisect_right(self.edges_s, at_s)
        return self.levels[place - 1] if place else self._at_rest

    def next_edge_s(self, after_s: float, level: int) -> float | None:
        """When the line next goes to that level."""
        for place in range(bisect_right(self.edges_s, after_s), len(self.edges_s)):
            if self.levels[place] == level:
                return self.edges_s[place]
        return None

    def with_slow_fall(self, slow_s: float) -> "_Levels":
        slow = _Levels(self._at_rest)
        ends = [*self.edges_s[1:], float("inf")]
        for begin, end, level in zip(self.edges_s, ends, self.levels, strict=True):
            if level:
                slow.put(begin, 1)
            elif end - begin > slow_s:
                slow.put(begin + slow_s, 0)
        return slow


def _line(characters: Iterable[tuple[float, int]], sent: Setting, *, inverted: bool) -> tuple[_Levels, float]:
    """The line as the reader's input sees it, and when the last stop bit ends."""
    mark = 0 if inverted else 1
    levels = _Levels(mark)
    bit_s = 1.0 / sent.baud
    free_s = 0.0
    for wished_s, octet in characters:
        at_s = max(wished_s, free_s)
        data = octet & ((1 << sent.data_bits) - 1)
        bits = [0, *(data >> place & 1 for place in range(sent.data_bits))]
        if sent.parity != "N":
            bits.append((data.bit_count() + (sent.parity == "O")) & 1)
        bits.append(1)
        for place, bit in enumerate(bits):
            levels.put(at_s + place * bit_s, bit if mark else 1 - bit)
        free_s = at_s + len(bits) * bit_s
    return levels, free_s


def received(
    characters: Iterable[tuple[float, int]], sent: Setting, receiver: Receiver = Receiver()
) -> list[tuple[float, int]]:
    """What the receiver reads of characters (when each is sent at the earliest, octet), with the time of its stop bit.

    Characters that would overlap are sent back to back.
    """
    if sent == receiver.setting and not receiver.slow_s:
        return list(_undisturbed(characters, sent))
    levels, end_s = _line(characters, sent, inverted=sent.inverted != receiver.setting.inverted)
    if receiver.slow_s:
        levels = levels.with_slow_fall(receiver.slow_s)
    read = receiver.setting
    bit_s = 1.0 / read.baud
    found: list[tuple[float, int]] = []
    start_s = levels.next_edge_s(-1.0, 0)
    while start_s is not None and start_s <= end_s:
        if levels.at(start_s + bit_s / 2):
            start_s = levels.next_edge_s(start_s, 0)
            continue
        samples = [levels.at(start_s + (place + 1.5) * bit_s) for place in range(read.bits - 1)]
        octet = sum(bit << place for place, bit in enumerate(samples[: read.data_bits]))
        checked = read.parity == "N" or (octet.bit_count() + samples[read.data_bits] + (read.parity == "O")) & 1 == 0
        stop_s = start_s + (read.bits - 0.5) * bit_s
        if (checked and samples[-1]) or receiver.faulty is Faulty.KEPT:
            found.append((stop_s, octet))
        elif receiver.faulty is Faulty.ZEROED:
            found.append((stop_s, 0))
        if samples[-1]:
            start_s = levels.next_edge_s(stop_s, 0)
        elif any(samples) and receiver.resyncs:
            start_s = stop_s - bit_s / 2
        else:
            mark_s = levels.next_edge_s(stop_s, 1)
            start_s = None if mark_s is None else levels.next_edge_s(mark_s, 0)
    return found


def _undisturbed(characters: Iterable[tuple[float, int]], setting: Setting) -> Iterator[tuple[float, int]]:
    """Ends that are set alike: every octet comes over, when its stop bit is seen."""
    mask = (1 << setting.data_bits) - 1
    free_s = 0.0
    for wished_s, octet in characters:
        at_s = max(wished_s, free_s)
        free_s = at_s + setting.bits / setting.baud
        yield free_s - 0.5 / setting.baud, octet & mask


def burst(octets: bytes, at_s: float = 0.0) -> list[tuple[float, int]]:
    """Octets that are sent back to back from that moment on."""
    return [(at_s, octet) for octet in octets]
