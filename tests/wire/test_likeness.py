"""Bursts that are no telegrams say what is wrong with the line."""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway.wire.likeness import SETTINGS_RIGHT, Likeness, is_surely_slower, likeness_of
from gateway.wire.line import LineSettings
from hil.world.uart import Faulty, Receiver, Setting, burst, received
from tests.wire.dlms_frames import A_TIME, AIDON, KAIFA_18, ciphered, hdlc, kamstrup, mbus, notification, structure, u32
from tests.wire.p1_telegrams import p1_telegram

P1 = p1_telegram()
BURSTS = {
    "p1": P1,
    "aidon": hdlc(notification(AIDON)),
    "kamstrup": hdlc(notification(kamstrup(b"6841131BN245101092"), b"\x0c" + A_TIME)),
    "kaifa": hdlc(notification(KAIFA_18), control=0x10),
}
EVEN = Setting(parity="E")
SEVEN = Setting(data_bits=7, parity="E")
every_meter = pytest.mark.parametrize("octets", BURSTS.values(), ids=BURSTS.keys())


def likeness(octets: bytes, *, slow_line: bool = False, allow_without_crc: bool = False) -> Likeness:
    return likeness_of(octets, slow_line=slow_line, keys=None, allow_without_crc=allow_without_crc)


def misread(octets: bytes, sent: Setting, receiver: Receiver) -> bytes:
    return bytes(octet for _, octet in received(burst(octets), sent, receiver))


@every_meter
def test_a_whole_burst_is_a_telegram(octets: bytes) -> None:
    assert likeness(octets) is Likeness.TELEGRAM


@every_meter
@pytest.mark.parametrize("baud", [2400, 115200])
def test_without_an_inverter_there_is_only_noise(octets: bytes, baud: int) -> None:
    read = misread(octets, Setting(baud, inverted=True), Receiver(Setting(baud)))
    assert likeness(read, slow_line=baud < 115200) is Likeness.NOISE


@every_meter
@pytest.mark.parametrize("bits", [0.5, 0.7, 0.9])
def test_a_pull_up_that_is_too_weak_leaves_noise(octets: bytes, bits: float) -> None:
    assert likeness(misread(octets, Setting(), Receiver(slow_s=bits / 115200))) is Likeness.NOISE


@every_meter
@pytest.mark.parametrize("resyncs", [True, False])
@pytest.mark.parametrize("seven_or_even", [EVEN, SEVEN])
def test_a_wrong_parity_is_told_from_noise_unless_it_does_no_harm(
    octets: bytes, resyncs: bool, seven_or_even: Setting
) -> None:
    for sent, read in ((Setting(), seven_or_even), (seven_or_even, Setting())):
        told = likeness(misread(octets, sent, Receiver(read, resyncs=resyncs)))
        assert told in (Likeness.PARITY, Likeness.TELEGRAM)


@every_meter
def test_the_uart_that_waits_for_mark_reads_no_telegram_where_it_expects_a_parity_bit(octets: bytes) -> None:
    read = misread(octets, Setting(), Receiver(EVEN, resyncs=False))
    assert 0.6 < len(read) / len(octets) < 0.8
    assert likeness(read) is Likeness.PARITY


@every_meter
@pytest.mark.parametrize("faulty", [Faulty.DROPPED, Faulty.ZEROED])
def test_a_bridge_that_drops_or_blanks_octets_of_wrong_parity_is_told(octets: bytes, faulty: Faulty) -> None:
    assert likeness(misread(octets, EVEN, Receiver(resyncs=False, faulty=faulty))) is Likeness.PARITY
    assert likeness(misread(octets, Setting(), Receiver(SEVEN, faulty=faulty))) is Likeness.PARITY


@every_meter
@pytest.mark.parametrize(("sent", "read"), [(2400, 115200), (9600, 115200), (2400, 9600)])
def test_a_line_slower_than_the_reader_is_told(octets: bytes, sent: int, read: int) -> None:
    got = misread(octets, Setting(sent), Receiver(Setting(read)))
    assert likeness(got, slow_line=read < 115200) is Likeness.SLOWER


@every_meter
@pytest.mark.parametrize("read", [2400, 9600])
def test_a_line_faster_than_the_reader_is_told(octets: bytes, read: int) -> None:
    got = misread(octets, Setting(), Receiver(Setting(read)))
    assert likeness(got, slow_line=True) is Likeness.FASTER


