"""A meter's own signed record as it comes over MQTT. Never raises, whatever the bytes are.

Topic `laddvakt/<gateway>/wallbox/<socket>/record`, never retained: the OCMF text itself; or JSON
{"record": "OCMF|…", "key": "3059…", "session": "…"}, of which only `record` is needed; or a S.A.F.E. XML file.
"""

import json
from typing import Final

from gateway.ids import SessionId, SocketId
from gateway.journal.imports import MQTT, OCTETS_MAX, Handed
from gateway.metering.safe_xml import NotSafeXml, safe_values
from gateway.publish.commands import Refusal, Rejected
from gateway.publish.topic_names import meter_record
from gateway.site.topology import Site

KEY: Final = "record"
RECORDS_MAX: Final = 8
"""Of one XML file."""


def read_meter_record(topic: str, payload: bytes, retained: bool, site: Site) -> tuple[Handed, ...] | Rejected:
    """The records in a message, not judged yet."""
    socket = next((name for name in site.sockets if meter_record(site.gateway_id, name) == topic), None)
    if socket is None:
        return Rejected(Refusal.UNKNOWN_SOCKET, None, KEY)
    if retained:
        return Rejected(Refusal.RETAINED, socket, KEY)
    if len(payload) > OCTETS_MAX:
        return Rejected(Refusal.TOO_LONG, socket, KEY)
    start = payload.lstrip()[:1]
    try:
        if start == b"<":
            values = safe_values(payload)[:RECORDS_MAX]
            return tuple(Handed(socket, value.record.encode("utf-8"), MQTT, value.key) for value in values)
        if start == b"{":
            return (_from_json(payload, socket),)
    except (NotSafeXml, ValueError, RecursionError):
        return Rejected(Refusal.WRONG_VALUE, socket, KEY)
    return (Handed(socket, payload, MQTT),)


def _from_json(payload: bytes, socket: SocketId) -> Handed:
    """Raises ValueError, RecursionError."""
    said: object = json.loads(payload.decode("utf-8"), object_pairs_hook=_once)
    if not isinstance(said, dict) or not said.keys() <= {"record", "key", "session"}:
        raise ValueError
    record, key, session = said.get("record"), said.get("key"), said.get("session")
    if not isinstance(record, str) or not isinstance(key, str | None) or not isinstance(session, str | None):
        raise ValueError  # noqa: TRY004 - one family of refusal for all that does not fit
    return Handed(socket, record.encode("utf-8"), MQTT, key, None if session is None else SessionId(session))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a key is said twice")
    return said
