r"""P1 ASCII telegrams (HAN P1 companion 5.0.2, 6.2; Swedish line set as sent by Sagemcom, L+G, Kamstrup, Aidon, Kaifa).

    telegram = "/" XXX Z ident CR LF CR LF *( line CR LF ) "!" [ 1*4 HEX ] CR LF
    line     = OBIS 1*( "(" value [ "*" unit ] ")" )

A telegram ends at its "!" line, never at a pause: Landis+Gyr E360 sends it in pieces with gaps. The "!" may stand at
the end of the last line (Aidon RJ12 description 1.6, 3.4). LF alone is taken for CR LF, since bridges and logs
rewrite line ends. Where a checksum fails, the search goes on at the next header inside what was collected, so a lost
end or a "/" in noise costs no telegram but its own.
"""

import itertools
import re
from decimal import Decimal
from typing import Final

from gateway.wire import obis
from gateway.wire.crc import crc16_arc
from gateway.wire.stretch import Stretch
from gateway.wire.telegram import DiscardReason, Event, Form, Item, Telegram

TELEGRAM_BYTES_MAX: Final = 8192
"""Swedish telegrams have 699 to 712 bytes, Dutch ones with history up to about 1.5 kB."""

_FED_AT_ONCE: Final = 4096

_HEADER: Final = re.compile(rb"/[A-Za-z0-9]{3}[^\r\n/!()]{1,60}\r?\n")
_HEADER_BEGUN: Final = re.compile(rb"/(?:[A-Za-z0-9]{0,2}|[A-Za-z0-9]{3}[^\r\n/!()]{0,60}\r?)\Z")
_HEADER_BYTES_MAX: Final = 66
_END: Final = re.compile(rb"\)[\r\n]*!([0-9A-Fa-f]{0,4})\r?\n")
_END_WITHOUT_LINE_END: Final = re.compile(rb"\)[\r\n]*!([0-9A-Fa-f]{1,4})\r?\Z")
_REGISTER: Final = re.compile(r"\n([0-9:.-]+)\((-?[0-9]+\.?[0-9]*)(?:\*([A-Za-z]*))?\)(?=[\r\n!])")
_CLOCK: Final = re.compile(r"\n0-0:1\.0\.0\(([^()]*)\)")


