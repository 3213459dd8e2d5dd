"""What a wish of control adds to the journal: the facts of one transaction, worked out from what is remembered.

Energy telescopes: every begin, end and booking moves the socket's register mark, and what lies between two marks is
either one session's or the socket's T0. So sessions and T0 add up to the register's difference, digit by digit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from gateway.clock import Instant, UtcTrust
from gateway.errors import DeviceError
from gateway.ids import GatewayId, SessionId, SocketId
from gateway.journal.audit import Checked
from gateway.journal.facts import (
    ChainChecked,
    ConfigSeen,
    ControlCheckpoint,
    DaemonStarted,
    EnergyOutside,
    EventNoted,
    Fact,
    MeterExchanged,
    MeterSeen,
    PageMade,
    SessionBegun,
    SessionEnded,
    SessionQueued,
    SessionWithdrawn,
)
from gateway.journal.outbox import Message, event_message, session_message
from gateway.journal.recovery import Memory, RegisterMark, text_hash
from gateway.metering.clock_watch import STEP_MIN
from gateway.metering.ocmf import (
    Ending,
    GatewayIdentity,
    MeterIdentity,
    Page,
    RecordTime,
    Subject,
    Unbilled,
    Unusable,
    begin_payload,
    begun_relative,
    end_payload,
    meter_serial,
    record_text,
)
from gateway.meters.readings import SocketReading
from gateway.quantities import EnergyRegister
from gateway.site.outcomes import Edge
from gateway.site.wishes import EndKind, NoteEvent, NoteQueued, NoteWithdrawn, RecordBegin, RecordEnd, SaveCheckpoint

Note = NoteQueued | NoteWithdrawn | NoteEvent | SaveCheckpoint | Checked

_TRUST_FALLS: Final = (UtcTrust.SYNCHRONISED, UtcTrust.INFORMATIVE, UtcTrust.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Station:
    """What the records say of this installation. meters: by socket, as the config and the model files name them;
    minimum_wh: the minimum measured quantity of the sockets that declare one; config: what the config says, without its
    secrets; tariff_ids: of the sockets that have one."""

    gateway_id: GatewayId
    version: str
    software: str
    boot_id: str
    time_zone: tzinfo
    meters: Mapping[SocketId, MeterIdentity]
    minimum_wh: Mapping[SocketId, int] = field(default_factory=dict)
    config: str = ""
    tariff_ids: Mapping[SocketId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose pages are counted: the public key in hex, and the serial that its records bear."""

    public_key: str
    serial: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Facts of one transaction, and what of them goes to the broker."""

    facts: tuple[Fact, ...]
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """An entry that holds a page to be signed."""

    entry: Entry
    page: PageMade


def start_facts(memory: Memory, station: Station, now: Instant) -> tuple[Fact, ...]:
    """The start of the daemon, and what the config says if that is new."""
    started = DaemonStarted(now, station.boot_id, station.version, station.software)
    if not station.config or text_hash(station.config) == memory.config:
        return (started,)
    return started, ConfigSeen(now, station.config)


def begin_entry(memory: Memory, station: Station, signer: Signer, wish: RecordBegin) -> RecordEntry:
    """The begin of a session, with the energy since the socket's last mark. Raises DeviceError on a reading without a
    usable register, or if the socket has an open session."""
    for begun in memory.open.values():
        if begun.socket == wish.socket:
            raise DeviceError(f"session {begun.session} is still open on socket {wish.socket}")
    at, register = wish.reading.at, _usable(wish.reading)
    meter = _meter(station, wish.socket, wish.reading)
    serial = meter_serial(meter, wish.socket)
    tariff_id = station.tariff_ids.get(wish.socket)
    subject = Subject(wish.session, wish.socket, wish.token, wish.continues, meter, wish.source, tariff_id)
    page = _next_page(memory, signer)
    payload = begin_payload(
        _identity(station, signer), subject, page, _begin_time(station, at), register=register, why=wish.because.why
    )
    begun = SessionBegun(
        at=at,
        boot_id=station.boot_id,
        socket=wish.socket,
        session=wish.session,
        token=wish.token,
        continues=wish.continues,
        page=page.number,
        vendor=meter.vendor,
        model=meter.model,
        firmware=meter.firmware,
        serial=serial,
        kwh=register.kwh,
        step_kwh=register.step_kwh,
        raw_words=register.raw_words,
        because=wish.because,
        source=wish.source,
        tariff_id=tariff_id,
    )
    made = PageMade(signer.public_key, page.number, wish.session, Edge.BEGIN, payload)
    booked = _booked(memory, wish.socket, RegisterMark(serial, register.kwh), at)
    return RecordEntry(Entry((*booked.facts, begun, made), booked.messages), made)


def end_entry(memory: Memory, station: Station, signer: Signer, wish: RecordEnd) -> RecordEntry:
    """The end of an open session, and its successor's wait in its place.

    A register below the begin, or another meter's, ends it without energy, marked so, and a new count begins at what
    the meter shows. A cancelled session, one below the declared minimum, and one while its meter's key is
    in doubt keep their energy and are not billed. Raises DeviceError on a reading without a usable register, or if the
    session is not open.
    """
    begun = memory.open.get(wish.session)
    if begun is None:
        raise DeviceError(f"session {wish.session} has no begin record, so it cannot end")
    at, shown = wish.reading.at, _usable(wish.reading)
    serial = meter_serial(_meter(station, begun.socket, wish.reading), begun.socket)
    unusable = _unusable(begun, serial, shown)
    register = shown if unusable is None else EnergyRegister(begun.kwh, begun.step_kwh, begun.raw_words)
    minimum_wh = station.minimum_wh.get(begun.socket)
    energy_kwh = register.kwh - begun.kwh
    is_doubted = begun.socket in memory.doubted_keys
    unbilled = _unbilled(unusable, wish.kind, energy_kwh, minimum_wh, is_doubted=is_doubted)
    seen = None if unusable is None else (serial, shown)
    ending = Ending(wish.kind, wish.because.why, unusable, seen, unbilled, minimum_wh)
    page, time = _next_page(memory, signer), _end_time(memory, station, begun, at)
    payload = end_payload(_identity(station, signer), _subject(begun), page, time, register=register, ending=ending)
    ended = SessionEnded(
        at=replace(at, utc=time.utc, utc_trust=time.trust),
        socket=begun.socket,
        session=begun.session,
        kind=wish.kind,
        page=page.number,
        kwh=register.kwh,
        energy_kwh=energy_kwh,
        billable=unbilled is None,
        raw_words=shown.raw_words,
        because=wish.because,
        unbilled=unbilled,
        minimum_wh=minimum_wh,
    )
    made = PageMade(signer.public_key, page.number, wish.session, Edge.END, payload)
    follows = _succeeded(memory, begun, wish)
    if unusable is None:
        return RecordEntry(Entry((ended, *follows, made)), made)
    exchanged = MeterExchanged(at, begun.socket, begun.serial, begun.kwh, serial, shown.kwh)
    return RecordEntry(Entry((ended, *follows, exchanged, made), (event_message(exchanged),)), made)


def _succeeded(memory: Memory, begun: SessionBegun, wish: RecordEnd) -> tuple[SessionQueued, ...]:
    """A recovered session is continued by its successor; a cancelled one is taken again as what it was."""
    successor = wish.successor
    if successor is None or successor in memory.queued or successor in memory.begun:
        return ()
    continues = begun.session if wish.kind is EndKind.RECOVERED else begun.continues
    return (
        SessionQueued(wish.reading.at, begun.socket, successor, begun.token, continues, wish.because, begun.source),
    )


def outside_entry(memory: Memory, station: Station, socket: SocketId, reading: SocketReading) -> Entry:
    """The energy since the socket's last mark as its T0; nothing while a session is open, since then it is the
    session's. Raises DeviceError on a reading without a usable register."""
    if any(begun.socket == socket for begun in memory.open.values()):
        return Entry(())
    register = _usable(reading)
    serial = meter_serial(_meter(station, socket, reading), socket)
    return _booked(memory, socket, RegisterMark(serial, register.kwh), reading.at)


