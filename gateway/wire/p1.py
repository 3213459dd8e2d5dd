r"""P1 ASCII telegrams (HAN P1 companion 5.0.2, 6.2; Swedish line set as sent by Sagemcom, L+G, Kamstrup, Aidon, Kaifa).

    telegram = "/" XXX Z ident CR LF CR LF *( line CR LF ) "!" [ 1*4 HEX ] CR LF
    line     = OBIS 1*( "(" value [ "*" unit ] ")" )

A telegram ends at its "!" line, never at a pause: Landis+Gyr E360 sends it in pieces with gaps. The "!" may stand at
the end of the last line (Aidon RJ12 description 1.6, 3.4). LF alone is taken for CR LF, since bridges and logs
rewrite line ends; the checksum is that of the line ends as they came, or as the meter sent them. CR CR LF is what a
bridge in text mode makes of CR LF: such a telegram is dropped with that reason, since the bridge must be mended. Where
a checksum fails, the search goes on at the next header inside what was collected, so a lost end or a "/" in noise costs
no telegram but its own.
"""

import itertools
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from gateway.wire import obis
from gateway.wire.crc import crc16_arc
from gateway.wire.scan import MESSAGE_BYTES_MAX, Drop, Framer, Held, Resync, Step, Take
from gateway.wire.telegram import DiscardReason, Form, Item, Telegram

TELEGRAM_BYTES_MAX: Final = MESSAGE_BYTES_MAX
"""Swedish telegrams have 699 to 712 bytes, Dutch ones with history up to about 1.5 kB."""

_OPENING: Final = rb"/[A-Za-z0-9]{3}[^\r\n/!()]{1,60}\r{0,2}\n"
_HEADER: Final = re.compile(_OPENING)
_BEGUN: Final = rb"/(?:[A-Za-z0-9]{0,2}|[A-Za-z0-9]{3}[^\r\n/!()]{0,60}\r{0,2})"
_END: Final = re.compile(rb"\)[\r\n]*!([0-9A-Fa-f]{0,4})[ \t]?\r{0,2}\n")
_END_WITHOUT_LINE_END: Final = re.compile(rb"\)[\r\n]*!([0-9A-Fa-f]{1,4})[ \t]?\r{0,2}\Z")
_BINARY: Final = re.compile(rb"\x00|\x7e[\xa0-\xaf]")
"""No text goes on behind these: a "/" in noise must not hold back the frames of a meter that sends no P1."""
_REGISTER: Final = re.compile(r"\n([0-9:.-]++)\((-?[0-9]{1,20}+\.?[0-9]{0,20}+)(?:\*([A-Za-z]*+))?\)(?=[\r\n!])")
_METER_ID: Final = re.compile(r"\n0-0:96\.1\.[01]\(([^()]*)\)")
"""Equipment identifier of Dutch, Belgian and Austrian meters; Swedish ones send none."""
_CLOCK: Final = re.compile(r"\n0-0:1\.0\.0\(([^()]+)\)")