@every_meter
def test_one_wrong_bit_is_a_bad_checksum_wherever_it_is(octets: bytes) -> None:
    for at in (60, len(octets) // 2, len(octets) - 30):
        assert likeness(octets[:at] + bytes([octets[at] ^ 4]) + octets[at + 1 :]) is Likeness.BAD_CRC


def test_a_text_whose_begin_or_end_is_missing_is_cut() -> None:
    assert {likeness(part) for part in (P1[:100], P1[:300], P1[30:], P1[200:])} == {Likeness.CUT}


def test_a_list_whose_begin_or_end_is_missing_is_cut() -> None:
    frame = BURSTS["aidon"]
    assert {likeness(part) for part in (frame[:60], frame[:200], frame[30:], frame[100:])} == {Likeness.CUT}


def test_a_bridge_that_lengthens_line_ends_is_told_and_one_that_shortens_those_of_text_does_no_harm() -> None:
    assert likeness(P1.replace(b"\n", b"\r\n")) is Likeness.TEXT_MODE
    assert likeness(P1.replace(b"\r\n", b"\n")) is Likeness.TELEGRAM
    for frame in (BURSTS["aidon"], BURSTS["kamstrup"], BURSTS["kaifa"]):
        assert likeness(frame.replace(b"\n", b"\r\n")) is Likeness.TEXT_MODE


def test_whole_frames_say_by_themselves_why_they_are_not_taken() -> None:
    message = notification(AIDON)
    assert likeness(hdlc(ciphered(message, bytes(16), bytes(16)))) is Likeness.NO_KEY
    assert likeness(mbus(ciphered(message, bytes(16), None))) is Likeness.NO_KEY
    assert likeness(p1_telegram(digits="")) is Likeness.WITHOUT_CRC
    assert likeness(p1_telegram(digits=""), allow_without_crc=True) is Likeness.TELEGRAM
    assert likeness(hdlc(notification(structure(u32(1), u32(2), u32(3))))) is Likeness.UNKNOWN_LIST


def test_evenly_spread_noise_is_noise() -> None:
    chance = random.Random(3)
    told = Counter(likeness(chance.randbytes(chance.randrange(60, 800))) for _ in range(200))
    assert told[Likeness.NOISE] >= 190
    assert set(told) <= {Likeness.NOISE, Likeness.PARITY}
    assert likeness(bytes(chance.choice(b"\xff\xf8\xfe\xc3\xe3") for _ in range(300))) is Likeness.NOISE


def test_a_burst_of_mbus_frames_is_a_bad_checksum_only_if_it_is_as_long_as_it_says() -> None:
    message = notification(AIDON)
    frames = mbus(message[:100], last=False) + mbus(message[100:], segment=1)
    assert likeness(frames) is Likeness.TELEGRAM
    assert likeness(frames[:60] + b"\xaa" + frames[61:]) is Likeness.BAD_CRC
    read = misread(frames, EVEN, Receiver())
    assert likeness(read) is Likeness.PARITY


def test_a_slower_line_is_told_from_any_part_of_its_burst() -> None:
    read = misread(P1, Setting(2400), Receiver())
    assert is_surely_slower(read[100:164])
    assert not is_surely_slower(read[100:160])
    assert not any(is_surely_slower(octets[begin:]) for octets in BURSTS.values() for begin in range(100))


def test_a_few_octets_tell_nothing() -> None:
    assert likeness(b"") is Likeness.STRAY
    assert likeness(b"\x00") is Likeness.STRAY
    assert Likeness.STRAY not in SETTINGS_RIGHT


def test_line_settings_are_written_as_people_write_them() -> None:
    assert str(LineSettings(2400, "E")) == "2400 8E1"
    assert LineSettings(2400, "E").octet_s == pytest.approx(11 / 2400)
    assert LineSettings().octet_s == pytest.approx(10 / 115200)


@pytest.mark.parametrize(
    ("form", "absent"),
    [("None", ("cryptography", "gurux")), ("Form.P1", ("cryptography", "gurux", "gateway.wire.dlms"))],
)
def test_what_a_port_does_not_need_is_not_loaded(form: str, absent: tuple[str, ...]) -> None:
    story = (
        "import sys; from gateway.wire.forms import framer_of; from gateway.wire.telegram import Form;"
        f"framer_of({form}).feed(open(sys.argv[1], 'rb').read());"
        f"sys.exit(any(name.startswith({absent!r}) for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", story, __file__], check=True, cwd=Path(__file__).parents[2])
