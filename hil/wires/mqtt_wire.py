"""Wallboxes on MQTT, and phones: each box hears its setpoint topic and says its state, as another maker's would.

laddvakt/<gateway>/socket/<name>/setpoint   in:  {"amps", "phases", "seq", "valid_until"}
laddvakt/<gateway>/wallbox/<name>/state     out: {"state": "C", "applied_a": 6.0, ...} on change and every 2 s
laddvakt/<gateway>/socket/<name>/<key>/set  out: ON or OFF, where a driver presses charge or arm
valid_until: seconds since 1970, or a time in ISO 8601; a setpoint without it holds for 30 s.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import aiomqtt

from hil.faults import Faults
from hil.wires.event_log import EventLog, stamp_ns
from hil.world.cabinet import Cabinet
from hil.world.wallboxes import MqttBox

_SAY_S = 2.0
_LOOK_S = 0.1
_VALID_S = 30.0
_RETRY_S = 1.0


def valid_s(valid_until: object, now_s: float) -> float:
    """Seconds that a setpoint still holds; 0 if it is over or its time cannot be read."""
    if valid_until is None:
        return _VALID_S
    if isinstance(valid_until, int | float) and not isinstance(valid_until, bool):
        return max(0.0, float(valid_until) - now_s)
    try:
        until = datetime.fromisoformat(str(valid_until))
    except ValueError:
        return 0.0
    return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now_s)


class MqttWire:
    """All MQTT boxes of the cabinet, over one connection; comes back when the broker does."""

    def __init__(
        self,
        broker: tuple[str, int],
        gateway_id: str,
        boxes: Mapping[str, MqttBox],
        *,
        cabinet: Cabinet,
        faults: Faults,
        log: EventLog,
    ) -> None:
        self._broker = broker
        self._base = f"laddvakt/{gateway_id}"
        self._boxes = boxes
        self._cabinet = cabinet
        self._faults = faults
        self._log = log

    async def run(self) -> None:
        while True:
            try:
                async with aiomqtt.Client(self._broker[0], self._broker[1], identifier="laddvakt-hil") as client:
                    for name in self._boxes:
                        await client.subscribe(f"{self._base}/socket/{name}/setpoint", qos=1)
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._hear(client))
                        group.create_task(self._say(client))
            except* aiomqtt.MqttError as lost:
                self._log.write("mqtt_lost", {"why": str(lost.exceptions[0])})
            await asyncio.sleep(_RETRY_S)

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            now_ns = stamp_ns()
            name = str(message.topic).split("/")[-2]
            self._setpoint(name, bytes(message.payload), now_ns)

    def _setpoint(self, name: str, payload: bytes, now_ns: int) -> None:
        box = self._boxes[name]
        try:
            words = json.loads(payload)
            amps = float(words["amps"])
            holds_s = valid_s(words.get("valid_until"), time.time())
            seq, phases = words.get("seq"), words.get("phases")
        except (ValueError, KeyError, TypeError, AttributeError):
            self._log.write("setpoint_refused", {"owner": name, "payload": payload[:64].hex()}, now_ns)
            return
        dead = not box.powered or self._faults.active("wallbox_dead", name) is not None
        told = {"owner": name, "amps": amps, "holds_s": round(holds_s, 1), "seq": seq, "heard": not dead}
        self._log.write("setpoint", told, now_ns)
        if not dead:
            box.tell(amps, holds_s, seq if isinstance(seq, int) else None, phases if isinstance(phases, int) else None)

    async def _say(self, client: aiomqtt.Client) -> None:
        said: dict[str, tuple[float, object]] = {}
        while True:
            for name, box in self._boxes.items():
                words = box.words()
                when_s, last = said.get(name, (0.0, None))
                silent = not box.powered or self._faults.active("wallbox_dead", name) is not None
                if not silent and (words != last or time.monotonic() - when_s >= _SAY_S):
                    said[name] = (time.monotonic(), words)
                    await client.publish(f"{self._base}/wallbox/{name}/state", json.dumps(words), qos=0)
            for socket, key, on in self._cabinet.take_presses():
                self._log.write("press", {"socket": socket, "key": key, "on": on})
                await client.publish(f"{self._base}/socket/{socket}/{key}/set", "ON" if on else "OFF", qos=1)
            await asyncio.sleep(_LOOK_S)
