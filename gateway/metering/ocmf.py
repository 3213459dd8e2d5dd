"""OCMF records: the exact text that is signed, one payload per edge of a session.

Format: Open Charge Metering Format 1.3 (S.A.F.E. e.V.), tables 1 to 7. `FV` stays "1.3", since public verifiers refuse
both 1.4 and a missing `FV`. Every reading carries all its fields, since not all verifiers inherit them. The text is
pure ASCII and holds no "|": some verifiers split blindly and some decode with the machine's own character set.

Our own fields start with X, which the format leaves to vendors:
XS session id, XK socket, XP SHA-256 of the payload of the page before (64 zeros before the first), XI SHA-256 of the
software that made the record, XA how the user is known, XR register step in kWh, XW raw register words in hex, XB why,
XE how the session ended, XC session that this one continues, XO what the meter showed where that cannot be billed, XU
wall clock where the end time was derived without it, XN why the session is not billed, XQ the socket's minimum measured
quantity in Wh (by analogy with Directive 2014/32/EU, annex VI, MI-005: a smaller quantity is shown and not billed).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final

from gateway.clock import UtcTrust
from gateway.ids import GatewayId, SessionId, SocketId, Token, names_a_user
from gateway.quantities import EnergyRegister
from gateway.site.because import Why
from gateway.site.requests import Source
from gateway.site.wishes import EndKind

FORMAT_VERSION: Final = "1.3"
IMPORT_REGISTER: Final = "01-00:B0.08.00*FF"
"""Total active import of the mains, cumulative (OCMF 1.4 table 25; accepted under FV 1.3)."""
SIGNATURE_METHOD: Final = "ECDSA-secp256r1-SHA256"
NO_PAGE_BEFORE: Final = "0" * 64
RELATIVE: Final = "R"
"""The time state of both ends of a session whose begin was not trusted: an exact duration on an informative start."""
SERIAL_UNREAD: Final = "UNREAD:"
"""Stands before the socket's name where the meter has no serial number that can be read."""


@dataclass(frozen=True, slots=True)
class GatewayIdentity:
    """Who signs. serial: names the key's epoch, so that a new key is a new serial; software: SHA-256 in hex."""

    name: GatewayId
    serial: str
    version: str
    software: str


@dataclass(frozen=True, slots=True)
class MeterIdentity:
    """Which meter. serial None: the model has no register for it and nobody wrote it down."""

    vendor: str
    model: str
    firmware: str | None
    serial: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """The record's place in the key's one sequence. before: SHA-256 in hex of the payload of page number - 1."""

    number: int
    before: str


@dataclass(frozen=True, slots=True)
class RecordTime:
    """When the register was read. offset: of local time from UTC then; wall: the clock's own word if not followed;
    relative: the clock was not trusted at the begin, so that only the duration between begin and end counts."""

    utc: datetime
    offset: timedelta
    trust: UtcTrust
    usable: bool = True
    wall: datetime | None = None
    relative: bool = False


class Unusable(StrEnum):
    """Why the end register cannot be set against the begin register; the value is the meter status ST (table 11)."""

    METER_EXCHANGED = "X"
    REGISTER_FELL = "E"


class Unbilled(StrEnum):
    """Why a session is signed and not billed."""

    METER_EXCHANGED = "meter_exchanged"
    REGISTER_FELL = "register_fell"
    CANCELLED = "cancelled"
    BELOW_MINIMUM = "below_minimum"
    METER_KEY_DOUBTED = "meter_key_doubted"


