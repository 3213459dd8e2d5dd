"""Laws of the cabinet: energy is the integral of power, phases are where they are wired, cars obey in time."""

import pytest

from hil.config_writer import Ports, gateway_config
from hil.faults import Faults
from hil.world.cabinet import Cabinet
from hil.world.cars import Car, CarPlan
from hil.world.contactors import Contactor
from hil.world.relay_boards import RelayBoard
from hil.world.scenario import parse_fault, parse_scenario
from hil.world.table_reader import ScenarioMistake
from hil.world.wallboxes import HeidelbergBox

TEXT = """
[scenario]
name = "laws"
seed = 5
[house]
base_a = [7, 5, 3]
noise_a = 0.3
[[fuse]]
name = "main"
rating_a = 20
[[bus]]
name = "wire"
[[relay_board]]
name = "relays"
bus = "wire"
unit = 1
[[socket]]
name = "p1"
fuse = "main"
phases = ["L2", "L3", "L1"]
rating_a = 16
meter = { model = "eastron-sdm630", bus = "wire", unit = 11 }
wallbox = { model = "heidelberg-energy-control", bus = "wire", unit = 21 }
[[socket]]
name = "p2"
fuse = "main"
phases = ["L3"]
rating_a = 10
meter = { model = "abb-b23", bus = "wire", unit = 12 }
contactor = { board = "relays", channel = 1 }
[[car]]
name = "one-phase"
socket = "p1"
arrive_s = 1
energy_kwh = 0.05
phases = 1
leave_after_full_s = 2
[[car]]
name = "heater"
socket = "p2"
arrive_s = 1
energy_kwh = 0.05
limit_a = 8
"""


def box_of(cabinet: Cabinet, name: str) -> HeidelbergBox:
    box = cabinet.sockets[name].box
    assert isinstance(box, HeidelbergBox)
    return box


def play(cabinet: Cabinet, seconds: float, faults: Faults | None = None) -> None:
    for _ in range(round(seconds * 20)):
        if faults is not None:
            faults.step()
        for socket in cabinet.sockets.values():
            if socket.box is not None:
                socket.box.heard()
        cabinet.step(0.05)


def test_energy_is_the_same_at_car_socket_and_meter_and_the_car_leaves() -> None:
    cabinet = Cabinet(parse_scenario(TEXT))
    meter = cabinet.sockets["p1"].meter
    assert meter is not None
    begin_kwh = meter.import_kwh
    play(cabinet, 2)
    box_of(cabinet, "p1").write_registers(261, [160])
    play(cabinet, 120)
    car = cabinet.departed[0]
    assert (car["car"], car["full"]) == ("one-phase", True)
    assert car["energy_kwh"] == pytest.approx(0.05, abs=5e-4)
    assert meter.import_kwh - begin_kwh == pytest.approx(cabinet.sockets["p1"].energy_kwh)
    assert cabinet.sockets["p1"].energy_kwh == pytest.approx(0.05, abs=5e-4)


def test_a_car_loads_the_fuse_phase_that_its_socket_is_wired_to() -> None:
    cabinet = Cabinet(parse_scenario(TEXT))
    play(cabinet, 2)
    box_of(cabinet, "p1").write_registers(261, [100])
    play(cabinet, 8)
    assert cabinet.sockets["p1"].amperes == pytest.approx((10.0, 0.0, 0.0))
    main = cabinet.fuses.fuses["main"].current_a
    assert main[1] - cabinet.house_a[1] == pytest.approx(10.0)
    assert main[0] - cabinet.house_a[0] == pytest.approx(0.0)


def test_a_car_follows_a_setpoint_within_five_seconds_and_stops_within_three() -> None:
    car = Car(CarPlan("x", "p1", 0.0, 50.0), 0.0)
    volts = (230.0, 230.0, 230.0)
    for _ in range(100):
        drawn = car.step(0.0, 0.05, 16.0, volts)
    assert drawn == pytest.approx((16.0, 16.0, 16.0))
    for _ in range(19):
        drawn = car.step(0.0, 0.05, 6.0, volts)
    assert drawn[0] == 16.0
    for _ in range(81):
        drawn = car.step(0.0, 0.05, 6.0, volts)
    assert drawn[0] == pytest.approx(6.0)
    for _ in range(60):
        drawn = car.step(0.0, 0.05, 0.0, volts)
    assert drawn[0] == 0.0