class P1Framer:
    """Bytes in, telegrams and dropped stretches out. Never raises on input; holds at most 8 kB plus what was fed.

    Every byte fed is in exactly one event by the time `finish` returns, and how the stream was cut does not matter.
    """

    def __init__(self, *, allow_without_crc: bool = False) -> None:
        self._allow_without_crc = allow_without_crc
        self._held = bytearray()
        self._searched = 0
        self._noise = Stretch(DiscardReason.NOISE)

    def feed(self, octets: bytes) -> list[Event]:
        """Events that these bytes complete, in wire order."""
        events: list[Event] = []
        for begin in range(0, len(octets), _FED_AT_ONCE):
            self._held += octets[begin : begin + _FED_AT_ONCE]
            while self._advance(events):
                pass
        return events

    def finish(self) -> list[Event]:
        """What is left when the stream ends. A telegram whose last line end is missing is still taken."""
        events: list[Event] = []
        if self._held.startswith(b"/"):
            end = _END_WITHOUT_LINE_END.search(self._held)
            if end:
                self._close(end, events)
        while header := _HEADER.search(self._held):
            following = _HEADER.search(self._held, header.end())
            self._drop_noise(header.start(), events)
            size = (following.start() if following else header.start() + len(self._held)) - header.start()
            self._drop(size, DiscardReason.TRUNCATED, events)
        self._drop_noise(len(self._held), events)
        self._noise.close(events)
        return events

    def _advance(self, events: list[Event]) -> bool:
        """One step; False if more bytes are needed. The next telegram's header is brought to the front first."""
        header = _HEADER.match(self._held)
        if header is None:
            header = _HEADER.search(self._held)
            if header is None:
                self._drop_noise(self._certainly_no_header(len(self._held)), events)
                return False
            self._drop_noise(header.start(), events)
            self._searched = 0
        if self._held.find(b"!", self._searched) < 0 and len(self._held) < TELEGRAM_BYTES_MAX:
            self._searched = len(self._held)
            return False
        end = _END.search(self._held, 0, TELEGRAM_BYTES_MAX)
        if end is not None:
            self._close(end, events)
            return bool(self._held)
        if len(self._held) < TELEGRAM_BYTES_MAX:
            return False
        following = _HEADER.search(self._held, 1, TELEGRAM_BYTES_MAX)
        size = following.start() if following else self._certainly_no_header(TELEGRAM_BYTES_MAX)
        self._drop(size, DiscardReason.OVERLONG, events)
        return True

    def _close(self, end: re.Match[bytes], events: list[Event]) -> None:
        """An end was found: the telegram is what runs from the first header whose checksum fits up to it."""
        size = end.end()
        crc_begins = end.start(1)
        digits = end[1]
        if digits:
            given = int(digits, 16)
            if crc16_arc(self._held[:crc_begins]) == given:
                self._emit(size, crc_begins, events)
                return
        starts = [header.start() for header in _HEADER.finditer(self._held, 0, size)]
        begin = starts[-1]
        fits = not digits and self._allow_without_crc
        if digits:
            for start in starts[1:]:
                if crc16_arc(self._held[start:crc_begins]) == given:
                    begin, fits = start, True
                    break
        for this, following in itertools.pairwise(starts):
            if following <= begin:
                self._drop(following - this, DiscardReason.TRUNCATED, events)
        if fits:
            self._emit(size - begin, crc_begins - begin, events)
        else:
            self._drop(size - begin, DiscardReason.BAD_CRC if digits else DiscardReason.WITHOUT_CRC, events)

    def _emit(self, size: int, crc_begins: int, events: list[Event]) -> None:
        self._noise.close(events)
        events.append(_parse(self._held[:crc_begins].decode("latin-1"), size))
        del self._held[:size]
        self._searched = 0

    def _drop(self, count: int, reason: DiscardReason, events: list[Event]) -> None:
        stretch = Stretch(reason)
        stretch.add(self._held[:count])
        self._noise.close(events)
        stretch.close(events)
        del self._held[:count]
        self._searched = 0

    def _drop_noise(self, count: int, events: list[Event]) -> None:
        self._noise.add_and_cut(self._held[:count], events)
        del self._held[:count]

    def _certainly_no_header(self, limit: int) -> int:
        """How many bytes below the limit cannot begin a header, whatever follows."""
        begun = _HEADER_BEGUN.search(self._held[:limit], max(0, limit - _HEADER_BYTES_MAX))
        return begun.start() if begun else limit


def _parse(text: str, size: int) -> Telegram:
    """The lines of a checked telegram, from "/" to "!". Lines of several values (history, gas) are not registers."""
    registers = _REGISTER.findall(text)
    items: dict[str, Item] = {code: (Decimal(number), unit) for code, number, unit in registers}
    twice: tuple[str, ...] = ()
    if len(items) != len(registers):
        codes = [code for code, _, _ in registers if code.startswith(obis.ELECTRICITY)]
        twice = tuple(sorted({code for code in codes if codes.count(code) > 1}))
    clock = _CLOCK.search(text)
    return Telegram(
        form=Form.P1,
        ident=text[1 : text.index("\n")].rstrip("\r"),
        items=items,
        clock=clock[1] if clock else _clock_in_two_lines(text),
        twice=twice,
        size=size,
    )


def _clock_in_two_lines(text: str) -> str | None:
    """Date and time of meters that send them apart, as `YYMMDD hhmmss`."""
    parts = [re.search(rf"\n{re.escape(code)}\(([^()]*)\)", text) for code in (obis.CLOCK_DATE, obis.CLOCK_TIME)]
    return " ".join(part[1] for part in parts if part) if all(parts) else None
