"""Lists of every maker, bare or encrypted, and the laws of the walk: any cutting, any damage, any noise."""

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.ciphering import MeterKeys
from gateway.wire.forms import bare_message, framer_of
from gateway.wire.telegram import DiscardReason, Form, Telegram
from tests.wire.dlms_frames import (
    A_TIME,
    A_TIME_TEXT,
    AIDON,
    KAIFA_18,
    KAIFA_VALUES,
    array,
    block,
    ciphered,
    code_of,
    hdlc,
    i16,
    kamstrup,
    mbus,
    notification,
    octets_of,
    scaled,
    structure,
    u32,
)
from tests.wire.dlms_heard import FRAME, dropped, events_of, only_telegram, telegrams_of, value_of
from tests.wire.p1_telegrams import p1_telegram

EK = bytes(range(16))
AK = bytes(range(16, 32))
KEYS = MeterKeys(EK, AK)
KAIFA_VALUES_ONLY = structure(*KAIFA_VALUES)
UNSET = bytes.fromhex("ffffffffffffffffff8000ff")


def test_an_aidon_list_is_read_with_its_own_scalers_units_and_signs() -> None:
    telegram = only_telegram(FRAME)
    assert telegram.form is Form.HDLC
    assert telegram.clock == A_TIME_TEXT
    assert value_of(telegram, "1-0:1.7.0") == "2415 W"
    assert value_of(telegram, "1-0:31.7.0") == "-5.0 A"
    assert value_of(telegram, "1-0:32.7.0") == "230.1 V"
    assert value_of(telegram, "1-0:1.8.0") == "1234567 Wh"


def test_a_kaifa_list_is_read_by_position_in_milliamperes_and_decivolts() -> None:
    telegram = only_telegram(hdlc(notification(KAIFA_18, b"\x09\x0c" + A_TIME), control=0x10))
    assert telegram.clock == A_TIME_TEXT
    assert telegram.ident == "MA304H4"
    assert value_of(telegram, "1-0:31.7.0") == "5.012 A"
    assert value_of(telegram, "1-0:72.7.0") == "231.4 V"
    assert value_of(telegram, "1-0:2.8.0") == "89010 Wh"


@pytest.mark.parametrize("count", [1, 9, 13, 14, 18])
def test_every_length_of_a_kaifa_list_gives_its_power(count: int) -> None:
    texts, power = KAIFA_VALUES[:3], u32(2415)
    energies = [octets_of(A_TIME), *(u32(value) for value in (1, 2, 3, 4))]
    bodies = {
        1: [power],
        9: [*texts, *([power] * 6)],
        13: list(KAIFA_VALUES),
        14: [*texts, *([power] * 6), *energies],
        18: [*KAIFA_VALUES, *energies],
    }
    telegram = only_telegram(hdlc(notification(structure(*bodies[count]), b"\x0c" + A_TIME)))
    assert value_of(telegram, "1-0:1.7.0") == "2415 W"


@pytest.mark.parametrize(
    ("type_number", "energy"), [(b"6841131BN245101092", "1234567 Wh"), (b"6841131BN243101040", "12345670 Wh")]
)
def test_kamstrup_energy_is_counted_by_the_market_that_its_type_number_names(type_number: bytes, energy: str) -> None:
    telegram = only_telegram(hdlc(notification(kamstrup(type_number), b"\x0c" + A_TIME)))
    assert value_of(telegram, "1-0:1.8.0") == energy
    assert value_of(telegram, "1-0:31.7.0") == "5.12 A"
    assert value_of(telegram, "1-0:52.7.0") == "229 V"
    assert telegram.ident == type_number.decode()


@pytest.mark.parametrize(("energy_wh", "energy"), [(1, "1234567"), (10, "12345670")])
@pytest.mark.parametrize("type_number", [b"6841131BN243101040", b"6841131BN245101092"])
def test_a_person_who_knows_better_overrides_the_type_number(type_number: bytes, energy_wh: int, energy: str) -> None:
    framer = framer_of(Form.HDLC, kamstrup_energy_wh=energy_wh)
    (telegram,) = framer.feed(hdlc(notification(kamstrup(type_number), b"\x0c" + A_TIME)))
    assert isinstance(telegram, Telegram)
    number, unit = telegram.items["1-0:1.8.0"]
    assert (f"{number:f}", unit) == (energy, "Wh")
    assert telegram.items["1-0:31.7.0"] == (Decimal("5.12"), "A")