def test_a_car_tapers_at_the_end_of_its_wish() -> None:
    car = Car(CarPlan("x", "p1", 0.0, 1.0, taper=0.2), 0.0)
    while car.energy_kwh < 0.9:
        drawn = car.step(0.0, 0.5, 16.0, (230.0, 230.0, 230.0))
    assert drawn[0] == pytest.approx(8.0, abs=0.1)


def test_a_sleeper_does_not_resume_after_a_long_pause() -> None:
    car = Car(CarPlan("x", "p1", 0.0, 1.0, sleeps_after_s=60.0), 0.0)
    for _ in range(130):
        car.step(0.0, 0.5, 0.0, (230.0, 230.0, 230.0))
    assert car.step(0.0, 10.0, 16.0, (230.0, 230.0, 230.0)) == (0.0, 0.0, 0.0)
    assert not car.wants


def test_a_plain_load_draws_when_its_contactor_closes_and_a_hot_opening_is_counted() -> None:
    cabinet = Cabinet(parse_scenario(TEXT))
    play(cabinet, 5)
    assert cabinet.sockets["p2"].amperes == (0.0,)
    cabinet.boards["relays"].write_coil(0, 0xFF00)
    play(cabinet, 10)
    assert cabinet.sockets["p2"].amperes == pytest.approx((8.0,))
    cabinet.boards["relays"].write_coil(0, 0)
    play(cabinet, 1)
    assert cabinet.sockets["p2"].amperes == (0.0,)
    record = cabinet.sockets["p2"].record()
    assert (record["closings"], record["openings_hot"], record["openings_cold"]) == (1, 1, 0)


def test_a_welded_contactor_stays_closed_and_its_stuck_auxiliary_lies() -> None:
    contactor = Contactor()
    for _ in range(3):
        contactor.step(True, 0.0, 0.05)
    contactor.welded = True
    contactor.auxiliary_stuck = True
    for _ in range(3):
        contactor.step(False, 5.0, 0.05)
    assert contactor.closed
    contactor.welded = False
    for _ in range(3):
        contactor.step(False, 0.2, 0.05)
    assert (contactor.closed, contactor.auxiliary_closed, contactor.openings_cold) == (False, True, 1)


def test_flash_on_opens_by_itself_and_starts_anew_when_sent_again() -> None:
    board = RelayBoard()
    board.write_coil(0x0200 + 3, 20)
    for _ in range(15):
        board.step(True, 0.1)
    board.write_coil(0x0200 + 3, 20)
    for _ in range(15):
        board.step(True, 0.1)
    assert board.relays[3]
    for _ in range(7):
        board.step(True, 0.1)
    assert not board.relays[3]


def test_a_board_that_does_not_renew_lets_go_at_the_first_time_whatever_comes_meanwhile() -> None:
    board = RelayBoard(renews=False)
    board.write_coil(0x0200 + 3, 20)
    for _ in range(15):
        board.step(True, 0.1)
    board.write_coil(0x0200 + 3, 20)
    for _ in range(7):
        board.step(True, 0.1)
    assert not board.relays[3]
    board.write_coil(0x0200 + 3, 20)
    assert board.relays[3]
    board.write_coil(3, 0x0000)
    assert not board.relays[3]


def test_a_power_cut_opens_relays_silences_boxes_and_stops_cars() -> None:
    cabinet = Cabinet(parse_scenario(TEXT))
    faults = Faults([], cabinet)
    cabinet.boards["relays"].write_coil(0, 0xFF00)
    play(cabinet, 5, faults)
    faults.add(parse_fault("fault", {"kind": "power_cut", "at_s": cabinet.at_s, "for_s": 2}))
    play(cabinet, 1, faults)
    assert cabinet.sockets["p2"].amperes == (0.0,)
    assert not any(slave.unit.answers for slave in cabinet.slaves().values())
    play(cabinet, 3, faults)
    assert all(slave.unit.answers for slave in cabinet.slaves().values())
    assert cabinet.boards["relays"].relays == [False] * 8


