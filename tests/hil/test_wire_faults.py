"""What the wires do wrong when they are told to, and the same cabinet over TCP."""

import socket
import time
from pathlib import Path
from struct import pack, unpack

import pytest
import serial

from tests.hil.rtu_client import PlayedCabinet

SCENARIO = """
[scenario]
name = "wires"
[p1]
interval_s = 0.2
[house]
base_a = [7, 5, 3]
[[fuse]]
name = "main"
rating_a = 20
[[bus]]
name = "wire"
[[socket]]
name = "p1"
fuse = "main"
rating_a = 16
meter = { model = "eastron-sdm630", bus = "wire", unit = 11, start_kwh = 100 }
wallbox = { model = "heidelberg-energy-control", bus = "wire", unit = 21 }
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "wires.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def bitwise_arc(octets: bytes) -> int:
    register = 0
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register


def intact(telegram: bytes) -> bool:
    body, _, check = telegram.strip().rpartition(b"!")
    return bitwise_arc(body + b"!") == int(check, 16)


class Listener:
    """Reads whole telegrams from the P1 pty."""

    def __init__(self, cabinet: PlayedCabinet) -> None:
        self.port = serial.Serial(str(cabinet.ports["p1"]), 115200, timeout=1.0)
        self.hear()

    def hear(self) -> bytes:
        return self.port.read_until(b"!") + self.port.read(6)


def test_silence_ends_by_itself(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--wire") as cabinet:
        listener = Listener(cabinet)
        assert intact(listener.hear())
        cabinet.say(fault="p1_silence", for_s=1.5)
        cabinet.wait_for("fault_begun")
        listener.port.timeout = 0.6
        while listener.hear():
            pass
        cabinet.wait_for("fault_ended")
        listener.port.timeout = 2.0
        assert intact(listener.hear())
        listener.port.close()


def test_a_frozen_meter_repeats_its_telegram_to_the_byte(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        listener = Listener(cabinet)
        cabinet.say(fault="p1_frozen")
        cabinet.wait_for("fault_begun")
        listener.hear()
        heard = {listener.hear() for _ in range(7)}
        listener.port.close()
    assert len(heard) == 1
    assert intact(heard.pop())


def test_wrong_check_sums_come_until_the_fault_is_ended(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        listener = Listener(cabinet)
        cabinet.say(fault="p1_bad_crc")
        cabinet.wait_for("fault_begun")
        listener.hear()
        assert not intact(listener.hear())
        cabinet.say(end="p1_bad_crc")
        cabinet.wait_for("fault_ended")
        listener.hear()
        assert intact(listener.hear())
        listener.port.close()


def test_what_nobody_listens_to_is_lost_as_on_a_wire(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--unpaced") as cabinet:
        unheard = cabinet.wait_for("telegram", 6)
        listener = Listener(cabinet)
        heard_at_s = time.clock_gettime(time.CLOCK_MONOTONIC)
        listener.port.close()
        whole = [line for line in cabinet.logged("telegram") if line["whole"]]
    assert not any(line["whole"] for line in unheard[:5])
    assert heard_at_s - int(str(whole[0]["t_ns"])) / 1e9 < 1.0


def test_over_tcp_the_same_units_answer_with_their_transaction_number(scenario: Path, tmp_path: Path) -> None:
    with PlayedCabinet(scenario, tmp_path, "--tcp", "--unpaced") as cabinet:
        host, _, port = cabinet.bus("wire").removeprefix("tcp://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=2) as wire:
            wire.sendall(pack(">HHHBBHH", 77, 0, 6, 11, 4, 0x0048, 2))
            reply = wire.recv(64)
        host, _, port = str(cabinet.ports["p1"]).removeprefix("socket://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=2) as bridge:
            assert bridge.recv(64).startswith(b"/")
    assert unpack(">HHHBBB", reply[:9]) == (77, 0, 7, 11, 4, 4)
    assert unpack(">f", reply[9:]) == (100.0,)
