"""The way out: every contactor open, every box at 0, whatever else is dead, and within the time that systemd gives."""

import asyncio
import time
from pathlib import Path

import pytest

from gateway.app.opening import open_everything
from gateway.app.run import run_gateway
from gateway.config.load import load_cabinet
from gateway.devices.journal_store import JournalStore
from gateway.errors import FolderInUse
from gateway.ids import SocketId
from gateway.site.snapshot import ContactorSight, Position
from tests.devices.pty_units import Answer, PtyUnits, prompt

HEAD = """
[gateway]
id = "hil-1"
time_zone = "Europe/Stockholm"
state_dir = "{folder}"
[grid_meter]
port = "/dev/null"
main_fuse = "main"
house_load_a_max = [5, 5, 5]
[[bus]]
name = "wire"
port = "{port}"
baud = 19200
timeout_s = 0.3
[[relay_board]]
name = "first"
model = "waveshare-modbus-rtu-relay-8ch"
bus = "wire"
unit = 1
[[relay_board]]
name = "second"
model = "waveshare-modbus-rtu-relay-8ch"
bus = "wire"
unit = 2
[[fuse]]
name = "main"
rating_a = 100
kind = "gG"
"""
PLAIN = """
[[socket]]
name = "{name}"
fuse = "main"
phases = ["L1"]
rating_a = 10
access = "command"
"""
RELAY = PLAIN + 'contactor = {{ board = "{board}", channel = {channel} }}\n'
BOX = 'wallbox = {{ model = "heidelberg-energy-control", bus = "wire", unit = {unit}, failsafe_a = 0 }}\n'
FIRST = [RELAY.format(name=f"a{channel}", board="first", channel=channel) for channel in range(1, 7)]
SECOND = [RELAY.format(name=f"b{channel}", board="second", channel=channel) for channel in range(1, 4)]


def opened(
    folder: Path, sockets: list[str], answers: dict[int, Answer], within_s: float = 5.0
) -> tuple[tuple[str, ...], list[tuple[float, bytes]]]:
    """What could not be made safe, and every write that came, with its second."""

    async def main() -> tuple[tuple[str, ...], list[tuple[float, bytes]]]:
        units = PtyUnits(answers)
        config = folder / "laddvakt.toml"
        config.write_text(HEAD.format(folder=folder, port=units.path) + "".join(sockets))
        cabinet = load_cabinet(config)
        began_s = asyncio.get_running_loop().time()
        failed = await open_everything(cabinet, within_s=within_s)
        writes = [(at_s - began_s, frame[:6]) for at_s, frame in units.requests]
        units.close()
        return failed, writes

    return asyncio.run(main())


def opening(unit: int, channel: int) -> bytes:
    """Function 5, coil off (Modbus application protocol 1.1b3 §6.5)."""
    return bytes((unit, 5, 0, channel - 1, 0, 0))


def test_every_channel_of_every_board_is_opened(tmp_path: Path) -> None:
    failed, writes = opened(tmp_path, FIRST + SECOND, {1: prompt, 2: prompt})
    assert failed == ()
    wanted = [opening(1, channel) for channel in range(1, 7)] + [opening(2, channel) for channel in range(1, 4)]
    assert sorted(frame for _, frame in writes) == sorted(wanted)


def test_a_dead_board_of_many_channels_costs_the_living_one_timeout(tmp_path: Path) -> None:
    failed, writes = opened(tmp_path, FIRST + SECOND, {2: prompt}, within_s=4.0)
    last_s = max(at_s for at_s, frame in writes if frame[0] == 2)
    assert last_s < 0.3 + 0.3 + 0.5
    assert [sentence.split(" could")[0] for sentence in failed] == [f"contactor of socket a{n}" for n in range(1, 7)]


def test_the_time_is_kept_when_nobody_answers_and_everybody_is_named(tmp_path: Path) -> None:
    began_s = time.monotonic()
    failed, _ = opened(tmp_path, FIRST + SECOND, {}, within_s=2.0)
    assert time.monotonic() - began_s < 2.0 + 1.0
    assert len(failed) == 9


def test_a_board_that_missed_the_first_word_is_told_again(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def deaf_once(request: bytes) -> list[tuple[float, bytes]]:
        asked.append(request)
        return [] if len(asked) == 1 else list(prompt(request))

    failed, writes = opened(tmp_path, SECOND, {2: deaf_once})
    assert failed == ()
    assert [frame for _, frame in writes].count(opening(2, 1)) == 2


def test_a_box_is_told_to_stop_before_its_contactor_takes_the_voltage_and_its_silence_after_that_is_no_fault(
    tmp_path: Path,
) -> None:
    both = RELAY.format(name="p1", board="first", channel=1) + BOX.format(unit=9)
    failed, writes = opened(tmp_path, [both], {1: prompt})
    assert failed == ()
    assert writes[0][1] == bytes((9, 6, 1, 5, 0, 0))
    assert opening(1, 1) in [frame for _, frame in writes]


def test_a_box_without_contactor_that_stays_silent_is_named(tmp_path: Path) -> None:
    failed, _ = opened(tmp_path, [PLAIN.format(name="p1") + BOX.format(unit=9)], {}, within_s=1.0)
    assert len(failed) == 1
    assert failed[0].startswith("wallbox of socket p1 could not be made safe")


GPIO = PLAIN + 'contactor = {{ chip = "/dev/gpiochip99", line = 5 }}\n'


def test_a_line_that_cannot_be_taken_keeps_nothing_else_closed(tmp_path: Path) -> None:
    failed, writes = opened(tmp_path, [GPIO.format(name="g1"), *SECOND], {2: prompt})
    assert [sentence.split(" could")[0] for sentence in failed] == ["contactor of socket g1"]
    assert len(writes) == 3


class HeldLine:
    """A GPIO contactor that this process has already."""

    refresh_s = None

    def __init__(self) -> None:
        self.closed = True

    async def close(self) -> None:
        self.closed = True

    async def open(self) -> None:
        self.closed = False

    async def look(self) -> ContactorSight:
        return ContactorSight(Position.CLOSED if self.closed else Position.OPEN, None, 0.0)


def test_a_line_that_the_dying_daemon_holds_is_opened_by_its_hand(tmp_path: Path) -> None:
    line = HeldLine()

    async def main() -> tuple[str, ...]:
        units = PtyUnits({2: prompt})
        config = tmp_path / "laddvakt.toml"
        config.write_text(HEAD.format(folder=tmp_path, port=units.path) + GPIO.format(name="g1") + "".join(SECOND))
        failed = await open_everything(load_cabinet(config), held={SocketId("g1"): line})
        units.close()
        return failed

    assert asyncio.run(main()) == ()
    assert not line.closed


def test_a_second_daemon_does_not_open_what_the_first_one_guards(tmp_path: Path) -> None:
    async def main() -> int:
        units = PtyUnits({1: prompt})
        config = tmp_path / "laddvakt.toml"
        config.write_text(HEAD.format(folder=tmp_path / "state", port=units.path) + FIRST[0])
        first = JournalStore.open(tmp_path / "state")
        with pytest.raises(FolderInUse):
            await run_gateway(load_cabinet(config))
        first.close_now()
        requests = len(units.requests)
        units.close()
        return requests

    assert asyncio.run(main()) == 0
