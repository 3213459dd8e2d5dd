"""Requests as pymodbus PDUs, each with its own test of what counts as its answer.

pymodbus matches an RTU reply by unit number only: a late reply of another function, address or length would be handed
out as the answer. So each request carries what its reply must look like.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

RTU_OVERHEAD: Final = 5
"""Unit, function, byte count, two bytes of CRC."""


class CoilCommand(ModbusPDU):
    """Function 5 with any value; request and answer are alike (Modbus application protocol 1.1b3 §6.5).

    pymodbus' own class knows only FF00h and 0000h, and forgets the value of the answer.
    """

    function_code = 5
    rtu_frame_size = 8

    def __init__(self, address: int = 0, value: int = 0, dev_id: int = 0, transaction_id: int = 0) -> None:
        super().__init__(dev_id=dev_id, transaction_id=transaction_id, address=address)
        self.value = value

    def encode(self) -> bytes:
        return struct.pack(">HH", self.address, self.value)

    def decode(self, data: bytes) -> None:
        self.address, self.value = struct.unpack(">HH", data[:4])


@dataclass(frozen=True, slots=True)
class Request:
    """One request. fits: whether a PDU of the right function is its answer; reply_bytes: length of that on RTU."""

    unit: int
    what: str
    pdu: ModbusPDU
    reply_bytes: int
    writes: bool
    fits: Callable[[ModbusPDU], bool]


def read_registers(unit: int, function: int, address: int, count: int) -> Request:
    """Function 3 or 4. Raises ValueError for what the protocol does not know."""
    kinds = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
    if function not in kinds:
        raise ValueError(f"function {function} reads no registers")
    pdu = kinds[function](dev_id=unit, address=address, count=count)
    what = f"function {function} at {address:#06x}, {count} registers"
    return _checked(Request(unit, what, pdu, RTU_OVERHEAD + 2 * count, False, lambda r: len(r.registers) == count))


def read_bits(unit: int, function: int, address: int, count: int) -> Request:
    """Function 1 (coils) or 2 (discrete inputs)."""
    kinds: dict[int, type[ReadCoilsRequest]] = {1: ReadCoilsRequest, 2: ReadDiscreteInputsRequest}
    if function not in kinds:
        raise ValueError(f"function {function} reads no bits")
    octets = (count + 7) // 8
    pdu = kinds[function](dev_id=unit, address=address, count=count)
    what = f"function {function} at {address:#06x}, {count} bits"
    return _checked(Request(unit, what, pdu, RTU_OVERHEAD + octets, False, lambda r: len(r.bits) == 8 * octets))


def write_register(unit: int, address: int, value: int) -> Request:
    """Function 6."""
    pdu = WriteSingleRegisterRequest(dev_id=unit, address=address, registers=[value])
    return _checked(
        Request(
            unit,
            f"function 6 at {address:#06x} = {value}",
            pdu,
            8,
            True,
            lambda r: r.address == address and list(r.registers) == [value],
        )
    )


def write_registers(unit: int, address: int, values: Sequence[int]) -> Request:
    """Function 16."""
    pdu = WriteMultipleRegistersRequest(dev_id=unit, address=address, registers=list(values))
    count = len(values)
    return _checked(
        Request(
            unit,
            f"function 16 at {address:#06x}, {count} registers",
            pdu,
            8,
            True,
            lambda r: r.address == address and r.count == count,
        )
    )


def write_coil(unit: int, address: int, value: int) -> Request:
    """Function 5 with the given 16-bit value."""
    pdu = CoilCommand(address=address, value=value, dev_id=unit)
    return _checked(
        Request(
            unit,
            f"function 5 at {address:#06x} = {value:#06x}",
            pdu,
            8,
            True,
            lambda r: isinstance(r, CoilCommand) and r.address == address and r.value == value,
        )
    )


def _checked(request: Request) -> Request:
    """Encodes once, so that an impossible request fails in the hands of its caller and not on the wire."""
    if not 1 <= request.unit <= 255:
        raise ValueError(f"unit {request.unit} is not between 1 and 255")
    try:
        request.pdu.encode()
    except struct.error as error:
        raise ValueError(f"{request.what}: {error}") from error
    return request
