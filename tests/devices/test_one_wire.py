"""A 1-wire thermometer is believed only where it shows a measurement, and read beside everything else."""

import asyncio
from pathlib import Path

import pytest

from gateway.app.faults import FaultLog
from gateway.app.sight_board import SightBoard
from gateway.app.thermometer import FAULT, Thermometer
from gateway.devices.one_wire import read_celsius
from gateway.errors import DeviceError
from gateway.site.outside import TemperatureTold
from tests.devices.paper_bus import StepClock
from tests.publish.cabinet_told import site

SLAVE = "7f 01 4b 46 7f ff 0c 10 {crc} : crc={crc} {word}\n7f 01 4b 46 7f ff 0c 10 f1 t={value}\n"


@pytest.mark.parametrize(
    ("text", "celsius"),
    [
        ("23937\n", 23.937),
        ("-5125", -5.125),
        ("0\n", 0.0),
        (SLAVE.format(crc="f1", word="YES", value=41625), 41.625),
        (SLAVE.format(crc="f1", word="YES", value=-62), -0.062),
    ],
)
def test_both_forms_of_the_kernel_are_read(tmp_path: Path, text: str, celsius: float) -> None:
    file = tmp_path / "temperature"
    file.write_text(text)
    assert read_celsius(file) == celsius


@pytest.mark.parametrize(
    "text",
    [
        "",
        "warm\n",
        "85000\n",
        "127937\n",
        "-60000\n",
        "23937\n23937\n",
        SLAVE.format(crc="f1", word="NO", value=41625),
        SLAVE.format(crc="f1", word="YES", value=85000),
        "\x00\xff" * 400,
    ],
)
def test_what_is_no_measurement_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "w1_slave"
    file.write_text(text, "latin-1")
    with pytest.raises(DeviceError):
        read_celsius(file)


def test_a_sensor_that_is_not_there_is_a_fault_until_it_is(tmp_path: Path) -> None:
    file = tmp_path / "temperature"

    async def play() -> None:
        faults, clock, board = FaultLog(), StepClock(), SightBoard(site(), 0.0)
        thermometer = Thermometer(file, board, clock, faults)
        await thermometer.read(file)
        assert faults.now == (FAULT,)
        assert board.snapshot(1.0, journal_accepts=True).outside.temperature is None
        file.write_text("41000\n")
        await thermometer.read(file)
        assert faults.now == ()
        told = board.snapshot(2.0, journal_accepts=True).outside.temperature
        assert isinstance(told, TemperatureTold)
        assert told.celsius == 41.0

    asyncio.run(play())


def test_without_a_sensor_nothing_is_read() -> None:
    async def play() -> None:
        await asyncio.wait_for(Thermometer(None, SightBoard(site(), 0.0), StepClock(), FaultLog()).watch(), 1.0)

    asyncio.run(play())
