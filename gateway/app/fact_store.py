"""What the ledger needs of the place where facts become durable."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from gateway.journal.chain import Head
from gateway.journal.facts import Fact
from gateway.journal.outbox import Message, PendingMessage
from gateway.metering.keys import PublicKey


class FactStore(Protocol):
    """Where facts become durable (`devices.journal_store.JournalStore`)."""

    @property
    def accepts(self) -> bool: ...

    @property
    def accepts_sessions(self) -> bool: ...

    @property
    def progress(self) -> int: ...

    @property
    def head(self) -> Head: ...

    def facts(self, trusted: PublicKey | None = None) -> Iterator[Fact]: ...

    async def append(self, facts: Sequence[Fact], messages: Sequence[Message] = ()) -> tuple[int, ...]: ...

    async def pending_outbox(self, limit: int) -> tuple[PendingMessage, ...]: ...

    async def outbox_delivered(self, ids: Sequence[int]) -> None: ...

    async def fact_named(self, name: str) -> Fact | None: ...

    async def close(self) -> None: ...
