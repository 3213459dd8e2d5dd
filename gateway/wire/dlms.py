"""A DLMS data notification (tag 0F) as a telegram: what Aidon, Kaifa, Kamstrup, Landis+Gyr and Sagemcom push.

    0F | invoke id (4) | date and time | body

Three forms of the date and time: `00` (none), `0C` + 12 octets, and `09 0C` + 12 of older Kamstrup and all Kaifa
(Kamstrup HAN-NVE interface description 3.1: "byte 09 is removed"). Bodies differ by maker, see `layouts`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.wire.axdr import AxdrReader, NotAxdr, Value
from gateway.wire.ciphering import GENERAL_GLO_CIPHERING, MeterKeys, deciphered
from gateway.wire.layouts import Registers, registers_of
from gateway.wire.telegram import DiscardReason, Form, Telegram

DATA_NOTIFICATION: Final = 0x0F
_INVOKE_ID_END: Final = 5
_TIME_BYTES: Final = 12
_YEAR_UNSET: Final = b"\xff\xff"
_HOUR_UNSET: Final = 0xFF


OtherWalk = Callable[[bytes], Value]
"""Reads the whole body of a data notification, which follows its date and time. Raises NotAxdr if it cannot."""


@dataclass(frozen=True, slots=True)
class DlmsReader:
    """How messages are read. kamstrup_energy_wh: 1 or 10, None by the type number; other_walk: asked for messages that
    the own walk does not know."""

    keys: MeterKeys | None = None
    kamstrup_energy_wh: int | None = None
    other_walk: OtherWalk | None = None

    def telegram_of(self, apdu: bytes, form: Form) -> Telegram | DiscardReason:
        """The message as a telegram of that form (its size still to be set), or why it is none. Never raises."""
        try:
            opened = _opened(apdu, self.keys)
        except NotAxdr:
            return DiscardReason.UNKNOWN_LAYOUT
        if isinstance(opened, DiscardReason):
            return opened
        return (
            self._walked(opened, form, _own_walk)
            or (None if self.other_walk is None else self._walked(opened, form, self.other_walk))
            or DiscardReason.UNKNOWN_LAYOUT
        )

    def _walked(self, apdu: bytes, form: Form, walk: OtherWalk) -> Telegram | None:
        """None if that walk, or the list that it finds, is not known."""
        try:
            head = AxdrReader(apdu, _INVOKE_ID_END)
            pushed_at = _pushed_at(head)
            registers = registers_of(walk(head.rest()), self.kamstrup_energy_wh)
        except NotAxdr:
            return None
        if registers is None or not (registers.items or registers.clock):
            return None
        return _telegram(form, pushed_at, registers)


def _opened(apdu: bytes, keys: MeterKeys | None) -> bytes | DiscardReason:
    """The data notification, deciphered where it was ciphered."""
    if apdu[:1] == bytes((GENERAL_GLO_CIPHERING,)):
        inside = deciphered(apdu, keys)
        if not isinstance(inside, DiscardReason) and inside[:1] != bytes((DATA_NOTIFICATION,)):
            return DiscardReason.WRONG_KEY
        return inside
    return apdu if apdu[:1] == bytes((DATA_NOTIFICATION,)) else DiscardReason.UNKNOWN_LAYOUT


def _pushed_at(reader: AxdrReader) -> bytes | None:
    """The date and time of the notification, which ends where its body begins."""
    length = reader.take(1)[0]
    if length == 0x09:
        length = reader.take(1)[0]
    if length not in (0, _TIME_BYTES):
        raise NotAxdr("date and time of another length")
    return reader.take(length) or None


def _own_walk(body: bytes) -> Value:
    reader = AxdrReader(body)
    value = reader.value()
    if not reader.at_end:
        raise NotAxdr("octets after the body")
    return value


def _telegram(form: Form, pushed_at: bytes | None, registers: Registers) -> Telegram:
    clock = next((octets for octets in (pushed_at, registers.clock) if octets and not _is_unset(octets)), None)
    return Telegram(
        form=form,
        ident=registers.ident or registers.meter_id,
        meter_id=registers.meter_id,
        items=registers.items,
        clock=None if clock is None else cosem_time(clock),
        twice=registers.twice,
        size=0,
    )


def _is_unset(octets: bytes) -> bool:
    """Whether year and hour are left unspecified: such a time never moves, and tells nothing."""
    return octets[:2] == _YEAR_UNSET and octets[5] == _HOUR_UNSET


def cosem_time(octets: bytes) -> str:
    """12 octets of COSEM date-time (IEC 62056-6-2, 4.1.6.1) as text, e.g. `2022-10-15 15:08:15 dev=-60 status=00`.

    dev is the deviation in minutes, UTC minus local time, n/a where the meter leaves it unset (8000).
    """
    year, month, day = int.from_bytes(octets[0:2], "big"), octets[2], octets[3]
    deviation = int.from_bytes(octets[9:11], "big", signed=True)
    minutes = "n/a" if deviation == -0x8000 else str(deviation)
    time = f"{octets[5]:02}:{octets[6]:02}:{octets[7]:02}"
    return f"{year:04}-{month:02}-{day:02} {time} dev={minutes} status={octets[11]:02x}"
