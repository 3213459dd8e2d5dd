"""Opens every contactor and stops every wallbox, with nothing but the config: after a crash, and at ExecStopPost.

It reads nothing and waits for nobody longer than it must. Every device is tried, whatever became of the others.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

from gateway.app.wiring import build_bus, build_sockets
from gateway.config.plans import Cabinet
from gateway.devices.system_clock import SystemClock
from gateway.errors import DeviceError

OPEN_WITHIN_S: Final = 8.0
log = logging.getLogger("laddvakt")


async def open_everything(cabinet: Cabinet) -> tuple[str, ...]:
    """What could not be opened or stopped, as sentences; empty when all is safe.

    Wallboxes on MQTT are not among them: without the daemon their setpoint runs out by itself.
    """
    buses = {plan.id: build_bus(plan) for plan in cabinet.buses.values()}
    devices = build_sockets(cabinet, buses, None, SystemClock())
    owners = [asyncio.create_task(bus.run()) for bus in buses.values()]
    deeds: list[Awaitable[str | None]] = []
    for name, it in devices.items():
        if it.contactor is not None:
            deeds.append(_tried(f"contactor of socket {name}", it.contactor.open()))
        if it.wallbox is not None:
            deeds.append(_tried(f"wallbox of socket {name}", it.wallbox.set_current(0.0)))
    failed = [problem for problem in await asyncio.gather(*deeds) if problem is not None]
    for owner in owners:
        owner.cancel()
    if owners:
        await asyncio.wait(owners)
    for problem in failed:
        log.error("%s", problem)
    return tuple(failed)


async def _tried(what: str, deed: Awaitable[None]) -> str | None:
    try:
        async with asyncio.timeout(OPEN_WITHIN_S):
            await deed
    except DeviceError as problem:
        return f"{what} could not be made safe: {problem}"
    except TimeoutError:
        return f"{what} could not be made safe within {OPEN_WITHIN_S:.0f} s"
    return None
