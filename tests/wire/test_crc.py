import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.crc import crc16_arc, crc16_x25
from tests.wire.p1_telegrams import bitwise_crc


def bitwise_x25(octets: bytes) -> int:
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register ^ 0xFFFF


def test_both_checksums_give_their_catalogued_check_values() -> None:
    assert crc16_arc(b"123456789") == 0xBB3D
    assert crc16_x25(b"123456789") == 0x906E


@given(st.binary(max_size=3000))
def test_both_checksums_equal_their_bitwise_definitions(octets: bytes) -> None:
    assert crc16_arc(octets) == bitwise_crc(octets)
    assert crc16_x25(octets) == bitwise_x25(octets)


@pytest.mark.parametrize("length", [0, 1, 2, 239, 240, 241, 959, 960, 961, 7678, 7680, 8192, 9000])
def test_the_checksum_is_right_at_the_lengths_where_a_fold_begins(length: int) -> None:
    octets = bytes(255 - index % 251 for index in range(length))
    assert crc16_arc(octets) == bitwise_crc(octets)
    assert crc16_arc(b"\xff" * length) == bitwise_crc(b"\xff" * length)
    assert crc16_arc(bytes(length)) == 0
