"""Modbus as a slave speaks it: requests in, answers out (Modbus application protocol 1.1b3; serial line 1.02).

The wire (RTU or TCP) hands in whole requests; units answer from their registers or refuse with an exception code.
"""

from dataclasses import dataclass
from struct import pack, unpack

from hil.world.crc import crc16_modbus

READ_BITS = (1, 2)
READ_REGISTERS = (3, 4)
WRITES = (5, 6, 15, 16)
ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3


class Refusal(Exception):  # noqa: N818 - the standard calls it an exception response; it is an answer, not a failure
    """The unit answers with this exception code (1 function, 2 address, 3 value)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Unit:
    """One slave. What a device does not have it refuses, as real ones do. latency_s: from request to first byte."""

    latency_s = 0.02

    @property
    def answers(self) -> bool:
        """False while it has no power."""
        return True

    def heard(self) -> None:
        """Any request to this unit arrived whole (for devices that watch their master)."""

    def read_bits(self, _function: int, _address: int, _count: int, /) -> list[bool]:
        raise Refusal(ILLEGAL_FUNCTION)

    def read_registers(self, _function: int, _address: int, _count: int, /) -> list[int]:
        raise Refusal(ILLEGAL_FUNCTION)

    def write_coil(self, _address: int, _value: int, /) -> None:
        raise Refusal(ILLEGAL_FUNCTION)

    def write_coils(self, _address: int, _values: list[bool], /) -> None:
        raise Refusal(ILLEGAL_FUNCTION)

    def write_registers(self, _address: int, _values: list[int], /) -> None:
        raise Refusal(ILLEGAL_FUNCTION)


@dataclass(frozen=True, slots=True)
class Write:
    """What a write request asks: values are words for registers, 0/1 for coils, the raw word for function 5."""

    function: int
    address: int
    values: tuple[int, ...]


def rtu_length(received: bytes) -> int | None:
    """How long the request at the start of these bytes is; None: not told yet; 0: no function that we know."""
    if len(received) < 2:
        return None
    function = received[1]
    if function in (*READ_BITS, *READ_REGISTERS, 5, 6):
        return 8
    if function in (15, 16):
        return None if len(received) < 7 else 9 + received[6]
    return 0


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    body = bytes((unit,)) + pdu
    return body + crc16_modbus(body).to_bytes(2, "little")


def rtu_intact(frame: bytes) -> bool:
    return len(frame) >= 4 and crc16_modbus(frame[:-2]) == int.from_bytes(frame[-2:], "little")


def parse_write(pdu: bytes) -> Write | None:
    """The write that a request asks for; None if it is a read or is not well-formed."""
    if len(pdu) < 5 or pdu[0] not in WRITES:
        return None
    function, address, word = unpack(">BHH", pdu[:5])
    if function in (5, 6):
        return Write(function, address, (word,))
    if len(pdu) < 6 or len(pdu) != 6 + pdu[5]:
        return None
    octets = pdu[6:]
    if function == 16:
        if len(octets) != 2 * word:
            return None
        return Write(function, address, unpack(f">{word}H", octets))
    if len(octets) != (word + 7) // 8:
        return None
    return Write(function, address, tuple(octets[at // 8] >> (at % 8) & 1 for at in range(word)))


def _write(unit: Unit, pdu: bytes) -> bytes:
    write = parse_write(pdu)
    if write is None:
        raise Refusal(ILLEGAL_VALUE)
    if write.function == 5:
        unit.write_coil(write.address, write.values[0])
    elif write.function == 15:
        unit.write_coils(write.address, [bool(value) for value in write.values])
    else:
        unit.write_registers(write.address, list(write.values))
    return pdu[:5]


def _read(unit: Unit, pdu: bytes) -> bytes:
    function = pdu[0]
    if len(pdu) != 5:
        raise Refusal(ILLEGAL_VALUE)
    address, count = unpack(">HH", pdu[1:5])
    if not 1 <= count <= (2000 if function in READ_BITS else 125):
        raise Refusal(ILLEGAL_VALUE)
    if function in READ_REGISTERS:
        words = unit.read_registers(function, address, count)
        return pack(f">BB{count}H", function, 2 * count, *words)
    octets = bytearray((count + 7) // 8)
    for at, bit in enumerate(unit.read_bits(function, address, count)):
        octets[at // 8] |= bit << (at % 8)
    return bytes((function, len(octets))) + bytes(octets)


def answer(unit: Unit, pdu: bytes) -> bytes:
    """The unit's answer to a request, without unit number and check sum; exceptions are answers too."""
    function = pdu[0]
    try:
        if function in WRITES:
            return _write(unit, pdu)
        if function in (*READ_BITS, *READ_REGISTERS):
            return _read(unit, pdu)
    except Refusal as refusal:
        return bytes((function | 0x80, refusal.code))
    return bytes((function | 0x80, ILLEGAL_FUNCTION))