class P1Grammar:
    """P1 telegrams as one form of the stream."""

    opening = _OPENING
    begun = _BEGUN

    def __init__(self, *, allow_without_crc: bool) -> None:
        self._allow_without_crc = allow_without_crc

    def look(self, held: Held) -> Sequence[Step]:
        """Looks for the end mark. See `Grammar`."""
        octets = held.octets
        binary = _BINARY.search(octets, held.searched, TELEGRAM_BYTES_MAX)
        text_ends = len(octets) if binary is None else binary.start()
        mark = octets.find(b"!", held.searched, text_ends)
        while mark >= 0:
            line_end = octets.rfind(b")", 0, mark)
            if line_end >= 0:
                end = _END.match(octets, line_end, TELEGRAM_BYTES_MAX)
                if end is None and held.ended:
                    end = _END_WITHOUT_LINE_END.match(octets, line_end)
                if end is not None:
                    return self._close(octets, end)
            mark = octets.find(b"!", mark + 1, text_ends)
        if binary is not None:
            return (Resync(text_ends, DiscardReason.TRUNCATED),)
        if len(octets) >= TELEGRAM_BYTES_MAX:
            return (Resync(TELEGRAM_BYTES_MAX, DiscardReason.OVERLONG),)
        return (Resync(len(octets), DiscardReason.TRUNCATED),) if held.ended else ()

    def abandon(self) -> bytes:
        """Nothing: a P1 telegram is one piece."""
        return b""

    def _close(self, held: bytearray, end: re.Match[bytes]) -> Sequence[Step]:
        """An end was found: the telegram is what runs from the first header whose checksum fits up to it."""
        size = end.end()
        crc_begins = end.start(1)
        digits = end[1]
        given = int(digits, 16) if digits else None
        if given is not None and _fits(held[:crc_begins], given):
            return (_take(held, 0, crc_begins, size),)
        starts = [header.start() for header in _HEADER.finditer(held, 0, size)]
        if given is None:
            fitting = starts[-1] if self._allow_without_crc else None
            reason = DiscardReason.WITHOUT_CRC
        else:
            fitting = next((start for start in starts[1:] if _fits(held[start:crc_begins], given)), None)
            reason = (
                DiscardReason.TEXT_MODE
                if _was_in_text_mode(held[starts[-1] : crc_begins], given)
                else DiscardReason.BAD_CRC
            )
        begin = starts[-1] if fitting is None else fitting
        steps: list[Step] = [
            Drop(following - this, DiscardReason.TRUNCATED)
            for this, following in itertools.pairwise(starts)
            if following <= begin
        ]
        steps.append(Drop(size - begin, reason) if fitting is None else _take(held, begin, crc_begins, size))
        return steps


class P1Framer(Framer):
    """Bytes in, P1 telegrams and dropped stretches out."""

    def __init__(self, *, allow_without_crc: bool = False) -> None:
        super().__init__({ord("/"): P1Grammar(allow_without_crc=allow_without_crc)})


def _fits(telegram: bytearray, given: int) -> bool:
    """Whether that is the checksum of the telegram, from "/" to "!", or of what it was before CR LF became LF."""
    if crc16_arc(telegram) == given:
        return True
    return b"\r" not in telegram and crc16_arc(telegram.replace(b"\n", b"\r\n")) == given


def _was_in_text_mode(telegram: bytearray, given: int) -> bool:
    """Whether that is the checksum of what it was before CR LF became CR CR LF."""
    return b"\r\r\n" in telegram and crc16_arc(telegram.replace(b"\r\r\n", b"\r\n")) == given


def _take(held: bytearray, begin: int, crc_begins: int, end: int) -> Take:
    return Take(end - begin, _parse(held[begin:crc_begins].decode("latin-1"), end - begin))


def _parse(text: str, size: int) -> Telegram:
    """The lines of a checked telegram, from "/" to "!". Lines of several values (history, gas) are not registers."""
    registers = _REGISTER.findall(text)
    items: dict[str, Item] = {code: (Decimal(number), unit) for code, number, unit in registers}
    twice: tuple[str, ...] = ()
    if len(items) != len(registers):
        codes = [code for code, _, _ in registers if code.startswith(obis.ELECTRICITY)]
        twice = tuple(sorted({code for code in codes if codes.count(code) > 1}))
        for repeated in twice:
            told = [(Decimal(number), unit) for code, number, unit in registers if code == repeated]
            items[repeated] = max(told, key=lambda item: abs(item[0]))
    clock = _CLOCK.search(text)
    meter_id = _METER_ID.search(text) if "\n0-0:96.1." in text else None
    return Telegram(
        form=Form.P1,
        ident=text[1 : text.index("\n")].rstrip("\r"),
        items=items,
        clock=clock[1] if clock else _clock_in_two_lines(text),
        twice=twice,
        size=size,
        meter_id=meter_id[1] if meter_id else "",
    )


def _clock_in_two_lines(text: str) -> str | None:
    """Date and time of meters that send them apart, as `YYMMDD hhmmss`."""
    parts = [re.search(rf"\n{re.escape(code)}\(([^()]+)\)", text) for code in (obis.CLOCK_DATE, obis.CLOCK_TIME)]
    return " ".join(part[1] for part in parts if part) if all(parts) else None
