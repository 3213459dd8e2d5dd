"""The whole journal is checked every day while the daemon runs; a finding ends charging at once."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from gateway.devices.journal_check import checked_in_slices, mark_damaged
from gateway.errors import DeviceError, JournalDamaged, WrittenByNewer
from gateway.journal.audit import Audit, Checked
from gateway.journal.chain import Head
from gateway.journal.facts import ChainChecked
from gateway.journal.heads import RolledBack

FIRST_AFTER_S: Final = 600.0
EVERY_S: Final = 86_400.0
TOLD_WITHIN_S: Final = 1.0
"""So long a finding has to reach the broker before the daemon ends."""
log = logging.getLogger("laddvakt")

Tell = Callable[[ChainChecked | RolledBack | str | None], None]
"""Shows the newest check, None before the first, or a finding. Must not wait."""


class CheckedLedger(Protocol):
    """The part of the ledger that a check needs (`app.ledger.Ledger`)."""

    def chain(self) -> tuple[Head, ChainChecked | None]: ...

    async def note(self, wish: Checked) -> None: ...


class DailyCheck:
    """Runs for as long as the daemon; `close` ends a check that is on its way."""

    def __init__(self, folder: Path, ledger: CheckedLedger, tell: Tell) -> None:
        self._folder = folder
        self._ledger = ledger
        self._tell = tell
        self._stop = threading.Event()

    async def run(self, *, first_after_s: float = FIRST_AFTER_S, every_s: float = EVERY_S) -> None:
        """Checks soon after the start and then daily. Raises JournalDamaged at the first finding."""
        _, last = self._ledger.chain()
        self._tell(last)
        pause_s = first_after_s
        try:
            while True:
                await asyncio.sleep(pause_s)
                await self._check()
                pause_s = every_s
        finally:
            self._stop.set()

    async def _check(self) -> None:
        began_s = time.monotonic()
        head, _ = self._ledger.chain()
        try:
            audit = await asyncio.to_thread(checked_in_slices, self._folder, head, self._rest)
        except WrittenByNewer:
            raise
        except JournalDamaged as problem:
            await self._found(str(problem))
            raise
        if audit is not None:
            await self._whole(audit, time.monotonic() - began_s)

    def _rest(self, seconds: float) -> bool:
        return not self._stop.wait(seconds)

    async def _whole(self, audit: Audit, took_s: float) -> None:
        log.info(
            "journal: all %d rows and %d signed pages are whole; looked for %.0f s", audit.head.seq, audit.pages, took_s
        )
        await self._ledger.note(Checked(audit.head, audit.pages))
        _, last = self._ledger.chain()
        self._tell(last)

    async def _found(self, problem: str) -> None:
        log.critical("journal: the daily check found: %s; charging ends", problem)
        try:
            await asyncio.to_thread(mark_damaged, self._folder, problem)
        except DeviceError as fault:
            log.critical("journal: the finding cannot be kept: %s", fault)
        self._tell(problem)
        await asyncio.sleep(TOLD_WITHIN_S)
