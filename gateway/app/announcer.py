"""Between control and the broker: state goes out at its pace, commands come in as requests. Nothing here waits."""

import asyncio
import uuid
from collections.abc import Callable

from gateway.app.command_pace import Command, CommandPace
from gateway.app.doorkeeper import Doorkeeper
from gateway.app.faults import FaultLog
from gateway.app.outside_ear import OutsideEar
from gateway.app.sight_board import SightBoard
from gateway.clock import Instant
from gateway.control.state import ControlState
from gateway.devices.mqtt_link import MqttLink
from gateway.devices.protocols import Clock
from gateway.ids import SessionId, SocketId
from gateway.meters.grid_plausibility import Standing
from gateway.meters.han_port import HanSight
from gateway.publish import topic_names
from gateway.publish.commands import Rejected, read_command
from gateway.publish.events import rejected_event, user_refused_event
from gateway.publish.rates import Pace
from gateway.publish.topics import state_things
from gateway.publish.words import Language
from gateway.site.requests import ShutDown
from gateway.site.snapshot import SiteSnapshot
from gateway.site.topology import Site
from gateway.site.users import NotLetIn, Presented

REQUESTS_FULL = "requests"
COMMANDS_FLOOD = "commands"


class Announcer:
    """The gateway's voice and ear on MQTT."""

    def __init__(
        self,
        *,
        site: Site,
        link: MqttLink,
        board: SightBoard,
        clock: Clock,
        faults: FaultLog,
        language: Language,
        han: Callable[[], HanSight | None],
        grid_meter: Callable[[], Standing],
        doorkeeper: Doorkeeper,
    ) -> None:
        self._site = site
        self._link = link
        self._board = board
        self._clock = clock
        self._faults = faults
        self._language = language
        self._han = han
        self._grid_meter = grid_meter
        self._doorkeeper = doorkeeper
        self._pace = Pace()
        self._commands = CommandPace()
        link.listen(topic_names.command_filter(site.gateway_id), self._command)
        OutsideEar(
            site=site,
            link=link,
            board=board,
            clock=clock,
            faults=faults,
            language=language,
            show_again=self._pace.forget,
        )
        doorkeeper.listen(link.listen)

    def publish(self, snapshot: SiteSnapshot, state: ControlState, now: Instant) -> None:
        """Puts what is due. Called once a tick, when everything in `state` is durable: so late commands come in no
        faster than the disk takes what they cost."""
        for late in self._commands.due(now.monotonic_s):
            self._ask(late)
        if not self._commands.floods:
            self._faults.off(COMMANDS_FLOOD)
        things = state_things(snapshot, state, self._language, self._han(), self._grid_meter())
        for topic, text in self._pace.due(things, now.monotonic_s).items():
            self._link.put(topic, text, retain=topic_names.is_retained(topic))

    def _command(self, topic: str, payload: bytes, retained: bool) -> None:
        """A command that is refused shows the old value again at once, since Home Assistant waits for one."""
        made = read_command(topic, payload, retained, self._site, SessionId(str(uuid.uuid4())))
        if isinstance(made, Rejected):
            self._link.say(*rejected_event(self._site.gateway_id, made, self._language, self._clock.now().utc))
            if made.socket is not None:
                self._show_again(made.socket)
            return
        if isinstance(made, Presented):
            self._doorkeeper.present(made)
        elif not isinstance(made, ShutDown):
            self._take(made)

    async def answer_users(self) -> None:
        """Has cards and codes looked up, and tells what comes of it, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._doorkeeper.run())
            while True:
                answer = await self._doorkeeper.next_answer()
                if isinstance(answer, NotLetIn):
                    utc = self._clock.now().utc
                    self._link.say(*user_refused_event(self._site.gateway_id, answer, self._language, utc))
                    self._show_again(answer.socket)
                else:
                    self._take(answer)

    def _take(self, made: Command) -> None:
        if self._commands.takes(made, self._clock.now().monotonic_s):
            self._ask(made)
        else:
            self._faults.on(COMMANDS_FLOOD, f"too many for socket {made.socket}; the newest waits, others are dropped")

    def _ask(self, command: Command) -> None:
        if self._board.asked(command):
            self._faults.off(REQUESTS_FULL)
        else:
            self._faults.on(REQUESTS_FULL, "more requests wait than one tick can take; the newest are dropped")
        self._show_again(command.socket)
        self._board.wake.set()

    def _show_again(self, socket: SocketId) -> None:
        self._pace.forget(topic_names.socket_state(self._site.gateway_id, socket))
