"""What the port makes of octets: telegrams, and what it dropped and why."""

import itertools

from gateway.wire.ciphering import MeterKeys
from gateway.wire.forms import framer_of
from gateway.wire.telegram import Discarded, DiscardReason, Event, Form, Telegram
from tests.wire.dlms_frames import AIDON, hdlc, notification

MESSAGE = notification(AIDON)
FRAME = hdlc(MESSAGE)


def events_of(
    octets: bytes, *, form: Form | None = None, keys: MeterKeys | None = None, cuts: tuple[int, ...] = ()
) -> list[Event]:
    framer = framer_of(form, keys=keys)
    events: list[Event] = []
    for begin, end in itertools.pairwise((0, *sorted(cuts), len(octets))):
        events += framer.feed(octets[begin:end])
    return events + framer.finish()


def telegrams_of(events: list[Event]) -> list[Telegram]:
    return [event for event in events if isinstance(event, Telegram)]


def dropped(events: list[Event]) -> list[tuple[int, DiscardReason]]:
    return [(event.count, event.reason) for event in events if isinstance(event, Discarded)]


def only_telegram(octets: bytes, *, keys: MeterKeys | None = None) -> Telegram:
    (telegram,) = events_of(octets, keys=keys)
    assert isinstance(telegram, Telegram)
    assert telegram.size == len(octets)
    return telegram


def value_of(telegram: Telegram, code: str) -> str:
    number, unit = telegram.items[code]
    return f"{number:f} {unit}"
