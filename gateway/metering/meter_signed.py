"""Records that a meter or a wallbox signed itself: taken in or refused, and what those of one session prove.

They are kept as they came, byte for byte. The key is pinned per (gateway, meter) as their own fields GS and MS name
them. While none is pinned, the key that comes with the first good record is pinned as `tofu`, and nothing is green by
it; once one is pinned, only its own records are taken.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gateway.metering.keys import NotAKey, PublicKey, public_key
from gateway.metering.pins import Pin, PinState, pin_for
from gateway.metering.record import (
    END_LETTERS,
    RECORD_BYTES_MAX,
    Record,
    checked_record,
    claimed_identity,
    claimed_record,
)
from gateway.metering.verdicts import Finding, Reason, Verdict
from gateway.metering.verification import KWH_OF_UNIT, Submitted, verified_by_pins

UNTRUSTED_CLOCKS: Final = frozenset("UI")
TEXT_MAX: Final = 64
"""Characters of a maker's GS and MS, which become names in the journal."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record to be kept. pinned: the key that it is proven with, None if nobody knows one; is_new: that key came with
    the record and is to be pinned."""

    text: str
    record: Record
    gateway: str
    meter: str
    pinned: PublicKey | None
    is_new: bool

    @property
    def page(self) -> str:
        return f"{self.record.context}{self.record.page}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is not taken, and why. gateway, meter: as it claims them, if it claims any."""

    reason: Reason
    detail: str
    gateway: str | None = None
    meter: str | None = None


@dataclass(frozen=True, slots=True)
class MeterProof:
    """What the meter's own records say of one session. energy_kwh: None unless a begin and an end are proven."""

    verdict: Verdict
    energy_kwh: Decimal | None
    findings: tuple[Finding, ...]


def claimed(octets: bytes) -> tuple[str, Record] | Refused:
    """The record as it claims to be: its form is right, its signature not looked at yet. What a gateway of ours signed
    is no meter's word, and must not raise the grade of a session."""
    if len(octets) > RECORD_BYTES_MAX:
        return Refused(Reason.TOO_LONG, f"{len(octets)}")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as problem:
        return Refused(Reason.NOT_TEXT, f"{problem.start}")
    record = claimed_record(text, "")
    if isinstance(record, Finding):
        return Refused(record.reason, record.detail)
    gateway, meter = record.identity
    if max(len(gateway), len(meter)) > TEXT_MAX:
        return Refused(Reason.FIELD_MISSING, f"GS, MS: more than {TEXT_MAX}")
    if "XI" in record.fields:
        return Refused(Reason.NOT_OF_A_METER, "XI", gateway, meter)
    return text, record


def judged(text: str, record: Record, pins: Sequence[Pin], brought: str | None) -> Accepted | Refused:
    """Whether the record is taken. pins: those of its gateway and meter; brought: the key that came with it."""
    gateway, meter = record.identity
    pin = pin_for(pins, gateway, meter)
    try:
        with_it = None if not brought else public_key(brought)
    except NotAKey as problem:
        return Refused(Reason.KEY_NOT_READ, str(problem), gateway, meter)
    key = with_it if pin is None else public_key(pin.key)
    if key is None:
        return Accepted(text, record, gateway, meter, None, is_new=False)
    checked = checked_record(text, key, "")
    if isinstance(checked, Record):
        return Accepted(text, checked, gateway, meter, key, is_new=pin is None)
    if pin is not None and with_it is not None and with_it.spki != key.spki:
        return Refused(Reason.FOREIGN_KEY, with_it.fingerprint, gateway, meter)
    return Refused(checked.reason, checked.detail, gateway, meter)


def tofu(accepted: Accepted, when: str, seen_in: str) -> Pin | None:
    """The pin that a record makes which brought the first key of its meter."""
    if accepted.pinned is None or not accepted.is_new:
        return None
    return Pin(accepted.gateway, accepted.meter, accepted.pinned.hex, PinState.TOFU, "", when, seen_in)


def those_proven(texts: Iterable[str], pins: Sequence[Pin]) -> tuple[str, ...]:
    """Of all that was kept of a session, the records that the pinned keys prove; if they prove none, all of it.

    Before a key was pinned anybody could hand in anything: that must not spoil what the meter itself says.
    """
    every = tuple(dict.fromkeys(texts))
    proven = {signed_part(text): text for text in every if _is_proven(text, pins)}
    return tuple(proven.values()) or every


def signed_part(text: str) -> str:
    """The payload: a meter may sign the same one twice, and ECDSA gives another signature each time."""
    return text.partition("|")[2].partition("|")[0]


def _is_proven(text: str, pins: Sequence[Pin]) -> bool:
    identity = claimed_identity(text)
    pin = None if identity is None else pin_for(pins, *identity)
    return pin is not None and isinstance(checked_record(text, public_key(pin.key), ""), Record)


def meter_proof(texts: Iterable[str], pins: Sequence[Pin]) -> MeterProof | None:
    """What these records of one session prove by these pins; None if there are none. The energy stands only where all
    of it is of one meter and nothing is false."""
    submitted = [Submitted(text, f"{at}", None, "meter") for at, text in enumerate(dict.fromkeys(texts), 1)]
    if not submitted:
        return None
    report = verified_by_pins(submitted, pins)
    energies = [session.energy_kwh for session in report.sessions]
    # Where a session's pin is not confirmed its energy is worked out before that doubt is added.
    is_one = len(energies) == 1 and report.verdict is not Verdict.RED
    findings = (*report.findings, *(finding for session in report.sessions for finding in session.findings))
    return MeterProof(report.verdict, energies[0] if is_one else None, findings)


def meter_energy_claimed(texts: Iterable[str]) -> Decimal | None:
    """The energy that these records of one session claim, whoever signed them; None if they do not say it."""
    begins: set[tuple[Decimal, str]] = set()
    ends: set[tuple[Decimal, str]] = set()
    for text in texts:
        record = claimed_record(text, "")
        if isinstance(record, Finding):
            return None
        for reading in record.readings:
            if reading.letter == "B":
                begins.add((reading.value, reading.unit))
            elif reading.letter in END_LETTERS:
                ends.add((reading.value, reading.unit))
    if len(begins) != 1 or len(ends) != 1:
        return None
    ((first, unit),), ((last, other),) = begins, ends
    return (last - first) * KWH_OF_UNIT[unit] if unit == other and unit in KWH_OF_UNIT else None
