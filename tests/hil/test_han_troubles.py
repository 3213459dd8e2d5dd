"""What goes wrong between meter and reader, in software."""

import asyncio
import itertools
import os
import termios
from datetime import datetime
from random import Random

import pytest

from hil.faults import KINDS
from hil.wires.lines import PtyLine
from hil.world.grid_forms import FORMS
from hil.world.grid_values import GridFlow
from hil.world.han_troubles import TROUBLES, Trouble, left_after, read_octets, sent_octets, timed
from hil.world.uart import Receiver, Setting

FLOW = GridFlow((230.0, 231.0, 229.0), (4.0, 2.0, 1.0), 1234.5)
AT = datetime(2026, 11, 21, 23, 0, 0)  # noqa: DTZ001 - a meter's own time has no zone
P1 = Setting()


def sent(kind: str | None, form: str = "p1", **values: object) -> bytes:
    trouble = None if kind is None else Trouble(kind, values)
    return sent_octets(FORMS[form], FLOW, AT, 0, trouble=trouble, chance=Random(1))


def read(kind: str, **values: object) -> bytes:
    trouble = Trouble(kind, values)
    characters = timed(sent(kind), 0.0, P1, trouble)
    return bytes(octet for _, octet in read_octets(characters, P1, Receiver(P1), trouble))


def test_every_trouble_is_a_fault_of_the_cabinet() -> None:
    assert TROUBLES <= KINDS


def test_without_trouble_nothing_changes() -> None:
    octets = sent(None)
    characters = timed(octets, 0.0, P1, None)
    assert bytes(octet for _, octet in read_octets(characters, P1, Receiver(P1), None)) == octets


def test_a_wrong_check_sum_is_the_only_difference() -> None:
    good, bad = sent(None), sent("p1_bad_crc")
    assert good[:-6] == bad[:-6]
    assert good != bad


def test_a_share_of_wrong_check_sums_is_a_share() -> None:
    chance = Random(4)
    trouble = Trouble("p1_bad_crc", {"share": 0.3})
    good = sent(None)
    made = [sent_octets(FORMS["p1"], FLOW, AT, 0, trouble=trouble, chance=chance) for _ in range(400)]
    assert 80 < sum(octets != good for octets in made) < 160


def test_check_sums_go_keys_are_missing_buffers_cut_and_bridges_rewrite() -> None:
    good = sent(None)
    assert sent("p1_without_crc").endswith(b"!\r\n")
    assert sent("p1_encrypted")[:2] == b"\x7e\xa1"
    assert sent("p1_cut") == good[: int(0.6 * len(good))]
    assert sent("p1_cut", size=100) == good[:100]
    assert sent("p1_text_mode") == good.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("kind", ["p1_inverted", "p1_pull_up", "p1_baud", "p1_parity"])
def test_a_line_that_is_read_wrongly_carries_no_telegram(kind: str) -> None:
    assert b"1-0:1.8.0" not in read(kind)


def test_a_dribble_takes_its_time_and_pieces_make_pauses() -> None:
    octets = sent(None)
    slow = read_octets(timed(octets, 0.0, P1, Trouble("p1_dribble", {})), P1, Receiver(P1), None)
    assert slow[-1][0] == pytest.approx(0.004 * (len(octets) - 1), rel=0.01)
    pieces = read_octets(timed(octets, 0.0, P1, Trouble("p1_pieces", {"pause_s": 0.2})), P1, Receiver(P1), None)
    times_s = [at_s for at_s, _ in pieces]
    assert sum(after - before > 0.19 for before, after in itertools.pairwise(times_s)) == 3


def test_what_is_left_after_a_moment_keeps_its_times() -> None:
    characters = timed(bytes(100), 1.0, P1, None)
    left = left_after(characters, P1, 1.0 + 50.5 * 10 / 115200)
    assert len(left) == 49
    assert left[0][0] == pytest.approx(1.0 + 51 * 10 / 115200)


def test_a_pty_knows_the_speed_that_its_reader_has_set() -> None:
    async def story() -> None:
        line = PtyLine(held=False)
        assert line.reader_baud is None
        reader = os.open(line.name, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        special = termios.tcgetattr(reader)
        special[4] = special[5] = termios.B2400
        termios.tcsetattr(reader, termios.TCSANOW, special)
        assert line.reader_baud == 2400
        os.close(reader)
        line.close()

    asyncio.run(story())
