"""Wishes become deeds here: one latest wish per actuator, slow steps come back as outcomes.

Each actuator has two tasks. The *driver* writes: at once when the wish changes, again while the world does not match,
and before a timed command runs out. The *watcher* reads once a second. Apart, so that a read that waits for a slow
bus never holds up a lowering. Looks, raises and repetitions keep clear of the moment when the next telegram is due, so
that what it demands finds a free wire and a rested box. A wish that control has not renewed
for `WISH_KEPT_S` no longer closes, raises or refreshes anything: then the relay's dead-man or the box's failsafe takes
over.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from gateway.app.faults import FaultLog
from gateway.app.sight_board import SightBoard
from gateway.devices.protocols import Clock, Contactor, SocketMeter, Wallbox
from gateway.errors import DeviceError
from gateway.ids import SessionId, SocketId
from gateway.site.outcomes import Edge, ReadingFailed, ReadingTaken
from gateway.site.snapshot import ContactorSight, Position, WallboxSight
from gateway.site.wishes import Close, Open, SetCurrent, SetPhases, TakeReading

WISH_KEPT_S: Final = 5.0
LOOK_EVERY_S: Final = 1.0
RETRY_AFTER_S: Final = 0.3
LOOK_MARGIN_S: Final = 0.15
"""A box rests up to 0.1 s after a look, and the wire may be shared."""
COMMISSION_EVERY_S: Final = 3600.0
COMMISSION_RETRY_S: Final = 5.0
PHASES_RETRY_S: Final = 20.0


class ContactorEffects:
    """One contactor: its latest wish, driver and watcher."""

    def __init__(
        self, socket: SocketId, contactor: Contactor, board: SightBoard, clock: Clock, faults: FaultLog
    ) -> None:
        self._socket = socket
        self._contactor = contactor
        self._board = board
        self._clock = clock
        self._faults = faults
        self._wish: Close | Open | None = None
        self._wished_s = 0.0
        self._coil: Position | None = None
        self._closed_s = 0.0
        self._changed = asyncio.Event()

    def wish(self, wish: Close | Open) -> None:
        if type(wish) is not type(self._wish):
            self._coil = None
            self._changed.set()
        self._wish = wish
        self._wished_s = self._clock.now().monotonic_s

    async def drive(self) -> None:
        name = f"socket {self._socket} contactor"
        while True:
            await _event_or_timeout(self._changed, RETRY_AFTER_S)
            try:
                await self._match()
            except DeviceError as problem:
                self._faults.on(name, str(problem))
            else:
                if self._coil is not None:
                    self._faults.off(name)

    async def watch(self) -> None:
        name = f"socket {self._socket} contactor sight"
        while True:
            await asyncio.sleep(self._board.clear_of_telegram_s(self._clock.now().monotonic_s, LOOK_MARGIN_S))
            try:
                sight = await self._contactor.look()
            except DeviceError as problem:
                self._faults.on(name, str(problem))
            else:
                self._faults.off(name)
                self._take(sight)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _match(self) -> None:
        """Writes if the coil is not known to stand as wished, or if its timed close is to be renewed."""
        match self._wish:
            case Open():
                if self._coil is not Position.OPEN:
                    await self._contactor.open()
                    self._settle(Open, Position.OPEN)
            case Close():
                now_s = self._clock.now().monotonic_s
                refresh_s = self._contactor.refresh_s
                due = refresh_s is not None and now_s - self._closed_s >= refresh_s
                if now_s - self._wished_s <= WISH_KEPT_S and (self._coil is not Position.CLOSED or due):
                    await self._contactor.close()
                    self._closed_s = now_s
                    self._settle(Close, Position.CLOSED)
            case None:
                pass

    def _take(self, sight: ContactorSight) -> None:
        """Lays the sight out. A coil that stands as told no longer is told again: to open, at once; to close, when
        control has seen that it let go and wishes it still."""
        self._board.contactor_seen(self._socket, sight)
        wished = Position.CLOSED if isinstance(self._wish, Close) else Position.OPEN
        if self._coil is wished and sight.coil is not wished:
            self._coil = None
            if wished is Position.CLOSED:
                self._wished_s = -math.inf
                self._board.wake.set()
            self._changed.set()

    def _settle(self, done: type[Close] | type[Open], coil: Position) -> None:
        """What was written counts only if the wish did not change meanwhile."""
        self._coil = coil if type(self._wish) is done else None


class WallboxEffects:
    """One wallbox: its latest current, driver and watcher. Raised only once its failsafe is written and read back."""

    def __init__(self, socket: SocketId, wallbox: Wallbox, board: SightBoard, clock: Clock, faults: FaultLog) -> None:
        self._socket = socket
        self._wallbox = wallbox
        self._board = board
        self._clock = clock
        self._faults = faults
        self._wish: SetCurrent | None = None
        self._phases: SetPhases | None = None
        self._phases_wished_s = 0.0
        self._phases_written: int | None = None
        self._phases_written_s = 0.0
        self._wished_s = 0.0
        self._written_a: float | None = None
        self._written_s = 0.0
        self._commission_s = 0.0
        self._commissioned = False
        self._look_s = 0.0
        self._changed = asyncio.Event()

    def wish(self, wish: SetCurrent) -> None:
        if self._wish is None or wish.current_a != self._wish.current_a:
            self._changed.set()
        if wish.current_a > 0.0:
            self._phases = None
        self._wish = wish
        self._wished_s = self._clock.now().monotonic_s

    def wish_phases(self, wish: SetPhases) -> None:
        if self._phases is None or wish.phases != self._phases.phases:
            self._changed.set()
        self._phases = wish
        self._phases_wished_s = self._clock.now().monotonic_s

    async def drive(self) -> None:
        name = f"socket {self._socket} wallbox"
        while True:
            await _event_or_timeout(self._changed, RETRY_AFTER_S)
            try:
                await self._match()
                await self._match_phases()
            except DeviceError as problem:
                self._written_a = None
                self._faults.on(name, str(problem))
            else:
                if self._written_a is not None:
                    self._faults.off(name)

    async def watch(self) -> None:
        name = f"socket {self._socket} wallbox sight"
        while True:
            await asyncio.sleep(self._clear_of_telegram_s())
            if self._renewed():
                began_s = self._clock.now().monotonic_s
                try:
                    await self._commission_when_due()
                    sight = await self._wallbox.look()
                except DeviceError as problem:
                    self._faults.on(name, str(problem))
                else:
                    self._faults.off(name)
                    self._board.wallbox_seen(self._socket, sight)
                    self._phases_seen(sight)
                    self._look_s = self._clock.now().monotonic_s - began_s
            await asyncio.sleep(LOOK_EVERY_S)

    async def _match(self) -> None:
        if self._wish is None:
            return
        wished_a = self._wish.current_a if self._commissioned else 0.0
        due = self._clock.now().monotonic_s - self._written_s >= self._wallbox.refresh_s
        if wished_a == self._written_a and not due:
            return
        lowers = self._written_a is None or wished_a < self._written_a
        if not lowers and self._clear_of_telegram_s() > 0:
            return
        if self._renewed() or wished_a == 0.0:
            await self._wallbox.set_current(wished_a)
            self._written_a = wished_a
            self._written_s = self._clock.now().monotonic_s

    async def _match_phases(self) -> None:
        """Phases are switched only at 0 A, written and wished, and while control still sees that nothing flows."""
        wish = self._phases
        kept = self._clock.now().monotonic_s - self._phases_wished_s <= WISH_KEPT_S
        if wish is None or wish.phases == self._phases_written or not kept or not self._renewed():
            return
        if self._written_a == 0.0 and self._wish is not None and self._wish.current_a == 0.0:
            await self._wallbox.set_phases(wish.phases)
            self._phases_written = wish.phases
            self._phases_written_s = self._clock.now().monotonic_s

    def _phases_seen(self, sight: WallboxSight) -> None:
        """A box that forgot what it was told is told again."""
        forgot = sight.phases is not None and sight.phases != self._phases_written
        if forgot and self._clock.now().monotonic_s - self._phases_written_s >= PHASES_RETRY_S:
            self._phases_written = None

    async def _commission_when_due(self) -> None:
        """The hourly check takes nothing from a car that charges, unless it fails."""
        now_s = self._clock.now().monotonic_s
        if self._commissioned and now_s - self._commission_s < COMMISSION_EVERY_S:
            return
        if not self._commissioned and self._commission_s and now_s - self._commission_s < COMMISSION_RETRY_S:
            return
        self._commission_s = now_s
        try:
            await self._wallbox.commission()
        except DeviceError:
            self._commissioned = False
            raise
        self._commissioned = True
        self._changed.set()

    def _clear_of_telegram_s(self) -> float:
        """A look takes as long as the last one did."""
        return self._board.clear_of_telegram_s(self._clock.now().monotonic_s, self._look_s + LOOK_MARGIN_S)

    def _renewed(self) -> bool:
        return self._wish is not None and self._clock.now().monotonic_s - self._wished_s <= WISH_KEPT_S


class MeterEffects:
    """One socket meter: polled once a second, and read for billing when control wishes it."""

    def __init__(
        self, socket: SocketId, meter: SocketMeter, board: SightBoard, faults: FaultLog, every_s: float = 1.0
    ) -> None:
        self._socket = socket
        self._meter = meter
        self._board = board
        self._faults = faults
        self._every_s = every_s
        self._wanted: TakeReading | None = None
        self._busy: tuple[SessionId, Edge] | None = None
        self._asked = asyncio.Event()

    def wish(self, wish: TakeReading) -> None:
        if (wish.session, wish.edge) != self._busy:
            self._wanted = wish
            self._asked.set()

    async def poll(self, pace: Callable[[], float]) -> None:
        """Reads for ever. `pace()` gives the loop's time, so that a round that took long is not followed by a burst."""
        name = f"socket {self._socket} meter"
        due_s = pace()
        while True:
            try:
                reading = await self._meter.read()
            except DeviceError as problem:
                self._faults.on(name, str(problem))
            else:
                self._faults.off(name)
                self._board.socket_read(self._socket, reading)
            due_s = max(due_s + self._every_s, pace())
            await asyncio.sleep(due_s - pace())

    async def read_for_billing(self) -> None:
        """Answers each `TakeReading` with exactly one outcome, within the bus' own limits."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            wish, self._wanted = self._wanted, None
            if wish is None:
                continue
            self._busy = (wish.session, wish.edge)
            try:
                reading = await self._meter.read_for_billing()
            except DeviceError as problem:
                self._board.came_of_it(ReadingFailed(self._socket, wish.session, wish.edge, str(problem)))
            else:
                self._board.socket_read(self._socket, reading)
                self._board.came_of_it(ReadingTaken(self._socket, wish.session, wish.edge, reading))
            self._board.wake.set()
            self._busy = None


async def _event_or_timeout(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
