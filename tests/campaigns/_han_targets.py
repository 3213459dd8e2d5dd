"""What a fuzzer calls: one function per parser of the HAN port, with the laws that hold for any bytes.

Laws: nothing is raised, every byte is answered for in exactly one event, a call takes less than 100 ms of processor
time, and what the parser keeps is bounded. The first byte of an input says how the rest is offered: as it is, cut in
pieces, or inside a frame whose checksum is right, so that the search gets behind the checksum too.
"""

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from gateway.clock import Instant, UtcTrust
from gateway.meters.grid import grid_reading
from gateway.meters.han_port import HanPlan, HanPort
from gateway.wire.ciphering import MeterKeys
from gateway.wire.forms import bare_message, framer_of
from gateway.wire.telegram import EXCERPT_BYTES, Discarded, Event, Form, Telegram
from hil.world.crc import crc16_arc
from hil.world.dlms_frames import (
    AUTHENTICATION_KEY,
    ENCRYPTION_KEY,
    ciphered,
    hdlc,
    hdlc_blocks,
    hdlc_segments,
    mbus_segments,
)
from hil.world.dlms_lists import notification

CALL_S_MAX: Final = 0.1
EVENT_BYTES_MAX: Final = 9216
"""The longest stretch that one event may answer for: the greatest message and one frame."""
KEYS: Final = MeterKeys(ENCRYPTION_KEY, AUTHENTICATION_KEY)
AT: Final = Instant(0.0, datetime(2026, 11, 21, tzinfo=UTC), UtcTrust.UNKNOWN)


class BrokenLawError(AssertionError):
    """A parser did what no input may make it do."""


@dataclass(slots=True)
class Watch:
    """The slowest call so far, and its input."""

    slowest_s: float = 0.0
    slowest: bytes = b""
    telegrams: int = 0
    readings_refused: int = 0
    dropped: dict[str, int] = field(default_factory=dict)


def _pieces(octets: bytes, size: int) -> Iterable[bytes]:
    return (octets[begin : begin + size] for begin in range(0, len(octets), size))


def _stream(form: Form | None, octets: bytes, piece: int, watch: Watch, *, lax: bool, keyed: bool) -> None:
    framer = framer_of(form, allow_without_crc=lax, keys=KEYS if keyed else None)
    events: list[Event] = []
    for part in _pieces(octets, piece):
        events += framer.feed(part)
    events += framer.finish()
    _answer_for(events, len(octets), watch)


def _answer_for(events: list[Event], size: int, watch: Watch) -> None:
    answered = 0
    for event in events:
        if isinstance(event, Telegram):
            answered += event.size
            _read(event, watch)
        else:
            answered += event.count
            _told(event, watch)
    if answered != size:
        raise BrokenLawError(f"{size} bytes came, {answered} were answered for")


def _told(event: Discarded, watch: Watch) -> None:
    watch.dropped[event.reason] = watch.dropped.get(event.reason, 0) + 1
    if not 0 < event.count <= EVENT_BYTES_MAX or len(event.excerpt) > min(EXCERPT_BYTES, event.count):
        raise BrokenLawError(f"an event of {event.count} bytes with {len(event.excerpt)} shown")


def _read(telegram: Telegram, watch: Watch) -> None:
    reading = grid_reading(telegram, AT)
    watch.telegrams += 1
    watch.readings_refused += bool(reading.refused)


def _as_it_is(form: Form | None, octets: bytes, watch: Watch) -> None:
    """First byte: 0x01 in pieces, 0x02 without checksum allowed, 0x04 with keys."""
    choice, rest = octets[0], octets[1:]
    piece = 1 + choice // 8 if choice & 1 else max(1, len(rest))
    _stream(form, rest, piece, watch, lax=bool(choice & 2), keyed=bool(choice & 4))


def right_p1(octets: bytes) -> bytes:
    """A telegram from "/" to "!" whose checksum is made right."""
    body = octets if octets.startswith(b"/") else b"/TST5FUZZ\r\n\r\n" + octets
    body = body.partition(b"!")[0] + b"!"
    return body + f"{crc16_arc(body):04X}\r\n".encode()


