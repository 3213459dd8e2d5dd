"""Contactors do what they are told, tell what is seen, and open whatever happened before."""

import asyncio
import builtins
from importlib import resources

import pytest

from gateway.actuators.catalogue import parse_relay_board
from gateway.devices.contactors import GpioContactor, RelayContactor
from gateway.devices.gpio_lines import GpiodLines
from gateway.devices.heartbeat import GpioHeartbeat
from gateway.errors import DeviceError
from gateway.site.snapshot import Position
from tests.devices.paper_bus import PaperBus, PaperUnit, StepClock

BOARD = parse_relay_board(
    (
        resources.files("gateway.actuators") / "models" / "relay_boards" / "waveshare-modbus-rtu-relay-8ch.toml"
    ).read_text(encoding="utf-8")
)


class Line:
    """A GPIO line on paper: remembers every level that it was driven to."""

    def __init__(self, *levels: bool) -> None:
        self.levels = list(levels)

    def drive(self, active: bool) -> None:
        self.levels.append(active)

    def active(self) -> bool:
        return bool(self.levels) and self.levels[-1]


def relay(bus: PaperBus, *, flash: bool = False, auxiliary: Line | None = None) -> RelayContactor:
    return RelayContactor(bus, 1, BOARD, 3, StepClock(), flash=flash, auxiliary=auxiliary)


def test_a_relay_is_closed_and_opened_by_its_coil_and_read_back() -> None:
    async def play() -> None:
        bus = PaperBus({1: PaperUnit()})
        contactor = relay(bus)
        assert contactor.refresh_s is None
        await contactor.close()
        assert (await contactor.look()).coil is Position.CLOSED
        await contactor.open()
        seen = await contactor.look()
        assert seen.coil is Position.OPEN
        assert seen.auxiliary is None
        assert [entry for entry in bus.log if entry[0] == "coil"] == [("coil", 2, 0xFF00), ("coil", 2, 0)]

    asyncio.run(play())


def test_with_flash_a_relay_is_closed_for_thirty_seconds_and_opened_for_good() -> None:
    async def play() -> None:
        bus = PaperBus({1: PaperUnit()})
        contactor = relay(bus, flash=True)
        assert contactor.refresh_s == 8.0
        await contactor.close()
        await contactor.open()
        assert bus.log == [("coil", 0x0202, 300), ("coil", 2, 0)]

    asyncio.run(play())


def test_the_auxiliary_contact_speaks_for_itself() -> None:
    async def play() -> None:
        bus = PaperBus({1: PaperUnit()})
        contactor = relay(bus, auxiliary=Line(True))
        await contactor.open()
        seen = await contactor.look()
        assert (seen.coil, seen.auxiliary) == (Position.OPEN, Position.CLOSED)

    asyncio.run(play())


def test_a_board_that_does_not_answer_is_an_error_not_a_position() -> None:
    async def play() -> None:
        contactor = relay(PaperBus({}))
        for call in (contactor.look(), contactor.open(), contactor.close()):
            with pytest.raises(DeviceError):
                await call

    asyncio.run(play())


def test_a_contactor_on_a_line_follows_it() -> None:
    async def play() -> None:
        coil, auxiliary = Line(), Line(False)
        contactor = GpioContactor(coil, StepClock(), auxiliary=auxiliary)
        assert (await contactor.look()).coil is Position.OPEN
        await contactor.close()
        auxiliary.drive(True)
        seen = await contactor.look()
        assert (seen.coil, seen.auxiliary) == (Position.CLOSED, Position.CLOSED)
        await contactor.open()
        assert coil.levels == [True, False]

    asyncio.run(play())


def test_the_heartbeat_turns_its_line_over_at_every_beat() -> None:
    line = Line()
    heart = GpioHeartbeat(line)
    for _ in range(4):
        heart.beat()
    assert line.levels == [True, False, True, False]


def test_without_gpiod_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_gpiod(name: str, *rest: object, **more: object) -> object:
        if name.split(".", maxsplit=1)[0] == "gpiod":
            raise ImportError(name)
        return real_import(name, *rest, **more)  # type: ignore[arg-type]  # passes on whatever the interpreter gave

    monkeypatch.setattr(builtins, "__import__", without_gpiod)
    with pytest.raises(DeviceError, match=r"pip install laddvakt\[gpio\]"):
        GpiodLines().output("/dev/gpiochip0", 17, active_low=False)


def test_a_chip_that_is_not_there_is_named() -> None:
    pytest.importorskip("gpiod")
    with pytest.raises(DeviceError, match="gpiochip-none line 17 cannot be taken"):
        GpiodLines().input("/dev/gpiochip-none", 17, active_low=True)
