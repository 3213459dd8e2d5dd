"""One OCMF record, checked over the bytes that were signed before anything in it is believed.

Rules beyond OCMF 1.3, since public verifiers let each of these through: a name may stand only once in an object,
numbers are finite, "|" stands nowhere else, `SA` must be the pinned key's own algorithm, and a key that comes with the
record counts for nothing.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from gateway.metering.keys import PublicKey, has_low_s
from gateway.metering.ocmf import SERIAL_UNREAD, payload_hash
from gateway.metering.verdicts import Finding, Reason

RECORD_BYTES_MAX: Final = 65_536
DIGITS_MAX: Final = 13
DECIMALS_MAX: Final = 12
"""A register has at most so many digits before and after the point, so that differences of two are exact."""
DEFAULT_METHOD: Final = "ECDSA-secp256r1-SHA256"
END_LETTERS: Final = frozenset("ELRAP")
_USER_ERRORS: Final = frozenset({"MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"})
_PAGE: Final = re.compile(r"([TF])(0|[1-9][0-9]{0,17})")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d),(\d{3})([+-]\d{4}) ([UISR])")


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a proven record."""

    letter: str
    time_text: str
    time: datetime
    time_state: str
    value: Decimal
    register: str
    unit: str
    errors: str
    status: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record whose signature is right. page: number in its context; fields: the payload as it stands."""

    where: str
    context: str
    page: int
    payload: str
    session: str
    fields: Mapping[str, Any]
    readings: tuple[Reading, ...]
    findings: tuple[Finding, ...]

    @property
    def hash(self) -> str:
        return payload_hash(self.payload)


def checked_record(text: str, pinned: PublicKey, where: str, transaction: str = "") -> Record | Finding:
    """The record if it is this key's own, else why not. transaction: groups records that bear no session id."""
    sections = text.strip().split("|")
    if sections[0] != "OCMF" or len(text) > RECORD_BYTES_MAX or len(sections) not in {2, 3}:
        return Finding(Reason.NOT_OCMF, where)
    if len(sections) == 2 or not sections[2].strip():
        return Finding(Reason.UNSIGNED, where)
    payload = sections[1]
    wrong = _signature_finding(payload, sections[2], pinned, where)
    if wrong is not None:
        return wrong
    try:
        return _record(payload, where, transaction)
    except _Refused as refused:
        return Finding(refused.reason, where, str(refused))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ArithmeticError) as problem:
        return Finding(Reason.FIELD_MISSING, where, str(problem))


def claimed_identity(text: str) -> tuple[str, str] | None:
    """GS and MS as the text claims them, before anything is proven: good for choosing a key to check it with, and for
    nothing else. None if it names none."""
    sections = text.strip().split("|")
    if len(sections) != 3 or sections[0] != "OCMF" or not sections[2].strip() or len(text) > RECORD_BYTES_MAX:
        return None
    try:
        fields = _object(sections[1])
        gateway, meter = fields["GS"], fields["MS"]
    except (_Refused, ValueError, KeyError, RecursionError, ArithmeticError):
        return None
    return (gateway, meter) if isinstance(gateway, str) and isinstance(meter, str) else None


def claimed_fields(text: str) -> Mapping[str, Any] | None:
    """The payload's fields as the text claims them, before anything is proven; None if it is no OCMF record."""
    sections = text.strip().split("|")
    if len(sections) != 3 or sections[0] != "OCMF" or len(text) > RECORD_BYTES_MAX:
        return None
    try:
        return _object(sections[1])
    except (_Refused, ValueError, RecursionError, ArithmeticError):
        return None


