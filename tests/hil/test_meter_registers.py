"""The cabinet's meters show physics in the words of their makers' documents; expected words are computed by hand."""

import pytest

from hil.world.meters import Flow, Meter, b23_words, gnm3d_words, sdm630_words
from hil.world.modbus import Refusal

FLOW = Flow((230.0, 231.5, 229.0), (6.0, 0.5, 0.0), (1380.0, -115.75, 0.0), 1234.567, 0.25, 12345678)


def test_sdm630_is_float32_high_word_first() -> None:
    words = sdm630_words(FLOW)
    assert (words[0x0000], words[0x0001]) == (0x4366, 0x0000)
    assert (words[0x0006], words[0x0007]) == (0x40C0, 0x0000)
    assert (words[0x000E], words[0x000F]) == (0xC2E7, 0x8000)
    assert (words[0x0046], words[0x0047]) == (0x4248, 0x0000)
    assert (words[0x0048], words[0x0049]) == (0x449A, 0x5225)
    assert (words[0x004A], words[0x004B]) == (0x3E80, 0x0000)


def test_gnm3d_is_signed_32_bit_low_word_first_in_tenths_of_a_kwh() -> None:
    words = gnm3d_words(FLOW)
    assert (words[0x0000], words[0x0001]) == (2300, 0)
    assert (words[0x000C], words[0x000D]) == (6000, 0)
    assert (words[0x0014], words[0x0015]) == (0x10000 - 1158, 0xFFFF)
    assert (words[0x0034], words[0x0035]) == (12345, 0)
    assert (words[0x004E], words[0x004F]) == (2, 0)
    assert words[0x000B] == 341


def test_b23_counts_ten_watt_hours_in_64_bit() -> None:
    words = b23_words(FLOW)
    assert [words[0x5000 + at] for at in range(4)] == [0, 0, 0x0001, 0xE240]
    assert (words[0x5B00], words[0x5B01]) == (0, 2300)
    assert (words[0x5B0C], words[0x5B0D]) == (0, 600)
    assert (words[0x5B18], words[0x5B19]) == (0xFFFF, 0xD2C9)
    assert (words[0x8900], words[0x8901]) == (0x00BC, 0x614E)


@pytest.mark.parametrize("model", ["eastron-sdm630", "garo-gnm3d", "abb-b23"])
def test_a_counter_is_the_integral_of_the_power(model: str) -> None:
    meter = Meter(model, 1, 500.0)
    for tick in range(7200):
        meter.step((230.0, 231.0, 229.0), (10.0 if tick < 3600 else 0.0, 6.0, 0.0), 0.5)
    assert meter.import_kwh == pytest.approx(500.0 + (230.0 * 10.0 * 0.5 + 231.0 * 6.0) / 1000.0)


def test_a_meter_without_voltage_is_dead() -> None:
    meter = Meter("eastron-sdm630", 1, 500.0)
    meter.step((230.0, 230.0, 230.0), (0.0,) * 3, 0.1)
    assert meter.answers
    meter.step((0.0, 0.0, 0.0), (0.0,) * 3, 0.1)
    assert not meter.answers


def test_what_a_meter_lacks_it_refuses() -> None:
    meter = Meter("eastron-sdm630", 1, 500.0)
    for function, address, count, code in ((3, 0, 2, 2), (4, 0x0200, 2, 2), (4, 0, 5, 3), (4, 0, 82, 3), (1, 0, 2, 1)):
        with pytest.raises(Refusal) as refused:
            meter.read_registers(function, address, count)
        assert refused.value.code == code
