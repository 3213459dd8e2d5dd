"""A Heidelberg Energy Control on paper: commissioned, set and looked at as its register table says."""

import asyncio
from dataclasses import replace
from importlib import resources

import pytest

from gateway.actuators.catalogue import parse_wallbox
from gateway.devices.wallboxes import ModbusWallbox
from gateway.errors import DeviceError
from gateway.site.snapshot import Pilot
from tests.devices.paper_bus import PaperBus, PaperUnit, StepClock

MODEL = parse_wallbox(
    (resources.files("gateway.actuators") / "models" / "wallboxes" / "heidelberg-energy-control.toml")
    .read_text(encoding="utf-8")
    .replace("silence_s = 0.1", "silence_s = 0.0")
)


def box_on(bus: PaperBus, failsafe_a: float = 6.0) -> ModbusWallbox:
    return ModbusWallbox(bus, 1, MODEL, StepClock(), failsafe_a)


def heidelberg(*, state: int = 4, deaf: frozenset[int] = frozenset()) -> PaperBus:
    """As delivered: watchdog 15 s, failsafe 0, standby on, unlocked."""
    registers = {(3, 257): 15000, (3, 258): 0, (3, 259): 1, (3, 261): 0, (3, 262): 0, (4, 5): state}
    return PaperBus({1: PaperUnit(registers, deaf_registers=deaf)})


def writes(bus: PaperBus) -> list[tuple[object, ...]]:
    return [entry[1:] for entry in bus.log if entry[0] == "write"]


def test_commissioning_writes_what_differs_and_reads_it_back() -> None:
    async def play() -> None:
        bus = heidelberg()
        box = box_on(bus)
        await box.commission()
        assert writes(bus) == [(262, 60), (258, 4)]
        await box.commission()
        assert len(writes(bus)) == 2

    asyncio.run(play())


@pytest.mark.parametrize("register", [258, 262])
def test_a_box_that_does_not_take_a_setting_is_an_error(register: int) -> None:
    async def play() -> None:
        with pytest.raises(DeviceError, match=f"register {register}"):
            await box_on(heidelberg(deaf=frozenset({register}))).commission()

    asyncio.run(play())


def test_a_failsafe_below_six_amperes_is_a_stop() -> None:
    async def play() -> None:
        bus = heidelberg()
        bus.units[1].registers[3, 262] = 160
        await box_on(bus, failsafe_a=5.0).commission()
        assert (262, 0) in writes(bus)

    asyncio.run(play())


def test_a_setpoint_is_written_in_tenths_and_never_between_nothing_and_six_amperes() -> None:
    async def play() -> None:
        bus = heidelberg()
        box = box_on(bus)
        for current_a in (16.0, 10.37, 5.9, 0.0):
            await box.set_current(current_a)
        assert writes(bus) == [(261, 160), (261, 103), (261, 0), (261, 0)]

    asyncio.run(play())


@pytest.mark.parametrize(
    ("state", "pilot", "applied_a"),
    [
        (2, Pilot.A, 12.0),
        (5, Pilot.B, 12.0),
        (7, Pilot.C, 12.0),
        (8, Pilot.C, None),
        (9, Pilot.E, 12.0),
        (99, None, None),
    ],
)
def test_the_box_tells_its_state_and_what_it_offers_unless_it_lowers_itself(
    state: int, pilot: Pilot | None, applied_a: float | None
) -> None:
    async def play() -> None:
        bus = heidelberg(state=state)
        bus.units[1].registers[3, 261] = 120
        seen = await box_on(bus).look()
        assert (seen.pilot, seen.applied_a) == (pilot, applied_a)

    asyncio.run(play())


def test_the_bus_is_told_how_much_rest_the_box_needs() -> None:
    bus = heidelberg()
    ModbusWallbox(bus, 1, replace(MODEL, silence_s=0.1), StepClock(), 0.0)
    assert bus.rest_s == {1: 0.1}


def test_the_setpoint_is_repeated_three_times_within_the_boxs_watchdog() -> None:
    assert box_on(heidelberg()).refresh_s == 5.0


def test_a_silent_box_is_an_error() -> None:
    async def play() -> None:
        box = box_on(PaperBus({}))
        for call in (box.look(), box.set_current(6.0), box.commission()):
            with pytest.raises(DeviceError):
                await call

    asyncio.run(play())


def test_a_box_behind_a_phase_switch_is_told_its_phases_and_says_them() -> None:
    text = (resources.files("gateway.actuators") / "models" / "wallboxes" / "heidelberg-1p3p.toml").read_text("utf-8")
    model = parse_wallbox(text.replace("silence_s = 0.1", "silence_s = 0.0"))

    async def play() -> None:
        bus = heidelberg()
        bus.units[1].registers[3, 4] = 3
        box = ModbusWallbox(bus, 1, model, StepClock(), 0.0)
        assert (await box.look()).phases == 3
        await box.set_phases(1)
        assert (await box.look()).phases == 1
        assert writes(bus) == [(4, 1)]
        bus.units[1].registers[3, 4] = 2
        assert (await box.look()).phases is None
        with pytest.raises(DeviceError, match="cannot switch"):
            await box_on(bus).set_phases(1)

    asyncio.run(play())
