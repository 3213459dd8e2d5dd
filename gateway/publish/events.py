"""Messages that are said once: events, rejected commands, finished sessions, wallbox setpoints."""

import json
import math
from datetime import datetime
from decimal import Decimal
from typing import Final

from gateway.ids import FuseId, GatewayId
from gateway.journal.facts import ChainChecked
from gateway.journal.heads import RolledBack
from gateway.journal.outbox import METER_WHY, Kind, PendingMessage
from gateway.metering.ocmf import Unbilled
from gateway.metering.verdicts import Grade, Reason
from gateway.publish import topic_names
from gateway.publish.billing_words import GRADES, unbilled_text
from gateway.publish.commands import Rejected
from gateway.publish.journal_words import JOURNAL_DAMAGED, JOURNAL_ROLLED_BACK, JOURNAL_UNCHECKED, JOURNAL_WHOLE
from gateway.publish.json_text import Value, json_text
from gateway.publish.meter_words import METER_EVENTS
from gateway.publish.refusal_words import REFUSALS, user_refused_text
from gateway.publish.verdict_words import REASON_WORDS
from gateway.publish.words import ENDINGS, METER_EXCHANGED, Language, pick, reason
from gateway.quantities import Phase
from gateway.site.because import Because, Why
from gateway.site.users import NotLetIn
from gateway.site.wishes import EndKind

COMMAND_REJECTED: Final = "command_rejected"
EXCHANGED: Final = "meter_exchanged"
PINNED, KEPT, REFUSED, DOUBTED, UPHELD = METER_WHY.values()
TOKEN_REFUSED: Final = "token_refused"  # noqa: S105 - names an event
EVENT_TYPES: Final = (
    COMMAND_REJECTED,
    TOKEN_REFUSED,
    EXCHANGED,
    KEPT,
    REFUSED,
    PINNED,
    DOUBTED,
    UPHELD,
    *(why.value for why in Why),
)
"""Every `event_type` that can come; Home Assistant takes no other."""

Message = tuple[str, str]
"""Topic, payload."""


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


def user_refused_event(gateway: GatewayId, refused: NotLetIn, language: Language, utc: datetime) -> Message:
    """Who stands at the socket is told why he is not let in; nothing of what he presented is among it."""
    return topic_names.event(gateway), json_text(
        {
            "event_type": TOKEN_REFUSED,
            "socket": refused.socket,
            "reason": refused.why.value,
            "text": user_refused_text(refused.why, refused.wait_s, language),
            "wait_s": math.ceil(refused.wait_s),
            "ts": utc.isoformat(timespec="seconds"),
        }
    )


def outbox_message(gateway: GatewayId, pending: PendingMessage, language: Language) -> Message:
    """A message of the durable outbox as it goes out: a finished session, or something people must know.

    The signed records themselves stay in the journal and its exports, since they name who charged.
    """
    said: dict[str, Value] = json.loads(pending.body)
    match pending.kind:
        case Kind.SESSION:
            return topic_names.session_last(gateway), json_text(_session(said, language))
        case Kind.EVENT:
            return topic_names.event(gateway), json_text(_event(said, language))
        case Kind.HEAD:
            return topic_names.journal_head(gateway), json_text(said)
        case Kind.ROWS:
            return topic_names.journal_rows(gateway), pending.body


def check_text(check: ChainChecked | RolledBack | str | None, language: Language) -> str:
    """The newest check of the whole journal, None before the first; or a finding: damage as text, or an old copy."""
    told: dict[str, Value] = {"problem": None, "finding": None, "rows": None, "head": None, "ts": None}
    match check:
        case None:
            told |= {"text": pick(JOURNAL_UNCHECKED, language)}
        case RolledBack():
            told |= {"problem": "ON", "text": pick(JOURNAL_ROLLED_BACK, language), "finding": str(check)}
        case str():
            told |= {"problem": "ON", "text": pick(JOURNAL_DAMAGED, language), "finding": check}
        case _:
            told |= {"problem": "OFF", "rows": check.seq, "head": f"{check.seq}:{check.hash}"}
            told |= {"text": pick(JOURNAL_WHOLE, language).format(rows=check.seq, pages=check.pages)}
            told |= {"ts": check.at.utc.isoformat(timespec="seconds")}
    return json_text(told)


