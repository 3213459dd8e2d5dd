"""What must reach the broker at last, however long it is away: sessions, safety events, signed heads and rows, in
the journal's order."""

import json
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from gateway.journal.facts import EventNoted, MeterExchanged, SessionBegun, SessionEnded
from gateway.journal.meter_facts import (
    MeterFact,
    MeterKeyDoubted,
    MeterKeyPinned,
    MeterKeyUpheld,
    MeterRecordKept,
    MeterRecordQuarantined,
)
from gateway.metering.ocmf import number_text
from gateway.metering.verdicts import Grade


class Kind(StrEnum):
    """What a message is about."""

    SESSION = "session"
    EVENT = "event"
    HEAD = "head"
    ROWS = "rows"


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


def session_message(
    begun: SessionBegun, ended: SessionEnded, begin_record: str, end_record: str, meter_kwh: Decimal | None = None
) -> Message:
    """A session that has ended, with both signed records word for word; numbers as text, as the meter showed them.

    meter_kwh: what the meter's own records prove of it, None where they prove nothing.
    """
    grade = Grade.GATEWAY_SIGNED if meter_kwh is None else Grade.METER_SIGNED
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
        "tariff_id": begun.tariff_id,
        "grade": grade.value,
        "meter_energy_kwh": None if meter_kwh is None else number_text(meter_kwh),
        "begin_page": begun.page,
        "end_page": ended.page,
        "begin_record": begin_record,
        "end_record": end_record,
    }
    return Message(Kind.SESSION, json.dumps(body, ensure_ascii=True))


METER_WHY: Final = {
    MeterKeyPinned: "meter_key_pinned",
    MeterRecordKept: "meter_record_kept",
    MeterRecordQuarantined: "meter_record_refused",
    MeterKeyDoubted: "meter_key_doubted",
    MeterKeyUpheld: "meter_key_upheld",
}


def meter_message(fact: MeterFact) -> Message:
    """A meter's own record was kept or refused, or its key was pinned. Of what came from outside nothing is told but
    the reason's code."""
    body: dict[str, object] = {"utc": fact.at.utc.isoformat(), "why": METER_WHY[type(fact)], "socket": None}
    match fact:
        case MeterKeyPinned():
            body["state"] = fact.state.value
        case MeterRecordKept():
            body |= {"socket": fact.socket, "session": fact.session, "proven": fact.key is not None}
        case MeterRecordQuarantined():
            body |= {"socket": fact.socket, "reason": fact.reason}
        case MeterKeyDoubted():
            body["socket"] = fact.socket
        case MeterKeyUpheld():
            pass
    return Message(Kind.EVENT, json.dumps(body, ensure_ascii=True))


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
