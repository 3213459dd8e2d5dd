import itertools
import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.p1 import TELEGRAM_BYTES_MAX, P1Framer
from gateway.wire.stretch import STRETCH_BYTES_MAX
from gateway.wire.telegram import EXCERPT_BYTES, Discarded, DiscardReason, Event, Telegram
from tests.wire.p1_telegrams import SWEDISH, p1_telegram

WHOLE = p1_telegram()


def events_of(octets: bytes, *, allow_without_crc: bool = False, cuts: tuple[int, ...] = ()) -> list[Event]:
    framer = P1Framer(allow_without_crc=allow_without_crc)
    edges = [0, *sorted(cuts), len(octets)]
    events: list[Event] = []
    for begin, end in itertools.pairwise(edges):
        events += framer.feed(octets[begin:end])
    return events + framer.finish()


def telegrams_of(events: list[Event]) -> list[Telegram]:
    return [event for event in events if isinstance(event, Telegram)]


def dropped(events: list[Event]) -> list[tuple[int, DiscardReason]]:
    return [(event.count, event.reason) for event in events if isinstance(event, Discarded)]


def bytes_answered_for(events: list[Event]) -> int:
    return sum(event.size if isinstance(event, Telegram) else event.count for event in events)


def only_telegram(octets: bytes, *, allow_without_crc: bool = False) -> Telegram:
    (telegram,) = events_of(octets, allow_without_crc=allow_without_crc)
    assert isinstance(telegram, Telegram)
    assert telegram.size == len(octets)
    return telegram


def test_a_whole_telegram_gives_every_register_with_the_wires_decimals_and_units() -> None:
    telegram = only_telegram(WHOLE)
    assert telegram.ident == "TST5GRIDMETER"
    assert telegram.clock == "261121221000W"
    assert {code: f"{number}*{unit}" for code, (number, unit) in telegram.items.items()} == {
        code: str(Decimal(value.split("*")[0])) + "*" + value.split("*")[1] for code, value in SWEDISH.items()
    }


def test_a_telegram_is_given_by_the_feed_that_brings_its_last_byte() -> None:
    framer = P1Framer()
    assert framer.feed(WHOLE[:-1]) == []
    assert len(framer.feed(WHOLE[-1:])) == 1


def test_line_feeds_alone_end_lines_too() -> None:
    assert only_telegram(p1_telegram(line_end="\n")).items == only_telegram(WHOLE).items


def test_line_ends_that_a_bridge_shortened_keep_the_checksum_of_those_that_the_meter_sent() -> None:
    shortened = WHOLE.replace(b"\r\n", b"\n")
    assert only_telegram(shortened).items == only_telegram(WHOLE).items
    assert not [event for event in events_of(shortened.replace(b"002.5", b"002.4")) if isinstance(event, Telegram)]


def test_line_ends_that_a_bridge_in_text_mode_doubled_are_named_and_the_telegram_is_not_taken() -> None:
    in_text_mode = WHOLE.replace(b"\n", b"\r\n")
    for cut in range(len(in_text_mode)):
        events = events_of(in_text_mode + WHOLE, cuts=(cut,))
        assert dropped(events) == [(len(in_text_mode), DiscardReason.TEXT_MODE)]
        assert len(telegrams_of(events)) == 1


def test_a_damaged_telegram_in_text_mode_is_one_with_a_wrong_checksum() -> None:
    in_text_mode = WHOLE.replace(b"\n", b"\r\n").replace(b"1.7.0(", b"1.7.0(9")
    assert dropped(events_of(in_text_mode)) == [(len(in_text_mode), DiscardReason.BAD_CRC)]


@pytest.mark.parametrize("blank", [b" ", b"\t"])
def test_a_blank_behind_the_checksum_costs_no_telegram(blank: bytes) -> None:
    assert only_telegram(WHOLE[:-2] + blank + WHOLE[-2:]).clock == "261121221000W"


def test_an_empty_clock_line_is_no_clock() -> None:
    assert only_telegram(p1_telegram(clock=None, extra_lines=["0-0:1.0.0()"])).clock is None


def test_the_end_mark_may_stand_on_the_last_data_line() -> None:
    assert len(only_telegram(p1_telegram(end="!")).items) == len(SWEDISH)


