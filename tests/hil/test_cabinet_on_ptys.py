"""The cabinet as a program: what its wires say to a plain serial client."""

from pathlib import Path
from struct import pack, unpack

import pytest
import serial

from tests.hil.rtu_client import PlayedCabinet, RtuClient

SCENARIO = """
[scenario]
name = "bench"
seed = 3
[p1]
interval_s = 0.3
[house]
base_a = [7, 5, -2]
[[fuse]]
name = "main"
rating_a = 20
[[bus]]
name = "wire"
baud = 19200
[[relay_board]]
name = "relays"
bus = "wire"
unit = 1
[[socket]]
name = "p1"
fuse = "main"
phases = ["L2", "L3", "L1"]
rating_a = 16
meter = { model = "eastron-sdm630", bus = "wire", unit = 11, start_kwh = 100 }
wallbox = { model = "heidelberg-energy-control", bus = "wire", unit = 21 }
[[socket]]
name = "p2"
fuse = "main"
phases = ["L3"]
rating_a = 10
meter = { model = "abb-b23", bus = "wire", unit = 12, start_kwh = 200 }
contactor = { board = "relays", channel = 2, auxiliary_input = 4 }
[[car]]
name = "early"
socket = "p1"
arrive_s = 0
energy_kwh = 10
ramp_s = 0.2
reaction_s = 0.1
[[car]]
name = "heater"
socket = "p2"
arrive_s = 0
energy_kwh = 10
limit_a = 9
ramp_s = 0.1
reaction_s = 0.0
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def float_at(words: list[int]) -> float:
    return float(unpack(">f", pack(">HH", *words))[0])


def test_a_telegram_on_the_pty_carries_the_house_without_its_sign(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        port = serial.Serial(str(cabinet.ports["p1"]), 115200, timeout=3)
        text = port.read_until(b"!") + port.read(6)
        text = port.read_until(b"!") + port.read(6)
        port.close()
    assert b"1-0:31.7.0(007.0*A)" in text
    assert b"1-0:71.7.0(002.0*A)" in text
    assert b"1-0:61.7.0(0000.000*kW)" in text
    assert text.count(b"\r\n") == 30


def test_a_grid_meter_of_another_make_speaks_its_own_form_at_its_own_pace(tmp_path: Path) -> None:
    path = tmp_path / "aidon.toml"
    path.write_text(SCENARIO.replace("interval_s = 0.3", 'interval_s = 0.3\nform = "aidon-se"'), encoding="utf-8")
    with PlayedCabinet(path, tmp_path) as cabinet:
        port = serial.Serial(str(cabinet.ports["p1"]), 115200, timeout=3)
        octets = port.read(581 * 2)
        port.close()
    frame = octets[octets.index(b"\x7e\xa2\x43") :][:581]
    assert frame.endswith(b"\x7e")
    assert bytes.fromhex("0906 0100480700ff") in frame
    assert bytes.fromhex("0906 0100470700ff 10ffec") in frame, "L3 exports 2.0 A, with its sign"


def test_a_setpoint_moves_the_car_the_meter_and_the_box(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        client = RtuClient(cabinet.bus("wire"))
        assert client.read(21, 4, 5, 1) == [4]
        assert client.write(21, 261, 80) is not None
        cabinet.wait_for("sample", 4)
        current_a = client.read(11, 4, 0x0006, 6)
        state = client.read(21, 4, 5, 2)
        client.close()
        written = cabinet.logged("write")
    assert current_a is not None
    assert [round(float_at(current_a[at : at + 2]), 1) for at in (0, 2, 4)] == [8.0, 8.0, 8.0]
    assert state == [7, 80]
    assert (written[0]["unit"], written[0]["address"], written[0]["values"]) == (21, 261, [80])


def test_a_relay_closes_the_contactor_and_the_auxiliary_contact_shows_it(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        client = RtuClient(cabinet.bus("wire"))
        assert client.ask(1, pack(">BHH", 2, 0, 8), 3) == bytes((2, 1, 0b0000))
        assert client.write(1, 1, 0xFF00, function=5) is not None
        cabinet.wait_for("contactor")
        cabinet.wait_for("sample", 3)
        assert client.ask(1, pack(">BHH", 1, 0, 8), 3) == bytes((1, 1, 0b0010))
        assert client.ask(1, pack(">BHH", 2, 0, 8), 3) == bytes((2, 1, 0b1000))
        assert client.read(12, 3, 0x5B0C, 2) == [0, 900]
        cabinet.say(fault="contactor_welded", target="p2")
        client.write(1, 1, 0x0000, function=5)
        cabinet.wait_for("fault_begun")
        cabinet.wait_for("sample", 5)
        assert client.read(12, 3, 0x5B0C, 2) == [0, 900]
        client.close()


def test_a_dead_meter_is_silent_and_its_neighbours_are_not(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        client = RtuClient(cabinet.bus("wire"))
        assert client.read(11, 4, 0, 2) is not None
        cabinet.say(fault="meter_dead", target="p1")
        cabinet.wait_for("fault_begun")
        assert client.read(11, 4, 0, 2) is None
        assert client.read(12, 3, 0x5B00, 2) is not None
        cabinet.say(end="meter_dead")
        cabinet.wait_for("fault_ended")
        assert client.read(11, 4, 0, 2) is not None
        client.close()


def test_a_late_meter_answers_into_the_next_question(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        client = RtuClient(cabinet.bus("wire"), timeout_s=0.2)
        cabinet.say(fault="meter_late", target="p1", late_s=0.3)
        cabinet.wait_for("fault_begun")
        assert client.read(11, 4, 0x0000, 2) is None
        late = client.port.read(9)
        client.close()
    assert late[:3] == bytes((11, 4, 4))
    assert 225.0 < float_at([int.from_bytes(late[3:5], "big"), int.from_bytes(late[5:7], "big")]) < 235.0


def test_a_wrong_check_sum_gets_no_answer_and_the_wire_recovers(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        client = RtuClient(cabinet.bus("wire"), timeout_s=0.2)
        client.port.write(bytes((11, 4, 0, 0, 0, 2, 0, 0)))
        assert client.port.read(1) == b""
        assert client.read(11, 4, 0, 2) is not None
        client.close()
        assert cabinet.logged("garbage")[0]["why"] == "wrong check sum"


def test_exceptions_are_the_standards(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        client = RtuClient(cabinet.bus("wire"))
        assert client.ask(11, pack(">BHH", 4, 0x4000, 2), 2) == bytes((0x84, 2))
        assert client.ask(11, pack(">BHH", 4, 0, 3), 2) == bytes((0x84, 3))
        assert client.ask(11, pack(">BHH", 1, 0, 1), 2) == bytes((0x81, 1))
        assert client.ask(21, pack(">BHH", 6, 261, 40), 2) == bytes((0x86, 3))
        client.close()


def test_a_report_is_given_on_demand_and_a_stop_ends_the_program(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        cabinet.say(report=True)
        report = cabinet.hear()
        cabinet.say(nonsense=True)
        refused = cabinet.hear()
        cabinet.say(stop=True)
        assert cabinet.program.wait(10) == 0
        assert len(cabinet.logged("report")) == 1
    assert (report["kind"], report["melted"]) == ("report", [])
    assert "error" in refused


def test_paced_replies_take_the_time_of_their_bytes(scenario: Path, tmp_path: Path) -> None:
    """76 registers are 157 bytes: 81.8 ms at 19200 baud 8N1, after the request's 4.2 ms and the meter's 30 ms."""
    with PlayedCabinet(scenario, tmp_path, "--wire", "--log-reads") as cabinet:
        client = RtuClient(cabinet.bus("wire"), timeout_s=2)
        cabinet.wait_for("sample")
        client.read(11, 4, 0, 76)
        client.read(11, 4, 0, 76)
        client.read(11, 4, 0, 2)
        client.close()
        reads = cabinet.logged("read")
    took_ms = (int(str(reads[1]["t_ns"])) - int(str(reads[0]["t_ns"]))) / 1e6
    assert took_ms > 115.0
