"""Messages that are said once: events, rejected commands, signed readings, wallbox setpoints."""

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from gateway.ids import GatewayId, SessionId, SocketId
from gateway.publish import topic_names
from gateway.publish.commands import Rejected
from gateway.publish.json_text import json_text, rounded
from gateway.publish.words import ENDINGS, REFUSALS, Language, pick, reason
from gateway.site.because import Because
from gateway.site.outcomes import Edge
from gateway.site.wishes import EndKind

COMMAND_REJECTED = "command_rejected"

Message = tuple[str, str]
"""Topic, payload."""


@dataclass(frozen=True, slots=True)
class SignedReading:
    """One durable signed record as people see it. energy_kwh: of the session, only at its end; kind: how it ended."""

    socket: SocketId
    session: SessionId
    edge: Edge
    page: int
    register_kwh: Decimal
    energy_kwh: Decimal | None
    kind: EndKind | None
    utc: datetime


def rejected_event(gateway: GatewayId, rejected: Rejected, language: Language, utc: datetime) -> Message:
    """Who sent a wrong command is told why; nothing that came in is echoed but our own names."""
    return topic_names.event(gateway), json_text(
        {
            "event_type": COMMAND_REJECTED,
            "socket": rejected.socket,
            "key": rejected.key,
            "reason": rejected.refusal.value,
            "text": pick(REFUSALS[rejected.refusal], language),
            "ts": utc.isoformat(timespec="seconds"),
        }
    )


def happened_event(
    gateway: GatewayId, socket: SocketId | None, because: Because, language: Language, utc: datetime
) -> Message:
    """Something people must know: overload, welded contactor, lost meter."""
    return topic_names.event(gateway), json_text(
        {
            "event_type": because.why.value,
            "socket": socket,
            "fuse": because.fuse,
            "phase": None if because.phase is None else because.phase.name,
            "current_a": rounded(because.current_a, 2),
            "text": reason(because, language),
            "ts": utc.isoformat(timespec="seconds"),
        }
    )


def session_last(gateway: GatewayId, signed: SignedReading, language: Language) -> Message:
    """The newest signed reading, retained; published from the durable outbox only."""
    return topic_names.session_last(gateway), json_text(
        {
            "socket": signed.socket,
            "session": signed.session,
            "edge": signed.edge.value,
            "page": signed.page,
            "register_kwh": signed.register_kwh,
            "energy_kwh": signed.energy_kwh,
            "kind": None if signed.kind is None else signed.kind.value,
            "kind_text": None if signed.kind is None else pick(ENDINGS[signed.kind], language),
            "ts": signed.utc.isoformat(timespec="seconds"),
        }
    )


def floor_to_hundredths(current_a: float) -> float:
    """Never more than was granted; the small addend keeps 10.01 from becoming 10.00 by binary fractions."""
    return math.floor(current_a * 100 + 1e-6) / 100


def setpoint_text(current_a: float, phases: int, seq: int, valid_until: datetime) -> str:
    """Setpoint of an MQTT wallbox: A per phase, number of phases, running number, end of validity. Rounded downwards."""
    return json_text(
        {
            "amps": floor_to_hundredths(current_a),
            "phases": phases,
            "seq": seq,
            "valid_until": valid_until.isoformat(timespec="seconds"),
        }
    )
