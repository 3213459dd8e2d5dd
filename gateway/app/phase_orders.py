"""An order to forget the phases of a socket, handed to control; done when that is in the journal."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from gateway.app.sight_board import SightBoard
from gateway.control.state import ControlState
from gateway.ids import SocketId
from gateway.site.requests import ForgetPhases

LOOK_S: Final = 0.1


class Written(Protocol):
    """What is needed of the effects on the journal (`app.ledger_effects.LedgerEffects`)."""

    @property
    def all_durable(self) -> bool: ...


def phase_orders(
    board: SightBoard, written: Written, state: Callable[[], ControlState]
) -> Callable[[SocketId], Awaitable[None]]:
    """What carries such an order out. state: the newest that control has decided."""

    async def forget(socket: SocketId) -> None:
        """Comes back when control has forgotten it and the journal holds nothing else."""
        tick: int | None = None
        while True:
            if tick is None and board.asked(ForgetPhases(socket)):
                tick = state().tick
                board.wake.set()
            if tick is not None and state().tick > tick and written.all_durable:
                return
            await asyncio.sleep(LOOK_S)

    return forget
