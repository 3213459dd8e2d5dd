"""What must reach the broker at last, however long it is away: sessions, safety events and signed heads, in
the journal's order."""

import json
from dataclasses import dataclass
from enum import StrEnum

from gateway.journal.facts import EventNoted, MeterExchanged, SessionBegun, SessionEnded
from gateway.metering.ocmf import number_text


class Kind(StrEnum):
    """What a message is about."""

    SESSION = "session"
    EVENT = "event"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent. body: a JSON object as text."""

    kind: Kind
    body: str


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """A message that no broker has taken yet. id: rises with time, never used twice."""

    id: int
    kind: Kind
    body: str


def session_message(begun: SessionBegun, ended: SessionEnded, begin_record: str, end_record: str) -> Message:
    """A session that has ended, with both signed records word for word; numbers as text, as the meter showed them."""
    body = {
        "session": begun.session,
        "socket": begun.socket,
        "continues": begun.continues,
        "end_kind": ended.kind.value,
        "why": ended.because.why.value,
        "begin_utc": begun.at.utc.isoformat(),
        "end_utc": ended.at.utc.isoformat(),
        "begin_kwh": number_text(begun.kwh),
        "end_kwh": number_text(ended.kwh),
        "energy_kwh": number_text(ended.energy_kwh),
        "step_kwh": number_text(begun.step_kwh),
        "billable": ended.billable,
        "unbilled": None if ended.unbilled is None else ended.unbilled.value,
        "minimum_wh": ended.minimum_wh,
        "meter_serial": begun.serial,
        "begin_page": begun.page,
        "end_page": ended.page,
        "begin_record": begin_record,
        "end_record": end_record,
    }
    return Message(Kind.SESSION, json.dumps(body, ensure_ascii=True))


def event_message(event: EventNoted | MeterExchanged) -> Message:
    """An event, with its reason and figures."""
    body: dict[str, object] = {"utc": event.at.utc.isoformat(), "socket": event.socket}
    if isinstance(event, MeterExchanged):
        body["why"] = "meter_exchanged"
        body["serial"] = [event.serial_before, event.serial]
        body["kwh"] = [number_text(event.kwh_before), number_text(event.kwh)]
    else:
        because = event.because
        body["why"] = because.why.value
        body["fuse"] = because.fuse
        body["phase"] = None if because.phase is None else because.phase.name
        body["current_a"] = because.current_a
    return Message(Kind.EVENT, json.dumps(body, ensure_ascii=True))
