"""One OCMF record, checked over the bytes that were signed before anything in it is believed.

Rules beyond OCMF 1.3, since public verifiers let each of these through: a name may stand only once in an object,
numbers are finite, "|" stands nowhere else, `SA` must be the pinned key's own algorithm, and a key that comes with the
record counts for nothing.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
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
OUR_MARK: Final = '"XI":'
"""Stands in every payload that this software made, and is part of what was signed."""
_USER_ERRORS: Final = frozenset({"MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"})
_PAGE: Final = re.compile(r"([TF])(0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r" {0,32}[0-9]{1,13}(\.[0-9]{1,12})?", re.ASCII)
_OTHER_SPELLINGS: Final = {
    "ECDSA-brainpoolP256r1-SHA256": "ECDSA-brainpool256r1-SHA256",
    "ECDSA-brainpoolP384r1-SHA256": "ECDSA-brainpool384r1-SHA256",
}
"""As makers, and some verifiers, write what the format calls otherwise."""
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
    def identity(self) -> tuple[str, str]:
        """Gateway and meter, as `identity_of` has them."""
        return identity_of(self.fields)

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
    wrong = _signature_finding(sections[1], sections[2], pinned, where)
    return wrong if wrong is not None else _read(sections[1], where, transaction)


def claimed_record(text: str, where: str, transaction: str = "") -> Record | Finding:
    """The record as the text claims it, its signature not looked at since nobody knows the key; or why it is none."""
    sections = text.strip().split("|")
    if sections[0] != "OCMF" or len(text) > RECORD_BYTES_MAX or len(sections) not in {2, 3}:
        return Finding(Reason.NOT_OCMF, where)
    if len(sections) == 2 or not sections[2].strip():
        return Finding(Reason.UNSIGNED, where)
    signed = _signature_fields(sections[2], where, is_ours=False)
    return signed if isinstance(signed, Finding) else _read(sections[1], where, transaction)


def _read(payload: str, where: str, transaction: str) -> Record | Finding:
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
        return identity_of(_object(sections[1]))
    except (_Refused, ValueError, KeyError, RecursionError, ArithmeticError):
        return None


def identity_of(fields: Mapping[str, Any]) -> tuple[str, str]:
    """GS and MS. A maker whose meter and gateway are one thing may name only one of them, which then stands for both.

    Raises KeyError if there is neither, or one that is no text, or one of a record of ours is missing.
    """
    named = {name: fields[name] for name in ("GS", "MS") if "XI" in fields or fields.get(name) not in (None, "")}
    if not named or not all(isinstance(text, str) and text for text in named.values()):
        raise KeyError("GS, MS")
    return named.get("GS", named.get("MS", "")), named.get("MS", named.get("GS", ""))


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
    is_ours = OUR_MARK in payload
    fields = _signature_fields(section, where, is_ours=is_ours)
    if isinstance(fields, Finding):
        return fields
    method, form, signature = fields
    if _OTHER_SPELLINGS.get(method, method) != pinned.method or form != "application/x-der":
        return Finding(Reason.OTHER_ALGORITHM, where, method)
    if is_ours and not payload.isascii():
        return Finding(Reason.NOT_ASCII_JSON, where)
    if not pinned.verifies(payload.encode("utf-8"), signature):
        return Finding(Reason.SIGNATURE_WRONG, where)
    if is_ours and not has_low_s(signature):
        return Finding(Reason.SIGNATURE_MALLEATED, where)
    return None


def _signature_fields(section: str, where: str, *, is_ours: bool) -> tuple[str, str, bytes] | Finding:
    """Algorithm, form and octets of the signature (OCMF 1.3 table 5). Base64 is for other makers' records: ours are in
    hex."""
    try:
        fields = _object(section)
        method, form = fields.get("SA", DEFAULT_METHOD), fields.get("SM", "application/x-der")
        encoding = fields.get("SE", "hex")
        if encoding == "base64" and not is_ours:
            return str(method), str(form), base64.b64decode(fields["SD"], validate=True)
        if encoding != "hex":
            return Finding(Reason.OTHER_ALGORITHM, where, str(method))
        return str(method), str(form), bytes.fromhex(fields["SD"])
    except _Refused as refused:
        return Finding(refused.reason, where, str(refused))
    except (ValueError, KeyError, TypeError, RecursionError, ArithmeticError):
        return Finding(Reason.NOT_OCMF, where)


def _record(payload: str, where: str, transaction: str) -> Record:
    fields = _object(payload)
    page = _PAGE.fullmatch(fields["PG"])
    if page is None:
        raise _Refused(Reason.FIELD_MISSING, "PG")
    readings = _readings(fields["RD"], is_ours="XI" in fields)
    if not readings:
        raise _Refused(Reason.FIELD_MISSING, "RD")
    identity_of(fields)
    at = f"{page[0]}"
    session = fields.get("XS", transaction) if "XI" in fields else transaction
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
    if not fields.get("MS") or fields["MS"].startswith(SERIAL_UNREAD):
        doubts.append((Reason.METER_SERIAL_UNREAD, ""))
    if fields.get("IL") in _USER_ERRORS:
        doubts.append((Reason.USER_NOT_ASSIGNED, str(fields["IL"])))
    return doubts


def _readings(said: Sequence[Mapping[str, Any]], *, is_ours: bool) -> tuple[Reading, ...]:
    """Each reading; what one leaves out is as in the one before (OCMF 1.3, "Reading"), but never the value, and in a
    record of ours never the time."""
    readings: list[Reading] = []
    before: Mapping[str, Any] = {}
    for fields in said:
        inherited = {name: value for name, value in before.items() if name != "RV" and (name != "TM" or not is_ours)}
        before = {**inherited, **fields}
        readings.append(_reading(before if is_ours else {**before, "RV": _padded(before["RV"])}))
    return tuple(readings)


def _padded(value: Any) -> Any:  # noqa: ANN401 - whatever stands in JSON
    """A register that a maker wrote as text, filled up with blanks, as the number that it says."""
    return Decimal(value.strip(" ")) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


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