@pytest.mark.parametrize("ak", [None, AK])
def test_an_encrypted_message_opens_with_its_keys(ak: bytes | None) -> None:
    octets = hdlc(ciphered(notification(AIDON), EK, ak))
    assert value_of(only_telegram(octets, keys=KEYS), "1-0:1.7.0") == "2415 W"


@pytest.mark.parametrize("ak", [None, AK])
def test_an_encrypted_message_says_whether_its_key_is_missing_or_wrong(ak: bytes | None) -> None:
    octets = hdlc(ciphered(notification(AIDON), EK, ak))
    assert dropped(events_of(octets)) == [(len(octets), DiscardReason.NO_KEY)]
    assert dropped(events_of(octets, keys=MeterKeys(AK, AK))) == [(len(octets), DiscardReason.WRONG_KEY)]


def test_a_tag_is_checked_and_never_skipped() -> None:
    octets = hdlc(ciphered(notification(AIDON), EK, AK))
    assert dropped(events_of(octets, keys=MeterKeys(EK))) == [(len(octets), DiscardReason.NO_KEY)]
    assert dropped(events_of(octets, keys=MeterKeys(EK, EK))) == [(len(octets), DiscardReason.WRONG_KEY)]


def test_keys_never_show_themselves() -> None:
    assert EK.hex() not in repr(KEYS)
    assert "encryption" not in repr(KEYS)


def test_a_list_of_no_known_maker_is_refused_as_such() -> None:
    octets = hdlc(notification(structure(u32(1), u32(2), u32(3))))
    assert dropped(events_of(octets)) == [(len(octets), DiscardReason.UNKNOWN_LAYOUT)]


@pytest.mark.parametrize("body", [structure(), array(), structure(structure()), structure(array(structure()))])
def test_a_list_that_holds_nothing_is_no_known_list(body: bytes) -> None:
    octets = hdlc(notification(body))
    assert dropped(events_of(octets)) == [(len(octets), DiscardReason.UNKNOWN_LAYOUT)]


def test_a_number_where_the_time_should_stand_is_no_known_list() -> None:
    octets = hdlc(notification(structure(*KAIFA_VALUES, u32(0), *(u32(value) for value in (1234567, 89010, 4, 5)))))
    assert dropped(events_of(octets)) == [(len(octets), DiscardReason.UNKNOWN_LAYOUT)]


@pytest.mark.parametrize("lost", range(3, 18))
def test_a_value_that_a_kaifa_leaves_out_of_its_place_costs_no_other(lost: int) -> None:
    values = [*KAIFA_VALUES, octets_of(A_TIME), *(u32(value) for value in (1234567, 89010, 4, 5))]
    codes = list(only_telegram(hdlc(notification(structure(*values)))).items)
    values[lost] = b"\x00"
    left = list(only_telegram(hdlc(notification(structure(*values)))).items)
    assert len(codes) - len(left) == (lost != 13)


@pytest.mark.parametrize("time", [b"\x0c" + UNSET, b"\x09\x0c" + UNSET])
def test_a_time_that_is_left_unspecified_is_none(time: bytes) -> None:
    assert only_telegram(hdlc(notification(AIDON, time))).clock == A_TIME_TEXT
    assert only_telegram(hdlc(notification(KAIFA_VALUES_ONLY, time))).clock is None


@pytest.mark.parametrize(("first", "second"), [(-800, 10), (10, -800)])
def test_of_a_register_that_comes_twice_the_greatest_counts(first: int, second: int) -> None:
    items = [scaled(code_of(1, 0, 31, 7, 0), i16(value), -1, 33) for value in (first, second)]
    telegram = only_telegram(hdlc(notification(array(*items))))
    assert (telegram.twice, value_of(telegram, "1-0:31.7.0")) == (("1-0:31.7.0",), "-80.0 A")


