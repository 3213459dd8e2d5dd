"""A Modbus bus on a pty, with units that misbehave as a test wants."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from gateway.devices.modbus_bus import PymodbusBus
from gateway.errors import DeviceError
from tests.devices.pty_units import Answer, PtyUnits

Outcome = TypeVar("Outcome")
TIMEOUT_S = 0.05
QUIET_S = 0.12
PAUSE_S = 0.05


def on_wire(
    answers: dict[int, Answer],
    scenario: Callable[[PymodbusBus, PtyUnits], Awaitable[Outcome]],
    *,
    echo: bool = False,
    local_echo: bool = False,
    quiet_s: float = QUIET_S,
    pause_s: float = PAUSE_S,
) -> Outcome:
    """Runs a scenario with a bus whose wire is a pty with these units on it."""

    async def play() -> Outcome:
        units = PtyUnits(answers, echo=echo)
        bus = PymodbusBus(
            "bus0",
            units.path,
            baud=115200,
            timeout_s=TIMEOUT_S,
            local_echo=local_echo,
            quiet_s=quiet_s,
            pause_s=pause_s,
        )
        owner = asyncio.create_task(bus.run())
        try:
            return await scenario(bus, units)
        finally:
            owner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await owner
            units.close()

    return asyncio.run(play())


async def failure(call: Awaitable[object]) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await call
    return caught.value