@pytest.mark.parametrize("ident", ["KAM5", "ELL5\\253833635_A", "ADN9 6534", "NES5:83335-3E", "NWA-WARMTELINK"])
def test_every_makers_ident_is_a_header(ident: str) -> None:
    assert only_telegram(p1_telegram(ident=ident)).ident == ident


def test_a_checksum_may_be_lower_case_and_without_leading_zeros() -> None:
    for counter in range(10_000):
        octets = p1_telegram({"1-0:1.8.0": f"{counter:012.3f}*kWh"})
        if octets[-6:-5] == b"0":
            break
    digits = octets[-6:-2].lstrip(b"0").lower()
    assert len(digits) < 4
    assert only_telegram(octets[:-6] + digits + b"\r\n").size == len(octets) - 4 + len(digits)


def test_a_wrong_checksum_is_dropped_whole_and_the_next_telegram_is_read() -> None:
    bad = WHOLE.replace(b"002.415", b"002.416")
    events = events_of(bad + WHOLE)
    assert dropped(events) == [(len(bad), DiscardReason.BAD_CRC)]
    assert len(telegrams_of(events)) == 1


def test_a_telegram_without_checksum_is_taken_only_if_allowed() -> None:
    octets = p1_telegram(digits="")
    assert dropped(events_of(octets)) == [(len(octets), DiscardReason.WITHOUT_CRC)]
    assert only_telegram(octets, allow_without_crc=True).clock == "261121221000W"


def test_allowing_no_checksum_does_not_allow_a_wrong_one() -> None:
    octets = p1_telegram(digits="0000")
    assert dropped(events_of(octets, allow_without_crc=True)) == [(len(octets), DiscardReason.BAD_CRC)]


@pytest.mark.parametrize("digits", [None, ""])
def test_a_telegram_that_lost_its_end_costs_only_itself(digits: str | None) -> None:
    lost = WHOLE[:300]
    events = events_of(lost + p1_telegram(digits=digits), allow_without_crc=True)
    assert dropped(events) == [(300, DiscardReason.TRUNCATED)]
    assert len(telegrams_of(events)) == 1


def test_a_stream_that_ends_in_the_middle_says_so() -> None:
    assert dropped(events_of(WHOLE[:200])) == [(200, DiscardReason.TRUNCATED)]


def test_a_file_without_its_last_line_end_still_gives_its_telegram() -> None:
    (telegram,) = events_of(WHOLE.rstrip())
    assert isinstance(telegram, Telegram)
    assert telegram.size == len(WHOLE) - 2


def test_a_header_without_end_is_given_up_at_the_greatest_length() -> None:
    framer = P1Framer()
    events = framer.feed(b"/TST5X\r\n" + b"(1)\r\n" * 4000)
    assert dropped(events)[0] == (TELEGRAM_BYTES_MAX, DiscardReason.OVERLONG)
    events += framer.feed(WHOLE)
    assert len(telegrams_of(events)) == 1


@pytest.mark.parametrize("overlap", range(1, 9))
def test_a_telegram_that_begins_at_the_edge_of_an_overlong_one_is_not_lost(overlap: int) -> None:
    endless = b"/TST5X\r\n".ljust(TELEGRAM_BYTES_MAX - overlap, b".")
    events = events_of(endless + WHOLE)
    assert telegrams_of(events) == [only_telegram(WHOLE)]
    assert dropped(events) == [(len(endless), DiscardReason.OVERLONG)]


def test_a_telegram_above_the_greatest_length_is_dropped_however_it_comes() -> None:
    long = bytes(100) + p1_telegram(extra_lines=["0-0:96.13.0(" + "30" * 4100 + ")"])
    assert telegrams_of(events_of(long)) == []
    assert events_of(long, cuts=tuple(range(0, len(long), 7))) == events_of(long)


def test_endless_noise_is_reported_in_stretches_and_not_held() -> None:
    framer = P1Framer()
    events = framer.feed(b"\xff" * (3 * STRETCH_BYTES_MAX + 10))
    assert dropped(events) == [(STRETCH_BYTES_MAX, DiscardReason.NOISE)] * 3
    assert all(len(event.excerpt) <= EXCERPT_BYTES for event in events if isinstance(event, Discarded))
    assert dropped(framer.finish()) == [(10, DiscardReason.NOISE)]


