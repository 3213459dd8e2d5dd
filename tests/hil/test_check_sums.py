"""The cabinet's own check sums against the published check values (CRC RevEng catalogue)."""

from hil.world.crc import crc16_arc, crc16_modbus, crc16_x25


def test_arc_gives_its_check_value() -> None:
    assert crc16_arc(b"123456789") == 0xBB3D


def test_modbus_gives_its_check_value() -> None:
    assert crc16_modbus(b"123456789") == 0x4B37


def test_x25_gives_its_check_value() -> None:
    assert crc16_x25(b"123456789") == 0x906E


def test_modbus_of_a_printed_request() -> None:
    """Unit 2, function 7: check sum 0x1241, sent low byte first (Modbus over serial line 1.02 §6.2.2)."""
    assert crc16_modbus(bytes((0x02, 0x07))) == 0x1241
