"""What ails a HAN port, named from bursts, telegrams and time."""

import itertools
from dataclasses import replace

import pytest

from gateway.meters.han_diagnosis import Diagnosis, MeterHint, PortWatch
from gateway.wire.line import P1_LINE
from gateway.wire.p1 import P1Framer
from gateway.wire.telegram import Form, Telegram
from tests.wire.p1_telegrams import p1_telegram


def telegram(second: int = 0, **changed: str) -> Telegram:
    framer = P1Framer()
    (one,) = framer.feed(p1_telegram(clock=f"2611211{2 + second // 3600}{second // 60 % 60:02}{second % 60:02}W"))
    assert isinstance(one, Telegram)
    return replace(one, ident=changed.get("ident", one.ident))


class Port:
    """A watched port in virtual time; telegrams are of one size, and bursts have ends."""

    def __init__(self) -> None:
        self.watch = PortWatch()
        self.watch.opened(0.0)
        self.place = 0
        self.now_s = 0.0
        self._second = itertools.count()

    def good(self, wait_s: float = 1.0, one: Telegram | None = None, *, takes_s: float = 0.06) -> None:
        self.now_s += wait_s
        one = telegram(next(self._second)) if one is None else one
        begin = self.place
        self.place += one.size
        self.watch.came(one.size, self.now_s)
        self.watch.telegram(
            one,
            begin=begin,
            ends=self.place,
            begun_s=self.now_s - takes_s,
            now_s=self.now_s,
            octet_s=P1_LINE.octet_s,
        )

    def bad(self, diagnosis: Diagnosis, wait_s: float = 1.0) -> None:
        self.now_s += wait_s
        self.place += 500
        self.watch.came(500, self.now_s)
        self.watch.bad(diagnosis, self.place)

    def says(self, after_s: float = 0.0) -> Diagnosis:
        self.now_s += after_s
        return self.watch.finding(self.now_s).diagnosis


def test_a_port_is_listened_to_before_anything_is_said() -> None:
    port = Port()
    assert port.says(20.0) is Diagnosis.LISTENING
    assert port.says(1.0) is Diagnosis.NEVER_A_BYTE


def test_a_few_stray_octets_are_not_life() -> None:
    port = Port()
    port.watch.came(3, 1.0)
    assert port.says(10.0) is Diagnosis.LISTENING
    assert port.says(15.0) is Diagnosis.NEVER_A_BYTE


@pytest.mark.parametrize(("interval_s", "silent_s"), [(1.0, 5.0), (2.5, 6.0), (5.0, 12.0), (10.0, 24.0), (60.0, 24.0)])
def test_silence_is_named_by_the_interval_and_within_25_seconds(interval_s: float, silent_s: float) -> None:
    port = Port()
    for _ in range(4):
        port.good(interval_s)
    assert port.says(silent_s - 0.5) is Diagnosis.WELL
    assert port.says(0.6) is Diagnosis.WENT_SILENT
    assert port.watch.finding(port.now_s).since_s == pytest.approx(port.now_s - silent_s - 0.1)


def test_a_list_meter_that_skips_a_beat_is_not_silent() -> None:
    port = Port()
    for gap_s in (2.5, 2.5, 2.5, 5.0, 2.5, 2.5):
        port.good(gap_s)
        assert port.says() is Diagnosis.WELL
    assert port.says(8.0) is Diagnosis.WELL


def test_kamstrups_silence_comes_with_what_is_known_of_kamstrup() -> None:
    for ident, hint in (("KAM5", MeterHint.POWER_CYCLE), ("6841131BN245101092", MeterHint.POWER_CYCLE),
                        ("LGF5E360", MeterHint.DATA_REQUEST), ("ELL5", None)):  # fmt: skip
        port = Port()
        port.good(one=telegram(1, ident=ident))
        assert port.watch.finding(port.now_s).hint is None
        assert port.says(25.0) is Diagnosis.WENT_SILENT
        assert port.watch.finding(port.now_s).hint is hint


