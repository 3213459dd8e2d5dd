"""A record that a meter signed itself comes into the journal: what is looked up, what becomes of it, who is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from gateway.clock import Instant
from gateway.ids import SessionId, SocketId
from gateway.journal.entries import Entry, ended_message
from gateway.journal.facts import Fact, SessionBegun, SessionEnded
from gateway.journal.meter_facts import (
    MeterFact,
    MeterKeyDoubted,
    MeterKeyPinned,
    MeterKeyUpheld,
    MeterRecordKept,
    MeterRecordQuarantined,
    pin_name,
    quarantine_name,
    record_name,
    unproven_name,
)
from gateway.journal.outbox import Message, meter_message
from gateway.journal.recovery import Memory
from gateway.metering.meter_signed import (
    UNTRUSTED_CLOCKS,
    Accepted,
    Refused,
    claimed,
    judged,
    meter_proof,
    signed_part,
    those_proven,
    tofu,
)
from gateway.metering.pins import Pin, PinState
from gateway.metering.record import END_LETTERS, Record
from gateway.metering.verdicts import Reason

CLOCKS_APART: Final = timedelta(minutes=15)
"""So far a meter's clock may be from ours: a record belongs to the session during which it was taken."""
MQTT: Final = "mqtt"
"""The source of what came over MQTT."""
OCTETS_MAX: Final = 65_536
"""A longer one is refused with its first octets as evidence."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A record as it came. key: in whatever encoding came with it; session: if whoever handed it in knows it; source:
    `mqtt`, or a file's name."""

    socket: SocketId
    octets: bytes
    source: str
    key: str | None = None
    session: SessionId | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. reason: None if it was kept; pin: the state of its key, None if it is not pinned."""

    reason: Reason | None
    detail: str = ""
    session: SessionId | None = None
    energy_kwh: Decimal | None = None
    pin: PinState | None = None


def names_of(handed: Handed) -> tuple[str, ...]:
    """The names of the facts that decide about it."""
    names = [quarantine_name(handed.octets[:OCTETS_MAX])]
    if handed.session is not None:
        names += [f"begin {handed.session}", f"end {handed.session}"]
    form = claimed(handed.octets)
    if not isinstance(form, Refused):
        text, record = form
        gateway, meter = record.identity
        names += [record_name(gateway, meter, f"{record.context}{record.page}"), unproven_name(text)]
        names += [pin_name(state, gateway, meter) for state in PinState]
    return tuple(names)


def import_entry(memory: Memory, handed: Handed, known: Mapping[str, Fact], now: Instant) -> tuple[Entry, Outcome]:
    """The facts that it makes, and what to say of it. known: the facts of those of `names_of` that there are."""
    form = claimed(handed.octets)
    verdict = form if isinstance(form, Refused) else judged(*form, pins_of_facts(known.values()), handed.key)
    if isinstance(verdict, Accepted):
        before = _kept_before(verdict, known)
        if before is None:
            return _kept(memory, handed, known, verdict, now)
        if signed_part(before.text) == signed_part(verdict.text):
            return Entry(()), Outcome(Reason.REPLAYED, before.session or "", before.session)
        verdict = Refused(Reason.PAGE_REUSED, verdict.page, verdict.gateway, verdict.meter)
    return _quarantined(memory, handed, known, verdict, now)


def confirm_entry(memory: Memory, known: Iterable[Fact], pin: Pin, now: Instant) -> tuple[Entry, Pin | None]:
    """Somebody has compared the key of a meter. A key of which nobody but the data spoke gives way to it; a confirmed
    one does not: that one is answered then, and nothing is stored. Whoever confirms the same one again ends a doubt."""
    confirmed = next((one for one in pins_of_facts(known) if one.state is PinState.CONFIRMED), None)
    if confirmed is not None:
        meter = (pin.gateway, pin.meter or "")
        if confirmed.key != pin.key:
            return Entry(()), confirmed
        if meter not in {(one.gateway, one.meter) for one in memory.doubted_keys.values()}:
            return Entry(()), None
        upheld = MeterKeyUpheld(now, *meter, pin.who, pin.how)
        return Entry((upheld,), (meter_message(upheld),)), None
    fact = MeterKeyPinned(now, pin.gateway, pin.meter or "", pin.key, PinState.CONFIRMED, pin.who, pin.how)
    return Entry((fact,), (meter_message(fact),)), None


def pins_of_facts(facts: Iterable[Fact]) -> tuple[Pin, ...]:
    """The pin of each meter: a confirmed one goes before the one that came with the data."""
    pins: dict[tuple[str, str], Pin] = {}
    for fact in facts:
        if isinstance(fact, MeterKeyPinned):
            meter = (fact.gateway, fact.meter)
            if fact.state is PinState.CONFIRMED or meter not in pins:
                when = fact.at.utc.astimezone(UTC).isoformat(timespec="seconds")
                pins[meter] = Pin(fact.gateway, fact.meter, fact.key, fact.state, fact.who, when, fact.how)
    return tuple(pins.values())


def is_end(record: Record) -> bool:
    """True if the record says how a session ended, and not how it began."""
    letters = {reading.letter for reading in record.readings}
    return bool(letters & END_LETTERS) and "B" not in letters


def session_at(
    sessions: Iterable[tuple[SessionBegun, SessionEnded | None]],
    socket: SocketId,
    first: datetime,
    last: datetime,
    *,
    ends: bool = False,
) -> SessionId | None:
    """The session on that socket during which both moments lie, give or take what two clocks may be apart; of several
    the one that began nearest to the first moment, or ended nearest to the last if the record says only the end."""
    fitting = [
        (_from_end(begun, ended, last) if ends else abs(begun.at.utc - first), begun.session)
        for begun, ended in sessions
        if begun.socket == socket
        and begun.at.utc - CLOCKS_APART <= first
        and (ended is None or last <= ended.at.utc + CLOCKS_APART)
    ]
    return min(fitting)[1] if fitting else None


def _from_end(begun: SessionBegun, ended: SessionEnded | None, moment: datetime) -> timedelta:
    """How far the moment lies from the session's end; what runs may end at any moment after its begin."""
    if ended is None:
        return max(begun.at.utc - moment, timedelta(0))
    return abs(ended.at.utc - moment)


