"""The tick: snapshot, decide, hand over wishes, publish, pet the watchdog. It waits for nothing but time."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from gateway.app.effects import ContactorEffects, MeterEffects, WallboxEffects
from gateway.app.flight_recorder import Record
from gateway.app.ledger_effects import LedgerEffects
from gateway.app.sight_board import SightBoard
from gateway.clock import Instant
from gateway.control.commands import automatic_starts
from gateway.control.decide import decide
from gateway.control.state import ControlState
from gateway.devices.protocols import Clock, Heartbeat
from gateway.errors import DeviceError, JournalDamaged
from gateway.ids import SessionId, SocketId, socket_token
from gateway.site.requests import Source, StartSession
from gateway.site.snapshot import SiteSnapshot
from gateway.site.wishes import (
    Close,
    NoteEvent,
    NoteQueued,
    NoteWithdrawn,
    Open,
    RecordBegin,
    RecordEnd,
    SaveCheckpoint,
    SetCurrent,
    SetPhases,
    TakeReading,
    Wish,
)

TICK_S: Final = 1.0
TICK_REST_S_MIN: Final = 0.02
"""However fast telegrams come, the loop leaves this much time for the wires. A tick by time is followed at once."""
JOURNAL_HUNG_S: Final = 8.0
STANDSTILL_S_MAX: Final = 10.0
"""WatchdogSec of the unit: who stood still for longer (SIGSTOP, a paused machine) has been given up for dead."""


log = logging.getLogger("laddvakt")


class JournalPulse(Protocol):
    """Proof that the journal's writer lives."""

    @property
    def accepts(self) -> bool: ...

    @property
    def accepts_sessions(self) -> bool: ...

    @property
    def writer_progress(self) -> int: ...


class Pulse(Protocol):
    """Where a finished tick is told (systemd's watchdog)."""

    def alive(self) -> None: ...


class SocketEffects:
    """The effects of one socket; None where it has no such device."""

    def __init__(
        self, meter: MeterEffects | None, contactor: ContactorEffects | None, wallbox: WallboxEffects | None
    ) -> None:
        self.meter = meter
        self.contactor = contactor
        self.wallbox = wallbox