def test_one_bad_burst_is_nothing_and_two_in_a_row_are_named() -> None:
    port = Port()
    port.good()
    port.bad(Diagnosis.BAD_CRC)
    assert port.says() is Diagnosis.WELL
    port.good()
    port.bad(Diagnosis.BAD_CRC)
    port.bad(Diagnosis.BAD_CRC)
    assert port.says() is Diagnosis.BAD_CRC


def test_a_quarter_of_the_last_dozen_is_named_with_its_share() -> None:
    port = Port()
    for number in range(24):
        if number % 4 == 0:
            port.bad(Diagnosis.BAD_CRC)
        else:
            port.good()
    assert port.says() is Diagnosis.BAD_CRC
    assert port.watch.finding(port.now_s).share == pytest.approx(0.25)


def test_one_bad_in_ten_is_not_named() -> None:
    port = Port()
    for number in range(60):
        if number % 10 == 0:
            port.bad(Diagnosis.BAD_CRC)
        else:
            port.good()
        assert port.says() in (Diagnosis.WELL, Diagnosis.LISTENING)


def test_three_good_ones_end_a_trouble_that_let_nothing_through() -> None:
    port = Port()
    for _ in range(8):
        port.bad(Diagnosis.ONLY_NOISE)
    port.good()
    port.good()
    assert port.says() is Diagnosis.ONLY_NOISE
    port.good()
    assert port.says() is Diagnosis.WELL


def test_a_trouble_that_comes_and_goes_is_not_ended_by_three_good_ones() -> None:
    port = Port()
    for _ in range(4):
        port.bad(Diagnosis.BAD_CRC)
        port.good()
    for _ in range(4):
        port.good()
        assert port.says() is Diagnosis.BAD_CRC
    port.good()
    assert port.says() is Diagnosis.WELL


def test_a_telegram_forgives_the_bursts_that_were_its_first_parts() -> None:
    port = Port()
    port.good()
    one = telegram(7)
    for _ in range(3):
        port.watch.came(100, port.now_s)
        port.watch.bad(Diagnosis.CUT_SHORT, port.place + 100)
    port.good(one=one)
    assert port.says() is Diagnosis.WELL


def test_the_same_time_three_times_is_frozen() -> None:
    port = Port()
    one = telegram(5)
    port.good(10.0, one)
    port.good(10.0, one)
    assert port.says() is Diagnosis.WELL
    port.good(10.0, one)
    assert port.says() is Diagnosis.FROZEN
    assert port.watch.finding(port.now_s).since_s == pytest.approx(10.0)
    port.good(10.0, telegram(6))
    assert port.says() is Diagnosis.WELL


def test_a_meter_without_clock_is_frozen_at_the_sixth_telegram_alike() -> None:
    port = Port()
    one = replace(telegram(), clock=None)
    for number in range(1, 8):
        port.good(2.5, one)
        assert port.says() is (Diagnosis.WELL if number < 6 else Diagnosis.FROZEN)


def test_a_list_of_one_power_may_well_stay_alike() -> None:
    port = Port()
    one = replace(telegram(), clock=None, form=Form.HDLC, items={"1-0:1.7.0": telegram().items["1-0:1.7.0"]})
    for _ in range(12):
        port.good(2.5, one)
        assert port.says() is Diagnosis.WELL
    for _ in range(12):
        port.good(2.5, one)
        assert port.says() is not Diagnosis.FROZEN


def without_currents(form: Form = Form.P1) -> Telegram:
    one = telegram()
    return replace(one, form=form, items={code: item for code, item in one.items.items() if code == "1-0:1.7.0"})


@pytest.mark.parametrize("interval_s", [1.0, 10.0])
def test_p1_telegrams_without_currents_are_named_after_30_seconds_and_well_with_the_first_current(
    interval_s: float,
) -> None:
    port = Port()
    port.good(interval_s, without_currents())
    begun_s = port.now_s
    while port.now_s - begun_s < 29.0 - interval_s:
        port.good(interval_s, without_currents())
        assert port.says() is Diagnosis.WELL
    port.good(interval_s, without_currents())
    assert port.says(begun_s + 30.0 - port.now_s) is Diagnosis.WITHOUT_CURRENTS
    assert port.watch.finding(port.now_s).since_s == pytest.approx(begun_s - 0.06)
    port.bad(Diagnosis.BAD_CRC)
    port.good(interval_s, without_currents())
    assert port.says() is Diagnosis.WITHOUT_CURRENTS
    port.good(interval_s)
    assert port.says() is Diagnosis.WELL


