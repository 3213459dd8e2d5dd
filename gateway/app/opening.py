"""Opens every contactor and stops every wallbox, with nothing but the config: after a crash, and at ExecStopPost.

It reads nothing. Every device is tried, whatever became of the others, and tried again while there is hope: a wire may
still carry the last reply to somebody who died. Units are served side by side and one that is silent waits for the
next round, so that a dead one costs the living one timeout.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from gateway.app.wiring import build_bus, build_contactor, build_wallbox
from gateway.config.plans import Cabinet, ModbusWallboxPlan, RelayContactorPlan, SocketPlan
from gateway.devices.modbus_bus import PymodbusBus
from gateway.devices.protocols import Contactor
from gateway.devices.system_clock import SystemClock
from gateway.errors import DeviceError
from gateway.ids import BusId, SocketId

OPEN_WITHIN_S: Final = 8.0
"""Inside WatchdogSec: a daemon that ends opens what it can, and is not killed in the middle of it."""
ROUNDS_MAX: Final = 4
"""A device that is deaf four times in a row is dead; the restart, which opens everything too, must not wait for it."""
ROUND_REST_S: Final = 0.3
NO_TURN: Final = "its turn did not come in time"
log = logging.getLogger("laddvakt")


@dataclass(slots=True)
class _Deed:
    """One thing to do. behind: the deed that takes the voltage away, after which this device's silence is no fault."""

    what: str
    do: Callable[[], Awaitable[None]]
    behind: "_Deed | None" = None
    done: bool = False
    problem: str | None = None

    @property
    def left(self) -> bool:
        without_voltage = self.behind is not None and self.behind.done
        return not self.done and not (without_voltage and self.problem is not None)


async def open_everything(
    cabinet: Cabinet, *, within_s: float = OPEN_WITHIN_S, held: Mapping[SocketId, Contactor] | None = None
) -> tuple[str, ...]:
    """What could not be opened or stopped within `within_s`, as sentences; empty when all is safe.

    held: contactors on GPIO lines that this process has already, since a line is given to one taker only. Wallboxes on
    MQTT are not among them: without the daemon their setpoint runs out by itself.
    """
    buses = {plan.id: build_bus(plan, pause_s=0.0) for plan in cabinet.buses.values()}
    units: dict[Hashable, list[_Deed]] = {}
    failed = []
    for plan in cabinet.sockets.values():
        try:
            _plan_socket(cabinet, plan, buses, held or {}, units)
        except DeviceError as problem:
            failed.append(f"contactor of socket {plan.id} could not be made safe: {problem}")
    owners = [asyncio.create_task(bus.run()) for bus in buses.values()]
    try:
        async with asyncio.timeout(within_s):
            await _rounds(list(units.values()))
    except TimeoutError:
        log.error("not everything is safe after %.0f s", within_s)
    for owner in owners:
        owner.cancel()
    if owners:
        await asyncio.wait(owners)
    left = (deed for deeds in units.values() for deed in deeds if deed.left)
    failed += [f"{deed.what} could not be made safe: {deed.problem or NO_TURN}" for deed in left]
    return tuple(failed)


async def _rounds(units: Sequence[Sequence[_Deed]]) -> None:
    """Returns when nothing is left, or no more is tried."""
    for _ in range(ROUNDS_MAX):
        await asyncio.gather(*(_one_round(deeds) for deeds in units))
        if not any(deed.left for deeds in units for deed in deeds):
            return
        await asyncio.sleep(ROUND_REST_S)


async def _one_round(deeds: Sequence[_Deed]) -> None:
    """What is left to do at one unit, until it fails."""
    for deed in deeds:
        if deed.left:
            try:
                await deed.do()
            except DeviceError as problem:
                for waiting in deeds:
                    waiting.problem = str(problem)
                return
            deed.done = True


def _plan_socket(
    cabinet: Cabinet,
    plan: SocketPlan,
    buses: Mapping[BusId, PymodbusBus],
    held: Mapping[SocketId, Contactor],
    units: dict[Hashable, list[_Deed]],
) -> None:
    """Adds what is to be done at the socket to the deeds of its units.

    Raises DeviceError if its GPIO line cannot be taken; its box is then among the deeds.
    """
    clock = SystemClock()
    wallbox = build_wallbox(cabinet, plan, buses, None, clock)
    stop = None
    if wallbox is not None and isinstance(plan.wallbox, ModbusWallboxPlan):
        stop = _Deed(f"wallbox of socket {plan.id}", partial(wallbox.set_current, 0.0))
        units.setdefault((plan.wallbox.bus, plan.wallbox.unit), []).append(stop)
    unit: Hashable = plan.id
    if isinstance(plan.contactor, RelayContactorPlan):
        board = cabinet.relay_boards[plan.contactor.board]
        unit = board.bus, board.unit
    # The auxiliary contact is not looked at: a line that cannot be taken must not keep a contactor closed.
    blind = None if plan.contactor is None else replace(plan.contactor, auxiliary=None)
    contactor = held.get(plan.id) or build_contactor(cabinet, replace(plan, contactor=blind), buses, clock)
    if contactor is not None:
        opening = _Deed(f"contactor of socket {plan.id}", contactor.open)
        units.setdefault(unit, []).append(opening)
        if stop is not None:
            stop.behind = opening
