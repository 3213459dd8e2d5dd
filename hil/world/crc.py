"""The two cyclic redundancy checks of the cabinet's wires; both reflected, polynomial 0x8005."""


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        remainder = byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ 0xA001 if remainder & 1 else remainder >> 1
        entries.append(remainder)
    return tuple(entries)


_REMAINDERS = _table()


def _crc16(octets: bytes, start: int) -> int:
    register = start
    for octet in octets:
        register = (register >> 8) ^ _REMAINDERS[(register ^ octet) & 0xFF]
    return register


def crc16_arc(octets: bytes) -> int:
    """CRC-16/ARC, start 0 (DSMR P1 companion 5.0.2 §6.2); "123456789" gives 0xBB3D."""
    return _crc16(octets, 0x0000)


def crc16_modbus(octets: bytes) -> int:
    """CRC-16/MODBUS, start 0xFFFF (Modbus over serial line 1.02 §6.2.2); "123456789" gives 0x4B37."""
    return _crc16(octets, 0xFFFF)
