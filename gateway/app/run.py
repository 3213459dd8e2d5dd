"""One gateway from start to end: everything built once in reading order, then two fates in one TaskGroup.

Whatever ends the gateway other than an orderly stop, its contactors are opened and its boxes stopped on the way out,
as far as the process still can; what it no longer can, `ExecStopPost`, the boxes' failsafe and the hardware do.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Final
from zoneinfo import ZoneInfo

from gateway.app.announcer import Announcer
from gateway.app.broker_link import broker_link
from gateway.app.control_loop import ControlLoop, SocketEffects
from gateway.app.doorkeeper import doorkeeper_of
from gateway.app.effects import ContactorEffects, MeterEffects, WallboxEffects
from gateway.app.faults import FaultLog
from gateway.app.flight_recorder import FlightRecorder, Record
from gateway.app.grid_port import GRID_METER, GridPort
from gateway.app.journal_watchers import journal_watchers
from gateway.app.ledger import Ledger
from gateway.app.ledger_effects import LedgerEffects
from gateway.app.ledger_folder import open_ledger
from gateway.app.load_profile import LoadProfile, most_w_by_place
from gateway.app.meter_records import MeterRecords
from gateway.app.opening import open_everything
from gateway.app.outside_energy import OutsideEnergy
from gateway.app.outside_watch import OutsideWatch
from gateway.app.phase_orders import phase_orders
from gateway.app.sight_board import SightBoard
from gateway.app.supervisor import keep_alive
from gateway.app.wiring import (
    SocketDevices,
    build_bus,
    build_heartbeat,
    build_sockets,
    meter_identities,
    minimum_quantities,
    tariff_ids,
)
from gateway.clock import Instant
from gateway.config.plans import Cabinet
from gateway.control.decide import is_quiet
from gateway.control.recovery import recover
from gateway.control.state import ControlState, SessionPhase
from gateway.devices.contactors import GpioContactor
from gateway.devices.flight_files import FlightFiles
from gateway.devices.modbus_bus import PymodbusBus
from gateway.devices.mqtt_link import MqttLink
from gateway.devices.protocols import Contactor
from gateway.devices.system_clock import SystemClock
from gateway.devices.systemd import SystemdNotifier
from gateway.devices.time_requests import TimeRequests
from gateway.errors import FolderInUse
from gateway.ids import BusId, SocketId
from gateway.publish.words import Language
from gateway.site.requests import ShutDown
from gateway.site.snapshot import SiteSnapshot
from gateway.site.wishes import NoteEvent

STOP_WITHIN_S: Final = 20.0
"""Inside TimeoutStopSec of the unit: after this the stops that are not signed yet are left to recovery."""
FAREWELL_S_MAX: Final = 3.0
BOOK_WITHIN_S: Final = 3.0
RECORDED_WITHIN_S: Final = 1.0
log = logging.getLogger("laddvakt")


async def run_gateway(cabinet: Cabinet) -> None:
    """Runs until SIGTERM or SIGINT. Raises what `run` must tell: ConfigMistake, DeviceError, JournalDamaged; bugs."""
    gateway = _Gateway(cabinet)
    try:
        await gateway.run()
    except FolderInUse:
        raise  # another daemon guards this cabinet: opening its contactors under load would help nobody
    except BaseException:
        for problem in await open_everything(cabinet, held=gateway.held):
            log.error("%s", problem)
        gateway.end_recording()
        raise


class _Gateway:
    """Everything of one run."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet
        self._site = cabinet.site
        self._clock = SystemClock()
        self._faults = FaultLog()
        self._notifier = SystemdNotifier()
        self._board = SightBoard(self._site, self._clock.now().monotonic_s)
        self._stop_by_s: float | None = None
        self._flight: FlightFiles | None = None
        self.held: dict[SocketId, Contactor] = {}
        """Contactors on GPIO lines of this process."""

    async def run(self) -> None:
        cabinet = self._cabinet
        self._listen_to_signals()
        ledger = await self._open_ledger()
        state = recover(self._site, ledger.past(), self._clock.now())
        link = None if cabinet.mqtt is None else broker_link(cabinet, cabinet.mqtt, ledger)
        buses = self._buses()
        devices = build_sockets(cabinet, buses, link, self._clock)
        self.held = {name: it.contactor for name, it in devices.items() if isinstance(it.contactor, GpioContactor)}
        watch = OutsideWatch(cabinet, self._board, self._clock, self._faults)
        effects = self._effects(devices)
        ledger_effects = LedgerEffects(ledger, self._board)
        grid = GridPort(cabinet, self._board, self._clock, self._faults, note=ledger_effects.wish)
        meters = {name: it.meter for name, it in devices.items() if it.meter is not None}
        outside = OutsideEnergy(meters, ledger, self._faults)
        identities = {name: one for name, one in meter_identities(cabinet).items() if name in meters}
        watchers = journal_watchers(cabinet, ledger, link)
        asked = TimeRequests(cabinet.state_dir)
        most_w = most_w_by_place(self._site)
        profile = LoadProfile(
            ledger, self._board, self._clock, identities=identities, faults=self._faults, most_w=most_w, requests=asked
        )
        announcer = None if link is None else self._announcer(link, grid, ledger_effects.wish, lambda: loop.state)
        loop = ControlLoop(
            state=state,
            board=self._board,
            effects=effects,
            ledger_effects=ledger_effects,
            journal=ledger,
            publish=_say_nothing if announcer is None else announcer.publish,
            watchdog=self._notifier,
            heartbeat=build_heartbeat(cabinet),
            clock=self._clock,
            record=self._recorder(),
        )
        log.info("laddvakt %s, gateway %s: %d sockets", version("laddvakt"), self._site.gateway_id, len(devices))
        async with asyncio.TaskGroup() as group:
            lasting = [group.create_task(bus.run(), name=f"bus {name}") for name, bus in buses.items()]
            lasting.append(group.create_task(keep_alive(GRID_METER, grid.run, self._faults)))
            lasting.append(group.create_task(ledger_effects.write(), name="ledger"))
            lasting.extend(watch.tasks(group))
            for one in effects.values():
                lasting.extend(_tasks(group, one))
            forget = phase_orders(self._board, ledger_effects, lambda: loop.state)
            records = MeterRecords(ledger, link, forget, cabinet=cabinet, clock=self._clock, faults=self._faults)
            lasting += [group.create_task(records.run(), name="meter records")]
            lasting += [] if announcer is None else [group.create_task(announcer.answer_users(), name="users")]
            linked = None if link is None else group.create_task(link.run(), name="mqtt")
            lasting.append(group.create_task(outside.book_hourly(lambda name: _is_idle(loop.state, name))))
            lasting.append(group.create_task(profile.run(), name="load profile"))
            lasting += [group.create_task(watcher.run(), name="journal") for watcher in watchers]
            _spare_what_stands()
            self._notifier.ready()
            await loop.run(until=lambda state: self._ended(state, ledger_effects))
            await self._book_last(outside, loop.state)
            for task in lasting:
                task.cancel()
            if link is not None and linked is not None:
                await _parted(link, linked)
        await profile.close()
        await asyncio.to_thread(self.end_recording)
        await ledger.shut_down()
        log.info("laddvakt ended in order")

    async def _open_ledger(self) -> Ledger:
        return await open_ledger(
            self._cabinet.state_dir,
            self._clock,
            gateway_id=self._site.gateway_id,
            version=version("laddvakt"),
            time_zone=ZoneInfo(self._cabinet.time_zone),
            meters=meter_identities(self._cabinet),
            minimum_wh=minimum_quantities(self._cabinet),
            discipline=self._clock.discipline,
            config=self._cabinet.kept,
            tariff_ids=tariff_ids(self._cabinet),
            streams_rows=self._cabinet.mqtt is not None and self._cabinet.mqtt.journal_rows,
            token=self._cabinet.signing_token,
        )

    def _buses(self) -> dict[BusId, PymodbusBus]:
        """Each keeps itself clear for the writes that are to be expected."""
        buses = {plan.id: build_bus(plan) for plan in self._cabinet.buses.values()}
        for bus in buses.values():
            bus.keep_clear(self._board.clear_of_writes_s)
        return buses

    def _recorder(self) -> Record | None:
        if not self._cabinet.recording_bytes_max:
            return None
        self._flight = FlightFiles(self._cabinet.state_dir, self._cabinet.recording_bytes_max)
        return FlightRecorder(self._flight, version("laddvakt")).record

    def end_recording(self) -> None:
        """Writes what the flight recorder still holds."""
        if self._flight is not None:
            self._flight.close(RECORDED_WITHIN_S)

    async def _book_last(self, outside: OutsideEnergy, state: ControlState) -> None:
        """What idle sockets used since their last booking; no disaster if a meter is silent just now."""
        if self._stop_by_s is not None and self._clock.now().monotonic_s >= self._stop_by_s:
            return  # the stop has taken its time already: a meter that did not answer then does not answer now
        try:
            async with asyncio.timeout(BOOK_WITHIN_S):
                await outside.book_now(lambda name: _is_idle(state, name))
        except TimeoutError:
            log.warning("energy outside sessions is booked at the next start: a meter does not answer")

    def _announcer(
        self, link: MqttLink, grid: GridPort, note: Callable[[NoteEvent], None], state: Callable[[], ControlState]
    ) -> Announcer:
        door = doorkeeper_of(self._cabinet, lambda name: state().sockets[name].session, note, self._clock, self._faults)
        return Announcer(
            site=self._site,
            link=link,
            board=self._board,
            clock=self._clock,
            faults=self._faults,
            language=Language(self._cabinet.language),
            han=lambda: grid.sight,
            grid_meter=lambda: grid.meter,
            doorkeeper=door,
        )

    def _effects(self, devices: Mapping[SocketId, SocketDevices]) -> dict[SocketId, SocketEffects]:
        board, clock, faults = self._board, self._clock, self._faults
        return {
            name: SocketEffects(
                None if it.meter is None else MeterEffects(name, it.meter, board, faults),
                None if it.contactor is None else ContactorEffects(name, it.contactor, board, clock, faults),
                None if it.wallbox is None else WallboxEffects(name, it.wallbox, board, clock, faults),
            )
            for name, it in devices.items()
        }

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._begin_stop)

    def _begin_stop(self) -> None:
        if self._stop_by_s is None:
            self._stop_by_s = self._clock.now().monotonic_s + STOP_WITHIN_S
            log.info("stopping: setpoints to 0, contactors open, stops signed")
            self._notifier.stopping()
            self._board.asked(ShutDown())
            self._board.wake.set()

    def _ended(self, state: ControlState, ledger_effects: LedgerEffects) -> bool:
        if self._stop_by_s is None:
            return False
        if is_quiet(state) and ledger_effects.all_durable:
            return True
        if self._clock.now().monotonic_s < self._stop_by_s:
            return False
        log.warning("stop: not everything is signed after %.0f s; the next start ends it as recovered", STOP_WITHIN_S)
        return True


