"""The MQTT broker: where it is, how we log in, and what is asked of a connection in MQTT 5."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.devices.repeated_lines import warnings_once_a_minute
from gateway.publish.topic_names import OFFLINE

WIRE_LOG: Final = warnings_once_a_minute("laddvakt.mqtt.wire")
"""aiomqtt and paho log every packet below warnings, and warn of every message that finds their queue full."""

MAKE_PROPERTIES: Final[Callable[[int], Properties]] = Properties
"""paho's constructor has no types of its own."""

INCOMING_MAX: Final = 256
PACKET_BYTES_MAX: Final = 16_384
KEEPALIVE_S: Final = 20
REPLY_S_MAX: Final = 10.0
WILL_DELAY_S: Final = 15
"""A reconnection within this time does not flap every entity (MQTT 5.0, 3.1.3.2.2)."""
SESSION_EXPIRY_S: Final = 60
"""The broker keeps commands for us over a short outage; longer than the will's delay, which it would cut short."""
REFUSED_FROM: Final = 0x80
"""SUBACK reason codes from here on are refusals (MQTT 5.0, 3.9.3)."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how to log in."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def client(self, status_topic: str, *, clean_start: bool) -> aiomqtt.Client:
        """A client to be entered; its will says `offline` on the status topic. clean_start: the broker forgets what it
        kept for us."""
        will = MAKE_PROPERTIES(PacketTypes.WILLMESSAGE)
        will.WillDelayInterval = WILL_DELAY_S
        connect = MAKE_PROPERTIES(PacketTypes.CONNECT)
        connect.SessionExpiryInterval = SESSION_EXPIRY_S
        connect.MaximumPacketSize = PACKET_BYTES_MAX
        return aiomqtt.Client(
            self.host,
            self.port,
            username=self.username,
            password=self.password,
            identifier=self.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=clean_start,
            properties=connect,
            will=aiomqtt.Will(status_topic, OFFLINE, 1, True, will),
            keepalive=KEEPALIVE_S,
            timeout=REPLY_S_MAX,
            max_queued_incoming_messages=INCOMING_MAX,
            logger=WIRE_LOG,
        )


def expiring_after(left_s: int) -> Properties:
    """Properties of a publish that the broker forgets after so many seconds, 1 or more."""
    properties = MAKE_PROPERTIES(PacketTypes.PUBLISH)
    properties.MessageExpiryInterval = left_s
    return properties


def refused_filters(filters: Sequence[str], codes: Sequence[object]) -> tuple[str, ...]:
    """The subscriptions that the broker's SUBACK refuses, such as those against its access list."""
    refused = []
    for each, code in zip(filters, codes, strict=False):
        value: object = getattr(code, "value", code)
        if isinstance(value, int) and value >= REFUSED_FROM:
            refused.append(each)
    return tuple(refused)