def _session(said: dict[str, Value], language: Language) -> dict[str, Value]:
    kind = EndKind(str(said["end_kind"]))
    return {
        "socket": said["socket"],
        "session": said["session"],
        "continues": said["continues"],
        "kind": kind.value,
        "kind_text": pick(ENDINGS[kind], language),
        "because_code": said["why"],
        "begin_utc": said["begin_utc"],
        "end_utc": said["end_utc"],
        "begin_kwh": Decimal(str(said["begin_kwh"])),
        "end_kwh": Decimal(str(said["end_kwh"])),
        "energy_kwh": Decimal(str(said["energy_kwh"])),
        "billable": said["billable"],
        "grade": (grade := Grade(str(said.get("grade", Grade.GATEWAY_SIGNED.value)))).value,
        "grade_text": pick(GRADES[grade], language),
        "meter_energy_kwh": None if (meter := said.get("meter_energy_kwh")) is None else Decimal(str(meter)),
        "not_billed_code": said.get("unbilled"),
        "not_billed_text": _unbilled_text(said, language),
        "begin_page": said["begin_page"],
        "end_page": said["end_page"],
    }


def _unbilled_text(said: dict[str, Value], language: Language) -> str | None:
    """Why it is not billed; a message of an older version does not say."""
    if said["billable"]:
        return None
    code, minimum_wh = said.get("unbilled"), said.get("minimum_wh")
    why = None if code is None else Unbilled(str(code))
    return unbilled_text(why, minimum_wh if isinstance(minimum_wh, int) else None, language)


def _event(said: dict[str, Value], language: Language) -> dict[str, Value]:
    told: dict[str, Value] = {"socket": said["socket"], "ts": said["utc"]}
    if said["why"] == EXCHANGED:
        return {"event_type": EXCHANGED, **told, "text": pick(METER_EXCHANGED, language)}
    if said["why"] in METER_WHY.values():
        return _meter_event(said, told, language)
    fuse, phase, current_a = said["fuse"], said["phase"], said["current_a"]
    because = Because(
        Why(str(said["why"])),
        FuseId(fuse) if isinstance(fuse, str) else None,
        Phase[phase] if isinstance(phase, str) else None,
        float(current_a) if isinstance(current_a, (int, float)) else None,
    )
    return {
        "event_type": because.why.value,
        **told,
        "fuse": fuse,
        "phase": phase,
        "current_a": current_a,
        "text": reason(because, language),
    }


def _meter_event(said: dict[str, Value], told: dict[str, Value], language: Language) -> dict[str, Value]:
    """A meter's own record, or its key. Refused ones are what somebody who looks after security must hear of."""
    why = str(said["why"])
    if why == PINNED:
        words = METER_EVENTS[f"{why}_{said['state']}"]
        return {"event_type": why, **told, "state": said["state"], "text": pick(words, language)}
    if why == KEPT:
        more = {"session": said["session"], "proven": said["proven"]}
        return {"event_type": why, **told, **more, "text": pick(METER_EVENTS[why], language)}
    if why in {DOUBTED, UPHELD}:
        return {"event_type": why, **told, "text": pick(METER_EVENTS[why], language)}
    code = Reason(str(said["reason"]))
    text = pick(METER_EVENTS[why], language).format(why=REASON_WORDS[code]["sv" if language is Language.SV else "en"])
    return {"event_type": why, **told, "reason": code.value, "text": text}


def floor_to_hundredths(current_a: float) -> float:
    """Never more than was granted; the small addend keeps 10.01 from becoming 10.00 by binary fractions."""
    return math.floor(current_a * 100 + 1e-6) / 100


def setpoint_text(current_a: float, phases: int, seq: int, valid_until: datetime) -> str:
    """Setpoint of an MQTT wallbox: A per phase (rounded downwards), phases, running number, end of validity."""
    return json_text(
        {
            "amps": floor_to_hundredths(current_a),
            "phases": phases,
            "seq": seq,
            "valid_until": valid_until.isoformat(timespec="seconds"),
        }
    )
