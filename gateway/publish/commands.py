"""Command text from MQTT becomes a request, or is rejected with a reason. Never raises, whatever the bytes are.

Topic `laddvakt/<gateway>/socket/<socket>/<key>/set`:
charge: ON | OFF, or {"state": "ON"} with one of "token" (a pseudonym), "card" (what a reader read), "pin" and "code",
and keys of a plan; arm: the same, for sockets with access "armed". A card, PIN or code, and every token where access is
"list", is looked up in the list of users before anything starts;
plan: JSON of a plan for the running or next session (`plan_text`), or "none";
limit: amperes (0, or the box's minimum up to the rating), or "none" to take the limit away; unlock: PRESS;
forget_phases: PRESS, what was learned of the phases that the socket lies on holds no longer;
charge_now: ON | OFF, the session waits for no price.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.ids import SessionId, SocketId, Token, names_a_user
from gateway.publish.plan_text import read_plan
from gateway.publish.topic_names import BASE
from gateway.site.requests import (
    NO_PLAN,
    Arm,
    ChargeNow,
    ChargePlan,
    ForgetPhases,
    LimitCurrent,
    PlanCharge,
    Request,
    Source,
    StartSession,
    StopSession,
    Unlock,
)
from gateway.site.topology import Access, Site, Socket
from gateway.site.users import Presented

PAYLOAD_BYTES_MAX: Final = 4096
TOPIC_LEVELS: Final = 6
TOKEN_FORM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{3,63}")
GIVEN_LENGTH_MAX: Final = 128
MEANS: Final[Mapping[str, Source]] = {
    "token": Source.MQTT,
    "card": Source.RFID,
    "pin": Source.PIN,
    "code": Source.CODE,
}
FORMS: Final[Mapping[Source, re.Pattern[str]]] = {
    Source.RFID: re.compile(r"[0-9A-Z]{4,40}", re.ASCII),
    Source.PIN: re.compile(r"[0-9]{4,16}", re.ASCII),
    Source.CODE: re.compile(r"[0-9A-Z]{6,16}", re.ASCII),
}
AMPS_FORM: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?", re.ASCII)
NO_LIMIT_WORD: Final = "none"
FORGET_PHASES: Final = "forget_phases"
"""Also of a socket that has a meter and nothing else."""


class Refusal(StrEnum):
    """Why a command was not taken."""

    RETAINED = "retained"
    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"
    NOT_A_COMMAND = "not_a_command"
    UNKNOWN_SOCKET = "unknown_socket"
    UNKNOWN_KEY = "unknown_key"
    WRONG_VALUE = "wrong_value"
    BAD_TOKEN = "bad_token"  # noqa: S105 - a reason, not a secret
    OUT_OF_RANGE = "out_of_range"
    NOT_CONTROLLED = "not_controlled"
    NOT_ARMABLE = "not_armable"
    NO_SETPOINT = "no_setpoint"
    TOO_MANY = "too_many"
    KNOWN_ALREADY = "known_already"
    TOKEN_NEEDED = "token_needed"  # noqa: S105 - a reason, not a secret


@dataclass(frozen=True, slots=True)
class Rejected:
    """A command that was not taken. `socket` and `key` only if they are ours, so nothing foreign is echoed."""

    refusal: Refusal
    socket: SocketId | None
    key: str | None


@dataclass(frozen=True, slots=True)
class _Order:
    """ON or OFF with its plan, and how the user is known: MQTT with a pseudonym or nothing, else by a card or code."""

    on: bool
    plan: ChargePlan = NO_PLAN
    means: Source = Source.MQTT
    text: str | None = None

    @property
    def token(self) -> Token | None:
        return None if self.text is None else Token(self.text)


def read_command(
    topic: str, payload: bytes, retained: bool, site: Site, session: SessionId
) -> Request | Presented | Rejected:
    """The request that this message makes, or what is to be looked up in the list of users first. `session`: a fresh
    id, used only if a session is asked for."""
    levels = topic.split("/")
    ours = len(levels) == TOPIC_LEVELS and levels[0] == BASE and levels[1] == site.gateway_id
    if not ours or levels[2] != "socket" or levels[5] != "set":
        return Rejected(Refusal.NOT_A_COMMAND, None, None)
    socket = site.sockets.get(SocketId(levels[3]))
    if socket is None:
        return Rejected(Refusal.UNKNOWN_SOCKET, None, None)
    key = levels[4]
    read = READERS.get(key)
    if read is None:
        return Rejected(Refusal.UNKNOWN_KEY, socket.id, None)
    if retained:
        return Rejected(Refusal.RETAINED, socket.id, key)
    if len(payload) > PAYLOAD_BYTES_MAX:
        return Rejected(Refusal.TOO_LONG, socket.id, key)
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected(Refusal.NOT_TEXT, socket.id, key)
    if not socket.contactor and socket.wallbox is None and key != FORGET_PHASES:
        return Rejected(Refusal.NOT_CONTROLLED, socket.id, key)
    made = read(text, socket, session)
    return Rejected(made, socket.id, key) if isinstance(made, Refusal) else made


def _charge(text: str, socket: Socket, session: SessionId) -> Request | Presented | Refusal:
    order = _order(text)
    if isinstance(order, Refusal):
        return order
    if not order.on:
        return StopSession(socket.id, Source.MQTT)
    asked = socket.access is Access.LIST
    if asked and order.text is None:
        return Refusal.TOKEN_NEEDED
    if order.text is not None and (asked or order.means is not Source.MQTT):
        return Presented(socket.id, order.means, order.text, plan=order.plan)
    return StartSession(socket.id, session, order.token, Source.MQTT, order.plan)


def _arm(text: str, socket: Socket, session: SessionId) -> Request | Presented | Refusal:
    if socket.access is not Access.ARMED:
        return Refusal.NOT_ARMABLE
    order = _order(text)
    if isinstance(order, Refusal):
        return order
    if not order.on:
        return StopSession(socket.id, Source.MQTT)
    if order.text is not None and order.means is not Source.MQTT:
        return Presented(socket.id, order.means, order.text, arms=True, plan=order.plan)
    return Arm(socket.id, session, order.token, Source.MQTT, order.plan)


def _limit(text: str, socket: Socket, _session: SessionId) -> Request | Refusal:
    if socket.wallbox is None:
        return Refusal.NO_SETPOINT
    if text == NO_LIMIT_WORD:
        return LimitCurrent(socket.id, None, Source.MQTT)
    if AMPS_FORM.fullmatch(text) is None:
        return Refusal.WRONG_VALUE
    current_a = float(text)
    if current_a != 0.0 and not socket.wallbox.minimum_a <= current_a <= socket.rating_a:
        return Refusal.OUT_OF_RANGE
    return LimitCurrent(socket.id, current_a, Source.MQTT)


def _plan(text: str, socket: Socket, _session: SessionId) -> Request | Refusal:
    if text == NO_LIMIT_WORD:
        return PlanCharge(socket.id, NO_PLAN, Source.MQTT)
    said = _json_object(text)
    plan = None if said is None else read_plan(said)
    return Refusal.WRONG_VALUE if plan is None else PlanCharge(socket.id, plan, Source.MQTT)


def _charge_now(text: str, socket: Socket, _session: SessionId) -> Request | Refusal:
    return ChargeNow(socket.id, text == "ON", Source.MQTT) if text in ("ON", "OFF") else Refusal.WRONG_VALUE


def _unlock(text: str, socket: Socket, _session: SessionId) -> Request | Refusal:
    return Unlock(socket.id, Source.MQTT) if text == "PRESS" else Refusal.WRONG_VALUE


def _forget_phases(text: str, socket: Socket, _session: SessionId) -> Request | Refusal:
    return ForgetPhases(socket.id) if text == "PRESS" else Refusal.WRONG_VALUE


READERS: Final[Mapping[str, Callable[[str, Socket, SessionId], Request | Presented | Refusal]]] = {
    "charge": _charge,
    "arm": _arm,
    "limit": _limit,
    "plan": _plan,
    "charge_now": _charge_now,
    "unlock": _unlock,
    FORGET_PHASES: _forget_phases,
}


def _order(text: str) -> _Order | Refusal:
    if text in ("ON", "OFF"):
        return _Order(text == "ON")
    said = _json_object(text)
    if not said:
        return Refusal.WRONG_VALUE
    plan = read_plan({key: value for key, value in said.items() if key not in ("state", *MEANS)})
    if plan is None:
        return Refusal.WRONG_VALUE
    state = said.get("state", "ON")
    if state not in ("ON", "OFF"):
        return Refusal.WRONG_VALUE
    given = [key for key in MEANS if said.get(key) is not None]
    if len(given) > 1:
        return Refusal.WRONG_VALUE
    if not given:
        return _Order(state == "ON", plan)
    means = MEANS[given[0]]
    form = uniform(means, said[given[0]])
    return Refusal.BAD_TOKEN if form is None else _Order(state == "ON", plan, means, form)


def uniform(means: Source, given: object) -> str | None:
    """What was presented in the one form in which it is looked up; None if it cannot be any such thing.

    A card's number comes in upper and lower case, with colons, blanks or dashes; a code with or without its dash.
    """
    if not isinstance(given, str) or len(given) > GIVEN_LENGTH_MAX:
        return None
    if means is Source.MQTT:
        return given if TOKEN_FORM.fullmatch(given) and names_a_user(Token(given)) else None
    text = "".join(sign for sign in given.strip() if sign not in " :-").upper()
    return text if FORMS[means].fullmatch(text) else None


def _json_object(text: str) -> dict[str, object] | None:
    if not text.startswith("{"):
        return None
    try:
        said: object = json.loads(text, object_pairs_hook=_pairs_once)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _pairs_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A key said twice leaves doubt about what was meant."""
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a key is said twice")
    return said
