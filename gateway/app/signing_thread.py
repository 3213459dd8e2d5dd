"""Signing beside the event loop: a token takes half a second, and no tick, poll or telegram waits for it."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from gateway.devices.protocols import SignerKey
from gateway.errors import DeviceError, JournalDamaged

SIGNED_WITHIN_S: Final = 10.0
"""A token takes half a second at most; one that hangs must not hold the journal."""

_T = TypeVar("_T")


class SigningThread:
    """One key. Its failure is as final as that of a sync: the page stays durable, and the next start signs it."""

    def __init__(self, key: SignerKey, *, within_s: float = SIGNED_WITHIN_S) -> None:
        self._key = key
        self._within_s = within_s
        self.failure: str | None = None

    def signed(self, text: bytes) -> str:
        """The signature in hex. To be called in `apart`."""
        return self._key.sign(text).hex().upper()

    async def sign(self, text: bytes) -> bytes:
        """The signature. Raises JournalDamaged."""
        return await self.apart(lambda: self._key.sign(text))

    async def apart(self, work: Callable[[], _T]) -> _T:
        """Work that signs, in a thread. Raises JournalDamaged, for ever after the first failure of the key."""
        self.require_whole()
        try:
            async with asyncio.timeout(self._within_s):
                return await asyncio.to_thread(work)
        except TimeoutError:
            self.failure = f"the signing key gave no answer within {self._within_s:g} s"
        except DeviceError as problem:
            self.failure = f"the signing key failed and is not tried again: {problem}"
        raise JournalDamaged(self.failure)

    def require_whole(self) -> None:
        """Raises JournalDamaged after a failure of the key."""
        if self.failure is not None:
            raise JournalDamaged(self.failure)