class _Refused(Exception):  # noqa: N818 - caught in this file alone
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _signature_finding(payload: str, section: str, pinned: PublicKey, where: str) -> Finding | None:
    try:
        fields = _object(section)
        method = fields.get("SA", DEFAULT_METHOD)
        encoding, form = fields.get("SE", "hex"), fields.get("SM", "application/x-der")
        signature = bytes.fromhex(fields["SD"])
    except _Refused as refused:
        return Finding(refused.reason, where, str(refused))
    except (ValueError, KeyError, TypeError, RecursionError, ArithmeticError):
        return Finding(Reason.NOT_OCMF, where)
    if method != pinned.method or encoding != "hex" or form != "application/x-der":
        return Finding(Reason.OTHER_ALGORITHM, where, str(method))
    if not payload.isascii():
        return Finding(Reason.NOT_ASCII_JSON, where)
    if not pinned.verifies(payload.encode("ascii"), signature):
        return Finding(Reason.SIGNATURE_WRONG, where)
    if '"XI":' in payload and not has_low_s(signature):
        return Finding(Reason.SIGNATURE_MALLEATED, where)
    return None


def _record(payload: str, where: str, transaction: str) -> Record:
    fields = _object(payload)
    page = _PAGE.fullmatch(fields["PG"])
    if page is None:
        raise _Refused(Reason.FIELD_MISSING, "PG")
    readings = tuple(_reading(reading) for reading in fields["RD"])
    if not readings:
        raise _Refused(Reason.FIELD_MISSING, "RD")
    for name in ("GS", "MS"):
        if not isinstance(fields[name], str) or not fields[name]:
            raise _Refused(Reason.FIELD_MISSING, name)
    at = f"{page[0]}"
    session = fields.get("XS", transaction)
    if not isinstance(session, str):
        raise _Refused(Reason.FIELD_MISSING, "XS")
    findings = tuple(Finding(reason, at, detail) for reason, detail in _doubts(fields, readings))
    return Record(where, page[1], int(page[2]), payload, session, fields, readings, findings)


def _doubts(fields: Mapping[str, Any], readings: tuple[Reading, ...]) -> list[tuple[Reason, str]]:
    doubts = []
    for reading in readings:
        if "E" in reading.errors:
            doubts.append((Reason.ENERGY_UNUSABLE, reading.status))
        if "t" in reading.errors:
            doubts.append((Reason.TIME_UNUSABLE, reading.time_text))
        if reading.status != "G" and "E" not in reading.errors:
            doubts.append((Reason.METER_STATUS, reading.status))
        if reading.time_state in {"U", "I"}:
            doubts.append((Reason.CLOCK_NOT_TRUSTED, reading.time_text))
    if fields["MS"].startswith(SERIAL_UNREAD):
        doubts.append((Reason.METER_SERIAL_UNREAD, ""))
    if fields.get("IL") in _USER_ERRORS:
        doubts.append((Reason.USER_NOT_ASSIGNED, str(fields["IL"])))
    return doubts


def _reading(fields: Mapping[str, Any]) -> Reading:
    time = _TIME.fullmatch(fields["TM"])
    if time is None:
        raise _Refused(Reason.FIELD_MISSING, "TM")
    value = fields["RV"]
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not _is_register(Decimal(value)):
        raise _Refused(Reason.FIELD_MISSING, "RV")
    texts = [fields["TX"], fields["RI"], fields["RU"], fields.get("EF", ""), fields["ST"]]
    if not all(isinstance(text, str) for text in texts):
        raise _Refused(Reason.FIELD_MISSING, "RD")
    letter, register, unit, errors, status = texts
    moment = datetime.fromisoformat(f"{time[1]}.{time[2]}{time[3]}")
    return Reading(letter, fields["TM"], moment, time[4], Decimal(value), register, unit, errors, status)


def _is_register(value: Decimal) -> bool:
    """True for what an energy register can show. Beyond, a few bytes of exponent cost megabytes to write out."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -DECIMALS_MAX and value.adjusted() < DIGITS_MAX and value >= 0


def _object(text: str) -> dict[str, Any]:
    """A JSON object in which no name stands twice; numbers with a point become Decimal, never float."""
    found = json.loads(text, object_pairs_hook=_once, parse_float=Decimal, parse_constant=_not_finite)
    if not isinstance(found, dict):
        raise _Refused(Reason.NOT_ASCII_JSON, "")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Refused(Reason.DUPLICATE_NAME, name)
        found[name] = value
    return found


def _not_finite(name: str) -> Decimal:
    raise _Refused(Reason.NOT_ASCII_JSON, name)
