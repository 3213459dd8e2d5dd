"""Two fates: device loops are kept alive with back-off, the control loop is not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.app.faults import FaultLog
from gateway.errors import DeviceError

BACK_OFF_S_FIRST: Final = 0.5
BACK_OFF_S_MAX: Final = 30.0
WELL_AFTER_S: Final = 60.0


async def keep_alive(name: str, run: Callable[[], Awaitable[None]], faults: FaultLog) -> None:
    """Runs a device loop again and again. Only `DeviceError` is survived; anything else ends the process."""
    back_off_s = BACK_OFF_S_FIRST
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        try:
            await run()
        except DeviceError as problem:
            faults.on(name, str(problem))
        if loop.time() - began_s > WELL_AFTER_S:
            back_off_s = BACK_OFF_S_FIRST
        await asyncio.sleep(back_off_s)
        back_off_s = min(BACK_OFF_S_MAX, back_off_s * 2)
