"""What is told over MQTT from outside the cabinet: limits of others, its temperature, prices. Nothing here waits."""

from collections.abc import Callable
from typing import Protocol

from gateway.app.faults import FaultLog
from gateway.app.sight_board import SightBoard
from gateway.devices.protocols import Clock
from gateway.publish import topic_names
from gateway.publish.commands import Refusal, Rejected
from gateway.publish.events import rejected_event
from gateway.publish.limits import over_mqtt, read_limit, read_temperature
from gateway.publish.prices import read_prices
from gateway.publish.words import Language
from gateway.site.topology import Site

PRICES = "prices over MQTT"


class Link(Protocol):
    """What it needs of the connection to the broker."""

    def listen(self, topic_filter: str, listener: Callable[[str, bytes, bool], None]) -> None: ...

    def say(self, topic: str, payload: str) -> None: ...


class OutsideEar:
    """Listens to what the config says comes over MQTT, nothing else. show_again: says a topic anew at the next tick."""

    def __init__(
        self,
        *,
        site: Site,
        link: Link,
        board: SightBoard,
        clock: Clock,
        faults: FaultLog,
        language: Language,
        show_again: Callable[[str], None],
    ) -> None:
        self._site = site
        self._link = link
        self._board = board
        self._clock = clock
        self._faults = faults
        self._language = language
        self._show_again = show_again
        for limit in over_mqtt(site):
            link.listen(topic_names.limit_command(site.gateway_id, limit.id), self._limit)
        if site.restraints.prices_over_mqtt:
            link.listen(topic_names.prices(site.gateway_id), self._prices)
        if site.restraints.temperature_over_mqtt:
            link.listen(topic_names.cabinet_temperature(site.gateway_id), self._temperature)

    def _prices(self, _topic: str, payload: bytes, _retained: bool) -> None:
        """A series may be retained: it says its own times."""
        made = read_prices(payload)
        if isinstance(made, str):
            self._faults.on(PRICES, made)
            wrong = Rejected(Refusal.WRONG_VALUE, None, "prices")
            self._link.say(*rejected_event(self._site.gateway_id, wrong, self._language, self._clock.now().utc))
        else:
            self._faults.off(PRICES)
            self._board.prices_told(made)

    def _temperature(self, topic: str, payload: bytes, retained: bool) -> None:
        now = self._clock.now()
        made = read_temperature(topic, payload, retained, self._site, now.monotonic_s)
        if isinstance(made, Rejected):
            self._link.say(*rejected_event(self._site.gateway_id, made, self._language, now.utc))
        else:
            self._board.temperature_told(made)

    def _limit(self, topic: str, payload: bytes, retained: bool) -> None:
        now = self._clock.now()
        made = read_limit(topic, payload, retained, self._site, now.monotonic_s)
        if isinstance(made, Rejected):
            self._link.say(*rejected_event(self._site.gateway_id, made, self._language, now.utc))
            return
        limit, told = made
        self._board.limit_told(limit, told)
        self._show_again(topic_names.limit_state(self._site.gateway_id, limit))
