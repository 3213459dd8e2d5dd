"""The head that this gateway published last lies at the broker: a journal that does not hold it is an old copy.

Only a head that the journal's own newest key signed counts. Whoever else writes on the topic is not heard, so nobody
stops a house by it; and what is stale there is a row of the journal, and no finding (decision 7).
"""

import asyncio
import logging
from pathlib import Path
from typing import Protocol

from gateway.app.journal_check import TOLD_WITHIN_S, Tell
from gateway.app.meter_records import Voice
from gateway.config.plans import Cabinet
from gateway.devices.journal_check import is_among, mark_damaged
from gateway.errors import DeviceError, JournalDamaged
from gateway.journal.chain import Head
from gateway.journal.facts import ChainChecked
from gateway.journal.heads import RolledBack, head_in_message
from gateway.metering.keys import public_key
from gateway.publish import topic_names
from gateway.site.because import Because, Why
from gateway.site.wishes import NoteEvent

log = logging.getLogger("laddvakt")


class HeadLedger(Protocol):
    """The part of the ledger that is asked (`app.ledger.Ledger`)."""

    @property
    def public_key_hex(self) -> str: ...

    def chain(self) -> tuple[Head, ChainChecked | None]: ...

    async def note(self, wish: NoteEvent) -> None: ...


class OutboxVoice(Voice, Protocol):
    """The broker's link, which is told that something waits for it."""

    def outbox_changed(self) -> None: ...


class PublishedHead:
    """Looks at what the broker kept, after each connection. link: to listen on."""

    def __init__(self, cabinet: Cabinet, ledger: HeadLedger, link: OutboxVoice, tell: Tell) -> None:
        self._folder: Path = cabinet.state_dir
        self._ledger = ledger
        self._link = link
        self._tell = tell
        self._key = public_key(ledger.public_key_hex)
        self._kept: Head | None = None
        self._heard = asyncio.Event()
        link.listen(topic_names.journal_head(cabinet.site.gateway_id), self.heard)

    def heard(self, _topic: str, payload: bytes, retained: bool) -> None:
        """A message on the head's topic; only what the broker kept is asked about."""
        if not retained:
            return
        head = head_in_message(payload, self._key)
        if head is None:
            log.warning("journal: the head that lies at the broker was not signed with this gateway's key: not heard")
            return
        self._kept = head
        self._heard.set()

    async def run(self) -> None:
        """Looks for ever. Raises JournalDamaged if the journal is an old copy."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            await self.look()

    async def look(self) -> None:
        """Holds the newest that was heard against the journal. Raises JournalDamaged if it is an old copy."""
        kept = self._kept
        if kept is not None and not await asyncio.to_thread(is_among, self._folder, kept):
            newest, _ = self._ledger.chain()
            await self._found(RolledBack(kept, newest))

    async def _found(self, finding: RolledBack) -> None:
        """The mark stands before anything else: whatever happens now, the next start finds it."""
        log.critical("journal: %s; charging ends", finding)
        try:
            await asyncio.to_thread(mark_damaged, self._folder, str(finding), finding.published)
        except DeviceError as fault:
            log.critical("journal: the finding cannot be kept: %s", fault)
        self._tell(finding)
        try:
            await self._ledger.note(NoteEvent(None, Because(Why.JOURNAL_ROLLED_BACK)))
        except DeviceError as fault:
            log.critical("journal: the finding is not among its events: %s", fault)
        self._link.outbox_changed()
        await asyncio.sleep(TOLD_WITHIN_S)
        raise JournalDamaged(str(finding))
