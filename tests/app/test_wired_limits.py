"""Contacts by which others lower are looked at, and count as calling when they cannot be read."""

import asyncio
from dataclasses import replace

from gateway.app.faults import FaultLog
from gateway.app.sight_board import SightBoard
from gateway.app.wired_limits import WiredLimits
from gateway.devices.gpio_lines import GpioInput, GpioOutput, LateInput
from gateway.errors import DeviceError
from gateway.ids import LimitId
from gateway.site.outside import LimitTold
from tests.publish.cabinet_told import site

DSO, HOME = LimitId("dso"), LimitId("home")


class Contact:
    """A contact on paper; `level` None: the line cannot be read."""

    def __init__(self, level: bool | None = False) -> None:
        self.level = level

    def active(self) -> bool:
        if self.level is None:
            raise DeviceError("/dev/gpiochip0 line 6 cannot be read.")
        return self.level


def test_a_contact_is_seen_when_it_changes_and_wakes_the_loop_only_then() -> None:
    async def play() -> None:
        board, contact = SightBoard(site(), 0.0), Contact()
        wired = WiredLimits({DSO: contact}, board, FaultLog())
        for level, wakes in ((False, True), (False, False), (True, True), (True, False), (None, True), (None, False)):
            contact.level = level
            board.wake.clear()
            wired.look()
            assert board.wake.is_set() is wakes
            assert board.snapshot(1.0, journal_accepts=True).outside.called == {DSO: level}

    asyncio.run(play())


class Chip:
    """GPIO lines on paper; held: another program has them."""

    def __init__(self) -> None:
        self.held = True
        self.asked: list[tuple[str, int, bool]] = []

    def input(self, chip: str, line: int, *, active_low: bool) -> GpioInput:
        self.asked.append((chip, line, active_low))
        if self.held:
            raise DeviceError("/dev/gpiochip0 line 6 cannot be taken.")
        return Contact(False)

    def output(self, chip: str, line: int, *, active_low: bool) -> GpioOutput:
        raise DeviceError(f"{chip} line {line} is no output.")


def test_a_line_that_cannot_be_taken_counts_as_calling_until_it_can() -> None:
    async def play() -> None:
        board, chip, faults = SightBoard(site(), 0.0), Chip(), FaultLog()
        wired = WiredLimits({DSO: LateInput(chip, "/dev/gpiochip0", 6, active_low=True)}, board, faults)
        wired.look()
        assert board.snapshot(1.0, journal_accepts=True).outside.called == {DSO: None}
        assert faults.now == ("external limit dso",)
        chip.held = False
        wired.look()
        wired.look()
        assert board.snapshot(1.0, journal_accepts=True).outside.called == {DSO: False}
        assert chip.asked == [("/dev/gpiochip0", 6, True)] * 2

    asyncio.run(play())


def test_a_line_that_fails_is_a_fault_until_it_is_read_again() -> None:
    async def play() -> None:
        faults, contact = FaultLog(), Contact(None)
        wired = WiredLimits({DSO: contact}, SightBoard(site(), 0.0), faults)
        wired.look()
        assert faults.now == ("external limit dso",)
        contact.level = True
        wired.look()
        assert faults.now == ()

    asyncio.run(play())


def test_the_newest_word_of_each_limit_is_kept_and_wakes_the_loop() -> None:
    async def play() -> None:
        board = SightBoard(site(), 0.0)
        first, second = LimitTold(10.0, None, 50.0), LimitTold(6.0, None, 90.0)
        board.limit_told(HOME, first)
        board.limit_told(HOME, replace(first, current_a=8.0))
        board.limit_told(HOME, second)
        assert board.wake.is_set()
        assert board.snapshot(1.0, journal_accepts=True).outside.told == {HOME: second}
        assert board.snapshot(2.0, journal_accepts=True).outside.told == {HOME: second}

    asyncio.run(play())


def test_without_contacts_nothing_is_watched() -> None:
    asyncio.run(asyncio.wait_for(WiredLimits({}, SightBoard(site(), 0.0), FaultLog()).watch(), 1.0))