def test_a_list_meter_that_tells_currents_less_often_is_never_called_without() -> None:
    for short_s, each in ((2.0, 5), (2.5, 4), (10.0, 5)):
        port = Port()
        for count in range(1, 200):
            port.good(short_s, None if count % each == 0 else without_currents(Form.HDLC))
            assert port.says() is Diagnosis.WELL


def test_a_list_of_power_alone_is_named_and_hour_lists_with_currents_end_it_for_good() -> None:
    port = Port()
    for _ in range(13):
        port.good(2.5, without_currents(Form.HDLC))
    assert port.says() is Diagnosis.WITHOUT_CURRENTS
    for _ in range(3):
        port.good(2.5)
        for _ in range(1440):
            port.good(2.5, without_currents(Form.HDLC))
            assert port.says() is Diagnosis.WELL


def test_currents_that_are_gone_for_two_hours_are_named() -> None:
    port = Port()
    port.good(10.0)
    told_s = port.now_s
    while port.now_s - told_s < 7200.0:
        assert port.says() is Diagnosis.WELL
        port.good(10.0, without_currents())
    assert port.says(0.5) is Diagnosis.WITHOUT_CURRENTS


def test_what_was_damaged_or_lost_may_have_told_currents() -> None:
    port = Port()
    for _ in range(3):
        for _ in range(8):
            port.good(2.5, without_currents(Form.HDLC))
        port.bad(Diagnosis.BAD_CRC, 2.5)
        for _ in range(8):
            port.good(2.5, without_currents(Form.HDLC))
        assert port.says() is Diagnosis.WELL
        port.watch.lost(port.now_s)
        port.watch.opened(port.now_s)
    port = Port()
    port.good(1.0, without_currents())
    port.good(20.0, without_currents())
    port.good(10.0, without_currents())
    assert port.says() is Diagnosis.WELL


def test_two_telegrams_that_take_long_are_a_dribble_and_one_that_takes_very_long_too() -> None:
    port = Port()
    port.good(5.0, takes_s=2.9)
    assert port.says() is Diagnosis.WELL
    port.good(5.0, takes_s=2.9)
    assert port.says() is Diagnosis.DRIBBLING
    port.good(5.0)
    assert port.says() is Diagnosis.WELL
    port.good(20.0, takes_s=12.0)
    assert port.says() is Diagnosis.DRIBBLING


def test_telegrams_in_pieces_with_short_pauses_are_no_dribble() -> None:
    port = Port()
    for _ in range(10):
        port.good(takes_s=0.8)
        assert port.says() is Diagnosis.WELL


def test_a_lost_line_goes_before_everything_and_ends_with_the_next_opening() -> None:
    port = Port()
    port.good()
    port.watch.lost(port.now_s)
    assert port.says(3.0) is Diagnosis.LINE_LOST
    port.watch.opened(port.now_s)
    assert port.says() is Diagnosis.WELL


def test_never_a_byte_counts_from_the_opening_that_held() -> None:
    port = Port()
    port.watch.lost(0.0)
    port.watch.opened(100.0)
    assert port.says(110.0) is Diagnosis.LISTENING
    assert port.says(12.0) is Diagnosis.NEVER_A_BYTE


def test_since_when_is_told_once_and_kept() -> None:
    port = Port()
    port.bad(Diagnosis.ONLY_NOISE)
    port.bad(Diagnosis.ONLY_NOISE)
    since_s = port.watch.finding(port.now_s).since_s
    for _ in range(5):
        port.bad(Diagnosis.ONLY_NOISE)
        assert port.watch.finding(port.now_s).since_s == since_s
