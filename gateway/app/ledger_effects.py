"""Facts go to the journal one after the other, in the order of the wishes; what became durable comes back as outcomes.

The queue is bounded by what control can wish: when it is full the journal has stopped moving, and charging stops.
"""

import asyncio
import logging
from typing import Final, Protocol

from gateway.app.sight_board import SightBoard
from gateway.errors import DeviceError, JournalDamaged
from gateway.ids import SessionId
from gateway.site.outcomes import Edge, RecordDurable, RecordFailed
from gateway.site.wishes import NoteEvent, NoteQueued, NoteWithdrawn, RecordBegin, RecordEnd, SaveCheckpoint

JOBS_MAX: Final = 1024
log = logging.getLogger("laddvakt")

Note = NoteQueued | NoteWithdrawn | NoteEvent | SaveCheckpoint
LedgerWish = RecordBegin | RecordEnd | Note


class LedgerDoor(Protocol):
    """What the loop needs of the ledger (`app.ledger.Ledger`)."""

    @property
    def accepts(self) -> bool: ...

    async def record_begin(self, wish: RecordBegin) -> RecordDurable: ...

    async def record_end(self, wish: RecordEnd) -> RecordDurable: ...

    async def note(self, wish: Note) -> None: ...


class LedgerEffects:
    """The one task that writes the journal."""

    def __init__(self, ledger: LedgerDoor, board: SightBoard) -> None:
        self._ledger = ledger
        self._board = board
        self._jobs: asyncio.Queue[LedgerWish] = asyncio.Queue(JOBS_MAX)
        self._pending = 0
        self._recording: set[tuple[SessionId, Edge]] = set()

    @property
    def all_durable(self) -> bool:
        """Nothing is announced before it is durable: True when no wish waits for the disk."""
        return self._pending == 0

    def wish(self, wish: LedgerWish) -> None:
        """Takes a wish; a record that is already on its way is not taken twice. Raises JournalDamaged when full."""
        key = _record_of(wish)
        if key is not None:
            if key in self._recording:
                return
            self._recording.add(key)
        try:
            self._jobs.put_nowait(wish)
        except asyncio.QueueFull:
            raise JournalDamaged(f"{JOBS_MAX} facts wait for the disk; the journal does not move") from None
        self._pending += 1

    async def write(self) -> None:
        while True:
            wish = await self._jobs.get()
            key = _record_of(wish)
            try:
                match wish:
                    case RecordBegin():
                        self._board.came_of_it(await self._ledger.record_begin(wish))
                    case RecordEnd():
                        self._board.came_of_it(await self._ledger.record_end(wish))
                    case _:
                        await self._ledger.note(wish)
            except DeviceError as problem:
                log.error("journal: %s", problem)
                if key is not None:
                    self._board.came_of_it(RecordFailed(key[0], key[1], str(problem)))
            finally:
                self._pending -= 1
                if key is not None:
                    self._recording.discard(key)
            self._board.wake.set()


def _record_of(wish: LedgerWish) -> tuple[SessionId, Edge] | None:
    match wish:
        case RecordBegin():
            return wish.session, Edge.BEGIN
        case RecordEnd():
            return wish.session, Edge.END
        case _:
            return None
