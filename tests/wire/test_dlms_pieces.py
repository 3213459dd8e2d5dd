"""Messages in pieces: segments, blocks and frames that are joined, cut, lost or damaged on the wire."""

import pytest

from gateway.wire.forms import framer_of
from gateway.wire.telegram import DiscardReason, Form
from tests.wire.dlms_frames import (
    A_TIME,
    AIDON,
    KAIFA_VALUES,
    array,
    block,
    hdlc,
    mbus,
    notification,
    octets_of,
    structure,
    u32,
)
from tests.wire.dlms_heard import FRAME, MESSAGE, dropped, events_of, only_telegram, telegrams_of, value_of
from tests.wire.p1_telegrams import p1_telegram


def test_frames_may_share_one_flag() -> None:
    events = events_of(FRAME + FRAME[1:] + FRAME)
    assert len(telegrams_of(events)) == 3
    assert dropped(events) == []


def test_a_frame_is_told_with_its_closing_flag_and_not_later() -> None:
    framer = framer_of(Form.HDLC)
    assert framer.feed(FRAME[:-1]) == []
    assert len(framer.feed(FRAME[-1:])) == 1


def test_a_frame_whose_closing_flag_is_another_byte_is_dropped() -> None:
    events = events_of(FRAME[:-1] + b"\x00" + FRAME)
    assert len(telegrams_of(events)) == 1
    assert dropped(events) == [(len(FRAME), DiscardReason.BAD_CRC)]


def test_a_wrong_checksum_is_dropped_and_the_frame_inside_its_announced_length_is_found() -> None:
    events = events_of(FRAME[:60] + FRAME)
    assert len(telegrams_of(events)) == 1
    assert dropped(events) == [(60, DiscardReason.BAD_CRC)]


def test_a_bridge_in_text_mode_is_named() -> None:
    message = hdlc(notification(structure(*KAIFA_VALUES[:3], *([u32(0x0A)] * 6), octets_of(A_TIME), *[u32(10)] * 4)))
    mangled = message.replace(b"\n", b"\r\n")
    assert dropped(events_of(mangled))[0][1] is DiscardReason.TEXT_MODE


@pytest.mark.parametrize("whole", [FRAME, mbus(MESSAGE)], ids=["hdlc", "mbus"])
@pytest.mark.parametrize("opening", [b"/ABC5", b"/ABC5x\r\n", b"/ABC5x\r\n1-0:1.7.0(1*kW)\r\n", b"/ABC5x\r\n\r\n!"])
def test_a_header_of_text_in_noise_does_not_hold_back_frames(opening: bytes, whole: bytes) -> None:
    assert len(telegrams_of(framer_of(None).feed(opening + whole * 3))) >= 2


def test_segments_are_joined_into_one_message() -> None:
    message = notification(AIDON)
    octets = hdlc(message[:90], segmented=True) + hdlc(message[90:], llc=False)
    assert value_of(only_telegram(octets), "1-0:1.7.0") == "2415 W"


def test_blocks_of_a_general_block_transfer_are_joined() -> None:
    message = notification(AIDON)
    octets = (
        hdlc(block(1, message[:90], last=False))
        + hdlc(block(2, message[90:150], last=False), llc=False)
        + hdlc(block(3, message[150:], last=True), llc=False)
    )
    assert value_of(only_telegram(octets), "1-0:1.7.0") == "2415 W"


def test_a_lost_block_costs_its_message_and_no_other() -> None:
    message = notification(AIDON)
    first, last = hdlc(block(1, message[:90], last=False)), hdlc(block(3, message[150:], last=True))
    events = events_of(first + last + FRAME)
    assert len(telegrams_of(events)) == 1
    assert dropped(events) == [(len(first), DiscardReason.TRUNCATED), (len(last), DiscardReason.TRUNCATED)]


OTHER = notification(AIDON.replace(u32(2415), u32(2816)))
"""2415 W is 00 00 09 6F, 2816 W is 00 00 0B 00: cut before the last byte, halves of both make 2304 W."""
CUT = MESSAGE.index(u32(2415)) + 4
PIECES = {
    "hdlc segments": [(hdlc(m[:CUT], segmented=True), hdlc(m[CUT:], llc=False)) for m in (MESSAGE, OTHER)],
    "hdlc blocks": [
        (hdlc(block(1, m[:CUT], last=False)), hdlc(block(2, m[CUT:], last=True))) for m in (MESSAGE, OTHER)
    ],
    "m-bus": [(mbus(m[:CUT], last=False), mbus(m[CUT:], segment=1)) for m in (MESSAGE, OTHER)],
}


@pytest.mark.parametrize("form", PIECES)
def test_a_lost_end_costs_its_message_and_not_the_next(form: str) -> None:
    (begin, _), (next_begin, next_end) = PIECES[form]
    for whole in (next_begin + next_end, mbus(OTHER) if form == "m-bus" else hdlc(OTHER)):
        events = events_of(begin + whole)
        assert [value_of(telegram, "1-0:1.7.0") for telegram in telegrams_of(events)] == ["2816 W"]
        assert dropped(events) == [(len(begin), DiscardReason.TRUNCATED)]


@pytest.mark.parametrize("form", PIECES)
def test_the_begin_of_one_message_is_never_joined_to_the_end_of_another(form: str) -> None:
    (begin, end), (next_begin, next_end) = PIECES[form]
    damaged, next_damaged = (piece[:-4] + bytes((piece[-4] ^ 1,)) + piece[-3:] for piece in (end, next_begin))
    assert not telegrams_of(events_of(begin + damaged + next_damaged + next_end))


@pytest.mark.parametrize("addresses", ["000001 000000 01", "00000001 000001", "0001 00000001", "00000001 00000001"])
def test_addresses_that_are_longer_than_their_frame_do_not_stop_the_port(addresses: str) -> None:
    head = b"\x7e\xa0\x09" + bytes.fromhex(addresses)
    framer = framer_of(None)
    assert not telegrams_of(framer.feed(head + b"\x00" * 5))
    assert len(telegrams_of(framer.feed(FRAME + p1_telegram()))) == 2


def test_segments_of_wired_m_bus_are_joined() -> None:
    message = notification(AIDON)
    telegram = only_telegram(mbus(message[:100], last=False) + mbus(message[100:], segment=1))
    assert telegram.form is Form.MBUS
    assert value_of(telegram, "1-0:1.7.0") == "2415 W"


def test_a_lost_m_bus_segment_costs_its_message_and_no_other() -> None:
    message = notification(AIDON)
    first, third = mbus(message[:50], last=False), mbus(message[100:], segment=2)
    events = events_of(first + third + mbus(message))
    assert len(telegrams_of(events)) == 1
    assert dropped(events) == [(len(first), DiscardReason.TRUNCATED), (len(third), DiscardReason.TRUNCATED)]


def test_an_m_bus_length_of_256_and_more_is_read_as_austrian_meters_write_it() -> None:
    message = notification(AIDON)
    padded = notification(array(*[structure(octets_of(b"x" * 60), u32(1))] * 2)) + message
    frame = mbus((padded * 2)[: 257 - 5], last=False)
    assert frame[:4] == b"\x68\x01\x01\x68"
    assert dropped(events_of(frame)) == [(len(frame), DiscardReason.TRUNCATED)]
    assert len(frame) == 263


def test_a_wrong_sum_of_an_m_bus_frame_is_dropped() -> None:
    frame = mbus(notification(AIDON))
    bad = frame[:50] + bytes((frame[50] ^ 1,)) + frame[51:]
    assert dropped(events_of(bad)) == [(len(frame), DiscardReason.BAD_CRC)]
