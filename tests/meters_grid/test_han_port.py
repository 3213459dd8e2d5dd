"""A HAN port from octets to a diagnosis, in virtual time, with the line's bits between meter and reader."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from gateway.clock import Instant, UtcTrust
from gateway.meters.han_diagnosis import Diagnosis
from gateway.meters.han_port import HanPlan, HanPort
from gateway.wire.ciphering import MeterKeys
from gateway.wire.line import LineSettings
from gateway.wire.telegram import Discarded, Form, Telegram
from hil.bench.han_course import Course, Told, run_course
from hil.world.dlms_frames import AUTHENTICATION_KEY, ENCRYPTION_KEY
from hil.world.han_troubles import Trouble
from hil.world.uart import Faulty, Receiver, Setting
from tests.wire.p1_telegrams import p1_telegram

WELL = {Diagnosis.LISTENING, Diagnosis.WELL}


def course(form: str, interval_s: float, seconds: float = 120.0, **words: object) -> Told:
    return run_course(Course(form, interval_s, seconds, **words))  # type: ignore[arg-type]  # words of Course


@pytest.mark.parametrize(
    ("form", "interval_s", "line", "found", "within_s"),
    [
        ("p1", 1.0, "115200 8N1", Form.P1, 2.0),
        ("p1", 10.0, "115200 8N1", Form.P1, 11.0),
        ("aidon-se", 10.0, "115200 8N1", Form.HDLC, 11.0),
        ("aidon-no", 2.5, "2400 8E1", Form.HDLC, 9.0),
        ("kaifa-18", 10.0, "2400 8E1", Form.HDLC, 22.0),
        ("mbus", 10.0, "2400 8E1", Form.MBUS, 22.0),
    ],
)
def test_form_speed_and_parity_are_found(form: str, interval_s: float, line: str, found: Form, within_s: float) -> None:
    told = course(form, interval_s, 60.0, first_s=0.6)
    assert told.last is not None
    assert str(told.last.line) == line
    assert told.last.form is found
    assert told.settled_s is not None
    assert told.settled_s <= within_s
    assert {said for _, said in told.changes} <= WELL


def test_a_parity_that_does_harm_is_left_for_the_other() -> None:
    told = course("kamstrup-se", 10.0, 60.0, first_s=0.6, receiver=Receiver(resyncs=False))
    assert told.last is not None
    assert told.last.line == LineSettings(2400, "N")
    assert told.settled_s is not None
    assert told.settled_s <= 32.0


@pytest.mark.parametrize("interval_s", [1.0, 2.5, 5.0, 10.0])
def test_a_good_stream_is_never_called_ill(interval_s: float) -> None:
    for form in ("p1", "aidon-se", "aidon-no"):
        if form == "aidon-no" and interval_s < 2.0:
            continue
        assert {said for _, said in course(form, interval_s, 150.0).changes} <= WELL


@pytest.mark.parametrize(("form", "interval_s"), [("aidon-no-1", 2.5), ("kaifa-1", 2.0)])
def test_a_meter_that_sends_the_list_of_power_alone_is_named(form: str, interval_s: float) -> None:
    told = course(form, interval_s)
    named_s = told.named_s(Diagnosis.WITHOUT_CURRENTS)
    assert named_s is not None
    assert 29.0 <= named_s - told.telegrams_s[0] <= 31.0
    assert told.said(0.0, named_s) <= WELL


def test_telegrams_in_pieces_are_never_called_ill() -> None:
    told = course("p1-landisgyr", 2.5, 120.0, trouble=Trouble("p1_pieces", {"pause_s": 0.35}))
    assert {said for _, said in told.changes} <= WELL
    assert len(told.telegrams_s) >= 47


@pytest.mark.parametrize(
    ("trouble", "diagnosis"),
    [
        (Trouble("p1_silence", {}), Diagnosis.WENT_SILENT),
        (Trouble("p1_frozen", {}), Diagnosis.FROZEN),
        (Trouble("p1_bad_crc", {}), Diagnosis.BAD_CRC),
        (Trouble("p1_cut", {}), Diagnosis.CUT_SHORT),
        (Trouble("p1_text_mode", {}), Diagnosis.TEXT_MODE),
        (Trouble("p1_inverted", {}), Diagnosis.ONLY_NOISE),
        (Trouble("p1_pull_up", {}), Diagnosis.ONLY_NOISE),
        (Trouble("p1_dribble", {"octet_s": 0.05}), Diagnosis.DRIBBLING),
        (Trouble("p1_dribble", {"octet_s": 0.7}), Diagnosis.DRIBBLING),
        (Trouble("p1_encrypted", {}), Diagnosis.NO_KEY),
        (Trouble("p1_without_crc", {}), Diagnosis.WITHOUT_CRC),
    ],
)
def test_each_trouble_gets_its_own_name_within_30_seconds_of_a_meter_that_sends_each_10_s(
    trouble: Trouble, diagnosis: Diagnosis
) -> None:
    told = course("p1", 10.0, 100.0, trouble=trouble, begins_s=45.0)
    assert told.said(0.0, 45.0) <= WELL
    named_s = told.named_s(diagnosis, 45.0)
    assert named_s is not None
    assert named_s - 45.0 <= 30.0
    assert told.said(45.0, named_s) <= WELL


@pytest.mark.parametrize(
    ("trouble", "diagnosis"),
    [
        (Trouble("p1_bad_crc", {}), Diagnosis.BAD_CRC),
        (Trouble("p1_cut", {}), Diagnosis.CUT_SHORT),
        (Trouble("p1_dribble", {"octet_s": 0.05}), Diagnosis.DRIBBLING),
        (Trouble("p1_encrypted", {}), Diagnosis.NO_KEY),
        (Trouble("p1_inverted", {}), Diagnosis.ONLY_NOISE),
    ],
)
@pytest.mark.parametrize("seed", [1, 20261123])
def test_a_slow_meter_in_trouble_from_the_start_is_named_within_30_seconds_though_its_line_is_yet_unknown(
    trouble: Trouble, diagnosis: Diagnosis, seed: int
) -> None:
    told = course("kamstrup-se", 10.0, trouble=trouble, first_s=9.8, seed=seed)
    named_s = told.named_s(diagnosis, 0.0)
    assert named_s is not None
    assert named_s - 9.8 <= 30.0
    assert told.said(0.0, named_s) <= {*WELL, diagnosis}


@pytest.mark.parametrize(
    ("bridge", "diagnosis"),
    [
        (Receiver(Setting(2400)), Diagnosis.WRONG_SPEED),
        (Receiver(Setting(1200)), Diagnosis.WRONG_SPEED),
        (Receiver(Setting(parity="E"), resyncs=False), Diagnosis.ALMOST_FRAMES),
        (Receiver(Setting(data_bits=7, parity="E"), faulty=Faulty.DROPPED), Diagnosis.ALMOST_FRAMES),
        (Receiver(Setting(data_bits=7, parity="E"), faulty=Faulty.ZEROED), Diagnosis.ALMOST_FRAMES),
    ],
)
def test_a_bridge_that_is_set_wrongly_is_named(bridge: Receiver, diagnosis: Diagnosis) -> None:
    told = course("p1", 10.0, 60.0, bridge=bridge, first_s=5.0)
    named_s = told.named_s(diagnosis)
    assert named_s is not None
    assert named_s <= 30.0
    assert told.last is not None
    assert told.last.line is None


def test_a_meter_that_is_exchanged_for_another_form_is_found_again() -> None:
    port = HanPort(HanPlan(), bridged=False)
    port.opened(0.0)
    for second in range(5):
        port.feed(p1_telegram(clock=f"26112112000{second}W"), 1.0 + second)
        assert port.look(1.5 + second).settled
    for second in range(10, 40, 10):
        port.feed(bytes(300), float(second))
        sight = port.look(second + 1.0)
    assert not sight.settled
    assert port.settings == LineSettings(2400, "E")


def test_after_five_silent_minutes_the_first_strange_burst_moves_on() -> None:
    port = HanPort(HanPlan(), bridged=False)
    port.opened(0.0)
    port.feed(p1_telegram(), 1.0)
    assert port.look(299.0).settled
    assert not port.look(302.0).settled
    port.feed(bytes(300), 303.0)
    port.look(304.0)
    assert port.settings == LineSettings(2400, "E")


def test_a_burst_joined_midway_is_no_witness() -> None:
    port = HanPort(HanPlan(), bridged=False)
    port.opened(0.0)
    port.feed(bytes(300), 0.1)
    port.look(2.0)
    assert port.settings == LineSettings(115200, "N")


def test_any_cutting_gives_the_same_events_and_every_octet_is_answered_for() -> None:
    chance = random.Random(5)
    stream = b"".join(
        (chance.randbytes(chance.randrange(90)), p1_telegram(clock=f"2611211200{number:02}W"))
        [number % 3 == 0] for number in range(20)
    )  # fmt: skip
    seen = []
    for _ in range(5):
        cuts = sorted(chance.sample(range(1, len(stream)), 40))
        port = HanPort(HanPlan(), bridged=True)
        port.opened(0.0)
        events = []
        for number, (begin, end) in enumerate(itertools.pairwise((0, *cuts, len(stream)))):
            events += port.feed(stream[begin:end], number * 0.01)
        left, sight = port.conclude(5.0)
        events += left
        assert sum(event.count if isinstance(event, Discarded) else event.size for event in events) == len(stream)
        assert sight.octets == len(stream)
        assert sight.dropped == sum(event.count for event in events if isinstance(event, Discarded))
        seen.append(events)
    assert all(events == seen[0] for events in seen)


def test_endless_noise_is_bounded_and_never_raises() -> None:
    chance = random.Random(9)
    port = HanPort(HanPlan(), bridged=True)
    port.opened(0.0)
    for number in range(3000):
        port.feed(chance.randbytes(62), number * 0.02)
        sight = port.look(number * 0.02)
    assert sight.finding.diagnosis is Diagnosis.ONLY_NOISE


def test_keys_open_an_encrypted_meter_and_wrong_ones_are_named() -> None:
    right = MeterKeys(ENCRYPTION_KEY, AUTHENTICATION_KEY)
    wrong = MeterKeys(bytes(16), bytes(16))
    opened = course("kamstrup-dk-encrypted", 10.0, 60.0, plan=HanPlan(keys=right), first_s=5.0)
    assert opened.telegrams_s
    closed = course("kamstrup-dk-encrypted", 10.0, 60.0, plan=HanPlan(keys=wrong), first_s=5.0)
    assert closed.named_s(Diagnosis.WRONG_KEY) is not None
    assert not closed.telegrams_s


def test_telegrams_without_checksum_are_taken_where_a_person_allows_them() -> None:
    told = course("p1", 1.0, 20.0, plan=HanPlan(allow_without_crc=True), trouble=Trouble("p1_without_crc", {}))
    assert {said for _, said in told.changes} <= WELL
    assert told.telegrams_s


def test_the_meters_clock_is_watched() -> None:
    right, wrong = course("p1", 1.0, 20.0).last, course("p1", 1.0, 20.0, clock_wrong_s=95.0).last
    assert right is not None
    assert right.clock is not None
    assert not right.clock.warns
    assert wrong is not None
    assert wrong.clock is not None
    assert wrong.clock.warns
    assert wrong.clock.difference_s == pytest.approx(95.0, abs=2.0)


def test_the_interval_is_learned_from_what_comes() -> None:
    for interval_s in (1.0, 2.5, 5.0, 10.0):
        sight = course("p1", interval_s, 70.0).last
        assert sight is not None
        assert sight.interval_s == pytest.approx(interval_s, abs=0.1)


def test_a_file_of_one_bad_burst_is_judged_by_that_burst() -> None:
    port = HanPort(HanPlan(), bridged=True)
    port.opened(0.0)
    port.feed(p1_telegram(digits="0000"), 1.0)
    _, sight = port.conclude(1.1)
    assert sight.finding.diagnosis is Diagnosis.BAD_CRC
    whole = HanPort(HanPlan(), bridged=True)
    whole.opened(0.0)
    events = whole.feed(p1_telegram(), 1.0)
    assert isinstance(events[0], Telegram)
    whole.told("261121221000W", Instant(1.0, datetime(2026, 11, 21, tzinfo=UTC) + timedelta(hours=1), UtcTrust.UNKNOWN))
    _, sight = whole.conclude(1.1)
    assert sight.finding.diagnosis is Diagnosis.WELL
    assert sight.clock is None