def note_entry(memory: Memory, wish: Note, now: Instant) -> Entry:
    """A fact that needs no signature; nothing if it is known already."""
    match wish:
        case NoteQueued() if wish.session not in memory.queued and wish.session not in memory.begun:
            return Entry((_queued(wish, now),))
        case NoteWithdrawn() if wish.session in memory.queued:
            return Entry((SessionWithdrawn(now, wish.socket, wish.session, wish.because),))
        case NoteEvent():
            event = EventNoted(now, wish.socket, wish.because)
            return Entry((event,), (event_message(event),))
        case SaveCheckpoint() if wish.text != memory.checkpoint:
            return Entry((ControlCheckpoint(now, wish.text),))
        case Checked():
            return Entry((ChainChecked(now, wish.head.seq, wish.head.hash.hex(), wish.pages),))
        case _:
            return Entry(())


def _queued(wish: NoteQueued, now: Instant) -> SessionQueued:
    return SessionQueued(now, wish.socket, wish.session, wish.token, wish.continues, wish.because, wish.source)


def announcement(memory: Memory, made: PageMade, signature: bytes) -> tuple[Message, ...]:
    """What the broker hears when that page is signed: a session that has ended, with both records."""
    if made.edge is Edge.BEGIN:
        return ()
    return _told(memory, made.session, record_text(made.payload, signature), memory.meter_kwh.get(made.session))


def ended_message(memory: Memory, session: SessionId, meter_kwh: Decimal) -> tuple[Message, ...]:
    """The same once more, when the meter's own records have come; nothing while our own are not complete."""
    signed = memory.durable.get((session, Edge.END))
    if signed is None:
        return ()
    record = record_text(memory.payloads[session, Edge.END], bytes.fromhex(signed.signature))
    return _told(memory, session, record, meter_kwh)


