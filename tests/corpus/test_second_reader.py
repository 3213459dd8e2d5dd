"""Which reader decodes the DLMS messages of real captures: the own walk, gurux-dlms, neither; values held equal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.devices.dlms_oracle import DlmsOracle
from gateway.wire.axdr import AxdrReader, NotAxdr, Value
from gateway.wire.ciphering import GENERAL_GLO_CIPHERING, deciphered
from gateway.wire.dlms import DlmsReader
from gateway.wire.forms import BARE_MESSAGE_OPENINGS
from gateway.wire.hdlc import FLAG, HdlcGrammar
from gateway.wire.mbus import MbusGrammar
from gateway.wire.scan import Framer
from gateway.wire.telegram import DiscardReason, Form, Telegram
from tests.corpus.test_captures import DAMAGED, INDEX, Row, index, keys_of, named, octets_of

pytestmark = pytest.mark.skipif(not INDEX.exists(), reason="no captures (set LADDVAKT_CAPTURES)")


def dlms_captures() -> list[Row]:
    return [row for row in index() if row["format"] != "P1"]


Heard = tuple[bytes, Telegram | DiscardReason]


@dataclass(frozen=True)
class Listener(DlmsReader):
    """Remembers every message that came out of its frame whole, and what the own walk made of it."""

    heard: list[Heard] = field(default_factory=list)

    def telegram_of(self, apdu: bytes, form: Form) -> Telegram | DiscardReason:
        found = super().telegram_of(apdu, form)
        self.heard.append((apdu, found))
        return found


def messages_of(row: Row) -> list[Heard]:
    octets, listener = octets_of(row), Listener(keys_of(row))
    if octets.startswith(BARE_MESSAGE_OPENINGS):
        listener.telegram_of(octets, Form.APDU)
        return listener.heard
    framer = Framer({FLAG: HdlcGrammar(listener), 0x68: MbusGrammar(listener)})
    framer.feed(octets)
    framer.finish()
    return listener.heard


def body_of(message: bytes, row: Row) -> bytes | None:
    """The body of a message, deciphered where a key is known; None where not."""
    plain = deciphered(message, keys_of(row)) if message[0] == GENERAL_GLO_CIPHERING else message
    if isinstance(plain, DiscardReason):
        return None
    time_at = 6 if plain[5] == 0x09 else 5
    return plain[time_at + 1 + plain[time_at] :]


def values_of(walk: Callable[[bytes], Value], body: bytes | None) -> Value:
    try:
        return None if body is None else walk(body)
    except NotAxdr:
        return None


def unpadded(value: Value) -> Value:
    """Without the NULs at the end of texts, which the library takes away."""
    if isinstance(value, list):
        return [unpadded(each) for each in value]
    return value.rstrip(b"\x00") if isinstance(value, bytes) else value


def raw_gurux(row: Row) -> int:
    """Messages that gurux-dlms finds by itself in the raw bytes, frames and all."""
    pytest.importorskip("gurux_dlms")
    from gurux_dlms import GXByteBuffer, GXReplyData
    from gurux_dlms.enums import Authentication, InterfaceType
    from gurux_dlms.secure.GXDLMSSecureClient import GXDLMSSecureClient

    kind = InterfaceType.WIRED_MBUS if row["format"].startswith("M-Bus") else InterfaceType.HDLC
    if row["format"] == "raw APDU":
        kind = InterfaceType.PDU
    client: Any = GXDLMSSecureClient(True, 16, 1, Authentication.NONE, None, kind)
    keys = keys_of(row)
    if keys is not None:
        client.ciphering.blockCipherKey = bytearray(keys.encryption)
        if keys.authentication is not None:
            client.ciphering.authenticationKey = bytearray(keys.authentication)
    octets = GXByteBuffer(bytearray(octets_of(row)))
    reply, notified, found = GXReplyData(), GXReplyData(), 0
    for _ in range(100):
        begin = octets.position
        try:
            client.getData(octets, reply, notified)
        except Exception:  # noqa: BLE001 - the library raises bare Exception for frames that it does not know
            break
        if notified.complete and not notified.isMoreData():
            found += notified.value is not None
            notified.clear()
        if octets.position in (begin, octets.size):
            break
    return found


@pytest.mark.parametrize("row", named(dlms_captures()))
def test_both_readers_find_the_same_values_in_every_message_of_a_capture(row: Row, reader_table: list[str]) -> None:
    oracle = DlmsOracle()
    messages = messages_of(row)
    ours = theirs = neither = 0
    for message, found in messages:
        body = body_of(message, row)
        own, other = values_of(lambda octets: AxdrReader(octets).value(), body), values_of(oracle, body)
        assert unpadded(own) == unpadded(other)
        ours += isinstance(found, Telegram)
        theirs += other is not None
        neither += not isinstance(found, Telegram) and other is None
    reader_table.append(f"{row['file']:<48} {len(messages):>8} {ours:>5} {theirs:>6} {neither:>8} {raw_gurux(row):>11}")
    assert ours == theirs
    assert ours or row["file"] in DAMAGED
