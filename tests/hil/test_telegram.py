"""Telegrams of the cabinet's grid meter, to the byte."""

from hil.world.grid_values import GridFlow
from hil.world.telegram import GridMeter, telegram

GOLDEN = (
    b"/LVK5\\LADDVAKT-HIL\r\n\r\n"
    b"0-0:1.0.0(260115120000W)\r\n"
    b"1-0:1.8.0(00006678.394*kWh)\r\n1-0:2.8.0(00000000.500*kWh)\r\n"
    b"1-0:3.8.0(00000000.000*kvarh)\r\n1-0:4.8.0(00000000.000*kvarh)\r\n"
    b"1-0:1.7.0(0000.920*kW)\r\n1-0:2.7.0(0000.000*kW)\r\n"
    b"1-0:3.7.0(0000.000*kvar)\r\n1-0:4.7.0(0000.000*kvar)\r\n"
    b"1-0:21.7.0(0002.300*kW)\r\n1-0:22.7.0(0000.000*kW)\r\n"
    b"1-0:41.7.0(0000.000*kW)\r\n1-0:42.7.0(0001.840*kW)\r\n"
    b"1-0:61.7.0(0000.460*kW)\r\n1-0:62.7.0(0000.000*kW)\r\n"
    b"1-0:23.7.0(0000.000*kvar)\r\n1-0:24.7.0(0000.000*kvar)\r\n"
    b"1-0:43.7.0(0000.000*kvar)\r\n1-0:44.7.0(0000.000*kvar)\r\n"
    b"1-0:63.7.0(0000.000*kvar)\r\n1-0:64.7.0(0000.000*kvar)\r\n"
    b"1-0:32.7.0(230.0*V)\r\n1-0:52.7.0(230.0*V)\r\n1-0:72.7.0(230.0*V)\r\n"
    b"1-0:31.7.0(010.0*A)\r\n1-0:51.7.0(008.0*A)\r\n1-0:71.7.0(002.0*A)\r\n"
    b"!"
)


def bitwise_arc(octets: bytes) -> int:
    register = 0
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register


FLOW = GridFlow((230.0, 230.0, 230.0), (10.0, -8.0, 2.0), 6678.394, 0.5)


def test_a_telegram_is_27_lines_with_unsigned_currents_and_a_right_check_sum() -> None:
    sent = telegram(FLOW, "260115120000W")
    assert sent == GOLDEN + f"{bitwise_arc(GOLDEN):04X}\r\n".encode()
    assert sent.count(b"(") == 27


def test_a_wrong_check_sum_differs_from_the_right_one_in_nothing_else() -> None:
    right, wrong = telegram(FLOW, "260115120000W"), telegram(FLOW, "260115120000W", crc_wrong=True)
    assert right[:-6] == wrong[:-6]
    assert right[-6:] != wrong[-6:]


def test_import_and_export_are_counted_from_the_sum_of_the_phases() -> None:
    meter = GridMeter(100.0, 10.0)
    for _ in range(3600):
        meter.step((230.0, 230.0, 230.0), (10.0, -8.0, 2.0), 1.0)
    assert abs(meter.flow.import_kwh - 100.92) < 1e-6
    assert meter.flow.export_kwh == 10.0
    meter.step((230.0, 230.0, 230.0), (-4.0, -4.0, -4.0), 3600.0)
    assert abs(meter.flow.export_kwh - 12.76) < 1e-6
