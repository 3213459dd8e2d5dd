"""A DLMS data notification (tag 0F) as a telegram: what Aidon, Kaifa, Kamstrup, Landis+Gyr and Sagemcom push.

    0F | invoke id (4) | date and time | body

Three forms of the date and time: `00` (none), `0C` + 12 octets, and `09 0C` + 12 of older Kamstrup and all Kaifa
(Kamstrup HAN-NVE interface description 3.1: "byte 09 is removed"). Bodies differ by maker, see `layouts`.
"""

from typing import Final

from gateway.wire.axdr import AxdrReader, NotAxdr, Value
from gateway.wire.ciphering import GENERAL_GLO_CIPHERING, MeterKeys, deciphered
from gateway.wire.layouts import Registers, registers_of
from gateway.wire.telegram import DiscardReason, Form, Telegram

DATA_NOTIFICATION: Final = 0x0F
_TIME_BYTES: Final = 12


def telegram_of(
    apdu: bytes, form: Form, keys: MeterKeys | None, kamstrup_energy_wh: int | None = None
) -> Telegram | DiscardReason:
    """The message as a telegram of that form (its size still to be set), or why it is none. Never raises."""
    try:
        if apdu[:1] == bytes((GENERAL_GLO_CIPHERING,)):
            inside = deciphered(apdu, keys)
            if isinstance(inside, DiscardReason):
                return inside
            if inside[:1] != bytes((DATA_NOTIFICATION,)):
                return DiscardReason.WRONG_KEY
            apdu = inside
        if apdu[:1] != bytes((DATA_NOTIFICATION,)):
            return DiscardReason.UNKNOWN_LAYOUT
        pushed_at, body = _notification(apdu)
    except NotAxdr:
        return DiscardReason.UNKNOWN_LAYOUT
    registers = registers_of(body, kamstrup_energy_wh)
    if registers is None or not (registers.items or registers.clock):
        return DiscardReason.UNKNOWN_LAYOUT
    return _telegram(form, pushed_at, registers)


def _notification(apdu: bytes) -> tuple[bytes | None, Value]:
    reader = AxdrReader(apdu, 5)
    length = reader.take(1)[0]
    if length == 0x09:
        length = reader.take(1)[0]
    if length not in (0, _TIME_BYTES):
        raise NotAxdr("date and time of another length")
    pushed_at = reader.take(length) or None
    body = reader.value()
    if not reader.at_end:
        raise NotAxdr("octets after the body")
    return pushed_at, body


def _telegram(form: Form, pushed_at: bytes | None, registers: Registers) -> Telegram:
    clock = pushed_at or registers.clock
    return Telegram(
        form=form,
        ident=registers.ident or registers.meter_id,
        meter_id=registers.meter_id,
        items=registers.items,
        clock=None if clock is None else cosem_time(clock),
        twice=registers.twice,
        size=0,
    )


def cosem_time(octets: bytes) -> str:
    """12 octets of COSEM date-time (IEC 62056-6-2, 4.1.6.1) as text, e.g. `2022-10-15 15:08:15 dev=-60 status=00`.

    dev is the deviation in minutes, UTC minus local time, n/a where the meter leaves it unset (8000).
    """
    year, month, day = int.from_bytes(octets[0:2], "big"), octets[2], octets[3]
    deviation = int.from_bytes(octets[9:11], "big", signed=True)
    minutes = "n/a" if deviation == -0x8000 else str(deviation)
    time = f"{octets[5]:02}:{octets[6]:02}:{octets[7]:02}"
    return f"{year:04}-{month:02}-{day:02} {time} dev={minutes} status={octets[11]:02x}"