def test_a_meter_number_as_long_as_a_time_is_a_number() -> None:
    body = (
        AIDON[:1] + bytes((AIDON[1] + 1,)) + structure(code_of(0, 0, 96, 1, 0), octets_of(b"735999123456")) + AIDON[2:]
    )
    telegram = only_telegram(hdlc(notification(body)))
    assert (telegram.meter_id, telegram.clock) == ("735999123456", A_TIME_TEXT)


def test_the_size_of_a_kamstrups_counts_is_overridden_in_bare_messages_too() -> None:
    message = notification(kamstrup(b"6841131BN245101092"))
    telegram = bare_message(message, kamstrup_energy_wh=10)
    assert isinstance(telegram, Telegram)
    assert value_of(telegram, "1-0:1.8.0") == "12345670 Wh"


def test_a_bare_message_is_read_only_when_it_is_whole() -> None:
    message = notification(AIDON)
    telegram = bare_message(message)
    assert isinstance(telegram, Telegram)
    assert telegram.items["1-0:31.7.0"] == (Decimal("-5.0"), "A")
    assert bare_message(message[:-1]) is DiscardReason.UNKNOWN_LAYOUT
    assert bare_message(message + b"\x00") is DiscardReason.UNKNOWN_LAYOUT


WHOLES = [
    FRAME,
    hdlc(notification(KAIFA_18, b"\x09\x0c" + A_TIME), control=0x10),
    hdlc(block(1, notification(AIDON)[:90], last=False)),
    hdlc(block(2, notification(AIDON)[90:], last=True)),
    hdlc(notification(AIDON)[:90], segmented=True),
    mbus(notification(AIDON)),
    mbus(notification(AIDON)[:90], last=False),
    mbus(notification(AIDON)[90:], segment=1),
    p1_telegram(),
    hdlc(ciphered(notification(AIDON), EK, AK)),
]
FRAGMENTS = st.one_of(
    st.sampled_from(WHOLES),
    st.builds(lambda whole, cut: whole[:cut], st.sampled_from(WHOLES), st.integers(0, 300)),
    st.sampled_from([b"\x7e", b"\x7e" * 9, b"\x7e\xa0\x07", b"\x68" * 5, b"\x68\x05\x05\x68\x53", b"/TST5X\r\n"]),
    st.binary(max_size=60),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(FRAGMENTS, max_size=8), st.booleans(), st.data())
def test_any_cutting_of_any_form_gives_the_same_events_and_every_byte_is_answered_for(
    fragments: list[bytes], with_keys: bool, data: st.DataObject
) -> None:
    octets = b"".join(fragments)
    keys = KEYS if with_keys else None
    whole = events_of(octets, keys=keys)
    answered = sum(event.size if isinstance(event, Telegram) else event.count for event in whole)
    assert answered == len(octets)
    cuts = tuple(data.draw(st.lists(st.integers(0, len(octets)), max_size=12)))
    assert events_of(octets, keys=keys, cuts=cuts) == whole


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WHOLES), st.data())
def test_no_damaged_message_makes_the_walk_raise(whole: bytes, data: st.DataObject) -> None:
    message = bytearray(notification(AIDON) if data.draw(st.booleans()) else notification(KAIFA_18))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(1, len(message) - 1))] = data.draw(st.integers(0, 255))
    octets = hdlc(bytes(message)) + whole
    events_of(octets, keys=KEYS)


@pytest.mark.parametrize("whole", [FRAME, mbus(notification(AIDON)), p1_telegram()], ids=["hdlc", "mbus", "p1"])
def test_noise_costs_no_intact_frame(whole: bytes) -> None:
    chance = random.Random(20261121)
    expected = events_of(whole)
    for _ in range(20):
        noise = [chance.randbytes(chance.randrange(10_000)) for _ in range(3)]
        events = events_of(noise[0] + whole + noise[1] + whole + noise[2])
        assert telegrams_of(events) == telegrams_of(expected) * 2