def test_a_register_on_two_lines_is_named() -> None:
    telegram = only_telegram(p1_telegram(extra_lines=["1-0:1.7.0(0009.000*kW)"]))
    assert telegram.twice == ("1-0:1.7.0",)


@pytest.mark.parametrize(("first", "second"), [("080.0", "001.0"), ("001.0", "080.0"), ("-080.0", "001.0")])
def test_of_a_register_on_two_lines_the_greatest_counts_so_that_no_overload_hides(first: str, second: str) -> None:
    octets = p1_telegram({"1-0:31.7.0": f"{first}*A"}, extra_lines=[f"1-0:31.7.0({second}*A)"])
    assert abs(only_telegram(octets).items["1-0:31.7.0"][0]) == 80


def test_a_number_too_long_for_any_register_is_none() -> None:
    assert "1-0:31.7.0" not in only_telegram(p1_telegram({"1-0:31.7.0": "9" * 400 + "*A"})).items


def test_abstract_codes_may_repeat_as_kaifa_and_sagemcom_send_them() -> None:
    assert only_telegram(p1_telegram(extra_lines=["0-0:17.0.0(00000)"] * 3)).twice == ()


def test_history_and_gas_lines_are_no_registers() -> None:
    lines = ["1-0:99.97.0(2)(0-0:96.7.19)(170326130938W)(0000005627*s)", "0-1:24.2.1(170102161005W)(00000.107*m3)"]
    assert set(only_telegram(p1_telegram(extra_lines=lines)).items) == set(SWEDISH)


def test_date_and_time_on_two_lines_are_one_clock() -> None:
    telegram = only_telegram(p1_telegram(clock=None, extra_lines=["1-0:0.9.1(222553)", "1-0:0.9.2(251002)"]))
    assert telegram.clock == "251002 222553"


def test_a_telegram_without_any_clock_has_none() -> None:
    assert only_telegram(p1_telegram(clock=None)).clock is None


FRAGMENTS = st.one_of(
    st.sampled_from(
        [
            WHOLE,
            WHOLE[:100],
            WHOLE[100:],
            p1_telegram(digits=""),
            p1_telegram(digits="12"),
            p1_telegram(line_end="\n"),
            b"/",
            b"/TST",
            b"/TST5X\r\n",
            b")!",
            b")!12\r\n",
            b"!\r\n",
            b"(" * 900,
            b"/TST5X\r\n" * 60,
            bytes(2000),
        ]
    ),
    st.binary(max_size=200),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FRAGMENTS, max_size=10), st.booleans(), st.data())
def test_any_cutting_gives_the_same_events_and_every_byte_is_answered_for(
    fragments: list[bytes], allow_without_crc: bool, data: st.DataObject
) -> None:
    octets = b"".join(fragments)
    whole = events_of(octets, allow_without_crc=allow_without_crc)
    assert bytes_answered_for(whole) == len(octets)
    cuts = tuple(data.draw(st.lists(st.integers(0, len(octets)), max_size=12)))
    assert events_of(octets, allow_without_crc=allow_without_crc, cuts=cuts) == whole


def test_byte_by_byte_gives_the_same_events_as_whole() -> None:
    octets = WHOLE[:80] + WHOLE + b"/no" + bytes(1500) + p1_telegram(digits="") + b"/TST5\r\n" + WHOLE + WHOLE[:90]
    assert events_of(octets, cuts=tuple(range(len(octets)))) == events_of(octets)


def test_noise_around_telegrams_costs_none_of_them() -> None:
    chance = random.Random(20261121)
    for _ in range(30):
        noise = [chance.randbytes(chance.randrange(10_000)) for _ in range(3)]
        events = events_of(noise[0] + WHOLE + noise[1] + WHOLE + noise[2])
        assert telegrams_of(events) == [only_telegram(WHOLE)] * 2


def test_one_wrong_digit_anywhere_is_never_a_telegram() -> None:
    for position in range(len(WHOLE) - 6):
        changed = WHOLE[:position] + bytes([WHOLE[position] ^ 1]) + WHOLE[position + 1 :]
        assert telegrams_of(events_of(changed)) == []
