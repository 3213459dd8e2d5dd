"""One life of a ledger on a real disk, from start to orderly stop, in virtual time: what the crash campaigns run.

It recovers as control does, then charges: four sessions on three sockets, a queue, a withdrawal, a meter that is
exchanged while it counts, events, checkpoints, quarter hours of the load profile with a step of the clock between them,
messages that the broker takes, and a pause in which the log is moved into the database. The meters are the world's:
their registers go on whatever happens to the daemon.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from gateway.app.ledger import Ledger
from gateway.app.ledger_key import KeyFolder
from gateway.devices.journal_file import JOURNAL_FILE
from gateway.devices.journal_store import JournalStore
from gateway.ids import SessionId, SocketId, Token
from gateway.metering.clock_watch import Cause
from gateway.metering.load_profile import Shown, watt_hours
from gateway.meters.readings import SocketReading
from gateway.site.because import Because, Why
from gateway.site.outcomes import RecordDurable
from gateway.site.wishes import EndKind, NoteEvent, NoteQueued, NoteWithdrawn, SaveCheckpoint
from tests.ledger.ledger_bench import SOCKETS, HandClock, begin, end, reading, station

P1, P2, P3 = SOCKETS
WAITS = Because(Why.QUEUED)
PULSE_S = 0.002
Say = Callable[[str], None]


@dataclass
class World:
    """What is outside the machine: meters with their serials, and time."""

    life: int
    exchanged_serial: str = "C0"
    clock: HandClock = field(default_factory=HandClock)
    registers: dict[SocketId, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock.pass_s(10_000.0 * self.life)
        self.registers = {socket: Decimal(f"{100 + 50 * self.life}.00") for socket in SOCKETS}

    def reading(self, socket: SocketId) -> SocketReading:
        serial = self.exchanged_serial if socket == P3 else f"serial-{socket}"
        return reading(self.clock, self.registers[socket], serial)

    def flow(self, socket: SocketId, hundredths: int) -> None:
        self.registers[socket] += Decimal(hundredths) / 100
        self.clock.pass_s(60.0)


async def live(folder: Path, world: World, say: Say, *, boot_id: str) -> None:
    """The whole life. say: hears what was acknowledged and what changed in the world, one line each."""
    store = JournalStore.open(folder, pulse_s=PULSE_S)
    ledger = await Ledger.open(store, KeyFolder(folder), world.clock, station(boot_id))
    writer = next(thread for thread in threading.enumerate() if thread.name == "journal")
    say(f"writer {writer.native_id}")
    story = _Story(ledger, world, say)
    await story.recover()
    await story.charge()
    await _log_moved(folder, store)
    await story.end_of_day()
    await ledger.shut_down()
    say("registers " + json.dumps({socket: str(kwh) for socket, kwh in world.registers.items()}))


async def _log_moved(folder: Path, store: JournalStore) -> None:
    """Waits until the writer, having nothing to do, has emptied its log. If its medium failed at that, it never will
    and must refuse what this life asks next."""
    log = folder / f"{JOURNAL_FILE}-wal"
    async with asyncio.timeout(20):
        while log.stat().st_size > 0 and store.accepts:  # noqa: ASYNC110 - another thread's file is all there is to see
            await asyncio.sleep(PULSE_S)


class _Story:
    def __init__(self, ledger: Ledger, world: World, say: Say) -> None:
        self._ledger = ledger
        self._world = world
        self._say = say

    async def recover(self) -> None:
        """Ends what was open, queues its successors, lets the first one go on and sends the others away."""
        past = self._ledger.past()
        waiting = [(each.socket, each.id, each.token, each.continues) for each in past.queued]
        for was in past.open_sessions:
            successor = (was.socket, was.successor, was.token, was.id)
            await self._ledger.note(NoteQueued(*successor, Because(Why.RECOVERED)))
            waiting.append(successor)
            await self._end(was.socket, was.id, EndKind.RECOVERED)
        for at, (socket, session, token, continues) in enumerate(waiting):
            if at > 0:
                await self._ledger.note(NoteWithdrawn(socket, session, Because(Why.COMMAND)))
                continue
            await self._begin(socket, session, token, continues)
            self._world.flow(socket, 11)
            await self._end(socket, session)

    async def charge(self) -> None:
        world, ledger = self._world, self._ledger
        a, b, c, d, gone, late = (SessionId(f"{world.life}-{name}") for name in ("a", "b", "c", "d", "gone", "late"))
        await self._queue(P1, a)
        await self._begin(P1, a, Token("resident-7"), None)
        await self._queue(P2, b)
        await self._queue(P3, c)
        await ledger.note(SaveCheckpoint(f'{{"queue":["{b}","{c}"]}}', WAITS))
        world.flow(P1, 250)
        await self._begin(P2, b, Token("resident-7"), None)
        await self._begin(P3, c, Token("resident-7"), None)
        await self._queue(P1, gone)
        await ledger.note(NoteEvent(P1, Because(Why.OVERLOAD, current_a=17.5)))
        await ledger.note(NoteWithdrawn(P1, gone, Because(Why.COMMAND)))
        await self._quarter()
        await self._end(P1, a)
        await self._delivered()
        world.flow(P1, 3)
        await self._begin(P1, d, None, None)
        world.flow(P3, 71)
        self._say(f"serial C{world.life}")
        world.exchanged_serial = f"C{world.life}"
        world.registers[P3] += 7
        await self._end(P3, c)
        world.flow(P2, 180)
        await self._end(P2, b)
        world.flow(P3, 5)
        await self._begin(P3, late, Token("resident-9"), None)
        world.flow(P3, 12)
        await self._end(P3, late)
        world.flow(P1, 44)
        await self._end(P1, d)
        await self._delivered()

    async def end_of_day(self) -> None:
        """Books what flowed outside sessions, so that the journal knows the registers as they are."""
        await self._ledger.refer_time(Cause.STEP)
        await self._quarter()
        for socket in SOCKETS:
            self._world.flow(socket, 9)
            await self._ledger.book_outside(socket, self._world.reading(socket))
        await self._ledger.note(SaveCheckpoint(f'{{"day":{self._world.life}}}', WAITS))

    async def _queue(self, socket: SocketId, session: SessionId) -> None:
        await self._ledger.note(NoteQueued(socket, session, Token("resident-7"), None, WAITS))
        self._say(f"queued {session}")

    async def _begin(
        self, socket: SocketId, session: SessionId, token: Token | None, continues: SessionId | None
    ) -> None:
        reads = self._world.reading(socket)
        self._acknowledged(
            await self._ledger.record_begin(begin(session, reads, socket=socket, token=token, continues=continues))
        )

    async def _end(self, socket: SocketId, session: SessionId, kind: EndKind = EndKind.COMPLETED) -> None:
        wish = end(session, self._world.reading(socket), socket=socket, kind=kind)
        self._acknowledged(await self._ledger.record_end(wish))

    async def _quarter(self) -> None:
        """A row of the load profile for each socket."""
        read = {socket: self._world.reading(socket) for socket in SOCKETS}
        shown = [
            Shown(socket, one.serial, one.at, one.energy_import)
            for socket, one in read.items()
            if one.serial is not None and one.energy_import is not None
        ]
        await self._ledger.register(shown)
        for one in shown:
            self._say(f"quarter {one.place} {watt_hours(one.register.kwh)}")

    async def _delivered(self) -> None:
        pending = await self._ledger.pending_outbox(20)
        for message in pending:
            self._say(f"published {message.id}")
        await self._ledger.outbox_delivered([message.id for message in pending])

    def _acknowledged(self, durable: RecordDurable) -> None:
        self._say(f"durable {durable.session} {durable.edge.value} {durable.page}")
