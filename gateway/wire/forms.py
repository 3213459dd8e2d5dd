"""Framers of every form, and one that finds the form by itself from the first bytes of each telegram.

A form's grammar is loaded when it is asked for: a port that is pinned to P1 holds nothing of DLMS in memory.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.errors import IllegalEvent
from gateway.wire.ciphering import MeterKeys
from gateway.wire.p1 import P1Grammar
from gateway.wire.scan import Framer, Grammar
from gateway.wire.telegram import DiscardReason, Form, Telegram

if TYPE_CHECKING:
    from gateway.wire.dlms import OtherWalk


def framer_of(
    form: Form | None,
    *,
    allow_without_crc: bool = False,
    keys: MeterKeys | None = None,
    kamstrup_energy_wh: int | None = None,
    other_walk: "OtherWalk | None" = None,
) -> Framer:
    """A framer of that form on the wire; None finds P1, HDLC and M-Bus by themselves.

    kamstrup_energy_wh: what one count of a Kamstrup list's energies is (1 or 10 Wh); None goes by the type number.
    other_walk: a second reader for DLMS messages that the own one does not know.
    """
    if form is Form.APDU:
        raise IllegalEvent("bare DLMS messages have no frame to find on a line")
    grammars: dict[int, Grammar] = {}
    if form in (None, Form.P1):
        grammars[ord("/")] = P1Grammar(allow_without_crc=allow_without_crc)
    if form is Form.P1:
        return Framer(grammars)
    from gateway.wire.dlms import DlmsReader

    reader = DlmsReader(keys, kamstrup_energy_wh, other_walk)
    if form in (None, Form.HDLC):
        from gateway.wire.hdlc import FLAG, HdlcGrammar

        grammars[FLAG] = HdlcGrammar(reader)
    if form in (None, Form.MBUS):
        from gateway.wire.mbus import MbusGrammar

        grammars[0x68] = MbusGrammar(reader)
    return Framer(grammars)


BARE_MESSAGE_OPENINGS: Final = (b"\x0f", b"\xdb")
"""What a message without frame begins with: data notification, general-glo-ciphering."""


def bare_message(
    octets: bytes,
    keys: MeterKeys | None = None,
    kamstrup_energy_wh: int | None = None,
    other_walk: "OtherWalk | None" = None,
) -> Telegram | DiscardReason:
    """A DLMS message without any frame, as other readers log it. It has no checksum: for files, never for a line."""
    from gateway.wire.dlms import DlmsReader

    telegram = DlmsReader(keys, kamstrup_energy_wh, other_walk).telegram_of(octets, Form.APDU)
    if isinstance(telegram, DiscardReason):
        return telegram
    return replace(telegram, size=len(octets))