def _spare_what_stands() -> None:
    """Modules, models and wiring live as long as the process: a collection that walked through all of them would stop
    the loop for tens of milliseconds, now and then just when a telegram demands a lowering."""
    gc.collect()
    gc.freeze()


def _tasks(group: asyncio.TaskGroup, effects: SocketEffects) -> list[asyncio.Task[None]]:
    loops = []
    if effects.meter is not None:
        loops += [effects.meter.poll(asyncio.get_running_loop().time), effects.meter.read_for_billing()]
    if effects.contactor is not None:
        loops += [effects.contactor.drive(), effects.contactor.watch()]
    if effects.wallbox is not None:
        loops += [effects.wallbox.drive(), effects.wallbox.watch()]
    return [group.create_task(loop) for loop in loops]


async def _parted(link: MqttLink, linked: asyncio.Task[None]) -> None:
    """Lets the link say goodbye, for a bounded time."""
    link.stop()
    await asyncio.wait({linked}, timeout=FAREWELL_S_MAX)
    linked.cancel()


def _is_idle(state: ControlState, socket: SocketId) -> bool:
    session = state.sockets[socket].session
    return session is None or session.phase is SessionPhase.QUEUED


def _say_nothing(_snapshot: SiteSnapshot, _state: ControlState, _now: Instant) -> None:
    """Without a broker there is nobody to tell."""
