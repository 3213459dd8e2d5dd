"""A journal store on a real file for the time of one piece of work, and a fact to write in it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.clock import Instant, UtcTrust
from gateway.devices.journal_store import JournalStore
from gateway.journal.facts import ClockSeen

NOW = Instant(12.5, datetime(2026, 3, 1, 9, tzinfo=UTC), UtcTrust.SYNCHRONISED)


def note(text: str = "x") -> ClockSeen:
    return ClockSeen(NOW, text)


def with_store(folder: Path, work: Callable[[JournalStore], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def run() -> None:
        store = JournalStore.open(folder, **options)
        try:
            list(store.facts())
            await work(store)
        finally:
            await store.close()

    asyncio.run(run())
