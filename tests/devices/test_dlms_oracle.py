"""The second DLMS reader: an oracle for the own walk, and a fallback for what it does not know."""

import logging
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from gateway.devices.dlms_oracle import DlmsOracle
from gateway.wire.axdr import AxdrReader, NotAxdr
from gateway.wire.dlms import DlmsReader
from gateway.wire.forms import bare_message, framer_of
from gateway.wire.telegram import Discarded, DiscardReason, Form, Telegram
from hil.world import dlms_lists as lists
from hil.world.dlms_frames import hdlc, mbus_segments
from hil.world.grid_values import GridFlow, Steps, shown

AT = datetime(2026, 11, 21, 22, 10, 5)  # noqa: DTZ001 - a meter's own clock has no zone
BCD = b"\x0d\x42"
UNKNOWN_TO_US = lists.notification(
    lists.structure(lists.code(1, 0, 1, 7, 0), lists.u32(2415), lists.code(1, 0, 99, 7, 0), BCD), lists.plain_time(AT)
)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def oracle() -> DlmsOracle:
    pytest.importorskip("gurux_dlms")
    return DlmsOracle()


def bodies(seed: int) -> list[bytes]:
    """One body of every maker, from a random state."""
    chance = Random(seed)
    flow = GridFlow(
        (chance.uniform(200, 250),) * 3, (chance.uniform(-20, 60),) * 3, chance.uniform(0, 9e4), 12.0, (0.9, 0.8, 0.7)
    )
    tenths, hundredths, thousandths = (shown(flow, Steps(amperes=step)) for step in ("0.1", "0.01", "0.001"))
    return [
        lists.aidon_se(tenths, AT),
        *(lists.aidon_no(tenths, AT, number) for number in (1, 2)),
        *(lists.kaifa(thousandths, AT, items) for items in (1, 9, 13, 14, 18)),
        lists.kaifa_se(thousandths, AT),
        *(lists.kamstrup(hundredths, AT, items, "6841131BN245101092", "1") for items in (25, 35)),
        lists.e450(hundredths),
        lists.e450_objects(hundredths),
        lists.ma309(hundredths, AT),
    ]


def test_both_readers_find_the_same_values_in_every_makers_list(oracle: DlmsOracle) -> None:
    for seed in range(10):
        for body in bodies(seed):
            assert oracle(body) == AxdrReader(body).value()


def test_a_body_that_ends_early_or_goes_on_is_known_to_neither(oracle: DlmsOracle) -> None:
    for body in bodies(3):
        for wrong in (body[:-1], body[:-2], body[: len(body) // 2], body + b"\x00"):
            with pytest.raises(NotAxdr):
                oracle(wrong)


@pytest.mark.parametrize("wire", ["hdlc", "mbus", "apdu"])
def test_a_message_that_the_own_walk_does_not_know_is_read_by_the_other(wire: str, oracle: DlmsOracle) -> None:
    if wire == "apdu":
        assert bare_message(UNKNOWN_TO_US) is DiscardReason.UNKNOWN_LAYOUT
        telegram = bare_message(UNKNOWN_TO_US, other_walk=oracle)
    else:
        octets = hdlc(UNKNOWN_TO_US) if wire == "hdlc" else mbus_segments(UNKNOWN_TO_US, 200)
        (event,) = framer_of(None).feed(octets)
        assert isinstance(event, Discarded)
        assert event.reason is DiscardReason.UNKNOWN_LAYOUT
        (found,) = framer_of(None, other_walk=oracle).feed(octets)
        assert isinstance(found, Telegram)
        telegram = found
    assert isinstance(telegram, Telegram)
    assert telegram.items["1-0:1.7.0"][0] == 2415
    assert telegram.clock == "2026-11-21 22:10:05 dev=n/a status=00"


def test_what_neither_knows_stays_unknown(oracle: DlmsOracle) -> None:
    reader = DlmsReader(other_walk=oracle)
    chance = Random(7)
    messages = [b"\x0f\x00\x00\x00\x00\x00" + chance.randbytes(chance.randrange(80)) for _ in range(300)]
    for message in (*messages, b"\x0f", b"", UNKNOWN_TO_US[:-1]):
        assert reader.telegram_of(message, Form.HDLC) is DiscardReason.UNKNOWN_LAYOUT


def test_a_message_that_the_own_walk_knows_never_asks_the_other() -> None:
    def never(_: bytes) -> None:
        raise AssertionError("asked")

    message = lists.notification(bodies(1)[0])
    assert isinstance(DlmsReader(other_walk=never).telegram_of(message, Form.HDLC), Telegram)


def test_without_the_extra_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in ("gurux_dlms", "gurux_dlms.internal._GXCommon"):
        monkeypatch.setitem(sys.modules, module, None)
    oracle = DlmsOracle()
    with caplog.at_level(logging.WARNING, logger="laddvakt"):
        for _ in range(3):
            with pytest.raises(NotAxdr):
                oracle(bodies(1)[0])
    (sentence,) = caplog.messages
    assert "pip install 'laddvakt[dlms]'" in sentence


MEMORY = """
import sys
from gateway.devices.dlms_oracle import DlmsOracle
from gateway.wire.forms import framer_of
from hil.world.grid_forms import SINGLE
from hil.world.grid_values import GridFlow
from datetime import datetime
framer = framer_of(None, other_walk=DlmsOracle() if sys.argv[1] == "with" else None)
for name in ("p1", "aidon-se", "kaifa-18", "kamstrup-se-35"):
    flow = GridFlow((230.0,) * 3, (5.0,) * 3, 1.0, 1.0)
    assert len(framer.feed(SINGLE[name].octets(flow, datetime(2026, 1, 1), 1))) == 1
print(sorted(name for name in sys.modules if name.startswith("gurux")))
print(open("/proc/self/status").read().split("VmRSS:")[1].split()[0])
"""


def memory_kb(oracle: str) -> int:
    told = subprocess.run(
        [sys.executable, "-c", MEMORY, oracle], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert told[0] == "[]", "the library is loaded though nobody asked"
    return int(told[1])


def test_p1_and_known_lists_load_nothing_of_the_library_and_cost_no_memory() -> None:
    with_kb, without_kb = memory_kb("with"), memory_kb("without")
    print(f"resident memory with the oracle at hand {with_kb / 1024:.1f} MB, without {without_kb / 1024:.1f} MB")
    assert with_kb - without_kb < 2048
