"""What a UART of another setting reads."""

import pytest

from hil.world.uart import Faulty, Receiver, Setting, burst, received

EVERY_OCTET = bytes(range(256))
EVEN, ODD = Setting(parity="E"), Setting(parity="O")


def read(octets: bytes, sent: Setting, receiver: Receiver) -> bytes:
    return bytes(octet for _, octet in received(burst(octets), sent, receiver))


@pytest.mark.parametrize("setting", [Setting(), EVEN, ODD, Setting(2400, parity="E"), Setting(inverted=True)])
def test_two_ends_that_are_set_alike_carry_every_octet(setting: Setting) -> None:
    for resyncs in (True, False):
        assert read(EVERY_OCTET, setting, Receiver(setting, resyncs=resyncs)) == EVERY_OCTET


def test_octets_come_when_their_stop_bit_does() -> None:
    (first_s, _), (second_s, _) = received([(0.0, 0x55), (0.5, 0xAA)], Setting(2400), Receiver(Setting(2400)))
    assert first_s == pytest.approx(9.5 / 2400)
    assert second_s == pytest.approx(0.5 + 9.5 / 2400)


def test_octets_that_would_overlap_are_sent_back_to_back() -> None:
    times_s = [at_s for at_s, _ in received(burst(b"abc"), Setting(), Receiver())]
    assert times_s[2] - times_s[1] == pytest.approx(10 / 115200)


def test_the_first_octet_after_a_pause_is_read_right_whatever_the_parity() -> None:
    for resyncs in (True, False):
        assert read(b"\x7e\xa0\xe2", Setting(), Receiver(EVEN, resyncs=resyncs))[0] == 0x7E


def test_a_reader_that_looks_for_a_parity_bit_in_vain_skips_octets_or_resynchronises() -> None:
    assert read(EVERY_OCTET, Setting(), Receiver(EVEN)) == EVERY_OCTET
    assert len(read(EVERY_OCTET, Setting(), Receiver(EVEN, resyncs=False))) < 0.8 * len(EVERY_OCTET)


def test_octets_of_wrong_parity_are_dropped_or_blanked_where_the_reader_checks() -> None:
    sent = bytes((0x01, 0x03))
    dropping = Receiver(EVEN, faulty=Faulty.DROPPED)
    assert read(sent, ODD, dropping) == b""
    assert read(sent, ODD, Receiver(EVEN, faulty=Faulty.ZEROED)) == b"\x00\x00"
    assert read(sent, ODD, Receiver(EVEN)) == sent


def test_a_line_48_times_slower_is_all_breaks() -> None:
    assert set(read(b"\x7e\xa0\xe2", Setting(2400), Receiver())) == {0}


def test_seven_data_bits_with_even_parity_read_as_eight_have_even_octets_only() -> None:
    got = read(b"/ELL5", Setting(data_bits=7, parity="E"), Receiver())
    assert all(octet.bit_count() % 2 == 0 for octet in got)
    assert bytes(octet & 0x7F for octet in got) == b"/ELL5"


def test_without_an_inverter_no_octet_stays_what_it_was() -> None:
    got = read(b"/ELL5\r\n\r\n1-0:1.7.0(0001.727*kW)", Setting(inverted=True), Receiver())
    assert b"1-0" not in got


def test_a_slow_fall_loses_short_zeros() -> None:
    assert read(b"\xfe", Setting(), Receiver(slow_s=0.9 / 115200)) in (b"\xff", b"\xfe")
    assert read(b"\xdf\xdf\xdf", Setting(), Receiver(slow_s=1.1 / 115200)) == b""