def test_a_house_step_is_added_for_its_time() -> None:
    cabinet = Cabinet(parse_scenario(TEXT.replace("noise_a = 0.3", "")))
    plan = parse_fault("fault", {"kind": "house_step", "at_s": 1, "for_s": 2, "add_a": [9, 0, 0]})
    faults = Faults([plan], cabinet)
    play(cabinet, 2, faults)
    assert cabinet.house_a == (16.0, 5.0, 3.0)
    play(cabinet, 2, faults)
    assert cabinet.house_a == (7.0, 5.0, 3.0)


def test_a_melted_phase_is_dead_for_house_socket_and_meter() -> None:
    cabinet = Cabinet(parse_scenario(TEXT))
    cabinet.fuses.fuses["main"].melted[1] = True
    play(cabinet, 3)
    assert cabinet.fuses.fuses["main"].current_a[1] == 0.0
    assert cabinet.grid.flow.volts[1] == 0.0
    assert not cabinet.sockets["p1"].box.answers if cabinet.sockets["p1"].box else False


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    samples = []
    for seed in (5, 5, 6):
        cabinet = Cabinet(parse_scenario(TEXT, seed))
        play(cabinet, 10)
        samples.append(cabinet.sample())
    assert samples[0] == samples[1]
    assert samples[0] != samples[2]


def test_a_scenario_says_what_is_wrong_and_where() -> None:
    for text, words in (
        (TEXT.replace('"eastron-sdm630"', '"sdm"'), "socket\\[0\\].meter.model"),
        (TEXT.replace("unit = 12", "unit = 11"), "unit 11 is there twice"),
        (TEXT.replace("arrive_s = 1\n", "arives_s = 1\n"), "car\\[0\\].arrive_s: is missing"),
        (TEXT + "\n[[fault]]\nat_s = 'x'\nkind = 'power_cut'\n", "fault\\[0\\].at_s"),
    ):
        with pytest.raises(ScenarioMistake, match=words):
            parse_scenario(text)


def test_the_config_for_the_gateway_names_this_runs_ports() -> None:
    scenario = parse_scenario(TEXT)
    text = gateway_config(scenario, Ports("/dev/pts/7", {"wire": "tcp://127.0.0.1:502"}, ("127.0.0.1", 1883)), "/tmp/x")
    assert 'port = "/dev/pts/7"' in text
    assert 'port = "tcp://127.0.0.1:502"\ntimeout_s = 0.6' in text
    assert 'wallbox = { model = "heidelberg-energy-control", bus = "wire", unit = 21, failsafe_a = 0 }' in text
    assert 'contactor = { board = "relays", channel = 1 }' in text
    assert "[mqtt]" in text


def test_a_pty_has_no_parity_and_a_real_port_has_the_devices() -> None:
    scenario = parse_scenario(TEXT.replace('name = "wire"\n', 'name = "wire"\nparity = "E"\n', 1))
    assert 'parity = "N"' in gateway_config(scenario, Ports("p1", {"wire": "/dev/pts/3"}, None), "/tmp/x")
    assert 'parity = "E"' in gateway_config(scenario, Ports("p1", {"wire": "/dev/ttyUSB0"}, None), "/tmp/x")


def test_a_driver_presses_on_until_current_flows_and_off_when_leaving() -> None:
    cabinet = Cabinet(parse_scenario(TEXT.replace("limit_a = 8", 'limit_a = 8\npress = "arm"\nleave_s = 40')))
    play(cabinet, 20)
    assert cabinet.take_presses() == [("p2", "arm", True), ("p2", "arm", True)]
    cabinet.boards["relays"].write_coil(0, 0xFF00)
    play(cabinet, 25)
    assert cabinet.take_presses() == [("p2", "arm", False)]