def _kept_before(accepted: Accepted, known: Mapping[str, Fact]) -> MeterRecordKept | None:
    names = [unproven_name(accepted.text)]
    if accepted.pinned is not None:
        names.insert(0, record_name(accepted.gateway, accepted.meter, accepted.page))
    found = (known.get(name) for name in names)
    return next((fact for fact in found if isinstance(fact, MeterRecordKept)), None)


def _kept(
    memory: Memory, handed: Handed, known: Mapping[str, Fact], accepted: Accepted, now: Instant
) -> tuple[Entry, Outcome]:
    session = _session(memory, handed, known, accepted.record, now)
    pins: Sequence[Pin] = pins_of_facts(known.values())
    facts: list[MeterFact] = []
    first = tofu(accepted, "", handed.source)
    if first is not None:
        pins = (first,)
        facts.append(MeterKeyPinned(now, accepted.gateway, accepted.meter, first.key, PinState.TOFU, "", handed.source))
    energy_kwh = None
    if session is not None:
        texts = (*memory.meter_records.get(session, ()), accepted.text)
        proof = meter_proof(those_proven(texts, pins), pins)
        energy_kwh = None if proof is None else proof.energy_kwh
    key = None if accepted.pinned is None else accepted.pinned.hex
    kept = MeterRecordKept(
        at=now,
        socket=handed.socket,
        session=session,
        gateway=accepted.gateway,
        meter=accepted.meter,
        page=accepted.page,
        key=key,
        energy_kwh=energy_kwh,
        source=handed.source,
        text=accepted.text,
    )
    facts.append(kept)
    messages: list[Message] = [meter_message(fact) for fact in facts]
    if session is not None and energy_kwh is not None and session == next(reversed(memory.ended), None):
        messages += ended_message(memory, session, energy_kwh)
    pin = pins[0].state if pins else None
    return Entry(tuple(facts), tuple(messages)), Outcome(None, accepted.page, session, energy_kwh, pin)


def _session(
    memory: Memory, handed: Handed, known: Mapping[str, Fact], record: Record, now: Instant
) -> SessionId | None:
    """The session that was named, if there is one on that socket; else that of the record's own times. A record of a
    clock that nobody set belongs, if it came at once, to what runs or has just ended."""
    sessions = [(begun, memory.ended.get(name)) for name, begun in memory.begun.items()]
    if handed.session is not None:
        begun = known.get(f"begin {handed.session}")
        return handed.session if isinstance(begun, SessionBegun) and begun.socket == handed.socket else None
    first, last = record.readings[0], record.readings[-1]
    if UNTRUSTED_CLOCKS.isdisjoint({first.time_state, last.time_state}) or handed.source != MQTT:
        return session_at(sessions, handed.socket, first.time, last.time, ends=is_end(record))
    return session_at(sessions, handed.socket, now.utc, now.utc, ends=is_end(record))


def _quarantined(
    memory: Memory, handed: Handed, known: Mapping[str, Fact], refused: Refused, now: Instant
) -> tuple[Entry, Outcome]:
    octets = handed.octets[:OCTETS_MAX]
    outcome = Outcome(refused.reason, refused.detail)
    if quarantine_name(octets) in known:
        return Entry(()), outcome
    fact = MeterRecordQuarantined(
        at=now,
        socket=handed.socket,
        gateway=refused.gateway,
        meter=refused.meter,
        reason=refused.reason.value,
        detail=refused.detail[:200],
        source=handed.source,
        octets=octets.hex(),
    )
    facts: list[MeterFact] = [fact]
    if refused.reason is Reason.FOREIGN_KEY and handed.socket not in memory.doubted_keys:
        facts.append(MeterKeyDoubted(now, handed.socket, refused.gateway or "", refused.meter or ""))
    return Entry(tuple(facts), tuple(meter_message(one) for one in facts)), outcome