class ControlLoop:
    """Owns control's state. `publish(snapshot, state, now)` and `record(snapshot, before, decision, now)` must not
    wait."""

    def __init__(
        self,
        *,
        state: ControlState,
        board: SightBoard,
        effects: Mapping[SocketId, SocketEffects],
        ledger_effects: LedgerEffects,
        journal: JournalPulse,
        publish: Callable[[SiteSnapshot, ControlState, Instant], None],
        watchdog: Pulse,
        heartbeat: Heartbeat | None,
        clock: Clock,
        record: Record | None = None,
    ) -> None:
        self.state = state
        self._board = board
        self._effects = effects
        self._ledger_effects = ledger_effects
        self._journal = journal
        self._publish = publish
        self._watchdog = watchdog
        self._heartbeat = heartbeat
        self._clock = clock
        self._record = record
        self._journal_progress = -1
        self._journal_moved_s = clock.now().monotonic_s
        self._ticked_s: float | None = None

    async def run(self, until: Callable[[ControlState], bool]) -> None:
        """Ticks about once a second, at once when the board wakes it, until `until(state)` is true."""
        woken = False
        while True:
            self.tick()
            if until(self.state):
                return
            if woken:
                await asyncio.sleep(TICK_REST_S_MIN)
            try:
                async with asyncio.timeout(TICK_S):
                    await self._board.wake.wait()
                woken = True
            except TimeoutError:
                woken = False

    def tick(self) -> None:
        """One finished tick. Raises JournalDamaged if the journal's writer has hung, DeviceError after a standstill."""
        self._board.wake.clear()
        now = self._clock.now()
        self._watch_standstill(now.monotonic_s)
        snapshot = self._board.snapshot(now.monotonic_s, journal_accepts=self._journal.accepts_sessions)
        decision = decide(snapshot, self.state, now)
        _log_changes(self.state, decision.state)
        before, self.state = self.state, decision.state
        for wish in lowering_first(decision.wishes, before):
            self._hand_over(wish)
        for socket in automatic_starts(snapshot, self.state):
            session = SessionId(str(uuid.uuid4()))
            self._board.asked(StartSession(socket, session, socket_token(socket), Source.AUTOMATIC))
        if self._ledger_effects.all_durable or not self._journal.accepts:
            self._publish(snapshot, self.state, now)
        if self._record is not None:
            self._record(snapshot, before, decision, now)
        self._watch_journal(now.monotonic_s)
        if self._heartbeat is not None:
            self._heartbeat.beat()
        self._watchdog.alive()

    def _hand_over(self, wish: Wish) -> None:
        match wish:
            case SetCurrent():
                wallbox = self._effects[wish.socket].wallbox
                if wallbox is not None:
                    wallbox.wish(wish)
            case SetPhases():
                wallbox = self._effects[wish.socket].wallbox
                if wallbox is not None:
                    wallbox.wish_phases(wish)
            case Close() | Open():
                contactor = self._effects[wish.socket].contactor
                if contactor is not None:
                    contactor.wish(wish)
            case TakeReading():
                meter = self._effects[wish.socket].meter
                if meter is not None:
                    meter.wish(wish)
            case RecordBegin() | RecordEnd() | NoteQueued() | NoteWithdrawn() | NoteEvent() | SaveCheckpoint():
                self._ledger_effects.wish(wish)

    def _watch_standstill(self, now_s: float) -> None:
        """Telegrams that waited in the port's buffer meanwhile look new and are not; relays may have been opened."""
        stood_s = 0.0 if self._ticked_s is None else now_s - self._ticked_s
        if stood_s > STANDSTILL_S_MAX:
            raise DeviceError(
                f"the gateway stood still for {stood_s:.0f} s, so what it has seen is worth nothing; it ends, opens "
                "everything and is to be started anew. Find what stopped it: memory, storage, a paused machine."
            )
        self._ticked_s = now_s

    def _watch_journal(self, now_s: float) -> None:
        progress = self._journal.writer_progress
        if progress != self._journal_progress:
            self._journal_progress = progress
            self._journal_moved_s = now_s
        elif now_s - self._journal_moved_s > JOURNAL_HUNG_S:
            raise JournalDamaged(f"the journal's writer has not moved for {JOURNAL_HUNG_S:.0f} s")


def lowering_first(wishes: Iterable[Wish], before: ControlState) -> list[Wish]:
    """What opens or lowers goes to its wire before anything that raises another on the same wire; else in order."""

    def lowers(wish: Wish) -> bool:
        if isinstance(wish, SetCurrent):
            return wish.current_a < before.sockets[wish.socket].granted_a
        return isinstance(wish, Open)

    return sorted(wishes, key=lambda wish: not lowers(wish))


def _log_changes(before: ControlState, after: ControlState) -> None:
    """One line for each change that people look for; no tokens."""
    if before.grid is not after.grid:
        log.info("grid meter: %s, was %s", after.grid.name.lower(), before.grid.name.lower())
    for name, socket in after.sockets.items():
        was = before.sockets[name]
        session, old = socket.session, was.session
        if old is not None and (session is None or session.id != old.id):
            log.info("socket %s: session %s is over", name, old.id)
        if session is not None and (old is None or old.id != session.id or old.phase is not session.phase):
            log.info("socket %s: session %s %s (%s)", name, session.id, session.phase.value, socket.because.why.value)
        if was.contactor is not socket.contactor:
            log.info("socket %s: contactor %s", name, socket.contactor.value)
        if socket.problem is not None and (was.problem is None or was.problem.why is not socket.problem.why):
            log.warning("socket %s: %s", name, socket.problem.why.value)
        if socket.locked is not None and was.locked is None:
            log.warning("socket %s: locked (%s)", name, socket.locked.why.value)