def _told(memory: Memory, session: SessionId, end_record: str, meter_kwh: Decimal | None) -> tuple[Message, ...]:
    begin = (session, Edge.BEGIN)
    begin_record = record_text(memory.payloads[begin], bytes.fromhex(memory.durable[begin].signature))
    return (session_message(memory.begun[session], memory.ended[session], begin_record, end_record, meter_kwh),)


def _booked(memory: Memory, socket: SocketId, seen: RegisterMark, at: Instant) -> Entry:
    mark = memory.registers.get(socket)
    if mark is None:
        return Entry((MeterSeen(at, socket, seen.serial, seen.kwh),))
    if seen.serial != mark.serial or seen.kwh < mark.kwh:
        exchanged = MeterExchanged(at, socket, mark.serial, mark.kwh, seen.serial, seen.kwh)
        return Entry((exchanged,), (event_message(exchanged),))
    if seen == mark:
        return Entry(())
    return Entry((EnergyOutside(at, socket, seen.serial, mark.kwh, seen.kwh),))


def _next_page(memory: Memory, signer: Signer) -> Page:
    newest = memory.sequence(signer.public_key)
    return Page(newest.page + 1, newest.hash)


def _identity(station: Station, signer: Signer) -> GatewayIdentity:
    return GatewayIdentity(station.gateway_id, signer.serial, station.version, station.software)


def _meter(station: Station, socket: SocketId, reading: SocketReading) -> MeterIdentity:
    meter = station.meters.get(socket)
    if meter is None:
        raise DeviceError(f"socket {socket} has no meter, so nothing can be signed for it")
    return meter if reading.serial is None else replace(meter, serial=reading.serial)


def _usable(reading: SocketReading) -> EnergyRegister:
    register = reading.energy_import
    if register is None or not _is_energy(register.kwh) or not _is_energy(register.step_kwh):
        raise DeviceError("the meter gave no usable import register")
    return register


def _is_energy(kwh: Decimal) -> bool:
    return kwh.is_finite() and kwh >= 0


def _unusable(begun: SessionBegun, serial: str, shown: EnergyRegister) -> Unusable | None:
    if serial != begun.serial:
        return Unusable.METER_EXCHANGED
    return Unusable.REGISTER_FELL if shown.kwh < begun.kwh else None


def _unbilled(
    unusable: Unusable | None, kind: EndKind, energy_kwh: Decimal, minimum_wh: int | None, *, is_doubted: bool
) -> Unbilled | None:
    """Why the session is not billed. The minimum itself is billed, and nothing is rounded up to it."""
    if unusable is not None:
        return Unbilled[unusable.name]
    if kind is EndKind.CANCELLED:
        return Unbilled.CANCELLED
    if minimum_wh is not None and energy_kwh * 1000 < minimum_wh:
        return Unbilled.BELOW_MINIMUM
    return Unbilled.METER_KEY_DOUBTED if is_doubted else None


def _subject(begun: SessionBegun) -> Subject:
    meter = MeterIdentity(begun.vendor, begun.model, begun.firmware, begun.serial)
    return Subject(begun.session, begun.socket, begun.token, begun.continues, meter, begun.source, begun.tariff_id)


def _begin_time(station: Station, at: Instant) -> RecordTime:
    """Who begins on a clock that is not trusted can promise the duration alone."""
    return RecordTime(at.utc, _offset(station, at.utc), at.utc_trust, relative=not at.utc_trust.is_proven)


def _end_time(memory: Memory, station: Station, begun: SessionBegun, at: Instant) -> RecordTime:
    """Begin plus monotonic duration within one boot; otherwise the wall clock, if it did not run backwards.

    A begin that is relative makes the end relative; without its duration that time is unusable. The other ends are
    trusted no more than begin and end both are, and not wholly if the clock was in doubt, or stepped, between them.
    """
    relative = begun_relative(memory.payloads[begun.session, Edge.BEGIN])
    trust = max(begun.at.utc_trust, at.utc_trust, key=_TRUST_FALLS.index)
    if begun.boot_id == station.boot_id and at.monotonic_s >= begun.at.monotonic_s:
        utc = begun.at.utc + timedelta(seconds=at.monotonic_s - begun.at.monotonic_s)
        followed = abs(utc - at.utc) < STEP_MIN
        if begun.session in memory.doubted or not followed:
            trust = max(trust, UtcTrust.INFORMATIVE, key=_TRUST_FALLS.index)
        return RecordTime(utc, _offset(station, utc), trust, wall=None if followed else at.utc, relative=relative)
    if at.utc >= begun.at.utc:
        return RecordTime(at.utc, _offset(station, at.utc), trust, usable=not relative, relative=relative)
    stopped = begun.at.utc
    unknown = UtcTrust.UNKNOWN
    return RecordTime(stopped, _offset(station, stopped), unknown, usable=False, wall=at.utc, relative=relative)


def _offset(station: Station, utc: datetime) -> timedelta:
    offset = utc.astimezone(station.time_zone).utcoffset()
    return offset if offset is not None else timedelta(0)
