r"""What bytes look like that did not become a telegram: which setting of which end is wrong.

The octets are those of one burst, from a quiet line to a quiet line. A UART that is set wrongly still tells by what it
makes of the burst (worked out bit by bit, and compared with bursts of real meters that were read so):

- right speed and polarity, wrong parity: the first octet after a pause is always read right, since its start bit and
  data bits stand where they are looked for; later ones slip;
- a reader that drops or blanks octets of wrong parity leaves octets of one parity only; 7 data bits read as 8 make
  every octet of one parity;
- a line that is slower than the reader is all 00, or runs of ones and zeros; one that is faster leaves a few octets;
- without an inverter, or with too weak a pull-up, zeros get lost: most bits are ones (FF, F8, FE, C3, E3).
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway.wire.ciphering import MeterKeys
from gateway.wire.crc import crc16_x25
from gateway.wire.forms import framer_of
from gateway.wire.telegram import DiscardReason, Telegram

TELEGRAM_BYTES_MIN: Final = 41
"""The shortest telegram that is known, Kaifa's list of one value, has 41 octets."""


class Likeness(StrEnum):
    """What a burst looks like."""

    TELEGRAM = "telegram"  # it holds a whole one
    NO_KEY = "no_key"
    WRONG_KEY = "wrong_key"
    WITHOUT_CRC = "without_crc"
    UNKNOWN_LIST = "unknown_list"  # whole and checked, but of no maker that is known here
    TEXT_MODE = "text_mode"  # a bridge rewrote line ends
    BAD_CRC = "bad_crc"  # whole, but its checksum does not fit
    CUT = "cut"  # begin or end is missing
    PARITY = "parity"  # almost frames: parity or number of data bits
    SLOWER = "slower"  # the line is slower than the reader
    FASTER = "faster"  # the line is faster than the reader
    NOISE = "noise"
    STRAY = "stray"  # too few octets to tell


SETTINGS_RIGHT: Final = frozenset(
    {
        Likeness.TELEGRAM,
        Likeness.NO_KEY,
        Likeness.WRONG_KEY,
        Likeness.WITHOUT_CRC,
        Likeness.UNKNOWN_LIST,
        Likeness.TEXT_MODE,
        Likeness.BAD_CRC,
        Likeness.CUT,
    }
)
"""The octets came over as they were sent, or nearly all of them: another speed or parity would not help."""

PROVEN: Final = frozenset(
    {Likeness.NO_KEY, Likeness.WRONG_KEY, Likeness.WITHOUT_CRC, Likeness.UNKNOWN_LIST, Likeness.TEXT_MODE}
)
"""Never by chance: a frame was whole, or would have been."""

OF_WHOLE_FRAMES: Final[Mapping[DiscardReason, Likeness]] = {
    DiscardReason.NO_KEY: Likeness.NO_KEY,
    DiscardReason.WRONG_KEY: Likeness.WRONG_KEY,
    DiscardReason.WITHOUT_CRC: Likeness.WITHOUT_CRC,
    DiscardReason.UNKNOWN_LAYOUT: Likeness.UNKNOWN_LIST,
    DiscardReason.TEXT_MODE: Likeness.TEXT_MODE,
    DiscardReason.BAD_CRC: Likeness.BAD_CRC,
}
"""What the framer says of frames that it saw from end to end."""

_ENOUGH_OCTETS: Final = 16
_ONE_PARITY: Final = 0.03
_BLANKED: Final = 0.45
"""Share of 00 octets; makers' lists have 0.3 at most."""
_ALL_ZERO: Final = 0.8
_ONES_MAX: Final = 0.5
"""Share of ones among the bits. Text has 0.39 and lists 0.3; read with wrong parity 0.42, inverted 0.6 and more."""
_TEXT_SHARE: Final = 0.97
_OPENINGS: Final = b"\x7e\x68/\xaf\xe8"
"""What telegrams begin with; the last two are "/" and 68 with an even parity bit."""
_LENGTH_SLACK: Final = 3
_ZEROS_ENOUGH: Final = 64

_TEXT: Final = bytes((*b"\t\r\n", *range(0x20, 0x7F)))
_RUNS: Final = bytes(sorted({(1 << ones) - 1 << begin & 0xFF for begin in range(8) for ones in range(9)}))
"""Octets whose ones, if any, stand side by side: what a slower line makes."""
_EVEN: Final = bytes(octet for octet in range(1, 256) if not octet.bit_count() & 1)
_MASK_7_BITS: Final = bytes(octet & 0x7F for octet in range(256))
_REGISTER_LINE: Final = re.compile(rb"\d-\d+:\d+\.\d+\.\d+\([^()\r\n]*\)")
_OBIS_VALUE: Final = re.compile(rb"\x09\x06[\x00\x01].{3}[\x00-\x09]\xff", re.DOTALL)
_REGISTERS_MIN: Final = 2