def p1(octets: bytes, watch: Watch) -> None:
    if octets and octets[0] & 0x80:
        _stream(Form.P1, right_p1(octets[1:]), 4096, watch, lax=False, keyed=False)
    elif octets:
        _as_it_is(Form.P1, octets, watch)


def hdlc_frames(octets: bytes, watch: Watch) -> None:
    """0x80: one frame; 0x40: as segments or blocks that the second byte cuts; else as it is."""
    if len(octets) < 2:
        return
    choice, rest = octets[0], octets[2:1500]
    if choice & 0x80:
        _stream(Form.HDLC, hdlc(rest, llc=bool(choice & 1)), 4096, watch, lax=False, keyed=True)
    elif choice & 0x40:
        cut = hdlc_segments if choice & 1 else hdlc_blocks
        _stream(Form.HDLC, cut(rest, 1 + octets[1] % 100), 4096, watch, lax=False, keyed=True)
    else:
        _as_it_is(Form.HDLC, octets, watch)


def mbus_frames(octets: bytes, watch: Watch) -> None:
    """0x80: as segments that the second byte cuts; else as it is."""
    if len(octets) < 2:
        return
    if octets[0] & 0x80:
        frames = mbus_segments(octets[2:1500], 1 + octets[1] % 200)
        _stream(Form.MBUS, frames, 4096, watch, lax=False, keyed=True)
    else:
        _as_it_is(Form.MBUS, octets, watch)


def dlms(octets: bytes, watch: Watch) -> None:
    """0x80: the rest is the body of a notification; 0x40: that, ciphered; else a bare message."""
    if not octets:
        return
    choice, message = octets[0], octets[1:]
    if choice & 0xC0:
        message = notification(message)
    if choice & 0x40:
        message = ciphered(message, 1, authenticated=bool(choice & 1))
    told = bare_message(message, KEYS)
    if isinstance(told, Telegram):
        if told.size != len(message):
            raise BrokenLawError(f"{len(message)} bytes came, {told.size} were answered for")
        _read(told, watch)
    else:
        watch.dropped[told] = watch.dropped.get(told, 0) + 1


def auto(octets: bytes, watch: Watch) -> None:
    if octets:
        _as_it_is(None, octets, watch)


def port(octets: bytes, watch: Watch) -> None:
    """The whole port: sniffed, diagnosed, opened anew where it asks for it. The first byte sets pieces and pauses."""
    if len(octets) < 2:
        return
    choice, rest = octets[0], octets[1:]
    keys = KEYS if choice & 4 else None
    one = HanPort(HanPlan(allow_without_crc=bool(choice & 2), keys=keys), bridged=bool(choice & 8))
    pause_s, size = (0.001, 0.3, 11.0)[(choice >> 4) % 3], (9, 62, 400, 3000)[choice >> 6]
    now_s, events = 0.0, list[Event]()
    settings = one.settings
    one.opened(now_s)
    for part in _pieces(rest, size):
        now_s += pause_s
        events += one.feed(part, now_s)
        one.look(now_s + 0.1)
        if one.settings != settings:
            events += one.closed(now_s, lost=bool(choice & 1))
            settings = one.settings
            one.opened(now_s)
    left, _ = one.conclude(now_s + 30.0)
    _answer_for([*events, *left], len(rest), watch)


Parser = Callable[[bytes, Watch], None]
PARSERS: Final[dict[str, Parser]] = {
    "p1": p1,
    "hdlc": hdlc_frames,
    "mbus": mbus_frames,
    "dlms": dlms,
    "auto": auto,
    "port": port,
}


def call(parser: Parser, octets: bytes, watch: Watch) -> None:
    """One call under all laws. A slow one is made again, since the machine may have been looking elsewhere."""
    spent_s = _timed(parser, octets, watch)
    if spent_s > CALL_S_MAX:
        gc.collect()
        spent_s = min(_timed(parser, octets, Watch()) for _ in range(3))
    if spent_s > watch.slowest_s:
        watch.slowest_s, watch.slowest = spent_s, octets
    if spent_s > CALL_S_MAX:
        raise BrokenLawError(f"{spent_s * 1000:.0f} ms of processor time for {len(octets)} bytes")


def _timed(parser: Parser, octets: bytes, watch: Watch) -> float:
    begin_s = time.process_time()
    parser(octets, watch)
    return time.process_time() - begin_s
