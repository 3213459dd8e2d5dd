"""A wallbox that takes its setpoint over MQTT, and says its state there.

Out: `.../socket/<n>/setpoint`, JSON with amps, phases, seq and valid_until, retained with a message expiry as long
as it is valid, and its plain mirror `.../setpoint/amps`. In: `.../wallbox/<n>/state`, JSON {"state": "A".."F",
"applied_a": number or null}, or the same two as plain sub-topics; at least every 10 s, since silence is seen as such.
A box that can offer one phase or three also says "phases": 1 or 3; what it shall offer stands in the setpoint, and
plain in `.../setpoint/phases`.
"""

import logging
from datetime import timedelta
from typing import Final, Protocol

from gateway.devices.protocols import Clock
from gateway.errors import DeviceError
from gateway.ids import GatewayId, SocketId
from gateway.publish import topic_names
from gateway.publish.events import floor_to_hundredths, setpoint_text
from gateway.publish.wallbox_text import WallboxWord, read_wallbox
from gateway.site.snapshot import Pilot, WallboxSight

LOG: Final = logging.getLogger("laddvakt.wallbox")
REFRESH_S: Final = 10.0
VALID_S: Final = 30.0
"""Three refreshes: a box that hears nothing for so long falls to its own safe current."""
PLAIN_KEYS: Final = ("state", "applied_a", "phases")


class Topics(Protocol):
    """The part of the MQTT link that a wallbox needs."""

    def put(
        self, topic: str, payload: str, *, retain: bool = True, qos: int = 1, expiry_s: float | None = None
    ) -> None: ...


class MqttWallbox:
    """`Wallbox` over MQTT. `heard` is to be given every message that fits `topic_filter`."""

    def __init__(self, gateway: GatewayId, socket: SocketId, phases: int, topics: Topics, clock: Clock) -> None:
        self._gateway = gateway
        self._socket = socket
        self._phases = phases
        self._topics = topics
        self._clock = clock
        self._seq = 0
        self._pilot: Pilot | None = None
        self._pilot_s: float | None = None
        self._applied_a: float | None = None
        self._applied_s: float | None = None
        self._phases_said: int | None = None
        self._phases_s = 0.0
        self._garbled: str | None = None

    @property
    def refresh_s(self) -> float:
        return REFRESH_S

    @property
    def topic_filter(self) -> str:
        """The box's JSON topic and its plain sub-topics."""
        return f"{topic_names.wallbox_state(self._gateway, self._socket)}/#"

    async def commission(self) -> None:
        """Nothing to write: MQTT has no failsafe registers. What a box does without us is its own setting, and
        `check-config` counts it as uncontrolled at its rating until it is seen to obey."""

    async def set_current(self, current_a: float) -> None:
        """Lays the setpoint out for the box; never fails, since only what the box says shows whether it obeys."""
        self._seq += 1
        valid_until = self._clock.now().utc + timedelta(seconds=VALID_S)
        text = setpoint_text(current_a, self._phases, self._seq, valid_until)
        self._topics.put(topic_names.setpoint(self._gateway, self._socket), text, expiry_s=VALID_S)
        amps = f"{floor_to_hundredths(current_a):g}"
        self._topics.put(topic_names.setpoint_amps(self._gateway, self._socket), amps, expiry_s=VALID_S)

    async def set_phases(self, phases: int) -> None:
        """The next setpoint names them; so does a plain topic."""
        self._phases = phases
        self._topics.put(topic_names.setpoint_phases(self._gateway, self._socket), f"{phases}")
        await self.set_current(0.0)

    async def look(self) -> WallboxSight:
        """What the box said last, with when. Raises DeviceError if it has never been heard."""
        heard_s = self._pilot_s if self._pilot_s is not None else self._applied_s
        if heard_s is None:
            raise DeviceError(f"wallbox of socket {self._socket} has not been heard on {self.topic_filter}")
        now_s = self._clock.now().monotonic_s
        fresh = self._applied_s is not None and now_s - self._applied_s <= VALID_S
        phases = self._phases_said if now_s - self._phases_s <= VALID_S else None
        return WallboxSight(self._pilot, self._applied_a if fresh else None, heard_s, phases)

    def heard(self, topic: str, payload: bytes, retained: bool) -> None:
        """Takes in one message. A retained one does not count: nobody knows how old it is."""
        root = topic_names.wallbox_state(self._gateway, self._socket)
        key = topic.removeprefix(root).removeprefix("/") or None
        if retained or not topic.startswith(root) or (key is not None and key not in PLAIN_KEYS):
            return
        word = read_wallbox(payload, key)
        if isinstance(word, WallboxWord):
            self._take(word, key)
        elif word != self._garbled:
            LOG.warning("wallbox of socket %s cannot be understood: %s", self._socket, word)
            self._garbled = word

    def _take(self, word: WallboxWord, key: str | None) -> None:
        now_s = self._clock.now().monotonic_s
        self._garbled = None
        if word.pilot is not None:
            self._pilot, self._pilot_s = word.pilot, now_s
        if word.phases is not None:
            self._phases_said, self._phases_s = word.phases, now_s
        if key not in ("state", "phases"):
            self._applied_a, self._applied_s = word.applied_a, now_s
