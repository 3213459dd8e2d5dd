"""The rest that some units need between two requests to themselves; other units may be asked meanwhile."""

import asyncio
from typing import Final


class UnitRest:
    """One unit's breathing space: `await taken()` before each request, `spoke()` after each answer."""

    def __init__(self, silence_s: float) -> None:
        self._silence_s: Final = silence_s
        self._free_from_s = 0.0

    async def taken(self) -> None:
        """Returns when the unit may be asked again: at once if nothing was said for `silence_s`."""
        wait_s = self._free_from_s - asyncio.get_running_loop().time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def spoke(self) -> None:
        self._free_from_s = asyncio.get_running_loop().time() + self._silence_s
