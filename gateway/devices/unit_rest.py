"""The rest that some units need between two requests to themselves; other units may be asked meanwhile."""

import asyncio
from types import TracebackType
from typing import Final


class UnitRest:
    """One unit's turn: `async with` around each request. Enters when nobody else talks to the unit and it has rested
    for `silence_s` since the last word; at once if it has."""

    def __init__(self, silence_s: float) -> None:
        self._silence_s: Final = silence_s
        self._turn: Final = asyncio.Lock()
        self._free_from_s = 0.0

    async def __aenter__(self) -> None:
        await self._turn.acquire()
        try:
            wait_s = self._free_from_s - asyncio.get_running_loop().time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
        except asyncio.CancelledError:
            self._turn.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free_from_s = asyncio.get_running_loop().time() + self._silence_s
        self._turn.release()