def likeness_of(octets: bytes, *, slow_line: bool, keys: MeterKeys | None, allow_without_crc: bool) -> Likeness:
    """What one whole burst looks like. slow_line: the port may be set below 115200 baud. Never raises."""
    framer = framer_of(None, allow_without_crc=allow_without_crc, keys=keys)
    events = [*framer.feed(octets), *framer.finish()]
    if any(isinstance(event, Telegram) for event in events):
        return Likeness.TELEGRAM
    said = {event.reason for event in events if not isinstance(event, Telegram)}
    for reason, likeness in OF_WHOLE_FRAMES.items():
        if reason in said and likeness is not Likeness.BAD_CRC:
            return likeness
    if b"\r\n" in octets and _becomes_telegram(octets.replace(b"\r\n", b"\n"), keys):
        return Likeness.TEXT_MODE
    if _has_one_parity(octets) or _becomes_telegram(octets.translate(_MASK_7_BITS), keys):
        return Likeness.PARITY
    if DiscardReason.BAD_CRC in said and (octets[:1] != b"\x68" or _has_both_ends(octets)):
        return Likeness.BAD_CRC
    if _is_piece_of_text(octets) or _is_piece_of_list(octets):
        return Likeness.BAD_CRC if _has_both_ends(octets) else Likeness.CUT
    return _by_bits(octets, slow_line=slow_line)


def is_surely_slower(octets: bytes | bytearray) -> bool:
    """Whether the line is slower than the reader, told from any part of a burst: nothing that is read right is so full
    of 00."""
    return len(octets) >= _ZEROS_ENOUGH and octets.count(0) >= _ALL_ZERO * len(octets)


def _by_bits(octets: bytes, *, slow_line: bool) -> Likeness:
    """Nothing of it can be read: what its bits tell."""
    size = len(octets)
    zeros = octets.count(0) / size if size else 0.0
    if size >= _ENOUGH_OCTETS and (zeros >= _ALL_ZERO or (zeros >= 0.1 and _share(octets, _RUNS) >= _TEXT_SHARE)):
        return Likeness.SLOWER
    if size < TELEGRAM_BYTES_MIN:
        return Likeness.FASTER if slow_line else Likeness.STRAY
    ones = sum(octet.bit_count() for octet in octets) / (8 * size)
    if ones < _ONES_MAX and (octets[0] in _OPENINGS or zeros >= _BLANKED):
        return Likeness.PARITY
    return Likeness.NOISE


def _becomes_telegram(octets: bytes, keys: MeterKeys | None) -> bool:
    framer = framer_of(None, keys=keys)
    return any(isinstance(event, Telegram) for event in (*framer.feed(octets), *framer.finish()))


def _has_one_parity(octets: bytes) -> bool:
    told = octets.replace(b"\x00", b"")
    if len(told) < _ENOUGH_OCTETS:
        return False
    even = _share(told, _EVEN)
    return even <= _ONE_PARITY or even >= 1 - _ONE_PARITY


def _is_piece_of_text(octets: bytes) -> bool:
    """Text with whole lines of registers in it."""
    whole = len(_REGISTER_LINE.findall(octets)) >= _REGISTERS_MIN
    return whole and _share(octets, _TEXT) >= _TEXT_SHARE


def _is_piece_of_list(octets: bytes) -> bool:
    """The head of an HDLC frame, its check sequence right; or OBIS codes as lists hold them."""
    return _hdlc_length(octets) is not None or len(_OBIS_VALUE.findall(octets)) >= _REGISTERS_MIN


def _has_both_ends(octets: bytes) -> bool:
    """Whether the burst is as long as it says, and so was damaged rather than cut."""
    if octets[:1] == b"/":
        return b"!" in octets[-8:]
    if octets[:1] == b"\x68":
        return octets[-1:] == b"\x16" and abs(len(octets) - _mbus_length(octets)) <= _LENGTH_SLACK
    announced = ((octets[1] & 0x07) << 8 | octets[2]) + 2 if len(octets) > 2 and octets[0] == 0x7E else 0
    return octets[-1:] == b"\x7e" and abs(len(octets) - announced) <= _LENGTH_SLACK


def _mbus_length(octets: bytes) -> int:
    """How many octets the long frames that follow one another announce."""
    end = 0
    while octets[end : end + 1] == b"\x68" and len(octets) > end + 3 and octets[end + 1] == octets[end + 2]:
        length = octets[end + 1]
        end += 6 + (length if length >= 5 else 0x100 + length)
    return end


def _hdlc_length(octets: bytes) -> int | None:
    """The length that the head of an HDLC frame announces; None if its check sequence does not fit."""
    if len(octets) < 9 or octets[0] != 0x7E or octets[1] & 0xF0 != 0xA0:
        return None
    for end in range(6, 12):
        if crc16_x25(octets[1:end]) == int.from_bytes(octets[end : end + 2], "little"):
            return (octets[1] & 0x07) << 8 | octets[2]
    return None


def _share(octets: bytes, among: bytes) -> float:
    return 1.0 - len(octets.translate(None, among)) / len(octets) if octets else 0.0
