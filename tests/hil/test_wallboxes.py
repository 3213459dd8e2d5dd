"""Wallboxes in the world: what they do when nobody speaks to them any more."""

import pytest

from hil.wires.mqtt_wire import valid_s
from hil.world.modbus import Refusal, answer
from hil.world.wallboxes import HeidelbergBox, MqttBox


def heidelberg() -> HeidelbergBox:
    box = HeidelbergBox(16.0)
    box.plugged = box.car_wants = True
    box.step(True, 0.1)
    return box


def test_a_fresh_box_offers_its_failsafe_current_until_it_is_told() -> None:
    box = heidelberg()
    assert (box.offered_a, box.state) == (0.0, "B")
    box.write_registers(261, [100])
    assert (box.offered_a, box.state) == (10.0, "C")


def test_silence_longer_than_the_watchdog_brings_the_failsafe_current() -> None:
    box = heidelberg()
    box.write_registers(257, [5000])
    box.write_registers(262, [60])
    box.write_registers(261, [160])
    for _ in range(49):
        box.step(True, 0.1)
    assert box.offered_a == 16.0
    for _ in range(3):
        box.step(True, 0.1)
    assert box.offered_a == 6.0
    box.heard()
    assert box.offered_a == 16.0


def test_any_request_counts_as_life_but_only_to_this_box() -> None:
    box = heidelberg()
    box.write_registers(261, [160])
    for _ in range(200):
        box.step(True, 0.1)
        box.heard()
    assert box.offered_a == 16.0


def test_a_watchdog_of_zero_is_off() -> None:
    box = heidelberg()
    box.write_registers(257, [0])
    box.write_registers(261, [160])
    box.step(True, 3600.0)
    assert box.offered_a == 16.0


def test_a_loss_of_power_forgets_the_setpoint_and_keeps_the_failsafe() -> None:
    box = heidelberg()
    box.write_registers(262, [60])
    box.write_registers(261, [160])
    box.step(False, 1.0)
    assert (box.offered_a, box.answers) == (0.0, False)
    box.step(True, 1.0)
    assert box.offered_a == 6.0


def test_less_than_six_amperes_is_refused_and_nothing_above_the_hardware_is_offered() -> None:
    box = HeidelbergBox(10.0)
    box.step(True, 0.1)
    with pytest.raises(Refusal):
        box.write_registers(261, [59])
    box.write_registers(261, [160])
    assert box.offered_a == 10.0


def test_input_registers_show_state_and_currents_as_the_maker_says() -> None:
    box = heidelberg()
    box.write_registers(261, [100])
    box.measure((230.0, 231.0, 229.0), (9.9, 9.8, 0.0), 3600.0)
    assert answer(box, bytes((4, 0, 5, 0, 4))) == bytes((4, 8, 0, 7, 0, 99, 0, 98, 0, 0))
    assert box.read_registers(4, 17, 2) == [0, 4540]
    assert box.read_registers(3, 257, 6) == [15000, 0, 1, 0, 100, 0]


def test_a_disobedient_box_offers_all_that_its_hardware_can() -> None:
    box = heidelberg()
    box.disobeys = True
    assert box.offered_a == 16.0


def test_an_mqtt_box_obeys_a_setpoint_only_as_long_as_it_is_valid() -> None:
    box = MqttBox(16.0, 0.0)
    box.plugged = box.car_wants = True
    box.step(True, 0.1)
    box.tell(10.0, 3.0, 1, 1)
    assert box.phases == 3, "it has no second contactor"
    assert box.words() == {"state": "C", "applied_a": 10.0, "seq": 1, "safe_a": 0.0}
    box.step(True, 2.9)
    assert box.offered_a == 10.0
    box.step(True, 0.2)
    assert (box.offered_a, box.state) == (0.0, "B")


def test_validity_is_read_as_seconds_or_as_iso_time() -> None:
    assert valid_s(1030.0, 1000.0) == 30.0
    assert valid_s("1970-01-01T00:16:50+00:00", 1000.0) == 10.0
    assert valid_s("1970-01-01T00:16:50Z", 1000.0) == 10.0
    assert valid_s("1970-01-01T00:10:00Z", 1000.0) == 0.0
    assert valid_s("soon", 1000.0) == 0.0


def test_a_box_with_a_second_contactor_moves_it_after_its_pause_and_counts_moving_under_load() -> None:
    box = MqttBox(16.0, 0.0, phase_pause_s=2.0)
    box.step(True, 1.0)
    box.tell(0.0, 30.0, 1, 1)
    box.step(True, 1.0)
    assert box.words()["phases"] == 3
    box.step(True, 1.0)
    assert box.words()["phases"] == 1
    assert (box.phase_switchings, box.phase_switchings_hot) == (1, 0)
    box.measure((230.0, 230.0, 230.0), (6.0, 0.0, 0.0), 1.0)
    box.tell(0.0, 30.0, 2, 3)
    box.step(True, 2.0)
    assert (box.phase_switchings, box.phase_switchings_hot) == (2, 1)
