"""The cyclic redundancy checks of the cabinet's wires; all reflected."""


def _table(polynomial: int) -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        remainder = byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ polynomial if remainder & 1 else remainder >> 1
        entries.append(remainder)
    return tuple(entries)


_REMAINDERS_8005 = _table(0xA001)
_REMAINDERS_1021 = _table(0x8408)


def _crc16(octets: bytes, start: int, remainders: tuple[int, ...] = _REMAINDERS_8005) -> int:
    register = start
    for octet in octets:
        register = (register >> 8) ^ remainders[(register ^ octet) & 0xFF]
    return register


def crc16_arc(octets: bytes) -> int:
    """CRC-16/ARC, start 0 (DSMR P1 companion 5.0.2 §6.2); "123456789" gives 0xBB3D."""
    return _crc16(octets, 0x0000)


def crc16_modbus(octets: bytes) -> int:
    """CRC-16/MODBUS, start 0xFFFF (Modbus over serial line 1.02 §6.2.2); "123456789" gives 0x4B37."""
    return _crc16(octets, 0xFFFF)


def crc16_x25(octets: bytes) -> int:
    """CRC-16/X-25, start and end inverted (ISO/IEC 13239 §4.2.5.2); "123456789" gives 0x906E."""
    return _crc16(octets, 0xFFFF, _REMAINDERS_1021) ^ 0xFFFF