@dataclass(frozen=True, slots=True)
class Subject:
    """What both records of a session have in common. source: how the user is known; tariff_id: names the tariff that
    held at the begin (TT, since OCMF 1.1: 250 characters at most), None where none was declared."""

    session: SessionId
    socket: SocketId
    token: Token | None
    continues: SessionId | None
    meter: MeterIdentity
    source: Source | None = None
    tariff_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How the session ended. shown: serial and register as seen, where they cannot be billed; minimum_wh: the declared
    minimum measured quantity, None where none is declared."""

    kind: EndKind
    why: Why
    unusable: Unusable | None = None
    shown: tuple[str, EnergyRegister] | None = None
    unbilled: Unbilled | None = None
    minimum_wh: int | None = None


class _Number(Decimal):
    """A decimal that is written into JSON as a bare number with exactly its own digits."""


_Value = str | bool | _Number | Sequence["_Value"] | dict[str, "_Value"]


def begin_payload(
    gateway: GatewayIdentity, subject: Subject, page: Page, time: RecordTime, *, register: EnergyRegister, why: Why
) -> str:
    """The payload text of a begin record (TX = B): to be stored, signed and passed on without any change."""
    fields = _head(gateway, subject, page)
    fields["RD"] = [_reading(time, "B", register.kwh, "", "G")]
    fields.update(_origin(gateway, subject, page, register))
    fields["XB"] = why.value
    return _json(fields)


def end_payload(
    gateway: GatewayIdentity,
    subject: Subject,
    page: Page,
    time: RecordTime,
    *,
    register: EnergyRegister,
    ending: Ending,
) -> str:
    """The payload text of an end record.

    register: what is to be billed up to. Where `ending.unusable` is set it is the begin register, marked EF = E, and
    `ending.shown` says what the meter really showed: no energy is billed, and nothing is negative.
    """
    errors = ("E" if ending.unusable is not None else "") + ("" if time.usable else "t")
    status = "G" if ending.unusable is None else ending.unusable.value
    fields = _head(gateway, subject, page)
    fields["RD"] = [_reading(time, end_letter(ending), register.kwh, errors, status)]
    fields.update(_origin(gateway, subject, page, register))
    fields["XB"] = ending.why.value
    fields["XE"] = ending.kind.value
    if ending.shown is not None:
        serial, shown = ending.shown
        fields["XO"] = {"MS": serial, "RV": number_text(shown.kwh), "XW": _words(shown)}
    if ending.unbilled is not None:
        fields["XN"] = ending.unbilled.value
    if ending.minimum_wh is not None:
        fields["XQ"] = str(ending.minimum_wh)
    if time.wall is not None:
        fields["XU"] = time.wall.astimezone(UTC).isoformat(timespec="milliseconds")
    return _json(fields)


def end_letter(ending: Ending) -> str:
    """TX of an end (OCMF 1.3 table 7): P the daemon or its power was lost, A error, R remote, L local."""
    if ending.kind is EndKind.RECOVERED:
        return "P"
    if ending.kind is EndKind.CANCELLED or ending.unusable is not None or ending.why in _ERRORS:
        return "A"
    return "R" if ending.why is Why.COMMAND else "L"


_ERRORS: Final = frozenset({
    Why.OVERLOAD, Why.HEAT, Why.GRID_BLIND, Why.SOCKET_METER_SILENT, Why.SOCKET_OVERLOAD, Why.WALLBOX_SILENT,
    Why.WALLBOX_DISOBEYS, Why.CONTACTOR_WELDED, Why.CONTACTOR_NOT_CLOSED, Why.CONTACTOR_UNKNOWN, Why.JOURNAL_STOPPED,
    Why.BREAKER_OPEN, Why.REGISTER_CREEPS, Why.METER_STANDS_STILL, Why.SHUTDOWN, Why.START_TOO_OLD, Why.ROOM_LOST,
})  # fmt: skip


def record_text(payload: str, signature: bytes) -> str:
    """The whole record: OCMF, the payload untouched, and the DER signature over its bytes in hex."""
    return f'OCMF|{payload}|{{"SA":"{SIGNATURE_METHOD}","SD":"{signature.hex().upper()}"}}'


def payload_hash(payload: str) -> str:
    """What the next page names as its predecessor: SHA-256 of the payload bytes. Signatures are left out of it,
    since a second valid signature over the same bytes can be made from the first."""
    return sha256(payload.encode("utf-8")).hexdigest()


def meter_serial(meter: MeterIdentity, socket: SocketId) -> str:
    """MS, which the format demands: the serial, or an open word that there is none."""
    return meter.serial or f"{SERIAL_UNREAD}{socket}"


def number_text(value: Decimal) -> str:
    """A finite decimal with its own digits and zeros, never in exponent form (2935.600 stays 2935.600)."""
    return format(value, "f")


def time_text(time: RecordTime) -> str:
    """TM: local time with milliseconds after a comma, offset without colon, time state."""
    local = (time.utc.astimezone(UTC) + time.offset).replace(tzinfo=None)
    minutes = round(time.offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    stamp = local.isoformat(timespec="milliseconds").replace(".", ",")
    return f"{stamp}{sign}{hours:02d}{rest:02d} {RELATIVE if time.relative else time.trust.value}"


def begun_relative(payload: str) -> bool:
    """True if that begin record bears time state R, so that its end must bear it too."""
    return str(json.loads(payload)["RD"][0]["TM"]).endswith(f" {RELATIVE}")


def _head(gateway: GatewayIdentity, subject: Subject, page: Page) -> dict[str, _Value]:
    meter = subject.meter
    fields: dict[str, _Value] = {
        "FV": FORMAT_VERSION,
        "GI": str(gateway.name),
        "GS": gateway.serial,
        "GV": gateway.version,
        "PG": f"T{page.number}",
        "MV": meter.vendor,
        "MM": meter.model,
        "MS": meter_serial(meter, subject.socket),
    }
    if meter.firmware:
        fields["MF"] = meter.firmware
    if subject.token is None:
        fields.update({"IS": False, "IL": "NONE", "IF": [], "IT": "NONE"})
    elif names_a_user(subject.token):
        fields.update({"IS": True, "IL": "HEARSAY", "IF": [], "IT": "LOCAL", "ID": str(subject.token)})
    else:  # booked on the socket: nobody was asked who he is
        fields.update({"IS": False, "IL": "NONE", "IF": [], "IT": "LOCAL", "ID": str(subject.token)})
    if subject.tariff_id is not None:
        fields["TT"] = subject.tariff_id
    return fields


def _reading(time: RecordTime, letter: str, kwh: Decimal, errors: str, status: str) -> dict[str, _Value]:
    return {
        "TM": time_text(time),
        "TX": letter,
        "RV": _Number(kwh),
        "RI": IMPORT_REGISTER,
        "RU": "kWh",
        "RT": "AC",
        "EF": errors,
        "ST": status,
    }


def _origin(gateway: GatewayIdentity, subject: Subject, page: Page, register: EnergyRegister) -> dict[str, _Value]:
    fields: dict[str, _Value] = {
        "XS": str(subject.session),
        "XK": str(subject.socket),
        "XP": page.before,
        "XI": gateway.software,
        "XR": number_text(register.step_kwh),
        "XW": _words(register),
    }
    if subject.source is not None:
        fields["XA"] = subject.source.value
    if subject.continues is not None:
        fields["XC"] = str(subject.continues)
    return fields


def _words(register: EnergyRegister) -> str:
    return " ".join(f"{word:04X}" for word in register.raw_words)


def _json(value: _Value) -> str:
    """Compact JSON in ASCII; "|" inside a string is written as an escape, so that the text never holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Number):
        return number_text(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=True).replace("|", "\\u007c")
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(name)}:{_json(inner)}" for name, inner in value.items()) + "}"
    return "[" + ",".join(_json(inner) for inner in value) + "]"
