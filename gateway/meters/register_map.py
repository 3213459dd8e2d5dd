"""What a meter's Modbus registers mean: blocks to read, fields in them, and how words become numbers.

Addresses are 0-based as put on the wire. Bytes inside a word are always high byte first; the order of the words is the
model's. Exact values are `Decimal`: an integer register times its scale, a 32-bit float as the shortest decimal number
that is that float and no other, which is what the meter's own display shows of it.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

FLOAT32_DIGITS_MAX: Final = 9
"""Nine significant digits tell any two binary32 numbers apart (IEEE 754-2008 §5.12.2)."""
FLOAT32_BEYOND_ANY_METER: Final = 1e30


class Confidence(StrEnum):
    """proven: golden words cite a printed example of the maker's own document for this model."""

    PROVEN = "proven"
    UNPROVEN = "unproven"


class Quantity(StrEnum):
    """What a field measures. Currents and power are signed as the meter gives them, import positive."""

    VOLTAGE_L1_V = "voltage_l1_v"
    VOLTAGE_L2_V = "voltage_l2_v"
    VOLTAGE_L3_V = "voltage_l3_v"
    CURRENT_L1_A = "current_l1_a"
    CURRENT_L2_A = "current_l2_a"
    CURRENT_L3_A = "current_l3_a"
    POWER_W = "power_w"
    FREQUENCY_HZ = "frequency_hz"
    ENERGY_IMPORT_KWH = "energy_import_kwh"
    ENERGY_EXPORT_KWH = "energy_export_kwh"


class NumberType(StrEnum):
    """How a number lies in its words: f = IEEE 754 binary32, u = unsigned, s = two's complement; bits."""

    F32 = "f32"
    U16 = "u16"
    S16 = "s16"
    U32 = "u32"
    S32 = "s32"
    U64 = "u64"
    S64 = "s64"

    @property
    def words(self) -> int:
        return int(self.value[1:]) // 16

    @property
    def signed(self) -> bool:
        return self.value[0] == "s"


class WordOrder(StrEnum):
    """Which word of a number has the lower address."""

    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"


class SerialForm(StrEnum):
    """How the meter's serial number is written: one number, or ASCII letters two to a word."""

    U32 = "u32"
    ASCII = "ascii"


@dataclass(frozen=True, slots=True)
class Block:
    """One read: function 3 or 4. The counts of the blocks of one model differ, so that a late reply is known by its
    length (RTU has no transaction number)."""

    name: str
    function: int
    address: int
    count: int


@dataclass(frozen=True, slots=True)
class RegisterField:
    """One number: at `offset` words into its block. value = raw x scale in `unit`; a raw pattern in `invalid`, as the
    unsigned number of its bits, means that the meter has nothing to say."""

    quantity: Quantity
    block: str
    offset: int
    type: NumberType
    order: WordOrder
    scale: Decimal
    unit: str
    invalid: frozenset[int]


@dataclass(frozen=True, slots=True)
class SerialRegister:
    """Where the meter's own number stands; optional: a meter may answer with exception 2."""

    function: int
    address: int
    count: int
    form: SerialForm


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """How the meter talks as delivered. silence_s: rest that it needs between two requests to itself."""

    baud: int
    parity: str
    stop_bits: int
    registers_max: int
    silence_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class GoldenWords:
    """Words and what they must give: printed = copied from a printed example of a maker's document."""

    source: str
    printed: bool
    words_by_block: Mapping[str, tuple[int, ...]]
    expect: Mapping[Quantity, Decimal | None]


@dataclass(frozen=True, slots=True)
class MeterModel:
    """One meter type, all of it data."""

    id: str
    vendor: str
    name: str
    sources: tuple[str, ...]
    confidence: Confidence
    phases: int
    link: LinkFacts
    blocks: tuple[Block, ...]
    fields: tuple[RegisterField, ...]
    serial: SerialRegister | None
    golden: tuple[GoldenWords, ...]

    @property
    def silence_s(self) -> float:
        return self.link.silence_s

    @property
    def timeout_s(self) -> float:
        return self.link.timeout_s

    @property
    def has_serial(self) -> bool:
        return self.serial is not None


def field_words(field: RegisterField, words_by_block: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """The field's words as they lay on the wire, low address first."""
    return tuple(words_by_block[field.block][field.offset : field.offset + field.type.words])


def field_value(field: RegisterField, words: Sequence[int]) -> Decimal | None:
    """The exact value in the field's unit; None where the meter says invalid, NaN or infinite."""
    ordered = words if field.order is WordOrder.HIGH_FIRST else tuple(reversed(words))
    packed = b"".join(word.to_bytes(2, "big") for word in ordered)
    if int.from_bytes(packed, "big") in field.invalid:
        return None
    if field.type is not NumberType.F32:
        return Decimal(int.from_bytes(packed, "big", signed=field.type.signed)) * field.scale
    shown = float32_decimal(packed)
    return None if shown is None else shown * field.scale


def field_step(field: RegisterField, words: Sequence[int]) -> Decimal:
    """The smallest difference that the register can show here: its scale, or for a float the gap to the next one."""
    if field.type is not NumberType.F32:
        return abs(field.scale)
    ordered = words if field.order is WordOrder.HIGH_FIRST else tuple(reversed(words))
    number: float = struct.unpack(">f", b"".join(word.to_bytes(2, "big") for word in ordered))[0]
    return float32_step(number) * abs(field.scale)


def float32_decimal(packed: bytes) -> Decimal | None:
    """The shortest decimal number whose nearest binary32 is these four bytes; None for NaN, infinity and garbage."""
    number: float = struct.unpack(">f", packed)[0]
    if not math.isfinite(number) or abs(number) >= FLOAT32_BEYOND_ANY_METER:
        return None
    if number == 0:
        return Decimal(0)
    text = ""
    for digits in range(1, FLOAT32_DIGITS_MAX + 1):
        text = f"{number:.{digits}g}"
        if struct.pack(">f", float(text)) == packed:
            break
    return Decimal(f"{Decimal(text):f}")


def float32_step(number: float) -> Decimal:
    """The distance from a binary32 number to the next larger one; below 1 that of 1, so that zero has a step too."""
    _, exponent = math.frexp(max(abs(number), 1.0))
    return Decimal(2) ** (exponent - 24)
